"""What is wrong with a network, as cards and as a short list."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from hpo_core.health.diagnoses import Diagnosis, Severity, diagnose
from hpo_core.history import TrialHistory
from pages.parts import formats, palette, state
from storage.studies import TrialRow

CARD_WIDTH = 300
SEVERITIES = tuple(severity.value for severity in Severity)
MEANING = {
    "fatal": "the network cannot recover from this",
    "warning": "this costs accuracy or health",
    "note": "worth knowing",
}


def in_words(code: str) -> str:
    """A code as people say it, for example 'Dead units'."""
    return formats.label(code.lower())


def codes_of(trial: TrialRow) -> list[str]:
    """Codes that were recorded with a trial, each once."""
    recorded = trial.attributes.get("diagnoses")
    codes = recorded.split(",") if isinstance(recorded, str) else []
    return list(dict.fromkeys(code.strip() for code in codes if code.strip()))


def by_severity(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The worst first, within one severity the earliest."""
    order = {severity: place for place, severity in enumerate(SEVERITIES)}
    return sorted(diagnoses, key=lambda item: (order.get(item.severity, len(order)), item.epoch, item.layer or ""))


def counted(diagnoses: Sequence[Diagnosis]) -> str:
    """How many there are of each severity, for example '1 fatal, 2 warnings'."""
    numbers = Counter(item.severity.value for item in diagnoses)
    words = {"fatal": "fatal", "warning": "warnings", "note": "notes"}
    parts = []
    for severity in SEVERITIES:
        if number := numbers[severity]:
            parts.append(f"{number} {severity if number == 1 else words[severity]}")
    return ", ".join(parts)


def draw(trial: TrialRow, history: TrialHistory | None) -> None:
    """Draw a card for each diagnosis of a trial."""
    if history is None or not history.epochs:
        _draw_codes(codes_of(trial))
        return
    found = by_severity(diagnose(history))
    if not found:
        st.html('<div class="quiet">Nothing is wrong with this network, as far as it was measured.</div>')
        return
    st.html(f'<div class="quiet">{counted(found)}, the worst first.</div>')
    grid = st.grid("auto", min_column_width=CARD_WIDTH, key="diagnoses")
    for place, item in enumerate(found):
        with grid.cell(), st.container(border=True, height="stretch", key=f"diagnosis_{place}"):
            st.html(card(item))


def draw_short(trial: TrialRow, history: TrialHistory | None) -> None:
    """One line per diagnosis, with the advice."""
    if history is None or not history.epochs:
        _draw_codes(codes_of(trial))
        return
    found = by_severity(diagnose(history))
    rows = "".join(
        f"<li>{_badge(item)} <b>{html.escape(in_words(item.code))}</b> "
        f'<span class="quiet">{html.escape(where(item))}</span><br>{html.escape(formats.sentence(item.advice))}</li>'
        for item in found
    )
    nothing = '<div class="quiet">Nothing is wrong with this network, as far as it was measured.</div>'
    st.html(f'<ul class="diagnosis-list">{rows}</ul>' if rows else nothing)


def card(item: Diagnosis) -> str:
    """One diagnosis as HTML."""
    return (
        f'<div class="diagnosis" style="border-color:{palette.SEVERITIES.get(item.severity, palette.WAITING)}">'
        f'<div class="card-head"><b>{html.escape(in_words(item.code))}</b>{_badge(item)}</div>'
        f'<div class="card-small">{html.escape(where(item))}</div>'
        f'<div class="card-text">{html.escape(formats.sentence(item.evidence))}</div>'
        f'<div class="card-text advice">{html.escape(formats.sentence(item.advice))}</div></div>'
    )


def where(item: Diagnosis) -> str:
    """Layer and epoch of a diagnosis."""
    epoch = f"epoch {item.epoch}" if item.epoch else "before the first epoch"
    return f"{item.layer}, {epoch}" if item.layer else epoch


def _badge(item: Diagnosis) -> str:
    colour = palette.SEVERITIES.get(item.severity, palette.WAITING)
    return f'<span title="{MEANING.get(item.severity, "")}">{state.badge(item.severity, colour)}</span>'


def _draw_codes(codes: Sequence[str]) -> None:
    """What was recorded as codes only."""
    if not codes:
        st.html('<div class="quiet">Nothing was diagnosed.</div>')
        return
    names = ", ".join(in_words(code).lower() for code in codes)
    st.html(f'<div class="quiet">Recorded: {html.escape(names)}. Layer, evidence and advice were not kept.</div>')
