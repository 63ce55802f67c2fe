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

from hpo_core.analysis.targets import plain
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

    def ends(self) -> tuple[str, str]:
        """The highest loss and the lowest one of the axis."""
        high, low = (10**end if self.log else end for end in (self.high, self.low))
        return short(high), short(low)


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
    layers, losses = last_reading(history.epochs), curve(history)
    frame = frame_of(losses)
    loss = _picture(loss_svg(losses), loss_words(history))
    if frame is not None:
        loss = _with_ends(loss, ("start", f"epoch {len(history.epochs)}"), frame.ends())
    title = "Loss, log" if frame is not None and frame.log else "Loss"
    parts = [f'<div class="wide">{_caption(title, _legend(history, losses))}{loss}</div>']
    if layers:
        gradient = _picture(gradient_svg(layers), gradient_words(layers))
        reach = reach_of(layers)
        weights = _picture(weights_svg(layers, reach), weights_words(layers))
        ends = (f"−{short(reach)}", "0", short(reach))
        parts.append(f"<div>{_caption('Gradient', 'log')}{_with_ends(gradient, ('input', 'output'))}</div>")
        parts.append(f"<div>{_caption('Weights', 'by layer')}{_with_ends(weights, ends)}</div>")
    return f'<div class="live-curves">{"".join(parts)}</div>'


def short(value: float) -> str:
    """Two digits that matter, as there is little room: 0.38, 2.3, 1 200."""
    return plain(float(f"{value:.2g}"))


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
    frame = frame_of(losses)
    if frame is None:
        return _svg("")
    drawn = _line(losses.thin, frame, TRAINING, 1.0, 0.55)
    return _svg(drawn + _line(losses.training, frame, TRAINING, 2.0) + _line(losses.validation, frame, VALIDATION, 2.0))


def frame_of(losses: Curve) -> Frame | None:
    """The axes that show every loss: from zero, or from the smallest one on a logarithmic axis; None for no loss."""
    everything = losses.thin + losses.training + losses.validation
    if not everything:
        return None
    right, values = max(x for x, _ in everything), [y for _, y in everything]
    if is_log(values):
        return Frame(right, math.log10(min(values)), math.log10(max(values)), log=True)
    return Frame(right, 0.0, max(values) or 1.0, log=False)


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


def reach_of(layers: Sequence[LayerReading]) -> float:
    """How far from zero the weights of all layers go."""
    shown = [layer.weight_histogram for layer in layers if layer.weight_histogram is not None]
    return max((max(abs(h.low), abs(h.high)) for h in shown), default=0.0) or 1.0


def weights_svg(layers: Sequence[LayerReading], reach: float) -> str:
    """The histogram of each layer's kernels, all on an axis from -reach to reach, each scaled to its own peak."""
    shown = [(layer, layer.weight_histogram) for layer in layers if layer.weight_histogram is not None]
    drawn = "".join(
        _outline(histogram, reach, health_charts.layer_colour(layer.type, is_output=layer is layers[-1]))
        for layer, histogram in shown
    )
    zero = (
        f'<line x1="{WIDTH / 2:g}" y1="0" x2="{WIDTH / 2:g}" y2="{HEIGHT:g}" stroke="{palette.WAITING}" '
        'stroke-dasharray="3 3" vector-effect="non-scaling-stroke"/>'
    )
    return _svg(drawn + zero)


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


def _legend(history: TrialHistory, losses: Curve) -> str:
    last = history.epochs[-1]
    parts = (("training", TRAINING, last.loss), ("validation", VALIDATION, last.validation_loss))
    marks = [
        f'<span class="mark"><i style="background:{colour}"></i>{name} '
        f"{formats.NOTHING if value is None else format(value, '.3g')}</span>"
        for name, colour, value in parts
    ]
    if losses.thin:
        marks.append(f'<span class="mark"><i class="thin" style="background:{TRAINING}"></i>within an epoch</span>')
    return " ".join(marks)


def _caption(title: str, text: str) -> str:
    return f"<small><b>{title}</b> {text}</small>"


def _with_ends(picture: str, below: Sequence[str], beside: Sequence[str] = ()) -> str:
    """A picture with the ends of its axes: texts from left to right below it, from top to bottom on its left."""
    left, foot = ("".join(f"<i>{text}</i>" for text in texts) for texts in (beside, below))
    heights = f'<span class="beside">{left}</span>' if beside else ""
    return f'<div class="plot">{heights}{picture}<span class="below">{foot}</span></div>'


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
