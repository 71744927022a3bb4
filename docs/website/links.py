"""Whether a built site hangs together: links, anchors, and nothing fetched from elsewhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a tag says."""
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if (name := FETCHED.get(tag)) in values and values.get("rel") != "canonical":
            self.fetched.append(values[name])


def faults(site: Path) -> list[str]:
    """A line for every link, picture or script that does not lead where it should."""
    pages = {file: Page(file) for file in sorted(site.rglob("*.html"))}
    lines: list[str] = []
    for file, page in pages.items():
        if file.name == "404.html":  # its links start at the root of a server
            continue
        name = file.relative_to(site)
        lines += [f"{name} fetches {link}" for link in page.fetched if _elsewhere(link)]
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:  # looked at above, or a link to read elsewhere
                continue
            target = file if not parts.path else (file.parent / unquote(parts.path)).resolve()
            if not target.is_file():
                lines.append(f"{name}: there is no {link}")
            elif parts.fragment and unquote(parts.fragment) not in anchors(pages, target):
                lines.append(f"{name}: no anchor {link}")
    return lines


def _elsewhere(link: str) -> bool:
    return bool(urlsplit(link).netloc)


def anchors(pages: dict[Path, Page], target: Path) -> set[str]:
    """The places within a page that a link may name."""
    return pages[target].anchors if target in pages else set()
