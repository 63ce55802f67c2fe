"""Texts of one length, and words for ids."""

from pathlib import Path

import numpy as np
import pytest

from datasets import Sequences, decode_text, examples, prepare, thumbnails


def sequences(lengths: list[int], highest: int = 50) -> Sequences:
    rng = np.random.default_rng(1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sequences(rng.integers(1, highest, int(offsets[-1])).astype(np.int32), offsets)


def padded_slowly(texts: Sequences, indices: list[int], length: int, vocabulary_size: int) -> np.ndarray:
    rows = []
    for index in indices:
        kept = [int(token) if token < vocabulary_size else 2 for token in texts[index]][-length:]
        rows.append(kept + [0] * (length - len(kept)))
    return np.array(rows, np.int32).reshape(len(indices), length)


def test_padded_by_hand() -> None:
    texts = Sequences(np.array([1, 5, 9, 1, 7], np.int32), np.array([0, 3, 5]))
    assert texts.padded(np.array([1, 0]), length=4, vocabulary_size=9).tolist() == [[1, 7, 0, 0], [1, 5, 2, 0]]
    assert texts.padded(np.array([0]), length=2, vocabulary_size=100).tolist() == [[5, 9]]


@pytest.mark.parametrize("length", [1, 4, 30])
@pytest.mark.parametrize("vocabulary_size", [3, 20, 50])
def test_padded_equals_the_slow_way(length: int, vocabulary_size: int) -> None:
    texts = sequences([3, 1, 12, 4, 5, 29, 31, 30])
    indices = [5, 0, 0, 7, 2, 1, 6, 3, 4]
    result = texts.padded(np.array(indices), length=length, vocabulary_size=vocabulary_size)
    assert result.dtype == np.int32
    assert np.array_equal(result, padded_slowly(texts, indices, length, vocabulary_size))


def test_padded_over_several_blocks() -> None:
    texts = sequences([1 + i % 7 for i in range(9000)])
    order = np.random.default_rng(0).permutation(9000)
    result = texts.padded(order, length=5, vocabulary_size=30)
    assert np.array_equal(result, padded_slowly(texts, order.tolist(), 5, 30))


def test_padded_of_nothing() -> None:
    assert sequences([3]).padded(np.array([], np.int64), length=4, vocabulary_size=9).shape == (0, 4)


@pytest.mark.parametrize(("length", "vocabulary_size"), [(0, 10), (5, 2)])
def test_padded_refuses(length: int, vocabulary_size: int) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        sequences([3]).padded(np.array([0]), length=length, vocabulary_size=vocabulary_size)


@pytest.mark.parametrize("index", [-1, 2])
def test_padded_knows_its_size(index: int) -> None:
    with pytest.raises(IndexError):
        sequences([3, 3]).padded(np.array([index]), length=3, vocabulary_size=9)


def test_sequences_as_a_list() -> None:
    texts = Sequences(np.array([1, 5, 9, 1, 7], np.int32), np.array([0, 3, 5]))
    assert len(texts) == 2
    assert texts[1].tolist() == texts[-1].tolist() == [1, 7]
    assert [text.tolist() for text in texts] == [[1, 5, 9], [1, 7]]
    with pytest.raises(IndexError):
        texts[2]


def test_words_of_special_ids(shared_cache: Path) -> None:
    prepared = prepare("generated_text", folder=None, cache=shared_cache)
    most_frequent = 4
    assert decode_text(prepared, [1, most_frequent, 2, 3, 99_999, 0, 0]) == "the ? ? ?"


def test_pictures_have_no_words_and_texts_no_pictures(shared_cache: Path) -> None:
    digits = prepare("digits", folder=None, cache=shared_cache)
    generated = prepare("generated_text", folder=None, cache=shared_cache)
    with pytest.raises(ValueError, match="pictures, not text"):
        decode_text(digits, [4])
    with pytest.raises(ValueError, match="pictures, not text"):
        examples(digits)
    with pytest.raises(ValueError, match="text, not pictures"):
        thumbnails(generated)


def test_thumbnails_are_the_first_of_their_classes(shared_cache: Path) -> None:
    digits = prepare("digits", folder=None, cache=shared_cache)
    shown = thumbnails(digits, 3)
    assert len(shown) == 3 and len(thumbnails(digits)) == 5
    labels = digits.y_train.tolist()
    for label, picture in enumerate(shown):
        assert picture.shape == (8, 8, 1) and picture.dtype == np.uint8
        assert np.array_equal(picture, digits.x_train[labels.index(label)])


def test_examples_are_named_and_short(shared_cache: Path) -> None:
    generated = prepare("generated_text", folder=None, cache=shared_cache)
    shown = examples(generated, 4)
    assert [name for name, _ in shown] == ["weather", "food", "sport", "travel"]
    assert len(examples(generated)) == 2
    first = generated.sequences("train")[0]
    assert shown[0][1] == decode_text(generated, first)
    assert all(0 < len(text) <= 160 for _, text in shown)
