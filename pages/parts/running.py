"""Parts of Monitor: tiles, progress of the run, one card for each trial that trains, failures."""

from __future__ import annotations

import html

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from hpo_core.references import keras
from pages.parts import final_models, formats, live_curves, networks, reading, refusals, shared, waiting_runs
from pages.parts.figures_of_run import RunFigures, counted
from storage.errors import StorageError
from storage.progress import TrialProgress

CARD_WIDTH = 300
ACCURACY = keras("metrics.CategoricalAccuracy")
SHOWN_TRIALS = 8
GETTING_READY = "Data and training processes are being got ready; this takes a few seconds."
TOO_LATE = "stopped_too_late"
ALL_OVER = "Every trial is over; what is left of the run takes a moment."


def tell_of_what_had_ended() -> None:
    """Say that a trial which was to be stopped was over.

    Not where the button is answered: what is shown there takes the place of the page's style sheet.
    """
    if (trial := st.session_state.pop(TOO_LATE, None)) is not None:
        st.toast(f"Trial {trial} had ended by itself before it was stopped.", icon=":material/info:")


def tiles(figures: RunFigures) -> None:
    """The numbers of a run: its score too where that is not the accuracy, for one on RunPod also its money."""
    summary = figures.summary
    score_title = "Best score, with health" if figures.config.get("mode") == "health" else "Best score"
    unknown = "Known when a trial is complete."
    has_best = summary is not None and summary.best_trial is not None
    of_best = f"Of Trial {summary.best_trial}." if summary and has_best else unknown
    number, accuracy = figures.most_accurate or (None, None)
    of_accurate = f"Of Trial {number}, the most accurate one." if number is not None else unknown
    smaller = " Smaller is better." if summary and summary.minimises else ""
    several = figures.objectives > 1
    states = counted(figures.by_state) or "none yet"
    shown = [
        ("Trials performed", f"{formats.count(figures.ended - figures.stopped)} of {formats.count(figures.wanted)}",
         f"Trials that are over and were not stopped from outside. By state: {states}."),
        ("Best accuracy", formats.percent(accuracy),
         f"Share of the validation part that the network got right. {of_accurate} {ACCURACY.markdown}"),
        (score_title, formats.score(summary.best_score if summary and not several else None),
         _no_best(figures.objectives) if several else figures.score_in_words(f"{smaller} {of_best}")),
        ("Mean duration", formats.duration(figures.mean_duration_s),
         "Of complete and pruned trials, from the first step of the search to the last epoch."),
    ]  # fmt: skip
    if figures.is_accuracy_alone:
        shown = [tile for tile in shown if tile[0] != score_title]
    if figures.money is not None:
        # Two dollar signs would make a formula of what stands between them.
        sums = (formats.dollars(part).replace("$", "\\$") for part in (figures.money.spent, figures.money.running))
        shown.append((
            "Cost so far", formats.dollars(figures.money.so_far),
            "Jobs that are over: {}, by the platform's times. Running ones: {}, by the clock.".format(*sums),
        ))  # fmt: skip
    grid = st.grid(len(shown), min_column_width=150, key="tiles")
    for place, (label, value, explanation) in enumerate(shown):
        grid.metric(
            label, value, help=explanation, border=True, delta=figures.ended_otherwise * (not place) or None,
            delta_color="off", delta_arrow="off",
        )  # fmt: skip
    if figures.money is not None and figures.money.outlook:
        st.html(f'<div class="quiet">Cost: {html.escape(figures.money.outlook)}.</div>')


def _no_best(objectives: int) -> str:
    """Why a study with several objectives has no best score, and where its best trials are."""
    return f"None: this study has {objectives} objectives. The Pareto front in Analysis shows its best trials."


def progress(figures: RunFigures) -> None:
    """How much of the run is done, and how long the rest will take."""
    if figures.run is None or figures.run.state.is_final or waiting_runs.place_of(figures.name) is not None:
        return
    if final_models.is_being_built(figures.running):
        st.progress(1.0, text="All trials are over; the final model is being made")
        return
    left = figures.time_left_s
    rest = "time left: known soon" if left is None else f"about {formats.duration(left)} left"
    if left is not None and left < 1:
        rest = "nearly done"
    # Otherwise it would contradict the tile, which counts what is over.
    begun = ", with what is under way" if figures.running else ""
    # Rounded down: a run that goes on is never said to be done.
    st.progress(figures.overall, text=f"{min(99, int(figures.overall * 100))} % of the run{begun} · {rest}")


def trials(figures: RunFigures) -> None:
    """A card for each trial that trains."""
    if figures.run is None or figures.run.state.is_final:
        return
    st.subheader("Training now", anchor=False)
    if (before := waiting_runs.place_of(figures.name)) is not None:
        ahead = (
            f"after {formats.plural(before, 'other run')}" if before else "as soon as the run that trains now is over"
        )
        st.html(f'<div class="quiet">This run waits its turn: it starts {ahead}.</div>')
        return
    if not figures.running:
        over = figures.total and figures.ended >= figures.total
        st.html(f'<div class="quiet">{ALL_OVER if over else GETTING_READY}</div>')
        return
    asked = shared.runs().stops(figures.name)
    reading.of_running()
    grid = st.grid("auto", min_column_width=CARD_WIDTH, key="running")
    for trial in figures.running[:SHOWN_TRIALS]:
        with grid.cell(), _card_frame(trial.trial):
            with st.container():
                _card(figures.name, trial)
            if not final_models.is_being_built([trial]):
                _stop_button(figures.name, trial.trial, asked=trial.trial in asked)
    with st.container(key="running_rows"):
        for trial in figures.running[SHOWN_TRIALS:]:
            _row(figures.name, trial, asked=trial.trial in asked)


def _row(run_name: str, trial: TrialProgress, *, asked: bool) -> None:
    """A trial in one line; many at once are not looked at one by one."""
    where = f"epoch {trial.epoch} of {trial.epochs}" if trial.epoch else trial.phase
    with st.container(horizontal=True, vertical_alignment="center", key=f"running_row_{trial.trial}"):
        st.html(
            f'<div class="run-line"><b>Trial {trial.trial}</b><span>{html.escape(where)}</span>'
            f'<span>{trial.overall * 100:.0f} %</span><span class="quiet">{html.escape(trial.summary)}</span></div>',
            width="stretch",
        )
        _stop_button(run_name, trial.trial, asked=asked)


def _card_frame(trial: int) -> DeltaGenerator:
    """Of the height of its neighbours, with the button at the bottom."""
    return st.container(border=True, height="stretch", vertical_alignment="distribute", key=f"running_{trial}")


def _card(run_name: str, trial: TrialProgress) -> None:
    is_final = final_models.is_being_built([trial])
    title = f"Final model, from Trial {trial.trial}" if is_final else f"Trial {trial.trial}"
    st.html(
        f'<div class="card-head"><b>{title}</b>'
        f'<span class="card-mark">{html.escape(trial.phase)}</span></div>'
        f'<div class="card-text">{html.escape(trial.summary)}</div>'
        f"{'' if is_final else networks.glyph_of_running(run_name, trial.trial)}"
    )
    epoch = f"epoch {trial.epoch} of {trial.epochs}" if trial.epoch else f"before epoch 1 of {trial.epochs}"
    if trial.batch and trial.batches:
        epoch += f" · batch {formats.count(trial.batch)} of {formats.count(trial.batches)}"
    st.progress(min(1.0, trial.share), text=epoch)
    st.progress(trial.overall, text=f"training {trial.overall * 100:.0f} %")
    st.html(f'<div class="facts">{_facts(trial)}</div>')
    # Always the same element, also while it is empty: what comes after it keeps its place.
    nothing = (
        "Trained on all samples that this run uses, but the test part."
        if is_final
        else "Curves follow the first epoch."
    )
    st.html(live_curves.of_trial(run_name, trial) or f'<div class="quiet">{nothing}</div>')


def _stop_button(run_name: str, trial: int, *, asked: bool) -> None:
    st.button(
        "Stopping" if asked else f"Stop Trial {trial}", key=f"stop_{trial}", icon=":material/stop:", disabled=asked,
        on_click=_stop, args=(run_name, trial), help="This trial ends without a result; the run goes on.",
    )  # fmt: skip


def _stop(run_name: str, trial: int) -> None:
    refusals.forget("cancel")
    try:
        if all(trial != item.trial for item in shared.progress(run_name).read()):
            st.session_state[TOO_LATE] = trial
            return
        shared.runs().request_stop(run_name, trial)
    except StorageError as error:
        refusals.keep("cancel", error)


def _facts(trial: TrialProgress) -> str:
    facts = (
        ("loss, this epoch", formats.score(trial.loss)),
        ("accuracy", formats.percent(trial.accuracy)),
        ("validation", formats.percent(trial.validation_accuracy)),
    )
    return "".join(f"<span><small>{name}</small>{value}</span>" for name, value in facts)


def failures(figures: RunFigures) -> None:
    """Failed trials grouped by their reason; nothing where none has failed."""
    if not figures.failures:
        return
    st.subheader("Failures", anchor=False)
    for reason, numbers in figures.failures:
        named = ", ".join(f"Trial {number}" for number in numbers[:5]) + (" …" if len(numbers) > 5 else "")
        st.html(
            f'<div class="failure"><b>{len(numbers)} ×</b> <span>{html.escape(reason)}'
            f'<br><small class="quiet">{named}</small></span></div>'
        )
