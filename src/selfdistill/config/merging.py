"""A recipe's tree: laid over another, and with options put in their places.

Options of a class that is replaced go with it: a rate of SGD means nothing to AdamW. Only data sets
pass on those that both have, which mean the same in all of them.
"""

from collections.abc import Iterable, Mapping

from .registry import CLASSES, KINDS, SINGLE, class_defaults, class_name, find_class
from .schema import PASSED
from .typed import Plain, annotations, takes_text
from .user_code import plain

Options = list[tuple[str, object]]
"""Options without their hyphens, each with its value, in the order given; text is as typed."""


def merge(recipe: Mapping[str, object], other: Mapping[str, object]) -> Plain:
    """A recipe with what another says; where classes differ, the first one's options are gone."""
    result = {**recipe, **other}
    for group, new in other.items():
        old = recipe.get(group)
        if group in SINGLE and new is not None:
            result[group] = _merge_choice(group, as_choice(old), as_choice(new))
        elif isinstance(old, dict) and isinstance(new, dict):
            result[group] = {**old, **new}
    return result


def _merge_choice(group: str, old: Plain, new: Plain) -> Plain:
    if "class_path" not in new:
        return {**old, **new}
    own, others = arguments(new), arguments(old)
    path = str(new["class_path"])
    if "class_path" not in old or class_name(str(old["class_path"])) != class_name(path):
        found = CLASSES[group].get(class_name(path))
        kept = class_defaults(found) if group == "data" and found is not None else ()
        if path == PASSED:
            kept = ("image_size",)
        others = {name: value for name, value in others.items() if name in kept}
    merged = {**others, **own}
    return {**new, **({"init_args": merged} if merged else {})}


def put(recipe: Plain, options: Iterable[tuple[str, object]]) -> Plain:
    """A recipe with options in their places."""
    for option, value in options:
        group, _, name = option.removesuffix("+").partition(".")
        if option.endswith("+") and option != "augment+":
            raise ValueError(f"unknown option --{option}: only --augment+ adds to a list")
        old = recipe.get(group)
        if name and group in KINDS:
            new = _put_argument(group, as_choice(old), name, value)
        elif name:
            named = {"name": old} if isinstance(old, str) else section(recipe, group)
            new = {**named, name: value}
        elif group == "augment":
            new = _put_steps(old, plain(value), adds=option.endswith("+"))
        elif group in KINDS:
            new = plain(value)
        elif group == "adversary":
            new = plain(value)
            new = {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
        else:
            new = value
        recipe = {**recipe, group: new}
    return recipe


def _put_steps(old: object, value: object, *, adds: bool) -> list[object]:
    """A list of augmentations, with what is added to it."""
    if adds:
        if value is None:
            raise ValueError("--augment+ null: give an augmentation")
        return [*as_list(old), *(as_list(value) if isinstance(value, list) else [value])]
    if not isinstance(value, list):
        raise ValueError(
            f"--augment {value}: expected a list such as '[Flip, Cutout]'; --augment+ adds one to "
            "those of the recipe"
        )
    return as_list(value)


def _put_argument(group: str, choice: Plain, name: str, value: object) -> Plain:
    """A class with another option."""
    if group == "augment":
        raise ValueError(
            f"unknown option --augment.{name}: write options within the list, as in --augment+ "
            f"'{{class_path: NAME, init_args: {{{name}: VALUE}}}}'"
        )
    own, read = arguments(choice), plain(value)
    if name in ("init_args", "dict_kwargs"):
        if not isinstance(read, dict):
            raise ValueError(f"--{group}.{name} {value}: expected options by name")
        return {**choice, "init_args": {**own, **read}}
    first, _, rest = name.partition(".")
    path = choice.get("class_path")
    if isinstance(read, list | dict) and isinstance(path, str):
        text = takes_text(annotations(find_class(group, path)).get(first))
        value = value if text else read
    if rest:
        value = {**section(own, first), rest: value}
    return {**choice, "init_args": {**own, first: value}}


def accepted(paths: Mapping[str, str], recipe: Plain) -> dict[str, str]:
    """The paths that a recipe's data set and method have."""
    result: dict[str, str] = {}
    for option, path in paths.items():
        group, _, name = option.partition(".")
        chosen = class_name(str(as_choice(recipe.get(group)).get("class_path")))
        found = CLASSES.get(group, {}).get(chosen)
        if found is None or name in class_defaults(found):
            result[option] = path
    return result


def fields_of(stored: Mapping[str, object]) -> Plain:
    """A stored recipe without what describes it: its format, the hash of its split."""
    return {k: v for k, v in stored.items() if k not in ("format", "split")}


def as_choice(value: object) -> Plain:
    """A class with its options; a bare name stands for the class."""
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items()}
    return {} if value is None else {"class_path": value}


def as_list(value: object) -> list[object]:
    """A field that holds a list; empty if it holds none."""
    return list(value) if isinstance(value, list) else []  # pyright: ignore


def section(values: Mapping[str, object], name: str) -> Plain:
    """A field that holds others; empty if it holds none."""
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def arguments(choice: Mapping[str, object]) -> Plain:
    """Options of a chosen class."""
    return section(choice, "init_args")
