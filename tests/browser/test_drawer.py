"""The list of pages on a narrow screen, which lies over the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard
from tests.browser.steps import open_page, wait_for_rest
from tests.browser.test_looks import WIDTHS, look_with

pytestmark = pytest.mark.slow


def test_the_list_of_pages_goes_away_when_one_is_chosen_and_at_escape(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[0])
    open_page(page, filled, "/optimize")
    wait_for_rest(page)
    opens, link = page.get_by_test_id("stExpandSidebarButton"), page.get_by_test_id("stSidebarNavLink")
    opens.click()
    link.filter(has_text="Monitor").click()
    expect(page.get_by_role("heading", name="Monitor", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    opens.click()
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    expect(opens).to_be_focused()
