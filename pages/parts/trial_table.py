"""The table of trials: filter, sort and page stand in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from hpo_core.parameters import PARAMETERS
from pages.parts import formats, shared
from storage.studies import SORTS, STATES, TrialRow

PAGE_SIZE = 50
STATE_WORDS = {"fail": "failed"}
ALL = "all"
SORT_NAMES = {name: name.capitalize() for name in SORTS} | {"number": "Trial number"}


@dataclass(frozen=True)
class Choice:
    """What the address asks the table to show."""

    page: int
    sort: str
    state: str


def nothing_yet() -> None:
    """The page of a database without studies."""
    with st.container(border=True, key="empty"):
        st.subheader("No trial yet", anchor=False)
        st.write("Here you will find every network that was tried: its score, its parts, and how it learnt.")
        if st.button("Start a first run", key="to_optimize", type="primary", icon=":material/tune:"):
            st.switch_page("pages/optimize.py")


def draw(study: str) -> list[TrialRow]:
    """Draw filter, table and paging; the trials on this page."""
    choice = _choose()
    studies = shared.studies()
    summary = studies.summary(study)
    states = () if choice.state == ALL else (choice.state,)
    total = summary.n(*(states or tuple(summary.n_by_state)))
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(choice.page, pages)
    rows = studies.trials(study, sort=choice.sort, states=states, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    if not rows:
        st.info("No trial is in this state." if states else "No trial has begun yet.", icon=":material/filter_alt_off:")
        return []
    event = st.dataframe(
        table(rows), key="table", hide_index=True, on_select="rerun", selection_mode="single-row",
        height="auto" if len(rows) < 12 else 460, column_config=_columns(rows), placeholder=formats.NOTHING,
    )  # fmt: skip
    _remember_selection(event, rows)
    _paging(page, pages, total)
    return rows


def read_choice(params: dict[str, str]) -> tuple[Choice, list[str]]:
    """The choice that query parameters describe, and a sentence for each one that cannot be used."""
    complaints = []
    sort, state, page = params.get("sort", "number"), params.get("state", ALL), params.get("page", "1")
    if sort.removeprefix("-") not in SORTS:
        complaints.append(f"“{sort}” is no order; known are {', '.join(SORTS)}, with - in front for descending.")
        sort = "number"
    if state != ALL and state not in STATES:
        complaints.append(f"“{state}” is no state of a trial; known are {', '.join(STATES)}.")
        state = ALL
    if not page.isascii() or not page.isdigit() or int(page) < 1:
        complaints.append(f"“{page}” is no page; pages count from 1.")
        page = "1"
    return Choice(int(page), sort, state), complaints


def table(rows: Sequence[TrialRow]) -> pd.DataFrame:
    """One row per trial; the columns of hyperparameters are those that occur."""
    searched = list(dict.fromkeys(name for row in rows for name in row.params))
    return pd.DataFrame([_row(row) | {_title(name): row.params.get(name) for name in searched} for row in rows])


def _row(row: TrialRow) -> dict[str, Any]:
    return {
        "Trial": f"Trial {row.number}",
        "State": STATE_WORDS.get(row.state, row.state),
        "Score": row.score,
        "Accuracy": None if row.accuracy is None else row.accuracy * 100,
        "Health": row.attributes.get("health"),
        "Duration": formats.duration(row.duration_s),
        "Parameters": row.attributes.get("parameters"),
        "Architecture": row.attributes.get("architecture") or formats.NOTHING,
    }


def _columns(rows: Sequence[TrialRow]) -> dict[str, Any]:
    column = st.column_config
    found: dict[str, Any] = {
        "Trial": column.TextColumn(pinned=True, width="small"),
        "Score": column.NumberColumn(format="%.3f", help="What the search makes better."),
        "Accuracy": column.NumberColumn(format="%.2f %%", help="Share of the validation part that was right."),
        "Health": column.NumberColumn(format="%.3f", help="From 0 to 1: the weighted mean of six metrics."),
        "Parameters": column.NumberColumn(format="localized", help="Trainable numbers of the network."),
        "Architecture": column.TextColumn(width="large"),
    }
    for name in dict.fromkeys(name for row in rows for name in row.params):
        explanation = PARAMETERS[name].explanation if name in PARAMETERS else None
        found[_title(name)] = column.Column(help=explanation)
    return found


def _title(name: str) -> str:
    return PARAMETERS[name].title if name in PARAMETERS else name


def _choose() -> Choice:
    choice, complaints = read_choice(st.query_params.to_dict())
    for complaint in complaints:
        st.warning(complaint, icon=":material/search_off:")
    grid = st.grid(3, min_column_width=140, vertical_alignment="bottom", key="filters")
    st.session_state["filter_state"] = choice.state
    st.session_state["sort_by"] = choice.sort.removeprefix("-")
    st.session_state["descending"] = choice.sort.startswith("-")
    with grid.cell():
        st.selectbox(
            "State", (ALL, *STATES), format_func=lambda state: STATE_WORDS.get(str(state), str(state)).capitalize(),
            key="filter_state", on_change=_write_address,
        )  # fmt: skip
    with grid.cell():
        st.selectbox(
            "Sort by", SORTS, format_func=lambda name: SORT_NAMES[name],
            key="sort_by", on_change=_write_address,
        )  # fmt: skip
    with grid.cell():
        st.toggle("Largest first", key="descending", on_change=_write_address)
    return choice


def _write_address() -> None:
    """A changed filter begins on the first page."""
    state, params = st.session_state, st.query_params
    params["sort"] = ("-" if state["descending"] else "") + state["sort_by"]
    params["state"] = state["filter_state"]
    params["page"] = "1"


def _paging(page: int, pages: int, total: int) -> None:
    first = (page - 1) * PAGE_SIZE + 1
    last = min(page * PAGE_SIZE, total)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="paging"):
        of = f"{formats.count(first)} to {formats.count(last)} of {formats.plural(total, 'trial')}"
        st.html(f'<span class="quiet">{of}</span>', width="content")
        if pages > 1:
            # A key for each page: the address decides which one is shown, also after a filter went back to the first.
            key = f"page_{page}"
            st.pagination(pages, default=page, key=key, on_change=_turn, args=(key,))


def _turn(key: str) -> None:
    st.query_params["page"] = str(st.session_state[key])


def _remember_selection(event: Any, rows: Sequence[TrialRow]) -> None:
    """A newly selected row becomes the trial of the address."""
    selected = event.selection.rows[0] if event.selection.rows else None
    number = rows[selected].number if selected is not None and selected < len(rows) else None
    if number != st.session_state.get("selected_trial"):
        st.session_state["selected_trial"] = number
        if number is not None:
            st.query_params["trial"] = str(number)
