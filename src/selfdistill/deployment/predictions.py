"""Predictions for image files, as text."""

import csv
import glob
import io
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .model import Guess, load

Predicted = list[tuple[Path, list[Guess]]]
ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


def predict_files(run: Path, patterns: Sequence[str], *, top_k: int, form: str) -> str:
    """Classify files, folders of them, or what patterns match.

    Args:
        run: A run directory or a model folder.
        patterns: Paths or patterns.
        top_k: Classes to name for each picture.
        form: ``table``, ``csv`` or ``json``.

    Raises:
        ValueError: If there is no network, no image, or one that cannot be read.
    """
    model = load(run)
    files = find_files(patterns)
    predicted: Predicted = []
    for file in files:
        guesses = model.predict([file], top_k=top_k)[0]
        assert isinstance(guesses, list)
        predicted.append((file, guesses))
    return {"table": _table, "csv": _csv, "json": _json}[form](predicted)


def find_files(patterns: Sequence[str]) -> list[Path]:
    """Image files behind paths, folders and patterns, in order, each once.

    Raises:
        ValueError: If one of them leads to none.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = [Path(pattern)] if Path(pattern).exists() else _matches(pattern)
        files = [file for match in matches for file in _inside(match)]
        if not files:
            raise ValueError(f"{pattern}: no image there; name a file, a folder or a pattern")
        found |= dict.fromkeys(files)
    return list(found)


def _matches(pattern: str) -> list[Path]:
    return [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207


def _inside(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS)


def _table(predicted: Predicted) -> str:
    table = Table(box=None)
    for heading in ("image", "class", "probability"):
        table.add_column(heading, justify="right" if heading == "probability" else "left")
    for file, guesses in predicted:
        for place, guess in enumerate(guesses):
            table.add_row("" if place else str(file), guess.name, f"{guess.probability:.1%}")
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()


def _csv(predicted: Predicted) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image", "rank", "class", "probability"))
    for file, guesses in predicted:
        for rank, guess in enumerate(guesses, 1):
            writer.writerow((file, rank, guess.name, f"{guess.probability:.6f}"))
    return stream.getvalue().rstrip()


def _json(predicted: Predicted) -> str:
    return json.dumps(
        [{"image": str(file), "classes": [g._asdict() for g in gs]} for file, gs in predicted],
        indent=1,
    )
