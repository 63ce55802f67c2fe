"""The trials that no other trial beats in everything at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def front(points: Sequence[Sequence[float]], minimises: Sequence[bool]) -> list[bool]:
    """For each point whether it is on the Pareto front.

    A point is off the front where another one is at least as good in every quantity and better in one. Equal points
    share their fate. A point with a value that is no finite number is never on it.

    Args:
        points: the same number of quantities each.
        minimises: per quantity, whether smaller is better.
    """
    costs = [
        tuple(value if smaller else -value for value, smaller in zip(point, minimises, strict=True)) for point in points
    ]
    known = sorted({cost for cost in costs if all(math.isfinite(value) for value in cost)})
    kept = np.empty((len(known), len(minimises)))
    on_front: set[tuple[float, ...]] = set()
    # In this order a point can be dominated only by one that came before it.
    for cost in known:
        if not (kept[: len(on_front)] <= cost).all(axis=1).any():
            kept[len(on_front)] = cost
            on_front.add(cost)
    return [cost in on_front for cost in costs]
