"""Fields of a run's configuration: label, explanation and limits come from the configuration itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from hpo_core.optimization_config import OPTIONS, RUN_NAME_EXPLANATION, OptimizationConfig
from hpo_core.parameters import Choices, Range
from hpo_core.shares import REMOTE_WORKERS
from pages.parts import formats, words

# What a first visitor starts with: good results on the embedded digits within a few minutes.
FIRST_RUN: Mapping[str, object] = {"dataset": "digits", "trials": 12, "max_epochs_per_trial": 12}

SHOWN = ("trials", "max_epochs_per_trial", "sample_percentage")
REMOTE = ("gpu", "max_cost")
FOLDED = (
    "sampler", "pruner", "seed", "timeout_minutes", "max_training_time_minutes", "max_parameters", "health_interval",
    "bias_change_limit", "threads", "gpus_per_worker", "plots",
)  # fmt: skip
SWITCHES = ("health_pruning", "scale_batch", "final_model")
# What stands in an empty field.
EMPTY = {
    "workers": "auto", "remote_workers": str(REMOTE_WORKERS), "threads": "auto", "gpus_per_worker": "auto",
    "health_interval": "auto", "timeout_minutes": "no limit", "max_cost": "no limit",
}  # fmt: skip
STEPS = {"sample_percentage": 5.0, "health_weight": 0.1}


def field(name: str, default: object, *, limit: int | None = None, key: str | None = None) -> Any:
    """Draw the widget of a field and return its value.

    Args:
        name: of the field.
        default: its value before anybody touched it.
        limit: a smaller upper bound than the declared one, such as this machine's cores.
        key: of the widget, where it is not the field's name.
    """
    option, key = OPTIONS[name], key or name
    help_text, label = option.explanation, formats.label(name)
    if isinstance(option.allowed, Choices):
        options = [str(value) for value in option.allowed.values]
        return st.selectbox(
            label, options, index=options.index(str(default)), format_func=words.choice, help=help_text, key=key,
            persist_state="session",
        )  # fmt: skip
    assert isinstance(option.allowed, Range)
    step = STEPS.get(name, 1)
    number: Any = float if option.kind is float else int  # all limits of a field must be of one type
    high = option.allowed.high if limit is None else min(limit, option.allowed.high)
    return st.number_input(
        label, min_value=number(option.allowed.low), max_value=number(high),
        value=None if default is None else number(default), step=number(step),
        format="%g" if number is float else None, help=help_text, key=key, placeholder=EMPTY.get(key),
        persist_state="session",
    )  # fmt: skip


def switch(name: str, default: object) -> bool:
    """Draw a field that is on or off."""
    return st.toggle(
        formats.label(name), value=bool(default), help=OPTIONS[name].explanation, key=name, persist_state="session"
    )


def segments(name: str, *, labelled: bool = True) -> str:
    """Draw a choice of a few words side by side; without its label where a heading says the same."""
    option = OPTIONS[name]
    assert isinstance(option.allowed, Choices)
    options = [str(value) for value in option.allowed.values]
    chosen = st.segmented_control(
        formats.label(name), options, default=options[0], required=True, format_func=words.choice,
        help=option.explanation if labelled else None, key=name, persist_state="session",
        label_visibility="visible" if labelled else "collapsed",
    )  # fmt: skip
    return str(chosen or options[0])


def run_name() -> str | None:
    """Draw the field of the run's name."""
    given = st.text_input(
        formats.label("run_name"), placeholder="made from data and time", help=RUN_NAME_EXPLANATION, key="run_name",
        persist_state="session",
    )  # fmt: skip
    return given.strip() or None


def defaults() -> dict[str, object]:
    """The declared default of every field, or the first run's where that is another one."""
    declared = {item.name: item.default for item in dataclasses.fields(OptimizationConfig) if item.name in OPTIONS}
    return declared | dict(FIRST_RUN)
