"""Trials: all trials of one study as a gallery, one of them in detail, or some side by side."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts import frame, shared, trial_choice, trial_comparison, trial_details, trial_gallery, trial_query
from pages.parts.formats import as_markdown
from pages.parts.study_choice import choose_study, has_begun
from pages.parts.trial_words import state_of
from storage.errors import StorageError
from storage.runs import Run
from storage.studies import StudySummary, TrialRow
from storage.trial_filters import ENDED, TrialFilter

WATCH_S = 2.0


def _page() -> None:
    frame.heading("Trials", "Every network that was tried: its layers as stripes, its result epoch by epoch as a line.")
    with shared.database_errors(retry=True):
        known = shared.runs().list()
        names = shared.names(known)
        if not names:
            trial_gallery.nothing_yet()
            return
        active = shared.active_run()
        study = choose_study(names, known, active, "trials")
        if not has_begun(study):
            return
        summary = shared.studies().summary(study)
        shown = _compared(study)
        if shown:
            trial_comparison.draw(study, shown, summary)
            return
        has_dialog = _details(study)
        trial_gallery.draw(study, summary)
        if not has_dialog:
            _watch_while_it_runs(study, summary, active)


def _compared(study: str) -> list[TrialRow]:
    """The trials that the address compares; none where it does not, or where they are too few."""
    asked = st.query_params.get(trial_query.COMPARE)
    if asked is None:
        return []
    numbers, odd = trial_query.compared(asked)
    wanted = TrialFilter(numbers=tuple(numbers))
    by_number = {row.number: row for row in shared.studies().page(study, wanted, size=len(numbers) or 1).rows}
    found = [by_number[number] for number in numbers if number in by_number]
    missing = trial_comparison.missing_words(study, [number for number in numbers if number not in by_number], odd)
    if missing:
        st.warning(f"{as_markdown(missing)}.", icon=":material/search_off:")
    if len(found) < trial_comparison.LEAST:
        st.info("A comparison needs two trials. Choose them below with “Compare”.", icon=":material/compare_arrows:")
        return []
    if len(found) > trial_comparison.MOST:
        st.info(f"The first {trial_comparison.MOST} of {len(found)} trials are compared.")
    trial_comparison.keep(study, [row.number for row in found[: trial_comparison.MOST]])
    return found[: trial_comparison.MOST]


def _details(study: str) -> bool:
    """Open the dialog of the trial in the address; whether one is open."""
    asked = st.query_params.get(trial_choice.PARAMETER)
    if asked is None:
        return False
    trial = trial_choice.find(study, asked)
    if trial is None:
        st.warning(
            f"There is no trial “{as_markdown(asked)}” in {as_markdown(study)}. Choose one below instead.",
            icon=":material/search_off:",
        )
    elif trial.state in ENDED:
        trial_choice.remember(study, trial.number)
        trial_details.open_dialog(study, trial)
        return True
    else:
        st.info(
            f"Trial {trial.number} is {state_of(trial)}: its details open here when it is over.",
            icon=":material/hourglass_top:",
        )
    return False


def _watch_while_it_runs(study: str, summary: StudySummary, active: Run | None) -> None:
    """Draw the page anew when a trial begins or ends; never under an open dialog."""
    if active is not None and active.run_name == study:
        st.fragment(_watch, run_every=WATCH_S, key="watch")(study, summary.n_by_state)


def _watch(study: str, before: Mapping[str, int]) -> None:
    try:
        now = shared.studies().summary(study).n_by_state
    except StorageError:
        st.rerun()  # the page says what is wrong
    if now != before:
        st.rerun()


_page()
