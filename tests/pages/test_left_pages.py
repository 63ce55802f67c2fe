"""Tests of dropping what a page that was left still asks for, with Streamlit's own queue of requests."""

from __future__ import annotations

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType

from pages.parts import left_pages


@pytest.mark.parametrize(
    ("asked", "stays"),
    [
        (RerunData(fragment_id="part", page_script_hash="before", is_auto_rerun=True), False),
        (RerunData(fragment_id="part", page_script_hash="now", is_auto_rerun=True), True),
        (RerunData(page_script_hash="before"), True),
    ],
    ids=["a live part of a page before", "a live part of this page", "the page before itself"],
)
def test_only_live_parts_of_other_pages_are_dropped(asked: RerunData, stays: bool) -> None:
    requests = ScriptRequests()
    requests.request_rerun(asked)
    left_pages.drop(requests, "now")
    expected = ScriptRequestType.RERUN if stays else ScriptRequestType.STOP
    assert requests.on_scriptrunner_ready().type is expected


def test_a_request_after_one_that_was_dropped_is_heard() -> None:
    requests = ScriptRequests()
    requests.request_rerun(RerunData(fragment_id="part", page_script_hash="before"))
    left_pages.drop(requests, "now")
    requests.request_rerun(RerunData(fragment_id="other", page_script_hash="now"))
    assert requests.on_scriptrunner_ready().rerun_data.fragment_id_queue == ["other"]
