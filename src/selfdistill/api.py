"""What Python users call: the commands' own code path and defaults."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from . import reports
from .backbones import Backbone
from .deployment import Model
from .deployment import load as load_model
from .training import train as train_run
from .training.passed import Images, Learning, settings_of

NO_OPTIONS: Mapping[str, object] = {}


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
        return f"{self.path}\n{self._table().rstrip()}"

    def _table(self) -> str:
        return reports.as_text(reports.compare([reports.read(self.path)], None))

    @property
    def summary(self) -> dict[str, object]:
        """What ``summary.json`` holds: recipe, curve, scores of every exit, cost."""
        return json.loads((self.path / "summary.json").read_text())

    def load(self) -> Model:
        """The trained network, ready to classify pictures."""
        return load_model(self.path)


@dataclass(frozen=True)
class Table:
    """Runs beside each other; prints as text, and shows as a table in notebooks.

    Args:
        comparison: What it shows.
    """

    comparison: reports.Comparison

    def __str__(self) -> str:
        return reports.as_text(self.comparison, width=100)

    def _repr_html_(self) -> str:
        return reports.as_html(self.comparison)


def train(
    *,
    data: Images | None = None,
    backbone: str | Backbone | None = None,
    method: Learning | None = None,
    config: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    image_size: int | None = None,
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
        image_size: Height and width of what the network sees, in pixels.
        seed: Fixes initial weights, order and augmentation.
        out: The run directory.
        options: Further options of the command by name, such as ``{"optimizer.lr": 1e-3}``.

    Raises:
        ValueError: If something is misspelt, missing or does not suit.
        Failure: If the run is locked, storage fails, or the loss is not finite.

    Example:
        >>> train(data="photos", backbone="resnet18", method="SKDSAM", epochs=30)  # doctest: +SKIP
    """
    named = {
        "epochs": epochs,
        "batch_size": batch_size,
        "image_size": image_size,
        "seed": seed,
        "out": out,
    }
    settings = settings_of(
        config=config,
        data=data,
        backbone=backbone,
        method=method,
        options={**{k: v for k, v in named.items() if v is not None}, **options},
    )
    return Run(train_run(settings))


def compare(runs: Sequence[str | PathLike[str]], *, split: str | None = None) -> Table:
    """Put runs beside each other, as ``selfdistill compare`` does.

    Args:
        runs: Run directories or summaries.
        split: ``validation`` or ``test``; None for test, if all runs have read it.

    Raises:
        ValueError: If there is no run at a path, or one lacks the split.
    """
    return Table(reports.compare([reports.read(Path(run)) for run in runs], split))
