"""Whatever a page offers as a file arrives, whole and with a name that says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Dashboard
from tests.browser.steps import download, open_page, unfold_all, wait_for_rest
from tests.browser.test_looks import PAGES

pytestmark = pytest.mark.slow

BUTTONS = '[data-testid="stDownloadButton"] button:visible:enabled'
# Pages that offer no file.
NONE = ("system",)
KEYS = """found => [...new Set(found.map(button =>
    [...button.closest('[class*="st-key-"]').classList].find(name => name.startsWith('st-key-'))))]"""


@pytest.mark.parametrize("name", PAGES)
def test_every_file_of_a_page_arrives(name: str, page: Page, filled: Dashboard) -> None:
    study = "digits-done" if name == "models" else "digits-examined"
    open_page(page, filled, f"/{name}?study={study}&trial=1")
    wait_for_rest(page)
    unfold_all(page)
    keys = page.locator(BUTTONS).evaluate_all(KEYS)
    assert bool(keys) is (name not in NONE)
    names = set()
    for key in keys:
        file = download(page, page.locator(f".{key} button:visible"))
        assert Path(file.path()).stat().st_size > 0, key
        assert Path(file.suggested_filename).suffix and " " not in file.suggested_filename, key
        names.add(file.suggested_filename)
    assert len(names) == len(keys)
