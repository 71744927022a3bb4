"""Several processes, started by torchrun, are one run."""

import json
import subprocess
import sys

from small_run import WORDS


def test_two_processes_make_one_run(tmp_path):
    # standalone: the system chooses a port that is free
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "selfdistill", "train", *WORDS]
    answer = subprocess.run(
        [*command, "--accelerator", "cpu", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("epoch 3/3") == 1
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["curve"]["epoch"] == [1, 2, 3]
    assert set(summary["test"]["last"]) == {"network", "exit1", "exit2", "fusion"}
