"""Messages that go away by themselves, on a telephone."""

from __future__ import annotations

from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from hpo_core.notice_kinds import Kind
from storage.notices import NoticeTable
from tests.browser.conftest import Dashboard
from tests.browser.steps import open_page, wait_for_rest
from tests.browser.test_looks import WIDTHS, look_with

pytestmark = pytest.mark.slow

# Below the navigation a message covers the page's title and the sentence under it, and no button.
ROOM = 210


def test_several_messages_hide_no_button_of_a_narrow_page(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[0])
    with closing(filled.database()) as database:
        open_page(page, filled, "/optimize")
        wait_for_rest(page)
        for number in range(3):
            NoticeTable(database).add("digits-done", Kind.ENDED, f"The run is finished, told {number}")
        messages = page.get_by_test_id("stToast")
        expect(messages).to_have_count(3)
        boxes = [message.bounding_box() for message in messages.all()]
        assert all(box is not None and box["y"] + box["height"] < ROOM for box in boxes)
        messages.first.get_by_role("button", name="Close").click()  # the newest lies on top
        expect(messages).to_have_count(2)
        assert all("told 2" not in text for text in messages.all_inner_texts())
