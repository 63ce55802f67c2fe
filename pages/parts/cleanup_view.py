"""Deleting many runs at once, by age and by what they take up; on the System page."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

import streamlit as st

from hpo_core.housekeeping import Cleanup, RunSize, delete_run, delete_runs, ended_runs, outdated
from pages.parts import formats, shared

DAYS, MEGABYTES = 30, 1000
NAMED = 5
SAID = "cleanup_said"


def draw(sizes: Sequence[RunSize]) -> None:
    """The two limits, what they would delete, and the button that does."""
    worked, sentence = st.session_state.pop(SAID, (True, ""))
    box = st.expander("Clean up", key="cleanup", on_change="rerun")
    if sentence:
        (st.success if worked else st.error)(sentence, icon=":material/mop:")
    with box:
        if not box.open:
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="cleanup_form"):
            days = st.number_input(
                "Delete runs older than, days", 0, 10_000, None, key="cleanup_days", placeholder="any age", width=220,
                help=f"By the day they ended, for example {DAYS}.",
            )  # fmt: skip
            megabytes = st.number_input(
                "Keep at most, MB", 0, 10_000_000, None, key="cleanup_mb", placeholder="any size", width=220,
                help=f"The oldest go first until the others fit, for example {MEGABYTES}.",
            )  # fmt: skip
        chosen = outdated(
            sizes, ended_runs(shared.database()), older_than_days=days,
            keep_bytes=None if megabytes is None else int(megabytes) * 1_000_000, now=time.time(),
        )  # fmt: skip
        st.html(f'<div class="quiet">{html.escape(_what(chosen, days is None and megabytes is None))}</div>')
        if st.button(
            f"Delete {formats.plural(len(chosen), 'run')} …" if chosen else "Delete …", key="cleanup_delete",
            icon=":material/delete:", disabled=not chosen,
        ):  # fmt: skip
            _confirm([size.name for size in chosen], sum(size.total_bytes for size in chosen))


def _what(chosen: Sequence[RunSize], no_limit: bool) -> str:
    if no_limit:
        return "Say how old runs may be, how much room they may take up, or both. Runs that go on are never deleted."
    if not chosen:
        return "No run is over these limits."
    names = ", ".join(size.name for size in chosen[:NAMED])
    more = f" and {len(chosen) - NAMED} more" if len(chosen) > NAMED else ""
    total = formats.file_size(sum(size.total_bytes for size in chosen))
    return f"Over these limits: {names}{more}, {total} in all."


@st.dialog("Delete these runs?")
def _confirm(names: Sequence[str], n_bytes: int) -> None:
    listed = "".join(f"<li>{html.escape(name)}</li>" for name in names)
    st.html(
        '<div class="card-text">Gone for good will be their trials in the database, their final models, pictures and '
        f"tables, {formats.file_size(n_bytes)} of files in all:<ul>{listed}</ul></div>"
    )
    with st.container(horizontal=True):
        deleted = st.button(
            "Delete for good", key="cleanup_really", type="primary", icon=":material/delete_forever:",
            on_click=_delete, args=(list(names),),
        )  # fmt: skip
        if st.button("Keep them", key="cleanup_not") or deleted:
            st.rerun()


def _delete(names: Sequence[str]) -> None:
    settings = shared.settings()
    done = delete_runs(
        names, lambda name: delete_run(shared.database(), settings.results_dir, settings.artifacts_dir, name)
    )
    st.session_state[SAID] = (not done.problems, said(done))
    # What was read of the runs must not be shown for others that get their names.
    st.cache_data.clear()
    st.cache_resource.clear()


def said(done: Cleanup) -> str:
    """What there is to say about a clean-up."""
    sentence = (
        f"{formats.plural(len(done.deleted), 'run')} deleted; {formats.file_size(done.freed_bytes)} are free again."
    )
    return " ".join([sentence, *(formats.plain(formats.sentence(problem)) for problem in done.problems)])
