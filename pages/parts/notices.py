"""What happened to runs while the visitor looked elsewhere, as short messages that go away by themselves."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from hpo_core.notice_kinds import Kind
from pages.parts import formats, shared
from storage.errors import StorageError
from storage.notices import NoticeTable

LOOK_S = 10.0
SEEN = "notices_seen"
OUT_OF_DATE = "notices_of_an_end"
ICONS: Mapping[str, str] = {
    Kind.ENDED: ":material/flag:",
    Kind.BUDGET: ":material/payments:",
    Kind.DIAGNOSIS: ":material/ecg_heart:",
    Kind.FAILURES: ":material/error:",
    Kind.MEMORY: ":material/memory:",
    Kind.ENDPOINT: ":material/cloud_off:",
}


def draw() -> None:
    """Look now and then for what is new, as long as the page is open."""
    st.session_state[OUT_OF_DATE] = False  # the page was drawn just now
    st.fragment(show, run_every=LOOK_S, key="notices")()


def show() -> None:
    """Say what is new since this visitor's last look; of what was before the visit nothing.

    The end of a run makes the page be drawn anew, for what it says of it, such as which trial is the best, may be out
    of date: at the look after the message, which would be lost with the drawing.
    """
    if st.session_state.get(OUT_OF_DATE):
        st.rerun()
    try:
        table = NoticeTable(shared.database())
        seen = st.session_state.get(SEEN)
        if seen is None:
            st.session_state[SEEN] = table.newest_id()
            return
        for notice in table.after(seen):
            st.session_state[SEEN] = notice.id
            st.session_state[OUT_OF_DATE] = st.session_state.get(OUT_OF_DATE, False) or notice.kind == Kind.ENDED
            text = f"**{formats.as_markdown(notice.run_name)}**: {formats.as_markdown(notice.text)}"
            st.toast(text, icon=ICONS.get(notice.kind, ":material/notifications:"), duration="long")
    except StorageError:
        return  # the page itself says that the database is away
