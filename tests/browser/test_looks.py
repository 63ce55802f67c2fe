"""Pictures of every page at three widths, and nothing wider than the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, Dashboard
from tests.browser.steps import expect_state, open_page, start_run, unfold_all, wait_for_rest

pytestmark = pytest.mark.slow

PAGES = sorted(file.stem for file in (ROOT / "pages").glob("[!_]*.py"))
WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="package")
def pictures() -> Path:
    folder = ROOT / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="package")
def finished_run(browser: Browser, dashboard: Dashboard) -> str:
    page = browser.new_page()
    name = start_run(page, dashboard, trials=3, epochs=3)
    expect_state(page, "finished")
    page.close()
    return name


@pytest.mark.parametrize(("width", "scheme"), [*((width, "light") for width in WIDTHS), (360, "dark"), (1440, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits(  # noqa: PLR0917 - three parameters and three fixtures
    name: str, width: int, scheme: str, page: Page, finished_run: str, dashboard: Dashboard, pictures: Path
) -> None:
    look_with(page, width, scheme)
    query = "" if name == "optimize" else f"?study={finished_run}&trial=1"
    open_page(page, dashboard, f"/{name}{query}")
    expect_every_page_in_sight(page, width)
    assert_fits(page)
    take_picture(page, pictures / f"{name}-{width}-{scheme}.png")


@pytest.mark.parametrize("state", ["empty", "running", "failed"])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_in_other_states(
    name: str, state: str, page: Page, empty: Dashboard, filled: Dashboard, pictures: Path
) -> None:
    """Opened on a phone, then made wider."""
    look_with(page, WIDTHS[0])
    study = {"running": "?study=digits-now", "failed": "?study=digits-failed"}.get(state, "")
    open_page(page, empty if state == "empty" else filled, f"/{name}{study}")
    for width in WIDTHS:
        look_with(page, width)
        wait_for_rest(page)
        expect_every_page_in_sight(page, width)
        assert_fits(page)
        take_picture(page, pictures / f"{name}-{state}-{width}.png")


def test_open_folds_fit(page: Page, finished_run: str, dashboard: Dashboard) -> None:
    look_with(page, WIDTHS[0])
    for name in ("optimize", "system"):
        open_page(page, dashboard, f"/{name}")
        unfold_all(page)
        assert page.locator("details[open]").count() > 0
        assert_fits(page)


def look_with(page: Page, width: int, scheme: str = "light") -> None:
    """Give the window a width, and the visitor a taste."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


def expect_every_page_in_sight(page: Page, width: int) -> None:
    """In the bar, none folded away; on a telephone behind a menu. Streamlit measures a moment after the window."""
    links = page.locator(".rc-overflow-item:not([aria-hidden=true]) [data-testid=stTopNavLink]")
    expect(links).to_have_count(len(PAGES) if width > WIDTHS[0] else 0)


def take_picture(page: Page, file: Path) -> None:
    """Keep a picture of the whole page."""
    size = page.viewport_size
    assert size is not None
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": height})
    page.screenshot(path=file)


# What is cut off or has to be scrolled to sideways, but for tables and code, and for what shows three dots.
CUT = """() => [...document.querySelectorAll('[data-testid=stMain] *, [role=dialog] *')].filter(part => {
  const style = getComputedStyle(part), hidden = ['hidden', 'clip', 'auto', 'scroll'].includes(style.overflowX);
  return hidden && part.clientWidth > 24 && part.scrollWidth > part.clientWidth + 2 && part.innerText?.trim()
    && style.textOverflow !== 'ellipsis'
    && !part.closest('.wide-table, .confusion-frame, [data-testid=stTable], .stDataFrame, pre, .js-plotly-plot');
}).map(part => `${part.tagName} ${part.className} ${part.dataset.testid}: ${part.innerText.slice(0, 60)}`)"""


# What stands out of a box that has one line.
TOO_TALL = """() => [...document.querySelectorAll('.card-thumbs, .bar, .health-chip, .card-mark')].filter(part =>
  part.scrollHeight > part.clientHeight + 2
).map(part => `${part.className}: ${part.innerText}`)"""

# Charts whose legend lies across their plot; a chart follows a new width of the window a moment later.
NO_LEGEND_ACROSS = """() => [...document.querySelectorAll('.js-plotly-plot')].every(chart => {
  const [legend, plot] = ['.legend .bg', '.nsewdrag'].map(part => chart.querySelector(part)?.getBoundingClientRect());
  return !legend || !plot || legend.bottom < plot.top + 2 || legend.top > plot.bottom - 2;
})"""


def assert_fits(page: Page) -> None:
    """Nothing broke, nothing is still to come, nothing is cut off or covered, and the page does not scroll sideways."""
    expect(page.locator("[data-testid='stException']")).to_have_count(0)
    expect(page.locator("[data-testid='stStatusWidget']")).to_have_count(0)
    expect(page.locator("[data-testid='stSkeleton']")).to_have_count(0)
    for part in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.evaluate(f"{part}.scrollWidth") <= page.evaluate("innerWidth")
    assert page.evaluate(CUT) == [] and page.evaluate(TOO_TALL) == []
    page.wait_for_function(NO_LEGEND_ACROSS)
