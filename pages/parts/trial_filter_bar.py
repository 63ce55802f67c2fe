"""Choosing which trials the gallery shows, and in which order. What is chosen stands in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from hpo_core.analysis.targets import parameter_title
from pages.parts import diagnosis_cards, formats, shared, trial_choice, trial_query
from pages.parts.formats import BETWEEN
from pages.parts.trial_query import ALL, CARDS, DIAGNOSIS, IS, MAX, MAX_SCORE, MIN, MIN_SCORE, TABLE, VIEWS, Choice
from pages.parts.trial_words import group_word
from storage.searched import SearchedParameter, diagnosis_codes, searched_parameters
from storage.studies import StudySummary
from storage.trial_filters import ENDED, SORTS, STATES, Span, TrialFilter

SORT_NAMES = {name: name.capitalize() for name in SORTS} | {"number": "Trial number"}
VIEW_NAMES = {CARDS: "Cards", TABLE: "Table"}
ANY = "any"


@dataclass(frozen=True)
class Chip:
    """One condition in words, and the parts of the address that make it."""

    text: str
    names: tuple[str, ...]


def draw(study: str, summary: StudySummary, choice: Choice) -> None:
    """Draw what can be chosen."""
    st.session_state["filter_state"] = choice.state
    st.session_state["sort_by"] = choice.sort.removeprefix("-")
    st.session_state["descending"] = choice.sort.startswith("-")
    st.session_state["view"] = choice.view
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="filters"):
        with st.container(horizontal=True, vertical_alignment="bottom", key="filter_choices", width="content"):
            st.selectbox(
                "State", (ALL, *STATES), format_func=lambda state: _state(str(state), summary), key="filter_state",
                on_change=_write_state, width=170,
            )  # fmt: skip
            st.selectbox(
                "Sort by", SORTS, format_func=lambda name: SORT_NAMES[name], key="sort_by", on_change=_write_sort,
                width=170,
            )  # fmt: skip
            st.toggle("Largest first", key="descending", on_change=_write_sort)
            _more(study, summary, choice.wanted)
            _to_best(summary)
        st.segmented_control(
            "View", VIEWS, format_func=lambda name: VIEW_NAMES[name], key="view", on_change=_write_view,
            label_visibility="collapsed", required=True,
        )  # fmt: skip


def _to_best(summary: StudySummary) -> None:
    """The way to the best trial, which in the order of their numbers may stand on any page."""
    if summary.best_trial is None or summary.n_objectives > 1:
        return
    st.button(
        f"Best: Trial {summary.best_trial}", key="to_best", type="tertiary", icon=":material/star:",
        help="Everything about the best trial.", on_click=trial_choice.show, args=(summary.best_trial,),
    )  # fmt: skip


def chips(wanted: TrialFilter) -> list[Chip]:
    """The conditions of a filter in words."""
    found = []
    if wanted.states:
        found.append(Chip(f"State: {' or '.join(group_word(state) for state in wanted.states)}", ("state",)))
    if wanted.score is not None:
        found.append(Chip(f"Score {span_words(wanted.score)}", (MIN_SCORE, MAX_SCORE)))
    for name, span in wanted.ranges.items():
        found.append(Chip(f"{parameter_title(name)} {span_words(span)}", (MIN + name, MAX + name)))
    for name, texts in wanted.choices.items():
        found.append(Chip(f"{parameter_title(name)}: {' or '.join(texts)}", (IS + name,)))
    if wanted.diagnosis:
        found.append(Chip(f"Diagnosis: {diagnosis_cards.in_words(wanted.diagnosis).lower()}", (DIAGNOSIS,)))
    return found


def span_words(span: Span) -> str:
    """For example 'from 0.5 to 0.9', 'at least 0.5'."""
    low, high = (None if end is None else formats.value(end) for end in (span.low, span.high))
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}" if high is not None else "known"


def draw_chips(wanted: TrialFilter) -> None:
    """Draw what is filtered, each condition with a button that removes it."""
    found = chips(wanted)
    if not found:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="chips"):
        for place, chip in enumerate(found):
            st.button(
                formats.as_markdown(chip.text), key=f"chip_{place}", icon=":material/close:", help="Remove this filter",
                on_click=trial_query.remove, args=(chip.names,),
            )  # fmt: skip
        if len(found) > 1:
            reset_button("reset_filters")


def reset_button(key: str) -> None:
    """Draw the button that removes all filters."""
    st.button("Reset filters", key=key, icon=":material/filter_alt_off:", on_click=_reset)


def _state(state: str, summary: StudySummary) -> str:
    number = summary.n_trials if state == ALL else summary.n(state)
    return f"{group_word(state).capitalize()}{BETWEEN}{formats.count(number)}"


def _more(study: str, summary: StudySummary, wanted: TrialFilter) -> None:
    """Score, diagnosis and parameters; read and drawn only while they are looked at."""
    popover = st.popover("Filters", icon=":material/filter_alt:", key="more_filters", on_change="rerun")
    if not popover.open:
        return
    with popover:
        _span_fields("Score", MIN_SCORE, MAX_SCORE, wanted.score, None)
        ended = summary.n(*ENDED)
        codes = _codes(study, ended)
        if codes or wanted.diagnosis:
            _diagnosis(list(dict.fromkeys([*codes, *filter(None, [wanted.diagnosis])])), wanted.diagnosis)
        _parameter(_searched(study, tuple(sorted(summary.n_by_state.items()))), wanted)


def _diagnosis(codes: Sequence[str], chosen: str) -> None:
    st.session_state["filter_diagnosis"] = chosen or ANY
    st.selectbox(
        "Diagnosis", (ANY, *codes), key="filter_diagnosis", on_change=_write_diagnosis,
        format_func=lambda code: "Any or none" if code == ANY else diagnosis_cards.in_words(code),
    )  # fmt: skip


def _parameter(searched: Mapping[str, SearchedParameter], wanted: TrialFilter) -> None:
    """One parameter at a time; what was chosen for others stays."""
    if not searched:
        st.html('<div class="quiet">No parameter was searched in this study.</div>')
        return
    name = st.selectbox(
        "Parameter", tuple(searched), index=None, format_func=parameter_title, key="filter_parameter",
        placeholder="Choose one to filter by",
        help="Those that were searched; each of the others is the same in all trials.",
    )  # fmt: skip
    if name is None or name not in searched:
        return
    known = searched[name]
    if known.choices:
        key = f"filter_is_{name}"
        st.session_state[key] = [text for text in wanted.choices.get(name, ()) if text in known.choices]
        st.pills(
            f"{parameter_title(name)} is one of", known.choices, selection_mode="multi", key=key,
            on_change=_write_values, args=(IS + name, key), format_func=formats.as_markdown,
        )  # fmt: skip
    else:
        _span_fields(parameter_title(name), MIN + name, MAX + name, wanted.ranges.get(name), known)


def _span_fields(label: str, low: str, high: str, span: Span | None, known: SearchedParameter | None) -> None:
    """Two number fields, each of which may stay empty."""
    ends = (("at least", low, span.low if span else None, known.low if known else None),
            ("at most", high, span.high if span else None, known.high if known else None))  # fmt: skip
    with st.container(horizontal=True, gap="small", key=f"span_{low}"):
        for word, name, value, tried in ends:
            key = f"filter_{name}"
            st.session_state[key] = value
            st.number_input(
                formats.as_markdown(f"{label} {word}"), value=None, format="%g", step=_step(known), key=key, width=180,
                on_change=_write_number, args=(name, key),
                placeholder="any" if tried is None else f"tried: {formats.value(tried)}",
            )  # fmt: skip


def _step(known: SearchedParameter | None) -> float:
    """What the buttons of a number field add: a tenth of what was tried, or one."""
    if known is None:
        return 0.01
    return 1.0 if known.whole else float(f"{(known.high - known.low) / 10:.1g}") or 0.01


def _write_state() -> None:
    chosen = str(st.session_state["filter_state"])
    # A browser knows an option by its text, perhaps by that from before one more trial was over.
    by_word = {group_word(state).capitalize(): state for state in (ALL, *STATES)}
    state = by_word.get(chosen.partition(BETWEEN)[0], chosen)
    trial_query.set_values("state", [] if state == ALL else [state])


def _write_sort() -> None:
    trial_query.set_values("sort", [("-" if st.session_state["descending"] else "") + st.session_state["sort_by"]])


def _write_view() -> None:
    trial_query.set_values("view", [] if st.session_state["view"] == CARDS else [st.session_state["view"]])


def _write_diagnosis() -> None:
    code = st.session_state["filter_diagnosis"]
    trial_query.set_values(DIAGNOSIS, [] if code == ANY else [code])


def _write_number(name: str, key: str) -> None:
    value = st.session_state[key]
    trial_query.set_values(name, [] if value is None else [trial_query.number_text(value)])


def _write_values(name: str, key: str) -> None:
    trial_query.set_values(name, list(st.session_state[key]))


def _reset() -> None:
    trial_query.remove(trial_query.filter_names(trial_query.current()))


@st.cache_data(show_spinner=False, max_entries=8)
def _searched(study: str, known: tuple[tuple[str, int], ...]) -> dict[str, SearchedParameter]:
    """By name; read again when a trial begins or ends: one that waits has no parameters yet."""
    return {parameter.name: parameter for parameter in searched_parameters(shared.database(), study)}


@st.cache_data(show_spinner=False, max_entries=8)
def _codes(study: str, ended: int) -> list[str]:
    """Diagnoses that were made; read again when one trial more is over."""
    return diagnosis_codes(shared.database(), study)
