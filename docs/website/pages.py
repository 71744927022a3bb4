"""The repository's Markdown as pages of one site.

A page keeps the links that a forge shows: ``../CONTRIBUTING.md``, ``../examples/own_loop.py``. What
lies outside of docs/ and is linked to becomes a page too (Markdown, Python and notebooks; of a
folder its README), or is copied as it is.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"(^( *)```.*?^\2```|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=[)#])")


def write_pages(folder: Path) -> set[str]:
    """Write the pages of docs/, those beside the README, and all that they link to.

    Returns:
        Where each page lies in the folder.

    Raises:
        ValueError: If a link leads to no file, with the page and the link.
    """
    waiting = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])
    done: dict[Path, str] = {}
    while waiting:
        source = waiting.pop()
        if source in done:
            continue
        done[source] = place(source)
        target = folder / done[source]
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix != ".md":
            shutil.copyfile(source, target)
            continue
        text = as_page(source)
        target.write_text(with_links(text, source))
        waiting += linked(text, source)
    return {path for path in done.values() if path.endswith(".md")}


def place(source: Path) -> str:
    """Where a file of the repository lies on the site: docs/ is its root."""
    path = source.relative_to(ROOT).as_posix().removeprefix("docs/")
    if path.startswith("README"):
        return path.replace("README", "overview")
    if source.name == "README.md":
        return path.replace("README", "index")
    return f"{path}.md" if source.suffix in (".py", ".ipynb", ".sh") else path


def as_page(source: Path) -> str:
    """A file as Markdown."""
    text = source.read_text()
    if source.suffix == ".md":
        return with_wider_lists(text)
    title = f"# {source.relative_to(ROOT)}\n\n"
    if source.suffix != ".ipynb":
        return f"{title}```{'python' if source.suffix == '.py' else 'bash'}\n{text}```\n"
    cells = ((cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"])
    return title + "\n\n".join(
        re.sub("^#", "##", content) if kind == "markdown" else f"```python\n{content}\n```"
        for kind, content in cells
    )


def with_wider_lists(text: str) -> str:
    """The text with lists in lists set in by four spaces where forges are content with two."""
    parts = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [re.sub(r"^ +(?=\S)", r"\g<0>\g<0>", part, flags=re.M) for part in parts[::2]]
    return "".join(parts)


def linked(text: str, source: Path) -> Iterator[Path]:
    """The files that a page links to."""
    for part in CODE.split(text)[::3]:
        for link in LINK.findall(part):
            yield target_of(link, source)


def target_of(link: str, source: Path) -> Path:
    """The file that a link leads to."""
    target = Path(os.path.normpath(source.parent / link))
    target = target / "README.md" if target.is_dir() else target
    if not target.is_file() or not target.is_relative_to(ROOT):
        raise ValueError(f"{source.relative_to(ROOT)}: there is no file {link}")
    return target


def with_links(text: str, source: Path) -> str:
    """The text with links from one page of the site to another."""
    here = Path(place(source)).parent

    def on_site(match: re.Match[str]) -> str:
        return os.path.relpath(place(target_of(match[1], source)), here)

    parts = CODE.split(text)
    parts[::3] = [LINK.sub(on_site, part) for part in parts[::3]]
    del parts[2::3]
    return "".join(parts)
