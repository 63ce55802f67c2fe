"""What a browser asks a server for when it opens a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import Dashboard, serve, stop
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
    # Instead of a file that it lacks Streamlit sends its document.
    kinds = {answer.headers["content-type"] for answer in answers if answer.url.endswith(".js")}
    assert kinds and all("javascript" in kind for kind in kinds)
    asked = {answer.url for answer in answers if answer.url.endswith("/_stcore/health")}
    assert asked == {f"{empty.url}/_stcore/health"}
    assert sockets[0] == empty.url.replace("http", "ws", 1) + "/_stcore/stream"


def test_cards_of_data_that_are_not_at_hand_say_what_a_download_takes(page: Page, tmp_path: Path) -> None:
    dashboard = serve(tmp_path, {"ONEGIN_DATASETS_DIR": str(tmp_path)})
    try:
        open_page(page, dashboard, "/optimize")
        absent = page.locator(".card-thumbs.empty")
        expect(absent).to_have_count(5)
        expect(absent.first).to_have_text("11.5 MB download")
        cut = "box => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight"
        for width in (1440, 768, 360):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(f"![...document.querySelectorAll('.card-thumbs.empty')].some({cut})")
    finally:
        stop(dashboard)
