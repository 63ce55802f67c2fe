"""The network of a trial on the Architecture page."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

import streamlit as st

from hpo_core.history import last_reading
from hpo_core.layer_plan import LayerPlan
from hpo_core.trial_config import TrialConfig
from pages.parts import (
    architecture_difference,
    architecture_own,
    architecture_source,
    architecture_view,
    own_address,
    shared,
    state,
    study_choice,
    trial_choice,
    trial_files,
)
from pages.parts.trial_words import state_colour, state_of
from storage.studies import TrialRow

LIVE_S = 5.0
SOURCE = "architecture_source"
TRIAL, OWN = "A trial", "A configuration of my own"


def choose_source() -> str:
    """Draw the choice between the network of a trial and one's own, in agreement with the address."""
    st.session_state[SOURCE] = OWN if own_address.is_given() else TRIAL
    options = [TRIAL, OWN]
    return str(
        st.segmented_control(
            "What is shown", options, required=True, key=SOURCE, on_change=_write_source, label_visibility="collapsed"
        )
    )


def nothing_yet() -> None:
    """The page of a database without studies."""
    with st.container(border=True, key="empty"):
        st.subheader("No network of a trial yet", anchor=False)
        st.write(
            "Here you will see the network of each trial as a diagram: every layer with its shape, its weights and "
            "what it does, and how healthy it was."
        )
        if st.button("Start a first run", key="to_optimize", type="primary", icon=":material/tune:"):
            st.switch_page("pages/optimize.py")
    _offer_own("Without a run: put together a network of your own")


def draw(study: str) -> None:
    """Draw the choice of a trial and its network."""
    studies = shared.studies()
    if not study_choice.has_begun(study):
        return
    summary = studies.summary(study)
    best = trial_choice.champions(study, summary)
    trial = trial_choice.choose_trial(study, summary, best, "architecture")
    if trial is None:
        st.info("No trial has begun yet.", icon=":material/hourglass_top:")
        return
    attributes = studies.attributes(study)
    plan = architecture_source.plan_of(trial, attributes)
    _head(trial)
    if plan is None:
        draw_network(study, trial, attributes, key="network")
        _offer_own("Put together a network of your own")
        return
    st.button(
        "Change this configuration", key="change_configuration", icon=":material/edit:", on_click=_change,
        args=(study, trial.number, plan.config),
        help="Opens it as a configuration of your own: see what each change does to the network.",
    )  # fmt: skip
    draw_network(study, trial, attributes, key="network")
    _compare(study, trial, plan, summary.n_trials - 1)


def draw_network(study: str, trial: TrialRow, study_attributes: Mapping[str, object], *, key: str) -> None:
    """Draw the network of a trial, also in a dialog; while it trains, again and again.

    Args:
        study, trial: whose network it is.
        study_attributes: user attributes of the study.
        key: tells several networks of a page apart; every widget's key begins with it.
    """
    every = LIVE_S if trial.state == "running" else None
    st.fragment(_network, run_every=every, key=f"{key}_live")(study, trial, study_attributes, key)


def _network(study: str, trial: TrialRow, study_attributes: Mapping[str, object], key: str) -> None:
    with shared.database_errors(retry=False):
        if trial.state == "running":
            now = trial_choice.find(study, str(trial.number))
            if now is not None and now.state != "running":
                st.rerun()
            trial = now or trial
        plan = architecture_source.plan_of(trial, study_attributes)
        if plan is None:
            st.info(architecture_source.why_none(trial, study_attributes), icon=":material/schema:")
            return
        history = trial_files.told(study, trial).history
        architecture_view.draw(
            plan, key=key, name=file_name(study, trial.number), title=f"{study} · Trial {trial.number}",
            readings=last_reading(history.epochs) if history is not None else (), accuracy=trial.accuracy,
        )  # fmt: skip


def _compare(study: str, trial: TrialRow, plan: LayerPlan, last: int) -> None:
    """Draw the choice of another trial, and what its network has that this one has not."""
    if last < 1:
        return
    with st.container(border=True, key="chart_difference"):
        st.subheader("Difference to another trial", anchor=False)
        number = st.number_input(
            "Compare with trial", 0, last, value=None, step=1, key="architecture_other", width=200,
            placeholder=f"0 to {last}", help=f"Trials of this run are numbered from 0 to {last}.",
        )  # fmt: skip
        if number is None:
            st.html('<div class="quiet">Choose a trial to see which layers it has added, removed or changed.</div>')
            return
        if number == trial.number:
            st.html('<div class="quiet">That is the trial shown above: choose another one.</div>')
            return
        other = trial_choice.find(study, str(number))
        attributes = shared.studies().attributes(study)
        other_plan = architecture_source.plan_of(other, attributes) if other is not None else None
        if other is not None and other_plan is not None:
            architecture_difference.draw((f"Trial {trial.number}", plan), (f"Trial {number}", other_plan))
        elif other is not None:
            st.info(architecture_source.why_none(other, attributes), icon=":material/schema:")
        else:
            st.info(f"There is no Trial {number} in this run.", icon=":material/search_off:")


def file_name(study: str, number: int) -> str:
    """What files about a trial's network are called, without the ending."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', study).strip('_')}_trial_{number}_architecture"


def _offer_own(words: str) -> None:
    st.button(words, key="to_own", icon=":material/edit:", on_click=own_address.begin)


def _write_source() -> None:
    if st.session_state[SOURCE] == OWN:
        own_address.begin()
    else:
        own_address.forget()


def _change(study: str, number: int, config: TrialConfig) -> None:
    architecture_own.take_over(config)
    own_address.write(config)
    st.query_params.update({study_choice.PARAMETER: study, trial_choice.PARAMETER: str(number)})


def _head(trial: TrialRow) -> None:
    badge = state.badge(state_of(trial), state_colour(trial), live=trial.state == "running")
    architecture = html.escape(str(trial.attributes.get("architecture") or ""))
    st.html(
        f'<div class="run-line"><span class="name">Trial {trial.number}</span>{badge}'
        f'<span class="quiet">{architecture}</span></div>'
    )
