"""Recipes that this package ships: complete settings that were run."""

import difflib
from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Every shipped recipe, as ``--config`` takes it."""
    files = [file for file in sorted(FOLDER.rglob("*.yaml")) if file.parent.name != "studies"]
    return [file.relative_to(FOLDER).with_suffix("").as_posix() for file in files]


def find(name: str) -> Path:
    """The file of a recipe: a path, or the name of a shipped one.

    Raises:
        ValueError: If there is neither; it names the nearest.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = FOLDER / f"{name.lower()}.yaml"
    if name.lower() in names():
        return shipped
    nearest = difflib.get_close_matches(name.lower(), names(), n=1, cutoff=0.4)
    hint = f"did you mean {nearest[0]}?" if nearest else f"shipped are {', '.join(names())}"
    raise ValueError(f"there is no recipe {name}, neither a file nor a shipped one: {hint}")
