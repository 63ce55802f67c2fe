"""The trials of one page as a table, with every parameter that was searched."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from hpo_core.analysis.targets import parameter_title
from hpo_core.parameters import PARAMETERS
from pages.parts import explained, formats, shared, trial_cards, trial_comparison, words
from pages.parts.trial_words import score_text, state_of
from storage.studies import TrialPage, TrialRow

OUR_COLUMNS = frozenset(
    {"Trial", "State", "Values", "Score", "Accuracy", "Health", "Duration", "Parameters", "Architecture"}
)

LOW, HEIGHT = 12, 460
VERSION, REFUSED = "table_version", "table_refused"
# Pixels of a column: of a letter, beside the text, at most.
LETTER, BESIDE, WIDEST = 8, 24, 640
TICK = "Tick a trial to open its details; tick two to four to compare them."


def draw(study: str, page: TrialPage, best: int | None) -> None:
    """Draw the table; what is ticked is what is compared, here as on the cards.

    Args:
        study: whose trials these are.
        page: of them.
        best: number of the best trial; None where no single one is.
    """
    rows, with_score = page.rows, not words.is_accuracy_alone(shared.studies().attributes(study))
    shown = table(rows, best, with_score=with_score)
    ticked = [place for place, row in enumerate(rows) if row.number in trial_comparison.chosen(study)]
    key = _key(page.page, ticked)
    st.dataframe(
        shown, key=key, hide_index=True, on_select=partial(_choose, study, rows, key), selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}}, height="auto" if len(rows) < LOW else HEIGHT,
        column_config=_columns(rows, shown), placeholder=formats.NOTHING,
    )  # fmt: skip
    if refused := st.session_state.get(REFUSED):
        st.warning(refused, icon=":material/info:")
    if not ticked:
        st.html(f'<div class="quiet">{TICK}</div>')
        return
    with st.container(horizontal=True, vertical_alignment="center", key="chosen_rows"):
        for place in ticked:
            trial_cards.details_button(rows[place], named=True)


def _key(page: int, ticked: list[int]) -> str:
    """The key of the table: a new one where a trial was chosen or taken away elsewhere, or could not be chosen.

    A table of the same key could be told so too, but then ignores the next click on a row that it was told of.
    """
    version = st.session_state.setdefault(VERSION, 0)
    key = f"trial_table_{page}_{version}"
    if key in st.session_state and sorted(_ticked(key)) != ticked:
        st.session_state[VERSION] = version + 1
        return f"trial_table_{page}_{version + 1}"
    return key


def _choose(study: str, rows: Sequence[TrialRow], key: str) -> None:
    ticked = [rows[place] for place in _ticked(key) if place < len(rows)]
    numbers, refused = trial_comparison.chosen_after(trial_comparison.chosen(study), rows, ticked)
    trial_comparison.keep(study, numbers)
    st.session_state[REFUSED] = refused


def _ticked(key: str) -> list[int]:
    """Places of the ticked rows in the table."""
    return list(st.session_state[key]["selection"]["rows"])


def table(rows: Sequence[TrialRow], best: int | None = None, *, with_score: bool = True) -> pd.DataFrame:
    """One row per trial; the columns of hyperparameters are those that occur.

    Args:
        rows: the trials.
        best: number of the one that gets a star.
        with_score: whether the score says something else than the accuracy.
    """
    searched = list(dict.fromkeys(name for row in rows for name in row.params))
    found = pd.DataFrame([_row(row) for row in rows])
    found["Trial"] = [f"Trial {row.number}{f' {trial_cards.BEST}' * (row.number == best)}" for row in rows]
    if not with_score:
        found = found.drop(columns="Score", errors="ignore")
    for name in searched:
        found[_column(name)] = _of_one_kind([row.params.get(name) for row in rows])
    return found


def _of_one_kind(values: list[Any]) -> list[Any]:
    """Values as a column can hold them: numbers, or words; a study made elsewhere may mix them."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) < 2 or kinds <= {int, float}:
        return values
    return [None if value is None else str(value) for value in values]


def _column(name: str) -> str:
    """The title of a hyperparameter's column; a study made elsewhere may call one as we call a column."""
    title = parameter_title(name)
    return f"params_{name}" if title in OUR_COLUMNS else title


def _row(row: TrialRow) -> dict[str, Any]:
    several = len(row.values) > 1
    health = row.attributes.get("health")
    return {
        "Trial": row.number,
        "State": state_of(row),
        "Values" if several else "Score": score_text(row)
        if several
        else formats.rounded_score(next(iter(row.values), row.score)),
        "Accuracy": formats.rounded_percent(row.accuracy),
        "Health": formats.rounded_score(health) if isinstance(health, float) else health,
        "Duration": formats.duration(row.duration_s),
        "Parameters": row.attributes.get("parameters"),
        "Architecture": row.attributes.get("architecture") or formats.NOTHING,
    }


def _columns(rows: Sequence[TrialRow], shown: pd.DataFrame) -> dict[str, Any]:
    column = st.column_config
    found: dict[str, Any] = {
        "Trial": column.TextColumn(pinned=True, width="small", help=f"{trial_cards.BEST} is the best one."),
        "Score": column.NumberColumn(
            format="%.3f" if all(formats.is_usual(value) for row in rows for value in row.values) else "%.6g",
            help="What the search makes better.",
        ),
        "Values": column.TextColumn(help="One value for each objective, in their order."),
        "Accuracy": column.NumberColumn(format="%.2f %%", help=explained.meaning("accuracy")[0]),
        "Health": column.NumberColumn(format="%.3f", help="From 0 to 1: the weighted mean of six metrics."),
        "Parameters": column.NumberColumn(format="localized", help="Trainable numbers of the network."),
        "Architecture": column.TextColumn(width=_width(shown, "Architecture")),
    }
    for name in dict.fromkeys(name for row in rows for name in row.params):
        explanation = PARAMETERS[name].explanation if name in PARAMETERS else None
        title = _column(name)
        found[title] = column.Column(help=explanation, width=_width(shown, title))
    return found


def _width(shown: pd.DataFrame, title: str) -> int:
    """Pixels in which the title of a column and what stands in it are not cut off."""
    longest = max(len(title), *(len(str(value)) for value in shown[title]))
    return min(WIDEST, LETTER * longest + BESIDE)
