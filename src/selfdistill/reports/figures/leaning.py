"""The classes and images that lean most on each shallow block."""

import io

import numpy as np
from matplotlib import colormaps
from matplotlib.image import imsave
from numpy.typing import NDArray

from ..content import Table, Thumbnail
from ..entries import Entry
from ..predicted import Numbers
from .classes import class_names

LEANING = 3
"""Classes and images named for each block."""
MOST_THUMBNAILS = 24


def leaning(entry: Entry, shares: Numbers, labels: NDArray[np.int64]) -> Table:
    """Name what leans most on each block.

    Args:
        entry: The row.
        shares: Each test image's, ``images × blocks``.
        labels: Their classes.
    """
    names, files = class_names(entry), _files(entry, len(labels))
    named_by = "files" if any(run.files == files for run in entry.runs) else "position in the split"
    rows: list[tuple[str, ...]] = []
    present = np.unique(labels)
    by_class = np.array([shares[labels == k].mean(0) for k in present])
    for block in range(shares.shape[1]):
        best = np.argsort(by_class[:, block], kind="stable")[::-1][:LEANING]
        images = np.argsort(shares[:, block], kind="stable")[::-1][:LEANING]
        leading = [f"{names[present[k]]} ({100 * by_class[k, block]:.1f})" for k in best]
        extreme = [f"{files[i]}, {names[labels[i]]} ({100 * shares[i, block]:.1f})" for i in images]
        mean = f"{100 * shares[:, block].mean():.1f}"
        rows.append((f"block {block + 1}", mean, ", ".join(leading), "; ".join(extreme)))
    return Table(
        f"{entry.label}: what leans most on each shallow block (share in %, mean over seeds; "
        f"images by their {named_by}).",
        ("block", "mean share", "classes", "test images"),
        tuple(rows),
        words=frozenset({0, 2, 3}),
    )


def _files(entry: Entry, images: int) -> tuple[str, ...]:
    """The test images' files; their positions where no run tells."""
    known = [run.files for run in entry.runs if len(run.files) == images]
    return known[0] if known else tuple(f"no.\u00a0{k}" for k in range(images))


def thumbnails(entry: Entry) -> list[Thumbnail]:
    """Images of the first run that kept any, beside where the block looks; class and share."""
    run = next((run for run in entry.runs if run.thumbnails is not None), None)
    if run is None or run.thumbnails is None:
        return []
    assert run.predicted is not None
    shares, labels, names = run.predicted.attention, run.predicted.labels, class_names(entry)
    files = _files(entry, len(labels))
    found: list[Thumbnail] = []
    kept = run.thumbnails
    shown = zip(kept.images, kept.cams, kept.indices, kept.block, strict=True)
    for pixels, cam, index, block in shown:
        share = "" if shares is None else f", {100 * shares[index, block]:.0f}\u00a0%"
        file = io.BytesIO()
        imsave(file, np.hstack([pixels, overlay_cam(pixels, cam)]), format="png")
        subject = f"{names[labels[index]]} ({files[index]})"
        seed = f", seed\u00a0{run.summary.seed}" if len(entry.runs) > 1 else ""
        caption = f"{entry.label}{seed}, block\u00a0{block + 1}{share}: {subject}"
        found.append(Thumbnail(file.getvalue(), caption))
    return found[:MOST_THUMBNAILS]


def overlay_cam(pixels: NDArray[np.uint8], cam: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image in grey under the colours of a class activation map."""
    grey = pixels.mean(axis=2, keepdims=True)
    colors = 255 * colormaps["inferno"](cam)[..., :3]
    return (0.4 * grey + 0.6 * colors).round().astype(np.uint8)
