"""Writes the README's results from the summaries under results/."""

import re
from pathlib import Path

from selfdistill import reports

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def block(study: str) -> str:
    """The comparison of a study's summaries on the test images, as Markdown."""
    files = sorted((ROOT / "results" / study).glob("*.json"))
    return reports.as_markdown(reports.compare([reports.read(file) for file in files], "test"))


def written(text: str) -> str:
    """The text with every marked block made anew."""
    return BLOCK.sub(lambda m: f"{m[1]}{block(m[2]).strip()}\n{m[3]}", text)


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
