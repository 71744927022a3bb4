"""Small freedoms of spelling on the command line.

Hyphens equal underscores in options; names of methods, data sets, optimizers and schedules ignore
case; ``--backbone NAME`` names the network; a bare boolean is true.
"""

import inspect

from .choices import CLASSES, class_options, exact_name
from .recipe import Adversary, BackboneChoice, Place, Recipe

Options = list[tuple[str, str]]
"""Options without their hyphens, each with its value, in the order given."""

ALIASES = {"backbone": "backbone.name"}


def read_options(argv: list[str]) -> Options:
    """Take words apart into options as the parser knows them.

    Raises:
        ValueError: If a word stands alone, a value is missing, or a name does not exist; it names
            the nearest.
    """
    options: Options = []
    words = iter(range(len(argv)))
    for number in words:
        if not argv[number].startswith("--"):
            raise ValueError(f"unexpected word {argv[number]!r}: options begin with --")
        option, equals, value = argv[number][2:].partition("=")
        option = option.replace("-", "_")
        option = ALIASES.get(option, option)
        if not equals:
            following = argv[number + 1] if number + 1 < len(argv) else "--"
            if not following.startswith("--"):
                value = argv[next(words)]
            elif option in _booleans():
                value = "true"
            else:
                raise ValueError(f"--{option} is followed by no value")
        options.append((option, exact_name(option, value) if option in CLASSES else value))
    return options


def _booleans() -> set[str]:
    fields = {**_annotations(Recipe), **_annotations(Place)}
    for group, choice in (("backbone", BackboneChoice), ("adversary", Adversary)):
        fields |= {f"{group}.{name}": kind for name, kind in _annotations(choice).items()}
    for group in CLASSES:
        fields |= {f"{group}.{name}": kind for name, kind in class_options(group).items()}
    return {name for name, kind in fields.items() if kind is bool}


def _annotations(choice: type) -> dict[str, object]:
    return dict(inspect.get_annotations(choice))
