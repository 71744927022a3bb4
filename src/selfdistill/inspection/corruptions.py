"""Accuracy of a finished run's network on corrupted images."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..config import Execution
from ..evaluation.robustness import robustness
from ..runs import RunDirectory
from .evaluate import choose_images
from .finished_run import NO_CHANGES, FinishedRun


def evaluate_corruptions(
    path: Path,
    *,
    split: str | None,
    changes: Mapping[str, object] = NO_CHANGES,
    execution: Execution | None = None,
    log: Callable[[str], None],
) -> dict[str, dict[str, float]]:
    """Accuracy of the network, percent, by corruption and severity; kept in the run's summary.

    Args:
        path: The run directory.
        split: As for ``evaluate``.
        changes: As for ``evaluate``.
        execution: Where it is evaluated.
        log: Shows a line, one for each corruption.

    Raises:
        ValueError: As ``evaluate`` does, or if the images are of several splits.
    """
    run = RunDirectory(path)
    finished = FinishedRun(run, changes, execution)
    images = choose_images(finished, split)
    name, *others = images.parts
    if others:
        raise ValueError(f"--corruptions reads one split at a time: choose --split {others[-1]}")
    accuracies: dict[str, dict[str, float]] = {}
    for corruption, levels in robustness(
        finished.method, images.parts[name], finished.preprocessing
    ):
        accuracies[corruption] = {str(s): round(accuracy, 4) for s, accuracy in levels.items()}
        log(f"{corruption}: {', '.join(f'{accuracy:.1f}' for accuracy in levels.values())}")
    if images.own:
        known = run.read_summary().mapping("corruptions")
        run.update_summary({"corruptions": {**known, name: accuracies}})
    return accuracies
