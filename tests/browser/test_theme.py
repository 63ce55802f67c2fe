"""The theme that a visitor chose holds on every page, also after a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard
from tests.browser.steps import open_page

pytestmark = pytest.mark.slow


def test_a_theme_is_chosen_once(page: Page, dashboard: Dashboard) -> None:
    app = page.get_by_test_id("stApp")
    open_page(page, dashboard, "/monitor")
    expect(app).to_have_css("color-scheme", "light")
    page.get_by_test_id("stMainMenuButton").click()
    page.get_by_test_id("stMainMenuItem-theme-Dark").click()
    expect(app).to_have_css("color-scheme", "dark")
    for path in ("/trials", "/"):
        open_page(page, dashboard, path)
        expect(app).to_have_css("color-scheme", "dark")
