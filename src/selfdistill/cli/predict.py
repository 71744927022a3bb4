"""The command that names the classes of image files."""

import csv
import glob
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..runs import RECIPE, SUMMARY, read_yaml
from ..terminal import csv_text, shown_name
from .parser import add_own_code, parser_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..deployment import ClassProbability, Model

BATCH_SIZE = 32


class Prediction(NamedTuple):
    """The most probable classes of one file, by exit."""

    file: Path
    exits: "dict[str, list[ClassProbability]]"


def predict(words: list[str]) -> int:
    """Print the classes of pictures."""
    parser = parser_of("predict")
    parser.add_argument("run", type=Path, help="run directory or model folder")
    parser.add_argument("images", nargs="+", help="image files, folders, or patterns")
    parser.add_argument("--top-k", type=int, default=5, help="classes to name")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument("--exits", action="store_true", help="what every exit says, for a run")
    parser.add_argument("--weights", choices=("last", "best-validation"), default="last")
    add_own_code(parser)
    given = parser.parse_args(words)
    if given.exits and given.weights != "last":
        raise ValueError("--exits: only the last epoch's exits are kept; leave --weights out")
    from ..deployment import load

    best = given.run / "model-best-validation"
    if given.weights != "last" and not best.is_dir():
        raise ValueError(
            f"{best} is missing: only a run with validation images keeps its best weights"
        )
    begun = best.is_dir() and not (given.run / SUMMARY).exists()
    if given.weights == "last" and begun and not (given.run / "model").is_dir():
        raise ValueError(
            f"{given.run} is not finished: --weights best-validation takes its best weights so far"
        )
    folder = given.run if given.weights == "last" else best
    network = _own_network(given.run, allow_own_code=given.allow_own_code)
    model = load(folder, network=network)

    def classify(images: "Tensor") -> "Mapping[str, Tensor]":
        return {"network": model.logits(images)}

    if given.exits:
        from ..config import Execution
        from ..inspection import FinishedRun
        from ..runs import RunDirectory

        execution = Execution(allow_own_code=given.allow_own_code)
        classify = FinishedRun(RunDirectory(given.run), execution=execution).classify
    predictions = predict_files(model, given.images, classify=classify, top_k=given.top_k)
    print({"table": as_table, "csv": as_csv, "json": as_json}[given.format](predictions))
    return 0


def _own_network(run: Path, *, allow_own_code: bool) -> "nn.Module | None":
    """The network that a function of the user's own makes, where a run trained one."""
    recipe = run / RECIPE
    backbone = read_yaml(recipe).values.get("backbone") if recipe.is_file() else None
    if not isinstance(backbone, dict) or "." not in str(backbone.get("name")):
        return None
    from ..inspection import own_network

    return own_network(run, allow_own_code=allow_own_code)


def predict_files(
    model: "Model",
    patterns: Sequence[str],
    *,
    classify: "Callable[[Tensor], Mapping[str, Tensor]]",
    top_k: int,
) -> list[Prediction]:
    """Classify files, folders of them, or what patterns match; what cannot be read is warned of.

    Raises:
        ValueError: If there is no image, or none that can be read.
    """
    import torch

    files = find_files(patterns)
    predictions: list[Prediction] = []
    for start in range(0, len(files), BATCH_SIZE):
        images = _read(model, files[start : start + BATCH_SIZE], only=len(files) == 1)
        if not images:
            continue
        with torch.no_grad():
            logits = classify(torch.stack(list(images.values())))
        exits = {name: model.top_classes(rows, top_k) for name, rows in logits.items()}
        for i, file in enumerate(images):
            predictions.append(Prediction(file, {name: rows[i] for name, rows in exits.items()}))
    if not predictions:
        raise ValueError(f"none of the {len(files)} files can be read as a picture")
    return predictions


def _read(model: "Model", files: Sequence[Path], *, only: bool) -> "dict[Path, Tensor]":
    """Input by file; a file that cannot be read ends nothing unless it is the only one."""
    from ..data.images import read_image

    images: dict[Path, Tensor] = {}
    for file in files:
        try:
            images[file] = model.transform(read_image(file))
        except ValueError as error:
            if only:
                raise
            warnings.warn(f"{error}: left out", stacklevel=2)
    return images


def find_files(patterns: Sequence[str]) -> list[Path]:
    """Image files behind paths, folders and patterns, in order, each once.

    Raises:
        ValueError: If one of them leads to none.
    """
    files: dict[Path, None] = {}
    for pattern in patterns:
        matches = [Path(pattern)] if Path(pattern).exists() else _matches(pattern)
        below = [file for match in matches for file in _files_below(match)]
        if not below:
            raise ValueError(f"{pattern}: no image there; name a file, a folder or a pattern")
        files |= dict.fromkeys(below)
    return list(files)


def _matches(pattern: str) -> list[Path]:
    return [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207


def _files_below(path: Path) -> list[Path]:
    from ..data.images import ENDINGS

    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS)


def as_table(predictions: Sequence[Prediction]) -> str:
    from rich.table import Table
    from rich.text import Text

    from ..consoles import render_plain

    several_exits = len(predictions[0].exits) > 1
    table = Table(box=None)
    for heading in ("image", *(["exit"] if several_exits else []), "class", "probability"):
        table.add_column(heading, justify="right" if heading == "probability" else "left")
    for file, exit, rank, best in _rows(predictions):
        image = str(file) if rank == 1 and exit == next(iter(predictions[0].exits)) else ""
        names = (image, *([exit if rank == 1 else ""] if several_exits else []), best.name)
        # As a plain string a name in brackets would be read as markup.
        table.add_row(*map(Text, (*map(shown_name, names), f"{best.probability:.1%}")))
    return render_plain(table, width=120)


def as_csv(predictions: Sequence[Prediction]) -> str:
    several_exits = len(predictions[0].exits) > 1
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image", *(["exit"] if several_exits else []), "rank", "class", "probability"))
    for file, exit, rank, best in _rows(predictions):
        *where, name = map(csv_text, (str(file), *([exit] if several_exits else []), best.name))
        writer.writerow((*where, rank, name, f"{best.probability:.6f}"))
    return stream.getvalue().rstrip()


def as_json(predictions: Sequence[Prediction]) -> str:
    rows: list[dict[str, object]] = []
    for file, exits in predictions:
        plain = {name: [best._asdict() for best in classes] for name, classes in exits.items()}
        first = next(iter(plain.values()))
        rows.append(
            {"image": str(file), "classes": first, **({"exits": plain} if len(plain) > 1 else {})}
        )
    return json.dumps(rows, indent=1)


def _rows(
    predictions: Sequence[Prediction],
) -> "Iterator[tuple[Path, str, int, ClassProbability]]":
    for file, exits in predictions:
        for name, classes in exits.items():
            for rank, best in enumerate(classes, 1):
                yield file, name, rank, best
