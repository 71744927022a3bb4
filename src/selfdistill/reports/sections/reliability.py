"""How far predictions can be relied on: their calibration, and accuracy on corrupted images."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..comparison import Comparison, Row
from ..predictions import Numbers, TestPredictions
from ..text import needs_predictions, seeds_plus_minus
from . import Plot, Section, TextTable, style

SCORES = {"ece": "ECE, %", "nll": "NLL, nats", "brier": "Brier score"}
SCALED = {"ece": "scaled ECE, %", "nll": "scaled NLL, nats"}
WHAT_IS_SCALED = (
    " Scaled: with logits divided by one temperature, fitted on validation images; a method is "
    "better calibrated only where that leaves a difference."
)
MIN_IMAGES = 20
"""Images that a bin needs for a mark, all seeds together."""
Accuracies = Mapping[str, Mapping[int, float]]
"""Percent, by corruption and severity."""


def calibration_section(comparison: Comparison) -> Section:
    """Scores of calibration, and the reliability diagram where there are predictions."""
    rows, split = comparison.rows, comparison.split
    scaled = SCALED if any(row.scaled_nll is not None for row in rows) else {}
    table = TextTable(
        f"Calibration of the network on the {split} split, mean ± standard deviation over seeds; "
        "of all three scores less is better. ECE alone is silent about accuracy: a network that is "
        "seldom right, and says so, has a low one." + (WHAT_IS_SCALED if scaled else ""),
        ("method", *SCORES.values(), *scaled.values()),
        tuple(
            (
                row.label,
                *(_score(row, field) for field in SCORES),
                *(_score(row, field, scaled=True) for field in scaled),
            )
            for row in rows
        ),
    )
    parts = style.chunks([row for row in rows if row.predictions])
    plots = tuple(_diagram(part, f"reliability-{i}") for i, part in enumerate(parts))
    paragraphs = () if plots else (needs_predictions("The reliability diagram needs", split),)
    return Section("calibration", "Calibration", paragraphs, (table,), plots)


def _score(row: Row, field: str, *, scaled: bool = False) -> str:
    exits = [
        run.scaled_scores(row.split) if scaled else run.exit_scores(row.split) for run in row.runs
    ]
    values = [of["network"][field] for of in exits if field in of.get("network", {})]
    return seeds_plus_minus(values, 2 if field == "ece" else 3)


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


def risk_coverage_plot(predictions: TestPredictions, split: str, name: str) -> Plot:
    """How many answers are wrong, by how many of the images are answered, the surest first.

    For the report of one run: draw it within ``style.house_style()`` and put it among the plots of
    a section, as ``Section("calibration", "Calibration", plots=(risk_coverage_plot(predictions,
    "test", "risk-coverage"),))``.

    Args:
        predictions: Of the images of the split, as ``StoredRun.predictions`` has them.
        split: What the images are called on the axis.
        name: Of the figure's file.
    """
    shares = predictions.risk_coverage()
    figure, panel = style.axes(
        xlabel=f"{split} images answered (%)", ylabel="wrong among the answered (%)"
    )
    panel.plot(shares[:, 0], shares[:, 1], color=style.INK, drawstyle="steps-post")
    panel.plot(*shares[-1], color=style.INK, marker="o")
    panel.set_xlim(0, 102)
    panel.set_ylim(0, max(1.0, 1.1 * float(shares[:, 1].max())))
    return Plot(
        name,
        "Risk and coverage: the images are answered from the surest on; the mark is where all "
        "are. A curve that rises late means that the probabilities know which answers to keep "
        "back (predict --unsure).",
        figure,
    )


def robustness_section(comparison: Comparison) -> Section | None:
    """Accuracy by corruption; None where no summary holds any."""
    split = comparison.split
    rows = [row for row in comparison.rows if any(run.corruptions(split) for run in row.runs)]
    if not rows:
        return None
    by_row = [[run.corruptions(split) for run in row.runs] for row in rows]
    kinds = list(dict.fromkeys(kind for runs in by_row for run in runs for kind in run))
    means = {
        kind.replace("_", " "): [_means_of_seeds(runs, kind) for runs in by_row] for kind in kinds
    }
    means["mean"] = [_overall(by_kind) for by_kind in zip(*means.values(), strict=True)]
    table = TextTable(
        f"CIFAR-C-style corruptions, generated here: accuracy (%) on corrupted {split} images, "
        "mean over severities, ± standard deviation over seeds.",
        ("corruption", *(row.label for row in rows)),
        tuple((kind, *map(seeds_plus_minus, own)) for kind, own in means.items()),
    )
    plots = [
        _by_severity(part, split, f"corruptions-{i}") for i, part in enumerate(style.chunks(rows))
    ]
    return Section("robustness", "Robustness", (), (table,), tuple(plots))


def _means_of_seeds(runs: Sequence[Accuracies], kind: str) -> list[float]:
    """Each seed's mean over severities."""
    by_severity = [run[kind] for run in runs if kind in run]
    return [float(np.mean(list(levels.values()))) for levels in by_severity if levels]


def _overall(by_kind: Sequence[Sequence[float]]) -> list[float]:
    """Each seed's mean over all corruptions; none unless every seed has them all."""
    whole = all(by_kind) and len({len(seeds) for seeds in by_kind}) == 1
    return list(np.mean(by_kind, axis=0)) if whole else []


def _by_severity(rows: Sequence[Row], split: str, name: str) -> Plot:
    figure, panel = style.axes(xlabel="severity (1 to 5)", ylabel=f"{split} accuracy (%)")
    levels: set[int] = set()
    for row in rows:
        tables = [levels for run in row.runs for levels in run.corruptions(split).values()]
        own = sorted({level for levels in tables for level in levels})
        means = [np.mean([t[level] for t in tables if level in t]) for level in own]
        style.curve(panel, np.array(own, float), np.array(means, float), row.style, row.label)
        levels.update(own)
    panel.set_xticks(sorted(levels))
    style.legend(figure, panel)
    caption = "Accuracy by severity of the corruption, mean over all corruptions and seeds."
    return Plot(name, caption, figure)
