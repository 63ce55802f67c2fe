"""Test of what a page that was left still asks for, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import Dashboard
from tests.browser.steps import expect_state, start_run

pytestmark = pytest.mark.slow


class LateTimer:
    """Sends the timer's request for the start panel in the very moment in which the server goes on to Monitor."""

    def __init__(self) -> None:
        self.sent = 0

    def attach(self, route: WebSocketRoute) -> None:
        server, panel = route.connect_to_server(), BackMsg()

        def from_browser(message: str | bytes) -> None:
            asked = BackMsg()
            asked.ParseFromString(message if isinstance(message, bytes) else message.encode())
            if asked.rerun_script.fragment_id:
                panel.CopyFrom(asked)
            server.send(message)

        def from_server(message: str | bytes) -> None:
            told = ForwardMsg()
            told.ParseFromString(message if isinstance(message, bytes) else message.encode())
            if "study=" in told.page_info_changed.query_string and not self.sent:
                self.sent += 1
                late = BackMsg()
                late.CopyFrom(panel)
                late.rerun_script.is_auto_rerun = True
                late.rerun_script.ClearField("widget_states")
                server.send(late.SerializeToString())
            route.send(message)

        route.on_message(from_browser)
        server.on_message(from_server)


def test_a_timer_of_the_page_before_does_no_harm(page: Page, dashboard: Dashboard) -> None:
    timer, errors = LateTimer(), list[str]()
    page.route_web_socket("**/_stcore/stream", timer.attach)
    page.on("pageerror", lambda error: errors.append(str(error)))
    start_run(page, dashboard, trials=1, epochs=1)
    expect_state(page, "finished")
    assert timer.sent == 1 and errors == []
    expect(page.locator(".st-key-tiles")).to_contain_text("1 of 1")
