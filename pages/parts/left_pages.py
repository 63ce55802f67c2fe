"""Keeps a live part of a page that was left from drawing over the page that is shown now."""

from __future__ import annotations

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType


def forget() -> None:
    """Drop what a page that was left still asks for. To be called when a page has been drawn."""
    context = get_script_run_ctx()
    if context is not None and context.script_requests is not None:
        drop(context.script_requests, context.pages_manager.current_page_script_hash)


def drop(requests: ScriptRequests, page: str) -> None:
    """Drop a waiting request to draw fragments of another page than `page`, given by its hash.

    A browser asks for a live part by a timer, which it stops when it hears of the new page. A request on its way at
    that moment is answered after the new page: Streamlit finds no such part any more, but the browser takes the answer
    for a page of its own, empties itself, and fails at the next live part of the new page, with a blank window.
    Streamlit has no public way to say so.
    """
    with requests._lock:
        waiting = requests._rerun_data
        if (
            requests._state is ScriptRequestType.RERUN
            and waiting.fragment_id_queue
            and waiting.page_script_hash != page
        ):
            requests._state = ScriptRequestType.CONTINUE
