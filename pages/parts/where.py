"""Where trials train: this machine or RunPod, with what has to be said about each."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from hpo_core.backends import RUNPOD
from pages.parts import form, shared, try_twin
from pages.parts.remote import Source

NOT_SET_UP = (
    "RunPod is not set up here: it needs an API key and an endpoint. Set them up on the System page, or try it without "
    "an account, with workers on this machine."
)


def choose(default: Mapping[str, object]) -> dict[str, object]:
    """Draw the choice and the fields that belong to it; the values by field."""
    values: dict[str, object] = {"backend": form.segments("backend", labelled=False)}
    remote = values["backend"] == RUNPOD
    grid = st.grid(3, min_column_width=170, key="place")
    with grid.cell():
        values["workers"] = (
            form.field("workers", default["workers"], key="remote_workers")
            if remote
            else form.field("workers", default["workers"], limit=shared.machine().cores)
        )
    if not remote:
        return values
    for name in form.REMOTE:
        with grid.cell():
            values[name] = form.field(name, default[name])
    values["fallback_local"] = form.switch("fallback_local", default["fallback_local"])
    _endpoint()
    return values


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
