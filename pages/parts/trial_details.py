"""One trial: how it ended, how it learnt, what it was made of."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from hpo_core.health.metrics import METRICS
from hpo_core.parameters import PARAMETERS
from pages.parts import charts, diagnosis_cards, formats, palette, pictures, shared, state, trial_files, words
from pages.parts.trial_choice import PARAMETER, find
from pages.parts.trial_table import STATE_WORDS
from storage.studies import TrialRow

# Fields of a configuration that say what is done with a trained network, not how it is trained.
AFTERWARDS = ("part", "plots", "draw_above")
# Shown in the tiles or in a part of their own.
ELSEWHERE = ("configuration", "architecture", "accuracy", "parameters", "duration_s", "health", "diagnoses", "cost")


def draw(study: str, shown: Sequence[TrialRow], score_name: str) -> None:
    """Draw the trial of the address; without one, say how to choose it."""
    asked = st.query_params.get(PARAMETER)
    if asked is None:
        st.html('<div class="quiet">Choose a row to see the trial in detail.</div>')
        return
    trial = find(study, asked, shown)
    if trial is None:
        st.warning(
            f"There is no trial “{asked}” in {study}. Choose a row of the table instead.", icon=":material/search_off:"
        )
        return
    with st.container(border=True, key="details"):
        _head(study, trial)
        left, right = st.columns(2, gap="medium")
        with left:
            _curve(trial, score_name)
            _health(study, trial)
            _facts("All that was recorded", "attributes", attributes(trial))
        with right:
            _facts("Full configuration", "configuration", configuration(trial))
        pictures.draw(study, trial)


def attributes(trial: TrialRow) -> dict[str, Any]:
    """What was recorded about a trial and is not shown elsewhere."""
    return {key: content for key, content in trial.attributes.items() if key not in ELSEWHERE and content != ""}


def configuration(trial: TrialRow) -> dict[str, Any]:
    """Everything that decided what the trial learnt; for a trial of plain Optuna what was searched."""
    recorded = trial.attributes.get("configuration")
    if isinstance(recorded, str):
        try:
            fields = json.loads(recorded)
        except ValueError:
            fields = None
        if isinstance(fields, dict):
            return {name: value for name, value in fields.items() if name not in AFTERWARDS}
    return dict(trial.params)


def _head(study: str, trial: TrialRow) -> None:
    colour = palette.TRIAL_STATES.get(trial.state, palette.WAITING)
    badge = state.badge(STATE_WORDS.get(trial.state, trial.state), colour)
    architecture = html.escape(str(trial.attributes.get("architecture") or ""))
    st.html(
        f'<div class="run-line"><span class="name">Trial {trial.number}</span>{badge}'
        f'<span class="quiet">{architecture}</span></div>'
    )
    # By its jobs: one that was cancelled tells what it cost only after its trial has ended.
    cost = shared.jobs().costs(study).get(trial.number, trial.attributes.get("cost"))
    grid = st.grid(5 if cost is None else 6, min_column_width=130, key="trial_tiles")
    grid.metric("Score", formats.score(trial.score), help="What the search makes better.")
    grid.metric("Accuracy", formats.percent(trial.accuracy), help="Share of the validation part that was right.")
    health = trial.attributes.get("health")
    grid.metric(
        "Health", formats.score(health) if isinstance(health, int | float) else formats.NOTHING,
        help="From 0 to 1: the weighted mean of six metrics of the network; a dash where none was measured.",
    )  # fmt: skip
    grid.metric("Duration", formats.duration(trial.duration_s))
    grid.metric(
        "Parameters", formats.value(trial.attributes.get("parameters")), help="Trainable numbers of the network."
    )
    if isinstance(cost, int | float):
        grid.metric("Cost", formats.dollars(cost), help="Time on RunPod's workers times the price of their GPU.")


def _curve(trial: TrialRow, score_name: str) -> None:
    st.subheader("Epoch by epoch", anchor=False)
    if not trial.curve:
        st.html('<div class="quiet">No epoch was reported.</div>')
        return
    figure = charts.draw_curve(trial.curve, score_name)
    st.plotly_chart(figure, key="curve", config={"displayModeBar": False})


def _health(study: str, trial: TrialRow) -> None:
    """What is wrong with the network, and where there is more about it."""
    st.subheader("Diagnoses", anchor=False)
    diagnosis_cards.draw_short(trial, trial_files.told(study, trial).history)
    st.page_link(
        "pages/health.py", label="Health of this trial", icon=":material/ecg_heart:",
        query_params={"study": study, "trial": str(trial.number)},
    )  # fmt: skip


def _facts(title: str, key: str, facts: Mapping[str, Any]) -> None:
    """A list of names and values."""
    st.subheader(title, anchor=False)
    rows = "".join(
        f"<tr><th>{html.escape(_name(name))}</th><td>{_breakable(_shown(name, content))}</td></tr>"
        for name, content in facts.items()
    )
    with st.container(key=key):
        st.html(f'<table class="facts-table">{rows}</table>' if rows else '<div class="quiet">Nothing.</div>')


def _breakable(text: str) -> str:
    """HTML of a text that may go on in the next line after each underscore."""
    return html.escape(text).replace("_", "_<wbr>")


def _name(name: str) -> str:
    if name in METRICS:
        return METRICS[name].title
    return PARAMETERS[name].title if name in PARAMETERS else words.choice(name)


def _shown(name: str, content: object) -> str:
    """A value by its meaning: shares in per cent, a seed as the number that one types."""
    if isinstance(content, float) and (name.endswith("accuracy") or name == "macro_f1"):
        return formats.percent(content)
    if name in METRICS and isinstance(content, int | float):
        return formats.score(content)
    return str(content) if name.endswith("seed") else formats.value(content)
