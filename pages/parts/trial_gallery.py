"""The gallery: what is chosen, the trials that meet it as cards or as a table, and the way to the next page."""

from __future__ import annotations

import io

import streamlit as st

from hpo_core.trials_table import write_table
from pages.parts import (
    formats,
    reading,
    report_download,
    shared,
    trial_batch,
    trial_cards,
    trial_comparison,
    trial_filter_bar,
    trial_query,
    trial_table,
)
from pages.parts.trial_query import CARDS, Choice
from storage.studies import StudySummary, TrialPage

SIZES = {CARDS: 12, trial_query.TABLE: 50}


def nothing_yet() -> None:
    """The page of a database without studies."""
    with st.container(border=True, key="empty"):
        st.subheader("No trial yet", anchor=False)
        st.write("Here you will find every network that was tried: its score, its parts, and how it learnt.")
        if st.button("Start a first run", key="to_optimize", type="primary", icon=":material/tune:"):
            st.switch_page("pages/optimize.py")


def draw(study: str, summary: StudySummary) -> None:
    """Draw the gallery of a study."""
    choice, complaints = trial_query.read(trial_query.current())
    for complaint in complaints:
        st.warning(formats.as_markdown(complaint), icon=":material/search_off:")
    trial_filter_bar.draw(study, summary, choice)
    trial_filter_bar.draw_chips(choice.wanted)
    size = SIZES[choice.view]
    trial_comparison.draw_bar(study, summary)
    page = shared.studies().page(study, choice.wanted, sort=choice.sort, page=choice.page, size=size)
    if not page.rows:
        _nothing_here(choice)
    elif choice.view == CARDS:
        reading.of_cards()
        trial_cards.draw(study, page.rows, summary)
    else:
        trial_table.draw(study, page, summary.best_trial if summary.n_objectives == 1 else None)
    _paging(study, page, size, summary, choice)


def _nothing_here(choice: Choice) -> None:
    if not trial_query.is_filtered(choice.wanted):
        st.info("No trial has begun yet.", icon=":material/hourglass_top:")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="no_match"):
        st.write("No trial matches these filters.")
        trial_filter_bar.reset_button("reset_filters_here")


def _paging(study: str, page: TrialPage, size: int, summary: StudySummary, choice: Choice) -> None:
    first = (page.page - 1) * size + 1
    last = min(page.page * size, page.total)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="paging"):
        of = formats.plural(page.total, "trial")
        if page.pages > 1:
            of = f"{formats.count(first)} to {formats.count(last)} of {of}"
        if page.total < summary.n_trials and trial_query.is_filtered(choice.wanted):
            of += f" that match; the study has {formats.count(summary.n_trials)}"
        st.html(f'<span class="quiet">{of if page.total else "no trial"}</span>', width="content")
        if page.pages > 1:
            # A key for each page: the address decides which one is shown, also after a filter went back to the first.
            key = f"page_{page.page}"
            st.pagination(page.pages, default=page.page, key=key, on_change=_turn, args=(key,))
        with st.container(horizontal=True, width="content", key="gallery_downloads"):
            trial_batch.draw(study, page.rows)
            _download(study, choice, page.total)
            report_download.button(study, "trials")


def _download(study: str, choice: Choice, total: int) -> None:
    """Draw the button for all trials that meet the filter, not only those of this page."""
    filtered = trial_query.is_filtered(choice.wanted)
    st.download_button(
        f"{'These' if filtered else 'All'} {formats.plural(total, 'trial')} as CSV", key="download_trials",
        data=lambda: as_csv(study, choice), file_name=formats.file_name(study, f"trials{'-filtered' * filtered}.csv"),
        mime="text/csv", icon=":material/download:", on_click="ignore", disabled=not total,
    )  # fmt: skip


def as_csv(study: str, choice: Choice) -> bytes:
    """The table of all trials that meet a filter, in the order of the gallery."""
    file = io.StringIO(newline="")
    write_table(file, shared.studies().each(study, choice.wanted, sort=choice.sort))
    return file.getvalue().encode()


def _turn(key: str) -> None:
    st.query_params["page"] = str(st.session_state[key])
