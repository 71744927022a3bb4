"""Commands that say what there is: methods, backbones, recipes, augment."""

import inspect
import sys
from pathlib import Path

from .parser import parser_of


def methods(words: list[str]) -> int:
    """List methods with their ideas, or describe one."""
    parser = parser_of("methods")
    parser.add_argument("name", nargs="?", help="a method")
    name: str | None = parser.parse_args(words).name
    from ..methods import METHODS

    if name is not None:
        print(_describe(name))
        return 0
    width = max(len(method.__name__) for method in METHODS) + 2
    for method in METHODS:
        idea, _, _ = (inspect.getdoc(sys.modules[method.__module__]) or "").partition("\n")
        print(f"{method.__name__:<{width}}{idea}")
    return 0


def _describe(name: str) -> str:
    """A method's equation and reference, and its options with their defaults."""
    from ..config import exact_name, find_class

    method = find_class("method", exact_name("method", name))
    options = [
        f"  --method.{option.replace('_', '-')} "
        + ("(required)" if parameter.default is parameter.empty else str(parameter.default))
        for option, parameter in inspect.signature(method).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    paper, summary = inspect.getdoc(sys.modules[method.__module__]), inspect.getdoc(method)
    listed = "\n".join(["Options and defaults:", *options]) if options else "No options."
    return "\n\n".join(filter(None, (method.__name__, paper, summary, listed)))


def backbones(words: list[str]) -> int:
    """List networks."""
    parser = parser_of("backbones")
    parser.add_argument("pattern", nargs="?", default="*", help="as in file names: 'resnet*'")
    parser.add_argument("--pretrained", action="store_true", help="only with published weights")
    args = parser.parse_args(words)
    from ..backbones import backbone_names

    names = backbone_names(args.pattern, pretrained=args.pretrained)
    if not names:
        raise ValueError(f"no network matches {args.pattern!r}: try '*{args.pattern}*'")
    print("\n".join(names))
    return 0


def recipes(words: list[str]) -> int:
    """List recipes, or print one."""
    parser = parser_of("recipes")
    parser.add_argument("name", nargs="?", help="a recipe")
    name: str | None = parser.parse_args(words).name
    from .. import recipes as shipped

    if name is None:
        print("\n".join(shipped.names()))
    else:
        print(shipped.find(name).read_text(encoding="utf-8").rstrip())
    return 0


def augment(words: list[str]) -> int:
    """Draw what a recipe shows the network."""
    if any(word.partition("=")[0].endswith(".help") for word in words):
        from ..config import parse

        parse(words)
    parser = parser_of("augment")
    parser.add_argument("recipe", help="a recipe; further options are those of train")
    parser.add_argument("--picture", type=Path, default=Path("augmentation.png"), help="PNG file")
    args, further = parser.parse_known_args(words)
    from .augment_sheet import EPOCHS, draw_augmentation

    draw_augmentation(["--config", args.recipe, *further], args.picture)
    print(f"{args.picture}: training images, and what the first {EPOCHS} epochs show of them")
    return 0
