"""Pictures of every page at three widths, and nothing wider than the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, Dashboard
from tests.browser.steps import expect_state, open_page, start_run

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
    name: str, width: int, scheme: str, browser: Browser, finished_run: str, dashboard: Dashboard, pictures: Path
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    query = "" if name == "optimize" else f"?study={finished_run}&trial=1"
    open_page(page, dashboard, f"/{name}{query}")
    expect(page.locator("[data-testid='stException']")).to_have_count(0)
    expect(page.locator("[data-testid='stStatusWidget']")).to_have_count(0)
    expect(page.locator("[data-testid='stSkeleton']")).to_have_count(0)
    assert_fits(page)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    page.screenshot(path=pictures / f"{name}-{width}-{scheme}.png")
    context.close()


def assert_fits(page: Page) -> None:
    """Neither the page nor its main part scrolls sideways."""
    for part in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.evaluate(f"{part}.scrollWidth") <= page.evaluate("innerWidth")


def test_first_page_is_there_within_two_seconds(page: Page, dashboard: Dashboard) -> None:
    page.goto(dashboard.url + "/")
    expect(page.locator(".st-key-start button")).to_be_visible()
    page.goto("about:blank")
    page.goto(dashboard.url + "/", wait_until="commit")
    expect(page.locator(".st-key-start button")).to_be_visible(timeout=2_000)
