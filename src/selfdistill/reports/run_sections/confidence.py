"""How far the network's probabilities can be relied on, before and after its temperature."""

import numpy as np

from ..examined import ExaminedRun, share_interval
from ..predictions import TestPredictions
from ..sections import Plot, Section, TextTable, style
from ..sections.reliability import risk_coverage_plot

MIN_IMAGES = 5
"""Images that a bin needs for a mark."""


def section(examined: ExaminedRun) -> Section:
    """Scores of calibration and the reliability diagram."""
    scores, scaled = examined.scores["network"], examined.scaled
    rows = [("as trained", scores)]
    paragraphs: tuple[str, ...] = ()
    if scaled is not None:
        rows.append((f"at temperature {scaled.temperature:.2f}", scaled.scores))
        if examined.split == "validation":
            paragraphs = (
                "The stored temperature was fitted on these images. To be fair, each half of them "
                "is scored here at the temperature that the other half asks for.",
            )
    table = TextTable(
        f"Calibration of the network on the {examined.split} split; of all scores less is better. "
        "An ECE of 5 % means that an answer's probability is off by 5 points on average.",
        ("probabilities", "ECE, %", "NLL, nats", "Brier score"),
        tuple(
            (name, f"{of['ece']:.1f}", f"{of['nll']:.3f}", f"{of['brier']:.3f}")
            for name, of in rows
        ),
    )
    plots = (
        _diagram(examined),
        risk_coverage_plot(examined.predictions, examined.split, "risk-coverage"),
    )
    return Section("calibration", "Calibration", paragraphs, (table,), plots)


def _diagram(examined: ExaminedRun) -> Plot:
    split = examined.split
    figure, panel = style.axes(
        height=3.7, xlabel="mean confidence of a bin (%)", ylabel=f"accuracy, {split} (%)"
    )
    panel.plot([0, 100], [0, 100], color=style.RULE, lw=1, linestyle=":", label="calibrated")
    scaled = examined.scaled_predictions
    for place, (name, predictions) in enumerate(
        [("as trained", examined.predictions), ("at its temperature", scaled)]
    ):
        if predictions is not None:
            bins = _bins(predictions)
            style.curve(panel, bins[:, 0], bins[:, 1], place, name)
            color = style.row_style(place).color
            panel.vlines(bins[:, 0], bins[:, 2], bins[:, 3], color=color, lw=0.8, alpha=0.6)
    panel.set_xlim(0, 102)
    panel.set_ylim(0, 102)
    panel.set_aspect("equal")
    style.legend(figure, panel)
    return Plot(
        "reliability",
        "Reliability: accuracy of the answers of like confidence, with 95 % intervals; bins of "
        f"fewer than {MIN_IMAGES} images are left out. Below the diagonal the network is "
        "over-confident.",
        figure,
    )


def _bins(predictions: TestPredictions) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Mean confidence, accuracy and its interval of each bin with images enough, percent."""
    rows: list[tuple[float, float, float, float]] = []
    for images, confidence, accuracy in predictions.reliability():
        if images >= MIN_IMAGES:
            hits = round(images * accuracy / 100)
            rows.append((confidence, accuracy, *share_interval(hits, int(images))))
    return np.array(rows).reshape(-1, 4)
