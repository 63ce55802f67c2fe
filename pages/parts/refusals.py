"""Why a press of a button had no effect: said beside it until the visitor does something about it.

Parts of a page are drawn anew every moment; a message that is taken away by the next drawing flashes and is gone.
"""

from __future__ import annotations

import streamlit as st

REFUSED, PAGE = "refused", "refused_on"


def keep(button: str, error: Exception, about: object = None) -> None:
    """Remember why a press was refused, and what it was about: the message is shown with that only."""
    st.session_state.setdefault(REFUSED, {})[button] = (error, about)


def forget(button: str) -> None:
    """A new press: what was wrong with the one before is over."""
    st.session_state.get(REFUSED, {}).pop(button, None)


def of(button: str, about: object = None) -> Exception | None:
    """Why the last press was refused; None where it was not, or was about something else."""
    error, subject = st.session_state.get(REFUSED, {}).get(button, (None, None))
    return error if subject == about else None


def come_to(page: str) -> None:
    """A page is shown: what was refused on another one is over."""
    if st.session_state.get(PAGE) != page:
        st.session_state[REFUSED] = {}
        st.session_state[PAGE] = page
