"""A recipe: everything that decides the numbers of a run, as a plain value."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from ..data import DataSet
from ..methods import Method
from .check_fields import check_fields
from .merging import (
    Options,
    accepted,
    choose_classes,
    merge,
    put,
    section,
    settle,
)
from .own_images import choose_recipe, fit_size, own_name
from .resolving import Reading, fit_warmup, read_recipe, split_paths, weights
from .schema import PASSED, BackboneChoice, Ingredients
from .sources import OpenedRecipes, open_recipes
from .typed import Plain
from .user_code import refuse_own_code
from .words import read_options

OPTION = re.compile(r"(?:unknown option )?--([\w.-]+\w)|(\w+)=")
"""How a message begins that is about an option."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run's numbers, as plain values.

    Args:
        values: The tree that ``recipe.yaml`` holds: fields, and classes as ``class_path`` and
            ``init_args``. Trained weights are named by their hash.
        paths: Options that say where images and trained weights lie, which no number depends on.
        name: What it is called: by it default directories are named.
        note: Which recipe was chosen, where none was asked for; empty otherwise.

    Example:
        >>> recipe = Recipe.from_file("digits").override({"method": "BYOT", "optimizer.lr": 0.1})
        >>> recipe.method
        'BYOT'
    """

    values: Mapping[str, object]
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    name: str = "custom"
    note: str = ""

    @classmethod
    def from_argv(cls, argv: list[str]) -> "Recipe":
        """What words of ``train`` say of a recipe.

        Raises:
            ValueError: If something is misspelt, missing or impossible, in one line.
        """
        return cls.from_options(read_options(argv))

    @classmethod
    def from_file(cls, name: str | Path) -> "Recipe":
        """Read a recipe: a file, or the name of a shipped one.

        Raises:
            ValueError: If there is none, or it cannot be read.
        """
        return cls.from_options([("config", str(name))])

    @classmethod
    def from_options(
        cls, options: Options, *, incomplete: bool = False, allow_own_code: bool = False
    ) -> "Recipe":
        """What options say: they count more than the recipes that they name, in whatever order.

        Args:
            options: Fields by name, text as it is typed; of recipes (``config``), and of an option
                that is repeated, the last counts.
            incomplete: Whether paths of images and of a teacher may come later.
            allow_own_code: Whether files of the current folder that a recipe names are run in any
                case.

        Raises:
            ValueError: If something is misspelt, missing or impossible, in one line.
        """
        options, note = choose_recipe(options)
        opened = open_recipes(options, allow_own_code=allow_own_code)
        return replace(compose(opened, options, incomplete=incomplete), note=note)

    @classmethod
    def from_dict(
        cls,
        stored: Mapping[str, object],
        *,
        upgrade: bool = False,
        own_code: Mapping[str, str] | None = None,
        where: Path | str = "the recipe",
    ) -> "Recipe":
        """A recipe as it was stored; where its images lie is not known.

        Args:
            stored: The tree.
            upgrade: Add what later versions added to recipes, at its default, and check the rest.
            own_code: Hashes of files of one's own that may be run for it, as its run recorded them;
                None for any file.
            where: Where it is stored, for messages.

        Raises:
            ValueError: If it is not a recipe, or names code that may not be run.
        """
        if not upgrade:
            return cls(stored)
        tree = {k: v for k, v in stored.items() if k not in ("format", "split")}
        named = {k: v for k, v in tree.items() if not _is_passed(tree, k)}
        check_fields(named, where)
        if own_code is not None:
            refuse_own_code(named, own_code, where)
        try:
            recipe = compose(OpenedRecipes(merge({}, tree)), [], incomplete=True)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        return recipe.resolved(**{k: stored[k] for k in ("split",) if k in stored})

    def override(self, changes: Mapping[str, object], *, incomplete: bool = False) -> "Recipe":
        """The recipe with other values.

        Args:
            changes: Values by the full name of an option: ``{"optimizer.lr": 0.1}``.
            incomplete: Whether paths of images and of a teacher may come later.

        Raises:
            ValueError: If something is misspelt, missing or impossible, in one line.
        """
        if "config" in changes:
            raise ValueError(f"--config {changes['config']}: a run has its recipe; leave it out")
        own = own_name(self.data, self.paths)
        name = self.name if own is None else self.name.removesuffix(f"/{own}")
        tree = {k: v for k, v in self.values.items() if k not in ("format", "split")}
        opened = OpenedRecipes(tree, dict(self.paths), name, weights(tree))
        recipe = compose(opened, [*changes.items()], incomplete=incomplete)
        return replace(recipe, note=self.note)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as plain values: another process imports the classes itself."""
        return Recipe, (self.values, self.paths, self.name, self.note)

    def resolved(self, **known: object) -> "Recipe":
        """The recipe with what is known only where it runs: precision, the split's hash."""
        return replace(self, values={**self.values, **known})

    def hash(self, *, with_seed: bool = True) -> str:
        """A short hash; the split's own hash is left out."""
        values = {
            k: v for k, v in self.values.items() if k != "split" and (with_seed or k != "seed")
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def method(self) -> str:
        """The method's plain name."""
        return str(section(self.values, "method")["class_path"]).rpartition(".")[2]

    @property
    def data(self) -> str:
        """The name of the data set's class, or that it was passed in Python."""
        return str(section(self.values, "data")["class_path"])

    @property
    def backbone(self) -> str:
        """The network's name, or that it was passed in Python."""
        return str(section(self.values, "backbone")["name"])

    def build(self, data: DataSet | None = None) -> Ingredients:
        """Make the objects that the recipe names.

        Args:
            data: The images, where only Python knows them.

        Raises:
            ValueError: If a value is impossible.
        """
        return self._reading.build(data)

    def build_data(self) -> DataSet:
        """Make the data set.

        Raises:
            ValueError: If nobody says where they lie, or only Python knew them.
        """
        return self._reading.data()

    def build_backbone(self) -> BackboneChoice:
        """Which network is trained; its ``build`` makes it."""
        return self._reading.backbone

    def build_method(self) -> partial[Method]:
        """The method with its options; called with a network it makes the method."""
        return self._reading.later("method")

    @cached_property
    def _reading(self) -> Reading:
        tree = {k: v for k, v in self.values.items() if k not in ("format", "split")}
        return read_recipe(put(tree, _path_options(self.paths)), incomplete=True)


def compose(opened: OpenedRecipes, options: Options, *, incomplete: bool = False) -> Recipe:
    """A recipe of what files and options say; options count more, wherever they stand.

    Raises:
        ValueError: If something is misspelt, missing or impossible; where no option says it, the
            file that does comes first.
    """
    try:
        return _composed(opened, options, incomplete=incomplete)
    except ValueError as error:
        raise ValueError(_with_file(str(error), opened, options)) from error


def _composed(opened: OpenedRecipes, options: Options, *, incomplete: bool) -> Recipe:
    choices, others = settle(options)
    tree = fit_warmup(choose_classes(opened.tree, choices), dict(others))
    tree = put(tree, _path_options(accepted(opened.paths, tree)))
    tree = fit_size(put(tree, others))
    reading = read_recipe(tree, incomplete=incomplete)
    values, paths = split_paths(reading)
    data = reading.choices["data"]
    if data is not None and not data.lacks:
        reading.build()  # its classes know what is impossible
    _check_weights(
        values, paths, {k: v for k, v in opened.weights.items() if k not in dict(options)}
    )
    own = None if data is None else own_name(data.kind.__name__, paths)
    return Recipe(values, paths, opened.name if own is None else f"{opened.name}/{own}")


def _path_options(paths: Mapping[str, str]) -> Options:
    """Paths as options; that of a teacher as a path, since text could name something to import."""
    return [(k, Path(where) if k == "method.teacher" else where) for k, where in paths.items()]


def _is_passed(tree: Mapping[str, object], name: str) -> bool:
    """Whether a field stands for an object that was passed in Python."""
    return PASSED in (section(tree, name).get("class_path"), section(tree, name).get("name"))


def _check_weights(values: Plain, paths: Mapping[str, str], expected: Mapping[str, str]) -> None:
    found = weights(values)
    for option, value in expected.items():
        if option in paths and found.get(option) != value:
            raise ValueError(
                f"{paths[option]} no longer holds the weights of the recipe ({option}: "
                f"{value} there, {found.get(option)} now): bring them back, or name others with "
                f"--{option}"
            )


def _with_file(message: str, opened: OpenedRecipes, options: Options) -> str:
    """A message about an option; first comes the file that gives it where no option does."""
    found = OPTION.match(message)
    option = (found[1] or found[2]).replace("-", "_") if found else ""
    given = [(name, value) for name, value in options if name != "config"]
    if option and any(f"{option}.".startswith(f"{name}.") for name, _ in given):
        return message
    if not option and any(value and str(value) in message for _, value in given):
        return message
    group = option.partition(".")[0]
    files = [file for file, fields in opened.files.items() if not group or group in fields]
    return f"{files[-1]}: {message}" if files else message
