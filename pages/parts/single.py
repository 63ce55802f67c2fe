"""One configuration, trained without a search: shown in full before it starts."""

from __future__ import annotations

import html

import streamlit as st

from hpo_core.backends import RUNPOD
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import PARAMETERS
from hpo_core.trial_config import TrialConfig
from pages.parts import draft, launch, shared
from pages.parts import space_shapes as shapes
from pages.parts.checked import Checked
from pages.parts.form import Form

EXPLANATION = (
    "The same training as a trial of a run, once: with the values that you fix under “Search space”, and the default "
    "of every other hyperparameter. Data, sample, epochs and all else are those of this form."
)


def prepare(config: TrialConfig) -> None:
    """Fix every hyperparameter in the form of Optimize, and open this part of it."""
    draft.current().fix(config.dataset, config.hyperparameters)
    st.session_state["fold_single"] = True


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
