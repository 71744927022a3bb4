"""What becomes of each file of a folder of pictures, told before training."""

import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image

from .decode import DEEP_MODES, opened, to_rgb
from .folder_layout import Layout, find_pictures

ORIENTATION = 0x0112
SHOWN = 200
ENDINGS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "MPO": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "PNG": ("png", "apng"),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
    "PPM": ("ppm", "pgm", "pbm", "pnm", "pfm"),
    "JPEG2000": ("jp2", "j2k", "jpc", "jpf", "jpx", "j2c"),
    "AVIF": ("avif", "avifs"),
}
MODES = {
    "CMYK": "CMYK, converted to RGB",
    "L": "grey, repeated in three channels",
    "LA": "grey, repeated in three channels",
    "1": "1 bit, black and white in three channels",
    "P": "a palette, converted to RGB",
    "PA": "a palette, converted to RGB",
    **dict.fromkeys(DEEP_MODES, "16 bits, scaled to 8"),
}


class Verdict(NamedTuple):
    """What becomes of a file, and why."""

    kind: Literal["accepted", "converted", "refused"]
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What was found in a folder of pictures.

    Args:
        pictures: How many files were looked at.
        verdicts: Those that are not plainly accepted, by path relative to the folder.
        ignored: What is passed over without being looked at, and why.
        problem: Why training would refuse the folder; empty where it would not.
        note: How the folder would be divided; empty where no classes were found.
    """

    pictures: int
    verdicts: dict[str, Verdict]
    ignored: dict[str, str]
    problem: str
    note: str

    def __str__(self) -> str:
        kinds = [verdict.kind for verdict in self.verdicts.values()]
        converted, refused = kinds.count("converted"), kinds.count("refused")
        accepted = self.pictures - converted - refused
        lines = [
            f"{self.pictures} files: {accepted} accepted as they are, {converted} converted, "
            f"{refused} left out, {len(self.ignored)} ignored; no file is changed"
        ]
        findings = [f"{v.kind:9}  {path}: {v.reason}" for path, v in self.verdicts.items()]
        findings.sort(key=lambda line: not line.startswith("refused"))
        findings += [f"ignored    {path}: {why}" for path, why in self.ignored.items()]
        lines += findings[:SHOWN]
        if len(findings) > SHOWN:
            lines.append(f"… and {len(findings) - SHOWN} more")
        lines.append(f"Training refuses this folder: {self.problem}" if self.problem else self.note)
        return "\n".join(lines)


def judge(path: Path) -> Verdict:
    """Read a file as training would, and say what becomes of it."""
    return _judge_all([path])[0]


def check(root: str | Path) -> Report:
    """Judge every file of a folder of class folders; nothing is changed."""
    try:
        layout = find_pictures(Path(root))
    except ValueError as error:
        return Report(0, {}, {}, str(error), "")
    files = layout.files()
    verdicts = dict(zip(files, _judge_all([layout.root / name for name in files]), strict=True))
    refused = {name: v.reason for name, v in verdicts.items() if v.kind == "refused"}
    return Report(
        len(files),
        {name: verdict for name, verdict in verdicts.items() if verdict.kind != "accepted"},
        layout.ignored,
        _problem(layout, refused),
        layout.note,
    )


def _problem(layout: Layout, refused: dict[str, str]) -> str:
    try:
        layout.without(refused)
    except ValueError as error:
        return str(error)
    return ""


def _judge_all(paths: Iterable[Path]) -> list[Verdict]:
    # Threads share the filter of warnings, so it is set once around them.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        return list(pool.map(_judge, paths))


def _judge(path: Path) -> Verdict:
    try:
        with opened(path) as image:
            changes = _changes(image, path.suffix.lower().lstrip("."))
            to_rgb(image)
    except ValueError as error:
        return Verdict("refused", str(error).removeprefix(f"{path} "))
    return Verdict("converted", "; ".join(changes)) if changes else Verdict("accepted")


def _changes(image: Image.Image, ending: str) -> list[str]:
    changes: list[str] = []
    if image.mode in MODES:
        changes.append(MODES[image.mode])
    if image.has_transparency_data:
        changes.append("transparent, put on white")
    if getattr(image, "is_animated", False) and image.format != "MPO":
        changes.append("several frames, the first is taken")
    if image.getexif().get(ORIENTATION, 1) in range(2, 9):
        changes.append("turned upright by its EXIF orientation")
    form = image.format or ""
    if ending not in ENDINGS.get(form, (form.lower(),)):
        changes.append(f"named .{ending}, is {form}: read as {form}")
    return changes
