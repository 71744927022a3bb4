"""How a finished run's network fares on corrupted images."""

from collections.abc import Callable
from pathlib import Path

from ..evaluation.robustness import robustness
from ..runs import RunDirectory
from .evaluate import chosen_images
from .trained import TrainedRun


def evaluate_corruptions(
    path: Path, *, split: str | None, words: list[str], say: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Accuracy of the network, percent, by corruption and severity; kept in the run's summary.

    Args:
        path: The run directory.
        split: As for ``evaluate``.
        words: Further settings, as ``train`` takes them.
        say: Shows a line, one for each corruption.

    Raises:
        ValueError: As ``evaluate`` does, or if the images are of several splits.
    """
    run = RunDirectory(path)
    trained = TrainedRun(run, words)
    names, parts = chosen_images(trained, split)
    if len(parts) > 1:
        raise ValueError(f"--corruptions reads one split at a time: choose --split {names[-1]}")
    found: dict[str, dict[str, float]] = {}
    results = robustness(trained.method, parts[0], trained.preprocessing)
    for name, levels in results:
        found[name] = {str(severity): round(accuracy, 4) for severity, accuracy in levels.items()}
        say(f"{name}: {', '.join(f'{accuracy:.1f}' for accuracy in levels.values())}")
    if not trained.on_others:
        known = run.read_summary().mapping("corruptions")
        run.update_summary({"corruptions": {**known, names[0]: found}})
    return found
