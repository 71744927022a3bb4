"""Builds the documentation as a site in .site/html, and checks it.

python docs/website/build.py [FOLDER]
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent)]

from links import faults  # noqa: E402
from pages import write_pages  # noqa: E402
from reference import entries, write_reference  # noqa: E402


def build(folder: Path) -> list[str]:
    """Build the site in FOLDER/html; what is wrong with it, a line a fault."""
    shutil.rmtree(folder, ignore_errors=True)
    pages, site = folder / "pages", folder / "html"
    written = write_pages(pages)
    shutil.copytree(ROOT / "docs/figures", pages / "figures", dirs_exist_ok=True)
    (pages / "website").mkdir()
    shutil.copy(HERE / "site.css", pages / "website")
    write_reference(pages / "api")
    shutil.copy(HERE / "zensical.toml", folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file"]
    path = os.pathsep.join([*sys.path[:2], os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "NO_COLOR": "1"}
    done = subprocess.run(
        [*command, str(folder / "zensical.toml")], env=environment, text=True, capture_output=True
    )
    if done.returncode:
        return [done.stdout + done.stderr]
    return [*faults(site.resolve()), *missing(folder, written)]


def missing(folder: Path, written: set[str]) -> list[str]:
    """Pages of docs/ outside of the navigation, and exported names without an entry."""
    project = tomllib.loads((folder / "zensical.toml").read_text())["project"]
    listed = {page for part in project["nav"] for pages in part.values() for page in _pages(pages)}
    lines = [
        f"{page}: not in the navigation of docs/website/zensical.toml"
        for page in sorted(written - listed)
        if "/" not in page
    ]
    for page, paths in entries().items():
        text = (folder / f"html/api/{page}.html").read_text()
        lines += [f"no entry for {path}" for path in paths if f'id="{path}"' not in text]
    return lines


def _pages(value: str | list[str | dict[str, str]]) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [page for one in value for page in ([one] if isinstance(one, str) else one.values())]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".site"
    try:
        problems = build(target)
    except ValueError as error:
        problems = [str(error)]
    print("\n".join(problems) or f"{target / 'html/index.html'}")
    sys.exit(bool(problems))
