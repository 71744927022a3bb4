"""Methods and networks from a file that the user names, in the current folder."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from torch import nn


def is_own_file(dotted: str) -> bool:
    """Whether ``file.name`` names a file of the current folder."""
    file, dot, _ = dotted.partition(".")
    return bool(dot) and Path(f"{file}.py").is_file()


def open_folder(dotted: str) -> None:
    """Make ``file.Name`` importable if ``file.py`` lies in the current folder.

    Raises:
        ValueError: If there is no such file and no such installed module.
    """
    module = dotted.partition(".")[0]
    file = Path(f"{module}.py")
    here = str(Path.cwd())
    if file.is_file() and here not in sys.path:
        sys.path.insert(0, here)
    try:
        importlib.import_module(dotted.rpartition(".")[0])
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ValueError(f"{dotted}: there is no file {file} in the current folder") from None


def network_maker(dotted: str) -> Callable[[int], nn.Module]:
    """The function ``file.name`` that makes a network for a number of classes.

    Raises:
        ValueError: If there is none.
    """
    open_folder(dotted)
    module, _, name = dotted.rpartition(".")
    maker: Callable[[int], nn.Module] | None
    maker = getattr(importlib.import_module(module), name, None)
    if maker is None:
        raise ValueError(f"{dotted}: {module}.py has no {name!r}")
    return maker
