"""Writes the tables of docs/performance.md from results/benchmarks/.

python docs/generate_performance.py
"""

import json
from pathlib import Path

from generate_methods import table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/performance.md"
MEASURED = ROOT / "results/benchmarks"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"


def section(folder: Path) -> str:
    """Everything that was measured on one machine."""
    files = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    head = files["step"]["machine"]
    sizes = files["step"]["rows"][0]
    text = [
        f"### {head['processor']}, {folder.name}",
        f"torch {head['torch']}, one thread, {sizes['precision']}, channels last; steps of "
        f"{sizes['batch']} images of `{sizes['backbone']}`, memory with batches of "
        f"{files['memory']['rows'][0]['batch']}.",
        methods_table(files["step"]["rows"], files["memory"]["rows"]),
        rows_table(
            "number format of cross-entropy",
            [row for row in files["step"]["rows"] if row["ratio_to"] != "CrossEntropy"],
        ),
        rows_table("one batch of 128 images, 32 × 32 pixels", files["pipeline"]["rows"]),
        rows_table("training loop", files["loop"]["rows"]),
        rows_table("inference, 1,000 images", files["infer"]["rows"]),
        rows_table(
            f"{files['decode']['machine']['pictures']} JPEG files of 800 × 600 pixels, all cores",
            files["decode"]["rows"],
        ),
        table(
            ["command", "seconds", "of the processor"],
            [
                [f"`{row['name']}`", f"{row['seconds']:.2f}", f"{row['processor_seconds']:.2f}"]
                for row in files["start"]["rows"]
            ],
        ),
    ]
    return "\n\n".join(text)


def methods_table(steps: list[dict], memory: list[dict]) -> str:
    """What a step of each method costs, in time, operations and memory, over cross-entropy's."""
    bytes_of = {row["name"]: row for row in memory}
    return table(
        ["method", "step", "range", "operations", "memory"],
        [
            [
                row["name"],
                f"{row['ratio']:.2f} ×",
                "{:.2f} to {:.2f}".format(*row["ratio_range"]),
                f"{row['flop_ratio']:.2f} ×",
                f"{bytes_of[row['name']]['ratio']:.2f} ×",
            ]
            for row in steps
            if row["ratio_to"] == "CrossEntropy"
        ],
    )


def rows_table(title: str, rows: list[dict]) -> str:
    """Candidates that took turns in one process."""
    return table(
        [title, "ms", "images/s", f"× {rows[0]['ratio_to']}", "range"],
        [
            [
                row["name"],
                f"{row['milliseconds']:,.2f}",
                f"{row['images_per_second']:,.0f}",
                f"{row['ratio']:.2f}",
                "{:.2f} to {:.2f}".format(*row["ratio_range"]),
            ]
            for row in rows
        ],
    )


def written(text: str) -> str:
    """The page with its tables made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    sections = [section(folder) for folder in sorted(MEASURED.glob("*")) if folder.is_dir()]
    sections = sections or ["**Pending**: nothing has been measured by this command yet."]
    return before + BEGIN + "\n\n".join(sections) + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
