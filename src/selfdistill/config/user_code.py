"""Classes and networks from files of the current folder: which are run, and which are not."""

import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import cast

from torch import nn

from ..runs import parse_yaml, read_bytes

CHOICES = ("data", "method", "augment", "mixing", "optimizer", "schedule")
"""Fields of a recipe that name classes."""
BUILT_ON = {"selfdistill", "torch"}
"""Installed packages that need one of these may be imported by name."""


def is_own_file(dotted: str) -> bool:
    """Whether ``file.name`` names a file of the current folder."""
    module, dot, _ = dotted.rpartition(".")
    return bool(dot) and _is_path(module) and _file(module).is_file()


def is_own_code(dotted: str) -> bool:
    """Whether opening ``module.name`` would run code that lies in the current folder."""
    module, dot, _ = dotted.rpartition(".")
    if not dot or not _is_path(module) or module in sys.modules:
        return False
    return _file(module).is_file() or Path(module.partition(".")[0], "__init__.py").is_file()


def own_hashes(dotted: str) -> dict[str, str]:
    """Hash of each file of the current folder that ``module.name`` stands for."""
    module, dot, _ = dotted.rpartition(".")
    if not dot or not _is_path(module) or not _file(module).is_file():
        return {}
    inits = [folder / "__init__.py" for folder in _file(module).parents[:-1]]
    files = [*(file for file in inits if file.is_file()), _file(module)]
    return {file.as_posix(): hashlib.sha256(read_bytes(file)).hexdigest() for file in files}


def named(dotted: str) -> object:
    """What ``module.name`` stands for.

    The module is a file of the current folder, or one of an installed package that needs this one
    or torch; nothing else is imported.
    """
    if not _is_path(dotted):
        raise ValueError(
            f"{dotted} is not a name in a file: write FILE.NAME for what FILE.py holds"
        )
    module, _, name = dotted.rpartition(".")
    opened = _open_file(module) if is_own_file(dotted) else _open_package(module)
    if opened is None:
        raise ValueError(
            f"{dotted}: there is no file {_file(module)} in the current folder, and no such module "
            f"of an installed package that needs {' or '.join(sorted(BUILT_ON))}"
        )
    found = getattr(opened, name, None)
    if found is None:
        raise ValueError(f"{dotted}: {module} has no {name!r}")
    return found


def _open_file(module: str) -> ModuleType:
    here, file = str(Path.cwd()), _file(module).resolve()
    if here not in sys.path:
        sys.path.insert(0, here)
    found = importlib.import_module(module)
    if Path(found.__file__ or "").resolve() != file:
        raise ValueError(
            f"{file} is hidden by {found.__file__ or 'a part of Python'}: give it another name"
        )
    return found


def _open_package(module: str) -> ModuleType | None:
    """A module of a package that may be imported by name; None if there is none."""
    package = module.partition(".")[0]
    installed = package in BUILT_ON or _is_built_on_us(package)
    # importing a __main__ would run a program
    if module not in sys.modules and (not installed or module.endswith("__main__")):
        return None
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if f"{module}.".startswith(f"{error.name}."):
            return None
        raise


def _is_built_on_us(package: str) -> bool:
    """Whether an installed package says that it needs this one or torch."""
    for name in metadata.packages_distributions().get(package, [package]):
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        if BUILT_ON & {re.split(r"[^\w.-]", line)[0].lower() for line in needed}:
            return True
    return False


def network_maker(dotted: str) -> Callable[[int], nn.Module]:
    """The function ``file.name`` that makes a network for a number of classes.

    Raises:
        ValueError: If there is none.
    """
    maker = named(dotted)
    if not callable(maker):
        raise ValueError(f"{dotted} is not a function that makes a network")
    return cast("Callable[[int], nn.Module]", maker)


def named_code(recipe: Mapping[str, object]) -> Iterator[str]:
    """The classes and makers of networks that fields of a recipe, or options, name."""
    for option, value in recipe.items():
        group, _, field = option.rstrip("+").partition(".")
        if option != "config":
            content = {"class_path": value} if field == "class_path" else plain(value)
            yield from _named(group if field == "class_path" else option.rstrip("+"), content)


def _named(option: str, content: object) -> Iterator[str]:
    if isinstance(content, str):
        if option in (*CHOICES, "backbone", "backbone.name"):
            yield content
    elif isinstance(content, list):
        for item in content:
            yield from _named(option, item)
    elif isinstance(content, dict):
        if "class_path" in content:
            yield str(content["class_path"])
        for name, value in content.items():
            yield from _named(f"{option}.{name}", value)


def plain(value: object) -> object:
    """What YAML makes of text; the text itself where it is none, and all else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return parse_yaml(value)
    except ValueError:
        return value


def refuse_own_code(
    recipe: Mapping[str, object], recorded: Mapping[str, str], where: Path | str
) -> None:
    """Refuse to run files of the current folder that a stored recipe names.

    One passes where it is the very file that a run recorded, or was opened already.

    Args:
        recipe: What is stored: a recipe, or options.
        recorded: Hashes of files, as a run recorded them.
        where: Where the recipe is stored, for the message.

    Raises:
        ValueError: If there is such a file.
    """
    for path in named_code(recipe):
        if not is_own_code(path):
            continue
        found = own_hashes(path)
        if not found or any(recorded.get(file) != value for file, value in found.items()):
            known = any(file in recorded for file in found)
            raise ValueError(
                f"{where} names {path}, code of the current folder that "
                f"{'has changed since' if known else 'it does not know'}: add --allow-own-code to "
                "run it"
            )


def own_code(recipe: Mapping[str, object]) -> dict[str, str]:
    """Hashes of the current folder's files whose code a recipe names."""
    return {k: v for path in named_code(recipe) for k, v in own_hashes(path).items()}


def _is_path(dotted: str) -> bool:
    return all(part.isidentifier() for part in dotted.split("."))


def _file(module: str) -> Path:
    return Path(*module.split(".")).with_suffix(".py")
