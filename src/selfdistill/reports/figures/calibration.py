"""Calibration: scores and reliability diagrams."""

from collections.abc import Sequence

import numpy as np

from ..comparison import Comparison
from ..content import Plot, Section, Table
from ..predictions import Numbers
from ..row import Row
from ..statistics import spread
from ..text import ABSENT, needs_predictions, plus_minus
from . import style

SCORES = {"ece": "ECE, %", "nll": "NLL, nats", "brier": "Brier score"}
MIN_IMAGES = 20
"""Images that a bin needs for a mark, all seeds together."""


def section(comparison: Comparison) -> Section:
    """Scores of calibration, and the reliability diagram where there are predictions."""
    rows, split = comparison.rows, comparison.split
    table = Table(
        f"Calibration of the network on the {split} split, mean ± standard deviation over seeds; "
        "of all three scores less is better. ECE alone is silent about accuracy: a network that is "
        "seldom right, and says so, has a low one.",
        ("method", *SCORES.values()),
        tuple((row.label, *(_score(row, field) for field in SCORES)) for row in rows),
    )
    parts = style.chunks([row for row in rows if row.predictions])
    plots = tuple(_diagram(part, f"reliability-{i}") for i, part in enumerate(parts))
    paragraphs = () if plots else (needs_predictions("The reliability diagram needs", split),)
    return Section("calibration", "Calibration", paragraphs, (table,), plots)


def _score(row: Row, field: str) -> str:
    scores = [run.exit_scores(row.split).get("network", {}) for run in row.runs]
    values = [one[field] for one in scores if field in one]
    digits = 2 if field == "ece" else 3
    return plus_minus(spread(values), digits) if values else ABSENT


def _diagram(rows: Sequence[Row], name: str) -> Plot:
    figure, panel = style.axes(
        height=3.7, xlabel="mean confidence of a bin (%)", ylabel="accuracy on test images (%)"
    )
    panel.plot([0, 100], [0, 100], color=style.RULE, lw=1, linestyle=":", label="calibrated")
    for row in rows:
        bins = _bins(row)
        style.curve(panel, bins[:, 0], bins[:, 1], row.style, row.label)
    panel.set_xlim(0, 102)
    panel.set_ylim(0, 102)
    panel.set_aspect("equal")
    style.legend(figure, panel)
    return Plot(
        name,
        "Reliability: accuracy of the predictions of like confidence, all seeds together; bins of "
        f"fewer than {MIN_IMAGES} images are left out. Below the diagonal a network is "
        "over-confident.",
        figure,
    )


def _bins(row: Row) -> Numbers:
    """Mean confidence and accuracy of each full bin, percent, over all seeds' images."""
    by_run = [predictions.reliability() for predictions in row.predictions]
    images = np.sum([bins[:, 0] for bins in by_run], axis=0)
    sums = np.sum([np.nan_to_num(bins[:, 1:]) * bins[:, :1] for bins in by_run], axis=0)
    full = images >= MIN_IMAGES
    return sums[full] / images[full, None]
