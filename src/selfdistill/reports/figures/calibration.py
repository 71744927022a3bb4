"""How far the networks' confidence can be trusted."""

from collections.abc import Sequence

import numpy as np

from ..content import Picture, Section, Table
from ..entries import Entry
from ..predicted import Numbers, reliability, unseen
from ..statistics import spread
from ..table import plus_minus
from ..verdicts import ABSENT
from . import style

SCORES = {"ece": "ECE, %", "nll": "NLL, nats", "brier": "Brier score"}
FEWEST_IMAGES = 20
"""Images that a bin needs for a mark, all seeds together."""


def section(entries: Sequence[Entry], split: str) -> Section:
    """Scores of calibration, and the reliability diagram where there are predictions."""
    table = Table(
        f"Calibration of the network on the {split} split, mean ± standard deviation over seeds; "
        "of all three scores less is better. ECE alone is silent about accuracy: a network that is "
        "seldom right, and says so, has a low one.",
        ("method", *SCORES.values()),
        tuple((e.label, *(_score(e, split, field) for field in SCORES)) for e in entries),
    )
    shown = [e for e in entries if any(run.predicted is not None for run in e.runs)]
    parts = style.chunks(shown) if shown else []
    pictures = tuple(_diagram(p, f"reliability-{i}") for i, p in enumerate(parts))
    words = (f"The reliability diagram needs {unseen(split)}",)
    return Section("calibration", "Calibration", () if shown else words, (table,), pictures)


def _score(entry: Entry, split: str, field: str) -> str:
    found = [run.scores(split).get("network", {}).get(field) for run in entry.runs]
    values = [value for value in found if value is not None]
    digits = 2 if field == "ece" else 3
    return plus_minus(spread(values), digits) if values else ABSENT


def _diagram(entries: Sequence[Entry], name: str) -> Picture:
    figure, panel = style.axes(
        height=3.7, xlabel="mean confidence of a bin (%)", ylabel="accuracy on test images (%)"
    )
    panel.plot([0, 100], [0, 100], color=style.RULE, lw=1, linestyle=":", label="calibrated")
    for entry in entries:
        bins = _bins(entry)
        style.curve(panel, bins[:, 0], bins[:, 1], entry.style, entry.label)
    panel.set_xlim(0, 102)
    panel.set_ylim(0, 102)
    panel.set_aspect("equal")
    style.legend(figure, panel)
    return Picture(
        name,
        "Reliability: accuracy of the predictions of like confidence, all seeds together; bins of "
        f"fewer than {FEWEST_IMAGES} images are left out. Below the diagonal a network is "
        "over-confident.",
        figure,
    )


def _bins(entry: Entry) -> Numbers:
    """Mean confidence and accuracy of each full bin, percent, over all seeds' images."""
    found = [reliability(run.predicted) for run in entry.runs if run.predicted is not None]
    images = np.sum([bins[:, 0] for bins in found], axis=0)
    sums = np.sum([np.nan_to_num(bins[:, 1:]) * bins[:, :1] for bins in found], axis=0)
    full = images >= FEWEST_IMAGES
    return sums[full] / images[full, None]
