"""Commands about one run: train, evaluate, attention."""

import json
import sys
from functools import partial
from pathlib import Path

from ..runs import SCORED_SPLITS
from .parser import add_own_code, parser_of


def train(words: list[str]) -> int:
    """Train a network."""
    from ..config import parse

    settings = parse(words)
    from .. import training  # a second of imports that help and mistakes do not wait for

    training.train(settings)
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
    args, further = parser.parse_known_args(words)
    from .. import inspection
    from ..config import read_changes
    from ..reports import class_table, corruption_table, exit_table

    changes, execution = read_changes(further)
    found = inspection.evaluate(args.run, split=args.split, changes=changes, execution=execution)
    images = f"{found.images:,} images ({found.split})"
    exits = {name: scores | found.scaled.get(name, {}) for name, scores in found.exits.items()}
    tables = [f"{images}\n\n{exit_table(exits)}", class_table(found.classes)]
    content: dict[str, object] = {**exits}
    content |= {"split": found.split, "images": found.images, "classes": found.classes}
    if args.corruptions:
        log = partial(print, file=sys.stderr, flush=True)
        accuracies = inspection.evaluate_corruptions(
            args.run, split=args.split, changes=changes, execution=execution, log=log
        )
        tables.append(corruption_table(accuracies))
        content["corruptions"] = accuracies
    print(json.dumps(content, indent=1) if args.format == "json" else "\n\n".join(tables))
    return 0


def attention(words: list[str]) -> int:
    """Draw and print what each stage makes of images."""
    parser = parser_of("attention")
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("images", nargs="+", help="image files, folders, or patterns")
    parser.add_argument("--picture", type=Path, default=Path("attention.png"), help="PNG file")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    add_own_code(parser)
    args = parser.parse_args(words)
    picture: Path = args.picture
    if picture.suffix.lower() != ".png":
        raise ValueError(f"--picture {picture}: name a PNG file, such as attention.png")
    from ..config import Execution
    from ..inspection import inspect_images
    from ..reports import stages_json, stages_table
    from ..reports.stages import stages_figure
    from ..runs import replace_file
    from .predict import find_files

    files = find_files(args.images)
    if picture.resolve() in {file.resolve() for file in files}:
        raise ValueError(f"--picture {picture} is one of the images: name another file")
    execution = Execution(allow_own_code=args.allow_own_code)
    images = inspect_images(args.run, files, execution=execution)
    replace_file(picture, stages_figure(images))
    if args.format == "json":
        print(stages_json(images))
    else:
        print(stages_table(images), picture, sep="\n")
    return 0
