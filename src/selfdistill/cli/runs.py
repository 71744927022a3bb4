"""Commands about one run: train, evaluate, predict."""

import json
from pathlib import Path

from .parser import SPLITS, parser_of


def train(words: list[str]) -> int:
    """Train a network."""
    from .. import training

    training.train(training.parse(words))
    return 0


def evaluate(words: list[str]) -> int:
    """Print a run's scores."""
    parser = parser_of("evaluate")
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--split", choices=SPLITS, help="default: validation, if any")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    given, further = parser.parse_known_args(words)
    from ..reports import exit_table
    from ..training import evaluate as scoring

    scores = scoring.evaluate(given.run, split=given.split, words=further)
    print(json.dumps(scores, indent=1) if given.format == "json" else exit_table(scores))
    return 0


def predict(words: list[str]) -> int:
    """Print the classes of pictures."""
    parser = parser_of("predict")
    parser.add_argument("run", type=Path, help="run directory or model folder")
    parser.add_argument("images", nargs="+", help="image files, folders, or patterns")
    parser.add_argument("--top-k", type=int, default=5, help="classes to name")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    given = parser.parse_args(words)
    from ..deployment.predictions import predict_files

    print(predict_files(given.run, given.images, top_k=given.top_k, form=given.format))
    return 0
