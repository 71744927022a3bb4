"""Runs behind paths."""

from collections.abc import Sequence
from pathlib import Path

RECIPE, SUMMARY = "recipe.yaml", "summary.json"


def runs_in(paths: Sequence[Path], *, unfinished: bool = False) -> list[Path]:
    """Runs, where folders of runs or of copied summaries stand for what they hold.

    Args:
        paths: Run directories, summaries, or folders of either.
        unfinished: Take runs of a folder that have no summary, too.
    """
    mark = RECIPE if unfinished else SUMMARY
    return [run for path in paths for run in _held(path, mark)]


def _held(path: Path, mark: str) -> list[Path]:
    if not path.is_dir() or any((path / name).is_file() for name in (RECIPE, SUMMARY)):
        return [path]
    directories = sorted(file.parent for file in path.rglob(mark))
    return directories or sorted(path.glob("*.json")) or [path]
