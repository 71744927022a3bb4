"""Which of several settings counts: words over recipes, later over earlier, wherever they stand.

Options of a class that is replaced go with it: a rate of SGD means nothing to AdamW. Only data sets
pass on those that both have, which mean the same in all of them.
"""

from collections.abc import Iterable, Mapping

from ..runs import parse_yaml
from .check_fields import check_fields
from .check_values import takes_text
from .registry import CLASSES, KINDS, SINGLE, class_defaults, class_name, find_class
from .schema import PASSED
from .typed import Plain, annotations
from .user_code import plain

Options = list[tuple[str, object]]
"""Options without their hyphens, each with its value, in the order given; text is as typed."""
ARGUMENTS = ("init_args", "dict_kwargs")


def settle(options: Options) -> tuple[Options, Options]:
    """Sort options other than recipes: the choices of a class, and the rest.

    Of an option that is repeated the last counts, unless it adds to a list.
    """
    last = {option: number for number, (option, _) in enumerate(options)}
    counting = [
        (option, value)
        for number, (option, value) in enumerate(options)
        if option != "config" and (option.endswith("+") or last[option] == number)
    ]
    choices = [(option, value) for option, value in counting if _is_choice(option, value)]
    # a list goes before what is added to it
    others = sorted((o for o in counting if o not in choices), key=lambda o: o[0].endswith("+"))
    return choices, others


def choose_classes(recipe: Plain, choices: Options) -> Plain:
    """A recipe with other classes."""
    for group, value in choices:
        text = isinstance(value, str) and "{" in value
        choice = {group: _read(group, str(value)) if text else value}
        check_fields(choice, "the command line")
        recipe = merge(recipe, choice)
    return recipe


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


def put(recipe: Plain, options: Iterable[tuple[str, object]]) -> Plain:
    """A recipe with options in their places."""
    for option, value in options:
        group, _, name = option.removesuffix("+").partition(".")
        if option.endswith("+") and option != "augment+":
            raise ValueError(f"unknown option --{option}: only --augment+ adds to a list")
        old = recipe.get(group)
        if not name:
            new = _put_field(group, old, value, adds=option.endswith("+"))
        elif group in KINDS:
            new = _put_argument(group, old, name, value)
        else:
            named = {"name": old} if isinstance(old, str) else section(recipe, group)
            new = {**named, name: value}
        recipe = {**recipe, group: new}
    return recipe


def accepted(paths: Mapping[str, str], recipe: Plain) -> dict[str, str]:
    """The paths that a recipe's data set and method have."""
    return {
        option: where
        for option, where in paths.items()
        if _accepts(recipe, *option.partition(".")[::2])
    }


def as_choice(value: object) -> Plain:
    """A class with its options; a bare name stands for the class."""
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items()}
    return {} if value is None else {"class_path": value}


def section(values: Mapping[str, object], name: str) -> Plain:
    """A field that holds others; empty if it holds none."""
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def arguments(choice: Mapping[str, object]) -> Plain:
    """Options of a chosen class."""
    return section(choice, "init_args")


def _put_field(field: str, old: object, value: object, *, adds: bool) -> object:
    if field not in (*KINDS, "adversary"):
        return value
    value = plain(value)
    if field == "augment" and adds:
        if value is None:
            raise ValueError("--augment+ null: give an augmentation")
        items = old if isinstance(old, list) else []
        return [*items, *(value if isinstance(value, list) else [value])]  # pyright: ignore
    if field == "augment" and not isinstance(value, list):
        raise ValueError(
            f"--augment {value}: expected a list such as '[Flip, Cutout]'; --augment+ adds one to "
            "those of the recipe"
        )
    if field == "adversary" and isinstance(old, dict) and isinstance(value, dict):
        return {**old, **value}
    return value


def _put_argument(group: str, old: object, name: str, value: object) -> object:
    """A class with another option."""
    if group == "augment":
        raise ValueError(
            f"unknown option --augment.{name}: write options within the list, as in --augment+ "
            f"'{{class_path: NAME, init_args: {{{name}: VALUE}}}}'"
        )
    choice = as_choice(old)
    own = arguments(choice)
    if name in ARGUMENTS:
        added = plain(value)
        if not isinstance(added, dict):
            raise ValueError(f"--{group}.{name} {value}: expected options by name")
        return {**choice, "init_args": {**own, **added}}
    first, _, rest = name.partition(".")
    value = _structured(group, choice, first, value)
    if rest:
        value = {**section(own, first), rest: value}
    return {**choice, "init_args": {**own, first: value}}


def _structured(group: str, choice: Plain, name: str, value: object) -> object:
    """Lists and mappings that a word stands for, unless the option takes text."""
    found = plain(value)
    path = choice.get("class_path")
    if not isinstance(found, list | dict) or not isinstance(path, str):
        return value
    return value if takes_text(annotations(find_class(group, path)).get(name)) else found


def _read(option: str, value: str) -> object:
    try:
        return parse_yaml(value)
    except ValueError as error:
        raise ValueError(f"--{option} {value}: {error}") from None


def _accepts(recipe: Plain, group: str, name: str) -> bool:
    class_path = str(as_choice(recipe.get(group)).get("class_path"))
    found = CLASSES.get(group, {}).get(class_name(class_path))
    return found is None or name in class_defaults(found)


def _is_choice(option: str, value: object) -> bool:
    return option in SINGLE and value not in ("null", None)


def _merge_choice(group: str, old: Plain, new: Plain) -> Plain:
    if "class_path" not in new:
        return {**old, **new}
    own, others = (dict(arguments(choice)) for choice in (new, old))
    path = str(new["class_path"])
    if "class_path" not in old or class_name(str(old["class_path"])) != class_name(path):
        found = CLASSES[group].get(class_name(path))
        kept = class_defaults(found) if group == "data" and found is not None else ()
        if path == PASSED:
            kept = ("image_size",)
        others = {name: value for name, value in others.items() if name in kept}
    merged = {**others, **own}
    return {**new, **({"init_args": merged} if merged else {})}
