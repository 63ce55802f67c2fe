"""System: this machine, the RunPod endpoint, and what stands between them and the trials."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    endpoint_settings,
    endpoint_view,
    frame,
    log_view,
    settings_view,
    shared,
    storage_view,
    system_view,
    try_twin,
)

LOOK_S = 5.0


def _page() -> None:
    frame.heading("System", "What trials run on, and where their files lie.")
    with shared.database_errors(retry=True):
        shared.runs().list(limit=1)  # without a database there is nothing to look after
        system_view.machine()
        storage_view.draw()
        st.header("RunPod", anchor=False)
        with st.container(key="live_part"):
            st.fragment(endpoint_view.draw, run_every=LOOK_S, key="endpoint")()
        left, right = st.columns(2, gap="medium")
        with left:
            endpoint_settings.draw()
        with right:
            try_twin.card()
            system_view.store()
        with st.container(key="live_jobs"):
            st.fragment(endpoint_view.draw_jobs, run_every=LOOK_S, key="jobs")()
        st.header("Settings and log", anchor=False)
        settings_view.draw()
        log_view.draw(None, expanded=False)


_page()
