"""The best trial by accuracy beside the best by health."""

from __future__ import annotations

import html

import streamlit as st

from pages.parts import health_bars, health_numbers
from pages.parts.health_numbers import Compared
from pages.parts.trial_choice import Champions


def draw(study: str, best: Champions) -> None:
    """Draw the comparison, or the sentence that stands for it."""
    st.header("Best by accuracy beside best by health", anchor=False)
    if best.accuracy is None or best.health is None:
        st.html(f'<div class="quiet">{missing(best)}</div>')
        return
    st.html(f'<div class="card-text">{html.escape(health_numbers.trade_off(best.accuracy, best.health))}</div>')
    if best.accuracy.number == best.health.number:
        return
    with st.container(border=True, key="chart_comparison"):
        heads = (f"Trial {best.accuracy.number}", f"Trial {best.health.number}")
        st.html(table(heads, health_numbers.compare(best.accuracy, best.health)))
    st.html(
        '<div class="quiet">Bold: the better one of the two; durations are not ranked. Both were measured on the same '
        "validation part.</div>"
    )
    with st.container(horizontal=True, key="to_both"):
        for number in (best.accuracy.number, best.health.number):
            st.page_link(
                "pages/trials.py", label=f"All about Trial {number}", icon=":material/view_list:", width="content",
                query_params={"study": study, "trial": str(number)},
            )  # fmt: skip


def missing(best: Champions) -> str:
    """Why there is nothing to compare."""
    if not best.complete:
        return "Compared as soon as a trial is complete."
    if best.accuracy is None:
        return "The trials of this study recorded no accuracy, so there is nothing to compare."
    return "The complete trials of this study recorded no health, so there is nothing to compare."


def table(heads: tuple[str, str], rows: list[Compared]) -> str:
    """The comparison as HTML."""
    body = "".join(f"<tr><th>{html.escape(row.title)}</th>{_cell(row, 0)}{_cell(row, 1)}</tr>" for row in rows)
    head = (
        f"<tr><th></th><td><b>{heads[0]}</b><br><small>best by accuracy</small></td>"
        f"<td><b>{heads[1]}</b><br><small>best by health</small></td></tr>"
    )
    return f'<table class="facts-table compared">{head}{body}</table>'


def _cell(row: Compared, side: int) -> str:
    is_better = row.better == ("left", "right")[side]
    if row.healths is not None:
        return f"<td>{health_bars.chip(row.healths[side], strong=is_better)}</td>"
    text = html.escape((row.left, row.right)[side])
    return f"<td><b>{text}</b></td>" if is_better else f"<td>{text}</td>"
