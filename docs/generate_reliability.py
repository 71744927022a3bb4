"""Writes docs/reliability.md from what ``make torture`` left.

python docs/generate_reliability.py .torture/torture.json  # take over its results, write the page
python docs/generate_reliability.py                        # write the page again
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from torture.table import table  # noqa: E402

PAGE = HERE / "reliability.md"
RESULTS = HERE / "reliability.json"
KEPT = ("task", "code", "text", "attempts", "failed", "held", "outcomes")

TEXT = """# What is promised, and how often it was tried

`make torture` does to the package what machines, disks and strangers do, and counts what came of
it. It takes about an hour on two cores, goes on where it stopped, and leaves its results in
`.torture/`; `make test` tries a little of everything. One kind alone, such as `kills` or
`flags`: `cd tests && python -m torture kills flags --tier small`.

A promise is held if every attempt to break it failed, and there were attempts. Controls are
attempts that have to be noticed: what a check cannot see, its other attempts prove nothing about.
"""


def page(content: dict) -> str:
    """The whole page."""
    where = f"Commit `{content['commit']}`, {content['date']}, {content['processor']}."
    attempts = sum(result["attempts"] for result in content["results"])
    total = f"{attempts:,} attempts, tier `{content['tier']}`."
    return "\n".join([TEXT, f"{where} {total}\n", table(content)])


def main() -> None:
    """Write the page."""
    if sys.argv[1:]:
        content = json.loads(Path(sys.argv[1]).read_text())
        content["results"] = [{k: one[k] for k in KEPT} for one in content["results"]]
        RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    PAGE.write_text(page(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
