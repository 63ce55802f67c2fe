"""Where this installation reads and writes, on the System page, each with the variable that changes it; no secret."""

from __future__ import annotations

import html

import streamlit as st

from hpo_core.settings import Settings
from pages.parts import shared
from storage.database import place_of


def draw() -> None:
    """Draw a row for each setting that does not have a card of its own."""
    with st.container(border=True, key="settings_card"):
        st.subheader("Settings", anchor=False)
        rows = "".join(
            f"<tr><th>{name}<br><small><code>{variable}</code></small></th><td>{html.escape(value)}</td></tr>"
            for name, variable, value in rows_of(shared.settings())
        )
        st.html(f'<table class="facts-table settings">{rows}</table>')
        st.html('<div class="quiet">Set a variable in the environment and start the dashboard again.</div>')


def rows_of(settings: Settings) -> tuple[tuple[str, str, str], ...]:
    """Name, variable and value of each setting.

    Of an address only what tells the place is there, of the webhook's nothing: the rest may be secret.
    """
    folder = settings.datasets_dir
    return (
        ("Results, pictures and log", "ONEGIN_RESULTS_DIR", str(settings.results_dir)),
        ("Database", "ONEGIN_STORAGE_URL", place_of(settings.storage_url)),
        ("Data sets are looked for in", "ONEGIN_DATASETS_DIR", str(folder) if folder else "not set"),
        ("Data sets are downloaded to", "XDG_CACHE_HOME", str(settings.cache_dir)),
        ("Notices are also sent to", "ONEGIN_WEBHOOK_URL", "set" if settings.webhook else "not set"),
    )  # fmt: skip
