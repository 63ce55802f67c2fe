"""The network of a trial as a small picture: its layers side by side."""

from __future__ import annotations

import base64
import html
import math

from hpo_core.layer_plan import LayerPlan, PlannedLayer
from hpo_core.layer_texts import LayerKind
from hpo_core.model_size import MAX_FILTERS
from pages.parts import architecture_source
from pages.parts.architecture_colours import type_colour
from storage.studies import TrialRow

HEIGHT = 40.0
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
    return picture("".join(bars), x - GAP, in_words(plan), "glyph")


def in_words(plan: LayerPlan) -> str:
    """The layers for people who cannot see the picture."""
    parts = [
        f"{layer.kind} {layer.output_shape[-1]}" if layer.kind in WITH_UNITS else layer.name.replace("_", " ")
        for layer in plan.layers
        if layer.kind in TOLD
    ]
    return f"Layers: {', '.join(parts)}"


def _height(layer: PlannedLayer) -> float:
    """From LOWEST to 1, by powers of two: as many units as a layer can have are as high as can be."""
    units = layer.output_shape[-1] if layer.kind in WITH_UNITS else 0
    grown = math.log2(max(1, units)) / math.log2(MAX_FILTERS) if units else SIMPLE
    return LOWEST + (1 - LOWEST) * min(1.0, grown)


def picture(content: str, width: float, words: str, kind: str) -> str:
    """An image with its content in its address: the page's sanitiser lets no SVG through."""
    shape = 'preserveAspectRatio="none"' if kind == "sparkline" else ""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {HEIGHT:g}" width="{width:g}" '
        f'height="{HEIGHT:g}" {shape}>{content}</svg>'
    )
    data, text = base64.b64encode(svg.encode()).decode("ascii"), html.escape(words, quote=True)
    return f'<img class="{kind}" decoding="sync" alt="{text}" title="{text}" src="data:image/svg+xml;base64,{data}">'
