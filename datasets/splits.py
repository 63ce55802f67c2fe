"""Cutting a dataset into training, validation and test samples, the same on every machine."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TEST, _SAMPLE, _VALIDATION = range(3)  # each step draws from a stream of its own


@dataclass(frozen=True)
class Split:
    """Sorted positions in the training part of a dataset, int64.

    Attributes:
        train: positions to train on.
        validation: positions to validate on.
        test: positions to test on; None where the dataset has a test part of its own.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64] | None


def stratified_split(
    labels: NDArray[Any],
    *,
    sample_percentage: float,
    validation_split: float,
    test_split: float,
    has_test_part: bool,
    seed: int,
) -> Split:
    """Split the training part of a dataset class by class.

    First `test_split` of all samples goes to the test, unless there is a test part; of the rest a sample of
    `sample_percentage` is taken; of the sample `validation_split` validates and the remainder trains. In each step a
    class gives its exact share within one sample, and keeps at least one for the training. The test samples do not
    depend on `sample_percentage`, and a larger sample contains every smaller one.

    Args:
        labels: whole numbers (n,), n at least 1.
        sample_percentage: above 0 to 100.
        validation_split: share of the sample, 0 to below 1.
        test_split: share of all samples, 0 to below 1; not used if `has_test_part`.
        has_test_part: the dataset has a test part of its own.
        seed: 0 or more.

    Raises:
        ValueError: a value is outside its range; the message names it.
    """
    if len(labels) == 0:
        raise ValueError("labels must hold at least one sample, got none")
    if not 0 < sample_percentage <= 100:
        raise ValueError(f"sample_percentage must be above 0 and at most 100, got {sample_percentage}")
    for name, share in (("validation_split", validation_split), ("test_split", test_split)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {share}")
    classes = np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64)
    rest = np.arange(len(classes), dtype=np.int64)
    test = None
    if not has_test_part:
        test, rest = _draw(rest, classes, test_split, keep_one=True, seed=(seed, _TEST))
    sample, _ = _draw(rest, classes, sample_percentage / 100, keep_one=False, seed=(seed, _SAMPLE))
    validation, train = _draw(sample, classes, validation_split, keep_one=True, seed=(seed, _VALIDATION))
    return Split(train, validation, test)


def _draw(
    positions: NDArray[np.int64], classes: NDArray[np.int64], share: float, *, keep_one: bool, seed: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw a share of every class: what was drawn and what was left, both in the order of `positions`.

    `keep_one` leaves at least one of each class behind; otherwise at least one of each is drawn.
    """
    members = classes[positions]
    counts = np.bincount(members, minlength=int(classes.max()) + 1)
    quotas = _quotas(counts, share)
    quotas = np.minimum(quotas, np.maximum(counts - 1, 0)) if keep_one else np.maximum(quotas, np.minimum(counts, 1))
    # A random key per sample; the rank of a sample within its class decides. One stream of floats is the part of
    # NumPy's generators that stays the same from version to version.
    keys = np.random.default_rng(seed).random(len(positions))
    order = np.lexsort((keys, members))
    first_of_class = np.cumsum(counts) - counts
    rank = np.empty(len(positions), np.int64)
    rank[order] = np.arange(len(positions)) - np.repeat(first_of_class, counts)
    is_drawn = rank < quotas[members]
    return positions[is_drawn], positions[~is_drawn]


def _quotas(counts: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """How many of each class: whole numbers next to `share * counts` that add up to the rounded whole.

    The largest remainders are rounded up, of equal ones the first class's.
    """
    exact = share * counts
    quotas = np.floor(exact).astype(np.int64)
    left_over = int(np.rint(share * counts.sum())) - int(quotas.sum())
    by_remainder = np.argsort(quotas - exact, kind="stable")
    quotas[by_remainder[: max(left_over, 0)]] += 1
    result: NDArray[np.int64] = np.minimum(quotas, counts)
    return result
