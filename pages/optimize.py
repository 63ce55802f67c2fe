"""Optimize: choose a data set and a budget, and start a run."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, draft, draft_address, folds, frame, launch, preset_choice, shared, single, where
from pages.parts.checked import Checked, check
from pages.parts.form import Form, limits

ALWAYS_SHOWN = ("trials", "max_epochs_per_trial", "sample_percentage")


def _form(form: Form, checked: Checked) -> None:
    """Draw what every visitor decides, and below it, folded, everything else."""
    st.html(limits())
    with st.container(border=True, key="search"):
        grid = st.grid(2, min_column_width=260, key="goal")
        with grid.cell():
            form.field("mode", words_side_by_side=True)
        with grid.cell():
            preset_choice.draw(form)
        grid = st.grid(4, min_column_width=150, key="budget")
        for name in ALWAYS_SHOWN:
            with grid.cell():
                form.field(name)
        with grid.cell():
            where.workers(form)
        preset_choice.explain(form)
    with st.container(key="folds", gap="xsmall"):
        folds.draw(form, checked)


def _page() -> None:
    frame.heading("Optimize", "Choose what to learn. Onegin tries many networks and shows which one learns it best.")
    draft_address.take_over()
    values = draft.current()
    left, right = st.columns([7, 3], gap="medium")
    with left:
        st.html('<div class="quiet narrow-only">What starts the run is at the end; all else may stay as it is.</div>')
        first = st.container(key="form_notice")
        cards.choose_dataset(values)
        checked = check(values.configuration(), shared.machine())
        _form(Form(values, checked.problem), checked)
        draft_address.write(values, checked.config)
        with first:
            single.notice(values, checked)
    with right, st.container(key="launch"):
        launch.panel(checked, values.configuration())


_page()
