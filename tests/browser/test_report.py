"""The report in a browser: both themes, no request, hostile clicks as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clicks.test_hostile import STORED
from tests.commands.test_clicks import Operator
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, enriched, failed_line, key, lines

from .accessibility import WIDTHS, violations
from .visiting import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<script>document.title='owned'</script><img src=https://evil.example/x onerror=alert(1)>\"'"


@pytest.fixture
def page_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    s3 = MemoryS3(Clock())
    began = NOON - timedelta(days=2)
    names = [HOSTILE, *STORED.values(), "Orla", "Orla"]
    s3.objects[key(began)] = lines(
        *(
            enriched(
                began + timedelta(hours=number),
                f"user-{number % 5}" if number else "guest",
                f"m{number}",
                name=name,
                species=name,
                clickId=f"click-{number:03}",
            )
            for number, name in enumerate(names)
        ),
        enriched(began, "t", clickId="test-001") | {"test": True},
    )
    s3.objects[key(began, prefix="processing-failed/")] = lines(
        failed_line(b"x", began, code=HOSTILE, errorMessage=HOSTILE)
    )
    assert Operator(s3).run("--since", "3d", "--html", "report.html") == 0
    return tmp_path / "report.html"


@pytest.fixture(params=["light", "dark"])
def reader(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    scheme: Any = request.param
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1100, "height": 900})
    somebody = Visitor(context.new_page())
    somebody.watch(somebody.page)
    yield somebody
    context.close()


def test_the_report_is_complete_and_quiet_in_both_themes(reader: Visitor, page_file: Path) -> None:
    page = reader.page
    page.goto(page_file.as_uri())
    assert reader.complaints == []
    assert {url for url in reader.requested if not url.startswith("data:")} == {page_file.as_uri()}
    assert page.title() == "Clicks of mysfits-clicks"
    shown = page.locator("body").inner_text()
    for text in ("Clicks by hour", "Top mysfitId", "By species", "Failed clicks"):
        assert text in shown
    figures = dict(
        zip(
            page.locator("dt").all_inner_texts(),
            page.locator("dd").all_inner_texts(),
            strict=True,
        )
    )
    assert figures["clicks"] == str(len(STORED) + 3)
    assert figures["users"] == "5"
    assert figures["clicks of visitors without a name"] == "1"
    assert figures["failed records"] == "1"
    assert figures["left out"] == "1 test clicks, 0 duplicates"
    assert page.locator("svg rect").count() == 73


def test_hostile_clicks_are_text(reader: Visitor, page_file: Path) -> None:
    page = reader.page
    page.goto(page_file.as_uri())
    assert page.title() == "Clicks of mysfits-clicks"
    assert page.locator("script, img, iframe, object, a").count() == 0
    assert HOSTILE in page.locator("th").all_inner_texts()
    failed = page.locator("section", has_text="Failed clicks").locator("th").inner_text()
    assert failed == f"{HOSTILE}: {HOSTILE}"
    # No control character and no change of direction reaches the page.
    assert all(line.isprintable() for line in page_file.read_text("utf-8").splitlines())


def test_text_is_readable_against_its_ground(reader: Visitor, page_file: Path) -> None:
    """WCAG's contrast of 4.5 for every text."""
    reader.page.goto(page_file.as_uri())
    contrasts = reader.page.evaluate(
        """() => {
          const rgb = text => text.match(/[0-9.]+/g).map(Number)
          const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
            .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0)
          const ground = element => {
            for (let at = element; at; at = at.parentElement) {
              const found = rgb(getComputedStyle(at).backgroundColor)
              if (found.length < 4 || found[3] > 0) return found
            }
            return [255, 255, 255]
          }
          return [...document.querySelectorAll('h1, h2, p, dt, dd, th, td, .axis span')]
            .filter(element => element.innerText.trim())
            .map(element => {
              const pair = [light(rgb(getComputedStyle(element).color)), light(ground(element))]
              return (Math.max(...pair) + .05) / (Math.min(...pair) + .05)
            })
        }"""
    )
    assert len(contrasts) > 30
    assert min(contrasts) >= 4.5
    assert reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_on_the_report(reader: Visitor, page_file: Path, width: int) -> None:
    reader.page.set_viewport_size({"width": width, "height": 900})
    reader.page.goto(page_file.as_uri())
    assert violations(reader.page) == []
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
