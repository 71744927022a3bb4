"""Write the measured table of docs/early_exits.md from docs/early_exits.json.

python -m benchmarks.early --out docs/early_exits.json measures anew.
"""

import json
from pathlib import Path

DOCS = Path(__file__).parent
PAGE, MEASURED = DOCS / "early_exits.md", DOCS / "early_exits.json"
HEAD = "| network | pixels | MACs | time, one at a time | time, 32 at once |"


def table(rows: list[dict]) -> str:
    """A line for each network: early exits as a share of the network alone."""
    lines = [HEAD, "| --- | --- | --- | --- | --- |"]
    for backbone in dict.fromkeys(row["backbone"] for row in rows):
        one, many = (row for row in rows if row["backbone"] == backbone and row["name"] == "early")
        cells = [f"{100 * one['macs_share']:.0f} %"]
        for row in (one, many):
            low, high = (100 * end for end in row["ratio_range"])
            cells.append(f"{100 * row['ratio']:.0f} % ({low:.0f} to {high:.0f})")
        lines.append(f"| {backbone} | {one['side']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with its table renewed."""
    before, _, after = text.partition(HEAD)
    rest = after.partition("\n\n")[2]
    return f"{before}{table(json.loads(MEASURED.read_text())['rows'])}\n\n{rest}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
