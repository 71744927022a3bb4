"""Small freedoms of spelling on the command line.

Hyphens equal underscores in options; names of methods, data sets, optimizers and schedules ignore
case; ``--backbone NAME`` names the network; ``--data PATH`` is a folder or table of pictures; a
bare boolean is true; ``--method.init_args.temperature`` is ``--method.temperature``.
"""

import inspect
from pathlib import Path

from .. import recipes
from .own_images import HUB, Options, spell_out
from .registry import CLASSES, class_options, exact_name
from .schema import Adversary, BackboneChoice, Place, Recipe
from .short_forms import SHORT_FORMS


def read_options(argv: list[str]) -> Options:
    """Take words apart into options as the parser knows them.

    Raises:
        ValueError: If a word stands alone, a value is missing, or a name does not exist; it names
            the nearest.
    """
    options: Options = []
    images: Options = []
    words = iter(range(len(argv)))
    for number in words:
        if not argv[number].startswith("--"):
            raise ValueError(f"unexpected word {argv[number]!r}: {_hint(argv[number])}")
        option, equals, value = argv[number][2:].partition("=")
        option = option.replace("-", "_")
        option = SHORT_FORMS.get(option, option).replace(".init_args.", ".", 1)
        if option.removesuffix(".class_path") in CLASSES:
            option = option.removesuffix(".class_path")
        if not equals:
            following = argv[number + 1] if number + 1 < len(argv) else "--"
            if not following.startswith("--"):
                value = argv[next(words)]
            elif option in _booleans():
                value = "true"
            elif option == "print_config":
                value = ""
            else:
                raise ValueError(f"{argv[number]} is followed by no value")
        if option == "print_shtab":  # an offer of the configuration library's
            raise ValueError("unknown option --print_shtab: there is no shell completion")
        if option == "data":
            images = spell_out(value) or [(option, exact_name(option, value))]
        else:
            options.append((option, exact_name(option, value) if option in CLASSES else value))
    # first, so that --data.root counts more than the folder of a table, wherever it stands
    return [*images, *options]


def _hint(word: str) -> str:
    """What a word without an option may have been meant for."""
    if Path(word).exists() or word.startswith(HUB):
        return f"did you mean --data {word}?"
    if word.lower() in recipes.names():
        return f"did you mean --config {word}?"
    return "options begin with --"


def _booleans() -> set[str]:
    fields = {**_annotations(Recipe), **_annotations(Place)}
    for group, choice in (("backbone", BackboneChoice), ("adversary", Adversary)):
        fields |= {f"{group}.{name}": kind for name, kind in _annotations(choice).items()}
    for group in CLASSES:
        fields |= {f"{group}.{name}": kind for name, kind in class_options(group).items()}
    return {name for name, kind in fields.items() if kind in (bool, bool | str)}


def _annotations(choice: type) -> dict[str, object]:
    return dict(inspect.get_annotations(choice))
