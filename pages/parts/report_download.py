"""The button that makes the report of a study and hands it out; for every page that shows one."""

from __future__ import annotations

import html

import streamlit as st

from pages.parts import shared
from pages.parts.report import build_report, report_name
from pages.parts.report_data import read_report
from storage.errors import StorageError


def button(study: str, page: str) -> None:
    """A download button; the report is made when it is pressed.

    Args:
        study: that exists.
        page: keeps the buttons of the pages apart.
    """
    st.download_button(
        "Report (HTML)", data=lambda: _content(study), file_name=report_name(study), mime="text/html",
        key=f"{page}_report", icon=":material/article:", on_click="ignore",
        help="One file that opens without the internet: figures, best trial, health, configuration, final model.",
    )  # fmt: skip


def _content(study: str) -> bytes:
    settings = shared.settings()
    try:
        data = read_report(shared.database(), settings.results_dir, settings.artifacts_dir, study)
    except StorageError as error:  # too late for a message on the page
        return f"<!DOCTYPE html><title>No report</title><p>No report: {html.escape(str(error))}.</p>".encode()
    return build_report(data).encode("utf-8")
