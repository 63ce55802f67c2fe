"""What runs take up on this machine, and deleting one; on the System page."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from hpo_core.housekeeping import Removal, RunSize, delete_run, measure
from pages.parts import cleanup_view, formats, shared, state
from storage.errors import StorageError

KEEP_S = 60
CHOICE, SAID = "delete_choice", "delete_said"


def draw() -> None:
    """The table of runs with their sizes, and the choice of one to delete."""
    st.header("Disk space", anchor=False)
    worked, sentence = st.session_state.pop(SAID, (True, ""))
    if sentence:
        (st.success if worked else st.error)(sentence, icon=":material/delete:")
    known = shared.runs().list()
    names = shared.names(known)
    if not names:
        st.html('<div class="quiet">No run yet: each will stand here with the room that its files take up.</div>')
        return
    sizes = _measured(tuple(names))
    total = formats.file_size(sum(size.total_bytes for size in sizes))
    st.html(
        f'<div class="quiet">{formats.plural(len(sizes), "run")} with {total} of files, beside the database. Sizes are '
        "measured at most once a minute.</div>"
    )
    states = {run.run_name: state.word(run) for run in known}
    # On a telephone name and size are in sight, and a part of the next column, which shows that more can be swiped to.
    widths = {"Run": st.column_config.Column(width=190), "In all": st.column_config.Column(width=80)}
    st.dataframe(table(sizes, states), hide_index=True, key="sizes", width="stretch", column_config=widths)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Run to delete", [size.name for size in sizes], index=None, key=CHOICE, placeholder="Choose a run"
        )
        if st.button("Delete …", key="delete_run", icon=":material/delete:", disabled=chosen is None) and chosen:
            _confirm(next(size for size in sizes if size.name == chosen))
    cleanup_view.draw(sizes)


def table(sizes: list[RunSize], states: Mapping[str, str]) -> pd.DataFrame:
    """One row per run, the largest first."""
    return pd.DataFrame(
        {
            "Run": [size.name for size in sizes],
            "In all": [formats.file_size(size.total_bytes) for size in sizes],
            "State": [states.get(size.name, "made outside Onegin") for size in sizes],
            "Its folder": [formats.file_size(size.folder_bytes) for size in sizes],
            "Files of trials": [formats.file_size(size.artifact_bytes) for size in sizes],
            "Newest file": [
                time.strftime("%Y-%m-%d", time.localtime(size.changed_at)) if size.changed_at else formats.NOTHING
                for size in sizes
            ],
        }
    )


@st.dialog("Delete this run?")
def _confirm(size: RunSize) -> None:
    st.html(
        f'<div class="card-text">Gone for good will be <b>{html.escape(size.name)}</b>: its trials in the database, '
        f"its final model, pictures and tables, {formats.file_size(size.total_bytes)} of files in all.</div>"
    )
    with st.container(horizontal=True):
        deleted = st.button(
            "Delete for good", key="delete_really", type="primary", icon=":material/delete_forever:",
            on_click=_delete, args=(size.name,),
        )  # fmt: skip
        if st.button("Keep it", key="delete_not") or deleted:
            st.rerun()


def _delete(name: str) -> None:
    settings = shared.settings()
    try:
        removal = delete_run(shared.database(), settings.results_dir, settings.artifacts_dir, name)
    except StorageError as error:
        st.session_state[SAID] = (False, f"Nothing was deleted: {error}.")
        return
    # What was read of the run must not be shown for another one that gets its name.
    st.cache_data.clear()
    st.cache_resource.clear()
    st.session_state[CHOICE] = None
    st.session_state[SAID] = (True, said(name, removal))


def said(name: str, removal: Removal) -> str:
    """What there is to say about a run that was deleted, as Markdown."""
    sentence = f"`{name.replace('`', '')}` is deleted; {formats.file_size(removal.freed_bytes)} are free again."
    if removal.left:
        sentence += f" These files could not be removed: {', '.join(removal.left[:3])}."
    return sentence


@st.cache_data(show_spinner="Measuring", ttl=KEEP_S, max_entries=4)
def _measured(names: tuple[str, ...]) -> list[RunSize]:
    settings = shared.settings()
    return measure(shared.database(), settings.results_dir, settings.artifacts_dir, names)
