"""The report of a study as a browser opens it from a folder: every chart within its card, at every width."""

from __future__ import annotations

from contextlib import closing
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Page

from pages.parts.report import build_report
from pages.parts.report_data import read_report
from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.slow

# Left, top, right and bottom of what is drawn, and of the card around it.
BOXES = """selector => [...document.querySelectorAll(selector)].map(element => {
    const box = element.getBoundingClientRect();
    return [box.left, box.top, box.right, box.bottom];
})"""
PIXEL = 1.0
Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def report(filled: Dashboard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a study whose best trial has curves and health."""
    results = filled.folder / "results"
    with closing(filled.database()) as database:
        data = read_report(database, results, results / "artifacts", "digits-examined")
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(build_report(data), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", [1440, 768, 390])
def test_every_chart_stays_within_its_card_at_first_opening(width: int, page: Page, report: Path) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report.as_uri())
    charts, cards = (
        boxes(page, "figure .svg-container > .main-svg:first-child"),
        boxes(page, "figure:has(.svg-container)"),
    )
    assert len(charts) == 4  # scores, accuracy, loss, radar
    for chart, card in zip(charts, cards, strict=True):
        assert card[0] - PIXEL <= chart[0] and chart[2] <= card[2] + PIXEL
    blocks = boxes(page, "figure, .scroll:not(figure)")
    assert not [pair for pair in combinations(blocks, 2) if overlap(*pair)]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def boxes(page: Page, selector: str) -> list[Box]:
    return [(left, top, right, bottom) for left, top, right, bottom in page.evaluate(BOXES, selector)]


def overlap(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    return across > PIXEL and min(one[3], other[3]) - max(one[1], other[1]) > PIXEL
