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
