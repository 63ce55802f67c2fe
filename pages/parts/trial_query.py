"""What the address says about the gallery: which trials, in which order, which page; read and written in one place.

`study`, `trial`, `page`, `sort`, `state`, `view`, `diagnosis`, `min_score`, `max_score`, `compare=1,4,7`; for a
parameter that is a number `min.NAME` and `max.NAME`, for a category `is.NAME`, once for each choice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from pages.parts import trial_choice
from storage.trial_filters import SORTS, STATES, Span, TrialFilter

ALL = "all"
CARDS, TABLE = "cards", "table"
VIEWS = (CARDS, TABLE)
COMPARE = "compare"
MIN_SCORE, MAX_SCORE, DIAGNOSIS = "min_score", "max_score", "diagnosis"
MIN, MAX, IS = "min.", "max.", "is."

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Choice:
    """What the address asks the gallery to show."""

    page: int = 1
    sort: str = "number"
    view: str = CARDS
    wanted: TrialFilter = field(default_factory=TrialFilter)

    @property
    def state(self) -> str:
        return self.wanted.states[0] if self.wanted.states else ALL


def current() -> dict[str, list[str]]:
    """The query of the address."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def read(query: Query) -> tuple[Choice, list[str]]:
    """The choice that a query describes, and a sentence for each part of it that cannot be used."""
    complaints: list[str] = []
    sort, state, page = (_last(query, name, default) for name, default in
                         (("sort", "number"), ("state", ALL), ("page", "1")))  # fmt: skip
    view = _last(query, "view", CARDS)
    if sort.removeprefix("-") not in SORTS:
        complaints.append(f"“{sort}” is no order; known are {', '.join(SORTS)}, with - in front for descending.")
        sort = "number"
    if state != ALL and state not in STATES:
        complaints.append(f"“{state}” is no state of a trial; known are {', '.join(STATES)}.")
        state = ALL
    if trial_choice.number_of(page) in (None, 0):
        complaints.append(f"“{page}” is no page; pages count from 1.")
        page = "1"
    wanted = TrialFilter(
        states=() if state == ALL else (state,),
        score=_span(query, MIN_SCORE, MAX_SCORE, complaints),
        ranges=_ranges(query, complaints),
        choices={name.removeprefix(IS): tuple(texts) for name, texts in query.items() if name.startswith(IS) and texts},
        diagnosis=_last(query, DIAGNOSIS, ""),
    )
    return Choice(int(page), sort, view if view in VIEWS else CARDS, wanted), complaints


def is_filtered(wanted: TrialFilter) -> bool:
    """Whether some trials may be left out."""
    return wanted != TrialFilter()


def filter_names(query: Query) -> list[str]:
    """The parts of a query that leave trials out."""
    named = ("state", MIN_SCORE, MAX_SCORE, DIAGNOSIS)
    return [name for name in query if name in named or name.startswith((MIN, MAX, IS))]


def set_values(name: str, values: Sequence[str]) -> None:
    """Write one part of the address, or remove it where there is no value. The gallery begins on its first page."""
    _write((name,), {name: list(values)} if values else {})


def remove(names: Sequence[str]) -> None:
    """Remove parts of the address."""
    _write(names, {})


def _write(away: Sequence[str], new: Mapping[str, list[str]]) -> None:
    """At once: each change of the address is a step of the browser's Back."""
    kept = {key: values for key, values in current().items() if key not in (*away, "page")}
    st.query_params.from_dict({**kept, **new})


def set_compared(numbers: Sequence[int]) -> None:
    """Write which trials are compared; the page of the gallery stays for the way back."""
    st.query_params[COMPARE] = ",".join(str(number) for number in numbers)
    st.query_params.pop(trial_choice.PARAMETER, None)


def compared(text: str) -> tuple[list[int], list[str]]:
    """Numbers in `compare=1,4,7`, each once, and what in it is no number."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    numbers = [trial_choice.number_of(part) for part in parts]
    odd = [part for part, number in zip(parts, numbers, strict=True) if number is None]
    return list(dict.fromkeys(number for number in numbers if number is not None)), odd


def number_text(number: float) -> str:
    """A number as it stands in the address, without loss."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))


def _last(query: Query, name: str, default: str) -> str:
    values = query.get(name) or (default,)
    return values[-1]


def _ranges(query: Query, complaints: list[str]) -> dict[str, Span]:
    named = [name[len(MIN) :] for name in query if name.startswith((MIN, MAX))]
    spans = {name: _span(query, MIN + name, MAX + name, complaints) for name in dict.fromkeys(named)}
    return {name: span for name, span in spans.items() if span is not None}


def _span(query: Query, low: str, high: str, complaints: list[str]) -> Span | None:
    """The span that two parts of the query describe; None where neither is a number."""
    ends = [_number(query, name, complaints) for name in (low, high)]
    return None if ends == [None, None] else Span(*ends)


def _number(query: Query, name: str, complaints: list[str]) -> float | None:
    if name not in query:
        return None
    text = _last(query, name, "")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        complaints.append(f"“{text}” is no number: {name} is left out.")
        return None
    return number
