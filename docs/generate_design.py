"""Writes the list of files in docs/design.md from each module's first line."""

import ast
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE / "design.md"
PACKAGE = HERE.parent / "src" / "selfdistill"
BEGIN, END = "<!-- files -->\n", "<!-- end -->"


def files(folder: Path = PACKAGE, level: int = 0) -> Iterator[str]:
    """Each module with its first line; folders after their neighbours, indented."""
    indent = "  " * level
    for file in sorted(folder.glob("*.py")):
        if file.name not in ("__init__.py", "__main__.py"):
            yield f"{indent}- `{file.name}`: {first_line(file)}"
    for inner in sorted(folder.iterdir()):
        if (inner / "__init__.py").exists():
            yield f"{indent}- **`{inner.name}/`** {first_line(inner / '__init__.py')}"
            yield from files(inner, level + 1)


def first_line(file: Path) -> str:
    """The first paragraph of a module's docstring on one line."""
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


def page() -> str:
    """The page with its list renewed."""
    text = PAGE.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:begin] + "\n".join(files()) + "\n" + text[end:]


if __name__ == "__main__":
    PAGE.write_text(page())
