"""A process that asks final models: `python -m hpo_core.training.ask --cache-dir FOLDER [--datasets-dir FOLDER]`.

Reads one `Question` per line from standard input and writes one record per line to standard output: an `Answer`, or a
`Failed` with a sentence for people. The model asked last is kept. The process ends when its standard input does.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import datasets
from datasets import Kind, PreparedDataset, SampleError, Sequences
from datasets.sources import SourceFile
from hpo_core.questions import AnswerError, Question
from hpo_core.records import READY, Answer, Failed, Phase
from hpo_core.splits import test_indices
from hpo_core.training.worker import Output, private_stdout


@dataclass(frozen=True)
class Sample:
    """What a model is asked.

    Attributes:
        inputs: pictures (1, height, width, channels) uint8, or token ids (1, sequence_length) int32.
        label: the right class; None where nobody knows.
        words: of a text as the model reads it, '' for one that it does not know.
        swapped: light and dark of a picture changed places without being told to.
    """

    inputs: np.ndarray
    label: int | None = None
    words: tuple[str, ...] = ()
    swapped: bool = False


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--datasets-dir", type=Path)
    arguments = parser.parse_args()
    output = Output(private_stdout())
    output.emit(Phase(name=READY))
    for line in sys.stdin:
        try:
            output.emit(answer(Question.from_json(line), arguments.datasets_dir, arguments.cache_dir))
        except (AnswerError, datasets.DatasetError) as error:
            output.emit(Failed(error_type=type(error).__name__, message=str(error), traceback=""))
        except Exception as error:  # noqa: BLE001 - one question that cannot be answered shall not end the process
            message = f"the model could not be asked: {(str(error) or type(error).__name__).splitlines()[0][:300]}"
            output.emit(Failed(error_type=type(error).__name__, message=message, traceback=""))


def answer(question: Question, folder: Path | None, cache: Path) -> Answer:
    """What the model of `question` says.

    Args:
        question: whose dataset is needed for texts and for samples of the test part, not for a picture.
        folder, cache: where datasets are looked for; nothing is downloaded.

    Raises:
        AnswerError: the model's file is gone or damaged, or does not take such samples.
        DatasetError: the sample cannot be used, or the dataset is not at hand.
    """
    sample = _sample(question, folder, cache)
    model = _model(question.model)
    if tuple(model.input_shape[1:]) != sample.inputs.shape[1:]:
        raise AnswerError(
            f"the file {question.model.name} must take samples of the shape {sample.inputs.shape[1:]}, got "
            f"{tuple(model.input_shape[1:])}: it is not the model of this run"
        )
    probabilities = np.asarray(model(sample.inputs, training=False), np.float64)[0]
    if not np.isfinite(probabilities).all():
        raise AnswerError("the model answers with values that are no numbers: its training diverged")
    picture = _png(sample.inputs[0]) if sample.inputs.ndim == 4 else ""
    return Answer(
        probabilities=probabilities.tolist(), picture=picture, words=list(sample.words), label=sample.label,
        swapped=sample.swapped,
    )  # fmt: skip


def _sample(question: Question, folder: Path | None, cache: Path) -> Sample:
    config = question.config
    if question.picture is not None:
        info = datasets.dataset_info(config.dataset)
        own = datasets.picture_sample(question.picture, info, inverted=question.inverted)
        return Sample(own.pixels[None], swapped=own.was_swapped)
    prepared = datasets.prepare(config.dataset, folder=folder, cache=cache, download=_refuse)
    if question.text is not None:
        tokens = datasets.text_sample(prepared, question.text)
        return _text(question, prepared, Sequences(tokens, np.array([0, len(tokens)])), 0)
    assert question.test_sample is not None
    part, indices = test_indices(config, prepared)
    place = int(indices[question.test_sample % len(indices)])
    label = int((prepared.y_test if part == "test" else prepared.y_train)[place])
    if prepared.info.kind is Kind.TEXT:
        return _text(question, prepared, prepared.sequences(part), place, label)
    return Sample(np.array((prepared.x_test if part == "test" else prepared.x_train)[place])[None], label)


def _text(
    question: Question, prepared: PreparedDataset, texts: Sequences, place: int, label: int | None = None
) -> Sample:
    """A text as training cuts and fills it."""
    config = question.config
    inputs = texts.padded(
        np.array([place]), length=config.number("sequence_length"), vocabulary_size=config.number("vocabulary_size")
    )
    words = datasets.decode_words(prepared, inputs[0])
    if question.text is not None and not any(words):
        raise SampleError(
            f"the model knows no word of this text: it was trained on the {config.number('vocabulary_size')} most "
            "frequent words; use more common ones"
        )
    return Sample(inputs, label, tuple(words))


def _model(path: Path) -> keras.Model:
    """The model in a file; kept as long as the file stays the same."""
    try:
        state = path.stat()
    except OSError as error:
        raise AnswerError(f"the file {path.name} is gone: it was moved or deleted") from error
    return _loaded(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _loaded(path: Path, _changed_at: int, _size: int) -> keras.Model:
    keras.backend.clear_session()
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise AnswerError(
            f"the file {path.name} cannot be read, it is damaged or from another version: {reason}"
        ) from error


def _png(pixels: np.ndarray) -> str:
    """A sample as a PNG file in base64."""
    stream = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def _refuse(file: SourceFile, target: Path, report: object) -> None:
    raise datasets.DatasetUnavailableError(f"the dataset is not on this machine: {Path(file.path).name} is missing")


if __name__ == "__main__":
    main()
