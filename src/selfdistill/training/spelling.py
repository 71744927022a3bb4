"""Small freedoms of spelling on the command line, and the nearest name for what is misspelt.

Hyphens equal underscores in options; names of methods and data sets ignore case; ``--backbone
NAME`` names the network; a bare boolean is true.
"""

import difflib
import inspect
from collections.abc import Iterable

from ..data import DATA_SETS
from ..methods import METHODS
from .recipe import BackboneChoice, Place, Recipe

CLASSES: dict[str, dict[str, type]] = {
    "method": {method.__name__: method for method in METHODS},
    "data": {source.__name__: source for source in DATA_SETS},
}


def normalise(argv: list[str]) -> list[str]:
    """Spell arguments as the parser knows them.

    Raises:
        ValueError: If a method or data set does not exist; it names the nearest.
    """
    words: list[str] = []
    for number, word in enumerate(argv):
        if not word.startswith("--"):
            words.append(word)
            continue
        option, equals, value = word[2:].partition("=")
        option = option.replace("-", "_")
        following = argv[number + 1 : number + 2]
        bare = not equals and (not following or following[0].startswith("--"))
        if option == "backbone":
            option = "backbone.name"
        words.append(f"--{option}{equals}{value}")
        if bare and option in _booleans():
            words.append("true")
    return _name_classes(words)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the most similar name, or at all of them."""
    known = sorted(known)
    similar = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {similar[0]}?" if similar else f"known are {', '.join(known)}"


def class_options(group: str) -> dict[str, type]:
    """Options of every class of a group, as ``name`` and the type it is written with."""
    return {
        name: parameter.annotation
        for choice in CLASSES[group].values()
        for name, parameter in inspect.signature(choice).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _booleans() -> set[str]:
    fields = {**_annotations(Recipe), **_annotations(Place)}
    fields |= {f"backbone.{name}": kind for name, kind in _annotations(BackboneChoice).items()}
    for group in CLASSES:
        fields |= {f"{group}.{name}": kind for name, kind in class_options(group).items()}
    return {name for name, kind in fields.items() if kind is bool}


def _annotations(choice: type) -> dict[str, type]:
    return dict(inspect.get_annotations(choice))


def _name_classes(words: list[str]) -> list[str]:
    """Replace names of methods and data sets by their exact spelling."""
    result = list(words)
    for number, word in enumerate(words):
        option, equals, value = word[2:].partition("=") if word.startswith("--") else ("", "", "")
        if option not in CLASSES:
            continue
        if equals:
            result[number] = f"--{option}={exact_name(option, value)}"
        elif number + 1 < len(words):
            result[number + 1] = exact_name(option, words[number + 1])
    return result


def exact_name(group: str, name: str) -> str:
    """A class's exact name, whatever its case.

    Raises:
        ValueError: If there is none; it names the nearest.
    """
    if "." in name or "{" in name:
        return name
    known = {choice.lower(): choice for choice in CLASSES[group]}
    plain = name.lower().replace("-", "").replace("_", "")
    if plain not in known:
        what = {"method": "method", "data": "data set"}[group]
        raise ValueError(f"--{group} {name}: no such {what}; {nearest(name, CLASSES[group])}")
    return known[plain]
