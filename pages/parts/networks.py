"""The networks of a run on Monitor: of each trial that trains, and of the best one so far."""

from __future__ import annotations

import dataclasses
import html
import time

import streamlit as st

from hpo_core.summaries import summarise
from pages.parts import architecture_source, final_models, formats, palette, shared, trial_choice, trial_glyph
from pages.parts.figures_of_run import RunFigures
from storage.studies import TrialRow

# How long a new best is marked as such.
NEW_S = 20.0


def glyph_of_running(study: str, number: int) -> str:
    """The layers of a running trial as HTML; '' where its study does not say enough, or not yet."""
    try:
        return _of_running(study, number)[0]
    except LookupError:
        return ""


def with_network(study: str, trial: TrialRow) -> TrialRow:
    """A running trial with what it records at its end only: its architecture in words and its number of parameters.

    Other trials, and one of which its study does not say enough, or not yet, as they are.
    """
    if trial.state != "running":
        return trial
    try:
        _, architecture, parameters = _of_running(study, trial.number)
    except LookupError:
        return trial
    known = {"architecture": architecture, "parameters": parameters, **trial.attributes}
    return dataclasses.replace(trial, attributes=known)


@st.cache_data(show_spinner=False, max_entries=256)
def _of_running(study: str, number: int) -> tuple[str, str, int]:
    """What a network is does not change once it is known; raises LookupError, which is not kept, before."""
    trial = trial_choice.find(study, str(number))
    plan = architecture_source.plan_of(trial, shared.studies().attributes(study)) if trial is not None else None
    if plan is None:
        raise LookupError(f"the network of trial {number} is not known yet")
    return trial_glyph.glyph_of(plan), summarise(plan.config), plan.trainable


def draw_best(figures: RunFigures) -> None:
    """The best trial so far: what it is, how good, whether it has just become the best, and where there is more."""
    summary = figures.summary
    if summary is None or figures.objectives > 1:
        return
    if summary.best_trial is None:
        st.session_state.setdefault("best_seen", {})[figures.name] = (None, float("-inf"))
        return
    best = _best(figures.name, summary.best_trial)
    is_new = _is_new(figures.name, summary.best_score) and not figures.is_over
    ended = figures.run is not None and figures.is_over  # of a study made elsewhere nobody knows
    score = f"<span><small>score</small>{formats.score(summary.best_score)}</span>"
    mark = "new best" if is_new else "best of this run" if ended else "best so far"
    with st.container(border=True, key="best_network"):
        st.html(
            f'<div class="card-head"><span><b>Trial {summary.best_trial}</b>'
            f'<span class="best-mark"><i style="color:{palette.BEST}">★</i> {mark}</span></span></div>{best}'
            f'<div class="facts">{"" if figures.is_accuracy_alone else score}'
            f"<span><small>accuracy</small>{formats.percent(summary.best_accuracy)}</span>"
            f"<span><small>health</small>{formats.score(summary.best_health)}</span></div>"
        )
        _final_model(figures)
        _links(figures, summary.best_trial)


def _links(figures: RunFigures, trial: int) -> None:
    """Where there is more about the best trial, and what was made of it; nothing else of a study made elsewhere."""
    with st.container(horizontal=True, key="best_links"):
        query = {"study": figures.name, "trial": str(trial)}
        if figures.run is None:
            st.page_link("pages/trials.py", label="All about it", icon=":material/view_list:", query_params=query)
            return
        if figures.is_over and final_models.with_model(shared.settings().results_dir, [figures.name]):
            st.page_link(
                "pages/models.py", label="Its final model: try it, download it", icon=":material/deployed_code:",
                query_params={"study": figures.name},
            )  # fmt: skip
        st.page_link("pages/architecture.py", label="Its network", icon=":material/schema:", query_params=query)
        st.page_link("pages/health.py", label="Its health", icon=":material/ecg_heart:", query_params=query)


def _final_model(figures: RunFigures) -> None:
    """What the final model is worth on samples that no trial saw, or that it is still being built."""
    if figures.run is None:
        return
    if not figures.is_over:
        if final_models.is_being_built(figures.running):
            text = "The final model is being built; its accuracy on the test part, which no trial saw, comes last."
            st.html(f'<div class="quiet">{text}</div>')
        return
    try:
        model = final_models.read(shared.settings().results_dir, figures.name)
    except ValueError:
        return  # Models says what is wrong with its card
    if model is None or model.card.test_accuracy is None:
        return
    card = model.card
    st.html(
        f'<div class="card-head"><b>Final model, from Trial {card.trial}</b></div>'
        f'<div class="facts"><span><small>test accuracy</small>{formats.percent(card.test_accuracy)}</span>'
        f"<span><small>test samples</small>{formats.count(card.n_test)}</span></div>"
        f'<div class="quiet">{html.escape(final_models.tested(model))}</div>'
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _best(study: str, number: int) -> str:
    """What a complete trial is made of, as HTML."""
    trial = trial_choice.find(study, str(number))
    if trial is None:
        return ""
    make = html.escape(str(trial.attributes.get("architecture") or ""))
    return f'<div class="card-text trial-make">{make}</div>{trial_glyph.glyph(trial)}'


def _is_new(study: str, score: float | None) -> bool:
    """Whether the best score changed while this page was open, a short time ago."""
    known: dict[str, tuple[float | None, float]] = st.session_state.setdefault("best_seen", {})
    before, since = known.get(study, (score, float("-inf")))
    if before != score:  # not: another trial, which for Optuna is the best one of equal ones as it has a lower number
        since = time.monotonic()
    known[study] = (score, since)
    return time.monotonic() - since < NEW_S
