"""Overall health as a tile, and each metric as a bar with its number on it."""

from __future__ import annotations

import html

import streamlit as st

from hpo_core.health.metrics import METRICS, Metric
from hpo_core.history import TrialHistory
from pages.parts import formats, palette
from pages.parts.health_numbers import NOT_MEASURED, Values, why_absent

# Below this health the number does not fit into its bar and stands beside it.
NARROW = 0.22


def chip(value: float | None, *, strong: bool = False) -> str:
    """A health of 0 to 1 on its colour; 'not measured' where there is none."""
    if value is None:
        return f'<span class="quiet">{NOT_MEASURED}</span>'
    number = f"<b>{formats.score(value)}</b>" if strong else formats.score(value)
    return f'<span class="health-chip" style="{_colours(value)}">{number}</span>'


def tile(score: float | None) -> str:
    """The overall health as a large number on its colour."""
    if score is None:
        return '<div class="health-tile empty"><small>Health</small><span>not measured</span></div>'
    return (
        f'<div class="health-tile" style="{_colours(score)}"><small>Health</small><b>{formats.score(score)}</b></div>'
    )


def bar(title: str, value: float | None, *, note: str = "") -> str:
    """A horizontal bar as HTML; `note` stands in the place of a value that does not exist."""
    head = f'<div class="bar-title">{html.escape(title)}</div>'
    if value is None:
        return f'{head}<div class="bar empty">{NOT_MEASURED}{f": {html.escape(note)}" if note else ""}</div>'
    number, width = formats.score(value), min(1.0, max(0.0, value)) * 100
    inside, beside = (number, "") if value >= NARROW else ("", f"<span>{number}</span>")
    return (
        f'{head}<div class="bar" role="img" aria-label="{html.escape(title)}: {number} of 1">'
        f'<i style="width:{width:.1f}%;{_colours(value)}">{inside}</i>{beside}</div>'
    )


def draw(values: Values, history: TrialHistory | None) -> None:
    """Draw the six bars, each with what it means one click away."""
    for name, metric in METRICS.items():
        value = values.metrics.get(name)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"metric_{name}"):
            note = "" if value is not None else why_absent(name, history)
            st.html(bar(metric.title, value, note=note), width="stretch")
            with st.popover("Meaning", type="tertiary", key=f"explain_{name}", wrap=False):
                _explain(metric)


def _explain(metric: Metric) -> None:
    """Draw all that is said about a metric."""
    st.markdown(f"**{metric.title}**, {metric.weight * 100:.0f} % of the health score")
    st.markdown(metric.explanation)
    st.markdown("**How to read it**")
    st.markdown(metric.reading)
    st.markdown("**Formula**")
    st.code(metric.formula, language=None, wrap_lines=True)
    st.caption("Sources: " + "; ".join(source.markdown for source in metric.sources))


def _colours(value: float) -> str:
    ground = palette.health(value)
    return f"background:{ground};color:{palette.ink_on(ground)}"
