"""Values that must reach the settings as they were typed: paths and names that look like YAML.

The configuration library reads every value as YAML, for which ``[2024] photos/`` is a mistake,
``a: b/`` a mapping and ``#1/`` nothing. A word stands for such a text while it reads.
"""

import inspect
import typing
from pathlib import Path

from ..runs import parse_yaml
from .own_images import Options
from .registry import CLASSES, class_options
from .schema import Adversary, BackboneChoice, Place, Recipe

NOTHING = ("", "~", "null", "none")


def set_aside(options: Options) -> tuple[Options, dict[str, str]]:
    """Put words for what YAML would misread.

    Returns:
        The options, and the text that each word stands for.
    """
    texts: dict[str, str] = {}
    changed: Options = []
    for option, value in options:
        if _takes_text(annotations().get(option)) and _is_misread(value):
            word = f"verbatim-{len(texts)}-text"
            texts[word] = value
            value = word
        changed.append((option, value))
    return changed, texts


def put_back(value: typing.Any, texts: dict[str, str]) -> typing.Any:  # noqa: ANN401
    """The same settings with texts in place of words."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, Path):
        return Path(texts.get(str(value), value))
    if isinstance(value, list):
        return [put_back(element, texts) for element in value]  # pyright: ignore
    if hasattr(value, "items"):  # a mapping, or a namespace of the library
        for name, element in list(value.items()):
            value[name] = put_back(element, texts)
    return value


def annotations() -> dict[str, object]:
    """Types of all options, as signatures declare them."""
    fields = {**inspect.get_annotations(Recipe), **inspect.get_annotations(Place)}
    for group, choice in (("backbone", BackboneChoice), ("adversary", Adversary)):
        fields |= {f"{group}.{k}": kind for k, kind in inspect.get_annotations(choice).items()}
    for group in CLASSES:
        fields |= {f"{group}.{name}": kind for name, kind in class_options(group).items()}
    return fields


def _takes_text(kind: object) -> bool:
    return any(part in (str, Path) for part in (kind, *typing.get_args(kind)))


def _is_misread(text: str) -> bool:
    try:
        value = parse_yaml(text)
    except ValueError:
        return True
    if value is None:
        return text.strip().lower() not in NOTHING
    return not isinstance(value, (str, int, float)) or (isinstance(value, str) and value != text)
