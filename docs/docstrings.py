"""Docstrings as Markdown: the roles and equations of reStructuredText that this package uses."""

import re
import textwrap


def as_markdown(text: str) -> str:
    """Equations between dollars, names of code between single backticks."""
    text = re.sub(r"^( *)\.\. math::\n((?:\n|\1 +.*(?:\n|$))+)", _display, text, flags=re.MULTILINE)
    text = re.sub(r"\.\. math:: (.+(?:\n +.+)*)", r"$$\1$$", text)
    text = re.sub(r":math:`((?:.|\n)+?)`", r"$\1$", text)
    text = re.sub(r":(?:mod|func|class|meth|attr):`~?(?:\w+\.)*(\w+)`", r"`\1`", text)
    return text.replace("``", "`")


def _display(match: re.Match[str]) -> str:
    equation = textwrap.indent(textwrap.dedent(match[2]).strip(), match[1])
    return f"{match[1]}$$\n{equation}\n{match[1]}$$\n\n"
