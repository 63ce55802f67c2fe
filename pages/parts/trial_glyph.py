"""A trial in two small pictures: the layers of its network, and how it learnt."""

from __future__ import annotations

import base64
import html
import math

from hpo_core.layer_plan import LayerPlan, PlannedLayer
from hpo_core.layer_texts import LayerKind
from hpo_core.model_size import MAX_FILTERS
from pages.parts import architecture_source, formats, live_curves, palette
from pages.parts.architecture_colours import type_colour
from storage.studies import TrialRow

HEIGHT, CURVE_WIDTH = 40.0, 240.0
BAR, THIN, GAP = 12.0, 4.0, 3.0
# Layers without units of their own are drawn as thin as they are simple.
LOWEST, SIMPLE = 0.25, 0.4
WITH_UNITS = frozenset({LayerKind.CONVOLUTION, LayerKind.EMBEDDING, LayerKind.LSTM, LayerKind.DENSE, LayerKind.OUTPUT})
# Told in words besides those.
TOLD = WITH_UNITS | {LayerKind.FLATTEN}


def glyph(trial: TrialRow) -> str:
    """The layers of a trial's network as HTML; empty where they are not known."""
    plan = architecture_source.plan_of(trial, {})
    return glyph_of(plan) if plan is not None else ""


def glyph_of(plan: LayerPlan) -> str:
    """The layers of a network as HTML: the more units, the taller."""
    bars, x = [], 0.0
    for layer in plan.layers:
        width = BAR if layer.kind in WITH_UNITS else THIN
        tall = _height(layer) * HEIGHT
        bars.append(
            f'<rect x="{x:g}" y="{(HEIGHT - tall) / 2:.1f}" width="{width:g}" height="{tall:.1f}" rx="1.5" '
            f'fill="{type_colour(layer)}"/>'
        )
        x += width + GAP
    return _picture("".join(bars), x - GAP, in_words(plan), "glyph")


def in_words(plan: LayerPlan) -> str:
    """The layers for people who cannot see the picture."""
    parts = [
        f"{layer.kind} {layer.output_shape[-1]}" if layer.kind in WITH_UNITS else layer.name.replace("_", " ")
        for layer in plan.layers
        if layer.kind in TOLD
    ]
    return f"Layers: {', '.join(parts)}"


def sparkline(trial: TrialRow) -> str:
    """The curve of a trial as HTML; empty below two epochs."""
    points = live_curves.thinned([(float(step), value) for step, value in trial.curve.items() if math.isfinite(value)])
    if len(points) < 2:
        return ""
    (left, right), values = (points[0][0], points[-1][0]), [value for _, value in points]
    low, high = min(values), max(values)
    places = " ".join(
        f"{(x - left) / ((right - left) or 1) * CURVE_WIDTH:.1f},"
        f"{HEIGHT - 2 - ((y - low) / (high - low) if high > low else 0.5) * (HEIGHT - 4):.1f}"
        for x, y in points
    )
    colour = palette.TRIAL_STATES.get(trial.state, palette.WAITING)
    line = (
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round" '
        'stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
    )
    words = f"Curve: {values[0]:.3g} at first, {values[-1]:.3g} after {formats.plural(len(trial.curve), 'epoch')}"
    return _picture(line, CURVE_WIDTH, words, "sparkline")


def _height(layer: PlannedLayer) -> float:
    """From LOWEST to 1, by powers of two: as many units as a layer can have are as high as can be."""
    units = layer.output_shape[-1] if layer.kind in WITH_UNITS else 0
    grown = math.log2(max(1, units)) / math.log2(MAX_FILTERS) if units else SIMPLE
    return LOWEST + (1 - LOWEST) * min(1.0, grown)


def _picture(content: str, width: float, words: str, kind: str) -> str:
    """An image with its content in its address: the page's sanitiser lets no SVG through."""
    shape = 'preserveAspectRatio="none"' if kind == "sparkline" else ""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {HEIGHT:g}" width="{width:g}" '
        f'height="{HEIGHT:g}" {shape}>{content}</svg>'
    )
    data, text = base64.b64encode(svg.encode()).decode("ascii"), html.escape(words, quote=True)
    return f'<img class="{kind}" decoding="sync" alt="{text}" title="{text}" src="data:image/svg+xml;base64,{data}">'
