"""Tests of drawing away from the trial: what is wanted, what arrives, and that nothing is left running."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from hpo_core.health.metrics import measure
from hpo_core.health.score import health_score
from hpo_core.history import TrialHistory
from hpo_core.local.drawing import TICK_S, draw
from hpo_core.pictures import wants_pictures
from hpo_core.records import SCRATCH_PREFIX, Artefact, Phase, Tick
from hpo_core.trial_config import TrialConfig
from tests.histories import cnn_history, with_epochs
from tests.stubs import make_config

SILENT = "tests.hpo_core.local.silent_drawer"


def config(**changes: object) -> TrialConfig:
    return dataclasses.replace(make_config(), **changes)  # type: ignore[arg-type]


def as_good_as_this() -> TrialHistory:
    """Validation accuracy 0.75, validation loss 0.5; its health is neither."""
    return with_epochs(cnn_history(4), lambda e: dataclasses.replace(e, validation_accuracy=0.75, validation_loss=0.5))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"plots": "none"}, False),
        ({"plots": "all", "draw_above": 1.0}, True),
        ({"plots": "best"}, True),
        ({"plots": "best", "draw_above": 0.74}, True),
        ({"plots": "best", "draw_above": 0.75}, False),
        ({"plots": "best", "draw_above": 0.6, "objective": "validation_loss"}, True),
        ({"plots": "best", "draw_above": 0.5, "objective": "validation_loss"}, False),
    ],
    ids=str,
)
def test_which_trials_have_pictures(changes: dict[str, object], wanted: bool) -> None:
    assert wants_pictures(config(**changes), as_good_as_this()) is wanted


def test_the_score_that_is_compared_has_its_share_of_health() -> None:
    history = as_good_as_this()
    health = health_score(measure(history))
    assert health is not None and health != 0.75
    for above, wanted in ((health - 0.01, True), (health + 0.01, False)):
        assert wants_pictures(config(plots="best", draw_above=above, health_weight=1.0), history) is wanted


def test_best_without_an_epoch_and_without_a_loss() -> None:
    assert not wants_pictures(config(plots="best"), TrialHistory())
    diverged = with_epochs(cnn_history(1), lambda e: dataclasses.replace(e, validation_loss=None))
    assert not wants_pictures(config(plots="best", objective="validation_loss"), diverged)


@pytest.mark.slow
def test_the_pictures_arrive_with_ticks_between(tmp_path: Path) -> None:
    arrived = list(draw(cnn_history(2), tmp_path / "pictures", config(plots="all")))
    made = [record for record in arrived if isinstance(record, Artefact)]
    assert len(made) == 7 and all(record.path and Path(record.path).is_file() for record in made)
    assert any(isinstance(record, Tick) for record in arrived) and TICK_S < 0.5
    assert sum(isinstance(record, Phase) for record in arrived) == 7


def test_what_is_not_wanted_starts_nothing(tmp_path: Path) -> None:
    assert list(draw(cnn_history(2), tmp_path / "pictures", config(plots="none"), module="no.such.module")) == []


def test_closing_ends_the_process_and_leaves_nothing(tmp_path: Path) -> None:
    with closing(draw(cnn_history(1), tmp_path, config(plots="all"), module=SILENT)) as records:
        first = next(record for record in records if isinstance(record, Phase))
        process = psutil.Process(int(first.name.split()[1]))
        scratch = Path(process.environ()["TMPDIR"])
        file = Path(process.cmdline()[3])
        assert isinstance(next(records), Tick) and file.is_file() and scratch.is_dir()
        assert file.parent.name.startswith(SCRATCH_PREFIX)
    assert not psutil.pid_exists(process.pid) and not scratch.exists() and not file.parent.exists()


def test_a_process_that_is_killed_is_a_note(tmp_path: Path) -> None:
    records = draw(cnn_history(1), tmp_path, config(plots="all"), module=SILENT)
    first = next(record for record in records if isinstance(record, Phase))
    psutil.Process(int(first.name.split()[1])).kill()
    last = [record for record in records if not isinstance(record, Tick)]
    assert len(last) == 1 and isinstance(last[0], Artefact) and last[0].path is None
    assert last[0].note.startswith("not all pictures could be drawn: the drawing process was ended by SIGKILL")


def test_a_program_that_fails_is_a_note_with_its_last_words(tmp_path: Path) -> None:
    (last,) = [
        record
        for record in draw(cnn_history(1), tmp_path, config(plots="all"), module="no.such.module")
        if not isinstance(record, Tick)
    ]
    assert isinstance(last, Artefact) and last.path is None and "exit code 1; its last words:" in last.note
