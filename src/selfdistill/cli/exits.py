"""The command that fits where a run's network may stop early."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..runs import SCORED_SPLITS
from .parser import parser_of, points, share

if TYPE_CHECKING:
    from ..deployment import ExitPromise


def exits(words: list[str]) -> int:
    """Fit thresholds of a run's exits, keep them, and print what they do."""
    parser = parser_of("exits")
    parser.epilog = (
        "Without a promise, the rule that is there is looked at. --data.root FOLDER says where the "
        "run's images lie now."
    )
    add = parser.add_argument
    add("run", type=Path, help="run directory")
    promises = parser.add_mutually_exclusive_group()
    promises.add_argument(
        "--max-drop", type=points, metavar="POINTS", help="points of accuracy that may be lost"
    )
    promises.add_argument(
        "--risk", type=share, metavar="SHARE", help="wrong among early answers, such as 5%%"
    )
    promises.add_argument(
        "--budget", type=share, metavar="SHARE", help="mean MACs of the network's, such as 0.6"
    )
    add("--split", choices=SCORED_SPLITS, default="validation", help="images it is looked at on")
    add("--picture", type=Path, help="PNG file for accuracy by multiply-adds")
    add("--format", choices=("table", "json"), default="table")
    args, further = parser.parse_known_args(words)
    picture: Path | None = args.picture
    if picture is not None and picture.suffix.lower() != ".png":
        raise ValueError(f"--picture {picture}: name a PNG file, such as exits.png")
    from .. import inspection
    from ..config import read_changes
    from ..reports import early_figure, early_json, early_table
    from ..runs import replace_file

    changes, execution = read_changes(further)
    promise = _promise(args.max_drop, args.risk, args.budget)
    report = inspection.exits(
        args.run, promise, split=args.split, changes=changes, execution=execution
    )
    if picture is not None:
        replace_file(picture, early_figure(report))
    print(early_json(report) if args.format == "json" else early_table(report))
    return 0


def _promise(
    max_drop: float | None, risk: float | None, budget: float | None
) -> "ExitPromise | None":
    from ..deployment import ExitPromise

    if max_drop is not None:
        return ExitPromise("max_drop", max_drop)
    if risk is not None:
        return ExitPromise("risk", risk)
    return None if budget is None else ExitPromise("budget", budget)
