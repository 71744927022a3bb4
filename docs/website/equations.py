"""Equations for the site: ``$…$`` and ``$$…$$`` become MathML while it is built."""

import re
from xml.etree.ElementTree import Element, SubElement

from docstrings import as_markdown
from latex2mathml.converter import convert
from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.preprocessors import Preprocessor

INLINE = r"(?<![\\\w$])\$(?=[^\s$])([^$]+?)(?<=[^\s\\])\$(?![\w$])"
DISPLAY = re.compile(r"\s*\$\$(.+?)\$\$\s*(.*)", re.DOTALL)


def mathml(equation: str, display: str = "inline") -> str:
    """An equation of LaTeX as MathML.

    Raises:
        ValueError: If it has a command that is not known.
    """
    words = equation.replace(r"\textstyle", "").replace(r"\Big\|", r"\Big ‖").split()
    found = convert(" ".join(words), display=display)
    if "\\" in found:
        raise ValueError(f"not all of this equation is understood: {equation}")
    return found


class Roles(Preprocessor):
    """Docstrings come with the roles of reStructuredText."""

    def run(self, lines: list[str]) -> list[str]:
        """The lines of a page or a docstring as Markdown; code stays: it is stashed before."""
        text = "\n".join(lines)
        return (as_markdown(text) if ":`" in text or ".. math::" in text else text).split("\n")


class Inline(InlineProcessor):
    """An equation within a sentence."""

    def handleMatch(self, match: re.Match[str], _: str) -> tuple[str, int, int]:
        """The equation's MathML, and the place that it takes."""
        return self.md.htmlStash.store(mathml(match[1])), match.start(0), match.end(0)


class Display(BlockProcessor):
    """An equation of its own, which scrolls where the page is narrow."""

    def test(self, parent: Element, block: str) -> bool:  # noqa: ARG002
        """Whether a block begins with an equation."""
        return DISPLAY.match(block) is not None

    def run(self, parent: Element, blocks: list[str]) -> None:
        """Put the equation where the block was."""
        equation, rest = DISPLAY.match(blocks.pop(0)).groups()
        box = SubElement(parent, "div", {"class": "equation", "tabindex": "0"})
        box.text = self.parser.md.htmlStash.store(mathml(equation, "block"))
        if rest:
            blocks.insert(0, rest)


class Equations(Extension):
    """The extension, as the site's settings name it."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Register the parts: before Markdown's own escapes and emphasis."""
        md.preprocessors.register(Roles(md), "roles", 20)
        md.inlinePatterns.register(Inline(INLINE, md), "equation", 185)
        md.parser.blockprocessors.register(Display(md.parser), "display", 90)


def makeExtension() -> Equations:
    """What Markdown calls."""
    return Equations()
