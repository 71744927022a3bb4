"""The files of studies: shipped ones, the user's, and those made from options."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from .. import recipes
from ..runs import is_run, read_text, read_yaml, replace_file
from .grid import Study, from_plain

FOLDER = recipes.FOLDER / "studies"
WRITTEN = "study.yaml"
"""The file in which a study made from options is kept, in its own folder."""
HEADER = "# Written by `selfdistill study"
HEAD = f"""\
{HEADER} --methods …`; `selfdistill study FILE` goes on with it.
# Paths are as they were typed, seen from the folder where the command was given.
"""


def names() -> list[str]:
    """The shipped studies."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def locate(name: str) -> Path:
    """The file of a study: named itself, by the folder of one made from options, or as shipped."""
    candidates = (Path(name), Path(name, WRITTEN), FOLDER / f"{name.lower()}.yaml")
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        nearest = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]}?" if nearest else f"shipped are {', '.join(names())}"
        raise ValueError(f"there is no study {name}, neither a file nor a shipped one: {hint}")
    return file


def is_study(name: str) -> bool:
    """Whether a name is a study's, perhaps misspelt, and not that of a run or a summary."""
    path = Path(name)
    if path.is_dir():
        return not is_run(path) and ((path / WRITTEN).is_file() or name.lower() in names())
    return path.suffix in (".yaml", ".yml") or (len(path.parts) == 1 and path.suffix != ".json")


def default_out(name: str) -> Path:
    """Where the folder of a study's runs lies unless told: one made from options is that folder."""
    folder = _own_folder(locate(name))
    return Path("runs") if folder is None else folder.parent


def load(name: str) -> Study:
    """Read a study; one made from options is called as its folder is."""
    file = locate(name)
    try:
        study = from_plain(read_yaml(file).values, file.stem)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file} is no study: {' '.join(str(error).split())}") from error
    folder = _own_folder(file)
    return study if folder is None else replace(study, name=folder.name)


def _own_folder(file: Path) -> Path | None:
    """The folder of a study made from options, if this is its file."""
    made = file.name == WRITTEN and read_text(file).startswith(HEADER)
    return file.absolute().parent if made else None


def write_file(content: Mapping[str, object], file: Path) -> None:
    """Write the file of a study made from options; one that was written by hand is refused."""
    if file.exists() and not read_text(file).startswith(HEADER):
        raise ValueError(
            f"{file} was not written by `selfdistill study`: choose another --out, or name the "
            "file to run it"
        )
    text = yaml.safe_dump(
        dict(content), sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    replace_file(file, (HEAD + text).encode())
