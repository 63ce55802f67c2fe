"""Fields for another endpoint. A key is taken once and never shown, stored or sent anywhere but to its endpoint."""

from __future__ import annotations

import html

import streamlit as st

from hpo_core.errors import UsageError
from pages.parts import launch, shared
from pages.parts.remote import Remote, Source, shown_address

KEY, ENDPOINT, ADDRESS = "runpod_key", "runpod_endpoint", "runpod_address"
ERROR = "endpoint_error"


def draw() -> None:
    """Draw which endpoint is used, and the form that changes it for this process."""
    used = shared.remote()
    settings = used.settings
    with st.container(border=True, key="endpoint_card"):
        st.subheader("Endpoint", anchor=False)
        facts = (
            ("Endpoint id", settings.endpoint_id or "not set"),
            ("Address", shown_address(settings)),
            ("API key", "set" if settings.api_key else "not set"),
            ("Taken from", _taken_from(used)),
        )
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in facts)
        st.html(f'<table class="facts-table">{rows}</table>')
        if used.source is Source.TYPED:
            st.button(
                "Use the environment's again", key="use_environment", icon=":material/undo:",
                on_click=used.use_environment,
            )  # fmt: skip
        with st.expander("Use another one", key="another_endpoint"):
            _form(bool(settings.api_key))
    if error := st.session_state.pop(ERROR, None):
        launch.say(error)


def _taken_from(used: Remote) -> str:
    """Where the settings come from; of nothing, nowhere."""
    is_set = used.settings.endpoint_id or used.settings.api_key or used.source is not Source.ENVIRONMENT
    return used.source.value if is_set else "nowhere: the environment sets none"


def _form(key_is_set: bool) -> None:
    settings = shared.remote().settings
    with st.form("endpoint_form", border=False):
        st.text_input(
            "API key", key=KEY, type="password", placeholder="set" if key_is_set else "not set", autocomplete="off",
            help="Kept in the memory of this process only; it is never shown and never stored.",
        )  # fmt: skip
        st.text_input(
            "Endpoint id", key=ENDPOINT, placeholder=settings.endpoint_id or "not set", autocomplete="off",
            help="From the endpoint's page at RunPod.",
        )  # fmt: skip
        st.text_input(
            "Address", key=ADDRESS, placeholder=shown_address(settings), autocomplete="off",
            help="Of the service; leave it empty for the present one.",
        )  # fmt: skip
        st.html(
            '<div class="quiet">An empty field stays as it is. For good, set the variables that README names.</div>'
        )
        st.form_submit_button("Use it", key="use_endpoint", icon=":material/check:", on_click=_use)


def _use() -> None:
    """Take what was typed; the fields, the key before all, are empty afterwards."""
    state = st.session_state
    key, endpoint_id, address = (str(state.get(name) or "") for name in (KEY, ENDPOINT, ADDRESS))
    for name in (KEY, ENDPOINT, ADDRESS):
        state[name] = ""
    try:
        busy = shared.manager().active
        if busy and shared.remote().source is Source.TWIN:
            raise UsageError("Endpoint", f"cannot change while {busy} trains on the twin", "wait until it has ended")
        shared.remote().use(api_key=key, endpoint_id=endpoint_id, address=address)
    except UsageError as error:
        state[ERROR] = error
