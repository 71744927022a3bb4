"""A report in a real browser; needs Chromium on the path."""

import pytest
from browser import CHROMIUM, Browser

from selfdistill.reports.page import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
SMALLEST_TEXT = """Math.min(...[...document.querySelectorAll('svg text')].map(
    text => text.getBoundingClientRect().height))"""
OVERFLOWING = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_complaint(directory, tmp_path, width):
    runs = [directory(seed=k) for k in range(3)] + [
        directory("SKDSAM", seed=k, accuracy=82, shares=[1, 3]) for k in range(3)
    ]
    page = write_report(runs, tmp_path / "out", title="<script>document.title = 'no'</script>")
    with Browser(tmp_path / "profile") as browser:
        browser.open(page, width)
        assert browser.complaints() == []
        assert browser.requests() == [page.resolve().as_uri()]
        assert browser.value("document.title").startswith("<script>")
        assert browser.value("document.querySelectorAll('script').length") == 0
        assert browser.value(OVERFLOWING) <= 0
        assert browser.value("document.querySelectorAll('svg').length") >= 10
        assert browser.value(SMALLEST_TEXT) >= 9
        browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
