"""What becomes of each picture, told before training."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from .decode import DEEP_MODES, opened, to_rgb, upright_turn
from .folder_layout import find_pictures
from .hub_rows import HUB, find_rows
from .label_table import TABLES, read_table
from .listing import NOT_A_PICTURE, Listing
from .pictures import FORMATS, each
from .preparation import Preparation
from .progress import Progress

SHOWN = 200
BATCH = 64
"""Batch size of the recipes for pictures of one's own."""
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


class Verdict(NamedTuple):
    """What becomes of a file, and why."""

    kind: Literal["accepted", "converted", "refused"]
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What was found in a folder, table or set of pictures.

    Args:
        pictures: How many were looked at.
        verdicts: Those that are not plainly accepted, by name: a file's path relative to the root.
        ignored: What is passed over without being looked at, and why.
        problem: Why training would refuse them all; empty where it would not.
        note: How they would be divided; empty where no classes were found.
        others: How many files are ignored because they are not named as pictures.
    """

    pictures: int
    verdicts: dict[str, Verdict]
    ignored: dict[str, str]
    problem: str
    note: str
    others: str = ""
    repeated: str = ""
    """How many pictures are the same file as another; empty where none is."""

    def __str__(self) -> str:
        refusal = f"Training refuses this: {self.problem}"
        if not self.pictures:
            return refusal
        kinds = [verdict.kind for verdict in self.verdicts.values()]
        converted, refused = kinds.count("converted"), kinds.count("refused")
        accepted = self.pictures - converted - refused
        lines = [
            f"{self.pictures} files: {accepted} accepted as they are, {converted} converted, "
            f"{refused} left out, {len(self.ignored)} ignored; no file is changed"
        ]
        findings = [f"{v.kind:9}  {path}: {v.reason}" for path, v in self.verdicts.items()]
        findings.sort(key=lambda line: not line.startswith("refused"))
        ignored = {path: why for path, why in self.ignored.items() if why != NOT_A_PICTURE}
        findings += [f"ignored    {path}: {why}" for path, why in ignored.items()]
        lines += findings[:SHOWN]
        if len(findings) > SHOWN:
            lines.append(f"… and {len(findings) - SHOWN} more")
        lines += [line for line in (self.repeated, self.others) if line]
        lines.append(refusal if self.problem else self.note)
        return "\n".join(lines)


def _looked_at(picture: Path | bytes) -> tuple[Verdict, bytes]:
    """What becomes of a picture, and a hash of it; none for what is refused."""
    verdict = judge(picture)
    if verdict.kind == "refused":
        return verdict, b""
    content = picture.read_bytes() if isinstance(picture, Path) else picture
    return verdict, hashlib.sha256(content).digest()


def judge(picture: Path | bytes) -> Verdict:
    """Read a picture as training would, and say what becomes of it."""
    ending = picture.suffix.lower().lstrip(".") if isinstance(picture, Path) else None
    try:
        with opened(picture) as image:
            changes = _changes(image, ending)
            to_rgb(image)
    except ValueError as error:
        return Verdict("refused", str(error))
    return Verdict("converted", "; ".join(changes)) if changes else Verdict("accepted")


def check(data: str | Path, *, root: str | Path | None = None) -> Report:
    """Judge every picture; nothing is changed.

    Args:
        data: A folder of class folders, a table of images and labels, or ``hf:`` and the name or
            folder of a Hugging Face data set.
        root: The folder that a table's paths start from; None for the table's own.
    """
    below = None if root is None else Path(root)
    fault = ""
    try:
        listing = _find(str(data), below)
    except ValueError as error:
        fault = str(error)
        try:  # what is wrong with single pictures is told all the same
            listing = _find(str(data), below, for_training=False)
        except ValueError:
            return Report(0, {}, {}, fault, "")
    names = listing.names()
    verdicts: dict[str, Verdict] = {}
    same: dict[bytes, list[str]] = {}
    with Progress(f"reading {len(names):,} pictures", len(names)) as progress:
        for name, (verdict, digest) in each(listing.source, names, _looked_at):
            progress.advance(1)
            if digest:
                same.setdefault(digest, []).append(name)
            if verdict.kind != "accepted":
                verdicts[name] = verdict
    refused = {name: v.reason for name, v in verdicts.items() if v.kind == "refused"}
    problems, note = [fault] if fault else [], listing.note
    try:
        left = listing.without(refused)
        note += "" if problems else _small(left)
    except ValueError as error:
        problems.append(str(error))
    return Report(
        len(names),
        verdicts,
        listing.ignored,
        "; ".join(problems),
        note,
        listing.others,
        _repeated(listing, [names for names in same.values() if len(names) > 1]),
    )


def _repeated(listing: Listing, groups: list[list[str]]) -> str:
    """One line on pictures that are the same file, the most harmful kind named first."""
    if not groups:
        return ""
    places = {
        name: (part, label)
        for part, classes in listing.parts.items()
        for label, names in classes.items()
        for name in names
    }
    count = sum(len(names) - 1 for names in groups)
    across: list[str] = []
    kinds = (("in two classes", 1), ("in two splits", 0))
    worst = groups[0]
    for what, position in reversed(kinds):
        found = [names for names in groups if len({places[n][position] for n in names}) > 1]
        if found:
            across.insert(0, f"{len(found)} of them {what}")
            worst = found[0]
    parts = ", ".join([f"{count} pictures repeat another, byte by byte", *across])
    return f"{parts}: for example {worst[0]} and {worst[-1]}"


def _find(data: str, root: Path | None, *, for_training: bool = True) -> Listing:
    if data.startswith(HUB):
        return find_rows(data.removeprefix(HUB))
    path = Path(data)
    if path.suffix.lower() in TABLES:
        return read_table(path, root)
    return find_pictures(path, for_training=for_training)


def _small(listing: Listing) -> str:
    """What to choose where too few pictures are trained on for the recipes' batch size."""
    train = Preparation(224, None, 0, 0.15, 0.15).divided(listing)["train"]
    count = sum(map(len, train.values()))
    if count >= BATCH:
        return ""
    return f"; {count} are trained on, fewer than a batch of {BATCH}: choose a smaller --batch-size"


def _darkness(image: Image.Image) -> str:
    """A warning where a picture of 16 bits uses few of them, as one of 10 or 12 bits does."""
    if image.mode not in DEEP_MODES:
        return ""
    largest = int(np.asarray(image).max())
    if largest >= DARK:
        return ""
    return f": almost black, the largest value is {largest} of 65535; scale up what uses fewer bits"


def _changes(image: Image.Image, ending: str | None) -> list[str]:
    changes: list[str] = []
    if image.mode in MODES:
        changes.append(MODES[image.mode] + _darkness(image))
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
