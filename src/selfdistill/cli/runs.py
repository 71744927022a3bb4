"""Commands about one run: train, evaluate, predict."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..runs import RECIPE, SCORED_SPLITS, SUMMARY, read_yaml
from .parser import add_own_code, parser_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


def train(words: list[str]) -> int:
    """Train a network."""
    from .. import training

    training.train(training.parse(words))
    return 0


def evaluate(words: list[str]) -> int:
    """Print a run's scores."""
    parser = parser_of("evaluate")
    parser.epilog = (
        "Options of train are taken too: --data FOLDER scores other pictures, --data.root FOLDER "
        "says where the run's own lie now, --cache-dir where decoded pictures are kept."
    )
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--split", choices=SCORED_SPLITS, help="default: validation, if any")
    parser.add_argument("--corruptions", action="store_true", help="on corrupted images, too")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    given, further = parser.parse_known_args(words)
    from .. import inspection
    from ..config import read_changes
    from ..reports import corruption_table, exit_table

    changes, execution = read_changes(further)
    scores = inspection.evaluate(given.run, split=given.split, changes=changes, execution=execution)
    parts = [exit_table(scores)]
    content: dict[str, object] = {**scores}
    if given.corruptions:
        log = partial(print, file=sys.stderr, flush=True)
        found = inspection.evaluate_corruptions(
            given.run, split=given.split, changes=changes, execution=execution, log=log
        )
        parts.append(corruption_table(found))
        content["corruptions"] = found
    print(json.dumps(content, indent=1) if given.format == "json" else "\n\n".join(parts))
    return 0


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
    from .. import deployment
    from ..deployment.predictions import predict_files

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
    network = _own_network(given.run, allow_own_code=given.allow_own_code)
    folder = given.run if given.weights == "last" else best
    model = deployment.load(folder, network=network)

    def classify(images: "Tensor") -> "Mapping[str, Tensor]":
        return {"network": model.logits(images)}

    if given.exits:
        from ..config import Execution
        from ..inspection import FinishedRun
        from ..runs import RunDirectory

        execution = Execution(allow_own_code=given.allow_own_code)
        classify = FinishedRun(RunDirectory(given.run), execution=execution).classify
    print(
        predict_files(model, given.images, classify=classify, top_k=given.top_k, form=given.format)
    )
    return 0


def _own_network(run: Path, *, allow_own_code: bool) -> "nn.Module | None":
    """The network that a function of the user's own makes, where a run trained one."""
    recipe = run / RECIPE
    backbone = read_yaml(recipe).values.get("backbone") if recipe.is_file() else None
    if not isinstance(backbone, dict) or "." not in str(backbone.get("name")):
        return None
    from ..inspection import own_network

    return own_network(run, allow_own_code=allow_own_code)
