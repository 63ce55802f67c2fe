"""What a notice may be about, and how a log line says that it is one. Imports nothing: remote workers log too."""

from __future__ import annotations

from enum import StrEnum

KIND, ONCE = "notice", "notice_once"


class Kind(StrEnum):
    """What a notice is about; the value is what a webhook is told as `event`."""

    ENDED = "run ended"
    BUDGET = "budget reached"
    DIAGNOSIS = "fatal diagnosis"
    FAILURES = "repeated failures"
    MEMORY = "memory short"
    ENDPOINT = "endpoint trouble"


def notice(kind: Kind, once: str = "") -> dict[str, str]:
    """The `extra` of a log line that is a notice; of those with the same `once` a run tells the first only."""
    return {KIND: kind.value, ONCE: once}
