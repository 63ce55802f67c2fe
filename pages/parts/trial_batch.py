"""The files of several trials as one verified zip file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st
import yaml

from hpo_core.package import build_package
from pages.parts import formats, trial_details, trial_files
from storage.studies import TrialRow

MOST_BYTES = 300_000_000
"""More would not fit into the memory of a small server beside its visitors."""
CONFIGURATION = "hyperparameters.yaml"


def draw(study: str, rows: Sequence[TrialRow]) -> None:
    """The button that packs what the trials on this page left behind: pictures, readings, configurations."""
    st.download_button(
        f"Files of {'this trial' if len(rows) == 1 else f'these {len(rows)} trials'}", key="download_files",
        data=lambda: pack(study, rows), file_name=formats.file_name(study, "trial-files.zip"), mime="application/zip",
        icon=":material/folder_zip:", on_click="ignore", disabled=not rows,
        help="Of each trial on this page its readings, its configuration and the pictures that were made of it, in "
        f"one zip file that is read back and compared before you get it. {_pictures(study, rows)} Only the final model "
        "of a run is kept as a model: see Models.",
    )  # fmt: skip


def _pictures(study: str, rows: Sequence[TrialRow]) -> str:
    """Which of the trials have pictures, in a sentence; Optimize decides of which trials they are made."""
    found = trial_files.artifacts().of_trials(study, [row.number for row in rows])
    return with_pictures({
        number: any(file.mimetype.startswith("image/") for file in files.values()) for number, files in found.items()
    })  # fmt: skip


def with_pictures(has_pictures: Mapping[int, bool]) -> str:
    """Which trials have pictures, in a sentence, from whether each of them has any."""
    having = sorted(number for number, has in has_pictures.items() if has)
    if not having:
        return "No pictures were made of them."
    if len(having) == len(has_pictures):
        return "All of them have pictures." if len(having) > 1 else "It has pictures."
    *first, last = map(str, having)
    return f"Only Trial {', '.join(first)} and {last} have pictures." if first else f"Only Trial {last} has pictures."


def pack(study: str, rows: Sequence[TrialRow], most_bytes: int = MOST_BYTES) -> bytes:
    """The zip file: a folder for each trial, and a list of the files that are missing, with the reason.

    Raises PackageError, StorageError.
    """
    contents: dict[str, Path | bytes] = {}
    made_at: dict[str, float] = {}
    left, total = list[str](), 0
    for row in rows:
        folder = f"trial_{row.number}"
        fields = trial_details.configuration(study, row)
        contents[f"{folder}/{CONFIGURATION}"] = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True).encode()
        gone = trial_files.artifacts().missing_of_trial(study, row.number)
        left += [f"{folder}/{Path(name).name}: is not on this machine any more" for name in gone]
        files = trial_files.artifacts().of_trial(study, row.number).values()
        if files:  # a configuration has no time of its own; a trial keeps its files when it ends
            made_at[f"{folder}/{CONFIGURATION}"] = max(file.made_at for file in files)
        for file in files:
            name = f"{folder}/{Path(file.filename).name}"
            if total + file.size > most_bytes:
                left.append(f"{name}: the package would be larger than {formats.file_size(most_bytes)}")
                continue
            data = trial_files.content(file)
            if not data:
                left.append(f"{name}: is not on this machine any more")
                continue
            contents[name] = data
            made_at[name] = file.made_at
            total += len(data)
    if left:
        contents["MISSING.txt"] = ("\n".join(left) + "\n").encode()
    with tempfile.TemporaryDirectory() as folder:
        return build_package(contents, Path(folder) / "files.zip", made_at).path.read_bytes()
