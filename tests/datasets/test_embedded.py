"""The two sets that need neither file nor network."""

import csv
import gzip
import importlib.util
from pathlib import Path

import numpy as np

from datasets import generated_text, prepare


def test_digits_are_those_of_scikit_learn(shared_cache: Path) -> None:
    prepared = prepare("digits", folder=None, cache=shared_cache)
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    with gzip.open(path, "rt") as stream:
        rows = [[float(value) for value in row] for row in csv.reader(stream)]
    assert prepared.x_train.shape == (1797, 8, 8, 1) and prepared.x_train.dtype == np.uint8
    assert prepared.x_test.shape == (0, 8, 8, 1) and prepared.y_test.shape == (0,)
    assert (prepared.n_train, prepared.n_test, prepared.is_subset, prepared.note) == (1797, 0, False, "")
    assert prepared.y_train.tolist() == [int(row[64]) for row in rows]
    assert prepared.x_train.min() == 0 and prepared.x_train.max() == 255
    assert np.abs(prepared.x_train.reshape(-1, 64) / 255 * 16 - np.array(rows)[:, :64]).max() < 0.04
    assert "0 to 16" in prepared.info.from_source and "multiply them by 255 / 16 and round" in prepared.info.from_source
    assert (np.rint(np.array(rows)[:, :64] * 255 / 16) == prepared.x_train.reshape(-1, 64)).all()


def test_generated_text_says_so(shared_cache: Path) -> None:
    prepared = prepare("generated_text", folder=None, cache=shared_cache)
    assert "generated" in prepared.info.description
    assert prepared.note == "Generated text, made by a program."
    assert prepared.n_train == 2400 and prepared.n_test == 0 and not prepared.is_subset
    assert len(prepared.sequences("test")) == 0


def test_generated_text_uses_its_whole_vocabulary(shared_cache: Path) -> None:
    prepared = prepare("generated_text", folder=None, cache=shared_cache)
    texts = prepared.sequences("train")
    assert 150 <= generated_text.n_words() <= 400
    assert prepared.info.vocabulary_size == int(texts.tokens.max()) + 1
    assert set(np.unique(texts.tokens)) == {1} | set(range(4, int(texts.tokens.max()) + 1))
    assert (texts.tokens[texts.offsets[:-1]] == 1).all()
    assert np.bincount(texts.tokens)[4:].tolist() == sorted(np.bincount(texts.tokens)[4:], reverse=True)


def test_generated_text_is_the_same_on_every_machine(shared_cache: Path) -> None:
    prepared = prepare("generated_text", folder=None, cache=shared_cache)
    assert prepared.fingerprint.startswith("9a17cad5f9ea")


def test_counting_words_is_not_enough_for_generated_text(shared_cache: Path) -> None:
    """A naive Bayes classifier, blind to the order, is far from chance and far from what an LSTM reaches (94 %)."""
    prepared = prepare("generated_text", folder=None, cache=shared_cache)
    texts, labels = prepared.sequences("train"), prepared.y_train
    n_words = prepared.info.vocabulary_size or 0
    counts = np.stack([np.bincount(text, minlength=n_words) for text in texts])
    train, test = slice(0, 2000), slice(2000, 2400)
    per_class = np.stack([counts[train][labels[train] == label].sum(axis=0) + 1 for label in range(4)])
    scores = counts[test] @ np.log(per_class / per_class.sum(axis=1, keepdims=True)).T
    accuracy = float(np.mean(np.argmax(scores, axis=1) == labels[test]))
    assert 0.7 < accuracy < 0.9


def test_labels_are_balanced_with_a_little_noise() -> None:
    labels = np.array(generated_text.generate()[1])
    assert np.abs(np.bincount(labels) - 600).max() < 25
    assert 20 < np.sum(labels != np.arange(2400) % 4) < 80
