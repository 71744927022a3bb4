"""`precision: auto` trains in the faster format, and a run keeps the one that it began with."""

import itertools
import json

import pytest
import torch
import yaml
from safetensors.torch import load_file

from selfdistill.config import parse
from selfdistill.evaluation import hardware
from selfdistill.methods import CrossEntropy
from selfdistill.testing import TinyBackbone
from selfdistill.training import engine, identities, number_format, train
from small_run import WORDS

AUTO = [
    *(*WORDS, "--precision", "auto", "--method", "CrossEntropy"),
    *("--epochs", "1", "--warmup-epochs", "0"),
]
BF16, FP32 = ("bf16", "bf16 wins"), ("fp32", "fp32 wins")


@pytest.fixture
def timed(monkeypatch):
    """Sets how long the steps of each format take, one after the other."""

    def set_times(**times):
        now = [0.0]
        durations = {name: itertools.cycle(values) for name, values in times.items()}

        def step(method, batch, name):
            now[0] += next(durations[name])

        monkeypatch.setattr(number_format, "clock", lambda: now[0])
        monkeypatch.setattr(number_format, "_step", step)

    return set_times


@pytest.fixture
def decided(monkeypatch):
    """Sets what a measurement says, on a processor that computes in both formats."""
    monkeypatch.setattr(hardware, "processor_flags", lambda: frozenset({"amx_bf16"}))

    def decide(answer):
        def answering(settings, splits, device):
            if answer is None:
                pytest.fail("measured again")
            return answer

        monkeypatch.setattr(number_format, "measured", answering)

    return decide


def format_of(run):
    return yaml.safe_load((run / "recipe.yaml").read_text())["precision"]


@pytest.mark.parametrize(
    ("fp32", "bf16", "expected"),
    [
        ([0.2], [0.1], "bf16"),
        ([0.1], [0.2], "fp32"),
        ([0.105], [0.1], "fp32"),
        ([0.12], [0.1], "bf16"),
        ([0.2], [0.9, 0.1], "bf16"),
        ([0.9, 0.1], [0.2], "fp32"),
        ([30.0], [10.0], "bf16"),
    ],
)
def test_the_fastest_step_of_each_decides(timed, batch, fp32, bf16, expected):
    timed(fp32=fp32, bf16=bf16)
    images, labels = batch
    chosen, reason = number_format.faster(Still(), number_format.Batch(images, labels, labels))
    assert chosen == expected
    assert f"6 images take {1000 * min(fp32):.3g} ms in fp32" in reason
    assert f"{1000 * min(bf16):.3g} ms in bf16" in reason


class Still(CrossEntropy):
    def __init__(self):
        super().__init__(TinyBackbone())


def test_a_measurement_ends(timed, batch, monkeypatch):
    steps = []
    timed(fp32=[5.0], bf16=[5.0])
    step = number_format._step
    monkeypatch.setattr(number_format, "_step", lambda *what: (steps.append(what[-1]), step(*what)))
    number_format.faster(Still(), number_format.Batch(*batch, batch[1]))
    assert steps == ["fp32", "bf16"] * 2


def test_what_is_measured_is_said_and_kept(decided, tmp_path, capsys):
    decided(BF16)
    train(parse([*AUTO, "--out", str(tmp_path)]))
    assert f"{tmp_path}: cpu, bf16 (bf16 wins)" in capsys.readouterr().out
    assert format_of(tmp_path) == "bf16"
    assert json.loads((tmp_path / "summary.json").read_text())["recipe"]["precision"] == "bf16"


@pytest.mark.parametrize(
    ("first", "second", "out"),
    [(BF16, FP32, ["--out", "named"]), (FP32, BF16, [])],
    ids=["named", "default"],
)
def test_the_same_command_finds_its_run_again(
    decided, tmp_path, monkeypatch, capsys, first, second, out
):
    monkeypatch.chdir(tmp_path)
    decided(first)
    made = train(parse([*AUTO, *out]))
    decided(second)
    assert train(parse([*AUTO, *out])) == made
    assert "finished already" in capsys.readouterr().out
    (made / "summary.json").unlink()
    assert train(parse([*AUTO, *out])) == made
    assert f"{first[0]} (as the run began)" in capsys.readouterr().out
    assert format_of(made) == first[0]


def test_a_run_that_is_begun_afresh_is_measured_afresh(decided, tmp_path):
    decided(BF16)
    train(parse([*AUTO, "--out", str(tmp_path)]))
    decided(FP32)
    train(parse([*AUTO, "--out", str(tmp_path), "--overwrite", "true"]))
    assert format_of(tmp_path) == "fp32"


@pytest.mark.parametrize("asked", ["fp32", "bf16"])
def test_nothing_is_measured_where_nothing_is_open(decided, tmp_path, asked, monkeypatch):
    decided(None)
    train(parse([*AUTO, "--precision", asked, "--out", str(tmp_path / "asked")]))
    assert format_of(tmp_path / "asked") == asked
    monkeypatch.setattr(hardware, "processor_flags", frozenset)
    assert len(identities(parse(AUTO))) == 1
    train(parse([*AUTO, "--out", str(tmp_path / "slow")]))
    assert format_of(tmp_path / "slow") == "fp32"


def test_a_measurement_changes_nothing_of_the_run(decided, monkeypatch, tmp_path):
    measured = number_format.measured
    decided(None)
    monkeypatch.setattr(number_format, "measured", measured)
    monkeypatch.setattr(number_format, "MAX_ROUNDS", 2)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    settings = parse([*AUTO, "--method", "SKDSAM", "--out", str(tmp_path / "auto")])
    _, reason = number_format.measured(
        settings, settings.ingredients.data.splits, torch.device("cpu")
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert "16 images take" in reason
    train(settings)
    kept = ["--precision", format_of(tmp_path / "auto"), "--out", str(tmp_path / "asked")]
    train(parse([*AUTO, "--method", "SKDSAM", *kept]))
    one, other = (load_file(tmp_path / n / "model/model.safetensors") for n in ("auto", "asked"))
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_what_is_measured_is_told_of_the_images_first(monkeypatch):
    told = []
    monkeypatch.setattr(CrossEntropy, "adapt", lambda _, *images: told.append(images) or "told")
    monkeypatch.setattr(
        number_format, "faster", lambda method, batch: (BF16[0], f"told {len(told)}")
    )
    settings = parse(AUTO)
    measured = number_format.measured(
        settings, settings.ingredients.data.splits, torch.device("cpu")
    )
    assert measured == (BF16[0], "told 1")
    assert told[0][0] == settings.ingredients.data.splits().train.classes


@pytest.mark.parametrize("method", ["CSKD", "DDGSD", "SLASD", "FRSKD"])
def test_methods_with_partners_turns_and_maps_are_measured(monkeypatch, method):
    monkeypatch.setattr(number_format, "MAX_ROUNDS", 1)
    monkeypatch.setattr(number_format, "MIN_ROUNDS", 1)
    settings = parse([*AUTO, "--method", method])
    _, reason = number_format.measured(
        settings, settings.ingredients.data.splits, torch.device("cpu")
    )
    assert "16 images take" in reason


@pytest.mark.parametrize("batch_size", [12, 17, 40])
def test_steps_are_measured_on_parts_that_divide_the_batch(monkeypatch, batch_size):
    sizes = []

    def faster(method, batch):
        sizes.append(len(batch.indices))
        return BF16

    monkeypatch.setattr(number_format, "faster", faster)
    settings = parse([*AUTO, "--batch-size", str(batch_size)])
    number_format.measured(settings, settings.ingredients.data.splits, torch.device("cpu"))
    assert sizes == [{12: 12, 17: 17, 40: 20}[batch_size]]


def test_an_engine_computes_in_the_format_that_is_decided_late():
    fabric = engine.build(torch.device("cpu"), "fp32")
    images = torch.randn(2, 3, 16, 16)
    seen = []
    for name in ("bf16", "fp32"):
        engine.compute_in(fabric, name)
        with fabric.autocast():
            seen.append(torch.nn.functional.conv2d(images, torch.randn(4, 3, 3, 3)).dtype)
    assert seen == [torch.bfloat16, torch.float32]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "expected"), [("mobilenetv3_small_050", "fp32"), ("resnet18", "bf16")]
)
def test_dense_convolutions_gain_and_depthwise_ones_lose(network, expected):
    if len(hardware.possible_precisions("auto", torch.device("cpu"))[0]) == 1:
        pytest.skip("this processor has no bf16 units")
    settings = parse(
        [
            *("--config", "digits", "--method", "CrossEntropy", "--backbone.name", network),
            *("--backbone.width", "null", "--batch-size", "64"),
        ]
    )
    chosen, reason = number_format.measured(
        settings, settings.ingredients.data.splits, torch.device("cpu")
    )
    assert chosen == expected, reason
