"""Carrying a run on that is over: resumed where it was stopped, extended where it is finished."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from datasets import DatasetError
from hpo_core.backends import RUNPOD
from hpo_core.errors import OneginError
from hpo_core.objective import REPEATED
from pages.parts import formats, refusals, shared
from pages.parts.figures_of_run import RunFigures
from pages.parts.launch import say
from storage.errors import StorageError
from storage.run_storage import count_trials
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
            help="How many trials shall count in the end. New ones take the place of any stopped with the run.",
        )  # fmt: skip
        if finished:
            st.html(f'<div class="quiet">{_more(int(trials) - wanted, wanted)}</div>')
        changes: dict[str, object] = {"trials": int(trials)}
        cap = figures.config.get("max_cost")
        if figures.config.get("backend") == RUNPOD and isinstance(cap, int | float):
            changes["max_cost"] = st.number_input(
                formats.label("max_cost"), 0.0001, value=float(cap), step=1.0, format="%g",
                key=f"max_cost_{run.run_name}", help="The whole run; what it has cost so far counts.",
            )  # fmt: skip
        st.html(
            '<div class="quiet">The same run goes on: sampler, pruner and search space stay as they are, and '
            "nothing that was learnt is lost.</div>"
        )
        reason = _why_not(figures)
        if again := _made_again(run.run_name, int(trials)):
            st.html(f'<div class="quiet">{again}</div>')
        busy = shared.busy_here()
        note = reason or (f"It waits its turn: {busy.run_name} is running." if busy else "")
        if note:
            st.html(f'<div class="quiet">{html.escape(note)}</div>')
        st.button(
            word, key="resume", type="primary", width="stretch", disabled=bool(reason), on_click=_resume,
            args=(run.run_name, changes),
        )  # fmt: skip


def _more(more: int, there: int) -> str:
    """What the number in the field means for a finished run; the answer to a press may lie under this window."""
    if more > 0:
        return f"{formats.plural(more, 'trial')} more than now."
    return f"The run has {formats.plural(there, 'trial')} already: a larger number adds some."


def lacks_only_its_model(figures: RunFigures) -> bool:
    """Whether all trials of a stopped run came to an end, so that its final model is all that is left to be made."""
    _, counted = count_trials(shared.database(), figures.name, without_outcomes=REPEATED)
    made_of = figures.summary.n("complete") if figures.summary else 0
    return bool(figures.config.get("final_model") and made_of) and counted >= figures.total


def say_error(name: str) -> None:
    """Why the run could not go on, in place."""
    if error := refusals.of("resume", name):
        say(error)


def _made_again(name: str, wanted: int) -> str:
    """Why more trials will be listed in the end than were asked for; '' where that is not so."""
    listed, counted = count_trials(shared.database(), name, without_outcomes=REPEATED)
    stopped = listed - counted
    if not stopped:
        return ""
    in_all = formats.count(listed + max(wanted - counted, 0))
    return (
        f"{formats.plural(stopped, 'trial')} did not come to an end when the run was stopped. New ones take their "
        f"place: {in_all} will be listed in the end."
    )


def _why_not(figures: RunFigures) -> str:
    if figures.config.get("backend") == RUNPOD and not shared.remote().settings.complete:
        return "This run trains on RunPod, which is not set up: see “Where trials train” in Optimize."
    return ""


def _resume(name: str, changes: Mapping[str, object]) -> None:
    manager = shared.manager()
    if name == manager.active or name in manager.waiting:
        return  # the second half of a double press
    refusals.forget("resume")
    try:
        manager.resume(name, changes, shared.run_settings(), shared.visitor())
    except (OneginError, DatasetError, StorageError) as error:
        refusals.keep("resume", error, name)
