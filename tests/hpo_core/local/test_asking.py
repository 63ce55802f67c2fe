"""Questions to final models through a real child process."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from PIL import Image

import datasets
from hpo_core.local.asking import ModelDesk
from hpo_core.questions import AnswerError, Question
from hpo_core.settings import Settings
from hpo_core.splits import test_indices as indices_of_test
from hpo_core.training.model import build_model
from hpo_core.trial_config import TrialConfig
from tests.stubs import make_config

PICTURES = make_config("digits", conv_layers=1, filters=8, hidden_layers=1, first_hidden_nodes=16)
TEXTS = make_config("generated_text", sequence_length=20, lstm_units=8)
QUICK = "tests.hpo_core.local.quick_answerer"
SILENT = "tests.hpo_core.local.silent_drawer"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("asking")
    return Settings(storage_url="", results_dir=folder, datasets_dir=None, cache_dir=folder / "cache")


@pytest.fixture(scope="module")
def desk(place: Settings) -> Iterator[ModelDesk]:
    """One process for all tests: TensorFlow takes seconds to load."""
    opened = ModelDesk(place)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def models(place: Settings) -> dict[str, keras.Model]:
    """A model for pictures and one for texts, untrained, in the files that `questions` names."""
    built = {}
    for config in (PICTURES, TEXTS):
        keras.utils.set_random_seed(1)
        built[config.dataset] = build_model(config, datasets.dataset_info(config.dataset), steps=1)
        built[config.dataset].save(file_of(place, config))
    return built


def file_of(place: Settings, config: TrialConfig) -> Path:
    return place.results_dir / f"{config.dataset}.keras"


def prepared(place: Settings, config: TrialConfig) -> datasets.PreparedDataset:
    return datasets.prepare(config.dataset, folder=None, cache=place.cache_dir)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_a_question_goes_both_ways_through_json() -> None:
    for part in ({"test_sample": 3}, {"picture": b"\x89PNG\x00", "inverted": True}, {"text": "a \n b"}):
        question = Question(model=Path("m.keras"), config=PICTURES, **part)  # type: ignore[arg-type]
        assert Question.from_json(question.to_json()) == question and "\n" not in question.to_json()
    with pytest.raises(ValueError, match="exactly one"):
        Question(model=Path("m.keras"), config=PICTURES)
    with pytest.raises(ValueError, match="no question"):
        Question.from_json("{}")


def test_a_test_sample_is_what_no_trial_saw(place: Settings, desk: ModelDesk, models: dict[str, keras.Model]) -> None:
    data = prepared(place, PICTURES)
    _, indices = indices_of_test(PICTURES, data)
    answer = desk.ask(Question(model=file_of(place, PICTURES), config=PICTURES, test_sample=len(indices) + 2))
    expected = data.x_train[indices[2]]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(answer.picture)))), expected[:, :, 0])
    assert answer.label == data.y_train[indices[2]] and desk.is_warm
    assert answer.probabilities == pytest.approx(np.asarray(models["digits"](expected[None]))[0].tolist(), abs=1e-5)


def test_an_own_picture_is_scaled_and_asked(place: Settings, desk: ModelDesk, models: dict[str, keras.Model]) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    pixels[1:7, 1:7] = np.random.default_rng(3).integers(0, 256, (6, 6), np.uint8)
    question = Question(model=file_of(place, PICTURES), config=PICTURES, picture=png(pixels), inverted=True)
    answer = desk.ask(question)
    given = (255 - pixels)[None, :, :, None]
    assert answer.probabilities == pytest.approx(np.asarray(models["digits"](given))[0].tolist(), abs=1e-5)
    assert answer.label is None and answer.words == [] and not answer.swapped


def test_ink_on_paper_is_swapped_and_the_answer_says_so(
    place: Settings, desk: ModelDesk, models: dict[str, keras.Model]
) -> None:
    light = np.zeros((8, 8), np.uint8)
    light[1:7, 3:5] = 255
    question = Question(model=file_of(place, PICTURES), config=PICTURES, picture=png(255 - light))
    answer = desk.ask(question)
    assert answer.swapped
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(answer.picture)))), light)


def test_a_text_is_read_as_in_training(place: Settings, desk: ModelDesk, models: dict[str, keras.Model]) -> None:
    data = prepared(place, TEXTS)
    typed = datasets.decode_text(data, data.sequences("train")[5]).upper() + ", qwertz!"
    answer = desk.ask(Question(model=file_of(place, TEXTS), config=TEXTS, text=typed))
    tokens = [*data.sequences("train")[5].tolist(), 2]
    given = np.zeros((1, 20), np.int32)
    given[0, : len(tokens[-20:])] = tokens[-20:]
    assert answer.probabilities == pytest.approx(np.asarray(models["generated_text"](given))[0].tolist(), abs=1e-5)
    assert answer.words[-1] == "" and answer.words[-2] == typed.split(",")[0].split()[-1].lower()
    assert answer.picture == ""


def test_what_cannot_be_answered_is_a_sentence(
    place: Settings, desk: ModelDesk, models: dict[str, keras.Model]
) -> None:
    there, damaged = file_of(place, PICTURES), place.results_dir / "damaged.keras"
    damaged.write_bytes(there.read_bytes()[:2000])
    cases = (
        (Question(model=there, config=PICTURES, picture=b"no picture"), "is no picture"),
        (Question(model=file_of(place, TEXTS), config=TEXTS, text="qwertz"), "no word of this text"),
        (Question(model=place.results_dir / "gone.keras", config=PICTURES, test_sample=0), "is gone"),
        (Question(model=damaged, config=PICTURES, test_sample=0), "cannot be read"),
        (
            Question(model=there, config=make_config("mnist"), picture=png(np.eye(9, dtype=np.uint8) * 255)),
            "not the model",
        ),
        (Question(model=there, config=make_config("mnist"), test_sample=0), "not on this machine"),
    )
    for question, sentence in cases:
        with pytest.raises(AnswerError, match=sentence):
            desk.ask(question)
    assert desk.ask(Question(model=there, config=PICTURES, test_sample=0)).probabilities  # it goes on


def test_the_process_ends_when_nobody_asks(place: Settings) -> None:
    desk = ModelDesk(place, idle_s=0.2, module=QUICK)
    assert desk.ask(Question(model=file_of(place, PICTURES), config=PICTURES, test_sample=0)).probabilities
    deadline = time.monotonic() + 60
    while desk.is_warm:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    desk.close()


def test_a_process_that_says_nothing_or_dies_is_told(place: Settings) -> None:
    question = Question(model=place.results_dir / "m.keras", config=PICTURES, test_sample=0)
    before = set(psutil.Process().children())
    silent = ModelDesk(place, answer_s=0.3, module=SILENT)
    with pytest.raises(AnswerError, match="gave no answer"):
        silent.ask(question)
    dead = ModelDesk(place, module="hpo_core.no_such_module")
    with pytest.raises(AnswerError, match="No module named"):
        dead.ask(question)
    for desk in (silent, dead):
        desk.close()
        with pytest.raises(AnswerError, match="being closed"):
            desk.ask(question)
    assert set(psutil.Process().children()) <= before
