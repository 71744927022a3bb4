"""Pages about runs with hostile names: no scripts, handlers or requests, and figures are XML."""

import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

from reports.browser import CHROMIUM, Browser

from .attempts import Attempt, fault, promise
from .children import run
from .names import CLASSES
from .pictures import OWN, folder_of

TITLE = "<script>document.title = 'no'</script>\x1b[31m\"'><img src=http://127.0.0.1:9/x onerror=1>"
EVIL_RUNS = ("<img src=x onerror=alert(1)>", "javascript:alert(1)", "a&b<b>", "x' onload='y")
CONTROL = "<html><script>1</script><p onclick=1><img src=http://127.0.0.1:9/x></html>"


class Reader(HTMLParser):
    """Collects what a browser would run or ask for."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed", "base", "form"):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on"):
                self.found.append(f"{name}=")
            wants = name in ("src", "href", "xlink:href", "action", "data", "srcset")
            if wants and not re.match(r"#|data:|figures/", value or "#"):
                self.found.append(f"{name}={value[:40]}")


def read(text):
    reader = Reader()
    reader.feed(text)
    return reader.found + re.findall(r"@import[^;]*|url\((?!#|['\"]?data:)[^)]*\)", text)


@promise(
    "R19", "hostile names of classes, runs and titles in a page: nothing runs, nothing is asked for"
)
def pages(ground):
    for kind in ground.some(("markup", "escapes", "formulas", "letters"), 1):
        folder = ground.folder / "pages"
        shutil.rmtree(folder, ignore_errors=True)
        folder_of(folder / "data", CLASSES[kind], count=8)
        runs = _trained(folder, ground.some(EVIL_RUNS, 2))
        answer = run(["report", *runs, "--to", folder / "out", "--title", TITLE])
        wrong = fault(answer) or (f"code {answer.code}: {answer.last}" if answer.code else None)
        yield Attempt(f"report, {kind}", wrong, "written")
        if wrong:
            continue
        page = folder / "out" / "index.html"
        found = read(page.read_text())
        yield Attempt(f"page, {kind}", f"holds {found[:3]}" if found else None, "inert")
        for figure in sorted((folder / "out").rglob("*.svg")):
            yield Attempt(f"{figure.name}, {kind}", _figure(figure), "inert")
        if CHROMIUM is not None:
            yield Attempt(f"browser, {kind}", _browsed(page, folder), "inert")


@promise("R19", "control: a page with a script, a handler and a request is noticed")
def page_control(ground):
    found = read(CONTROL)
    missing = {"<script>", "onclick="} - set(found)
    wrong = (
        f"not noticed: {missing}" if missing or not any("src=" in one for one in found) else None
    )
    yield Attempt("scripts, handlers, requests", wrong, "noticed")


def _trained(folder, names):
    runs = []
    for seed, name in enumerate(names):
        path = folder / "runs" / name
        words = ["train", "--data", folder / "data", *OWN, "--cache-dir", folder / "cache"]
        answer = run([*words, "--seed", str(seed), "--test", "--out", path])
        assert answer.code == 0, answer
        runs.append(path)
    return runs


def _figure(file):
    """What is wrong with a figure; None if it is XML without anything to run."""
    try:
        root = ElementTree.fromstring(file.read_bytes())
    except ElementTree.ParseError as error:
        return f"is not XML: {error}"
    for element in root.iter():
        if element.tag.endswith(("script", "foreignObject")):
            return f"holds {element.tag}"
        if bad := [name for name in element.attrib if name.startswith("on")]:
            return f"holds {bad}"
    return None


def _browsed(page, folder):
    with Browser(folder / "profile") as browser:
        browser.open(page, 1280)
        if browser.complaints() or browser.requests() != [page.resolve().as_uri()]:
            return f"{browser.complaints()} {browser.requests()}"
        if browser.value("document.querySelectorAll('script').length"):
            return "has scripts"
    return None
