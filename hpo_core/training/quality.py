"""How good predicted probabilities are: plain arithmetic on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Keras clips probabilities here before it takes the logarithm.
EPSILON = 1e-7
FOLDS = 5


@dataclass(frozen=True)
class Quality:
    """One validation pass in four numbers.

    Attributes:
        loss: mean cross-entropy in nats, 0 is certain and right, ln(classes) is guessing; NaN after divergence.
        accuracy: share of samples whose most probable class is the right one.
        f1: macro F1: the mean over the classes that occur of 2 tp / (2 tp + fp + fn); rare classes count as much as
            frequent ones, so a value far below the accuracy means that some classes are never found.
        top5: share of samples whose class is among the five most probable; 1 where there are at most five classes.
    """

    loss: float
    accuracy: float
    f1: float
    top5: float


def quality(probabilities: np.ndarray, labels: np.ndarray) -> Quality:
    """Quality of `probabilities` (n, classes) against class numbers `labels` (n,)."""
    n, classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    right = np.clip(probabilities[np.arange(n), labels].astype(np.float64), EPSILON, 1.0)
    return Quality(
        loss=float(-np.log(right).mean()),
        accuracy=float((predicted == labels).mean()),
        f1=_macro_f1(predicted, labels, classes),
        top5=_top(5, probabilities, labels),
    )


def stratified_folds(labels: np.ndarray) -> np.ndarray:
    """The fold 0 to 4 of each sample, each class spread evenly over the folds: (n,)."""
    order = np.argsort(labels, kind="stable")
    folds = np.empty(len(labels), dtype=np.int64)
    folds[order] = np.arange(len(labels)) % FOLDS
    return folds


def fold_accuracies(probabilities: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> list[float]:
    """Share of right answers in each fold; empty where a fold would have fewer than two samples."""
    if len(labels) < 2 * FOLDS:
        return []
    right = probabilities.argmax(axis=1) == labels
    return [round(float(right[folds == fold].mean()), 6) for fold in range(FOLDS)]


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Counts with a row per right class and a column per predicted one."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels * classes + probabilities.argmax(axis=1), minlength=classes**2)
    matrix: list[list[int]] = counts.reshape(classes, classes).tolist()
    return matrix


def _macro_f1(predicted: np.ndarray, labels: np.ndarray, classes: int) -> float:
    hits = np.bincount(labels[predicted == labels], minlength=classes)
    found, present = np.bincount(predicted, minlength=classes), np.bincount(labels, minlength=classes)
    occurring = found + present > 0
    return float((2 * hits[occurring] / (found + present)[occurring]).mean())


def _top(k: int, probabilities: np.ndarray, labels: np.ndarray) -> float:
    if probabilities.shape[1] <= k:
        return 1.0
    best = np.argpartition(probabilities, -k, axis=1)[:, -k:]
    return float((best == labels[:, None]).any(axis=1).mean())
