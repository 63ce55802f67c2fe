"""Colours of the dashboard. The states' colours are safe for colour-blind readers and always go with a word."""

from __future__ import annotations

from collections.abc import Mapping

RUNNING = "#0072B2"
COMPLETE = "#009E73"
PRUNED = "#E69F00"
FAILED = "#D55E00"
WAITING = "#98A2B3"
BEST = "#CC79A7"

TRIAL_STATES: Mapping[str, str] = {
    "running": RUNNING,
    "complete": COMPLETE,
    "pruned": PRUNED,
    "fail": FAILED,
    "waiting": WAITING,
}
RUN_STATES: Mapping[str, str] = {
    "waiting": WAITING,
    "running": RUNNING,
    "finished": COMPLETE,
    "cancelled": PRUNED,
    "failed": FAILED,
    "interrupted": FAILED,
}

SEVERITIES: Mapping[str, str] = {"fatal": FAILED, "warning": PRUNED, "note": RUNNING}

# Layers by the class that Keras gives them; the same in every diagram, legend and chart.
OUTPUT_LAYER = "#D55E00"
OTHER_LAYER = "#999999"
LAYERS: Mapping[str, str] = {
    "InputLayer": "#8D99AE",
    "Rescaling": "#C5CBD8",
    "Conv2D": "#0072B2",
    "MaxPooling2D": "#56B4E9",
    "AveragePooling2D": "#56B4E9",
    "BatchNormalization": "#B8B8AA",
    "Activation": "#CC6677",
    "Flatten": "#999999",
    "GlobalAveragePooling2D": "#999999",
    "GlobalAveragePooling1D": "#999999",
    "GlobalMaxPooling1D": "#999999",
    "Dense": "#009E73",
    "Dropout": "#DDCC77",
    "Embedding": "#AA4499",
    "LSTM": "#882255",
    "Bidirectional": "#882255",
}

# Health: a scale from 0 over 0.5 to 1. It never speaks alone, a number stands on it.
HEALTH: tuple[str, str, str] = ("#B2182B", "#F7F0D5", "#1B7837")
# Low to high, told apart by colour-blind readers and visible on both grounds.
SEQUENCE: tuple[str, ...] = ("#1F5FA8", "#6FA3C7", "#C4B98F", "#E69F00")
QUIET = "rgba(128,136,150,0.45)"
DARK_INK, LIGHT_INK = "#0B0D12", "#FFFFFF"


def health(value: float) -> str:
    """The colour of a health of 0 to 1."""
    place = min(1.0, max(0.0, value)) * 2
    low = min(int(place), 1)
    pairs = zip(_channels(HEALTH[low]), _channels(HEALTH[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - low)):02X}" for a, b in pairs)


def ink_on(colour: str) -> str:
    """Dark or light text, whichever is read better on a colour."""
    ground = _luminance(colour)
    dark = (ground + 0.05) / (_luminance(DARK_INK) + 0.05)
    light = (_luminance(LIGHT_INK) + 0.05) / (ground + 0.05)
    return DARK_INK if dark >= light else LIGHT_INK


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
