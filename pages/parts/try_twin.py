"""Trying RunPod without an account: the twin, started and stopped from a page."""

from __future__ import annotations

import streamlit as st

from pages.parts import shared
from pages.parts.remote import TWIN_WORKERS, Source
from runpod_service.twin.launch import TwinError

EXPLANATION = (
    "The twin is a copy of RunPod on this machine: trials become jobs in its queue, and its "
    f"{TWIN_WORKERS} workers train them with the code of the worker's image. Nothing leaves this machine, and nothing "
    "is paid."
)


def button() -> None:
    """Draw the button that starts the twin and uses it for the next runs."""
    if not st.button("Try RunPod locally", key="start_twin", icon=":material/science:", help=EXPLANATION):
        return
    try:
        with st.spinner("Starting the twin"):
            shared.remote().start_twin()
    except TwinError as error:
        st.error(f"{str(error)[0].upper()}{str(error)[1:]}.", icon=":material/error:")
        return
    st.rerun()


def card() -> None:
    """Draw what the twin is, with the button that starts or stops it."""
    running = shared.remote().source is Source.TWIN
    with st.container(border=True, key="twin_card"):
        st.subheader("RunPod without an account", anchor=False)
        st.html(f'<div class="card-text">{EXPLANATION}</div>')
        if not running:
            button()
            return
        busy = shared.manager().active
        st.button(
            "Stop the twin", key="stop_twin", icon=":material/stop:", on_click=shared.remote().stop_twin,
            disabled=busy is not None, help=f"Possible when {busy} has ended." if busy else None,
        )  # fmt: skip
