"""What training took, and what the deployed network takes."""

from collections.abc import Callable, Sequence

from ..comparison import Comparison
from ..content import Section, Table
from ..row import Row
from ..statistics import spread
from ..text import ABSENT

Cell = Callable[[Row], str]


def section(comparison: Comparison) -> Section:
    """A table alone."""
    columns: dict[str, Cell] = {
        "method": lambda row: row.label,
        "network, parameters": lambda row: count(float(row.parameters)),
        "in training, parameters": lambda row: count(float(row.training_parameters)),
        "network, MACs an image": _macs,
        "seconds a run": _seconds,
        "images/s in training": _speed,
        "step ÷ cross-entropy's": _ratio,
        "peak memory, MB": _memory,
    }
    cells = [[cell(row) for cell in columns.values()] for row in comparison.rows]
    used = [i for i in range(len(columns)) if any(line[i] != ABSENT for line in cells)]
    table = Table(
        "Cost, mean ± standard deviation over seeds.",
        tuple(list(columns)[i] for i in used),
        tuple(tuple(line[i] for i in used) for line in cells),
    )
    paragraphs = (
        "What a method adds to a network serves training alone: the network that is deployed costs "
        "the same. Times were taken in separate processes, whatever else the machines did: "
        "an indication, no benchmark. On a CPU, memory is that of the whole process.",
    )
    return Section("cost", "Cost", paragraphs, (table,))


def count(number: float) -> str:
    """A number of parameters or operations with three digits and its unit."""
    rounded = float(f"{number:.3g}")  # 999,700 is a million here, not 1000 thousands
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if rounded >= size:
            return f"{rounded / size:.3g} {unit}"
    return f"{rounded:.0f}"


def _macs(row: Row) -> str:
    macs = row.runs[0].macs.get("network")
    return ABSENT if macs is None else count(macs)


def _seconds(row: Row) -> str:
    return _whole([run.cost.seconds for run in row.runs])


def _speed(row: Row) -> str:
    return _whole([run.cost.images_per_second for run in row.runs])


def _ratio(row: Row) -> str:
    return ABSENT if row.step_ratio is None else f"{row.step_ratio:.2f}"


def _memory(row: Row) -> str:
    peaks = [run.peak_memory / 1e6 for run in row.runs if run.peak_memory is not None]
    return _whole(peaks) if peaks else ABSENT


def _whole(values: Sequence[float]) -> str:
    mean, sd = spread(values)
    return f"{mean:,.0f}" if sd is None else f"{mean:,.0f} ± {sd:,.0f}"
