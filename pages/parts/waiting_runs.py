"""The runs that wait their turn, on Monitor: in which order, and how to change that."""

from __future__ import annotations

import html

import streamlit as st

from pages.parts import formats, refusals, shared
from storage.errors import StorageError
from storage.runs import Run, RunState


def draw() -> None:
    """A row for each run that waits; nothing where none does."""
    rows = {run.run_name: run for run in shared.runs().open() if run.state is RunState.WAITING}
    ours = [name for name in shared.manager().waiting if name in rows]
    if not ours:
        return  # a run is also waiting for the moment between its name and its start
    st.subheader("Waiting for their turn", anchor=False)
    with st.container(border=True, key="waiting_runs"):
        for place, name in enumerate(ours):
            _row(rows[name], place)


def place_of(name: str) -> int | None:
    """How many runs get their turn before this one; None where it does not wait in this dashboard."""
    waiting = shared.manager().waiting
    return waiting.index(name) if name in waiting else None


def _row(run: Run, place: int) -> None:
    name = run.run_name
    with st.container(horizontal=True, vertical_alignment="center", key=f"waiting_{place}"):
        st.html(
            f'<div class="waiting-run"><b>{place + 1}</b> {html.escape(name)} '
            f'<span class="quiet">{formats.plural(run.trials, "trial")}</span></div>',
            width="stretch",
        )
        st.button(
            "Earlier", key=f"earlier_{name}", icon=":material/arrow_upward:", disabled=place == 0,
            on_click=shared.manager().move_up, args=(name,),
            help="Before the one above it, if that is yours too. Visitors take turns.",
        )  # fmt: skip
        st.button("Remove", key=f"remove_{name}", icon=":material/close:", on_click=cancel, args=(name,))


def cancel(name: str) -> None:
    """Stop a run, or take it out of the queue; for a button, whose page says later what went wrong."""
    refusals.forget("cancel")
    try:
        shared.manager().cancel(name)
    except StorageError as error:
        refusals.keep("cancel", error)
