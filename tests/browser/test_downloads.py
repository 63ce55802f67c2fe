"""Whatever a page offers as a file arrives, whole and with a name that says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Dashboard
from tests.browser.steps import download, open_page, unfold, unfold_all, wait_for_rest
from tests.browser.test_looks import PAGES

pytestmark = pytest.mark.slow

BUTTONS = '[data-testid="stDownloadButton"] button:visible:enabled'
# Pages that offer no file: of a run without a log Monitor has none.
NONE = ("system", "monitor")
KEYS = """found => [...new Set(found.map(button =>
    [...button.closest('[class*="st-key-"]').classList].find(name => name.startsWith('st-key-'))))]"""


@pytest.mark.parametrize("name", PAGES)
def test_every_file_of_a_page_arrives(name: str, page: Page, filled: Dashboard) -> None:
    study = "digits-done" if name == "models" else "digits-examined"
    open_page(page, filled, f"/{name}?study={study}")
    wait_for_rest(page)
    if name == "optimize":
        unfold(page, "sharing")
        expect(page.locator(".st-key-export button").first).to_be_visible()
    else:
        unfold_all(page)
    assert bool(fetch_all(page, page.locator(BUTTONS))) is (name not in NONE)


def test_every_file_of_a_trial_arrives(page: Page, filled: Dashboard) -> None:
    open_page(page, filled, "/trials?study=digits-examined&trial=1")
    expect(page.get_by_role("dialog")).to_contain_text("Full configuration")
    wait_for_rest(page)
    assert fetch_all(page, page.get_by_role("dialog").locator(BUTTONS))


def fetch_all(page: Page, buttons: Locator) -> list[str]:
    """Press every button; the names of the files, each of which holds something and is called differently."""
    names = list[str]()
    for key in buttons.evaluate_all(KEYS):
        file = download(page, page.locator(f".{key} button:visible"))
        assert Path(file.path()).stat().st_size > 0, key
        assert Path(file.suggested_filename).suffix and " " not in file.suggested_filename, key
        names.append(file.suggested_filename)
    assert len(set(names)) == len(names)
    return names
