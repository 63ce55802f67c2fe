"""The trials of one page as a table, with every parameter that was searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from hpo_core.analysis.targets import parameter_title
from hpo_core.parameters import PARAMETERS
from pages.parts import explained, formats, trial_cards, trial_comparison
from pages.parts.trial_words import score_text, state_of
from storage.studies import TrialPage, TrialRow

OUR_COLUMNS = frozenset(
    {"Trial", "State", "Values", "Score", "Accuracy", "Health", "Duration", "Parameters", "Architecture"}
)

LOW, HEIGHT = 12, 460


def draw(study: str, page: TrialPage) -> None:
    """Draw the table; a row that is chosen can be opened and compared as a card can."""
    rows = page.rows
    event: Any = st.dataframe(
        table(rows), key=f"table_{page.page}", hide_index=True, on_select="rerun", selection_mode="single-row",
        height="auto" if len(rows) < LOW else HEIGHT, column_config=_columns(rows), placeholder=formats.NOTHING,
    )  # fmt: skip
    selected = event.selection.rows[0] if event.selection.rows else None
    if selected is None or selected >= len(rows):
        st.html('<div class="quiet">Choose a row to open its details or to compare it.</div>')
        return
    row = rows[selected]
    with st.container(horizontal=True, vertical_alignment="center", key="chosen_row"):
        st.html(f"<b>Trial {row.number}</b>", width="content")
        trial_cards.details_button(row)
        trial_comparison.checkbox(study, row)


def table(rows: Sequence[TrialRow]) -> pd.DataFrame:
    """One row per trial; the columns of hyperparameters are those that occur."""
    searched = list(dict.fromkeys(name for row in rows for name in row.params))
    found = pd.DataFrame([_row(row) for row in rows])
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
        "Trial": f"Trial {row.number}",
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


def _columns(rows: Sequence[TrialRow]) -> dict[str, Any]:
    column = st.column_config
    found: dict[str, Any] = {
        "Trial": column.TextColumn(pinned=True, width="small"),
        "Score": column.NumberColumn(
            format="%.3f" if all(formats.is_usual(value) for row in rows for value in row.values) else "%.6g",
            help="What the search makes better.",
        ),
        "Values": column.TextColumn(help="One value for each objective, in their order."),
        "Accuracy": column.NumberColumn(format="%.2f %%", help=explained.meaning("accuracy")[0]),
        "Health": column.NumberColumn(format="%.3f", help="From 0 to 1: the weighted mean of six metrics."),
        "Parameters": column.NumberColumn(format="localized", help="Trainable numbers of the network."),
        "Architecture": column.TextColumn(width=440),
    }
    for name in dict.fromkeys(name for row in rows for name in row.params):
        explanation = PARAMETERS[name].explanation if name in PARAMETERS else None
        found[_column(name)] = column.Column(help=explanation)
    return found
