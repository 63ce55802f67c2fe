"""Tests of exported models: every file is asked in the way its users will ask it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import datasets
from hpo_core.parameters import Value
from hpo_core.records import Artefact
from hpo_core.training.export import FORMATS, TOLERANCE, Format, export_model
from hpo_core.training.model import build_model
from tests.stubs import make_config

NAMES = [form.name for form in FORMATS]
NETWORKS: list[tuple[str, dict[str, Value]]] = [
    ("digits", {"conv_layers": 2, "filters": 4, "batch_normalization": True, "pooling": "flatten"}),
    ("digits", {"conv_layers": 1, "filters": 4, "batch_normalization": False, "pooling": "global_average"}),
    ("generated_text", {"bidirectional": True, "state_pooling": "max"}),
    ("generated_text", {"bidirectional": False, "state_pooling": "average"}),
    ("generated_text", {"lstm_layers": 2, "state_pooling": "last", "recurrent_dropout": 0.2}),
]
# What a user without this project runs: the file and NumPy arrays, nothing else.
ASK = """
import importlib.util, numpy, keras
assert importlib.util.find_spec("hpo_core") is None
for folder in ("0", "1"):
    model = keras.models.load_model(folder + "/model.keras", safe_mode=True)
    numpy.save(folder + "/answers.npy", model.predict(numpy.load(folder + "/samples.npy"), verbose=0))
"""


def make_model(dataset: str, changes: dict[str, Value]) -> tuple[keras.Model, np.ndarray]:
    """A model whose weights are no longer those it began with, and samples for it."""
    keras.utils.set_random_seed(3)
    info = datasets.dataset_info(dataset)
    own: dict[str, Value] = {"sequence_length": 12, "lstm_units": 6} if dataset == "generated_text" else {}
    model = build_model(make_config(dataset, **own, **changes), info, steps=10)
    rng = np.random.default_rng(3)
    if info.shape is not None:
        samples = rng.integers(0, 256, (24, *info.shape)).astype(np.uint8)
    else:
        samples = rng.integers(3, 60, (24, 12)).astype(np.int32)
        samples[:, 0] = 1
        for row in range(24):  # texts of every length: padding is what differs between the runtimes
            samples[row, 1 + row % 12 :] = 0
    model.fit(samples, rng.integers(0, info.n_classes, 24), epochs=2, verbose=0)
    return model, samples


def by_name(artefacts: list[Artefact]) -> dict[str, Artefact]:
    return {artefact.name: artefact for artefact in artefacts}


@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "changes"), NETWORKS)
def test_every_format_answers_as_the_model_does(dataset: str, changes: dict[str, Value], tmp_path: Path) -> None:
    model, samples = make_model(dataset, changes)
    expected = np.asarray(model(samples, training=False))
    artefacts = by_name(list(export_model(model, tmp_path, samples)))
    assert list(artefacts) == NAMES
    assert {path.name for path in tmp_path.iterdir()} == set(NAMES), [item.note for item in artefacts.values()]
    for artefact in artefacts.values():
        assert artefact.path == str(tmp_path / artefact.name)
        agrees = (
            "differ from the trained model's by at most " in artefact.note
            or "are those of the trained" in artefact.note
        )
        assert agrees == (artefact.name != "architecture.json")
        assert artefact.name != "model.keras" or artefact.note == "its probabilities are those of the trained model"

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated", UserWarning)
        interpreter = tf.lite.Interpreter(model_path=str(tmp_path / "model.tflite"))
    lite = interpreter.get_signature_runner()
    answers = [next(iter(lite(input=sample[np.newaxis]).values())) for sample in samples]
    assert np.concatenate(answers) == pytest.approx(expected, abs=TOLERANCE)

    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].name == "input"
    for few in (samples, samples[:1]):
        answer = session.run(None, {"input": few})[0]
        assert answer == pytest.approx(expected[: len(few)], abs=TOLERANCE)

    described = keras.models.model_from_json((tmp_path / "architecture.json").read_text(encoding="utf-8"))
    assert [layer.name for layer in described.layers] == [layer.name for layer in model.layers]


@pytest.mark.slow
def test_a_fresh_process_without_this_project_reads_the_model(tmp_path: Path) -> None:
    expected = []
    for number, network in enumerate((NETWORKS[0], NETWORKS[2])):
        model, samples = make_model(*network)
        artefact = next(export_model(model, tmp_path / str(number), samples, FORMATS[:1]))
        assert artefact.path == str(tmp_path / str(number) / "model.keras")
        np.save(tmp_path / str(number) / "samples.npy", samples)
        expected.append(np.asarray(model(samples, training=False)))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, env=environment, check=True, capture_output=True)
    for number, probabilities in enumerate(expected):
        assert np.load(tmp_path / str(number) / "answers.npy") == pytest.approx(probabilities, abs=1e-6)


@pytest.mark.slow
def test_without_onnxruntime_only_what_can_be_checked_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    form = next(form for form in FORMATS if form.name == "model.onnx")
    network = next(export_model(*with_folder(NETWORKS[1], tmp_path), [form]))
    assert network.path is not None and "differ from the trained model's by at most 0.0" in network.note
    loop = next(export_model(*with_folder(NETWORKS[3], tmp_path), [form]))
    assert loop.path is None and loop.note.startswith(
        "was made, but could not be checked: a package is missing (onnxruntime"
    )


def with_folder(network: tuple[str, dict[str, Value]], folder: Path) -> tuple[keras.Model, Path, np.ndarray]:
    model, samples = make_model(*network)
    return model, folder, samples


def make_small() -> tuple[keras.Model, np.ndarray]:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    return model, np.ones((4, 3), dtype=np.float32)


def answer_of(model: keras.Model) -> Callable[[Path, np.ndarray], np.ndarray]:
    return lambda path, samples: np.asarray(model(samples))


def write_half(model: keras.Model, path: Path) -> None:
    path.write_bytes(b"half")
    raise OSError(28, "No space left on device")


def missing_package(model: keras.Model, path: Path) -> None:
    import a_converter_that_is_not_installed  # type: ignore[import-not-found]  # noqa: F401


def refuse(model: keras.Model, path: Path) -> None:
    raise RuntimeError("operation X is not supported\nand a page of details")


def whole(model: keras.Model, path: Path) -> None:
    print("a converter that talks")
    path.write_bytes(b"whole")


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (write_half, "could not be made: No space left on device"),
        (missing_package, "could not be made: a package is missing (No module named 'a_converter_that"),
        (refuse, "could not be made: RuntimeError: operation X is not supported"),
    ],
)
def test_what_cannot_be_made_says_why_and_leaves_no_file(
    tmp_path: Path, write: Callable[[keras.Model, Path], None], reason: str
) -> None:
    model, samples = make_small()
    (tmp_path / "a.bin").write_bytes(b"of an earlier export")
    forms = [Format("a.bin", write, answer_of(model)), Format("b.bin", whole, answer_of(model), note="one at a time")]
    first, second = export_model(model, tmp_path, samples, forms)
    assert first.path is None and first.note.startswith(reason) and "\n" not in first.note
    assert second.path == str(tmp_path / "b.bin")
    assert second.note == "one at a time; its probabilities are those of the trained model"
    assert [path.name for path in tmp_path.iterdir()] == ["b.bin"]


def broken(path: Path, samples: np.ndarray) -> np.ndarray:
    raise NotImplementedError("operation Y")


@pytest.mark.parametrize(
    ("predict", "reason"),
    [
        (lambda path, samples: np.full((4, 2), 0.5, dtype=np.float32), "not offered: its probabilities differ"),
        (lambda path, samples: np.zeros((4, 3)), "was made, but could not be checked: ValueError: it answers in the"),
        (lambda path, samples: np.full((4, 2), np.nan), "not offered: its answers are no numbers"),
        (broken, "was made, but could not be checked: NotImplementedError: operation Y"),
    ],
)
def test_a_file_that_answers_otherwise_is_not_offered(
    tmp_path: Path, predict: Callable[[Path, np.ndarray], np.ndarray], reason: str
) -> None:
    model, samples = make_small()
    artefact = next(export_model(model, tmp_path, samples, [Format("a.bin", whole, predict)]))
    assert artefact.path is None and artefact.note.startswith(reason)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_diverged_is_not_offered(tmp_path: Path) -> None:
    model, samples = make_small()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    artefact = next(export_model(model, tmp_path, samples, FORMATS[:1]))
    assert (artefact.path, artefact.note) == (None, "not offered: the model's own answers are no numbers")


def test_the_tolerance_is_the_one_declared(tmp_path: Path) -> None:
    model, samples = make_small()
    for shift, offered in ((TOLERANCE / 2, True), (TOLERANCE * 2, False)):
        form = Format("a.bin", whole, lambda path, x, by=shift: np.asarray(model(x)) + by)
        artefact = next(export_model(model, tmp_path, samples, [form]))
        assert (artefact.path is not None) is offered and (tmp_path / "a.bin").exists() is offered


def test_standard_output_stays_for_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, samples = make_small()
    list(export_model(model, tmp_path, samples, [Format("a.bin", whole, answer_of(model))]))
    captured = capsys.readouterr()
    assert captured.out == "" and "a converter that talks" in captured.err


def test_an_export_that_is_abandoned_leaves_only_whole_files(tmp_path: Path) -> None:
    model, samples = make_small()
    forms = [Format(name, whole, answer_of(model)) for name in ("a.bin", "b.bin")]
    export = export_model(model, tmp_path, samples, forms)
    next(export)
    export.close()  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_the_architecture_is_json(tmp_path: Path) -> None:
    model, samples = make_small()
    form = next(form for form in FORMATS if form.name == "architecture.json")
    list(export_model(model, tmp_path, samples, [form]))
    layers = json.loads((tmp_path / "architecture.json").read_text(encoding="utf-8"))["config"]["layers"]
    assert [layer["class_name"] for layer in layers] == ["InputLayer", "Dense"]
