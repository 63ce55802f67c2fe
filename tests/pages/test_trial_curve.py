"""Small curves: side by side they have one scale."""

from __future__ import annotations

import math

import pytest

from pages.parts.trial_curve import LEFT_OUT, WIDTH, Scale, curve, scale_of
from pages.parts.trial_glyph import HEIGHT
from storage.studies import TrialRow
from tests.pages.test_live_curves import svgs


def learnt(*values: float, state: str = "complete") -> TrialRow:
    return TrialRow(0, state, values[-1], 1.0, curve=dict(enumerate(values, 1)))


def places(trial: TrialRow, scale: Scale) -> list[tuple[float, float]]:
    ((line,),) = svgs(curve(trial, scale))
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]


def test_a_worse_and_shorter_curve_lies_lower_and_ends_earlier() -> None:
    good, pruned = learnt(0.5, 0.8, 0.9, 0.95), learnt(0.1, 0.3, state="pruned")
    scale = scale_of([good, pruned])
    best, worst = places(good, scale), places(pruned, scale)
    assert best[-1][0] == WIDTH and worst[-1][0] == pytest.approx(WIDTH / 3, abs=0.1)
    assert all(low > high for (_, low), (_, high) in zip(worst, best, strict=False)), "y grows downwards"


def test_a_value_far_away_does_not_press_the_others_flat() -> None:
    usual = [learnt(0.5, 0.7, 0.9) for _ in range(40)]
    scale = scale_of([*usual, learnt(0.5, 1e9, math.inf)])
    assert LEFT_OUT * 122 >= 1 and (scale.low, scale.high) == (0.5, 0.9)
    assert min(y for _, y in places(learnt(0.5, 1e9), scale)) >= 0


def test_nothing_to_draw() -> None:
    assert curve(learnt(0.5), scale_of([])) == "" and scale_of([learnt(math.nan)]).high == 1.0
    level = learnt(0.5, 0.5)
    assert {y for _, y in places(level, scale_of([level]))} == {HEIGHT / 2}
