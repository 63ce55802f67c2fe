"""Analysis: what made networks good, one chart and one sentence at a time."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, shared, words
from pages.parts.analysis import data, view
from pages.parts.study_choice import choose_study, has_begun


def _page() -> None:
    frame.heading("Analysis", "What made networks good: one chart at a time, and what it says.")
    with shared.database_errors(retry=True):
        known = shared.runs().list()
        names = shared.names(known)
        if not names:
            view.nothing_yet()
            return
        study = choose_study(names, known, shared.active_run(), "analysis")
        if not has_begun(study):
            return
        shape = data.samples().shape(study)
        if not shape.n_trials:
            st.info(
                "No trial has begun yet. As soon as one has, its history is drawn here; importance takes ten complete "
                "trials.", icon=":material/hourglass_top:",
            )  # fmt: skip
            return
        view.draw(study, shape, words.score(shared.studies().attributes(study)))


_page()
