"""The examples run, and do what the README says of them."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import selfdistill as sd
from selfdistill import cli, testing
from small_run import WORDS

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = [
    *("--config", "digits", "--epochs", "2", "--warmup-epochs", "0", "--threads", "1"),
    *("--precision", "fp32", "--data.train-per-class", "6", "--data.validation-per-class", "3"),
]


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_own_loop():
    assert load("own_loop").main() > 0.5


def test_a_task_of_timm_trains_the_method_and_saves_the_plain_network():
    example = load("timm_task")
    assert example.main(25) > 0.4
    backbone = sd.create_backbone("small", num_classes=10)
    task = example.SelfDistillation(sd.SKDSAM(backbone))
    assert task.get_eval_model() is backbone.network
    assert task.get_eval_model(ema=True) is None
    task.setup_ema()
    for average in (False, True):
        (saved,) = task.get_checkpoint_state(ema=average).values()
        assert saved.keys() == backbone.network.state_dict().keys()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "library"),
    [("lightning_module", "pytorch_lightning"), ("hugging_face_trainer", "transformers")],
)
def test_adapters_to_libraries_that_may_be_installed(name, library, tmp_path, monkeypatch):
    pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    assert load(name).main(epochs=6) > 0.4


@pytest.mark.parametrize("name", ["timm_task", "lightning_module", "hugging_face_trainer"])
def test_adapters_are_short(name):
    text = (EXAMPLES / f"{name}.py").read_text()
    (adapter,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    lines = ast.get_source_segment(text, adapter).splitlines()
    assert len([line for line in lines if line and '"""' not in line]) <= 15


def test_own_method_keeps_the_contract():
    testing.check_method(load("own_method").ConfidencePenalty)


def test_the_command_line_takes_own_method_and_own_network(tmp_path, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    words = ["train", *SMALL, "--method", "own_method.ConfidencePenalty"]
    words += ["--method.entropy-weight", "0.2", "--out", str(tmp_path)]
    words += ["--backbone", "own_backbone.make_net", "--backbone.stages", "0,1,2"]
    assert cli.main(words) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["name"] == "ConfidencePenalty"
    assert summary["recipe"]["method"]["init_args"] == {"entropy_weight": 0.2}
    assert cli.main(["evaluate", str(tmp_path), "--threads", "1"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--method own_file.Mine", "own_file.Mine: there is no file own_file.py in the current"),
        ("--backbone own_net.make", "there is no network 'own_net.make'"),
        ("--backbone.stages layer1", "small knows its stages: leave --backbone.stages out"),
    ],
)
def test_mistakes(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", *SMALL, *words.split(), "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.startswith(f"selfdistill: {message}")


def test_an_own_network_needs_its_stages(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLES)
    words = ["train", *SMALL, "--backbone", "own_backbone.make_net", "--out", str(tmp_path)]
    assert cli.main(words) == 2
    assert "say which submodules are its stages" in capsys.readouterr().err


@pytest.mark.slow
def test_the_slurm_script_queues_a_stopped_run_again(tmp_path):
    """With stand-ins: srun stops the run after its first epoch, and a finished one says so."""
    tools = {
        "srun": '"$@" & pid=$!\n'
        "until grep -q epoch run/log.jsonl; do sleep 0.05; done 2>/dev/null\n"
        "kill -USR1 $pid 2>/dev/null\nwait $pid",
        "scontrol": 'echo "$@" >> calls',
        "selfdistill": f'exec {sys.executable} -m selfdistill "$@"',
    }
    for name, text in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    job = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    job["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    words = ["bash", str(EXAMPLES / "slurm.sh"), *WORDS, "--epochs", "30", "--out", "run"]

    def submit() -> int:
        return subprocess.run(words, cwd=tmp_path, env=os.environ | job, check=False).returncode

    assert submit() == 138
    assert (tmp_path / "calls").read_text() == "requeue 7\n"
    assert (tmp_path / "run/checkpoints").is_dir()
    (tmp_path / "selfdistill").write_text("#!/bin/sh\nexit 0\n")
    assert submit() == 0
    assert (tmp_path / "calls").read_text() == "requeue 7\n"
