"""What training took, and what the deployed network takes."""

from collections.abc import Callable, Sequence

from ..content import Section, Table
from ..entries import Entry
from ..statistics import spread
from ..verdicts import ABSENT

Cell = Callable[[Entry], str]


def section(entries: Sequence[Entry]) -> Section:
    """A table alone."""
    columns: dict[str, Cell] = {
        "method": lambda entry: entry.label,
        "network, parameters": lambda entry: count(float(entry.line.parameters)),
        "in training, parameters": lambda entry: count(float(entry.line.training_parameters)),
        "network, MACs an image": _macs,
        "seconds a run": _seconds,
        "images/s in training": _speed,
        "step ÷ cross-entropy's": _ratio,
        "peak memory, MB": _memory,
    }
    cells = [[cell(entry) for cell in columns.values()] for entry in entries]
    kept = [i for i in range(len(columns)) if any(row[i] != ABSENT for row in cells)]
    table = Table(
        "Cost, mean ± standard deviation over seeds.",
        tuple(list(columns)[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in cells),
    )
    words = (
        "What a method adds to a network serves training alone: the network that is deployed costs "
        "the same. Times were taken in separate processes, whatever else the machines did: "
        "an indication, no benchmark. On a CPU, memory is that of the whole process.",
    )
    return Section("cost", "Cost", words, (table,))


def count(number: float) -> str:
    """A number of parameters or operations with three digits and its unit."""
    rounded = float(f"{number:.3g}")  # 999,700 is a million here, not 1000 thousands
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if rounded >= size:
            return f"{rounded / size:.3g} {unit}"
    return f"{rounded:.0f}"


def _macs(entry: Entry) -> str:
    found = entry.runs[0].macs.get("network")
    return ABSENT if found is None else count(found)


def _seconds(entry: Entry) -> str:
    return _whole([run.summary.cost.seconds for run in entry.runs])


def _speed(entry: Entry) -> str:
    return _whole([run.summary.cost.images_per_second for run in entry.runs])


def _ratio(entry: Entry) -> str:
    return ABSENT if entry.line.step_ratio is None else f"{entry.line.step_ratio:.2f}"


def _memory(entry: Entry) -> str:
    found = [run.peak_memory / 1e6 for run in entry.runs if run.peak_memory is not None]
    return _whole(found) if found else ABSENT


def _whole(values: Sequence[float]) -> str:
    mean, sd = spread(values)
    return f"{mean:,.0f}" if sd is None else f"{mean:,.0f} ± {sd:,.0f}"
