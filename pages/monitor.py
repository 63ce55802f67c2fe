"""Monitor: one run, live."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, live, shared
from pages.parts.pace import FASTEST_S
from pages.parts.study_choice import choose_study

IDLE_S = 2.0


def _page() -> None:
    frame.heading("Monitor", "What a run does right now, and how good its networks have become.")
    with shared.database_errors(retry=True):
        known = shared.runs().list()
        names = shared.names(known)
        active = shared.active_run()
        study = choose_study(names, known, active, "monitor") if names else None
        fastest = FASTEST_S if active is not None else IDLE_S
        every = shared.pace().interval_s(st.session_state.get("every", fastest), fastest)
        st.session_state["every"] = every
        view = live.View(study=study, active=active.run_name if active else None, fastest=fastest, every=every)
        with st.container(key="live_part"):
            st.fragment(live.draw, run_every=every, key="live")(view)


_page()
