"""The documentation as a site: pages, links, equations, and an entry for every exported name.

``make docs`` builds the whole site and checks it.
"""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import selfdistill as sd

pytest.importorskip("latex2mathml")
import equations
import links
import pages
import reference
from markdown import Markdown

ROOT = Path(__file__).parents[1]


def test_every_exported_name_has_an_entry():
    shown = [path for paths in reference.entries().values() for path in paths]
    assert len(shown) == len(set(shown))
    values = {id(_value(path)) for path in shown}
    for room in ["", *(f".{room}" for room in reference.ROOMS)]:
        module = importlib.import_module(f"selfdistill{room}")
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            assert id(value) in values or value is sd.testing, f"{module.__name__}.{name}"
    assert {"selfdistill.train", "selfdistill.losses.distillation"} <= set(shown)


def _value(path):
    room, _, name = path.rpartition(".")
    return getattr(importlib.import_module(room), name)


def test_the_navigation_names_pages():
    text = (ROOT / "docs/website/zensical.toml").read_text()
    listed = set(re.findall(r'"([\w/]+\.md)"', text))
    assert tomllib.loads(text)["project"]["site_name"] == "selfdistill"
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name in listed, f"add {page.name} to nav in docs/website/zensical.toml"


@pytest.mark.parametrize(
    ("source", "link", "on_site"),
    [
        ("docs/own_loop.md", "../examples/own_loop.py", "examples/own_loop.py.md"),
        ("docs/index.md", "../README.md#limits", "overview.md#limits"),
        ("README.md", "docs/studies.md", "studies.md"),
        ("results/trials/README.md", "../../docs/design.md", "../../design.md"),
        ("docs/reproducing_the_thesis.md", "../results/trials", "results/trials/index.md"),
        ("docs/index.md", "https://arxiv.org/abs/1708.04552", "https://arxiv.org/abs/1708.04552"),
    ],
)
def test_links_lead_to_the_same_on_the_site(source, link, on_site):
    text = f"[`a`]({link}) `[code](stays.md)`\n\n```\n[code](stays.md)\n```\n"
    assert pages.with_links(text, ROOT / source) == text.replace(link, on_site)


def test_a_link_to_nothing_is_refused():
    with pytest.raises(ValueError, match=r"docs/index\.md: there is no file nothing\.md"):
        pages.with_links("[a](nothing.md)", ROOT / "docs/index.md")


def test_lists_in_lists_stay_lists():
    text = "- a\n  - b\n    - c\n\n```\n  code\n```\n"
    wide = pages.with_wider_lists(text)
    assert "\n  code\n" in wide
    page = Markdown(extensions=["pymdownx.superfences"]).convert(wide)
    assert page.count("<ul>") == 3


def test_equations_become_mathml():
    md = Markdown(extensions=["equations"])
    page = md.convert("with $x_1$ and `$x$`, for $5 or $6\n\n$$\n\\alpha_t *a* \\le 1\n$$\n")
    assert page.count("<math") == 2
    assert "<code>$x$</code>, for $5 or $6" in page
    assert "<em>" not in page
    assert re.search(r'<div class="equation".*<math[^>]* display="block"', page, re.DOTALL)
    assert "<math" in Markdown(extensions=["equations"]).convert("a\n\n.. math:: y = \\mathbb{E} x")


def test_every_equation_of_the_pages_is_understood():
    text = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    found = re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL)
    assert len(found) > 12
    for equation in found:
        assert equations.mathml(equation, "block").startswith("<math")
    with pytest.raises(ValueError, match="not all of this equation is understood"):
        equations.mathml(r"\nonsense x")


def test_what_does_not_hang_together_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html#there">b</a><a href="https://elsewhere.org">c</a>'
    )
    (tmp_path / "b.html").write_text('<p id="there"><a href="a.html#top">a</a></p>')
    assert links.faults(tmp_path) == []
    (tmp_path / "b.html").write_text(
        '<a href="a.html#low">a</a><a href="c.html">c</a><script src="https://cdn.org/x.js">'
        '</script><img src="d.png">'
    )
    assert links.faults(tmp_path) == [
        "a.html: no anchor b.html#there",
        "b.html fetches https://cdn.org/x.js",
        "b.html: no anchor a.html#low",
        "b.html: there is no c.html",
        "b.html: there is no d.png",
    ]
