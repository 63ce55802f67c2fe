"""Optimize: choose a data set and a budget, and start a run."""

from __future__ import annotations

import streamlit as st

from hpo_core.optimization_config import OptimizationConfig
from pages.parts import cards, form, frame, launch, where, words


def _search(default: dict[str, object]) -> dict[str, object]:
    """Draw what is searched and how long; the values by field."""
    with st.container(border=True, key="search"):
        st.subheader("What makes a trial better", anchor=False)
        grid = st.grid(2, min_column_width=260, key="goal")
        with grid.cell():
            values: dict[str, object] = {"mode": form.segments("mode")}
        with grid.cell():
            values["objective"] = form.field("objective", default["objective"])
        if values["mode"] == "health":
            values["health_weight"] = form.field("health_weight", default["health_weight"])
        st.html(f'<span class="formula">{words.formula(values)}</span>')
        st.subheader("How much is tried", anchor=False)
        grid = st.grid(3, min_column_width=170, key="budget")
        for name in form.SHOWN:
            with grid.cell():
                values[name] = form.field(name, default[name])
        st.subheader("Where trials train", anchor=False)
        values |= where.choose(default)
        with st.expander("More", key="more"):
            values["run_name"] = form.run_name()
            grid = st.grid(2, min_column_width=200, key="more_fields")
            for name in form.FOLDED:
                with grid.cell():
                    values[name] = form.field(name, default[name])
            for name in form.SWITCHES:
                values[name] = form.switch(name, default[name])
    return values


def _page() -> None:
    frame.heading("Optimize", "Choose what to learn. Onegin tries many networks and shows which one learns it best.")
    default = form.defaults()
    left, right = st.columns([7, 3], gap="medium")
    with left:
        chosen = cards.choose_dataset(str(default["dataset"]))
        values = {"dataset": chosen, **_search(default)}
    with right, st.container(key="launch"), launch.explained():
        launch.panel(OptimizationConfig.from_mapping({name: v for name, v in values.items()}))


_page()
