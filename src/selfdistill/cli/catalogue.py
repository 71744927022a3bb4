"""Commands that say what there is: methods, backbones, recipes, augment."""

from pathlib import Path

from .parser import parser_of


def methods(words: list[str]) -> int:
    """List methods, or describe one."""
    parser = parser_of("methods")
    parser.add_argument("name", nargs="?", help="a method")
    name: str | None = parser.parse_args(words).name
    from .describe import describe_method, list_methods

    print(list_methods() if name is None else describe_method(name))
    return 0


def backbones(words: list[str]) -> int:
    """List networks."""
    parser = parser_of("backbones")
    parser.add_argument("pattern", nargs="?", default="*", help="as in file names: 'resnet*'")
    parser.add_argument("--pretrained", action="store_true", help="only with published weights")
    given = parser.parse_args(words)
    from ..backbones import backbone_names

    names = backbone_names(given.pattern, pretrained=given.pretrained)
    if not names:
        raise ValueError(f"no network matches {given.pattern!r}: try '*{given.pattern}*'")
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
    parser = parser_of("augment")
    parser.add_argument("recipe", help="a recipe; further options are those of train")
    parser.add_argument("--picture", type=Path, default=Path("augmentation.png"), help="PNG file")
    given, further = parser.parse_known_args(words)
    from .augment_sheet import draw_augmentation

    draw_augmentation(["--config", given.recipe, *further], given.picture)
    print(f"{given.picture}: training images, and what seven epochs show of them")
    return 0
