"""The mistakes that the network is surest of, as pictures, and the labels that are doubtful."""

import csv
import io

import numpy as np
from PIL import Image

from ...terminal import csv_text
from ..examined import MAX_MISTAKES, ExaminedPicture, ExaminedRun
from ..sections import Gallery, Section, Thumbnail
from ..sections.attention import overlay_cam

SMALL = 96
"""Pictures of fewer pixels a side are enlarged by whole factors."""


def section(examined: ExaminedRun) -> Section | None:
    """Pictures of mistakes; None where there are none."""
    mistakes = examined.mistakes
    if not mistakes.size:
        return None
    shown = [(p, _thumbnail(examined, p)) for p in examined.pictures]
    first = {int(k) for k in mistakes[:MAX_MISTAKES]}
    sure = tuple(image for picture, image in shown if picture.position in first)
    others = tuple(image for picture, image in shown if picture.position not in first)
    part = f"{len(sure)} of {len(mistakes):,}" if len(sure) < len(mistakes) else "The"
    galleries = [Gallery(f"{part} mistakes, the surest first:", sure, wide=True)]
    if others:
        weakest = examined.names[next(iter(examined.by_class))]
        galleries.append(
            Gallery(f"Further mistakes of the weakest class, {weakest}.", others, True)
        )
    return Section("mistakes", "Mistakes", _paragraphs(examined), galleries=tuple(galleries))


def _paragraphs(examined: ExaminedRun) -> tuple[str, ...]:
    cells = next((p.cells for p in examined.pictures if p.cells is not None), None)
    looks = "This network shows no map of where it looks."
    if cells is not None:
        looks = (
            "Right: where the network looks for the class that it says (bright: most), by a map of "
            f"{cells[0]} × {cells[1]} cells; finer than a cell it tells nothing. Black: nothing in "
            "the picture speaks for the class, which won by its bias or because others lost."
        )
    if examined.doubtful is None:
        return looks, (
            f"{len(examined.suspects):,} of {len(examined.labels):,} images speak against their "
            "label: too many to be wrong, so that the network is, and none is marked. Train it "
            "longer first."
        )
    doubts = (
        f"{len(examined.doubtful):,} of {len(examined.labels):,} labels are doubtful: the network "
        "is as sure of another class as it usually is of that class's own images (confident "
        "learning). It is a reason to look, not a verdict: the label may be wrong, or the picture "
        f"hard. Only the {examined.split} split can be judged so, as the network was trained to "
        "agree with the labels of the others; --data.split-seed draws another."
    )
    return looks, doubts


def _thumbnail(examined: ExaminedRun, picture: ExaminedPicture) -> Thumbnail:
    k = picture.position
    label, said = examined.labels[k], examined.said[k]
    sure, own = examined.probabilities[k, said], examined.probabilities[k, label]
    doubt = " Doubtful label." if k in (examined.doubtful or ()) else ""
    caption = (
        f"{examined.names[said]} {_percent(sure)}, filed under {examined.names[label]} "
        f"({_percent(own)}).{doubt} {examined.name(k)}"
    )
    sides = [picture.pixels]
    if picture.cam is not None:
        sides.append(overlay_cam(picture.pixels, picture.cam))
    both = np.hstack(sides)
    factor = max(1, SMALL // picture.pixels.shape[0])
    both = both.repeat(factor, axis=0).repeat(factor, axis=1)
    file = io.BytesIO()
    Image.fromarray(both).save(file, format="PNG", optimize=True)
    return Thumbnail(file.getvalue(), caption)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%" if share >= 0.005 else "<\u00a01\u00a0%"


def as_csv(examined: ExaminedRun) -> str:
    """A line for each image of the split: file, label, what the network says, whether to look."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["file", "label", "predicted", "probability", "of_label", "doubtful"])
    doubtful = set(examined.doubtful or ())
    for k, (label, said) in enumerate(zip(examined.labels, examined.said, strict=True)):
        probabilities = examined.probabilities[k]
        names = (examined.name(k), examined.names[label], examined.names[said])
        shares = f"{probabilities[said]:.6f}", f"{probabilities[label]:.6f}"
        writer.writerow([*map(csv_text, names), *shares, int(k in doubtful)])
    return file.getvalue()
