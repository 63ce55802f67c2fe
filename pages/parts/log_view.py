"""The log of a run, or of all of them: its newest lines, a search, and the whole of it as a file."""

from __future__ import annotations

import streamlit as st

from hpo_core import logs
from pages.parts import formats, shared

LINES, FOUND_LINES = 12, 200
HEIGHT = 400


def draw(run_name: str | None, *, expanded: bool) -> None:
    """Draw the log of a run, or the whole log where `run_name` is None."""
    file, part = shared.settings().log_file, f"[{run_name}]" if run_name else ""
    with st.expander("Log", expanded=expanded, key="log"):
        words = st.text_input(
            "Search the log", key="log_search", placeholder="for example: Trial 7, warning, failed",
            icon=":material/search:", label_visibility="collapsed",
        ).strip()  # fmt: skip
        lines = logs.tail(file, FOUND_LINES if words else LINES, part, words)
        nothing = f"No line contains: {words}" if words else "Nothing was logged on this machine."
        st.code(
            "\n".join(formats.log_line(line, run_name) if run_name else line for line in lines) or nothing,
            language=None, wrap_lines=True, height=HEIGHT if words else "content",
        )  # fmt: skip
        st.download_button(
            "Download the log", lambda: "\n".join(logs.whole(file, part)), f"{run_name or 'onegin'}.log", "text/plain",
            key="log_download", icon=":material/download:", on_click="ignore", disabled=not lines and not words,
        )  # fmt: skip
