"""How cards and tables are read: said in a line that unfolds, where a visitor meets them first."""

from __future__ import annotations

import html

import streamlit as st

MADE_OF = (
    "“Conv 16-32 (5×5), dense 64, adam 0.001, batch 32” is a network of two convolutions with 16 and 32 filters of "
    "5 × 5 pixels (3 × 3 where nothing is said) and a layer of 64 units, trained by the optimizer adam with a learning "
    "rate of 0.001 on 32 samples at a time."
)
STRIPES = "Stripes are its layers from the input to the output, in the colours that Architecture names."
RESULT = "The line shows the result epoch by epoch. Health says how soundly it learns: 1 is healthy, 0 is sick."
CURVES = (
    "The small pictures: the loss, which should fall, thick from epoch to epoch and thin within each; the size of the "
    "gradient in each layer from the input to the output, which should not vanish (half as high is a thousandth); and "
    "how the weights of each layer are spread around zero."
)
CORES = (
    "Processor counts cores: 1.5 of 2 cores means that one is busy all the time and the other half of it. “Machine” is "
    "everything that runs on it, “training” the part of the trials alone. Near all cores, more trials at the same time "
    "only slow each other down."
)
MEMORY = (
    "Memory is what is held now. Where that of the machine comes near its limit, run fewer trials at the same time: a "
    "training that asks for more than there is fails. Data is what the whole machine receives and sends."
)
GPUS = "A GPU tells how much of the time it computes, and its memory; far below 100 %, it waits for the next batch."


def of_cards() -> None:
    """For the gallery."""
    fold("How to read a card", MADE_OF, STRIPES, RESULT)


def of_running() -> None:
    """For the trials that train."""
    fold("How to read a card", MADE_OF, STRIPES, CURVES)


def of_resources(*, gpu: bool) -> None:
    """For what a run takes of the machine."""
    fold("How to read these figures", CORES, MEMORY, *[GPUS] * gpu)


def fold(title: str, *texts: str) -> None:
    """Texts that unfold below their title."""
    told = "".join(f"<p>{html.escape(text)}</p>" for text in texts)
    st.html(f'<details class="reading"><summary>{html.escape(title)}</summary>{told}</details>')
