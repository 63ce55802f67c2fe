"""Health: why a network is healthy or sick, layer by layer and epoch by epoch."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, health_comparison, health_view, shared, tensorboard_view, trial_choice
from pages.parts.study_choice import choose_study, has_begun


def _page() -> None:
    frame.heading("Health", "What goes on inside a network: why it learns, and why it does not.")
    with shared.database_errors(retry=True):
        known = shared.runs().list()
        names = shared.names(known)
        if not names:
            health_view.nothing_yet()
            return
        study = choose_study(names, known, shared.active_run(), "health")
        if not has_begun(study):
            return
        summary = shared.studies().summary(study)
        best = trial_choice.champions(study, summary)
        trial = trial_choice.choose_trial(study, summary, best, "health")
        if trial is None:
            st.info("No trial has begun yet.", icon=":material/hourglass_top:")
            return
        config = shared.studies().attributes(study).get("configuration")
        health_view.draw(study, trial, config if isinstance(config, dict) else {})
        health_comparison.draw(study, best)
        tensorboard_view.draw(study)


_page()
