"""Small freedoms of spelling on the command line.

Hyphens equal underscores in options; names of methods, data sets, optimizers and schedules ignore
case; ``--backbone NAME`` names the network; a bare boolean is true.
"""

import inspect

from .choices import CLASSES, class_options, exact_name
from .recipe import BackboneChoice, Place, Recipe


def normalise(argv: list[str]) -> list[str]:
    """Spell arguments as the parser knows them.

    Raises:
        ValueError: If a name does not exist; it names the nearest.
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
        elif bare and option not in ("help", "method.help", "data.help"):
            raise ValueError(f"--{option} is followed by no value")
    return _name_classes(words)


def _booleans() -> set[str]:
    fields = {**_annotations(Recipe), **_annotations(Place)}
    fields |= {f"backbone.{name}": kind for name, kind in _annotations(BackboneChoice).items()}
    for group in CLASSES:
        fields |= {f"{group}.{name}": kind for name, kind in class_options(group).items()}
    return {name for name, kind in fields.items() if kind is bool}


def _annotations(choice: type) -> dict[str, object]:
    return dict(inspect.get_annotations(choice))


def _name_classes(words: list[str]) -> list[str]:
    """Replace names of classes by their exact spelling."""
    result = list(words)
    for number, word in enumerate(words):
        option, equals, value = word[2:].partition("=") if word.startswith("--") else ("", "", "")
        if option not in CLASSES:
            continue
        if equals:
            result[number] = f"--{option}={exact_name(option, value)}"
        else:
            result[number + 1] = exact_name(option, words[number + 1])
    return result
