"""Predictions for image files, as text."""

import csv
import glob
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from rich.table import Table
from rich.text import Text
from torch import Tensor

from ..consoles import rendered
from ..data.images import ENDINGS, read_image
from ..terminal import csv_text, shown_name
from .model import Guess, Model

Classify = Callable[
    [Float[Tensor, "batch 3 height width"]], Mapping[str, Float[Tensor, "batch classes"]]
]
Predicted = list[tuple[Path, dict[str, list[Guess]]]]
"""Files with their guesses by exit."""
AT_ONCE = 32


def predict_files(
    model: Model, patterns: Sequence[str], *, classify: Classify, top_k: int, form: str
) -> str:
    """Classify files, folders of them, or what patterns match; what cannot be read is named.

    Args:
        model: Knows the classes, and how pictures become input.
        patterns: Paths or patterns.
        classify: Logits by exit of a batch of input.
        top_k: Classes to name for each picture.
        form: ``table``, ``csv`` or ``json``.

    Raises:
        ValueError: If there is no image, or none that can be read.
    """
    predicted: Predicted = []
    files = find_files(patterns)
    for start in range(0, len(files), AT_ONCE):
        readable = _read(model, files[start : start + AT_ONCE], only=len(files) == 1)
        if not readable:
            continue
        with torch.no_grad():
            exits = classify(torch.stack(list(readable.values())))
        guesses = {name: model.guesses(logits, top_k) for name, logits in exits.items()}
        for i, file in enumerate(readable):
            predicted.append((file, {name: rows[i] for name, rows in guesses.items()}))
    if not predicted:
        raise ValueError(f"none of the {len(files)} files can be read as a picture")
    return {"table": _table, "csv": _csv, "json": _json}[form](predicted)


def _read(model: Model, files: Sequence[Path], *, only: bool) -> dict[Path, Tensor]:
    """Input by file; a file that cannot be read ends nothing unless it is the only one."""
    readable: dict[Path, Tensor] = {}
    for file in files:
        try:
            readable[file] = model.transform(read_image(file))
        except ValueError as error:
            if only:
                raise
            warnings.warn(f"{error}: left out", stacklevel=2)
    return readable


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
    several = len(predicted[0][1]) > 1
    table = Table(box=None)
    for heading in ("image", *(["exit"] if several else []), "class", "probability"):
        table.add_column(heading, justify="right" if heading == "probability" else "left")
    for file, name, rank, guess in _rows(predicted):
        first = rank == 1
        image = str(file) if first and name == next(iter(predicted[0][1])) else ""
        by = [name if first else ""] if several else []
        cells = (*map(shown_name, (image, *by, guess.name)), f"{guess.probability:.1%}")
        # As a plain string a name in brackets would be read as markup.
        table.add_row(*map(Text, cells))
    return rendered(table, width=120)


def _csv(predicted: Predicted) -> str:
    several = len(predicted[0][1]) > 1
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image", *(["exit"] if several else []), "rank", "class", "probability"))
    for file, name, rank, guess in _rows(predicted):
        by = [name] if several else []
        texts = (str(file), *by, guess.name)
        *places, name = map(csv_text, texts)
        writer.writerow((*places, rank, name, f"{guess.probability:.6f}"))
    return stream.getvalue().rstrip()


def _json(predicted: Predicted) -> str:
    rows: list[dict[str, object]] = []
    for file, exits in predicted:
        plain = {name: [guess._asdict() for guess in guesses] for name, guesses in exits.items()}
        first = next(iter(plain.values()))
        exits_too = {"exits": plain} if len(plain) > 1 else {}
        rows.append({"image": str(file), "classes": first, **exits_too})
    return json.dumps(rows, indent=1)


def _rows(predicted: Predicted) -> Iterator[tuple[Path, str, int, Guess]]:
    for file, exits in predicted:
        for name, guesses in exits.items():
            for rank, guess in enumerate(guesses, 1):
                yield file, name, rank, guess
