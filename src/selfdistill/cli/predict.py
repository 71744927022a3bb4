"""The command that names the classes of image files."""

import csv
import glob
import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..runs import RunDirectory
from ..terminal import csv_text, shown_name
from .parser import add_own_code, parser_of, share

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..deployment import ClassProbability, Model

BATCH_SIZE = 32
UNSURE = "unsure"


class ClassifiedFile(NamedTuple):
    """The most probable classes of one file, by exit."""

    file: Path
    exits: "dict[str, list[ClassProbability]]"
    unsure: bool | None = None
    """Whether the network keeps its answer back; None where it is to answer every file."""
    early: bool = False
    """Whether the only exit is the one that answered, and further ones were not asked."""


def predict(words: list[str]) -> int:
    """Print the classes of pictures."""
    parser = parser_of("predict")
    parser.add_argument("run", help="run directory, model folder, exported file, or hf:owner/name")
    parser.add_argument("images", nargs="+", help="image files, folders, or patterns")
    parser.add_argument("--top-k", type=int, default=5, help="classes to name")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument("--exits", action="store_true", help="what every exit says, for a run")
    parser.add_argument(
        "--unsure",
        type=share,
        metavar="SHARE",
        help="keep answers back, so that at most this share of the others is wrong, such as 5%%",
    )
    parser.add_argument(
        "--early",
        action="store_true",
        help="stop at the first exit that is sure, by the rule that selfdistill exits fitted",
    )
    parser.add_argument("--weights", choices=("last", "best-validation"), default="last")
    add_own_code(parser)
    args = parser.parse_args(words)
    if args.early and (args.exits or args.unsure is not None):
        other, why = "--exits", "asks every exit, and --early as few as it can"
        if args.unsure is not None:
            other, why = "--unsure", "is fitted to the whole network's answers, not to exits'"
        raise ValueError(f"--early: {other} {why}; leave one out")
    of_exits = "--exits" if args.exits else "--early" if args.early else ""
    if of_exits and args.weights != "last":
        raise ValueError(f"{of_exits}: only the last epoch's exits are kept; leave --weights out")
    from ..deployment import is_on_hub

    is_file = Path(args.run).is_file()
    if (is_file or is_on_hub(args.run)) and (of_exits or args.weights != "last"):
        option = of_exits or "--weights"
        raise ValueError(f"{option}: {args.run} is the network alone; only a run directory has it")
    run = RunDirectory(Path(args.run))
    if is_file:
        from ..export import load_file

        model = load_file(run.path)
    else:
        model = _load_run(args.run, args.weights, allow_own_code=args.allow_own_code)
    threshold = None if args.unsure is None else model.probabilities.threshold(args.unsure)
    temperatures = {"network": model.probabilities.temperature}

    def classify(images: "Tensor") -> "Mapping[str, Tensor]":
        return {"network": model.logits(images)}

    if args.exits:
        from ..config import Execution
        from ..inspection import FinishedRun

        finished = FinishedRun(run, execution=Execution(allow_own_code=args.allow_own_code))
        classify, temperatures = finished.classify, finished.temperatures | temperatures
    answered_by: list[str] = []
    if args.early:
        from ..config import Execution
        from ..inspection import early_exits

        early = early_exits(run, Execution(allow_own_code=args.allow_own_code))
        temperatures = dict[str, float]()  # that of its exit has divided each

        def classify(images: "Tensor") -> "Mapping[str, Tensor]":
            logits, exits = early.answer(images)
            answered_by.extend(early.stages.exits[exit] for exit in exits.tolist())
            return {"early": logits}

    predictions: list[ClassifiedFile] = []
    for files, logits in _logits_of_files(model, find_files(args.images), classify):
        exits = {
            name: model.top_classes(rows, args.top_k, temperature=temperatures.get(name, 1.0))
            for name, rows in logits.items()
        }
        sure = None if threshold is None else model.sure(logits["network"], threshold)
        for i, file in enumerate(files):
            best = {name: rows[i] for name, rows in exits.items()}
            if args.early:
                best = {answered_by[len(predictions)]: exits["early"][i]}
            unsure = None if sure is None else not sure[i]
            predictions.append(ClassifiedFile(file, best, unsure, args.early))
    print({"table": as_table, "csv": as_csv, "json": as_json}[args.format](predictions))
    if args.unsure is not None:
        print(_promise(predictions, args.unsure), file=sys.stderr)
    return 0


def _load_run(name: str, weights: str, *, allow_own_code: bool) -> "Model":
    from ..deployment import load

    run = RunDirectory(Path(name))
    _check_weights(run, weights)
    network: nn.Module | None = None
    backbone = (run.read_recipe() or {}).get("backbone")
    if isinstance(backbone, dict) and "." in str(backbone.get("name")):
        from ..inspection import own_network  # takes as long to import as all the rest but torch

        network = own_network(run, allow_own_code=allow_own_code)
    return load(name if weights == "last" else run.best_model, network=network)


def _check_weights(run: RunDirectory, weights: str) -> None:
    """Refuse weights that the run does not have, or not yet."""
    has_best = run.best_model.is_dir()
    if weights == "best-validation" and not has_best:
        raise ValueError(
            f"{run.best_model} is missing: only a run with validation images keeps its best weights"
        )
    if weights == "last" and has_best and not (run.summary_file.exists() or run.model.is_dir()):
        raise ValueError(
            f"{run.path} is not finished: --weights best-validation takes its best weights so far"
        )


def _promise(predictions: Sequence[ClassifiedFile], rate: float) -> str:
    from ..evaluation import CONFIDENCE

    unsure = sum(bool(prediction.unsure) for prediction in predictions)
    return (
        f"unsure of {unsure:,} of {len(predictions):,} pictures; of the answers at most "
        f"{100 * rate:.3g} % are wrong ({CONFIDENCE:.0%} confidence, for pictures such as the "
        "validation images)"
    )


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


def _logits_of_files(
    model: "Model",
    files: Sequence[Path],
    classify: "Callable[[Tensor], Mapping[str, Tensor]]",
) -> "Iterator[tuple[list[Path], Mapping[str, Tensor]]]":
    """Logits batch by batch; files that cannot be read are warned of, unless all are."""
    import torch

    from ..data.images import read_image

    found = False
    for start in range(0, len(files), BATCH_SIZE):
        images: dict[Path, Tensor] = {}
        for file in files[start : start + BATCH_SIZE]:
            try:
                images[file] = model.transform(read_image(file))
            except ValueError as error:
                if len(files) == 1:
                    raise
                warnings.warn(f"{error}: left out", stacklevel=2)
        if images:
            found = True
            with torch.no_grad():
                logits = classify(torch.stack(list(images.values())))
            yield list(images), logits
    if not found:
        raise ValueError(f"none of the {len(files)} files can be read as a picture")


def as_table(predictions: Sequence[ClassifiedFile]) -> str:
    from rich.table import Table
    from rich.text import Text

    from ..consoles import render_plain

    abstains, names_exits = _abstains(predictions), _names_exits(predictions)
    headings = ["image", *["answer"] * abstains, *["exit"] * names_exits, "class", "probability"]
    table = Table(box=None)
    for heading in headings:
        table.add_column(heading, justify="right" if heading == "probability" else "left")
    for prediction, exit, rank, best in _rows(predictions):
        first = rank == 1 and exit == next(iter(prediction.exits))
        names = [str(prediction.file) if first else ""]
        if abstains:
            names += [(UNSURE if prediction.unsure else best.name) if first else ""]
        if names_exits:
            names += [exit if rank == 1 else ""]
        # As a plain string a name in brackets would be read as markup.
        cells = *map(shown_name, (*names, best.name)), f"{best.probability:.1%}"
        table.add_row(*map(Text, cells))
    return render_plain(table, width=120)


def as_csv(predictions: Sequence[ClassifiedFile]) -> str:
    abstains, names_exits = _abstains(predictions), _names_exits(predictions)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    headings = ["image", *["unsure"] * abstains, *["exit"] * names_exits]
    writer.writerow((*headings, "rank", "class", "probability"))
    for prediction, exit, rank, best in _rows(predictions):
        unsure = ["yes" if prediction.unsure else "no"] if abstains else []
        where = (str(prediction.file), *unsure, *([exit] if names_exits else []))
        *where, name = map(csv_text, (*where, best.name))
        writer.writerow((*where, rank, name, f"{best.probability:.6f}"))
    return stream.getvalue().rstrip()


def as_json(predictions: Sequence[ClassifiedFile]) -> str:
    rows: list[dict[str, object]] = []
    for file, exits, unsure, early in predictions:
        plain = {name: [best._asdict() for best in classes] for name, classes in exits.items()}
        row: dict[str, object] = {"image": str(file)}
        if unsure is not None:
            row["unsure"] = unsure
        if early:
            row["exit"] = next(iter(exits))
        row["classes"] = next(iter(plain.values()))
        rows.append({**row, **({"exits": plain} if len(plain) > 1 else {})})
    return json.dumps(rows, indent=1)


def _abstains(predictions: Sequence[ClassifiedFile]) -> bool:
    return predictions[0].unsure is not None


def _names_exits(predictions: Sequence[ClassifiedFile]) -> bool:
    return predictions[0].early or len(predictions[0].exits) > 1


def _rows(
    predictions: Sequence[ClassifiedFile],
) -> "Iterator[tuple[ClassifiedFile, str, int, ClassProbability]]":
    for prediction in predictions:
        for name, classes in prediction.exits.items():
            for rank, best in enumerate(classes, 1):
                yield prediction, name, rank, best
