"""A study: a named grid of runs, cells × seeds."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .. import recipes

FOLDER = recipes.FOLDER / "studies"


@dataclass(frozen=True)
class Cell:
    """Runs that differ in nothing but the seed.

    Args:
        name: What tables call it.
        options: Options of ``selfdistill train`` without their hyphens.
        teacher: The cell whose run of the same seed teaches this one's, and so runs first.
    """

    name: str
    options: Mapping[str, str] = field(hash=False)
    teacher: str | None = None

    @property
    def slug(self) -> str:
        """The name as part of a path."""
        return re.sub(r"[^A-Za-z0-9.=]+", "-", self.name).strip("-")

    def words(self, seed: int) -> list[str]:
        """The run of a seed, as words of ``selfdistill train``."""
        options = [f"--{option}={value}" for option, value in self.options.items()]
        return [*options, f"--seed={seed}"]


@dataclass(frozen=True)
class Study:
    """What is run and compared.

    Args:
        name: What it is called.
        seeds: Seeds of every cell that names no others.
        cells: What is compared, in the order of the table.
        papers: Published accuracies by the cell's name, percent.
        split: The split that the comparison reads; None for test where every run has read it, else
            validation.
        cell_seeds: Seeds of cells that have their own.
    """

    name: str
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    papers: Mapping[str, float]
    split: str | None
    cell_seeds: Mapping[str, tuple[int, ...]]

    def runs(self) -> list[tuple[Cell, int]]:
        """All runs, seed by seed, so that a cut-off study has every cell."""
        pairs = [(cell, seed) for cell in self.cells for seed in self.seeds_of(cell)]
        return sorted(pairs, key=lambda pair: self.seeds_of(pair[0]).index(pair[1]))

    def cell(self, name: str) -> Cell:
        """The cell of a name."""
        return next(cell for cell in self.cells if cell.name == name)

    def seeds_of(self, cell: Cell) -> tuple[int, ...]:
        """The seeds of a cell."""
        return self.cell_seeds.get(cell.name, self.seeds)

    def lessons(self, cell: Cell) -> int:
        """How many other cells must be trained before this one, each by the one before."""
        return 0 if cell.teacher is None else 1 + self.lessons(self.cell(cell.teacher))


def names() -> list[str]:
    """The shipped studies."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def load(name: str) -> Study:
    """Read a study: a file, or the name of a shipped one.

    Raises:
        ValueError: If there is neither, or the file is no study.
    """
    file = Path(name) if Path(name).is_file() else FOLDER / f"{name.lower()}.yaml"
    if not file.is_file():
        nearest = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]}?" if nearest else f"shipped are {', '.join(names())}"
        raise ValueError(f"there is no study {name}, neither a file nor a shipped one: {hint}")
    try:
        return from_plain(yaml.safe_load(file.read_text()), file.stem)
    except (KeyError, TypeError, yaml.YAMLError) as error:
        what = " ".join(str(error).split())
        raise ValueError(
            f"{file} is no study ({type(error).__name__}: {what}): give it seeds, and cells by name"
        ) from error


def from_plain(content: object, name: str) -> Study:
    """Make a study of decoded YAML.

    Raises:
        ValueError: If cells share a folder, or a teacher is missing.
        KeyError: If a field is.
        TypeError: If a field is of the wrong kind.
    """
    content = _mapping(content)
    config = {"config": content["config"]} if "config" in content else {}
    common = {**config, **_mapping(content.get("options"))}
    cells = _mapping(content["cells"])
    own = {cell: _mapping(options).get("seeds") for cell, options in cells.items()}
    split = content.get("split")
    study = Study(
        name=str(content.get("name", name)),
        seeds=_seeds(content["seeds"]),
        cells=tuple(_cell(cell, common, _mapping(options)) for cell, options in cells.items()),
        papers={key: float(str(value)) for key, value in _mapping(content.get("papers")).items()},
        split=None if split is None else str(split),
        cell_seeds={cell: _seeds(seeds) for cell, seeds in own.items() if seeds is not None},
    )
    _check(study)
    return study


def _check(study: Study) -> None:
    folders: dict[str, str] = {}
    for cell in study.cells:
        other = folders.setdefault(cell.slug.lower(), cell.name)
        if not cell.slug or other != cell.name:
            raise ValueError(f"cells {other!r} and {cell.name!r} share a folder: rename one")
        _check_teacher(study, cell)


def _check_teacher(study: Study, cell: Cell) -> None:
    seen = [cell.name]
    while cell.teacher is not None:
        teacher = next((other for other in study.cells if other.name == cell.teacher), None)
        if teacher is None or teacher.name in seen:
            why = "no cell of that name" if teacher is None else "taught by it in turn"
            raise ValueError(f"{cell.name} is to learn from {cell.teacher}, which is {why}")
        missing = set(study.seeds_of(cell)) - set(study.seeds_of(teacher))
        if missing:
            raise ValueError(
                f"{cell.name} learns from {teacher.name}, which has no seed {min(missing)}: "
                "give both the same seeds"
            )
        seen.append(teacher.name)
        cell = teacher


def _cell(name: str, common: Mapping[str, object], options: Mapping[str, object]) -> Cell:
    merged = {**common, **{k: v for k, v in options.items() if k not in ("seeds", "teacher")}}
    teacher = options.get("teacher")
    return Cell(
        name,
        {option: "null" if value is None else str(value) for option, value in merged.items()},
        None if teacher is None else str(teacher),
    )


def _seeds(value: object) -> tuple[int, ...]:
    """A number of seeds, from 0, or a list of them."""
    if isinstance(value, int):
        return tuple(range(value))
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is neither a number of seeds nor a list of them")
    return tuple(int(str(seed)) for seed in value)  # pyright: ignore[reportUnknownVariableType]


def _mapping(value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} stands where fields belong")
    return {str(key): element for key, element in value.items()}
