"""What a network gives away, and saves, by stopping early: a table, and a figure."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from .inspected import plain_table
from .text import ABSENT

Timings = dict[int, float]  # spelled out for the tests, which check types at run time


class ExitRow(NamedTuple):
    """An exit, or the network after all of them."""

    name: str
    threshold: float | None
    """None for the network."""
    reached: int
    answered: int
    wrong: int
    macs: int
    """Multiply-adds of an image that is answered here."""


class Whole(NamedTuple):
    """All images together, with early exits or without them."""

    accuracy: float
    """Percent."""
    macs: float
    """Of an image, on average."""
    seconds: Timings
    """Of an image, by the size of the batch."""


class EarlyReport(NamedTuple):
    """A network that stops early on the images of a split."""

    promise: str
    fitted_on: int
    split: str
    exits: tuple[ExitRow, ...]
    """In their order; the network last."""
    network: Whole
    early: Whole
    path: tuple[tuple[float, float], ...]
    """Mean multiply-adds and accuracy of other thresholds of the same exits, for the figure."""

    @property
    def images(self) -> int:
        """Images of the split."""
        return self.exits[0].reached

    @property
    def coverage(self) -> float:
        """Share of the images that are answered early."""
        return sum(row.answered for row in self.exits[:-1]) / self.images

    @property
    def risk(self) -> float | None:
        """Share of wrong answers among early ones; None where there are none."""
        answered = sum(row.answered for row in self.exits[:-1])
        return sum(row.wrong for row in self.exits[:-1]) / answered if answered else None


def early_table(report: EarlyReport) -> str:
    """The rule, what happens at each exit, and what it costs, as plain text."""
    own = ", which it was fitted on" if report.split == "validation" else ""
    exits = plain_table(
        ["exit", "surer than", "reach it %", "answered %", "wrong of these %", "MMACs"],
        (
            (
                row.name,
                ABSENT if row.threshold is None else f"{row.threshold:.4f}",
                _percent(row.reached, report.images),
                _percent(row.answered, report.images),
                _percent(row.wrong, row.answered),
                f"{row.macs / 1e6:.2f}",
            )
            for row in report.exits
        ),
    )
    batches = list(report.network.seconds)
    whole = plain_table(
        [
            *("", "accuracy %", "early %", "wrong of early %", "MMACs", "of network's %"),
            *(f"ms an image, {size} at once" for size in batches),
        ],
        (
            _whole("network", report.network, report, None, None),
            _whole("early", report.early, report, report.coverage, report.risk),
        ),
        width=140,
    )
    faster = ", ".join(
        f"{report.network.seconds[size] / report.early.seconds[size]:.2f} × at {size}"
        for size in batches
    )
    return (
        f"{report.promise}; fitted on {report.fitted_on:,} validation images\n"
        f"{report.images:,} {report.split} images{own}\n\n{exits}\n\n{whole}\n\n"
        f"measured here, the network beside it: {faster}"
    )


def early_json(report: EarlyReport) -> str:
    """The same as JSON."""
    fields = report._asdict()
    fields["exits"] = [row._asdict() for row in report.exits]
    fields["network"], fields["early"] = report.network._asdict(), report.early._asdict()
    fields |= {"images": report.images, "coverage": report.coverage, "risk": report.risk}
    return json.dumps(fields, indent=1)


def early_figure(report: EarlyReport) -> bytes:
    """A PNG: accuracy by mean multiply-adds, for the rule, the network, and other thresholds."""
    from .sections import style  # matplotlib takes a second to load

    whole = report.network.macs
    with style.house_style():
        figure, panel = style.axes(
            xlabel="mean multiply-adds (% of the network's)",
            ylabel=f"{report.split} accuracy (%)",
        )
        path = [(100 * macs / whole, accuracy) for macs, accuracy in report.path]
        panel.plot(*zip(*path, strict=True), color=style.RULE, label="other thresholds")
        points = ((report.network, "o", "network"), (report.early, "s", "this rule"))
        for place, (of, marker, label) in enumerate(points):
            color = style.PALETTE[0] if place else style.INK
            panel.plot(
                100 * of.macs / whole, of.accuracy, marker, color=color, label=label, zorder=3
            )
        panel.set_xlim(left=0)
        style.legend(figure, panel)
        return style.png(figure)


def _whole(
    name: str, of: Whole, report: EarlyReport, coverage: float | None, risk: float | None
) -> Sequence[str]:
    shares = [ABSENT if share is None else f"{100 * share:.1f}" for share in (coverage, risk)]
    return (
        *(name, f"{of.accuracy:.2f}", *shares, f"{of.macs / 1e6:.2f}"),
        f"{100 * of.macs / report.network.macs:.1f}",
        *(f"{1000 * seconds:.3f}" for seconds in of.seconds.values()),
    )


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}" if of else ABSENT
