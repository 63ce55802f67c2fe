"""The ready-made answers to 'how much', applied by one press."""

from __future__ import annotations

import html

import streamlit as st

from hpo_core.presets import PRESETS
from pages.parts import draft, formats
from pages.parts.form import Form

KEY = "preset"
OWN = "Values of your own, taken over from a file. A preset sets trials, epochs, sample and search space."


def draw(form: Form) -> None:
    """Draw the presets; the chosen one says so when something was changed since."""
    st.session_state[KEY] = form.draft.preset
    st.segmented_control(
        "Preset", list(PRESETS), format_func=lambda name: PRESETS[name].title, key=KEY, on_change=_apply,
        help="Sets trials, epochs, sample percentage and search space to suit the chosen data; all else stays.",
    )  # fmt: skip


def explain(form: Form) -> None:
    """Draw what the chosen preset means, and the way back to it."""
    said = PRESETS[form.draft.preset].explanation if form.draft.preset else OWN
    changed = sorted(formats.label(name) for name in form.changed)
    with st.container(horizontal=True, vertical_alignment="center", key="preset_line"):
        if changed:
            said += f" Changed since then (•): {', '.join(changed)}."
        st.html(f'<div class="quiet">{html.escape(said)}</div>', width="content")
        if changed:
            st.button("Undo changes", key="undo_changes", type="tertiary", icon=":material/undo:", on_click=_undo)


def _apply() -> None:
    # Pressing the chosen one again takes the mark away in the browser: it means 'as the preset has it'.
    values = draft.current()
    name = st.session_state[KEY] or values.preset
    if name:
        values.apply_preset(name)


def _undo() -> None:
    draft.current().reset()
