"""TensorBoard beside the page: opened on request, shown as a link, ended from here."""

from __future__ import annotations

import html
from urllib.parse import urlsplit

import streamlit as st

from hpo_core.housekeeping import run_folder
from hpo_core.local.tensorboard import Shown, TensorBoardError
from pages.parts import formats, shared

HELP = (
    "Writes the loss, accuracy, health and gradient of each epoch of each trial as TensorBoard reads them, and starts "
    "it on the dashboard’s machine, in the place of a run that it shows already. It takes some seconds, and about half "
    "a gigabyte while it runs."
)


def draw(study: str) -> None:
    """Draw the button that opens TensorBoard for a study, what it shows now, and the button that ends it."""
    board, folder = shared.tensorboard(), run_folder(shared.settings().results_dir, study)
    shown, has_files = board.shown, folder is not None and folder.is_dir()
    if shown is None and not has_files:
        return
    is_here = shown is not None and shown.run == study
    with st.container(horizontal=True, vertical_alignment="center", key="tensorboard"):
        if shown is not None and is_here:
            st.link_button("Go to TensorBoard", shown.address, icon=":material/open_in_new:", type="primary")
        pressed = has_files and st.button(
            "Show newer trials" if is_here else "Open in TensorBoard", key="open_tensorboard",
            icon=":material/monitoring:", help=HELP, disabled=board.is_starting,
        )  # fmt: skip
        if shown is not None:
            st.button(
                "End TensorBoard", key="end_tensorboard", icon=":material/stop:", on_click=board.end, args=(shown,)
            )
    if shown is not None:
        st.html(f'<div class="quiet">{what_it_shows(shown, is_here=is_here)}</div>')
    if not pressed or folder is None:
        return
    try:
        with st.spinner("Writing the curves and starting TensorBoard"):
            board.show(study, folder)
    except TensorBoardError as error:
        st.error(formats.sentence(str(error)), icon=":material/error:")
        return
    st.rerun()


def what_it_shows(shown: Shown, *, is_here: bool) -> str:
    """What TensorBoard shows and, for the study of this page, how to reach it from elsewhere; as HTML."""
    if not is_here:
        return f"TensorBoard shows {html.escape(shown.run)} now."
    port = urlsplit(shown.address).port
    return (
        f"TensorBoard shows the {formats.plural(shown.trials, 'trial')} that there were when it was opened. It answers "
        f"on the dashboard’s own machine only; from another one, after <code>ssh -L {port}:localhost:{port}</code> "
        "to it, at the same address."
    )
