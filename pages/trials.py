"""Trials: all trials of one study as a table, and one of them in detail."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, shared, trial_details, trial_table, words
from pages.parts.study_choice import choose_study


def _page() -> None:
    frame.heading("Trials", "Every network that was tried, with what it was made of and how well it did.")
    with shared.database_errors(retry=True):
        known = shared.runs().list()
        names = shared.names(known)
        if not names:
            trial_table.nothing_yet()
            return
        study = choose_study(names, shared.active_run(known), "trials")
        if not shared.studies().exists(study):
            st.info("This run is getting ready: it has no trial yet.", icon=":material/hourglass_top:")
            return
        shown = trial_table.draw(study)
        trial_details.draw(study, shown, words.score_name(shared.studies().attributes(study)))


_page()
