"""What a final model says about a sample: what it was given, and a bar for each class."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from hpo_core.formats import shortened
from hpo_core.model_card import ModelCard
from hpo_core.records import Answer
from pages.parts import charts, formats, palette

MOST_CLASSES = 10
BAR_HEIGHT, AXIS_HEIGHT = 30, 56
LONGEST_NAME = 24
# From here on two decimals would say 100 %.
ALMOST_ONE = 0.99995
# The axis goes on behind 100 %, where the figure beside a full bar stands.
ROOM_FOR_FIGURES = 180


@dataclass(frozen=True)
class Guess:
    """One class of an answer.

    Attributes:
        name: of the class.
        probability: 0 to 1.
        is_right: whether the sample is of this class, as far as that is known.
    """

    name: str
    probability: float
    is_right: bool


def guesses(answer: Answer, names: Sequence[str]) -> list[Guess]:
    """The most probable classes, the most probable first; the right one is always among them."""
    order = sorted(range(len(answer.probabilities)), key=lambda place: -answer.probabilities[place])
    shown = order[:MOST_CLASSES]
    if answer.label is not None and answer.label not in shown:
        shown = [*shown[:-1], answer.label]
    return [
        Guess(names[place] if place < len(names) else str(place), answer.probabilities[place], place == answer.label)
        for place in shown
    ]


def verdict(answer: Answer, names: Sequence[str]) -> str:
    """The answer in a sentence, for example 'It says “nine” with 98.36 %, which is right.'"""
    listed = guesses(answer, names)
    first, right = listed[0], next((guess for guess in listed if guess.is_right), None)
    said = f"It says “{first.name}” with {likely(first.probability)}"
    if right is None:
        return f"{said}."
    return f"{said}, which is right." if first.is_right else f"{said}, which is wrong: it is “{right.name}”."


def likely(probability: float) -> str:
    """A probability of a model, which is never quite sure, for example '98.36 %', '> 99.99 %'."""
    if probability >= ALMOST_ONE:
        return "> 99.99 %"
    return formats.percent(probability) if probability >= 1 - ALMOST_ONE else "< 0.01 %"


def draw_guesses(listed: Sequence[Guess]) -> go.Figure:
    """A bar for each class, the most probable at the top; the right class in the colour of what is complete."""
    figure = charts.blank("", "", height=AXIS_HEIGHT + BAR_HEIGHT * len(listed))
    # Bars stand at numbers: names that were cut may be equal.
    places = list(range(len(listed)))
    figure.add_bar(
        x=[guess.probability * 100 for guess in listed], y=places, orientation="h", cliponaxis=False,
        text=[likely(guess.probability) for guess in listed], textposition="outside",
        marker={"color": [palette.COMPLETE if guess.is_right else palette.RUNNING for guess in listed]},
        customdata=[guess.name for guess in listed], hovertemplate="%{customdata}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False)
    marks = [0, 25, 50, 75, 100]
    figure.update_xaxes(range=[0, ROOM_FOR_FIGURES], tickvals=marks, ticktext=[f"{mark} %" for mark in marks])
    names = [_short(guess) for guess in listed]
    figure.update_yaxes(tickmode="array", tickvals=places, ticktext=names, autorange="reversed", showgrid=False)
    return figure


def draw(answer: Answer, card: ModelCard) -> None:
    """Draw the answer of a model."""
    names = card.info.class_names
    said = verdict(answer, names)
    st.html(f'<div class="summary" role="status">{html.escape(said)}</div>')
    if answer.picture and answer.label is None:  # a sample of the test part is in sight already
        height, width, _ = card.info.shape or (0, 0, 0)
        alt = f"What the model sees: {width} by {height} pixels"
        st.html(
            f'<div class="try-seen"><img src="data:image/png;base64,{answer.picture}" alt="{alt}">'
            f'<span class="quiet">{seen(answer, width, height)}</span></div>'
        )
    elif answer.words:
        st.html(f'<div class="try-words">{words_seen(answer.words)}</div>')
    st.plotly_chart(draw_guesses(guesses(answer, names)), key="try_answer", config={"displayModeBar": False}, alt=said)
    if len(answer.probabilities) > MOST_CLASSES:
        st.html(f'<div class="quiet">The {MOST_CLASSES} most probable of {len(answer.probabilities)} classes.</div>')


def seen(answer: Answer, width: int, height: int) -> str:
    """What of a picture reaches the model, and whether it is still as light as it was."""
    swapped = (
        " Light and dark were swapped: the edge of your picture is light, and the samples of the data set are light on "
        "black. Where that is wrong, “Swap light and dark” undoes it."
    )
    return f"What the model sees: {width} × {height} pixels.{swapped if answer.swapped else ''}"


def words_seen(words: Sequence[str]) -> str:
    """The words that reach the model as HTML; in the place of those that it does not know it says so."""
    unknown = sum(not word for word in words)
    text = " ".join(html.escape(word) if word else "<i>[unknown]</i>" for word in words)
    counted = (
        f"{formats.plural(len(words), 'word')} reach the model" if len(words) != 1 else "One word reaches the model"
    )
    return f'<span class="quiet">{counted}, {unknown or "none"} of them unknown to it:</span> {text}'


def _short(guess: Guess) -> str:
    name = shortened(guess.name, LONGEST_NAME)
    return f"{name} ✓" if guess.is_right else name
