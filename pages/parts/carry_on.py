"""Carrying a run on that is over: resumed where it was stopped, extended where it is finished."""

from __future__ import annotations

import html

import streamlit as st

from datasets import DatasetError
from hpo_core.backends import RUNPOD
from hpo_core.errors import OneginError
from pages.parts import shared
from pages.parts.figures_of_run import RunFigures
from pages.parts.launch import say
from storage.errors import StorageError
from storage.runs import Run, RunState

MORE_TRIALS = 10
MOST_TRIALS = 100_000


def draw(figures: RunFigures, run: Run) -> None:
    """A button that opens a number of trials and makes the run go on; nothing for a run without a study."""
    if not run.state.is_final or not figures.config:
        return
    finished = run.state is RunState.FINISHED
    told = figures.config.get("trials")
    wanted = told if isinstance(told, int) else figures.total
    seeds = figures.config.get("seeds")
    more = seeds if figures.config.get("rerun_of") and isinstance(seeds, int) else MORE_TRIALS
    word = "Extend run" if finished else "Resume run"
    with st.popover(word, icon=":material/resume:", key="carry_on"):
        trials = st.number_input(
            "Trials in all", 1, MOST_TRIALS, wanted + more if finished else wanted,
            key=f"trials_in_all_{run.run_name}",
            help="How many trials shall count in the end. Trials that were stopped with the run are made again.",
        )  # fmt: skip
        st.html(
            '<div class="quiet">The same study goes on: sampler, pruner and search space stay as they are, and '
            "nothing that was learnt is lost.</div>"
        )
        reason = _why_not(figures)
        busy = shared.busy_here()
        note = reason or (f"It waits its turn: {busy.run_name} is running." if busy else "")
        if note:
            st.html(f'<div class="quiet">{html.escape(note)}</div>')
        st.button(
            word, key="resume", type="primary", width="stretch", disabled=bool(reason), on_click=_resume,
            args=(run.run_name, int(trials)),
        )  # fmt: skip


def say_error() -> None:
    """Why the run could not go on, in place; once."""
    if error := st.session_state.pop("resume_error", None):
        say(error)


def _why_not(figures: RunFigures) -> str:
    if figures.config.get("backend") == RUNPOD and not shared.remote().settings.complete:
        return "This run trains on RunPod, which is not set up: see “Where trials train” in Optimize."
    return ""


def _resume(name: str, trials: int) -> None:
    manager = shared.manager()
    if name == manager.active or name in manager.waiting:
        return  # the second half of a double press
    try:
        manager.resume(name, trials, shared.run_settings(), shared.visitor())
    except (OneginError, DatasetError, StorageError) as error:
        st.session_state["resume_error"] = error
