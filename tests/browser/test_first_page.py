"""What a browser asks a server for when it opens a page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Response

from tests.browser.conftest import Dashboard
from tests.browser.steps import open_page

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", ["/optimize", "/monitor?study=none", "/trials"])
def test_every_request_of_a_page_is_answered_and_the_server_is_found_at_once(
    path: str, page: Page, empty: Dashboard
) -> None:
    answers: list[Response] = []
    sockets: list[str] = []

    def note(answer: Response) -> None:  # Playwright takes no bound method of a list
        answers.append(answer)

    page.on("response", note)
    page.on("websocket", lambda socket: sockets.append(socket.url))
    open_page(page, empty, path)
    assert not [answer.url for answer in answers if answer.status >= 400]
    assert sum(answer.url.endswith("/_stcore/health") for answer in answers) == 1
    assert sockets == [empty.url.replace("http", "ws", 1) + "/_stcore/stream"]
