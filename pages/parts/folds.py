"""The folded parts of the form. What is in one is drawn when it is opened, so that the page comes quickly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from hpo_core.parameters import PARAMETERS
from pages.parts import methods, palette, sharing, single, space_editor, where, words
from pages.parts.checked import Checked
from pages.parts.form import Form

LIMITS = ("timeout_minutes", "max_training_time_minutes", "max_parameters", "validation_split", "test_split")
SCORE = ("objective", "health_weight", "health_interval", "bias_change_limit", "health_pruning")
FINAL = ("plots", "final_model")
SAVING = ("run_name",)


@dataclass(frozen=True)
class Fold:
    """One folded part: its title with a few words on what is in it, its fields, and what draws it."""

    key: str
    title: str
    hint: str
    fields: tuple[str, ...]
    draw: Callable[[Form, Checked], None]


def _grid(names: tuple[str, ...], form: Form, key: str, idle: Mapping[str, str] | None = None) -> None:
    """Fields side by side; of those without an effect, `idle` says why."""
    grid = st.grid(2, min_column_width=200, key=key)
    for name in names:
        with grid.cell():
            form.field(name, idle=(idle or {}).get(name, ""))


def _limits(form: Form, _checked: Checked) -> None:
    _grid(LIMITS, form, "limits")


def _score(form: Form, _checked: Checked) -> None:
    st.html(f'<div class="quiet">{words.formula(form.draft.fields)}</div>')
    with_health = form.draft.fields["mode"] == "health"
    why = f"Counts where a run looks for “{words.choice('health').lower()}”."
    _grid(SCORE, form, "score_fields", {} if with_health else {"health_weight": why})


def _final(form: Form, _checked: Checked) -> None:
    _grid(FINAL, form, "final_fields")


FOLDS = (
    Fold("limits", "Budget", "limits of time and size, parts of the data", LIMITS, _limits),
    Fold("space", "Search space", "what a network may look like, and how it may be trained",
         ("space", *PARAMETERS), space_editor.draw),
    Fold("methods", "Sampler and pruner", "who chooses the next trial, who ends a bad one",
         methods.FIELDS, methods.draw),
    Fold("score", "Score and health", "what makes a trial better", SCORE, _score),
    Fold("final", "Final model and pictures", "what is made of the best trial", FINAL, _final),
    Fold("where", "Where it runs", "this machine or RunPod, threads and GPUs", where.FIELDS, where.draw),
    Fold("single", "Train one configuration", "a single trial, without a search", (), single.draw),
    Fold("sharing", sharing.TITLE, "name of the run, its configuration as a file", SAVING, sharing.draw),
)  # fmt: skip


def draw(form: Form, checked: Checked) -> None:
    """Draw all of them; one with a mistake or a change in it says so, also while it is closed."""
    st.html(_marks(form))
    for fold in FOLDS:
        # The title must not change: for Streamlit, one with another title is another one, and shut.
        box = st.expander(f"**{fold.title}** :gray[{fold.hint}]", key=f"fold_{fold.key}", on_change="rerun")
        with box:
            if box.open:
                fold.draw(form, checked)


def _marks(form: Form) -> str:
    """What is said behind the titles, as a style sheet."""
    rules = []
    for fold in FOLDS:
        n_changed = len(form.changed & set(fold.fields))
        wrong = form.problem is not None and form.problem.field in fold.fields
        said = "needs mending" if wrong else f"{n_changed} changed"
        if wrong or n_changed:
            colour = palette.FAILED if wrong else "var(--accent)"
            rules.append(f'.st-key-fold_{fold.key} summary::after {{ color: {colour}; content: "{said}"; }}')
    return f"<style>{' '.join(rules)}</style>"
