"""Fields of a run's configuration as widgets; label, explanation and limits come from the configuration itself."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from hpo_core.errors import UsageError
from hpo_core.optimization_config import EXPLANATIONS, OPTIONS
from hpo_core.parameters import FLAG, Choices, Range, describe
from hpo_core.shares import REMOTE_WORKERS
from pages.parts import draft, formats, words

# What stands in an empty field.
EMPTY: Mapping[str, str] = {
    "workers": "auto", draft.REMOTE_WORKERS: str(REMOTE_WORKERS), "threads": "auto", "gpus_per_worker": "auto",
    "health_interval": "auto", "timeout_minutes": "no limit", "max_cost": "no limit",
    "run_name": "made from data and time",
}  # fmt: skip
STEPS: Mapping[str, float] = {
    "sample_percentage": 5.0, "health_weight": 0.1, "validation_split": 0.05, "test_split": 0.05,
}  # fmt: skip


class Form:
    """The form while it is drawn once.

    Args:
        values: what it shows and changes.
        problem: what cannot be used in it, said at its field.
    """

    def __init__(self, values: draft.Draft, problem: UsageError | None) -> None:
        self.draft = values
        self.problem = problem
        self.changed = values.changed()

    def field(self, name: str, *, slot: str = "", words_side_by_side: bool = False, idle: str = "") -> None:
        """Draw the widget of a field, whichever suits its kind.

        Args:
            name: of the field.
            slot: the place in the draft and the widget's key, where it is not the field's name.
            words_side_by_side: a choice of a few words, all of them in sight.
            idle: why the field has no effect beside the others, and cannot be changed; '' where it has.
        """
        key = slot or name
        common = self._common(name, key) | {"disabled": bool(idle)}
        allowed = OPTIONS[name].allowed if name in OPTIONS else None
        if allowed == FLAG:
            st.toggle(**common)
        elif isinstance(allowed, Choices):
            options = [str(value) for value in allowed.values]
            if words_side_by_side:
                st.segmented_control(options=options, required=True, format_func=words.choice, **common)
            else:
                st.selectbox(options=options, format_func=words.choice, **common)
        elif isinstance(allowed, Range):
            _number(name, allowed, common)
        else:
            st.text_input(placeholder=EMPTY.get(key, ""), **common)
        if idle:
            st.html(f'<div class="card-small">{html.escape(idle)}</div>')
        self.say(name)

    def choice(self, name: str, values: Sequence[str], nothing: str) -> None:
        """Draw a field whose values are not declared but found, such as the studies of the database; or `nothing`."""
        now = self.draft.fields[name]
        known = [*values, *([str(now)] if now is not None and now not in values else [])]
        st.selectbox(options=known, index=None, placeholder=nothing, **self._common(name, name))
        self.say(name)

    def _common(self, name: str, key: str) -> dict[str, Any]:
        """What all kinds of widgets have. The draft decides what they show, also after an import or a preset."""
        st.session_state[key] = self.draft.fields[key]
        return {
            "label": self._label(name), "help": EXPLANATIONS[name], "key": key, "on_change": _store, "args": (key,),
        }  # fmt: skip

    def say(self, *names: str) -> None:
        """Say here what is wrong with one of these fields, if that is what is wrong."""
        if self.problem is not None and self.problem.field in names:
            st.html(f'<div class="field-problem" role="alert">{html.escape(words.refusal(self.problem))}</div>')

    def _label(self, name: str) -> str:
        return formats.label(name) + (" •" if name in self.changed else "")


def limits() -> str:
    """What each number field of the form says of a number that it does not take, as a style sheet."""
    return limits_style({
        key: describe(allowed, OPTIONS[name].kind)
        for name, key in [*((name, name) for name in OPTIONS), ("workers", draft.REMOTE_WORKERS)]
        if isinstance(allowed := OPTIONS[name].allowed, Range)
    })  # fmt: skip


def limits_style(allowed: Mapping[str, str]) -> str:
    """What fields say of a number that they do not take, for the rule in style.css; `allowed` is in words, by key.

    The browser keeps such a number to itself: no code of ours hears of it.
    """
    rules = (f'.st-key-{key} {{ --allowed: "{said}"; }}' for key, said in allowed.items())
    return f"<style>{' '.join(rules)}</style>"


def _number(name: str, allowed: Range, common: Mapping[str, Any]) -> None:
    """Also of whole numbers, of which the browser would cut a fraction off without a word."""
    key = str(common["key"])
    if (shown := st.session_state[key]) is not None:
        st.session_state[key] = float(shown)  # all limits of a field must be of one type
    st.number_input(
        min_value=float(allowed.low), max_value=float(allowed.high), step=float(STEPS.get(name, 1)), value=None,
        format="%g", placeholder=EMPTY.get(key), **common,
    )  # fmt: skip


def _store(key: str) -> None:
    """Take a widget's value into the draft; a number that has to be there stays as it was when its field is emptied."""
    value = st.session_state[key]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None and key in OPTIONS and not OPTIONS[key].optional:
        return
    draft.current().fields[key] = (value.strip() or None) if isinstance(value, str) and key == "run_name" else value
