"""The Pareto front against a slow second implementation."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from hpo_core.analysis.pareto import front


def slow_front(points: Sequence[Sequence[float]], minimises: Sequence[bool]) -> list[bool]:
    def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
        pairs = [(x, y) if smaller else (-x, -y) for x, y, smaller in zip(a, b, minimises, strict=True)]
        return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    return [not any(dominates(other, point) for other in points) for point in points]


@pytest.mark.parametrize("minimises", [(True, True), (False, False, True), (False,)])
def test_front_of_random_points_with_many_ties(minimises: tuple[bool, ...]) -> None:
    for seed in range(20):
        chance = random.Random(seed)
        points = [[float(chance.randint(0, 5)) for _ in minimises] for _ in range(60)]
        assert front(points, minimises) == slow_front(points, minimises)


def test_equal_points_share_their_fate_and_no_number_is_never_best() -> None:
    assert front([(1.0, 2.0), (1.0, 2.0), (0.0, 3.0), (2.0, 3.0)], (True, True)) == [True, True, True, False]
    assert front([(math.nan, 0.0), (math.inf, 0.0), (1.0, 1.0)], (True, True)) == [False, False, True]
    assert front([], (True,)) == []


def test_a_front_of_all_points_of_a_large_study() -> None:
    points = [(float(number), float(5_000 - number)) for number in range(5_000)]
    assert front(points, [False, False]) == [True] * 5_000
    assert front([*points, (-1.0, 0.0)], [False, False]) == [True] * 5_000 + [False]
