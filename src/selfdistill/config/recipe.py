"""A recipe: everything that decides the numbers of a run, as a plain value."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from ..backbones import Backbone
from ..data import DataSet
from ..methods import Method
from .check_fields import check_fields
from .composing import OpenedRecipes, compose, open_recipes, path_options
from .merging import Options, fields_of, merge, put, section
from .own_images import choose_recipe, own_name
from .resolving import Reading, check_recipe, weights
from .schema import PASSED, BackboneChoice, Execution, Ingredients
from .user_code import refuse_own_code


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run's numbers, as plain values.

    Args:
        values: The tree that ``recipe.yaml`` holds: fields, and classes as ``class_path`` and
            ``init_args``. Trained weights are named by their hash.
        paths: Options that say where images and trained weights lie, which no number depends on.
        name: What it is called: by it default directories are named.
        note: Which recipe was chosen, where none was asked for; empty otherwise.

    Examples:
        >>> recipe = Recipe.from_file("digits").override({"method": "BYOT", "optimizer.lr": 0.1})
        >>> recipe.method
        'BYOT'
    """

    values: Mapping[str, object]
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    name: str = "custom"
    note: str = ""

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
        reading, name = compose(opened, options, incomplete=incomplete)
        return cls.from_reading(reading, name, note)

    @classmethod
    def from_reading(cls, reading: Reading, name: str, note: str = "") -> "Recipe":
        """The recipe of a tree that was checked, which is not checked again."""
        recipe = cls(reading.values, reading.paths, name, note)
        vars(recipe)["reading"] = reading
        return recipe

    @classmethod
    def from_dict(
        cls,
        stored: Mapping[str, object],
        *,
        paths: Mapping[str, str] | None = None,
        own_code: Mapping[str, str] | None = None,
        where: Path | str = "the recipe",
    ) -> "Recipe":
        """A recipe as it was stored, in a file without paths.

        What later versions added to recipes is added, at its default.

        Args:
            stored: The tree.
            paths: Where its images lie, if that is known.
            own_code: Hashes of files of one's own that may be run for it, as its run recorded them;
                None for any file.
            where: Where it is stored, for messages.

        Raises:
            ValueError: If it is not a recipe, or names code that may not be run.
        """
        tree = fields_of(stored)
        passed = ("class_path", "name")  # a field stands for an object that was passed in Python
        named = {k: v for k, v in tree.items() if PASSED not in map(section(tree, k).get, passed)}
        check_fields(named, where)
        if own_code is not None:
            refuse_own_code(named, own_code, where)
        try:
            opened = OpenedRecipes(merge({}, tree), paths or {})
            recipe = cls.from_reading(*compose(opened, [], incomplete=True))
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
        own = own_name(self.data.rpartition(".")[2], self.paths)
        name = self.name if own is None else self.name.removesuffix(f"/{own}")
        tree = fields_of(self.values)
        opened = OpenedRecipes(tree, dict(self.paths), name, weights(tree))
        reading, name = compose(opened, [*changes.items()], incomplete=incomplete)
        return Recipe.from_reading(reading, name, self.note)

    @cached_property
    def reading(self) -> Reading:
        """The values and paths, checked, and the objects they name; made once."""
        tree = put(fields_of(self.values), path_options(self.paths))
        return check_recipe(tree, incomplete=True)

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

    def weight_paths(self) -> dict[str, str]:
        """Where the trained weights that it names lie, by option.

        Raises:
            ValueError: If nobody says where.
        """
        named = weights(self.values)
        for option, value in named.items():
            if option not in self.paths:
                raise ValueError(
                    f"nobody says where the weights {value} lie: name a run, a model folder or a "
                    f"weights file with --{option.replace('_', '-')}"
                )
        return {option: self.paths[option] for option in named}

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
        return replace(self.reading.ingredients, data=data or self.build_data())

    def build_data(self) -> DataSet:
        """Make the data set.

        Raises:
            ValueError: If nobody says where they lie, or only Python knew them.
        """
        if self.reading.no_data:
            raise ValueError(self.reading.no_data)
        return self.reading.ingredients.data

    def build_backbone(self) -> BackboneChoice:
        """Which network is trained; its ``build`` makes it."""
        return self.reading.ingredients.backbone

    def build_method(self) -> partial[Method]:
        """The method with its options; called with a network it makes the method."""
        method = self.reading.ingredients.method
        assert isinstance(method, partial)
        return method


@dataclass(frozen=True)
class Settings:
    """One run as it is asked for.

    Args:
        recipe: What decides its numbers.
        execution: Where it is computed.
        data: Images that were passed in Python; the recipe names them by their hash.
        backbone: A network that was passed in Python, of which a copy is trained.
    """

    recipe: Recipe
    execution: Execution = field(default_factory=Execution)
    data: DataSet | None = None
    backbone: Backbone | None = None

    @cached_property
    def ingredients(self) -> Ingredients:
        """The objects that the recipe names, made once."""
        return self.recipe.build(self.data)

    def resolved(self, **known: object) -> "Settings":
        """The same run with what is known only where it runs: precision, the split's hash."""
        return replace(self, recipe=self.recipe.resolved(**known))
