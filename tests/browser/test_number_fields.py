"""Fields of numbers, of which the browser itself keeps back what lies outside their range."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard
from tests.browser.steps import open_page, wait_for_rest

pytestmark = pytest.mark.slow
SAID = "getComputedStyle(document.querySelector('.st-key-trials [data-testid=stNumberInput]'), '::after').content"
ALLOWED = "getComputedStyle(document.querySelector('.st-key-trials')).getPropertyValue('--allowed')"


def test_nonsense_leaves_a_number_as_it_was_and_one_out_of_range_is_refused_in_words(
    page: Page, filled: Dashboard
) -> None:
    open_page(page, filled, "/optimize")
    wait_for_rest(page)
    field = page.locator(".st-key-trials input")
    expect(field).to_have_value("12")
    for nonsense in ("abc", "Delete"):
        field.press("Control+a")
        field.press(nonsense) if nonsense == "Delete" else field.press_sequentially(nonsense)
        field.press("Enter")
        wait_for_rest(page)
        expect(field).to_have_value("12")
    assert page.evaluate(SAID) == "none"
    expect(page.locator(".st-key-trials [data-testid=stNumberInputClearButton]")).to_be_hidden()
    field.fill("0")
    field.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    # Told by a property of the field and by the rule for all of them; a hint above the number would take the click.
    shown = [page.evaluate(SAID), page.evaluate(ALLOWED)]
    assert "Not taken" in shown[0] and "a whole number from 1 to 100000" in shown[1]
    expect(page.locator(".st-key-start button")).to_be_hidden()
    field.click()
    field.press("Control+a")
    field.press_sequentially("3")
    expect(field).to_have_value("3")
    field.press("Enter")
    expect(page.locator(".st-key-start button")).to_be_visible()
    expect(page.locator(".st-key-trials [data-testid=InputInstructions]")).to_be_hidden()
