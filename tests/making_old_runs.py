"""Run directories as commit 1eafc92 left them: ``making_old_runs.py FOLDER``, with its code.

Not part of the test suite: :mod:`test_old_runs` reads what it made, and shares the commands.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

DIGITS = [
    *("--config", "digits", "--backbone.width", "4", "--optimizer.lr", "0.2"),
    *("--epochs", "5", "--warmup-epochs", "1", "--batch-size", "20", "--precision", "fp32"),
    *("--data.train-per-class", "16", "--data.validation-per-class", "4"),
    *("--data.test-per-class", "12", "--accelerator", "cpu", "--threads", "1", "--test"),
]
METHODS = {
    "crossentropy": ["--method", "CrossEntropy"],
    "skdsam": ["--method", "SKDSAM"],
    "kd": ["--method", "KD", "--method.teacher", "runs/crossentropy/seed0"],
    "averaged": [
        *("--method", "CrossEntropy", "--ema-decay", "0.9", "--mixing", "CutMix"),
        *("--accumulation", "2"),
    ],
}
SEEDS = {"crossentropy": range(5), "skdsam": range(5), "kd": range(1), "averaged": range(1)}
INTERRUPTED_AFTER = 19
"""Steps; an epoch has 8."""
COPIED_SUMMARIES = range(3, 5)
"""Seeds of which only the summaries are kept."""
KEEPS_CHECKPOINTS = "runs/skdsam/seed0"

COMPARED = [f"runs/{name}/seed{seed}" for name, seeds in SEEDS.items() for seed in seeds]
PRINTED = {
    **{
        f"evaluate-{name}-{split}.{form}": (
            ["evaluate", f"runs/{name}/seed0", "--split", split, "--format", format_]
        )
        for name in METHODS
        for split in ("validation", "test")
        for form, format_ in (("txt", "table"), ("json", "json"))
    },
    **{
        f"compare-{split}.{form}": ["compare", *COMPARED, "--split", split, "--format", format_]
        for split in ("validation", "test")
        for form, format_ in (
            ("txt", "table"),
            ("json", "json"),
            ("csv", "csv"),
            ("md", "markdown"),
        )
    },
    "corruptions.txt": ["evaluate", "runs/skdsam/seed0", "--corruptions"],
    "predict.txt": [*("predict", "runs/skdsam/seed0", "digits/*.png"), "--exits"],
    "predict.json": [*("predict", "runs/kd/seed0", "digits"), "--format", "json"],
    "predict-best.csv": [
        *("predict", "runs/skdsam/seed1", "digits", "--format", "csv"),
        *("--weights", "best-validation"),
    ],
    "attention.txt": ["attention", "runs/skdsam/seed0", "digits"],
    "attention.json": ["attention", "runs/skdsam/seed0", "digits", "--format", "json"],
}
"""Commands by the file that holds what they printed."""


def computer():
    """What may decide last bits: the processor and the libraries that compute."""
    from importlib.metadata import version

    lines = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    fields = {name.strip(): value for name, _, value in (line.partition(":") for line in lines)}
    processor = [" ".join(sorted(fields.get(k, "").split())) for k in ("model", "flags")]
    return {
        "processor": hashlib.sha256(json.dumps(processor).encode()).hexdigest()[:16],
        **{name: version(name) for name in ("torch", "numpy", "matplotlib", "scikit-learn")},
    }


def draw_digits(folder):
    """Three handwritten digits as pictures of 32 × 32 pixels."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder.mkdir()
    for label, image in enumerate(load_digits().images[:3]):
        picture = Image.fromarray((image * 15).astype("uint8"))
        picture = picture.resize((32, 32), Image.Resampling.BICUBIC).convert("RGB")
        picture.save(folder / f"{label}.png")


def printed(words):
    """What a command prints, on a terminal of 160 columns."""
    from selfdistill.cli import main

    os.environ["COLUMNS"] = "160"
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(words) == 0
    return out.getvalue()


def report():
    """A report's files as text: tables, the page without its drawings, hashes of these."""
    printed(["report", *COMPARED, "--title", "Old runs", "--to", "report"])
    folder = Path("report")
    tables = {f"report-{path.name}": path.read_text() for path in folder.glob("table.*")}
    page = (folder / "index.html").read_text()
    page = re.sub(r"<svg.*?</svg>", "<svg/>", page, flags=re.DOTALL)
    page = re.sub(r'src="data:image/png;base64,[^"]*"', 'src=""', page)
    lines = [line.strip() for line in page.partition("<body>")[2].splitlines()]
    figures = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(folder.glob("figures/*.svg"))
    }
    return tables | {
        "report-page.html": "\n".join(line for line in lines if line) + "\n",
        "report-figures.json": json.dumps(figures, indent=1) + "\n",
    }


def train(name, seed, out, stop_after=None):
    """Train a run; one that is to be stopped gets a signal in mid-epoch."""
    from selfdistill.training.failures import Stopped
    from selfdistill.training.trainee import Trainee

    from selfdistill import training

    step = Trainee.train_step

    def train_step(self, epoch):
        step(self, epoch)
        if self.steps_done == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    Trainee.train_step = train_step
    try:
        with contextlib.suppress(Stopped):
            training.train(
                training.parse([*DIGITS, *METHODS[name], "--seed", str(seed), "--out", out])
            )
    finally:
        Trainee.train_step = step


def main():
    import torch

    torch.set_num_threads(1)
    folder = Path(sys.argv[1]).resolve()
    for name in ("runs", "interrupted", "digits", "expected"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "expected").mkdir(parents=True)
    os.chdir(folder)
    sys.argv = ["selfdistill"]
    for name, seeds in SEEDS.items():
        for seed in seeds:
            train(name, seed, f"runs/{name}/seed{seed}")
        train(name, 0, f"interrupted/{name}", INTERRUPTED_AFTER)
        shutil.copytree(f"interrupted/{name}", f"resumed/{name}")
        train(name, 0, f"resumed/{name}")
        whole, resumed = (
            json.loads(Path(run, "summary.json").read_bytes())["weights"]
            for run in (f"runs/{name}/seed0", f"resumed/{name}")
        )
        assert whole == resumed, name
    shutil.rmtree("resumed")
    for seed in COPIED_SUMMARIES:
        for run in Path("runs").glob(f"*/seed{seed}"):
            summary = (run / "summary.json").read_bytes()
            shutil.rmtree(run)
            run.mkdir()
            (run / "summary.json").write_bytes(summary)
    draw_digits(Path("digits"))
    for file, words in PRINTED.items():
        Path("expected", file).write_text(printed(words))
    for file, text in report().items():
        Path("expected", file).write_text(text)
    Path("made_on.json").write_text(json.dumps(computer(), indent=1) + "\n")
    Path("attention.png").unlink()
    shutil.rmtree("report")
    for file in (".lock", ".holder.json"):
        for found in folder.rglob(file):
            found.unlink()
    for found in folder.glob("runs/*/*/checkpoints"):
        if found.parent.relative_to(folder).as_posix() != KEEPS_CHECKPOINTS:
            shutil.rmtree(found)


if __name__ == "__main__":
    main()
