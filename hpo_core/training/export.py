"""A trained model as files: Keras, TFLite and ONNX, each offered only where it answers as the model does."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hpo_core.records import Artefact

# Largest difference between two probabilities that still counts as the same answer.
TOLERANCE = 1e-4
# Files are written and checked here, and moved out when they are known to work.
UNFINISHED = ".unfinished"
LONGEST_REASON = 200


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        name: of the file.
        write: puts a model into a file.
        predict: what the file answers, loaded anew: probabilities (n, classes) for samples (n, ...); None where it
            holds no weights and can answer nothing.
        note: what else its reader should know.
    """

    name: str
    write: Callable[[keras.Model, Path], None]
    predict: Callable[[Path, np.ndarray], np.ndarray] | None
    note: str = ""


def export_model(
    model: keras.Model, folder: Path, samples: np.ndarray, formats: Sequence[Format] | None = None
) -> Iterator[Artefact]:
    """Write the model in every format and check what was written; one record per format, as soon as it is known.

    Args:
        model: takes raw pixels (uint8) or token ids (int32) and puts out class probabilities.
        folder: where the files go; made if need be.
        samples: what model and files are asked for the comparison, at least one, in the model's input type.
        formats: all of `FORMATS` by default.

    Yields:
        A file with its largest difference to the model's own answers; or no path and the reason, and no file is left.
    """
    expected = np.asarray(model(samples, training=False))
    workshop = folder / UNFINISHED
    try:
        for form in FORMATS if formats is None else formats:
            yield _export(form, model, workshop, samples, expected)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _export(form: Format, model: keras.Model, workshop: Path, samples: np.ndarray, expected: np.ndarray) -> Artefact:
    """One file, or why there is none. No format that fails may take the others or the model's figures with it."""
    unfinished, finished = workshop / form.name, workshop.parent / form.name
    failure = "could not be made"
    try:
        finished.unlink(missing_ok=True)
        workshop.mkdir(parents=True, exist_ok=True)
        with contextlib.redirect_stdout(sys.stderr), _expected_warnings():
            form.write(model, unfinished)
            failure = "was made, but could not be checked"
            checked = _difference(form, unfinished, samples, expected)
        if checked is not None and not checked <= TOLERANCE:
            return Artefact(name=form.name, path=None, note=f"not offered: {_objection(checked, expected)}")
        os.replace(unfinished, finished)
    except Exception as error:  # noqa: BLE001 - converters fail in every way, and some of it depends on the model
        return Artefact(name=form.name, path=None, note=f"{failure}: {_reason(error)}")
    return Artefact(name=form.name, path=str(finished), note="; ".join(filter(None, (form.note, _agreement(checked)))))


def _rounded_up(difference: float) -> str:
    """Its first digit, without an exponent: 2.4e-7 is '0.0000003'."""
    places = max(0, -math.floor(math.log10(difference)))
    return f"{math.ceil(difference * 10**places) / 10**places:.{places}f}"


def _agreement(difference: float | None) -> str:
    """How a file answers, in words; '' where nothing could be asked."""
    if difference is None:
        return ""
    if not difference:
        return "its probabilities are those of the trained model"
    return f"its probabilities differ from the trained model's by at most {_rounded_up(difference)}"


def _difference(form: Format, path: Path, samples: np.ndarray, expected: np.ndarray) -> float | None:
    """Largest difference between two probabilities; NaN where there is no number, None where nothing can be asked."""
    if form.predict is None:
        return None
    answers = form.predict(path, samples)
    if answers.shape != expected.shape:
        raise ValueError(f"it answers in the shape {answers.shape}, the model in {expected.shape}")
    return float(np.max(np.abs(answers - expected)))


def _objection(difference: float, expected: np.ndarray) -> str:
    if np.isnan(difference):
        return "its answers are no numbers" if np.isfinite(expected).all() else "the model's own answers are no numbers"
    return f"its probabilities differ from the model's by up to {difference:.1e}, more than {TOLERANCE:g}"


def _reason(error: Exception) -> str:
    """The first line of what went wrong, with its type."""
    if isinstance(error, ImportError):
        return f"a package is missing ({error})"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:LONGEST_REASON]


@contextlib.contextmanager
def _expected_warnings() -> Iterator[None]:
    """Silence what the pinned converters are known to warn about; anything else is heard."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated", UserWarning)
        yield


def _portable(model: keras.Model) -> keras.Model:
    """A copy whose LSTMs are plain loops: cuDNN's own operation exists nowhere but on NVIDIA cards."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        parts = [layer.forward_layer, layer.backward_layer] if isinstance(layer, keras.layers.Bidirectional) else []
        for recurrent in [layer, *parts]:
            if isinstance(recurrent, keras.layers.LSTM):
                recurrent.use_cudnn = False
    return copy


def _write_keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _ask_keras(path: Path, samples: np.ndarray) -> np.ndarray:
    model = keras.models.load_model(path, safe_mode=True)
    return np.asarray(model(samples, training=False))


def _write_architecture(model: keras.Model, path: Path) -> None:
    path.write_text(model.to_json(), encoding="utf-8")


def _write_tflite(model: keras.Model, path: Path) -> None:
    """One sample at a time: an LSTM converts only so."""
    copy = _portable(model)
    inputs = copy.inputs[0]
    # The converter saves what it is handed and reads it back; a Keras model's variables come back empty, and the
    # answers are no numbers. A module that holds TensorFlow's own variables keeps them.
    module = tf.Module()
    module.weights = [variable.value for variable in copy.variables]
    module.answer = tf.function(
        lambda sample: copy(sample, training=False),
        input_signature=[tf.TensorSpec((1, *inputs.shape[1:]), inputs.dtype, name="input")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.answer.get_concrete_function()], module)
    path.write_bytes(converter.convert())


def _ask_tflite(path: Path, samples: np.ndarray) -> np.ndarray:
    interpreter = tf.lite.Interpreter(model_content=path.read_bytes())
    interpreter.allocate_tensors()
    source, sink = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    answers = []
    for sample in samples:
        interpreter.set_tensor(source, sample[np.newaxis])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(sink)[0])
    return np.stack(answers)


def _write_onnx(model: keras.Model, path: Path) -> None:
    import tf2onnx  # type: ignore[import-untyped]

    copy = _portable(model)
    inputs = copy.inputs[0]
    signature = [tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype, name="input")]
    tf2onnx.convert.from_keras(copy, input_signature=signature, output_path=str(path))


def _ask_onnx(path: Path, samples: np.ndarray) -> np.ndarray:
    """By onnxruntime; where it is not installed by ONNX's own slow evaluator, which runs CNNs but not LSTMs' loops."""
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        return _ask_onnx_slowly(path, samples)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"input": samples})[0])


def _ask_onnx_slowly(path: Path, samples: np.ndarray) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    try:
        answers: Any = ReferenceEvaluator(str(path)).run(None, {"input": samples})
    except Exception as error:
        raise ImportError("onnxruntime: ONNX's own evaluator cannot run this network") from error
    return np.asarray(answers[0])


FORMATS = (
    Format("model.keras", _write_keras, _ask_keras),
    Format("architecture.json", _write_architecture, None, note="layers and their settings, without weights"),
    Format("model.tflite", _write_tflite, _ask_tflite, note="takes one sample at a time"),
    Format("model.onnx", _write_onnx, _ask_onnx),
)
