"""A final model to be tried: a sample of the test part, a picture or a text of one's own, and what it says."""

from __future__ import annotations

import base64
import html
import random
from dataclasses import dataclass
from typing import Any

import streamlit as st

import datasets
from datasets import DatasetError, Kind, SampleError
from datasets.own_samples import MAX_PICTURE_BYTES, MAX_TEXT_CHARACTERS, PICTURE_FORMATS
from hpo_core.model_card import KERAS_FILE
from hpo_core.questions import AnswerError, Question
from hpo_core.records import Answer
from pages.parts import answer_view, formats, samples, shared
from pages.parts.final_models import FinalModel

FROM_TEST, OWN = "test", "own"
UPLOAD_TYPES = [form.lower() for form in PICTURE_FORMATS] + ["jpg"]
SMALL_SIDE = 224
SAMPLE, LAST = "try_sample", "try_last"


@dataclass(frozen=True)
class Tried:
    """The last question of this visitor and what came of it.

    Attributes:
        study, subject: what was asked of whom; an answer is shown only there.
        answer: None where there was none.
        problem: why not.
    """

    study: str
    subject: str
    answer: Answer | None
    problem: str = ""


def draw(study: str, model: FinalModel) -> None:
    """The part of the page in which the model is tried."""
    st.header("Try it", anchor=False)
    with st.container(border=True, key="chart_try"):
        if not (model.folder / KERAS_FILE).is_file():
            st.html('<div class="quiet">The model cannot be tried: its file for Keras is not on this machine.</div>')
            return
        st.fragment(_draw, key="try_model")(study, model)


def _draw(study: str, model: FinalModel) -> None:
    kind = model.card.info.kind
    own = "Your own text" if kind is Kind.TEXT else "Your own picture"
    names = {FROM_TEST: "A test sample", OWN: own}
    source = st.segmented_control(
        "What the model is shown", list(names), default=FROM_TEST, required=True, format_func=lambda name: names[name],
        key="try_source",
    )  # fmt: skip
    left, right = st.columns([2, 3], gap="medium")
    with left:
        if source == FROM_TEST:
            subject, asking = _test_sample(model)
        else:
            subject, asking = _own_text() if kind is Kind.TEXT else _own_picture(model)
        # Beside anything else, and beside a model that was made anew, the answer of before would mislead.
        subject = f"{_made_at(model)} {subject}"
    with right:
        if asking is not None:  # one waits where the answer will stand
            st.session_state[LAST] = _ask(study, subject, model, asking)
        tried = st.session_state.get(LAST)
        if not isinstance(tried, Tried) or (tried.study, tried.subject) != (study, subject):
            st.html('<div class="quiet">Its answer will stand here: a probability for each class.</div>')
        elif tried.answer is None:
            st.error(f"{tried.problem[0].upper()}{tried.problem[1:]}.", icon=":material/error:")
        else:
            answer_view.draw(tried.answer, model.card)


def _made_at(model: FinalModel) -> int:
    """When the model's file was written; 0 where it is gone, which asking it tells."""
    try:
        return (model.folder / KERAS_FILE).stat().st_mtime_ns
    except OSError:
        return 0


def _test_sample(model: FinalModel) -> tuple[str, dict[str, Any] | None]:
    """Choose a sample by its number or by chance.

    As all that is asked about: what it is, and what to ask where the button was pressed.
    """
    last = max(model.card.n_test - 1, 0)
    st.session_state[SAMPLE] = min(st.session_state.get(SAMPLE, 0), last)
    number = st.number_input(
        f"Number of the sample, 0 to {formats.count(last)}", min_value=0, max_value=last, step=1, key=SAMPLE,
        persist_state="session",
        help="Samples of the test part: no trial saw them, and the final model was tested on them once.",
    )  # fmt: skip
    # Said of another number by the rule in style.css: the browser keeps such a one to itself.
    st.html(f'<style>.st-key-{SAMPLE} {{ --allowed: "a whole number from 0 to {formats.count(last)}"; }}</style>')
    with st.container(horizontal=True):  # above the sample: so the answer comes beside the button, in a low window too
        asked = _ask_button("try_ask")
        st.button("Another one", key="try_another", icon=":material/shuffle:", on_click=_draw_lots, args=(last,))
    _show_sample(model, int(number))
    return f"{FROM_TEST} {number}", {"test_sample": int(number)} if asked else None


def _show_sample(model: FinalModel, number: int) -> None:
    """What the model will be asked about, so that a visitor can judge before; nothing where it is not at hand."""
    settings = shared.settings()
    try:
        sample = samples.of_test(model.card.config, number, settings.datasets_dir, settings.cache_dir)
    except (samples.NotAtHand, DatasetError, IndexError):
        return
    if model.card.info.kind is Kind.TEXT:
        st.html(f'<div class="try-words">{html.escape(sample)}</div>')
    else:
        alt = f"Sample {formats.count(number)} of the test part"
        st.html(f'<div class="try-seen"><img src="{sample}" alt="{alt}"></div>')


def _draw_lots(last: int) -> None:
    st.session_state[SAMPLE] = random.randint(0, last)


def _own_picture(model: FinalModel) -> tuple[str, dict[str, Any] | None]:
    """Take a picture."""
    info = model.card.info
    assert info.shape is not None
    height, width, channels = info.shape
    colours = "grey" if channels == 1 else "colour"
    file = st.file_uploader(
        "A picture", type=UPLOAD_TYPES, key="try_file", max_upload_size=MAX_PICTURE_BYTES // 1_000_000
    )
    inverted = st.toggle(
        "Swap light and dark", key="try_inverted",
        help="Dark ink on light paper is made light on black by itself where the samples of the data set are so. Where "
        "that is wrong, this turns it round.",
    )  # fmt: skip
    cut = "what was drawn, without the empty ground around it," if info.ink is not None else "its middle"
    st.html(
        f'<div class="card-small">It is cut to {cut} and scaled to {width} × {height} pixels in {colours}, as the '
        "samples of the data set are; the small picture beside the answer is what the model sees. It is not kept.</div>"
    )
    usable = file is not None and _show_picture(file.getvalue())
    asked = _ask_button("try_ask_picture", disabled=not usable)
    if file is None:
        return OWN, None
    return f"{OWN} {file.file_id} {inverted}", {"picture": file.getvalue(), "inverted": inverted} if asked else None


def _show_picture(data: bytes) -> bool:
    """The picture as it was given, or what is wrong with it; whether the model can be asked about it."""
    try:
        small = datasets.small_picture(data, SMALL_SIDE)
    except SampleError as error:
        st.error(formats.plain(formats.sentence(str(error))), icon=":material/error:")
        return False
    if small is None:
        st.html('<div class="quiet">Too large to be shown here; the model can be asked about it.</div>')
    else:
        source = f"data:image/png;base64,{base64.b64encode(small).decode('ascii')}"
        st.html(f'<div class="try-seen"><img class="photo" src="{source}" alt="Your picture"></div>')
    return True


def _own_text() -> tuple[str, dict[str, Any] | None]:
    text = st.text_area("A text", key="try_text", max_chars=MAX_TEXT_CHARACTERS, height=140)
    return f"{OWN} {text}", {"text": text} if _ask_button("try_ask_text") else None


def _ask_button(key: str, *, disabled: bool = False) -> bool:
    return st.button(
        "Ask the model", key=key, type="primary", icon=":material/question_mark:", disabled=disabled,
        help="Choose a picture first." if disabled else None,
    )  # fmt: skip


def _ask(study: str, subject: str, model: FinalModel, asking: dict[str, Any]) -> Tried:
    desk = shared.model_desk()
    wait = "Asking the model" if desk.is_warm else "Loading the model; the first answer takes some ten seconds"
    question = Question(model=model.folder / KERAS_FILE, config=model.card.config, **asking)
    with st.spinner(wait):
        try:
            return Tried(study, subject, desk.ask(question))
        except AnswerError as error:
            return Tried(study, subject, None, html.escape(str(error).rstrip("."), quote=False))
