"""States of runs and trials as a coloured dot with a word."""

from __future__ import annotations

import html

from pages.parts import palette
from storage.runs import Run, RunState

STOPPING, STOPPED = "stopping", "stopped"


def word(run: Run) -> str:
    """The state of a run in one word, that of the button which stops it: 'stopping' until it has ended."""
    if run.state is RunState.CANCELLED:
        return STOPPED
    return STOPPING if run.cancel_requested and not run.state.is_final else run.state.value


def run_badge(run: Run) -> str:
    """The state of a run as HTML."""
    return badge(word(run), palette.RUN_STATES[run.state.value], live=run.state is RunState.RUNNING)


def badge(text: str, colour: str, *, live: bool = False) -> str:
    """A dot in a colour and a word."""
    return f'<span class="state{" live" if live else ""}"><i style="background:{colour}"></i>{html.escape(text)}</span>'
