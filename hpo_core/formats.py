"""Numbers as people read them, the same on every page and in the terminal. What is no number becomes a dash."""

from __future__ import annotations

import math

NOTHING = "–"
# Narrow, and no line is broken at it: a number that is torn apart reads as two.
THIN_SPACE = "\u202f"


def percent(share: float | None) -> str:
    """A share of 0 to 1, for example '98.36 %'."""
    return f"{share * 100:.2f} %" if share is not None and math.isfinite(share) else NOTHING


def score(value: float | None) -> str:
    """A score, for example '0.912'; a loss that explodes and values of other studies may be of any size: '1e+30'."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.3f}" if is_usual(value) else f"{value:.6g}"


def is_usual(value: float) -> bool:
    """Whether three decimals suit a value: those of networks lie between 0 and 1."""
    return value == 0 or 1e-3 <= abs(value) < 100


def count(number: int | None) -> str:
    """A whole number with thin spaces between the thousands."""
    return f"{number:,}".replace(",", THIN_SPACE) if number is not None else NOTHING


def plural(number: int, word: str) -> str:
    """A number with its noun, for example '1 trial', '12 trials'."""
    return f"{count(number)} {word}" + ("" if number == 1 else "s")


def duration(seconds: float | None) -> str:
    """A time span in its two largest units, for example '2 min 14 s'."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    days, hours, minutes, rest = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    parts = [f"{days} d", f"{hours} h", f"{minutes} min", f"{rest} s"]
    first = next((index for index, value in enumerate((days, hours, minutes)) if value), 3)
    return " ".join(part for part in parts[first : first + 2] if not part.startswith("0 "))


def shortened(name: str, most: int) -> str:
    """A name in at most `most` characters: cut in its middle, for names that begin alike often differ at their ends."""
    end = most // 2
    return name if len(name) <= most else f"{name[: most - 1 - end].rstrip()}…{name[-end:].lstrip()}"
