"""One trial: how it ended, how it learnt, what it was made of."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

import datasets
from hpo_core import results, trials_table
from hpo_core.analysis.targets import parameter_title
from hpo_core.trial_config import TrialConfig
from pages.parts import (
    architecture_source,
    architecture_trial,
    charts,
    diagnosis_cards,
    draft,
    explained,
    final_models,
    formats,
    pictures,
    shared,
    state,
    trial_differences,
    trial_files,
    trial_glyph,
    words,
)
from pages.parts.charts import QUIET_CHART
from pages.parts.formats import breakable, file_name
from pages.parts.trial_choice import PARAMETER
from pages.parts.trial_words import score_text, state_colour, state_of, told_apart
from storage.studies import TrialRow

# Shown in the tiles or in a part of their own.
ELSEWHERE = (
    "configuration", "architecture", "accuracy", "parameters", "duration_s", "health", "diagnoses", "cost", "reason"
)  # fmt: skip


GO = "details_to_optimize"
# The file has them for programs that read it; to people the pooling has said it.
SAID_BY_POOLING = ("use_global_pooling", "use_flattening")


def open_dialog(study: str, trial: TrialRow) -> None:
    """Draw the dialog with everything of a trial that is over; closing it takes the trial out of the address."""
    st.dialog(f"Trial {trial.number}", width="large", on_dismiss=close)(draw)(study, trial)


def close() -> None:
    """Take the trial out of the address."""
    st.query_params.pop(PARAMETER, None)


def draw(study: str, trial: TrialRow) -> None:
    """Draw everything of a trial."""
    with st.container(key="details"), shared.database_errors(retry=False):
        _head(study, trial)
        left, right = st.columns(2, gap="medium")
        with left:
            _curve(study, trial)
            _health(study, trial)
            _facts("All that was recorded", "attributes", attributes(trial), ours=_is_ours(trial))
        with right:
            _configuration(study, trial)
        _architecture(study, trial)
        pictures.draw(study, trial)


def attributes(trial: TrialRow) -> dict[str, Any]:
    """What was recorded about a trial and is not shown elsewhere."""
    aside = {*ELSEWHERE, "epochs_trained"} if _is_ours(trial) else ELSEWHERE  # which stands in the configuration
    return {key: content for key, content in trial.attributes.items() if key not in aside and content != ""}


def configuration(study: str, trial: TrialRow) -> dict[str, Any]:
    """Every field that `best_hyperparameters.yaml` has; for a trial of plain Optuna what was searched."""
    if trials_table.configuration(trial) == trial.params:
        return dict(trial.params)
    return results.best_hyperparameters(study, trial)


def _head(study: str, trial: TrialRow) -> None:
    badge = state.badge(state_of(trial), state_colour(trial))
    architecture = html.escape(str(trial.attributes.get("architecture") or ""))
    st.html(f'<div class="run-line">{badge}<span class="quiet">{architecture}</span></div>{trial_glyph.glyph(trial)}')
    _reason(trial)
    if said := _as_best(study, trial):
        st.html(f'<div class="card-text">{html.escape(said)}</div>')
    # By its jobs: one that was cancelled tells what it cost only after its trial has ended.
    cost = shared.jobs().costs(study).get(trial.number, trial.attributes.get("cost"))
    with_score = not words.is_accuracy_alone(shared.studies().attributes(study))
    grid = st.grid(4 + with_score + (cost is not None), min_column_width=130, key="trial_tiles")
    several = len(trial.values) > 1
    if with_score:
        grid.metric("Values" if several else "Score", score_text(trial), help="What the search makes better.")
    grid.metric("Accuracy", formats.percent(trial.accuracy), help=explained.meaning("accuracy")[0])
    health = trial.attributes.get("health")
    grid.metric(
        "Health", formats.score(health) if isinstance(health, int | float) else formats.NOTHING,
        help="From 0 to 1: the weighted mean of six metrics of the network; a dash where none was measured.",
    )  # fmt: skip
    took = explained.meaning("duration_s")[0] if _is_ours(trial) else None
    grid.metric("Duration", formats.duration(trial.duration_s), help=took)
    grid.metric(
        "Parameters", formats.value(trial.attributes.get("parameters")), help="Trainable numbers of the network."
    )
    if isinstance(cost, int | float):
        grid.metric("Cost", formats.dollars(cost), help="Time on RunPod's workers times the price of their GPU.")


def _as_best(study: str, trial: TrialRow) -> str:
    """Of the best trial of a study, by what it is the best, and which one comes next; '' of any other."""
    summary = shared.studies().summary(study)
    if summary.n_objectives > 1 or trial.number != summary.best_trial:
        return ""
    about = shared.studies().attributes(study)
    sort, name = "score" if summary.minimises else "-score", words.score_name(about)
    end = "lowest" if summary.minimises else "highest"
    said = f"The best trial of this {'run' if _is_ours(trial) else 'study'}: it has the {end} {name}"
    for other in shared.studies().trials(study, sort=sort, states=("complete",), limit=2):
        if other.number != trial.number and all(math.isfinite(value) for value in other.values):
            alone = words.is_accuracy_alone(about)
            rows = (trial, other)
            own, its = (formats.percent(row.accuracy) for row in rows) if alone else told_apart(rows)
            return f"{said}, {own}; Trial {other.number} {'has the same' if own == its else f'comes next with {its}'}."
    return f"{said}."


def _reason(trial: TrialRow) -> None:
    """Why a trial ended otherwise than complete."""
    reason = trial.attributes.get("reason")
    if isinstance(reason, str) and reason:
        st.html(f'<div class="finding" style="border-color:{state_colour(trial)}">'
                f'<div class="card-text">{html.escape(formats.sentence(reason))}</div></div>')  # fmt: skip


def _curve(study: str, trial: TrialRow) -> None:
    st.subheader("Epoch by epoch", anchor=False)
    if not trial.curve:
        st.html('<div class="quiet">No epoch was reported.</div>')
        return
    figure = charts.draw_curve(trial.curve, words.score(shared.studies().attributes(study)))
    st.plotly_chart(figure, key="curve", config=QUIET_CHART)
    if _is_ours(trial):
        st.html('<div class="quiet">What counts is the last epoch, also where an earlier one was better.</div>')


def _health(study: str, trial: TrialRow) -> None:
    """What is wrong with the network, and where there is more about it."""
    st.subheader("Diagnoses", anchor=False)
    diagnosis_cards.draw_short(trial, trial_files.told(study, trial).history)
    st.page_link(
        "pages/health.py", label="Health of this trial", icon=":material/ecg_heart:",
        query_params={"study": study, "trial": str(trial.number)},
    )  # fmt: skip


def _architecture(study: str, trial: TrialRow) -> None:
    """The diagram of the network, drawn when it is asked for: it is the largest thing of the dialog."""
    if architecture_source.plan_of(trial, {}) is None:
        return
    box = st.expander("**Architecture** :gray[the network layer by layer]", key="details_network", on_change="rerun")
    with box:
        if box.open:
            architecture_trial.draw_network(study, trial, {}, key="details")


def _configuration(study: str, trial: TrialRow) -> None:
    """All fields, each with the name that it has in files, and the file itself."""
    fields = configuration(study, trial)
    shown = {name: content for name, content in fields.items() if name not in SAID_BY_POOLING}
    if not _is_ours(trial):
        shown = {name: words.suggested(content) for name, content in shown.items()}
    if words.is_accuracy_alone(shared.studies().attributes(study)) and "score" in fields:
        shown["score"] = formats.percent(fields["score"])
    _facts("Full configuration", "configuration", shown, ours=_is_ours(trial), with_names=True)
    if fields:
        st.download_button(
            "Configuration as YAML", key="download_configuration", mime="application/yaml", icon=":material/download:",
            data=lambda: yaml.safe_dump(fields, sort_keys=False, allow_unicode=True),
            file_name=file_name(study, f"trial-{trial.number}-hyperparameters.yaml"), on_click="ignore",
        )  # fmt: skip
    _own_model(study, trial)


def _own_model(study: str, trial: TrialRow) -> None:
    """The way to the final model that was made of a trial, or to one of its own."""
    config = architecture_source.recorded(trial)
    if final_models.made_of(shared.settings().results_dir, study) == trial.number:
        st.page_link(
            "pages/models.py", label="Its final model: try it, download it", icon=":material/deployed_code:",
            query_params={"study": study},
        )  # fmt: skip
    elif config is not None and config.dataset in datasets.CATALOGUE:
        st.button(
            "Get a model of it", key="train_alone", icon=":material/model_training:", on_click=_train_alone,
            args=(config,),
            help="A run's final model is made of its best trial. This opens Optimize for a run of this one alone, "
            "which gets a final model of its own.",
        )  # fmt: skip
    if st.session_state.pop(GO, False):
        st.switch_page("pages/optimize.py")


def _train_alone(config: TrialConfig) -> None:
    draft.current().fix_alone(config, sample_percentage=config.sample_percentage)
    st.session_state[GO] = True


def _facts(title: str, key: str, facts: Mapping[str, Any], *, ours: bool, with_names: bool = False) -> None:
    """A list of names and values."""
    st.subheader(title, anchor=False)
    rows = "".join(
        f"<tr><th>{_heading(name, with_names, ours)}</th><td>{breakable(words.recorded_value(name, content))}"
        f"{_without_effect(name, facts) if ours else ''}</td></tr>"
        for name, content in facts.items()
    )
    with st.container(key=key):
        st.html(f'<table class="facts-table">{rows}</table>' if rows else '<div class="quiet">Nothing.</div>')


def _without_effect(name: str, facts: Mapping[str, Any]) -> str:
    """The mark of a field that changes nothing in this trial; '' for one that does."""
    why = trial_differences.why_idle(name, facts)
    return f' <span class="quiet">(no effect: {html.escape(why)})</span>' if why else ""


def _heading(name: str, with_names: bool, ours: bool) -> str:
    return explained.heading(
        name, words.recorded_title(name) if ours else parameter_title(name), in_files=with_names, ours=ours
    )


def _is_ours(trial: TrialRow) -> bool:
    return trial_differences.is_ours([trial])
