"""Check images before training: which are read as they are, converted or refused, and why."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from ...preprocessing import DEEP_MODES, to_rgb, upright_turn
from ..progress import Progress
from .alike import Sketch, near_pairs, sketch
from .decode import FORMATS, open_image, pixel_hash
from .findings import describe_alike, describe_proportions, describe_repeats
from .hugging_face import HUB, HuggingFace
from .image_folder import ImageFolder
from .label_table import TABLES, LabelTable
from .listing import NOT_A_PICTURE, names_in
from .prepare import OwnImages

MAX_SHOWN = 200
DARK = 2**13
"""Largest value of 16 bits below which a picture is almost black: 31 of 255."""
MODES = {
    "CMYK": "CMYK, converted to RGB",
    "L": "grey, repeated in three channels",
    "LA": "grey, repeated in three channels",
    "1": "1 bit, black and white in three channels",
    "P": "a palette, converted to RGB",
    "PA": "a palette, converted to RGB",
    **dict.fromkeys(DEEP_MODES, "16 bits, scaled to 8"),
}


class FileCheck(NamedTuple):
    """What training makes of one image file, and why."""

    kind: Literal["accepted", "converted", "refused"]
    reason: str = ""


def check_file(picture: Path | bytes) -> FileCheck:
    """Read an image as training does."""
    return _check_and_look(picture)[0]


def _changes(image: Image.Image, ending: str | None) -> list[str]:
    changes: list[str] = []
    if image.mode in MODES:
        changes.append(MODES[image.mode])
        if image.mode in DEEP_MODES and (largest := int(np.asarray(image).max())) < DARK:
            # As pictures of 10 or 12 bits are, where nothing says so.
            changes[0] += f": almost black, the largest value is {largest} of 65535; "
            changes[0] += "scale up what uses fewer bits"
    if image.has_transparency_data:
        changes.append("transparent, put on white")
    if getattr(image, "is_animated", False) and image.format != "MPO":
        changes.append("several frames, the first is taken")
    if upright_turn(image) is not None:
        changes.append("turned upright by its EXIF orientation")
    scale: int = (*getattr(image, "decoderconfig", ()), 1)[0]
    if scale > 1:
        changes.append(f"too large, decoded at 1/{scale} of its size")
    form = image.format or ""
    if ending is not None and ending not in FORMATS.get(form, (form.lower(),)):
        changes.append(f"named .{ending}, is {form}: read as {form}")
    return changes


@dataclass(frozen=True)
class DataCheck:
    """What was found in a folder, table or set of pictures."""

    pictures: int
    """How many were looked at."""
    files: dict[str, FileCheck]
    """Those that are not plainly accepted, by name: a file's path relative to the root."""
    ignored: dict[str, str]
    """What is passed over without being looked at, and why."""
    problem: str
    """Why training would refuse them all; empty where it would not."""
    note: str
    """How they would be divided; empty where no classes were found."""
    others: str = ""
    """How many files are ignored because they are not named as images."""
    findings: tuple[str, ...] = ()
    """Lines on pictures that are repeated, look alike, or lose much where a square is cut out."""
    alike: tuple[tuple[str, str], ...] = ()
    """Pairs of pictures that look alike."""

    def __str__(self) -> str:
        refusal = f"Training refuses this: {self.problem}"
        if not self.pictures:
            return refusal
        kinds = [file.kind for file in self.files.values()]
        converted, refused = kinds.count("converted"), kinds.count("refused")
        accepted = self.pictures - converted - refused
        lines = [
            f"{self.pictures} files: {accepted} accepted as they are, {converted} converted, "
            f"{refused} left out, {len(self.ignored)} ignored; no file is changed"
        ]
        findings = [f"{file.kind:9}  {path}: {file.reason}" for path, file in self.files.items()]
        findings.sort(key=lambda line: not line.startswith("refused"))
        ignored = {path: why for path, why in self.ignored.items() if why != NOT_A_PICTURE}
        findings += [f"ignored    {path}: {why}" for path, why in ignored.items()]
        findings += [f"alike      {path}: {other}" for path, other in self.alike]
        lines += findings[:MAX_SHOWN]
        if len(findings) > MAX_SHOWN:
            lines.append(f"… and {len(findings) - MAX_SHOWN} more")
        lines += [line for line in (*self.findings, self.others) if line]
        lines.append(refusal if self.problem else self.note)
        return "\n".join(lines)


def check_images(data: str | Path, *, root: str | Path | None = None) -> DataCheck:
    """Check every image as training would read it; nothing is changed.

    Args:
        data: A folder of class folders, a table of images and labels, or ``hf:`` and the name or
            folder of a Hugging Face data set.
        root: The folder that a table's paths start from; None for the table's own.
    """
    data_set: OwnImages
    if str(data).startswith(HUB):
        data_set = HuggingFace(name=str(data).removeprefix(HUB))
    elif Path(data).suffix.lower() in TABLES:
        data_set = LabelTable(table=data, root=root)
    else:
        data_set = ImageFolder(root=data)
    problems: list[str] = []
    try:
        listing = data_set.listing()
    except ValueError as error:
        problems.append(str(error))
        try:  # what is wrong with single images is told all the same
            listing = data_set.listing(for_training=False)
        except ValueError:
            return DataCheck(0, {}, {}, problems[0], "")
    names = names_in(listing.parts)
    files: dict[str, FileCheck] = {}
    same: dict[str, list[str]] = {}
    sketches: dict[str, Sketch] = {}
    sizes: list[tuple[int, int]] = []
    with Progress(f"reading {len(names):,} pictures", len(names)) as progress:
        for name, (check, look) in listing.source.map(names, _check_and_look):
            progress.advance(1)
            if look is not None:
                same.setdefault(look.hash, []).append(name)
                sketches[name] = look.sketch
                sizes.append(look.size)
            if check.kind != "accepted":
                files[name] = check
    note = listing.note
    splits = listing.parts
    try:
        splits = splits if problems else data_set.divide(listing)
        refused = {name: file.reason for name, file in files.items() if file.kind == "refused"}
        listing.readable(splits, refused)
    except ValueError as error:
        problems.append(str(error))
    groups = [group for group in same.values() if len(group) > 1]
    first = {name: sketches[name] for name, *_ in same.values()}
    every = list(first)
    alike = [(every[one], every[other]) for one, other in near_pairs([*first.values()])]
    return DataCheck(
        len(names),
        files,
        listing.ignored,
        "; ".join(problems),
        note,
        listing.others,
        (
            describe_repeats(listing.parts, splits, groups),
            describe_alike(listing.parts, splits, alike),
            describe_proportions(sizes),
        ),
        tuple(alike),
    )


class Look(NamedTuple):
    """What is compared of a picture that can be read."""

    hash: str
    sketch: Sketch
    size: tuple[int, int]
    """Width and height."""


def _check_and_look(picture: Path | bytes) -> tuple[FileCheck, Look | None]:
    """What becomes of an image, and how it looks unless it is refused."""
    ending = picture.suffix.lower().lstrip(".") if isinstance(picture, Path) else None
    try:
        with open_image(picture) as image:
            changes = _changes(image, ending)
            rgb = to_rgb(image)
            look = Look(pixel_hash(rgb), sketch(rgb), rgb.size)
    except ValueError as error:
        return FileCheck("refused", str(error)), None
    kind = "converted" if changes else "accepted"
    return FileCheck(kind, "; ".join(changes)), look
