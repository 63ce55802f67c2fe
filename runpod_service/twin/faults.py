"""Faults that the twin shows on demand, as the real service does now and then.

`429`, `500`, `dropped`, `html`, `lost_run`, `repeat_chunks`, `late_chunks` happen to requests and chunks; `fail`,
`time_out`, `expire`, `no_output`, `kill_worker` to jobs. Each of them is given as a whole number (the next so many)
or as a number with a decimal point from 0.0 to 1.0 (that share of them, drawn by a seeded generator).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from hpo_core.errors import UsageError, nearest

CHANCES = {
    "429": "requests that are refused as too many",
    "500": "requests that end with an internal error",
    "dropped": "requests whose connection is closed without an answer; nothing was done",
    "html": "requests answered with a page instead of JSON",
    "lost_run": "answers to /run that are lost although the job is in the queue",
    "fail": "jobs that end FAILED at their first chunk",
    "time_out": "jobs that end TIMED_OUT at their first chunk",
    "kill_worker": "jobs whose worker is killed at their first chunk",
    "expire": "jobs that are forgotten as soon as they are completed",
    "no_output": "jobs that are COMPLETED without output",
    "repeat_chunks": "chunks that are delivered twice",
    "late_chunks": "chunks that are delivered late, after later ones and after the result",
}
SECONDS = {"latency": "seconds that every answer takes longer", "late_chunk_s": "seconds that a late chunk is late"}
SWITCHES = {"stuck_queue": "whether no job is given to a worker", "throttled": "whether no worker has a machine"}
DEFAULTS: dict[str, float | bool] = {"latency": 0.0, "late_chunk_s": 1.0, "stuck_queue": False, "throttled": False}


class Faults:
    """What goes wrong, and whether it does so now.

    Args:
        values: by name, see the module's text; nothing is wrong by default.
        seed: of the draws.
    """

    def __init__(self, values: Mapping[str, Any] | None = None, seed: int = 0) -> None:
        self._values: dict[str, float | bool] = dict.fromkeys(CHANCES, 0) | DEFAULTS
        self._random = random.Random(seed)
        self.change(values or {})

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some faults; the others stay. Raises UsageError, and then changes nothing. `seed` restarts the draws."""
        checked = {name: _checked(name, value) for name, value in values.items() if name != "seed"}
        if "seed" in values:
            self._random = random.Random(int(_number("seed", values["seed"])))
        self._values |= checked

    def happens(self, name: str) -> bool:
        """Whether this fault strikes now; one of those that are counted is used up."""
        value = self._values[name]
        if isinstance(value, int):
            self._values[name] = max(value - 1, 0)
            return value > 0
        return self._random.random() < value

    def first(self, names: Iterable[str]) -> str | None:
        """The first of the named faults that strikes now."""
        return next((name for name in names if self.happens(name)), None)

    def seconds(self, name: str) -> float:
        return float(self._values[name])

    def on(self, name: str) -> bool:
        return bool(self._values[name])

    def as_json(self) -> dict[str, float | bool]:
        return dict(self._values)


def parse(text: str) -> tuple[str, float | bool]:
    """A fault as it is written on the command line, `NAME=VALUE`. Raises UsageError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("--fault", f"must be NAME=VALUE, got {text!r}", "write for example --fault 500=0.1")
    if value.lower() in ("true", "false"):
        return name, value.lower() == "true"
    try:
        return name, float(value) if "." in value else int(value)
    except ValueError:
        raise UsageError(name, f"must be a number, got {value!r}", f"write for example {name}=1") from None


def _checked(name: str, value: object) -> float | bool:
    if name in SWITCHES:
        if value not in (0, 1):
            raise UsageError(name, f"must be true or false, got {value!r}", f"write {name}=true")
        return bool(value)
    if name in SECONDS:
        seconds = _number(name, value)
        if not 0 <= seconds <= 600:
            raise UsageError(name, f"must be from 0 to 600 seconds, got {value!r}", f"write {name}=0.5")
        return float(seconds)
    if name not in CHANCES:
        known = [*CHANCES, *SECONDS, *SWITCHES]
        near = nearest(name, known)
        raise UsageError(name, "is not a fault", f"write {near}" if near else f"write one of {', '.join(known)}")
    number = _number(name, value)
    if number < 0 or (isinstance(number, float) and number > 1):
        fix = f"write {name}=3 for the next three, or {name}=0.2 for a fifth of them"
        raise UsageError(name, f"must be a count, or a share from 0.0 to 1.0, got {value!r}", fix)
    return number


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(name, f"must be a number, got {value!r}", f"write for example {name}=1")
    return value
