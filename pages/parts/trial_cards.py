"""The trials of one page as cards of equal height."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import streamlit as st

from hpo_core.analysis.targets import parameter_title
from hpo_core.parameters import PARAMETERS
from pages.parts import (
    formats,
    health_bars,
    networks,
    palette,
    shared,
    state,
    trial_choice,
    trial_comparison,
    trial_curve,
    trial_glyph,
    words,
)
from pages.parts.trial_words import score_text, state_colour, state_of
from storage.studies import StudySummary, TrialRow
from storage.trial_filters import ENDED

CARD_WIDTH = 290
SHOWN_PARAMETERS = 4
BEST = "★"
NOT_OVER = {
    "running": "It is being trained: details come when it is over.",
    "waiting": "It waits for its turn: details come when it is over.",
}


def draw(study: str, rows: Sequence[TrialRow], summary: StudySummary) -> None:
    """Draw a card for each trial."""
    best = summary.best_trial if summary.n_objectives == 1 else None
    with_score = not words.is_accuracy_alone(shared.studies().attributes(study))
    scale = trial_curve.scale_of(rows)
    rows = [networks.with_network(study, row) for row in rows]
    grid = st.grid("auto", min_column_width=CARD_WIDTH, key="gallery")
    for row in rows:
        with grid.cell(), st.container(border=True, height="stretch", key=f"trial_card_{row.number}"):
            pictures = _glyph(study, row) + trial_curve.curve(row, scale)
            st.html(card(row, is_best=row.number == best, pictures=pictures, with_score=with_score))
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute",
                key=f"trial_buttons_{row.number}",
            ):  # fmt: skip
                details_button(row)
                trial_comparison.checkbox(study, row)


def details_button(row: TrialRow, *, named: bool = False) -> None:
    """Draw the button that opens the details; it cannot be pressed before the trial is over, and says so.

    Args:
        row: the trial.
        named: whether the button says whose details these are, where nothing around it does.
    """
    is_over = row.state in ENDED
    of = f" of Trial {row.number}" * named
    st.button(
        f"Details{of}" if is_over else f"Details{of} at its end", key=f"details_{row.number}",
        icon=":material/open_in_full:", disabled=not is_over, help=NOT_OVER.get(row.state),
        on_click=trial_choice.show, args=(row.number,),
    )  # fmt: skip


def _glyph(study: str, row: TrialRow) -> str:
    """A running trial records what it is made of at its end: until then its study tells."""
    return networks.glyph_of_running(study, row.number) if row.state == "running" else trial_glyph.glyph(row)


def card(row: TrialRow, *, is_best: bool, pictures: str, with_score: bool = True) -> str:
    """What a card says, as HTML.

    Args:
        row: the trial.
        is_best: whether it is the best of its study.
        pictures: of its network and of how it learnt.
        with_score: whether the score is something else than the accuracy.
    """
    badge = state.badge(state_of(row), state_colour(row), live=row.state == "running")
    crown = f'<span class="best-mark"><i style="color:{palette.BEST}">{BEST}</i> best</span>' if is_best else ""
    return (
        f'<div class="card-head"><span><b>Trial {row.number}</b>{crown}</span>{badge}</div>'
        f'<div class="facts">{_facts(row, with_score=with_score)}</div>'
        f'<div class="card-text trial-make">{_make(row)}</div>'
        f"{pictures}"
        f'<div class="card-small">{html.escape(_small(row))}</div>'
    )


def _facts(row: TrialRow, *, with_score: bool) -> str:
    """Score, accuracy and health; what a study of plain Optuna does not have is left out."""
    if row.state == "running" and row.curve and _is_ours(row):
        epoch = max(row.curve)  # told, for the card is not drawn again with each
        now = row.curve[epoch]
        name, text = ("score", formats.score(now)) if with_score else ("accuracy", formats.percent(now))
        return f"<span><small>{name} after epoch {epoch}</small>{text}</span>"
    name = "values" if len(row.values) > 1 else "score"
    shown = [f"<span><small>{name}</small>{score_text(row)}</span>"] if with_score else []
    if row.accuracy is not None or not with_score:
        shown.append(f"<span><small>accuracy</small>{formats.percent(row.accuracy)}</span>")
    health = row.attributes.get("health")
    if isinstance(health, int | float) and math.isfinite(health):
        shown.append(f"<span><small>health</small>{health_bars.chip(float(health))}</span>")
    return "".join(shown)


def _make(row: TrialRow) -> str:
    """The architecture in short; for a study made elsewhere its first parameters."""
    architecture = row.attributes.get("architecture")
    if isinstance(architecture, str) and architecture:
        return html.escape(architecture)
    if not row.params and row.state in NOT_OVER:
        return f'<span class="quiet">{NOT_OVER[row.state].partition(":")[0]}.</span>'
    if not row.params:
        return '<span class="quiet">No parameter was searched.</span>'
    first = list(row.params.items())[:SHOWN_PARAMETERS]
    shown = [f"{parameter_title(name)} {formats.value(words.suggested(value))}" for name, value in first]
    more = len(row.params) - SHOWN_PARAMETERS
    return html.escape(", ".join(shown)) + (f' <span class="quiet">and {more} more</span>' if more > 0 else "")


def _small(row: TrialRow) -> str:
    """What the trial took; of one that failed, why."""
    parts = [formats.duration(row.duration_s)] if row.duration_s is not None else []
    parameters = row.attributes.get("parameters")
    if isinstance(parameters, int):
        parts.append(f"{formats.count(parameters)} parameters")
    if row.curve:
        parts.append(formats.plural(len(row.curve), "epoch" if _is_ours(row) else "step"))
    reason = row.attributes.get("reason")
    return " · ".join(parts) + (f" · {reason}" if isinstance(reason, str) and reason and parts else str(reason or ""))


def _is_ours(row: TrialRow) -> bool:
    """Whether a run of ours made the trial; of one that trains only the hyperparameters tell."""
    if row.state == "running":
        return bool(row.params) and row.params.keys() <= PARAMETERS.keys()
    return "configuration" in row.attributes
