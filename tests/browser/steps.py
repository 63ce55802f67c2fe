"""What a visitor does, as steps of a test."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Download, Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.browser.conftest import Dashboard

RUN_MS = 180_000
CLICKS, SETTLE_MS, DOWNLOAD_MS = 3, 1000, 20_000


def open_page(page: Page, dashboard: Dashboard, path: str) -> None:
    """Open an address and wait until it is drawn."""
    page.goto(dashboard.url + path)
    expect(page.locator(".onegin-footer")).to_be_visible(timeout=30_000)


def wait_for_rest(page: Page) -> None:
    """Wait until the page is not being drawn: a widget that is drawn anew loses what is done to it."""
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached(timeout=30_000)


def type_number(page: Page, field: str, number: int) -> None:
    """Type into a number field of the form."""
    box = page.locator(f".st-key-{field} input")
    box.fill(str(number))
    box.press("Enter")
    expect(box).to_have_value(str(number))


def unfold(page: Page, fold: str) -> None:
    """Open a folded part of the form."""
    page.locator(f".st-key-fold_{fold} summary").click()
    wait_for_rest(page)


def unfold_all(page: Page) -> None:
    """Open everything that folds, and give what is in it time to appear."""
    page.evaluate("for (const e of document.querySelectorAll('details:not([open]) > summary')) e.click()")
    page.wait_for_timeout(SETTLE_MS)
    wait_for_rest(page)


def without_final_model(page: Page) -> None:
    """Switch the final model off; as a visitor does, once more where the page was drawn anew under the click."""
    wait_for_rest(page)
    unfold(page, "final")
    switch = page.locator(".st-key-final_model input")
    for _ in range(CLICKS):
        wait_for_rest(page)
        if switch.is_checked():
            page.locator(".st-key-final_model label").first.click()
        page.wait_for_timeout(SETTLE_MS)
    expect(switch).not_to_be_checked()


def download(page: Page, button: Locator) -> Download:
    """Press a button that makes a file when it is asked for; once more where the page was drawn anew meanwhile."""
    for patience in (DOWNLOAD_MS, DOWNLOAD_MS, RUN_MS):
        wait_for_rest(page)
        try:
            with page.expect_download(timeout=patience) as arriving:
                button.first.click()
            return arriving.value
        except TooLate:
            continue
    raise AssertionError(f"no file came of {button}")


def start_run(page: Page, dashboard: Dashboard, *, trials: int, epochs: int, sample: int = 100, data: str = "") -> str:
    """Start a run with the form; the name of the run, with Monitor open.

    Runs on other data than the digits have no final model: it would take longer than all the rest of a test.
    """
    open_page(page, dashboard, "/")
    if data and data != "digits":
        page.locator(f".st-key-choose_{data} button").click()
        expect(page.locator(f".st-key-choose_{data}")).to_contain_text("Chosen")
        wait_for_rest(page)
    type_number(page, "trials", trials)
    type_number(page, "max_epochs_per_trial", epochs)
    type_number(page, "sample_percentage", sample)
    expect(page.locator(".summary")).to_contain_text("1 trial of" if trials == 1 else f"{trials} trials of")
    expect(page.locator(".st-key-start_card")).to_contain_text("Up to 1 epoch " if epochs == 1 else f"{epochs} epochs")
    if sample != 100:
        expect(page.locator(".st-key-start_card")).to_contain_text(f"{sample} %")
    if data and data != "digits":
        without_final_model(page)
    page.locator(".st-key-start button").click()
    page.wait_for_url(re.compile(r"/monitor\?study="))
    return parse_qs(urlparse(page.url).query)["study"][0]


def expect_state(page: Page, state: str) -> None:
    """Wait until the run shown is in a state."""
    expect(page.locator(".st-key-run_head .state")).to_have_text(state, timeout=RUN_MS)
