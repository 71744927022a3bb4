"""The command line: ``selfdistill`` and ``python -m selfdistill``."""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__

if TYPE_CHECKING:
    from .studies import Outcome

COMMANDS = {
    "quickstart": "compare cross-entropy and SKDSAM on the embedded digits, in about a minute",
    "train": "train a network; the same command again goes on where it stopped",
    "evaluate": "scores of a run's every exit",
    "predict": "classes of pictures, by a run or a model folder",
    "compare": "a table of runs: accuracy over seeds, gain over cross-entropy, cost",
    "study": "train what a grid of runs still misses, and compare",
    "report": "a page of tables and figures about a study or about runs",
    "methods": "the methods; with a name, its equation, options and defaults",
    "backbones": "the networks whose names match a pattern",
    "augment": "a picture of what a recipe shows the network",
    "recipes": "the shipped recipes; with a name, its content",
}

SPLITS = ("validation", "test")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, or what the failure documents."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    warnings.showwarning = _show_warning
    try:
        return _dispatch(words)
    except Exception as error:
        code = _exit_code(error)
        if debug or code is None:
            raise
        print(f"selfdistill: {error}", file=sys.stderr)
        return code


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_help())
        return 0
    if words[0] == "--version":
        print(f"selfdistill {__version__}")
        return 0
    commands: dict[str, Callable[[list[str]], int]] = {
        "quickstart": _quickstart,
        "train": _train,
        "evaluate": _evaluate,
        "predict": _predict,
        "compare": _compare,
        "study": _study,
        "report": _report,
        "methods": _methods,
        "backbones": _backbones,
        "recipes": _recipes,
        "augment": _augment,
    }
    if words[0] not in commands:
        import difflib

        nearest = difflib.get_close_matches(words[0], commands, n=1, cutoff=0.0)[0]
        raise ValueError(f"there is no command {words[0]!r}: did you mean {nearest}?")
    return commands[words[0]](words[1:])


def _help() -> str:
    lines = [f"  {name:<12}{what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: selfdistill COMMAND …",
            "",
            "Image classifiers that teach themselves.",
            "",
            *lines,
            "",
            "selfdistill COMMAND --help says more; --debug shows where an error arose.",
        ]
    )


def _exit_code(error: Exception) -> int | None:
    """The documented code of a failure; None for a fault of ours, which shows its traceback."""
    documented: int | None = getattr(error, "exit_code", None)
    if documented is not None:
        return documented
    if isinstance(error, ValueError):
        return 2
    return 4 if isinstance(error, OSError) else None


def _show_warning(message: Warning | str, category: type[Warning], *where: object) -> None:
    del where
    if issubclass(category, UserWarning):
        print(f"warning: {message}", file=sys.stderr, flush=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise ValueError(f"{self.prog}: {message}; see {self.prog} --help")


def _parser(command: str) -> argparse.ArgumentParser:
    return _Parser(prog=f"selfdistill {command}", description=COMMANDS[command], allow_abbrev=False)


def _quickstart(words: list[str]) -> int:
    parser = _parser("quickstart")
    parser.add_argument("--out", type=Path, default=Path("runs/quickstart"), help="run directories")
    folder: Path = parser.parse_args(words).out
    from .studies import quickstart

    return _show_outcome(quickstart(folder), split=None, folder=folder)


def _train(words: list[str]) -> int:
    from .training import parse, train

    train(parse(words))
    return 0


def _evaluate(words: list[str]) -> int:
    parser = _parser("evaluate")
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--split", choices=SPLITS, help="default: validation, if any")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    given, further = parser.parse_known_args(words)
    from .reports import exit_table
    from .training.evaluate import evaluate

    scores = evaluate(given.run, split=given.split, words=further)
    print(json.dumps(scores, indent=1) if given.format == "json" else exit_table(scores))
    return 0


def _predict(words: list[str]) -> int:
    parser = _parser("predict")
    parser.add_argument("run", type=Path, help="run directory or model folder")
    parser.add_argument("images", nargs="+", help="image files, folders, or patterns")
    parser.add_argument("--top-k", type=int, default=5, help="classes to name")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    given = parser.parse_args(words)
    from .deployment.predictions import predict_files

    print(predict_files(given.run, given.images, top_k=given.top_k, form=given.format))
    return 0


def _compare(words: list[str]) -> int:
    parser = _parser("compare")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory or summary")
    parser.add_argument("--split", choices=SPLITS, help="default: test, if all have it")
    parser.add_argument("--format", choices=("table", "csv", "json", "markdown"), default="table")
    given = parser.parse_args(words)
    _print_comparison(given.runs, split=given.split, form=given.format)
    return 0


def _study(words: list[str]) -> int:
    parser = _parser("study")
    parser.add_argument("name", help="a shipped study, or a file")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="run directories")
    parser.add_argument("--results", type=Path, help="copy finished summaries here")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--budget", type=_seconds, metavar="TIME", help="stop after 90s, 9m, 2h")
    given, further = parser.parse_known_args(words)
    from . import studies

    study = studies.load(given.name)
    outcome = studies.StudyRunner(
        study,
        out=given.out,
        results=given.results,
        jobs=given.jobs,
        further=further,
        say=lambda line: print(line, flush=True),
    ).run(given.budget)
    return _show_outcome(outcome, split=study.split, folder=given.out / study.name)


def _report(words: list[str]) -> int:
    parser = _parser("report")
    parser.add_argument("runs", nargs="+", metavar="STUDY|RUN", help="a study's name, or runs")
    parser.add_argument("--to", type=Path, default=Path("report"), help="folder of the page")
    parser.add_argument("--title", help="heading of the page")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where the study's runs are")
    parser.add_argument("--results", type=Path, help="where its copied summaries are")
    given = parser.parse_args(words)
    from .reports.page import write_report

    names: list[str] = given.runs
    papers: dict[str, float] = {}
    if len(names) == 1 and not Path(names[0]).exists():
        from . import studies

        study = studies.load(names[0])
        runner = studies.StudyRunner(
            study, out=given.out, results=given.results, jobs=1, further=(), say=print
        )
        runs, papers = runner.found(), dict(study.papers)
    else:
        runs = [Path(name) for name in names]
    page = write_report(runs, given.to, title=given.title or " ".join(names), papers=papers)
    print(page)
    return 0


def _show_outcome(outcome: "Outcome", *, split: str | None, folder: Path) -> int:
    """Print what a study found, and what it still misses."""
    if outcome.summaries:
        _print_comparison(outcome.summaries, split=split, form="table")
    print(f"The runs are in {folder}.")
    for line in outcome.missing:
        print(f"not finished: {line}")
    return 0


def _seconds(text: str) -> float:
    """Seconds in a time such as 90s, 9m, 2h."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        return float(text[:-1]) * units[text[-1]]
    except (KeyError, ValueError, IndexError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 9m or 2h") from None


def _print_comparison(runs: Sequence[Path], *, split: str | None, form: str) -> None:
    from rich.console import Console

    from . import reports

    comparison = reports.compare([reports.read(run) for run in runs], split)
    if form == "table":
        console = Console()
        console.print(reports.as_table(comparison, width=console.width))
        return
    render = {"csv": reports.as_csv, "json": reports.as_json, "markdown": reports.as_markdown}
    print(render[form](comparison))


def _methods(words: list[str]) -> int:
    parser = _parser("methods")
    parser.add_argument("name", nargs="?", help="a method")
    name: str | None = parser.parse_args(words).name
    from .training.catalogue import describe_method, list_methods

    print(list_methods() if name is None else describe_method(name))
    return 0


def _backbones(words: list[str]) -> int:
    parser = _parser("backbones")
    parser.add_argument("pattern", nargs="?", default="*", help="as in file names: 'resnet*'")
    parser.add_argument("--pretrained", action="store_true", help="only with published weights")
    given = parser.parse_args(words)
    from .backbones import backbone_names

    names = backbone_names(given.pattern, pretrained=given.pretrained)
    if not names:
        raise ValueError(f"no network matches {given.pattern!r}: try '*{given.pattern}*'")
    print("\n".join(names))
    return 0


def _augment(words: list[str]) -> int:
    parser = _parser("augment")
    parser.add_argument("recipe", help="a recipe; further options are those of train")
    parser.add_argument("--picture", type=Path, default=Path("augmentation.png"), help="PNG file")
    given, further = parser.parse_known_args(words)
    from .training.preview import draw_augmentation

    draw_augmentation(["--config", given.recipe, *further], given.picture)
    print(f"{given.picture}: training images, and what seven epochs show of them")
    return 0


def _recipes(words: list[str]) -> int:
    parser = _parser("recipes")
    parser.add_argument("name", nargs="?", help="a recipe")
    name: str | None = parser.parse_args(words).name
    from . import recipes

    print("\n".join(recipes.names()) if name is None else recipes.find(name).read_text().rstrip())
    return 0
