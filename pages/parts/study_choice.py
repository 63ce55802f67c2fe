"""Which study a page shows: the one in the address, else the one that was chosen on another page, else the newest that
runs, else the newest."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import formats, shared, state
from pages.parts.formats import BETWEEN, as_markdown
from storage.runs import Run, RunState

PARAMETER = "study"
# The navigation leaves the address behind: what was chosen is kept for as long as the window is open.
CHOSEN = "chosen_study"


def choose_study(names: Sequence[str], known: Sequence[Run], active: Run | None, page: str) -> str:
    """Draw the choice of a study, in agreement with the address; `names` is not empty.

    Args:
        names: all studies, the newest first.
        known: the runs among them; another study was made outside Onegin.
        active: a run that waits or runs.
        page: keeps the widgets of the pages apart.
    """
    asked, key = st.query_params.get(PARAMETER), f"{page}_study"
    before = st.session_state.get(key)
    if asked is None and before is not None and named(str(before), names) is None:
        st.warning(f"“{as_markdown(before)}” was deleted while it was shown.", icon=":material/search_off:")
    if asked is not None and asked not in names:
        st.warning(
            f"There is no run called “{as_markdown(asked)}” in this database. It may have been deleted, or the address "
            "has a typing error. Another one is shown instead; choose below.",
            icon=":material/search_off:",
        )
        for of_that_one in ("trial", "compare"):  # which the run that is shown instead may have, as others
            st.query_params.pop(of_that_one, None)
    chosen = str(asked if asked in names else st.session_state.get(CHOSEN))
    if chosen in names:
        st.session_state[CHOSEN] = st.query_params[PARAMETER] = chosen
    preset = chosen if chosen in names else active.run_name if active is not None else names[0]
    st.session_state[key] = preset
    runs = {run.run_name: run for run in known}
    st.selectbox(
        "Run", names, key=key, format_func=lambda name: label(name, runs.get(name)), on_change=_write_address,
        args=(key, names, preset),
    )  # fmt: skip
    if page != "monitor" and preset in runs and runs[preset].state is RunState.INTERRUPTED:
        st.warning(
            "This run was interrupted: its process has gone, and a trial that is still called running trains no more. "
            "It can be resumed on Monitor.", icon=":material/power_off:",
        )  # fmt: skip
    return preset


def label(name: str, run: Run | None) -> str:
    """The name of a study and one thing that tells it from others of the same kind: how many trials a finished run, the
    usual one, has, else how it stands. More is cut off on a telephone."""
    if run is None:
        return f"{name}{BETWEEN}made outside Onegin"
    return f"{name}{BETWEEN}" + (
        formats.plural(run.trials, "trial") if run.state is RunState.FINISHED else state.word(run)
    )


def has_begun(study: str) -> bool:
    """Whether a run has a study; where it has none, what became of it is said."""
    if shared.studies().exists(study):
        return True
    run = shared.runs().get(study)
    if not run.state.is_final:
        st.info("This run is getting ready: it has no trial yet.", icon=":material/hourglass_top:")
        return False
    ended = {RunState.FAILED: "failed", RunState.CANCELLED: "was stopped"}.get(run.state, "ended")
    told = run.message and run.state is not RunState.CANCELLED  # of a stopped one it would say the same again
    reason = f" {formats.sentence(run.message)}" if told else ""
    st.warning(as_markdown(f"This run {ended} before its first trial.{reason}"), icon=":material/search_off:")
    return False


def named(chosen: str, names: Sequence[str]) -> str | None:
    """The name that a browser means, which knows an option by its text: perhaps one from before the run went on."""
    fitting = (name for name in names if chosen == name or chosen.startswith(name + BETWEEN))
    return max(fitting, key=len, default=None)


def _write_address(key: str, names: Sequence[str], shown: str) -> None:
    """Another study has other trials: the one in the address goes."""
    name = named(str(st.session_state[key]), names)
    if name is None or name == shown:
        return
    st.query_params.pop("trial", None)
    st.query_params[PARAMETER] = name
