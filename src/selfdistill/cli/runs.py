"""Commands about one run: train, evaluate."""

import json
import sys
from functools import partial
from pathlib import Path

from ..runs import SCORED_SPLITS
from .parser import parser_of


def train(words: list[str]) -> int:
    """Train a network."""
    from .. import training
    from ..config import parse

    training.train(parse(words))
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
