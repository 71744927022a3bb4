"""From a recipe's tree to checked values and the objects they name."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from ..data import DataSet, Splits
from ..methods import METHODS, OutOfRange
from ..runs import HASH_PREFIX
from ..testing import TinyBackbone
from . import errors, provenance, typed
from .image_sizes import read_size
from .merging import arguments, as_choice, as_list, put, section
from .registry import KINDS, RISE_BY_THEMSELVES, SINGLE, find_class, stored_name
from .schema import ALL_OPTIONS, PASSED, Adversary, BackboneChoice, Ingredients
from .typed import Plain

FORMAT = 1
ADDED = {
    "decay_biases": True,
    "drop_last": True,
    "balance": "none",
    "balance_beta": None,
    "select": "accuracy",
    "patience": None,
}
"""Fields that recipes gained; at what recipes without them meant, they change no run's hash."""
ADDED_OF_IMAGES = {"fit": "crop", "duplicates": "drop"}
"""Likewise options of data sets."""
ENDS = {"CosineAnnealingLR": "T_max", "PolynomialLR": "total_iters", "LinearLR": "total_iters"}
"""Schedules that come to an end, with training unless this option says after how many epochs."""
FIELDS = tuple(Ingredients.__dataclass_fields__)
SCALARS = frozenset(FIELDS) - {*KINDS, "backbone", "adversary"}
CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")
"""What recipes write of a class."""
REQUIRED = ("data", "method", "optimizer", "schedule", "epochs")


class Reading(NamedTuple):
    """A recipe's tree, checked."""

    values: Plain
    """What decides numbers, as it is stored; trained weights are named by their hash."""
    paths: dict[str, str]
    """Where images and trained weights lie, by option."""
    ingredients: Ingredients
    """The objects; images cannot be read where ``no_data`` says why."""
    no_data: str


class _NoImages(DataSet):
    """Stands for images that nobody has named yet."""

    def splits(self) -> Splits:
        raise AssertionError("a recipe's images are asked for by build_data")


class Choice(NamedTuple):
    """A class with its options."""

    kind: type
    options: typed.Checked
    plain: Plain
    """As recipes write it down."""
    lacks: str
    """A required path that is not known yet, if there is one."""


def check_recipe(tree: Plain, *, incomplete: bool = False, of_file: bool = False) -> Reading:
    """Check a recipe's fields, add what it leaves to defaults, and make the objects it names.

    Paths stand where the classes take them; those of images and of trained weights may come later
    if ``incomplete``. ``of_file``, for messages: the recipe comes from a file of the user's own.
    """
    for field in tree:
        if field not in FIELDS:
            inner = "".join(f".{name}" for name in section(tree, field))
            raise ValueError(errors.unknown("", field + inner, ALL_OPTIONS))
    missing = [
        field
        for field in REQUIRED
        if tree.get(field) is None
        or (field in KINDS and "class_path" not in as_choice(tree[field]))
    ]
    if missing:
        raise ValueError(errors.missing_fields(missing, of_file=of_file))
    scalars = typed.read(
        Ingredients,
        {name: value for name, value in tree.items() if name in SCALARS},
        "",
        without=frozenset(FIELDS) - SCALARS,
    )
    end, epochs = ENDS.get(_class_of(tree["schedule"])), _training_epochs(tree)
    if end and epochs is not None and end not in arguments(as_choice(tree["schedule"])):
        tree = put(tree, [(f"schedule.{end}", epochs)])
    passed = as_choice(tree["data"]).get("class_path") == PASSED
    chosen = {
        group: _choice(group, tree[group], incomplete=incomplete)
        for group in KINDS
        if group in SINGLE and as_choice(tree.get(group)) and not (group == "data" and passed)
    }
    steps = [_choice("augment", step) for step in as_list(tree.get("augment")) if as_choice(step)]
    network, box = tree.get("backbone") or {}, tree.get("adversary")
    if isinstance(network, dict) and network.get("name") == PASSED:
        backbone = typed.Checked({**network}, {"name": PASSED})
    else:
        backbone = _section_of(BackboneChoice, "backbone", network)
    adversary = None if box is None else _section_of(Adversary, "adversary", box)
    plain: Plain = {
        **scalars.plain,
        "mixing": None,
        **{group: choice.plain for group, choice in chosen.items()},
        "augment": [step.plain for step in steps],
        "backbone": backbone.plain,
        "adversary": adversary and adversary.plain,
    }
    if passed:
        plain["data"] = tree["data"]
    values, paths = _split_paths({field: plain[field] for field in FIELDS}, chosen)
    data, mixing = chosen.get("data"), chosen.get("mixing")
    no_data = "" if data else "the images were passed in Python: name others with --data"
    if data and data.lacks:
        no_data = errors.missing("data", data.lacks)
    network = BackboneChoice(**backbone.typed)  # pyright: ignore[reportArgumentType]
    images: DataSet = data.kind(**data.options.typed) if data and not no_data else _NoImages()
    if mean := network.expected_mean():
        images = images.for_mean(mean)
    ingredients = Ingredients(
        data=images,
        backbone=network,
        method=_later(chosen["method"]),
        augment=[_make(step) for step in steps],
        mixing=mixing and _make(mixing),
        adversary=adversary and Adversary(**adversary.typed),  # pyright: ignore[reportArgumentType]
        optimizer=_later(chosen["optimizer"]),
        schedule=_later(chosen["schedule"]),
        **scalars.typed,  # pyright: ignore[reportArgumentType]
    )
    _check_constructors(chosen)
    return Reading(values, paths, ingredients, no_data)


def weights(values: Mapping[str, object]) -> dict[str, str]:
    """Hashes of the trained weights that a recipe names, by option."""
    named = {
        "init": values.get("init"),
        "backbone.pretrained": section(values, "backbone").get("pretrained"),
        **{f"method.{k}": v for k, v in arguments(section(values, "method")).items()},
    }
    return {k: v for k, v in named.items() if isinstance(v, str) and v.startswith(HASH_PREFIX)}


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


def _choice(group: str, value: object, *, incomplete: bool = False) -> Choice:
    choice = as_choice(value)
    if "class_path" not in choice:
        raise ValueError(f"--{group}: name its class, as class_path or with --{group}")
    for name in choice:
        if name not in CLASS_KEYS:
            raise ValueError(
                f"--{group}.{name}: a class has class_path and init_args; options go into init_args"
            )
    kind = find_class(group, str(choice["class_path"]))
    own = {**arguments(choice), **section(choice, "dict_kwargs")}
    if group == "data" and "image_size" in own:
        own["image_size"] = read_size(own["image_size"])
    paths = (*getattr(kind, "path_arguments", ()), *getattr(kind, "weight_arguments", ()))
    lacks = {n for n in typed.required(kind) if incomplete and n in paths and n not in own}
    owner = f"{errors.OF_LIST}{kind.__name__}" if group == "augment" else group
    options = typed.read(kind, own, owner, without=frozenset(lacks))
    plain: Plain = {"class_path": stored_name(group, kind), "init_args": options.plain}
    return Choice(kind, options, plain, min(lacks, default=""))


def _make(choice: Choice) -> Any:  # noqa: ANN401
    """The object; what its class complains of names the class."""
    try:
        return choice.kind(**choice.options.typed)
    except ValueError as error:
        raise ValueError(f"{choice.kind.__name__}: {error}") from error


def _check_constructors(chosen: Mapping[str, Choice]) -> None:
    """Try the classes on something tiny: values out of range are refused before images are read."""
    method, optimizer, schedule = (chosen[g] for g in ("method", "optimizer", "schedule"))
    if method.kind in METHODS:
        options = method.options.typed
        try:
            with torch.random.fork_rng(devices=[]):
                backbone = TinyBackbone()
                teachers = dict.fromkeys(method.kind.weight_arguments, backbone)
                method.kind(backbone, **{**options, **teachers})
        except OutOfRange as error:
            option = errors.option("method", error.name)
            raise ValueError(f"{option} {error.value} {error.reason}") from error
        except ValueError:
            pass  # what does not suit the tiny network may suit the real one
    with errors.naming_option("optimizer"):
        stepping = optimizer.kind([nn.Parameter(torch.zeros(2, 2))], **optimizer.options.typed)
    # OneCycleLR and CyclicLR take the number of steps, which the images decide
    if schedule.kind.__name__ not in RISE_BY_THEMSELVES:
        with errors.naming_option("schedule"):
            schedule.kind(stepping, **schedule.options.typed)


def _later(choice: Choice) -> partial[Any]:
    """A class with its options, to be called with what training passes."""
    return partial(choice.kind, **choice.options.typed)


def _section_of(kind: type, group: str, value: object) -> typed.Checked:
    """A field whose options are those of one class."""
    if not isinstance(value, dict) and "." not in str(value):
        raise ValueError(f"--{group} {value}: expected its options by name")
    own: Plain = as_choice(value)
    for name in CLASS_KEYS:
        if name in own:
            raise ValueError(f"--{group} takes no class: leave {own[name]!r} out")
    return typed.read(kind, own, group)


def _split_paths(plain: Plain, chosen: Mapping[str, Choice]) -> tuple[Plain, dict[str, str]]:
    """What decides numbers, and where things lie; what is derived is dropped."""
    values: Plain = {
        "format": FORMAT,
        **{k: v for k, v in plain.items() if k not in ADDED or v != ADDED[k]},
    }
    paths: dict[str, str] = {}
    data = arguments(section(values, "data"))
    for name in getattr(chosen["data"].kind, "path_arguments", ()) if "data" in chosen else ():
        value = data.pop(name, None)
        if value is not None:
            paths[f"data.{name}"] = str(value)
    for name, default in ADDED_OF_IMAGES.items():
        if data.get(name) == default:
            del data[name]
    method = arguments(section(values, "method"))
    learned = getattr(chosen["method"].kind, "weight_arguments", ())
    for group, holder, name in (
        ("", values, "init"),
        *(("method", method, name) for name in learned),
        ("backbone", section(values, "backbone"), "pretrained"),
    ):
        path = holder.get(name)
        if isinstance(path, str) and not path.startswith(HASH_PREFIX):
            paths[f"{group}.{name}" if group else name] = path
            holder[name] = provenance.weights_hash(Path(path))
    schedule = arguments(section(values, "schedule"))
    if schedule.pop("last_epoch", -1) != -1:
        raise ValueError("--schedule.last-epoch: a run knows where it stands; leave it out")
    end = ENDS.get(chosen["schedule"].kind.__name__)
    if end is not None and schedule.get(end) == _training_epochs(values):
        schedule.pop(end)
    return values, paths


def _class_of(choice: object) -> str:
    """The plain name of a chosen class."""
    return str(as_choice(choice).get("class_path")).rpartition(".")[2]


def _training_epochs(values: Mapping[str, object]) -> int | None:
    """Epochs after the warm-up; None where they will be refused."""
    epochs, warmup = str(values["epochs"]), str(values.get("warmup_epochs", 0))
    return int(epochs) - int(warmup) if epochs.isdigit() and warmup.isdigit() else None
