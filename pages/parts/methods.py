"""Sampler, pruner, seed, warm start and reruns: each choice with a sentence and a link."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from hpo_core.samplers import MAX_GRID, grid_size, has_gp
from hpo_core.search_methods import PRUNERS, SAMPLERS, Method
from hpo_core.search_space import SearchSpace
from hpo_core.warm_start import BEST, best_fitting
from pages.parts import formats, shared
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
        chosen = form.draft.fields["warm_start"]
        if chosen in names and checked.space is not None:
            st.html(f'<div class="card-small">{_warm_start(str(chosen), checked.space)}</div>')
        grid = st.grid(2, min_column_width=260, key="reruns")
        with grid.cell():
            form.choice("rerun_of", names, "no study")
        with grid.cell():
            form.field("seeds")


def _explain(methods: Mapping[str, Method], chosen: str) -> None:
    method = methods[chosen]
    st.html(f'<div class="card-text">{html.escape(method.explanation)} {formats.link(method.reference)}</div>')


def _warm_start(study: str, space: SearchSpace) -> str:
    """How many configurations of a study would be tried first, or why none would."""
    found = list(best_fitting(shared.studies(), study, space))
    fitting = sum(not problem for *_, problem in found)
    if fitting:
        return f"{formats.plural(min(fitting, BEST), 'configuration')} of it will be tried first."
    if not found:
        return "It has no complete trial yet: nothing of it can be tried."
    row, _, problem = found[0]
    return html.escape(f"None of it fits this search space. Trial {row.number}, its best, does not, because {problem}.")


def _limits(checked: Checked) -> str:
    """Which samplers cannot be used here, with the numbers."""
    told = []
    if checked.space is not None and (size := grid_size(checked.space)) > MAX_GRID:
        limit, there = formats.count(MAX_GRID), formats.count(round(size))
        told.append(f"Grid is refused above {limit} combinations; this space has {there}, taken in steps.")
    if not has_gp():
        told.append("Gaussian process needs PyTorch, which is not installed here.")
    return " ".join(told)
