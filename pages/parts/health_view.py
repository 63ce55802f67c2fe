"""The Health page of one trial: score, metrics, diagnoses, epochs and layers."""

from __future__ import annotations

import html
from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from hpo_core.health.metrics import measure_each
from hpo_core.health.score import explain, health_score, weights_in_words, worrying_in_words
from hpo_core.history import TrialHistory
from pages.parts import (
    diagnosis_cards,
    formats,
    health_bars,
    health_charts,
    health_numbers,
    networks,
    reading,
    shared,
    state,
    trial_choice,
    trial_differences,
    trial_files,
    words,
)
from pages.parts.health_numbers import QUANTITIES, Quantity, Values
from pages.parts.trial_files import Told
from pages.parts.trial_words import state_colour, state_of
from storage.studies import TrialRow

LIVE_S = 2.0
QUIET_CHART = {"displayModeBar": False}
# What each column of the table of layers says.
COLUMNS: Mapping[str, str] = {
    "Units": "Filters of a convolution, units of a dense layer or LSTM.",
    "Dead": "Units that put out nearly the same whatever the sample is. A dash: of this layer they are not counted.",
    "Saturated": "Units that nearly always sit at an end of their range. Only tanh, sigmoid and LSTM have one: else 0.",
    "Gradient": "Root mean square over the weights of the layer.",
    "Update ratio": "Size of the last step by the size of the weights; healthy is about 0.001 (written 1.0e-03).",
    "Weight change": "Of the whole epoch, by the size of the weights.",
    "Bias change": "Largest change of one bias, the number that a unit adds to its input, in the epoch.",
    "Weight norm": "Euclidean norm of all weights of the layer.",
    "Weights": "Trainable numbers of the layer.",
}


def nothing_yet() -> None:
    """The page of a database without studies."""
    with st.container(border=True, key="empty"):
        st.subheader("No network to examine yet", anchor=False)
        st.write(
            "Here you will see why a network is healthy or sick: six metrics from 0 to 1, what each layer does epoch "
            "by epoch, and advice on what to change."
        )
        if st.button("Start a first run", key="to_optimize", type="primary", icon=":material/tune:"):
            st.switch_page("pages/optimize.py")


def draw(study: str, trial: TrialRow, config: Mapping[str, object]) -> None:
    """Draw the health of a trial, once or, while it trains, again and again."""
    every = LIVE_S if trial.state == "running" else None
    with st.container(key="live_part"):
        st.fragment(_draw, run_every=every, key="health")(study, trial, config)


def _draw(study: str, trial: TrialRow, config: Mapping[str, object]) -> None:
    with shared.database_errors(retry=False):
        if trial.state == "running":
            now = trial_choice.find(study, str(trial.number))
            if now is not None and now.state != "running":
                st.rerun()
        told = trial_files.told(study, trial)
        values = health_numbers.values_of(trial, told.history)
        _head(study, networks.with_network(study, trial), values, config, told.history)
        _metrics(values, told)
        st.header("Diagnoses", anchor=False)
        diagnosis_cards.draw(trial, told.history)
        if told.history is not None and told.history.epochs:
            _epochs(told.history, told.mark)
            _layers(study, trial, told.history, told.mark)


def score_words(config: Mapping[str, object]) -> str:
    """How the score of a study comes about; empty for a study made outside Onegin."""
    return words.formula(config) if {"objective", "mode"} <= set(config) else ""


def _head(
    study: str, trial: TrialRow, values: Values, config: Mapping[str, object], history: TrialHistory | None
) -> None:
    """The overall score, the trial it belongs to, and how both scores come about."""
    with st.container(border=True, key="health_head"):
        badge = state.badge(state_of(trial), state_colour(trial), live=trial.state == "running")
        architecture = html.escape(str(trial.attributes.get("architecture") or ""))
        alone = words.is_accuracy_alone({"configuration": config})
        facts = (
            ("accuracy", formats.percent(_accuracy(trial, history))),
            *([] if alone else [("score", formats.score(trial.score))]),
            ("parameters", formats.value(trial.attributes.get("parameters"))),
        )
        shown = "".join(f"<span><small>{name}</small>{text}</span>" for name, text in facts)
        st.html(
            f'<div class="health-head">{health_bars.tile(values.score)}<div>'
            f'<div class="run-line"><span class="name">Trial {trial.number}</span>{badge}'
            f'<span class="quiet">{architecture}</span></div>'
            f'<div class="facts">{shown}</div></div></div>'
        )
        if values.measured:
            st.html(f'<div class="card-text">{html.escape(explain(values.metrics))}</div>')
        formula = score_words(config)
        lines = [f"health = weighted mean: {weights_in_words()}", *([formula] if formula else [])]
        st.html(f'<div class="quiet">{"<br>".join(html.escape(line) for line in lines)}</div>')
        if reason := trial.attributes.get("reason"):
            st.html(f'<div class="quiet">It ended early: {html.escape(str(reason))}</div>')
        st.page_link(
            "pages/trials.py", label="All about this trial", icon=":material/view_list:",
            query_params={"study": study, "trial": str(trial.number)},
        )  # fmt: skip


def _accuracy(trial: TrialRow, history: TrialHistory | None) -> float | None:
    """Of a running trial that of its last epoch."""
    if trial.accuracy is None and trial.state == "running" and history is not None and history.epochs:
        return history.epochs[-1].validation_accuracy
    return trial.accuracy


def _metrics(values: Values, told: Told) -> None:
    if not values.measured and told.history is None:
        st.info(told.missing, icon=":material/ecg_heart:")
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.header("Six metrics, from 0 to 1", anchor=False)
        read = f"The nearer to 1 the better. A reason to look closer is a value {worrying_in_words()}."
        st.html(f'<div class="quiet">{html.escape(read)}</div>')
        health_bars.draw(values, told.history)
    with right:
        figure = health_charts.draw_radar(values.metrics)
        if figure is not None:
            st.plotly_chart(figure, key="radar", config=QUIET_CHART, alt=explain(values.metrics))
    if told.history is None and told.missing:
        st.html(f'<div class="quiet">{html.escape(told.missing)} Only what was recorded in numbers is shown.</div>')


def _epochs(history: TrialHistory, mark: str) -> None:
    with st.container(border=True, key="chart_epochs"):
        st.header("Epoch by epoch", anchor=False)
        st.html('<div class="quiet">Each metric as it stood after each epoch; the wide grey line is the health.</div>')
        said = f"Each metric and the health after each of {formats.plural(len(history.epochs), 'epoch')}."
        st.plotly_chart(_metrics_figure(mark, history), key="metrics_by_epoch", config=QUIET_CHART, alt=said)


def _layers(study: str, trial: TrialRow, history: TrialHistory, mark: str) -> None:
    """One quantity of all layers over the epochs, and all quantities after one epoch."""
    with st.container(border=True, key="chart_layers"):
        st.header("Layer by layer", anchor=False)
        read = [epoch.epoch for epoch in history.read_epochs]
        if not read:
            st.html('<div class="quiet">No layer was read in this trial.</div>')
            return
        quantity = _choose_quantity()
        schedule = trial_differences.configuration(trial).get("learning_rate_schedule")
        reading = health_numbers.reading_of(quantity, schedule)
        st.html(f'<div class="quiet">{html.escape(reading)}</div>')
        if health_numbers.series(history, quantity):
            figure = _layers_figure(mark, quantity.name, history)
            said = f"{quantity.title} of each layer after each epoch. {reading}"
            st.plotly_chart(figure, key="layers_by_epoch", config=QUIET_CHART, alt=said)
        zero = health_numbers.always_zero(history, quantity)
        if zero:
            st.html(f'<div class="quiet">Zero, and so not drawn: {html.escape(", ".join(zero))}.</div>')
        elif not health_numbers.series(history, quantity):
            st.html('<div class="quiet">No layer of this network has this quantity.</div>')
        _table(history, read, f"{study} {trial.number}")
        st.download_button(
            "All readings as JSON", data=history.to_json, file_name=f"{study}-trial-{trial.number}-history.json",
            mime="application/json", key="download_history", icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _choose_quantity() -> Quantity:
    names = list(QUANTITIES)
    chosen = st.pills(
        "What is drawn", names, default=names[0], required=True, format_func=lambda name: QUANTITIES[name].title,
        key="quantity",
    )  # fmt: skip
    return QUANTITIES[str(chosen or names[0])]


def _follow(trial: str, newest: int) -> None:
    """Choose the newest epoch, unless the visitor has chosen an earlier one of this trial."""
    state, before = st.session_state, st.session_state.get("epochs_read", ("", 0))
    if before[0] != trial or state.get("epoch") in (None, before[1]):
        state["epoch"] = newest
    state["epochs_read"] = (trial, newest)


def _table(history: TrialHistory, read: list[int], of: str) -> None:
    chosen = read[-1]
    if len(read) > 1:
        _follow(of, read[-1])
        chosen = int(st.select_slider("After epoch", read, key="epoch"))
    epoch = next(item for item in history.read_epochs if item.epoch == chosen)
    table = pd.DataFrame(health_numbers.layer_table(epoch))
    # As everywhere else on the pages; a column sorts by its numbers all the same.
    styled = table.style.format(dict(health_numbers.CELLS), na_rep=formats.NOTHING)
    columns = {title: st.column_config.NumberColumn(help=text) for title, text in COLUMNS.items()}
    config = {"Layer": st.column_config.TextColumn(pinned=True), **columns}
    st.dataframe(styled, key="layers", hide_index=True, column_config=config, placeholder=formats.NOTHING)
    reading.fold("What the columns say", *(f"{title}: {text}" for title, text in COLUMNS.items()))


@st.cache_resource(show_spinner=False, max_entries=16)
def _metrics_figure(mark: str, _history: TrialHistory) -> go.Figure:
    """The chart, made again for another history."""
    by_epoch = measure_each(_history)
    return health_charts.draw_metrics(by_epoch, [health_score(metrics) for _, metrics in by_epoch])


@st.cache_resource(show_spinner=False, max_entries=32)
def _layers_figure(mark: str, quantity: str, _history: TrialHistory) -> go.Figure:
    return health_charts.draw_layers(_history, QUANTITIES[quantity])
