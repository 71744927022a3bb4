"""What training took, what the deployed network takes, and what is saved by stopping at an exit."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

import numpy as np
from matplotlib.axes import Axes

from ..comparison import Comparison, Row
from ..statistics import Spread, spread
from ..text import ABSENT, plus_minus
from . import Plot, Section, TextTable, style


def section(comparison: Comparison) -> Section:
    """A table alone."""
    columns: dict[str, Callable[[Row], str]] = {
        "method": lambda row: row.label,
        "network, parameters": lambda row: count(row.cost.parameters),
        "in training, parameters": lambda row: count(row.cost.training_parameters),
        "network, MACs an image": lambda row: count(row.runs[0].macs.get("network")),
        "seconds a run": lambda row: _whole([run.cost.seconds for run in row.runs]),
        "images/s in training": lambda row: _whole([r.cost.images_per_second for r in row.runs]),
        "step ÷ cross-entropy's": lambda row: (
            ABSENT if row.step_ratio is None else f"{row.step_ratio:.2f}"
        ),
        "peak memory, MB": lambda row: _whole(
            [memory / 1e6 for run in row.runs if (memory := run.peak_memory) is not None]
        ),
    }
    cells = {title: [cell(row) for row in comparison.rows] for title, cell in columns.items()}
    used = {title: column for title, column in cells.items() if set(column) != {ABSENT}}
    table = TextTable(
        "Cost, mean ± standard deviation over seeds.",
        tuple(used),
        tuple(zip(*used.values(), strict=True)),
    )
    paragraphs = (
        "What a method adds to a network serves training alone: the network that is deployed costs "
        "the same. Times were taken in separate processes, whatever else the machines did: "
        "an indication, no benchmark. On a CPU, memory is that of the whole process.",
    )
    return Section("cost", "Cost", paragraphs, (table,))


def exits_section(comparison: Comparison) -> Section | None:
    """Accuracy by exit; None where no method has more than its network."""
    split = comparison.split
    rows = [row for row in comparison.rows if len(_accuracies(row)) > 1]
    if not rows:
        return None
    names = dict.fromkeys(name for row in rows for name in _accuracies(row))
    numbered = sorted((n for n in names if n[-1].isdigit()), key=lambda n: (len(n), n))
    order = [*numbered, "network", *(n for n in names if n not in (*numbered, "network"))]
    cells = [
        (row.label, *(plus_minus(accuracies.get(n)) for n in order))
        for row, accuracies in ((row, _accuracies(row)) for row in rows)
    ]
    caption = f"Accuracy (%) of every exit on the {split} split, mean ± standard deviation."
    table = TextTable(caption, ("method", *order), tuple(cells))
    plots = [
        _by_exit(part, split, order, f"exits-{i}") for i, part in enumerate(style.chunks(rows))
    ]
    with_macs = style.chunks([row for row in rows if _macs(row)])
    plots += [_by_macs(part, split, f"exits-macs-{i}") for i, part in enumerate(with_macs)]
    paragraphs = () if with_macs else ("The summaries do not hold the operations of each exit.",)
    return Section("exits", "Exits", paragraphs, (table,), tuple(plots))


def count(number: int | float | None) -> str:
    """A number of parameters or operations with three digits and its unit."""
    if number is None:
        return ABSENT
    rounded = float(f"{number:.3g}")  # 999,700 is a million here, not 1000 thousands
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if rounded >= size:
            return f"{rounded / size:.3g} {unit}"
    return f"{rounded:.0f}"


def _whole(values: Sequence[float]) -> str:
    if not values:
        return ABSENT
    mean, sd = spread(values)
    return f"{mean:,.0f}" if sd is None else f"{mean:,.0f} ± {sd:,.0f}"


def _accuracies(row: Row) -> dict[str, Spread]:
    """Accuracy of each exit over the seeds, percent."""
    by_run = [run.exit_scores(row.split) for run in row.runs]
    values = {
        name: [scores[name]["accuracy"] for scores in by_run if "accuracy" in scores.get(name, {})]
        for name in by_run[0]
    }
    return {name: spread(accuracies) for name, accuracies in values.items() if accuracies}


def _macs(row: Row) -> Mapping[str, float]:
    """Multiply-accumulates up to each exit; empty if only the network's are known."""
    macs = row.runs[0].macs
    return macs if len(macs) > 1 else {}


def _by_exit(rows: Sequence[Row], split: str, order: Sequence[str], name: str) -> Plot:
    figure, panel = style.axes(xlabel="exit", ylabel=f"{split} accuracy (%)")
    for row in rows:
        _draw(panel, row, {n: float(place) for place, n in enumerate(order)})
    style.name_columns(panel, order, 58)
    panel.grid(axis="x", visible=False)
    panel.margins(x=0.1)
    style.legend(figure, panel)
    several = any(len(row.runs) > 1 for row in rows)
    bars = "; bars are ± one standard deviation over seeds" if several else ""
    caption = f"Accuracy of each exit, shallow to deep, on the {split} split{bars}."
    return Plot(name, caption, figure)


def _by_macs(rows: Sequence[Row], split: str, name: str) -> Plot:
    figure, panel = style.axes(
        xlabel="multiply-accumulates of one image (millions)", ylabel=f"{split} accuracy (%)"
    )
    for row in rows:
        _draw(panel, row, {n: macs / 1e6 for n, macs in _macs(row).items()})
    panel.margins(x=0.08)
    panel.set_xlim(left=0)
    style.legend(figure, panel)
    ordered = sorted(_macs(rows[0]).items(), key=itemgetter(1))
    costs = ", ".join(f"{n} {count(macs)}".replace(" ", "\u00a0") for n, macs in ordered)
    return Plot(
        name,
        f"Accuracy against operations, if one stops at an exit; {rows[0].label}: {costs}.",
        figure,
    )


def _draw(panel: Axes, row: Row, places: Mapping[str, float]) -> None:
    """Draw a row's exits at their places; a line joins all but what fuses several."""
    color, marker, stroke = style.row_style(row.style)
    accuracies = _accuracies(row)
    known = sorted(places.keys() & accuracies.keys(), key=places.__getitem__)
    single = [name for name in known if name[-1].isdigit() or name == "network"]
    for names in (single, [name for name in known if name not in single]):
        if not names:
            continue
        panel.errorbar(
            [places[name] for name in names],
            [accuracies[name].mean for name in names],
            yerr=np.array([accuracies[name].sd or 0.0 for name in names]),
            color=color,
            marker=marker,
            linestyle=stroke if names is single else "none",
            mfc=color if names is single else "white",
            elinewidth=1,
            capsize=2,
            label=row.label if names is single else None,
        )
