"""What a trial left behind: its history, read once, and its files."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import streamlit as st

from hpo_core.history import FILE_NAME, TrialHistory
from hpo_core.objective import TOO_LARGE
from pages.parts import shared
from pages.parts.trial_words import WAS_STOPPED, state_of
from storage.artifacts import ArtifactFile, Artifacts
from storage.errors import StorageError
from storage.studies import TrialRow

OUTSIDE = "This trial was made outside Onegin: nothing was read from its layers."


@dataclass(frozen=True)
class Told:
    """The history of a trial, or a sentence that says why there is none.

    Attributes:
        history: None where nothing is known epoch by epoch.
        missing: why.
        mark: differs between different histories; figures that are kept are known by it.
    """

    history: TrialHistory | None
    missing: str = ""
    mark: str = ""


class _Gone(Exception):
    """A file is registered, and cannot be read on this machine."""


def artifacts() -> Artifacts:
    """The files of all trials and studies."""
    return Artifacts(shared.database(), shared.settings().artifacts_dir)


def told(study: str, trial: TrialRow) -> Told:
    """What is known of a trial epoch by epoch; of one that trains, so far. Raises StorageError."""
    if trial.state == "waiting":
        return Told(None, "This trial waits for its turn.")
    if trial.state == "running":
        live = shared.progress(study).live(trial.number)
        return _parsed(live) if live is not None else Told(None, _why_nothing_yet(study))
    file = artifacts().of_trial(study, trial.number).get(FILE_NAME)
    if file is None:
        return Told(None, _why_no_history(trial))
    try:
        return _read(file.id, file)
    except _Gone:
        return Told(None, "The readings of this trial are not on this machine: its files were moved or deleted.")


def content(file: ArtifactFile) -> bytes:
    """The bytes of a file; empty where it cannot be read any more."""
    try:
        return artifacts().read(file)
    except StorageError:
        return b""


def _why_nothing_yet(study: str) -> str:
    if "configuration" not in shared.studies().attributes(study):
        return OUTSIDE
    return "This trial has just begun; its first reading comes with its first epoch."


def _why_no_history(trial: TrialRow) -> str:
    if "configuration" not in trial.attributes:
        return OUTSIDE
    outcome = str(trial.attributes.get("outcome") or "")
    if outcome == TOO_LARGE:
        return "This trial was refused before it trained: its network has too many parameters."
    if trial.state == "fail":
        ended = "was stopped" if state_of(trial) == WAS_STOPPED else "failed"
        return f"This trial {ended} before anything was read from its layers."
    return "No readings of this trial are kept on this machine."


@st.cache_resource(show_spinner=False, max_entries=24)
def _read(file_id: str, _file: ArtifactFile) -> Told:
    """The history of a trial that is over; one reading serves all visitors. Raises _Gone, which is not cached."""
    data = content(_file)
    if not data:
        raise _Gone(file_id)
    return _parsed(data.decode("utf-8"))


@st.cache_resource(show_spinner=False, max_entries=8)
def _parsed(text: str) -> Told:
    try:
        history = TrialHistory.from_json(text)
    except ValueError:
        return Told(None, "The readings of this trial cannot be read: their file is damaged.")
    return Told(history, mark=f"{zlib.crc32(text.encode()):08x}-{len(text)}")
