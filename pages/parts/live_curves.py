"""What happens inside a running trial, small: loss, gradient of each layer, spread of the weights.

Drawn as SVG in the text of the page, and made anew only when an epoch has ended: a live page costs next to nothing.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from hpo_core.health.readings import Histogram, LayerReading
from hpo_core.history import TrialHistory, last_reading
from pages.parts import formats, health_charts, palette, shared
from storage.progress import TrialProgress

TRAINING, VALIDATION = palette.RUNNING, palette.PRUNED
WIDTH, HEIGHT = 300.0, 60.0
# More points than this do not show at the width of a card, and every one is sent with each redraw.
MAX_POINTS = 120
# Bars show powers of ten from this many below the largest one on.
DECADES = 6.0
# Losses that differ by more than this factor get a logarithmic axis.
LOG_FROM = 50.0


class _NotYet(Exception):
    """No epoch has ended."""


@dataclass(frozen=True)
class Curve:
    """Losses along the epochs; `training` and `validation` have one (x, y) per epoch, `thin` those in between."""

    thin: list[tuple[float, float]]
    training: list[tuple[float, float]]
    validation: list[tuple[float, float]]


@dataclass(frozen=True)
class Frame:
    """The axes of the loss: epochs from 0 to `right`; losses, or their logarithms, from `low` to `high`."""

    right: float
    low: float
    high: float
    log: bool

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point stands in the picture."""
        height = math.log10(y) if self.log else max(0.0, y)
        return x / self.right * WIDTH, HEIGHT - (height - self.low) / (self.high - self.low) * HEIGHT


def of_trial(run_name: str, trial: TrialProgress) -> str:
    """The area as HTML; empty before the first epoch has ended."""
    try:
        # A whole epoch, its validation and the next one's beginning differ in these.
        return _area(
            run_name, trial.trial, trial.started_at, (trial.epoch, trial.share >= 1), trial.validation_accuracy
        )
    except _NotYet:
        return ""


@st.cache_data(show_spinner=False, max_entries=64)
def _area(
    run_name: str, trial: int, started_at: float, moment: tuple[int, bool], validation_accuracy: float | None
) -> str:
    text = shared.progress(run_name).live(trial)
    history = TrialHistory.from_json(text) if text else None
    if history is None or not history.epochs:
        raise _NotYet
    return area(history)


def area(history: TrialHistory) -> str:
    """The three pictures with their captions."""
    layers = last_reading(history.epochs)
    title = "Loss, log" if _is_log(history) else "Loss"
    parts = [_block(title, _picture(loss_svg(curve(history)), loss_words(history)), _legend(history), wide=True)]
    if layers:
        parts.append(_block("Gradient", _picture(gradient_svg(layers), gradient_words(layers)), "log, in → out"))
        parts.append(_block("Weights", _picture(weights_svg(layers), weights_words(layers)), "by layer"))
    return f'<div class="live-curves">{"".join(parts)}</div>'


def curve(history: TrialHistory) -> Curve:
    """Losses by epoch and within epochs; what is no number is left out."""
    thin = [
        (epoch.epoch - 1 + (place + 0.5) / len(epoch.loss_curve), value)
        for epoch in history.epochs
        for place, value in enumerate(epoch.loss_curve)
        if value is not None
    ]
    training = [(float(epoch.epoch), epoch.loss) for epoch in history.epochs if epoch.loss is not None]
    validation = [
        (float(epoch.epoch), epoch.validation_loss) for epoch in history.epochs if epoch.validation_loss is not None
    ]
    return Curve(thinned(thin), thinned(training), thinned(validation))


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most MAX_POINTS points, evenly chosen; the last one always."""
    step = max(1, -(-len(points) // MAX_POINTS))
    return [point for place, point in enumerate(points) if (len(points) - 1 - place) % step == 0]


def loss_svg(losses: Curve) -> str:
    """Thin: training loss within epochs; thick: after each epoch, training and validation."""
    everything = losses.thin + losses.training + losses.validation
    if not everything:
        return _svg("")
    right, values = max(x for x, _ in everything), [y for _, y in everything]
    low, high = _scale(values)
    frame = Frame(right, low, high, is_log(values))
    drawn = _line(losses.thin, frame, TRAINING, 1.0, 0.55)
    return _svg(drawn + _line(losses.training, frame, TRAINING, 2.0) + _line(losses.validation, frame, VALIDATION, 2.0))


def is_log(losses: Sequence[float]) -> bool:
    """Whether a linear axis would show nothing but the largest loss."""
    return min(losses) > 0 and max(losses) / min(losses) > LOG_FROM


def gradient_svg(layers: Sequence[LayerReading]) -> str:
    """A bar per layer, input first, by powers of ten below the largest."""
    sizes = [layer.gradient_rms for layer in layers]
    largest = max((size for size in sizes if size), default=0.0)
    step = WIDTH / len(layers)
    bars = []
    for place, (layer, size) in enumerate(zip(layers, sizes, strict=True)):
        if size and largest:
            tall = max(0.04, 1 - math.log10(largest / size) / DECADES) * HEIGHT
            colour = health_charts.layer_colour(layer.type, is_output=place == len(layers) - 1)
            bars.append(
                f'<rect x="{place * step + step * 0.12:.1f}" y="{HEIGHT - tall:.1f}" width="{step * 0.76:.1f}" '
                f'height="{tall:.1f}" fill="{colour}"/>'
            )
    return _svg("".join(bars))


def weights_svg(layers: Sequence[LayerReading]) -> str:
    """The histogram of each layer's kernels, all on one axis, each scaled to its own peak."""
    shown = [(layer, layer.weight_histogram) for layer in layers if layer.weight_histogram is not None]
    reach = max((max(abs(h.low), abs(h.high)) for _, h in shown), default=0.0) or 1.0
    drawn = "".join(
        _outline(histogram, reach, health_charts.layer_colour(layer.type, is_output=layer is layers[-1]))
        for layer, histogram in shown
    )
    return _svg(drawn)


def loss_words(history: TrialHistory) -> str:
    """The loss picture for people who cannot see it."""
    losses = [epoch.loss for epoch in history.epochs if epoch.loss is not None]
    if not losses:
        return "The training loss is no number."
    ended = formats.plural(len(history.epochs), "epoch")
    return f"Training loss {losses[0]:.3g} after the first epoch, {losses[-1]:.3g} after {ended}."


def gradient_words(layers: Sequence[LayerReading]) -> str:
    """The gradient picture in words."""
    parts = [f"{layer.name} {layer.gradient_rms:.1e}" for layer in layers if layer.gradient_rms is not None]
    return f"Gradient of each layer, root mean square: {', '.join(parts) or 'no finite number'}."


def weights_words(layers: Sequence[LayerReading]) -> str:
    """The weights picture in words."""
    shown = [layer.weight_histogram for layer in layers if layer.weight_histogram is not None]
    if not shown:
        return "No weights were read."
    return f"Weights lie between {min(h.low for h in shown):.2g} and {max(h.high for h in shown):.2g}."


def _is_log(history: TrialHistory) -> bool:
    losses = curve(history)
    values = [y for _, y in losses.thin + losses.training + losses.validation]
    return bool(values) and is_log(values)


def _legend(history: TrialHistory) -> str:
    last = history.epochs[-1]
    parts = (("training", TRAINING, last.loss), ("validation", VALIDATION, last.validation_loss))
    return " ".join(
        f'<span class="mark"><i style="background:{colour}"></i>{name} '
        f"{formats.NOTHING if value is None else format(value, '.3g')}</span>"
        for name, colour, value in parts
    )


def _block(title: str, picture: str, caption: str, *, wide: bool = False) -> str:
    return f"<div{' class=wide' if wide else ''}><small><b>{title}</b> {caption}</small>{picture}</div>"


def _picture(svg: str, words: str) -> str:
    data = base64.b64encode(svg.encode()).decode("ascii")
    text = html.escape(words, quote=True)
    return f'<img decoding="sync" alt="{text}" title="{text}" src="data:image/svg+xml;base64,{data}">'


def _svg(content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -2 {WIDTH:g} {HEIGHT + 4:g}" '
        f'preserveAspectRatio="none" width="{WIDTH:g}" height="{HEIGHT + 4:g}">'
        f'<line x1="0" y1="{HEIGHT}" x2="{WIDTH:g}" y2="{HEIGHT}" stroke="{palette.WAITING}" stroke-opacity="0.5" '
        f'vector-effect="non-scaling-stroke"/>{content}</svg>'
    )


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """Lower and upper end of the axis: from zero, or from the smallest value on a logarithmic one."""
    if is_log(values):
        return math.log10(min(values)), math.log10(max(values))
    return 0.0, max(values) or 1.0


def _line(points: Sequence[tuple[float, float]], frame: Frame, colour: str, width: float, opacity: float = 1.0) -> str:
    if not points:
        return ""
    at = [frame.place(x, y) for x, y in points]
    if len(at) == 1:  # one point is drawn as a short dash
        at = [(at[0][0] - 6, at[0][1]), at[0]]
    places = " ".join(f"{x:.0f},{y:.0f}" for x, y in at)
    return (
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-opacity="{opacity:g}" stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
    )


def _outline(histogram: Histogram, reach: float, colour: str) -> str:
    """A histogram as an area; -reach to reach is the width."""
    peak, bins = max(histogram.counts, default=0), len(histogram.counts)
    if not peak:
        return ""
    step = (histogram.high - histogram.low) / bins
    points = [(histogram.low, 0.0)]
    points += [(histogram.low + (place + 0.5) * step, count / peak) for place, count in enumerate(histogram.counts)]
    points.append((histogram.high, 0.0))
    places = " ".join(f"{(x / reach + 1) / 2 * WIDTH:.0f},{HEIGHT - y * HEIGHT * 0.95:.0f}" for x, y in points)
    return (
        f'<polygon points="{places}" fill="{colour}" fill-opacity="0.25" stroke="{colour}" '
        f'vector-effect="non-scaling-stroke"/>'
    )
