"""The pictures of a trial in a grid, each with what it shows and a download button."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from hpo_core.history import FILE_NAME
from pages.parts import formats, trial_files
from storage.artifacts import ArtifactFile
from storage.studies import TrialRow

CARD_WIDTH = 420
# By file name: title, and what to look for. The order is the order on the page.
PICTURES: Mapping[str, tuple[str, str]] = {
    "training_history.png": (
        "Training history",
        "Both losses should fall. Validation that rises while training falls is overfitting. A star marks the best "
        "epoch; the trial's result is that of its last one.",
    ),
    "confusion_matrix.png": (
        "Confusion matrix",
        "The diagonal is right; a coloured cell off it is a pair it mixes up, the darker the more often.",
    ),
    "gradient_flow.png": (
        "Gradient flow",
        "Layers within a few powers of ten of each other are healthy; where the line falls to a thousandth and less "
        "towards the input, early layers hardly learn. Late in a training little is left to learn: steps may end below "
        "the green band.",
    ),
    "weights_and_biases.png": (
        "Weights and biases",
        "Weights should widen a little and stay rounded; all of them at zero are a layer switched off. Biases begin at "
        "zero, and many stay near it.",
    ),
    "activation_maps.png": (
        "Activation maps", "Edges first, coarser shapes later. An empty map is a filter that does not fire."
    ),
    "unit_activity.png": ("Unit activity", "What recurrent units put out word by word; pale rows tell nothing."),
    "activation_progression.png": (
        "Activation progression", "How outputs change from epoch to epoch; maps that never change have not learnt."
    ),
    "training_animation.gif": ("Training animation", "The whole training in a few seconds."),
}  # fmt: skip


def shown(files: Mapping[str, ArtifactFile]) -> list[tuple[str, str, str]]:
    """(file name, title, explanation) of the pictures that exist, in the order of the page; unknown ones last."""
    known = [(name, title, text) for name, (title, text) in PICTURES.items() if name in files]
    others = sorted(name for name in files if name not in PICTURES and name.endswith((".png", ".gif")))
    return known + [(name, formats.label(name.rpartition(".")[0]), "") for name in others]


def draw(study: str, trial: TrialRow) -> None:
    """Draw what there is; a sentence where there is nothing."""
    files = trial_files.artifacts().of_trial(study, trial.number)
    pictures = shown(files)
    st.subheader("Pictures", anchor=False)
    if not pictures:
        st.html(f'<div class="quiet">{_why_none(trial)}</div>')
    else:
        # Both on telephones only, where a picture that is seen as a whole is small.
        with st.container(key="on_a_telephone"):
            st.html('<div class="quiet">Turn the telephone sideways to see them whole and large.</div>')
            large = st.toggle("Large, to be swiped sideways", key="swipe_pictures")
        with st.container(key="swiped_pictures" if large else "whole_pictures"):
            grid = st.grid("auto", min_column_width=CARD_WIDTH, key="pictures")
        for name, title, text in pictures:
            with grid.cell(), st.container(border=True, height="stretch", key=f"picture_{name.replace('.', '_')}"):
                _picture(study, trial, files[name], title, text)
    if FILE_NAME in files:
        _download(study, trial, files[FILE_NAME], "Data of all pictures as JSON")


def _picture(study: str, trial: TrialRow, file: ArtifactFile, title: str, text: str) -> None:
    data = _bytes(file.id, file)
    st.html(f'<div class="card-head"><b>{html.escape(title)}</b></div><div class="card-small">{text}</div>')
    if data is None:
        st.html('<div class="quiet">This picture is not on this machine any more.</div>')
        return
    try:
        st.image(data, width="stretch", alt=f"{title} of Trial {trial.number}")
    except OSError:  # a file of another program that only has the ending of a picture
        st.html('<div class="quiet">This file is no picture that can be shown.</div>')
    _download(study, trial, file, "Download")


def _download(study: str, trial: TrialRow, file: ArtifactFile, label: str) -> None:
    name = formats.file_name(study, f"trial-{trial.number}-{file.filename}")
    st.download_button(
        label, data=lambda: trial_files.content(file), file_name=name,
        mime=file.mimetype, key=f"download_{file.filename.replace('.', '_')}", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=64)
def _bytes(file_id: str, _file: ArtifactFile) -> bytes | None:
    return trial_files.content(_file) or None


def _why_none(trial: TrialRow) -> str:
    if trial.state in ("running", "waiting"):
        return "Pictures are drawn when the trial is over."
    if "configuration" not in trial.attributes:
        return "This trial was made outside Onegin: it has no pictures."
    choice = formats.label("plots")
    return f"No pictures were drawn of this trial. Which trials get them is the choice “{choice}” of the run."
