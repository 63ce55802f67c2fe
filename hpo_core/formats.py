"""Numbers as people read them, the same on every page and in the terminal."""

from __future__ import annotations

MISSING = "–"


def percent(share: float | None) -> str:
    """0.9836 as '98.36 %'."""
    return MISSING if share is None else f"{share * 100:.2f} %"


def score(value: float | None) -> str:
    """0.9123 as '0.912'."""
    return MISSING if value is None else f"{value:.3f}"


def count(value: int | None) -> str:
    """12345 as '12 345', with thin spaces."""
    return MISSING if value is None else f"{value:,}".replace(",", "\u2009")


def duration(seconds: float | None) -> str:
    """134.2 as '2 min 14 s', 7.25 as '7.2 s'."""
    if seconds is None:
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def shortened(name: str, most: int) -> str:
    """A name in at most `most` characters: cut in its middle, for names that begin alike often differ at their ends."""
    end = most // 2
    return name if len(name) <= most else f"{name[: most - 1 - end].rstrip()}…{name[-end:].lstrip()}"
