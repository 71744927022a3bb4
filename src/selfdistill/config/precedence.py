"""Which of several settings counts: words over recipes, later over earlier, wherever they stand.

Options of a class that is replaced go with it: a rate of SGD means nothing to AdamW. Only data sets
pass on those that both have, which mean the same in all of them.
"""

from collections.abc import Mapping

from ..runs import parse_yaml
from .own_images import Options
from .registry import CLASSES, class_defaults
from .shapes import check_shape

Plain = dict[str, object]
PACKAGES = ("selfdistill.", "torch.")


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
        choice = {group: _read(group, value) if "{" in value else value}
        check_shape(choice, "the command line")
        recipe = merge(recipe, choice)
    return recipe


def merge(recipe: Plain, other: Plain) -> Plain:
    """A recipe with what another says; where classes differ, the first one's options are gone."""
    result = {**recipe, **other}
    for group, new in other.items():
        old = recipe.get(group)
        if group in CLASSES and new is not None:
            result[group] = _merge_choice(group, _as_choice(old), _as_choice(new))
        elif isinstance(old, dict) and isinstance(new, dict):
            result[group] = {**old, **new}
    return result


def accepted(places: Mapping[str, str], recipe: Plain) -> dict[str, str]:
    """The whereabouts that a recipe's data set and method have."""
    return {
        option: where
        for option, where in places.items()
        if _accepts(recipe, *option.partition(".")[::2])
    }


def _read(option: str, value: str) -> object:
    try:
        return parse_yaml(value)
    except ValueError as error:
        raise ValueError(f"--{option} {value}: {error}") from None


def _accepts(recipe: Plain, group: str, name: str) -> bool:
    class_path = str(_as_choice(recipe.get(group)).get("class_path"))
    found = CLASSES.get(group, {}).get(_class_name(class_path))
    return found is None or name in class_defaults(found)


def _is_choice(option: str, value: str) -> bool:
    return option in CLASSES and value != "null"


def _merge_choice(group: str, old: Plain, new: Plain) -> Plain:
    if "class_path" not in new:
        return {**old, **new}
    own, others = (dict(c.get("init_args") or {}) for c in (new, old))  # pyright: ignore
    path = str(new["class_path"])
    if "class_path" not in old or _class_name(str(old["class_path"])) != _class_name(path):
        found = CLASSES[group].get(_class_name(path))
        kept = class_defaults(found) if group == "data" and found is not None else ()
        others = {name: value for name, value in others.items() if name in kept}
    arguments = {**others, **own}
    return {**new, **({"init_args": arguments} if arguments else {})}


def _as_choice(value: object) -> Plain:
    """A class with its options; a bare name stands for the class."""
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items()}
    return {} if value is None else {"class_path": value}


def _class_name(path: str) -> str:
    """A class's plain name, if it is one of this package or torch; else its path."""
    return path.rpartition(".")[2] if path.startswith(PACKAGES) else path
