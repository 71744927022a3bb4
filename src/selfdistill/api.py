"""What Python users call: the commands' own code path and defaults."""

import difflib
import functools
import inspect
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import ParamSpec, TypeVar

from . import reports
from .backbones import Backbone
from .config import Images, Learning, checked_options, settings_of
from .deployment import Model
from .loading import load as load_model
from .runs import read_summary, runs_in
from .terminal import one_line
from .training import train as train_run

NO_OPTIONS: Mapping[str, object] = {}
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Run:
    """A finished run.

    Args:
        path: Its directory.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        table = reports.as_text(reports.compare([reports.read(self.path)], None))
        return f"{self.path}\n{table.rstrip()}"

    @property
    def summary(self) -> dict[str, object]:
        """What ``summary.json`` holds: recipe, curve, scores of every exit, cost."""
        return read_summary(self.path).values

    def load(self) -> Model:
        """The trained network, ready to classify pictures."""
        return load_model(self.path)


@dataclass(frozen=True, repr=False)
class Table:
    """Runs beside each other; prints as text, and shows as a table in notebooks.

    Args:
        comparison: What it shows.
    """

    comparison: reports.Comparison

    def __str__(self) -> str:
        return reports.as_text(self.comparison, width=100)

    def __repr__(self) -> str:
        return f"<Table of {len(self.comparison.rows)} rows; print it, or show it in a notebook>"

    def _repr_html_(self) -> str:
        return reports.as_html(self.comparison)


def _knows_options(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Explain unknown arguments."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*given: Arguments.args, **named: Arguments.kwargs) -> Result:
        if given:
            raise TypeError("train() takes its arguments by name, as train(data=...)")
        for name, value in named.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
                hint = f"did you mean {near[0]}?" if near else "give options of the command as"
                more = "" if near else f" options={{{name!r}: {value!r}}}"[:80]
                raise TypeError(f"train() has no argument {name!r}: {hint}{more}")
        return function(*given, **named)

    return call


@contextmanager
def _plain_warnings() -> Generator[None]:
    """Show users' warnings in a line each, as the commands do; recording them works as ever."""
    before = warnings.formatwarning

    def plain(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if issubclass(category, UserWarning):
            return f"warning: {one_line(str(message))}\n"
        return before(message, category, filename, lineno, line)

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = before


@_knows_options
def train(
    *,
    data: Images | None = None,
    backbone: str | Backbone | None = None,
    method: Learning | None = None,
    config: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    image_size: int | tuple[int, int] | str | None = None,
    lr: float | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    options: Mapping[str, object] = NO_OPTIONS,
) -> Run:
    """Train a network, as ``selfdistill train`` does; the same call again goes on or is done.

    What is None is left to the recipe.

    Args:
        data: A folder of class folders, a table of images, the name of a data set, a data set, or
            images: splits, a set that is divided, or pairs in the style of torchvision.
        backbone: The name of a network, or a network, of which a copy is trained.
        method: How it learns: a name, a class, or a class with options as a ``functools.partial``.
        config: The recipe: its name or a file.
        epochs: Passes over the training images.
        batch_size: Images that an optimizer step sees.
        image_size: Height and width of what the network sees, in pixels, or one number for squares.
        lr: Learning rate.
        seed: Fixes initial weights, order and augmentation.
        out: The run directory.
        options: Further options of the command by name, such as ``{"precision": "fp32"}``.

    Raises:
        ValueError: If something is misspelt, missing or does not suit.
        Failure: If the run is locked, storage fails, or the loss is not finite.

    Examples:
        >>> train(data="photos", backbone="resnet18", method="SKDSAM", epochs=30)  # doctest: +SKIP
    """
    named = {
        "epochs": epochs,
        "batch_size": batch_size,
        "image_size": image_size,
        "lr": lr,
        "seed": seed,
        "out": out,
    }
    with _plain_warnings():
        settings = settings_of(
            config=config,
            data=data,
            backbone=backbone,
            method=method,
            options=named | checked_options(options),
        )
        return Run(train_run(settings))


def compare(
    runs: str | PathLike[str] | Sequence[str | PathLike[str]], *, split: str | None = None
) -> Table:
    """Put runs beside each other, as ``selfdistill compare`` does.

    Args:
        runs: Run directories, summaries, or folders of either; or one of these.
        split: ``validation`` or ``test``; None for test, if all runs have read it.

    Raises:
        ValueError: If there is no run at a path, or one lacks the split.
    """
    paths = [runs] if isinstance(runs, str | PathLike) else list(runs)
    for path in paths:
        if not isinstance(path, str | PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"runs holds a {type(path).__name__}: give runs, or paths of them")
    if not paths:
        raise ValueError("runs is empty: give runs, or paths of them")
    return Table(
        reports.compare([reports.read(run) for run in runs_in(list(map(Path, paths)))], split)
    )
