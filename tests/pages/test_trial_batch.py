"""The files of several trials in one zip file: what is in it, of when, and what is not."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from pages.parts import shared, trial_batch
from storage.artifacts import Artifacts
from storage.database import Database
from storage.studies import Studies
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page


def test_files_of_several_trials_in_one_package(database: Database) -> None:
    examined.make_examined(database)
    rows = Studies(database).trials("digits-examined", sort="number")[:2]
    with zipfile.ZipFile(io.BytesIO(trial_batch.pack("digits-examined", rows))) as package:
        kinds = ("history.json", "hyperparameters.yaml", "training_animation.gif", "training_history.png")
        assert sorted(package.namelist()) == ["SHA256SUMS", *(f"trial_{n}/{kind}" for n in (0, 1) for kind in kinds)]
        assert package.read("trial_0/training_history.png") == examined.PIXEL
        assert "filters: 16" in package.read("trial_1/hyperparameters.yaml").decode()
    size = Artifacts(database, shared.settings().artifacts_dir).of_trial("digits-examined", 0)["history.json"].size
    with zipfile.ZipFile(io.BytesIO(trial_batch.pack("digits-examined", rows, size + 200))) as package:
        missing = package.read("MISSING.txt").decode()
        assert "trial_1/history.json: the package would be larger than" in missing
        assert "trial_0/history.json" in package.namelist() and "trial_1/history.json" not in package.namelist()
    for file in shared.settings().artifacts_dir.iterdir():
        if file.stat().st_size == len(examined.PIXEL):
            file.unlink()
    with zipfile.ZipFile(io.BytesIO(trial_batch.pack("digits-examined", rows))) as package:
        gone = "trial_0/training_history.png: is not on this machine any more"
        assert gone in package.read("MISSING.txt").decode() and "trial_0/history.json" in package.namelist()
    app = open_page("pages/trials.py", study="digits-examined")
    assert app.download_button(key="download_files").label == "Files of these 3 trials"


@pytest.mark.parametrize(
    ("has_pictures", "sentence"),
    [
        ({}, "No pictures were made of them."),
        ({3: False}, "No pictures were made of them."),
        ({3: True}, "It has pictures."),
        ({4: True, 3: True}, "All of them have pictures."),
        ({4: False, 3: True}, "Only Trial 3 has pictures."),
        ({9: True, 4: False, 3: True, 11: True}, "Only Trial 3, 9 and 11 have pictures."),
    ],
)
def test_which_trials_have_pictures_is_a_sentence(has_pictures: dict[int, bool], sentence: str) -> None:
    assert trial_batch.with_pictures(has_pictures) == sentence


def test_the_button_tells_which_trials_have_pictures(database: Database) -> None:
    study = examined.make_examined(database)
    assert "All of them have pictures." in _help()
    conftest.add_trial(study, 0.8)
    assert "Only Trial 0, 1 and 2 have pictures." in _help()


def test_files_have_the_time_at_which_they_were_kept(database: Database) -> None:
    examined.make_examined(database)
    rows = Studies(database).trials("digits-examined", sort="number")[:1]
    for place, file in enumerate(sorted(shared.settings().artifacts_dir.iterdir())):
        os.utime(file, (1_700_000_000 + 60 * place,) * 2)
    with zipfile.ZipFile(io.BytesIO(trial_batch.pack("digits-examined", rows))) as package:
        years = {entry.filename: entry.date_time[0] for entry in package.infolist() if entry.filename != "SHA256SUMS"}
    assert set(years.values()) == {2023} and "trial_0/hyperparameters.yaml" in years


def _help() -> str:
    return str(open_page("pages/trials.py", study="digits-examined").download_button(key="download_files").help)
