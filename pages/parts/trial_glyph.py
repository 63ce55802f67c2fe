"""A trial in two small pictures: the layers of its network, and how it learnt."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import datasets
from hpo_core.errors import UsageError
from hpo_core.model_size import MAX_FILTERS, SMALLEST_MAP, conv_filters, hidden_nodes
from hpo_core.parameters import Architecture
from hpo_core.trial_config import TrialConfig
from pages.parts import formats, live_curves, palette
from storage.studies import TrialRow

HEIGHT, CURVE_WIDTH = 40.0, 240.0
BAR, THIN, GAP = 12.0, 4.0, 3.0
# Layers without units of their own are drawn as thin as they are simple.
LOWEST = 0.25
# The layers that are told in words.
NAMES: Mapping[str, str] = {
    "Conv2D": "convolution", "Flatten": "flatten", "GlobalAveragePooling2D": "global pooling",
    "Embedding": "embedding", "LSTM": "LSTM", "Bidirectional": "LSTM both ways", "Dense": "dense", "Output": "output",
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """One layer of the picture.

    Attributes:
        layer: its class in Keras, which has a colour.
        units: filters or nodes; 0 for a layer that has none.
    """

    layer: str
    units: int = 0


def config_of(trial: TrialRow) -> TrialConfig | None:
    """What the trial was told; None for a trial made outside Onegin or by a version with other fields."""
    text = trial.attributes.get("configuration")
    if not isinstance(text, str):
        return None
    try:
        return TrialConfig.from_json(text)
    except (UsageError, ValueError):
        return None


def blocks(config: TrialConfig) -> list[Block]:
    """The layers of a network, input first."""
    recurrent = config.architecture is Architecture.LSTM
    found = [Block("InputLayer"), *(_recurrent(config) if recurrent else _convolutions(config))]
    for nodes in hidden_nodes(config):
        found += [*_dropout(config), Block("Dense", nodes)]
    return [*found, *_dropout(config), Block("Output", _classes(config))]


def glyph(trial: TrialRow) -> str:
    """The layers as HTML; empty where they are not known."""
    config = config_of(trial)
    if config is None:
        return ""
    layers = blocks(config)
    bars, x = [], 0.0
    for block in layers:
        width = BAR if block.units else THIN
        tall = _height(block.units) * HEIGHT
        bars.append(
            f'<rect x="{x:g}" y="{(HEIGHT - tall) / 2:.1f}" width="{width:g}" height="{tall:.1f}" rx="1.5" '
            f'fill="{_colour(block.layer)}"/>'
        )
        x += width + GAP
    return _picture("".join(bars), x - GAP, in_words(layers), "glyph")


def in_words(layers: Sequence[Block]) -> str:
    """The layers for people who cannot see the picture."""
    parts = [f"{NAMES[block.layer]} {block.units or ''}".strip() for block in layers if block.layer in NAMES]
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


def _convolutions(config: TrialConfig) -> list[Block]:
    shape = datasets.dataset_info(config.dataset).shape if config.dataset in datasets.CATALOGUE else None
    side, found = min(shape[:2]) if shape else 0, list[Block]()
    for filters in conv_filters(config):
        found.append(Block("Conv2D", filters))
        if config["batch_normalization"]:
            found.append(Block("BatchNormalization"))
        if side >= SMALLEST_MAP:
            found.append(Block("MaxPooling2D"))
            side //= 2
    return [*found, Block("Flatten" if config["pooling"] == "flatten" else "GlobalAveragePooling2D")]


def _recurrent(config: TrialConfig) -> list[Block]:
    layer = "Bidirectional" if config["bidirectional"] else "LSTM"
    found = [Block("Embedding", config.number("embedding_size"))]
    found += [Block(layer, config.number("lstm_units"))] * config.number("lstm_layers")
    return found if config["state_pooling"] == "last" else [*found, Block("GlobalAveragePooling2D")]


def _dropout(config: TrialConfig) -> list[Block]:
    return [Block("Dropout")] if config.share("dropout") > 0 else []


def _classes(config: TrialConfig) -> int:
    return datasets.dataset_info(config.dataset).n_classes if config.dataset in datasets.CATALOGUE else 1


def _height(units: int) -> float:
    """From LOWEST to 1, by powers of two: 512 units are as high as can be."""
    grown = math.log2(max(1, units)) / math.log2(MAX_FILTERS) if units else 0.4
    return LOWEST + (1 - LOWEST) * min(1.0, grown)


def _colour(layer: str) -> str:
    return palette.OUTPUT_LAYER if layer == "Output" else palette.LAYERS.get(layer, palette.OTHER_LAYER)


def _picture(content: str, width: float, words: str, kind: str) -> str:
    """An image with its content in its address: the page's sanitiser lets no SVG through."""
    shape = 'preserveAspectRatio="none"' if kind == "sparkline" else ""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {HEIGHT:g}" width="{width:g}" '
        f'height="{HEIGHT:g}" {shape}>{content}</svg>'
    )
    data, text = base64.b64encode(svg.encode()).decode("ascii"), html.escape(words, quote=True)
    return f'<img class="{kind}" decoding="sync" alt="{text}" title="{text}" src="data:image/svg+xml;base64,{data}">'
