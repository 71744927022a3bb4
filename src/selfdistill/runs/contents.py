"""What a run directory contains: the names of its files, and which files are a run's own."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from .writing import UNFINISHED_NAME

SPLITS = ("train", "validation", "test")
SCORED_SPLITS = ("validation", "test")
"""Splits whose scores a summary holds."""
SUMMARY_FORMAT = 1
RECIPE = "recipe.yaml"
PLACE = "place.yaml"
FILES = "files.json"
ENVIRONMENT = "environment.json"
LOG = "log.jsonl"
TEST_CURVE = "test_curve.jsonl"
SUMMARY = "summary.json"
PREDICTIONS = "predictions.npz"
TOP_ATTENDED = "shown.npz"
FAILURE = "failure.json"
LOCK = ".lock"
HOLDER = ".holder.json"
CHECKPOINTS = "checkpoints"
FIRST_SAVE = "first-save"
"""A file among the checkpoints that is there while none was completed yet."""
MODEL_FILES = ("model/config.json", "model/model.safetensors")
WEIGHTS = "model/model.safetensors"
BEST_MODEL = ("model-best-validation/config.json", "model-best-validation/model.safetensors")
ATTACHMENTS = "attachments/attachments.safetensors"
TEST_FILES = (PREDICTIONS, TOP_ATTENDED)
"""What reading the test images leaves; evaluation can write them again."""
RESULTS = (*MODEL_FILES, *BEST_MODEL, ATTACHMENTS, *TEST_FILES, LOG, TEST_CURVE, FILES)
"""The files whose hashes the summary of a finished run holds; it holds recipe and environment."""
CHECKPOINT_NAME = rf"\d{{9}}\.(pt|json)|{FIRST_SAVE}"
MODEL_NAME = r"config\.json|model\.safetensors"
EXIT_RULE = "exits.json"
"""In the model folder: where the network may stop, once that is fitted."""
OWN_NAMES = {
    CHECKPOINTS: CHECKPOINT_NAME,
    "model": rf"{MODEL_NAME}|{re.escape(EXIT_RULE)}",
    "model-best-validation": MODEL_NAME,
    "attachments": r"attachments\.safetensors",
}
"""What a run writes into its folders, as regular expressions."""
TRACKER_FILES = ("trackers.json", "tensorboard", "wandb", "mlflow.db", "mlartifacts")
TOP_NAMES = frozenset(
    {RECIPE, PLACE, FILES, ENVIRONMENT, LOG, TEST_CURVE, SUMMARY, FAILURE, LOCK, HOLDER}
    | {*TEST_FILES, *OWN_NAMES, *TRACKER_FILES}
)
"""All that a run writes at the top of its folder."""
LEFT_BY_A_START = rf"{re.escape(LOCK)}|{re.escape(HOLDER)}|{UNFINISHED_NAME}"
"""What a start that failed leaves, beside the mark of a first save."""


def runs_in(paths: Sequence[Path], *, unfinished: bool = False) -> list[Path]:
    """Runs, where folders of runs or of copied summaries stand for the runs in them.

    Args:
        paths: Run directories, summaries, or folders of either.
        unfinished: Take runs of a folder that have no summary, too.
    """
    runs: list[Path] = []
    for path in paths:
        if not path.is_dir() or is_run(path):
            runs.append(path)
            continue
        below = sorted(file.parent for file in path.rglob(RECIPE if unfinished else SUMMARY))
        runs += below or sorted(path.glob("*.json")) or [path]
    return runs


def is_run(folder: Path) -> bool:
    """Whether a folder is a run directory, finished or not."""
    return (folder / RECIPE).is_file() or (folder / SUMMARY).is_file()


def own_files(folder: Path) -> list[Path]:
    """Files of our own names in a run's folders, and unfinished ones everywhere."""
    found: list[Path] = []
    for name, names in ((".", UNFINISHED_NAME), *OWN_NAMES.items()):
        inner = folder / name
        if inner.is_symlink() or not inner.is_dir():
            continue
        pattern = re.compile(rf"{names}|{UNFINISHED_NAME}")
        own = (file for file in inner.iterdir() if pattern.fullmatch(file.name))
        found += [file for file in own if file.is_symlink() or not file.is_dir()]
    return found


def remove_unfinished(folder: Path) -> None:
    """Remove files that a killed process did not finish writing."""
    for file in own_files(folder):
        if re.fullmatch(UNFINISHED_NAME, file.name):
            file.unlink(missing_ok=True)


def is_bare(folder: Path) -> bool:
    """Whether a folder holds nothing but what a start leaves that failed."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return True
    others = [name for name in names if not re.fullmatch(LEFT_BY_A_START, name)]
    if others != [CHECKPOINTS]:
        return not others
    checkpoints = folder / CHECKPOINTS
    inside = os.listdir(checkpoints) if checkpoints.is_dir() else ["a file"]  # noqa: PTH208
    return all(re.fullmatch(rf"{FIRST_SAVE}|{UNFINISHED_NAME}", name) for name in inside)
