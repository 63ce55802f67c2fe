"""One configuration, trained without a search: shown in full before it starts."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from hpo_core.backends import RUNPOD
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import PARAMETERS
from hpo_core.summaries import summarise
from pages.parts import architecture_source, launch, shared
from pages.parts import space_shapes as shapes
from pages.parts.checked import Checked
from pages.parts.draft import Draft
from pages.parts.form import Form

EXPLANATION = (
    "The same training as a trial of a run, once: with the values that you fix under “Search space”, and the default "
    "of every other hyperparameter. Data, sample, epochs and all else are those of this form."
)
ONCE = "The run trains it once, without a search"


def notice(form: Draft, checked: Checked) -> None:
    """What a form without a search does, and the way back to one; nothing where something is searched."""
    if checked.config is None or not checked.is_fixed:
        return
    one = checked.config.one_trial()
    values: Mapping[str, Any] = one.space
    network = summarise(architecture_source.make_config(one.dataset, values))
    model = ", and makes a model of it." if checked.config.final_model else "."
    several = f"The {checked.config.trials} trials train it from different beginnings."
    told = ONCE + model if checked.is_one_training else several
    with st.container(border=True, key="one_network"):
        st.html(f'<div class="card-text"><b>One network is set:</b> {html.escape(network)}. {told}</div>')
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Search instead", key="search_instead", icon=":material/undo:", on_click=form.reset,
                help="Every hyperparameter is searched again, and all else is as the preset has it.",
            )  # fmt: skip


def draw(_form: Form, checked: Checked) -> None:
    """Draw what will be trained, and the button that trains it."""
    st.html(f'<div class="card-text">{EXPLANATION}</div>')
    if checked.config is None or checked.space is None:
        st.html('<div class="quiet">It is shown when the form is valid.</div>')
        return
    config = checked.config.one_trial()
    st.html(_table(config, set(checked.space.searched)))
    with shared.database_errors(retry=False):
        busy = shared.busy_here()
        nowhere = config.backend == RUNPOD and not shared.remote().settings.complete
        st.button(
            "Train this one", key="start_single", icon=":material/model_training:", on_click=launch.start,
            args=(config, busy is not None), disabled=nowhere,
        )  # fmt: skip
        if busy is not None:
            st.html(f'<div class="quiet">{html.escape(busy.run_name)} is running: this one waits its turn.</div>')


def _table(config: OptimizationConfig, searched: set[str]) -> str:
    """Each hyperparameter with its value and where that comes from, as HTML."""
    rows = "".join(
        f"<tr><th>{html.escape(PARAMETERS[name].title)}</th><td>{html.escape(shapes.choice(value))}"
        f"{' <small>default</small>' if name in searched else ''}</td></tr>"
        for name, value in config.space.items()
    )
    return f'<table class="facts-table">{rows}</table>'
