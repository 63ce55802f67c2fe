"""Sampler, pruner, seed, warm start and reruns: each choice with a sentence and a link."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from hpo_core.samplers import MAX_GRID, grid_size, has_gp
from hpo_core.search_methods import PRUNERS, SAMPLERS, Method
from pages.parts import formats, shared, words
from pages.parts.checked import Checked
from pages.parts.form import Form

FIELDS = ("sampler", "pruner", "seed", "warm_start", "rerun_of", "seeds")


def draw(form: Form, checked: Checked) -> None:
    """Draw the fields, and what there is to choose from."""
    grid = st.grid(2, min_column_width=260, key="methods")
    with grid.cell():
        form.field("sampler")
        _explain(SAMPLERS, str(form.draft.fields["sampler"]))
        st.html(f'<div class="card-small">{html.escape(_limits(checked))}</div>')
    with grid.cell():
        form.field("pruner")
        _explain(PRUNERS, str(form.draft.fields["pruner"]))
        form.field("seed")
    with shared.database_errors(retry=False):
        names = shared.studies().names()
        form.choice("warm_start", names, "no study")
        grid = st.grid(2, min_column_width=260, key="reruns")
        with grid.cell():
            form.choice("rerun_of", names, "no study")
        with grid.cell():
            form.field("seeds")


def _explain(methods: Mapping[str, Method], chosen: str) -> None:
    method = methods[chosen]
    st.html(
        f'<div class="card-text">{html.escape(method.explanation)} '
        f'<a href="{method.url}" target="_blank" rel="noopener">'
        f"{html.escape(words.choice(chosen))} in Optuna’s documentation</a></div>"
    )


def _limits(checked: Checked) -> str:
    """Which samplers cannot be used here, with the numbers."""
    told = []
    if checked.space is not None and (size := grid_size(checked.space)) > MAX_GRID:
        limit, there = formats.count(MAX_GRID), formats.count(round(size))
        told.append(f"Grid is refused above {limit} combinations; this space has {there}.")
    if not has_gp():
        told.append("Gaussian process needs PyTorch, which is not installed here.")
    return " ".join(told)
