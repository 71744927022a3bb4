"""Writes the tables of docs/choosing_a_method.md from results/ and docs/methods.json.

python docs/generate_choice.py
"""

import inspect

import torch
from generate_methods import build, read_measured, table
from generate_results import ROOT, runs, written

from selfdistill import reports
from selfdistill.methods import METHODS, Method
from selfdistill.reports import Comparison, Row

PAGE = ROOT / "docs/choosing_a_method.md"
BEGIN, END = "<!-- choice -->\n", "<!-- end of choice -->"
TRIALS = "trials/self_teacher"
"""Runs of the recipe of ``two_cores_cifar100``, of methods that it does not have."""


def comparisons() -> dict[str, Comparison]:
    """Every comparison with cross-entropy that has several methods, by its column's title."""
    large = runs("two_cores_cifar100")
    shipped = {kind.__name__ for kind in METHODS}
    trials = [run for run in runs(TRIALS) if run.method in shipped]
    return {
        "ResNet-18, test": reports.compare(large, "test"),
        "ResNet-18, validation": reports.compare([*large, *trials], "validation"),
        "small network, validation": reports.compare(runs("two_cores_methods"), "validation"),
    }


def gain(comparison: Comparison, method: type[Method]) -> str:
    """What a method, as it is by default, gains over cross-entropy."""
    rows = [row for row in comparison.rows if row.method == method.__name__]
    row = next((row for row in rows if has_defaults(row, method)), None)
    if row is None:
        return "not measured"
    if row.is_control:
        return f"{row.accuracy.mean:.2f} %"
    seeds = "one seed" if len(row.seeds) == 1 else f"{len(row.seeds)} seeds"
    mean, interval, _ = row.difference
    span = f" [{interval[0]:+.2f}, {interval[1]:+.2f}] {row.verdict}" if interval else ""
    return f"{mean:+.2f}{span}, {seeds}".replace("-", "−")


def has_defaults(row: Row, method: type[Method]) -> bool:
    """Whether a row's options are those that the method has by itself."""
    fields = row.runs[0].fields
    return all(
        fields.get(f"method.{option.name}", option.default) == option.default
        for option in inspect.signature(method).parameters.values()
        if option.default is not option.empty
    )


def exits(method: type[Method]) -> str:
    """How many shallow classifiers a method leaves on a network of four stages."""
    inspection = build(method).eval().inspect(torch.zeros(1, 3, 32, 32))
    return str(sum(name.startswith("exit") for name in inspection.exits))


def choice() -> str:
    """A line for each method: what it gained, what it costs, whether it leaves exits."""
    measured, columns = read_measured(), comparisons()
    rows = [
        [
            f"[{method.__name__}](methods.md#{method.__name__.lower()})",
            *(gain(comparison, method) for comparison in columns.values()),
            f"{measured[method.__name__]['step_time']:.2f}",
            exits(method),
        ]
        for method in METHODS
    ]
    return table(["method", *columns, "step time", "exits"], rows)


def page() -> str:
    """The page with its tables made anew."""
    text = written(PAGE.read_text())
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:begin]}{choice()}\n{text[end:]}"


if __name__ == "__main__":
    PAGE.write_text(page())
