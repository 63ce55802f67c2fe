"""Colours of the dashboard. The states' colours are safe for colour-blind readers and always go with a word."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """The colours of one theme, which .streamlit/config.toml repeats for Streamlit's own parts.

    Attributes:
        ground: behind the page.
        surface: of cards and charts.
        text: of what is to be read first.
        quiet: text of what is to be read second.
        accent: of links, choices and the one button that matters.
        on_accent: text on the accent.
        line: around and between things; never of text.
    """

    ground: str
    surface: str
    text: str
    quiet: str
    accent: str
    on_accent: str
    line: str


LIGHT = Theme("#FBFAF7", "#FFFFFF", "#1C2230", "#667085", "#2B4C9B", "#FFFFFF", "#E4E2DC")
DARK = Theme("#12151C", "#1A1F2A", "#E8EAF0", "#98A2B3", "#8FB0FF", "#12151C", "#2A3140")
# Sizes of type in pixels; nothing is written in another one.
TYPE_SCALE = (12, 14, 16, 20, 28, 40)

RUNNING = "#0072B2"
COMPLETE = "#009E73"
PRUNED = "#E69F00"
FAILED = "#D55E00"
WAITING = "#98A2B3"
BEST = "#CC79A7"
# Lines and numbers that belong to nothing in particular, seen on both grounds.
NEUTRAL = "#8D99AE"
# Lines of one chart, by their place.
SERIES = (RUNNING, COMPLETE, PRUNED, BEST, FAILED, "#56B4E9")

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
    "InputLayer": NEUTRAL,
    "Rescaling": "#C5CBD8",
    "Conv2D": "#0072B2",
    "MaxPooling2D": "#56B4E9",
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
# Little to much in one hue; pale enough at its beginning for both themes.
AMOUNT = ("#F4F6FB", "#9DB5E4", LIGHT.accent)
QUIET = "rgba(128,136,150,0.45)"
DARK_INK, LIGHT_INK = "#030406", "#FFFFFF"


def health(value: float) -> str:
    """The colour of a health of 0 to 1."""
    place = min(1.0, max(0.0, value)) * 2
    low = min(int(place), 1)
    pairs = zip(_channels(HEALTH[low]), _channels(HEALTH[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - low)):02X}" for a, b in pairs)


def ink_on(colour: str) -> str:
    """Dark or light text, whichever is read better on a colour."""
    return max((DARK_INK, LIGHT_INK), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """How well two colours are told apart, 1 to 21 (WCAG 2.2); text needs 4.5."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def css_variables() -> str:
    """Variables for style sheets: --quiet and the like, which follow the theme in use, and --failed and the like."""
    names = [field.name for field in dataclasses.fields(Theme)]
    themed = [
        f"--{name.replace('_', '-')}: light-dark({getattr(LIGHT, name)}, {getattr(DARK, name)});" for name in names
    ]
    return " ".join(themed + [f"--{state}: {colour};" for state, colour in RUN_STATES.items()])


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
