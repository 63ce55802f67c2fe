"""What is wrong with a network, as cards and as a short list."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from hpo_core.health.diagnoses import Diagnosis, Severity, diagnose
from hpo_core.history import TrialHistory
from pages.parts import formats, palette, state, words
from storage.studies import TrialRow

CARD_WIDTH = 300
SEVERITIES = tuple(severity.value for severity in Severity)
NOTHING_WRONG = (
    "None of the diagnoses applies to this network, as far as it was measured. Single values may still lie outside "
    "what is called healthy."
)
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


def grouped(diagnoses: Sequence[Diagnosis]) -> list[list[Diagnosis]]:
    """The worst first; what was found in several layers at once, with the same advice, stands together."""
    groups: dict[tuple[str, str, int, str], list[Diagnosis]] = {}
    for item in by_severity(diagnoses):
        groups.setdefault((item.severity.value, item.code, item.epoch, item.advice), []).append(item)
    return list(groups.values())


def counted(groups: Sequence[Sequence[Diagnosis]]) -> str:
    """How many there are of each severity, for example '1 fatal, 2 warnings'."""
    numbers = Counter(group[0].severity.value for group in groups)
    words = {"fatal": "fatal", "warning": "warnings", "note": "notes"}
    parts = []
    for severity in SEVERITIES:
        if number := numbers[severity]:
            parts.append(f"{number} {severity if number == 1 else words[severity]}")
    return ", ".join(parts)


def draw(trial: TrialRow, history: TrialHistory | None) -> None:
    """Draw a card for each diagnosis of a trial."""
    groups = _found(trial, history)
    if not groups:
        return
    st.html(f'<div class="quiet">{counted(groups)}{", the worst first" if len(groups) > 1 else ""}.</div>')
    grid = st.grid("auto", min_column_width=CARD_WIDTH, key="diagnoses")
    for place, group in enumerate(groups):
        with grid.cell(), st.container(border=True, height="stretch", key=f"diagnosis_{place}"):
            st.html(card(group))


def draw_short(trial: TrialRow, history: TrialHistory | None) -> None:
    """One line per diagnosis, with the advice."""
    rows = "".join(f"<li>{_line(group)}</li>" for group in _found(trial, history))
    if rows:
        st.html(f'<ul class="diagnosis-list">{rows}</ul>')


def card(group: Sequence[Diagnosis]) -> str:
    """One diagnosis as HTML, with its evidence in each of its layers."""
    first = group[0]
    evidence = "".join(
        f'<div class="card-text">{html.escape(_evidence(item, named=len(group) > 1))}</div>' for item in group
    )
    return (
        f'<div class="diagnosis" style="border-color:{palette.SEVERITIES.get(first.severity, palette.WAITING)}">'
        f'<div class="card-head"><b>{html.escape(in_words(first.code))}</b>{_badge(first)}</div>'
        f'<div class="card-small">{html.escape(where(group))}</div>'
        f'{evidence}<div class="card-text advice">{html.escape(words.advice(first.advice))}</div></div>'
    )


def where(group: Sequence[Diagnosis]) -> str:
    """Layers and epoch of a diagnosis."""
    epoch = f"epoch {group[0].epoch}" if group[0].epoch else "before the first epoch"
    return ", ".join([*(item.layer for item in group if item.layer), epoch])


def _found(trial: TrialRow, history: TrialHistory | None) -> list[list[Diagnosis]]:
    """What is wrong; where that is nothing or not known in full, a sentence is drawn."""
    if history is None or not history.epochs:
        _draw_codes(trial)
        return []
    found = grouped(diagnose(history))
    if not found:
        st.html(f'<div class="quiet">{NOTHING_WRONG}</div>')
    return found


def _line(group: Sequence[Diagnosis]) -> str:
    name, place = html.escape(in_words(group[0].code)), html.escape(where(group))
    advice = html.escape(words.advice(group[0].advice))
    return f'{_badge(group[0])} <b>{name}</b> <span class="quiet">{place}</span><br>{advice}'


def _evidence(item: Diagnosis, *, named: bool) -> str:
    return f"{item.layer}: {item.evidence}." if named and item.layer else formats.sentence(item.evidence)


def _badge(item: Diagnosis) -> str:
    colour = palette.SEVERITIES.get(item.severity, palette.WAITING)
    return f'<span title="{MEANING.get(item.severity, "")}">{state.badge(item.severity, colour)}</span>'


def _draw_codes(trial: TrialRow) -> None:
    """What was recorded as codes only."""
    codes = codes_of(trial)
    if codes:
        names = ", ".join(in_words(code).lower() for code in codes)
        said = f"Recorded: {html.escape(names)}. Layer, evidence and advice were not kept."
    elif "diagnoses" in trial.attributes:
        said = NOTHING_WRONG
    else:
        said = "No diagnosis was made of this trial."
    st.html(f'<div class="quiet">{said}</div>')
