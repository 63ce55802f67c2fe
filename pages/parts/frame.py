"""What surrounds every page: name and mark, style, footer."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import streamlit as st

from hpo_core import VERSION
from pages.parts import notices, origin, palette, tour

HERE = Path(__file__).parent
LOGO = HERE / "logo.svg"
MARK = HERE / "mark.svg"
STYLE = HERE / "style.css"
LICENCE = "https://opensource.org/license/mit"
VERSIONS = (
    f"Onegin {VERSION} · Streamlit {version('streamlit')} · Optuna {version('optuna')} · "
    f"Python {platform.python_version()}"
)


@contextmanager
def page() -> Iterator[None]:
    """Draw the frame around what the body draws."""
    st.html(STYLE)
    # Dialogs and tooltips lie outside of the element to which Streamlit gives the scheme of its theme.
    scheme = st.context.theme.type or "light dark"
    st.html(f"<style>:root {{ color-scheme: {scheme}; {palette.css_variables()} }}</style>")
    st.logo(LOGO, size="large")
    yield
    tour.again()
    st.html(footer(origin.repository()))
    notices.draw()


def heading(title: str, lead: str) -> None:
    """The title of a page and the sentence that says what it is for."""
    st.title(title, anchor=False)
    st.html(f'<p class="lead">{lead}</p>')
    tour.draw(title)


def footer(repository: str) -> str:
    """What stands below every page, as HTML: licence, versions, and the way to the repository where it is known."""
    link = f'<a href="{repository}" target="_blank" rel="noopener">Repository</a>' if repository else ""
    return (
        '<footer class="onegin-footer"><span>Onegin: neural architectures, found and explained</span>'
        f'<span><a href="{LICENCE}" target="_blank" rel="noopener">MIT licence</a>; each data set has its own, named '
        "on its card</span>"
        f"<span>{VERSIONS}</span>{link}"
        "</footer>"
    )
