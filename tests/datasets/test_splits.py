"""Training, validation and test samples."""

from itertools import pairwise

import numpy as np
import pytest

from datasets import Split, stratified_split

SHAPES = {
    "balanced": [50] * 10,
    "uneven": [3000, 900, 120, 16, 3, 2, 1],
    "one class": [37],
    "tiny": [1, 1, 2],
    "like reuters": [55, 432, 74, 3159, 1949, 17, 48, 16, 101, 172, 36, 444, 66, 15, 15, 15],
}

FIXED: tuple[list[int], list[int], list[int]] = ([6, 7, 14, 15, 19, 23], [2, 9, 16], [1, 3, 11, 13, 20, 21])


def labels_of(counts: list[int]) -> np.ndarray:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(7).permutation(labels)


def split(labels: np.ndarray, percentage: float = 100, *, own_test: bool = False, seed: int = 3) -> Split:
    return stratified_split(
        labels, sample_percentage=percentage, validation_split=0.2, test_split=0.15, has_test_part=own_test, seed=seed
    )


@pytest.mark.parametrize("percentage", [5, 33.3, 50, 100])
@pytest.mark.parametrize("own_test", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_shares_per_class(shape: str, own_test: bool, percentage: float) -> None:
    labels = labels_of(SHAPES[shape])
    result = split(labels, percentage, own_test=own_test)
    test = np.empty(0, np.int64) if result.test is None else result.test
    parts = [result.train, result.validation, test]
    assert (result.test is None) is own_test
    together = np.concatenate(parts)
    assert len(together) == len(np.unique(together))
    for part in parts:
        assert part.dtype == np.int64 and np.array_equal(part, np.sort(part))
    for label, count in enumerate(SHAPES[shape]):
        n_train, n_validation, n_test = (int(np.sum(labels[part] == label)) for part in parts)
        n_sample = n_train + n_validation
        assert n_train >= 1
        assert abs(n_test - (0 if own_test else 0.15 * count)) <= 1
        assert abs(n_sample - percentage / 100 * (count - n_test)) <= 1
        assert abs(n_validation - 0.2 * n_sample) <= 1
        if count == 1:
            assert (n_train, n_validation, n_test) == (1, 0, 0)


def test_whole_sizes_are_exact() -> None:
    result = split(labels_of([500] * 10))
    assert result.test is not None
    assert (len(result.test), len(result.validation), len(result.train)) == (750, 850, 3400)


@pytest.mark.parametrize("shape", SHAPES)
def test_sample_percentage_leaves_the_test_alone_and_samples_are_nested(shape: str) -> None:
    labels = labels_of(SHAPES[shape])
    results = [split(labels, percentage) for percentage in (5, 20, 60, 100)]
    for smaller, larger in pairwise(results):
        assert smaller.test is not None and larger.test is not None
        assert np.array_equal(smaller.test, larger.test)
        smaller_sample = np.concatenate([smaller.train, smaller.validation])
        assert np.isin(smaller_sample, np.concatenate([larger.train, larger.validation])).all()
        assert not np.isin(smaller_sample, larger.test).any()


def test_largest_remainders_are_rounded_up() -> None:
    labels = labels_of([10, 5, 10, 10])
    result = stratified_split(
        labels, sample_percentage=100, validation_split=0, test_split=0.25, has_test_part=False, seed=0
    )
    assert np.bincount(labels[result.test]).tolist() == [3, 1, 3, 2]


def test_seed_decides() -> None:
    labels = labels_of([200, 100])
    first, again, other = split(labels), split(labels), split(labels, seed=4)
    assert first.test is not None and again.test is not None and other.test is not None
    for name in ("train", "validation", "test"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))


def test_fixed_case_is_the_same_on_every_machine() -> None:
    result = stratified_split(
        np.arange(24) % 3, sample_percentage=50, validation_split=0.3, test_split=0.25, has_test_part=False, seed=0
    )
    assert result.test is not None
    assert (result.train.tolist(), result.validation.tolist(), result.test.tolist()) == FIXED


def test_label_type_does_not_matter() -> None:
    labels = labels_of([30, 20])
    for dtype in (np.uint8, np.int64, np.int32):
        assert np.array_equal(split(labels.astype(dtype)).train, split(labels).train)


def test_missing_class_numbers_are_no_classes() -> None:
    labels = np.array([0, 5] * 20)
    assert np.array_equal(split(labels).train, split(labels // 5).train)


def test_no_validation_gives_everything_to_training() -> None:
    result = stratified_split(
        np.arange(10) % 2, sample_percentage=100, validation_split=0, test_split=0.2, has_test_part=True, seed=0
    )
    assert result.train.tolist() == list(range(10)) and len(result.validation) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_percentage", 0),
        ("sample_percentage", 101),
        ("sample_percentage", float("nan")),
        ("validation_split", 1.0),
        ("validation_split", -0.1),
        ("test_split", 1.0),
    ],
)
def test_values_outside_their_range(field: str, value: float) -> None:
    arguments = {"sample_percentage": 100, "validation_split": 0.2, "test_split": 0.2} | {field: value}
    with pytest.raises(ValueError, match=f"{field} must be .*, got {value}"):
        stratified_split(np.arange(4), has_test_part=False, seed=0, **arguments)


def test_no_labels() -> None:
    with pytest.raises(ValueError, match="labels must"):
        split(np.array([], np.int64))
