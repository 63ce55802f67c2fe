"""Where trials train: this machine or RunPod, with what has to be said about each."""

from __future__ import annotations

import streamlit as st

from hpo_core.backends import RUNPOD
from pages.parts import draft, shared, try_twin
from pages.parts.checked import Checked
from pages.parts.form import Form
from pages.parts.remote import Source

FIELDS = ("backend", "gpu", "max_cost", "fallback_local", "threads", "gpus_per_worker", "scale_batch")
REMOTE, ALWAYS = ("gpu", "max_cost"), ("threads", "gpus_per_worker")
NOT_SET_UP = (
    "RunPod is not set up here: it needs an API key and an endpoint. Set them up on the System page, or try it without "
    "an account, with workers on this machine."
)


def workers(form: Form) -> None:
    """Draw the number of trials at once, which belongs to the place where they train."""
    form.field("workers", slot=draft.REMOTE_WORKERS if form.draft.fields["backend"] == RUNPOD else "")


def draw(form: Form, _checked: Checked) -> None:
    """Draw the choice and the fields that belong to it."""
    form.field("backend", words_side_by_side=True)
    remote = form.draft.fields["backend"] == RUNPOD
    if remote:
        _endpoint()
    grid = st.grid(2, min_column_width=200, key="place")
    for name in (*REMOTE, *ALWAYS) if remote else ALWAYS:
        with grid.cell():
            form.field(name)
    if remote:
        form.field("fallback_local")
    form.field("scale_batch")


def _endpoint() -> None:
    """Which endpoint it is; what to do where there is none."""
    used = shared.remote()
    if not used.settings.complete:
        with st.container(border=True, key="not_set_up"):
            st.html(f'<div class="card-text">{NOT_SET_UP}</div>')
            with st.container(horizontal=True, vertical_alignment="center"):
                try_twin.button()
                _to_system("Set up RunPod in System")
        return
    of = "The twin on this machine" if used.source is Source.TWIN else f"Endpoint {used.settings.endpoint_id}"
    with st.container(horizontal=True, vertical_alignment="center", key="endpoint_line"):
        st.html(f'<div class="quiet">{of} will be used.</div>', width="content")
        _to_system("Look at it in System")


def _to_system(label: str) -> None:
    st.page_link("pages/system.py", label=label, icon=":material/dns:")
