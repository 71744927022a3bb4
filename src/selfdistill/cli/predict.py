"""The command that names the classes of image files."""

import csv
import glob
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..runs import RunDirectory
from ..terminal import csv_text, shown_name
from .parser import add_own_code, parser_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..deployment import ClassProbability, Model

BATCH_SIZE = 32


class ClassifiedFile(NamedTuple):
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
    args = parser.parse_args(words)
    if args.exits and args.weights != "last":
        raise ValueError("--exits: only the last epoch's exits are kept; leave --weights out")
    from ..deployment import load

    run = RunDirectory(args.run)
    has_best = run.best_model.is_dir()
    if args.weights == "best-validation" and not has_best:
        raise ValueError(
            f"{run.best_model} is missing: only a run with validation images keeps its best weights"
        )
    if (
        args.weights == "last"
        and has_best
        and not (run.summary_file.exists() or run.model.is_dir())
    ):
        raise ValueError(
            f"{run.path} is not finished: --weights best-validation takes its best weights so far"
        )
    network: nn.Module | None = None
    backbone = (run.read_recipe() or {}).get("backbone")
    if isinstance(backbone, dict) and "." in str(backbone.get("name")):
        from ..inspection import own_network  # takes as long to import as all the rest but torch

        network = own_network(run, allow_own_code=args.allow_own_code)
    model = load(run.path if args.weights == "last" else run.best_model, network=network)

    def classify(images: "Tensor") -> "Mapping[str, Tensor]":
        return {"network": model.logits(images)}

    if args.exits:
        from ..config import Execution
        from ..inspection import FinishedRun

        execution = Execution(allow_own_code=args.allow_own_code)
        classify = FinishedRun(run, execution=execution).classify
    predictions = _classify_files(model, find_files(args.images), classify, args.top_k)
    print({"table": as_table, "csv": as_csv, "json": as_json}[args.format](predictions))
    return 0


def find_files(patterns: Sequence[str]) -> list[Path]:
    """Image files behind paths, folders and patterns, in order, each once."""
    from ..data.images import ENDINGS

    files: dict[Path, None] = {}
    for pattern in patterns:
        exists = Path(pattern).exists()
        matches = [pattern] if exists else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        images: list[Path] = []
        for path in map(Path, matches):
            below = (file for file in path.rglob("*") if file.suffix.lower() in ENDINGS)
            images += [path] if path.is_file() else sorted(below)
        if not images:
            raise ValueError(f"{pattern}: no image there; name a file, a folder or a pattern")
        files |= dict.fromkeys(images)
    return list(files)


def _classify_files(
    model: "Model",
    files: Sequence[Path],
    classify: "Callable[[Tensor], Mapping[str, Tensor]]",
    top_k: int,
) -> list[ClassifiedFile]:
    """Predict classes batch by batch; files that cannot be read are warned of, unless all are."""
    import torch

    from ..data.images import read_image

    predictions: list[ClassifiedFile] = []
    for start in range(0, len(files), BATCH_SIZE):
        images: dict[Path, Tensor] = {}
        for file in files[start : start + BATCH_SIZE]:
            try:
                images[file] = model.transform(read_image(file))
            except ValueError as error:
                if len(files) == 1:
                    raise
                warnings.warn(f"{error}: left out", stacklevel=2)
        if not images:
            continue
        with torch.no_grad():
            logits = classify(torch.stack(list(images.values())))
        exits = {name: model.top_classes(rows, top_k) for name, rows in logits.items()}
        for i, file in enumerate(images):
            predictions.append(
                ClassifiedFile(file, {name: rows[i] for name, rows in exits.items()})
            )
    if not predictions:
        raise ValueError(f"none of the {len(files)} files can be read as a picture")
    return predictions


def as_table(predictions: Sequence[ClassifiedFile]) -> str:
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


def as_csv(predictions: Sequence[ClassifiedFile]) -> str:
    several_exits = len(predictions[0].exits) > 1
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image", *(["exit"] if several_exits else []), "rank", "class", "probability"))
    for file, exit, rank, best in _rows(predictions):
        *where, name = map(csv_text, (str(file), *([exit] if several_exits else []), best.name))
        writer.writerow((*where, rank, name, f"{best.probability:.6f}"))
    return stream.getvalue().rstrip()


def as_json(predictions: Sequence[ClassifiedFile]) -> str:
    rows: list[dict[str, object]] = []
    for file, exits in predictions:
        plain = {name: [best._asdict() for best in classes] for name, classes in exits.items()}
        first = next(iter(plain.values()))
        rows.append(
            {"image": str(file), "classes": first, **({"exits": plain} if len(plain) > 1 else {})}
        )
    return json.dumps(rows, indent=1)


def _rows(
    predictions: Sequence[ClassifiedFile],
) -> "Iterator[tuple[Path, str, int, ClassProbability]]":
    for file, exits in predictions:
        for name, classes in exits.items():
            for rank, best in enumerate(classes, 1):
                yield file, name, rank, best
