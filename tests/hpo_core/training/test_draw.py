"""Tests of drawing in a process of its own, from a history alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpo_core.history import TrialHistory
from hpo_core.records import Artefact, Phase, from_json
from hpo_core.training.plots.drawing import pictures_of
from tests.histories import cnn_history, lstm_history

MODULE = "hpo_core.training.draw"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", MODULE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("history", [cnn_history(2), lstm_history(2)], ids=["cnn", "lstm"])
def test_it_draws_what_the_history_has(history: TrialHistory, tmp_path: Path) -> None:
    file, folder = tmp_path / "history.json", tmp_path / "new" / "pictures"
    file.write_text(history.to_json(), encoding="utf-8")
    answer = run(file, folder)
    assert answer.returncode == 0 and answer.stderr == ""
    records = [from_json(line) for line in answer.stdout.splitlines()]
    names = [picture.name for picture in pictures_of(history)]
    assert [r for r in records if isinstance(r, Artefact)] == [
        Artefact(name=name, path=str(folder / name)) for name in names
    ]
    phases = [record for record in records if isinstance(record, Phase)]
    assert phases[1] == Phase(name=f"making plots 2 of {len(names)}", share=1 / len(names))
    assert {path.name for path in folder.iterdir()} == set(names)


def test_a_history_of_nothing_has_no_pictures(tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_text(TrialHistory().to_json(), encoding="utf-8")
    answer = run(file, tmp_path / "pictures")
    assert (answer.returncode, answer.stdout) == (0, "") and not (tmp_path / "pictures").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "could not be read: No such file or directory"),
        ('{"records": [{"kind": "rumour"}]}', "must be a trial's history: kind must be one of"),
        ('{"records": [', "must be a trial's history:"),
    ],
    ids=["no file", "no record", "cut"],
)
def test_what_is_no_history_is_one_sentence(text: str | None, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    answer = run(file, tmp_path)
    assert answer.returncode == 1 and answer.stdout == ""
    assert sentence in answer.stderr and len(answer.stderr.splitlines()) == 1


def test_it_loads_neither_tensorflow_nor_what_draws_on_screens() -> None:
    code = f"import sys, {MODULE}; print('\\n'.join(sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert MODULE in loaded
    assert not loaded & {"tensorflow", "keras", "matplotlib.pyplot", "optuna", "sqlalchemy", "streamlit"}
