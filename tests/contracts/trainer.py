"""The contract of every `Trainer`; a subclass provides one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import cast

import pytest

from hpo_core.records import Epoch, Finished, Record, Started, Tick, Trainer
from hpo_core.trial_config import TrialConfig
from tests.stubs import make_config


def open_records(trainer: Trainer, config: TrialConfig) -> Generator[Record]:
    return cast("Generator[Record]", trainer(config))


class TrainerContract:
    """What the objective counts on, whatever trains."""

    config: TrialConfig = make_config(epochs=2)

    @pytest.fixture
    def trainer(self) -> Trainer:
        raise AssertionError("a subclass says which trainer")

    def test_a_training_is_started_epochs_finished(self, trainer: Trainer) -> None:
        records = [record for record in trainer(self.config) if not isinstance(record, Tick)]
        started = [record for record in records if isinstance(record, Started)]
        epochs = [record for record in records if isinstance(record, Epoch)]
        assert len(started) == 1
        assert [(record.epoch, record.epochs) for record in epochs] == [(1, 2), (2, 2)]
        assert isinstance(records[-1], Finished) and records[-1].epochs == 2
        assert records.index(started[0]) < records.index(epochs[0])
        for record in epochs:
            assert 0 <= record.validation_accuracy <= 1

    def test_closing_ends_it_and_the_next_one_is_whole(self, trainer: Trainer) -> None:
        with closing(open_records(trainer, self.config)) as records:
            for record in records:
                if isinstance(record, Started):
                    break
        again = [record for record in trainer(self.config) if isinstance(record, Started | Epoch | Finished)]
        assert [record.kind for record in again] == ["started", "epoch", "epoch", "finished"]
