"""The words of the command line, and their small freedoms of spelling.

Hyphens equal underscores in options; names of methods, data sets, optimizers and schedules ignore
case; ``--backbone NAME`` names the network; ``--data PATH`` is a folder or table of pictures; a
bare boolean is true; ``--method.init_args.temperature`` is ``--method.temperature``.
"""

import inspect
import shlex
from collections.abc import Iterable
from pathlib import Path

from .. import recipes
from ..data.images import HUB
from .merging import Options
from .own_images import spell_out
from .registry import CLASSES, class_options, exact_name
from .schema import Adversary, BackboneChoice, Execution, Ingredients

SHORT_FORMS = {
    "backbone": "backbone.name",
    "image_size": "data.image_size",
    "cache_dir": "data.cache_dir",
    "lr": "optimizer.lr",
}
"""Options that have a shorter name than their place in the recipe gives them."""
ALL_OPTIONS = (
    *("config", *SHORT_FORMS),
    *inspect.get_annotations(Ingredients),
    *inspect.get_annotations(Execution),
    *(f"backbone.{name}" for name in inspect.get_annotations(BackboneChoice)),
    *(f"adversary.{name}" for name in inspect.get_annotations(Adversary)),
)
"""Names of options, but for those of classes."""


def read_options(argv: list[str]) -> Options:
    """Take words apart into options.

    Raises:
        ValueError: If a word stands alone, a value is missing, or a name does not exist; it names
            the nearest.
    """
    pairs: Options = []
    words = iter(range(len(argv)))
    for number in words:
        if not argv[number].startswith("--"):
            raise ValueError(f"unexpected word {argv[number]!r}: {_hint(argv[number])}")
        name, equals, value = argv[number][2:].partition("=")
        if not equals:
            following = argv[number + 1] if number + 1 < len(argv) else "--"
            if not following.startswith("--"):
                value = argv[next(words)]
            elif full_name(name) in _booleans():
                value = "true"
            elif full_name(name) == "print_config":
                value = ""
            else:
                raise ValueError(f"{argv[number]} is followed by no value")
        pairs.append((name, value))
    return spelled(pairs)


def spelled(options: Iterable[tuple[str, object]]) -> Options:
    """Options under their full names, and classes under their exact ones.

    Args:
        options: Values by name, with the freedoms of the command line.

    Raises:
        ValueError: If a name does not exist; it names the nearest.
    """
    images: Options = []
    others: Options = []
    for name, value in options:
        option = full_name(name)
        if option == "print_shtab":  # an offer of the configuration library's
            raise ValueError("unknown option --print_shtab: there is no shell completion")
        text = isinstance(value, str)
        if option == "data" and text:
            images = spell_out(value) or [(option, exact_name(option, value))]
        else:
            exact = exact_name(option, value) if option in CLASSES and text else value
            others.append((option, exact))
    # first, so that --data.root counts more than the folder of a table, wherever it stands
    return [*images, *others]


def train_command(options: Options) -> str:
    """The command line of ``train`` that options stand for."""
    words = [f"--{option}={value}" for option, value in options]
    return shlex.join(["selfdistill", "train", *words])


def full_name(name: str) -> str:
    """An option by the name of its field, however it is spelled."""
    option = name.replace("-", "_")
    option = SHORT_FORMS.get(option, option).replace(".init_args.", ".", 1)
    group = option.removesuffix(".class_path")
    return group if group in CLASSES else option


def _hint(word: str) -> str:
    """What a word without an option may have been meant for."""
    if Path(word).exists() or word.startswith(HUB):
        return f"did you mean --data {word}?"
    if word.lower() in recipes.names():
        return f"did you mean --config {word}?"
    return "options begin with --"


def _booleans() -> set[str]:
    fields = {**_annotations(Ingredients), **_annotations(Execution)}
    for group, choice in (("backbone", BackboneChoice), ("adversary", Adversary)):
        fields |= {f"{group}.{name}": kind for name, kind in _annotations(choice).items()}
    for group in CLASSES:
        fields |= {f"{group}.{name}": kind for name, kind in class_options(group).items()}
    return {name for name, kind in fields.items() if kind in (bool, bool | str)}


def _annotations(choice: type) -> dict[str, object]:
    return dict(inspect.get_annotations(choice))
