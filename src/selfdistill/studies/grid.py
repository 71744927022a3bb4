"""A study: a named grid of runs, cells × seeds."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..runs import SCORED_SPLITS

DESTINATIONS = ("out", "overwrite")
"""Options of ``train`` that belong to the study itself."""
FIELDS = ("name", "config", "options", "seeds", "split", "cells", "papers", "own_code")


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
        own_code: Hashes of the user's files that the cells name, by path, as they were when the
            study was made from words.
    """

    name: str
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    papers: Mapping[str, float]
    split: str | None
    cell_seeds: Mapping[str, tuple[int, ...]]
    own_code: Mapping[str, str] = field(default_factory=dict[str, str])

    def runs(self) -> list[tuple[Cell, int]]:
        """All runs, seed by seed, so that a cut-off study has every cell."""
        pairs = [(cell, seed) for cell in self.cells for seed in self.seeds_of(cell)]
        return sorted(pairs, key=lambda pair: self.seeds_of(pair[0]).index(pair[1]))

    def cell(self, name: str | None) -> Cell | None:
        """The cell of a name, if there is one."""
        return next((cell for cell in self.cells if cell.name == name), None)

    def seeds_of(self, cell: Cell) -> tuple[int, ...]:
        """The seeds of a cell."""
        return self.cell_seeds.get(cell.name, self.seeds)


def from_plain(content: object, name: str) -> Study:
    """Make a study of decoded YAML; a ValueError or TypeError says what is wrong with it."""
    content = _mapping(content)
    for key in content:
        if key not in FIELDS:
            nearest = difflib.get_close_matches(key, FIELDS, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(FIELDS)}"
            raise ValueError(f"a study has no field {key}: {hint}")
    for needed in ("seeds", "cells"):
        if needed not in content:
            raise ValueError(f"a study needs the field {needed}")
    config = {"config": content["config"]} if "config" in content else {}
    common = {**config, **_mapping(content.get("options"))}
    cells = {cell: _mapping(options) for cell, options in _mapping(content["cells"]).items()}
    split = content.get("split")
    study = Study(
        name=str(content.get("name", name)),
        seeds=_seeds(content["seeds"]),
        cells=tuple(_cell(cell, common, options) for cell, options in cells.items()),
        papers={key: float(str(value)) for key, value in _mapping(content.get("papers")).items()},
        split=None if split is None else str(split),
        cell_seeds={
            cell: _seeds(options["seeds"])
            for cell, options in cells.items()
            if options.get("seeds") is not None
        },
        own_code={k: str(v) for k, v in _mapping(content.get("own_code")).items()},
    )
    _check(study)
    return study


def _check(study: Study) -> None:
    _check_folder("the study's name", study.name, study.name)
    if study.split not in (None, *SCORED_SPLITS):
        raise ValueError(
            f"split {study.split!r}: choose {' or '.join(SCORED_SPLITS)}, or leave it out"
        )
    for name in study.papers:
        if study.cell(name) is None:
            raise ValueError(f"papers tell of {name!r}, which is no cell")
    folders: dict[str, str] = {}
    for cell in study.cells:
        _check_folder("the cell", cell.name, cell.slug)
        for option in cell.options:
            if option.lstrip("-").replace("-", "_").partition("=")[0] in DESTINATIONS:
                raise ValueError(
                    f"{option}: a study does not say where its runs go; leave it out, and give "
                    "--out to `selfdistill study`"
                )
        other = folders.setdefault(cell.slug.lower(), cell.name)
        if not cell.slug or other != cell.name:
            raise ValueError(f"cells {other!r} and {cell.name!r} share a folder: rename one")
        _check_teacher(study, cell)


def _check_folder(what: str, name: str, folder: str) -> None:
    """Refuse a name that leads out of the folder in which its own is to lie."""
    if folder in ("", ".", "..") or any(not c.isprintable() or c in "/\\" for c in folder):
        raise ValueError(f"{what} {name!r} cannot name a folder: use letters and digits")


def _check_teacher(study: Study, cell: Cell) -> None:
    seen = [cell.name]
    while cell.teacher is not None:
        teacher = study.cell(cell.teacher)
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
    if isinstance(value, list):
        seeds = [int(str(seed)) for seed in value]  # pyright: ignore[reportUnknownVariableType]
    elif isinstance(value, int):
        seeds = list(range(value))
    else:
        raise TypeError(f"{value!r} is neither a number of seeds nor a list of them")
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds {seeds}: give how many, or several different ones, none below 0")
    return tuple(seeds)


def _mapping(value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} stands where fields belong")
    return {str(key): element for key, element in value.items()}
