"""From a recipe's tree to checked values and the objects they name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..data import DataSet
from ..runs import HASH_PREFIX
from . import errors, provenance, typed
from .merging import arguments, as_choice, put, section
from .registry import KINDS, RISE_BY_THEMSELVES, find_class, stored_name
from .schema import PASSED, Adversary, BackboneChoice, Ingredients
from .typed import Plain
from .words import ALL_OPTIONS

FORMAT = 1
ADDED = {"decay_biases": True}
"""Fields that recipes gained; at what recipes without them meant, they change no run's hash."""
ENDS = {"CosineAnnealingLR": "T_max", "PolynomialLR": "total_iters", "LinearLR": "total_iters"}
"""Schedules that come to an end, and their option that says after how many epochs."""
FIELDS = tuple(Ingredients.__dataclass_fields__)
SCALARS = frozenset(FIELDS) - {*KINDS, "backbone", "adversary"}
REQUIRED = ("data", "method", "optimizer", "schedule", "epochs")


class Choice(NamedTuple):
    """A class with its options."""

    group: str
    kind: type
    options: typed.Checked
    lacks: frozenset[str]
    """Required paths that are not known yet."""

    @property
    def plain(self) -> Plain:
        """As recipes write it down."""
        return {
            "class_path": stored_name(self.group, self.kind),
            "init_args": self.options.plain,
        }

    def make(self) -> Any:  # noqa: ANN401
        """The object."""
        if self.lacks:
            raise ValueError(errors.missing(self.group, min(self.lacks)))
        return self.kind(**self.options.typed)

    def later(self) -> partial[Any]:
        """The class with its options, to be called with what training passes."""
        return partial(self.kind, **self.options.typed)


@dataclass(frozen=True)
class Reading:
    """A recipe's fields, checked."""

    plain: Plain
    scalars: Plain
    backbone: BackboneChoice
    adversary: Adversary | None
    choices: Mapping[str, Choice | None]
    augment: tuple[Choice, ...]

    def data(self) -> DataSet:
        """The data set that the recipe names.

        Raises:
            ValueError: If a path is missing, or the images were passed in Python.
        """
        choice = self.choices["data"]
        if choice is None:
            raise ValueError("the images were passed in Python: name others with --data")
        return choice.make()

    def build(self, data: DataSet | None = None) -> Ingredients:
        """Make the objects that the recipe names.

        Args:
            data: The images, where only Python knows them.
        """
        data = data or self.data()
        mixing = self.choices["mixing"]
        return Ingredients(
            data=data,
            backbone=self.backbone,
            method=self.later("method"),
            augment=[step.make() for step in self.augment],
            mixing=None if mixing is None else mixing.make(),
            adversary=self.adversary,
            optimizer=self.later("optimizer"),
            schedule=self.later("schedule"),
            **self.scalars,  # pyright: ignore[reportArgumentType]
        )

    def later(self, group: str) -> partial[Any]:
        """A class that is made when training knows what it takes."""
        choice = self.choices[group]
        assert choice is not None
        return choice.later()


def read_recipe(tree: Plain, *, incomplete: bool = False) -> Reading:
    """Check a recipe's fields and add what it leaves to defaults.

    Args:
        tree: The recipe; paths stand where the classes take them.
        incomplete: Whether paths of images and of a teacher may come later.

    Raises:
        ValueError: If a field is unknown, missing or of another type.
    """
    for field in tree:
        if field not in FIELDS:
            inner = "".join(f".{name}" for name in section(tree, field))
            raise ValueError(errors.unknown("", field + inner, ALL_OPTIONS))
    missing = [field for field in REQUIRED if _is_missing(tree, field)]
    if missing:
        raise ValueError(errors.missing_fields(missing))
    scalars = typed.read(
        Ingredients,
        {name: value for name, value in tree.items() if name in SCALARS},
        "",
        without=frozenset(FIELDS) - SCALARS,
    )
    tree = _end_schedule(tree)
    choices = {
        group: _choice(group, tree.get(group), incomplete=incomplete)
        for group in KINDS
        if group != "augment"
    }
    augment = [_choice("augment", item) for item in _list(tree.get("augment"))]
    steps = tuple(step for step in augment if step is not None)
    backbone, network = _backbone(tree.get("backbone", {}))
    adversary = _section_of(Adversary, "adversary", tree.get("adversary"))
    plain: Plain = {
        **scalars.plain,
        **{group: None if choice is None else choice.plain for group, choice in choices.items()},
        "augment": [step.plain for step in steps],
        "backbone": network,
        "adversary": None if adversary is None else adversary.plain,
    }
    if choices["data"] is None:
        plain["data"] = tree["data"]
    return Reading(
        {field: plain[field] for field in FIELDS},
        scalars.typed,
        backbone,
        None if adversary is None else Adversary(**adversary.typed),  # pyright: ignore[reportArgumentType]
        choices,
        steps,
    )


def split_paths(reading: Reading) -> tuple[Plain, dict[str, str]]:
    """Split a recipe into what decides numbers and where things lie; drop what is derived.

    Trained weights are named by their hash there, and lie where a path says.
    """
    kept = {k: v for k, v in reading.plain.items() if k not in ADDED or v != ADDED[k]}
    values: Plain = {"format": FORMAT, **kept}
    paths: dict[str, str] = {}
    data, schedule = reading.choices["data"], reading.choices["schedule"]
    own = arguments(section(values, "data"))
    for name in getattr(data.kind, "path_arguments", ()) if data is not None else ():
        value = own.pop(name, None)
        if value is not None:
            paths[f"data.{name}"] = str(value)
    for option, holder in _weight_holders(values).items():
        name = option.rpartition(".")[2]
        path = holder.get(name)
        if isinstance(path, str) and not path.startswith(HASH_PREFIX):
            paths[option] = path
            holder[name] = provenance.weights_hash(Path(path))
    assert schedule is not None
    own = arguments(section(values, "schedule"))
    if own.pop("last_epoch", -1) != -1:
        raise ValueError("--schedule.last-epoch: a run knows where it stands; leave it out")
    end = ENDS.get(schedule.kind.__name__)
    if end is not None and own.get(end) == _training_epochs(values):
        own.pop(end)
    return values, paths


def weights(values: Mapping[str, object]) -> dict[str, str]:
    """Hashes of the trained weights that a recipe names, by option."""
    holders = _weight_holders(values)
    named = {option: str(held.get(option.rpartition(".")[2])) for option, held in holders.items()}
    return {k: value for k, value in named.items() if value.startswith(HASH_PREFIX)}


def fit_warmup(tree: Plain, options: Mapping[str, object]) -> Plain:
    """Shorten a recipe's warm-up to fit the epochs and the schedule that were asked for."""
    epochs, warmup = str(options.get("epochs", "")), tree.get("warmup_epochs")
    if not isinstance(warmup, int) or "warmup_epochs" in options:
        return tree
    if _class_of(tree.get("schedule")) in RISE_BY_THEMSELVES:
        warmup = 0
    if epochs.isdigit():
        warmup = min(warmup, max(0, int(epochs) - 1))
    return {**tree, "warmup_epochs": warmup}


def _end_schedule(tree: Plain) -> Plain:
    """Let a schedule that comes to an end do so with training unless it is told otherwise."""
    end = ENDS.get(_class_of(tree.get("schedule")))
    epochs = _training_epochs(tree) if "epochs" in tree else None
    if end is None or epochs is None or end in arguments(as_choice(tree["schedule"])):
        return tree
    return put(tree, [(f"schedule.{end}", epochs)])


def _weight_holders(values: Mapping[str, object]) -> dict[str, Plain]:
    """The parts of a recipe that name trained weights, by option."""
    return {
        "init": values,  # pyright: ignore[reportReturnType]
        "method.teacher": arguments(section(values, "method")),
        "backbone.pretrained": section(values, "backbone"),
    }


def _is_missing(tree: Plain, field: str) -> bool:
    value = tree.get(field)
    return value is None or (field in KINDS and "class_path" not in as_choice(value))


def _choice(group: str, value: object, *, incomplete: bool = False) -> Choice | None:
    choice = as_choice(value)
    if not choice or (group, choice.get("class_path")) == ("data", PASSED):
        return None
    if "class_path" not in choice:
        raise ValueError(f"--{group}: name its class, as class_path or with --{group}")
    for name in choice:
        if name not in ("class_path", "init_args", "dict_kwargs"):
            raise ValueError(
                f"--{group}.{name}: a class has class_path and init_args; options go into init_args"
            )
    kind = find_class(group, str(choice["class_path"]))
    own = {**arguments(choice), **section(choice, "dict_kwargs")}
    paths = (*getattr(kind, "path_arguments", ()), "teacher") if incomplete else ()
    required = typed.required(kind)
    lacks = frozenset(path for path in paths if path in required and path not in own)
    return Choice(group, kind, typed.read(kind, own, group, without=lacks), lacks)


def _backbone(value: object) -> tuple[BackboneChoice, Plain]:
    if isinstance(value, dict) and value.get("name") == PASSED:
        return BackboneChoice(name=PASSED), {**value}
    options = _section_of(BackboneChoice, "backbone", value or {})
    assert options is not None
    return BackboneChoice(**options.typed), options.plain  # pyright: ignore[reportArgumentType]


def _section_of(kind: type, group: str, value: object) -> typed.Checked | None:
    """A field whose options are those of one class."""
    if value is None:
        return None
    if not isinstance(value, dict):
        if "." in str(value):
            raise ValueError(f"--{group} takes no class: leave {value!r} out")
        raise ValueError(f"--{group} {value}: expected its options by name")
    own: Plain = {str(k): v for k, v in value.items()}
    for name in ("class_path", "init_args", "dict_kwargs"):
        if name in own:
            raise ValueError(f"--{group} takes no class: leave {own[name]!r} out")
    return typed.read(kind, own, group)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []  # pyright: ignore


def _class_of(choice: object) -> str:
    """The plain name of a chosen class."""
    return str(as_choice(choice).get("class_path")).rpartition(".")[2]


def _training_epochs(values: Mapping[str, object]) -> int | None:
    """Epochs after the warm-up; None where they will be refused."""
    epochs, warmup = str(values["epochs"]), str(values.get("warmup_epochs", 0))
    return int(epochs) - int(warmup) if epochs.isdigit() and warmup.isdigit() else None
