"""The table of promises: what was tried, how often, and whether it held."""

import datetime
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def machine():
    """Commit, processor and day."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", "src", "tests")
    return {
        "commit": commit + ("+" if changed else ""),
        "processor": _processor(),
        "date": datetime.date.today().isoformat(),
    }


def rows(results):
    """Results gathered by promise: code, text, attempts, failed, outcomes."""
    found = {}
    for result in results:
        row = found.setdefault(
            (result["code"], result["text"]),
            {"attempts": 0, "failed": 0, "held": True, "outcomes": {}},
        )
        row["attempts"] += result["attempts"]
        row["failed"] += result["failed"]
        row["held"] &= result["held"]
        for outcome, count in result["outcomes"].items():
            row["outcomes"][outcome] = row["outcomes"].get(outcome, 0) + count
    return sorted(found.items(), key=lambda item: _order(item[0][0]))


def table(content):
    """Markdown of results."""
    lines = [
        "| | promise | attempts | held | what came of them |",
        "| --- | --- | --- | --- | --- |",
    ]
    for (code, text), row in rows(content["results"]):
        held = "yes" if row["held"] else f"**no** ({row['failed']} failed)"
        outcomes = ", ".join(f"{count} {name}" for name, count in row["outcomes"].items())
        lines.append(f"| {code} | {text} | {row['attempts']:,} | {held} | {outcomes} |")
    return "\n".join(lines) + "\n"


def _order(code):
    letters, number = re.match(r"(\D*)(\d*)", code).groups()
    return letters, int(number or 0), code


def _git(*words):
    answer = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return answer.stdout.strip()


def _processor():
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()
