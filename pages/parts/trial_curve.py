"""How a trial learnt as a small curve, drawn so that the curves of one page can be compared with each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pages.parts import formats, live_curves
from pages.parts.trial_glyph import HEIGHT, picture
from pages.parts.trial_words import state_colour
from storage.studies import TrialRow

WIDTH, EDGE = 240.0, 2.0
# Of all values: a single one far away, such as a first loss, would press every curve flat.
LEFT_OUT = 0.02


@dataclass(frozen=True)
class Scale:
    """The first and last step of all curves, and the values between which they run."""

    first: float
    last: float
    low: float
    high: float

    def place(self, step: float, value: float) -> tuple[float, float]:
        """Where a point lies in the picture; beyond the scale it lies on its edge."""
        across = (step - self.first) / ((self.last - self.first) or 1)
        up = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return across * WIDTH, HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE)


def scale_of(trials: Iterable[TrialRow]) -> Scale:
    """The scale of trials that are shown side by side."""
    points = [point for trial in trials for point in _points(trial)]
    if not points:
        return Scale(0.0, 1.0, 0.0, 1.0)
    steps, values = sorted(step for step, _ in points), sorted(value for _, value in points)
    left_out = int(len(values) * LEFT_OUT)
    return Scale(steps[0], steps[-1], values[left_out], values[-1 - left_out])


def curve(trial: TrialRow, scale: Scale) -> str:
    """The curve of a trial as HTML; empty below two epochs."""
    points = live_curves.thinned(_points(trial))
    if len(points) < 2:
        return ""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (scale.place(*point) for point in points))
    colour = state_colour(trial)
    line = (
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round" '
        'stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
    )
    first, last = points[0][1], points[-1][1]
    words = f"Curve: {first:.3g} at first, {last:.3g} after {formats.plural(len(trial.curve), 'epoch')}"
    return picture(line, WIDTH, words, "sparkline")


def _points(trial: TrialRow) -> list[tuple[float, float]]:
    return [(float(step), value) for step, value in trial.curve.items() if math.isfinite(value)]
