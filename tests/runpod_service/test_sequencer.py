"""Tests of the order of records: whatever is lost, repeated or late, what matters passes once and in order."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from hpo_core.records import Batch, Epoch, Failed, Finished, LogLine, Phase, Record, Resources, Snapshot, Started, Tick
from runpod_service.protocol import KEPT
from runpod_service.sequencer import Sequencer
from tests.stubs import epoch

EPOCHS = 6


def snapshot(of_epoch: int, sample: int) -> Snapshot:
    return Snapshot(epoch=of_epoch, sample=sample, label=1, predicted=1, image=None, maps={})


def batch(of_epoch: int, number: int) -> Batch:
    return Batch(epoch=of_epoch, batch=number, batches=3, loss=1.0, accuracy=0.5)


def training() -> list[Record]:
    """What a worker says of a trial, all kinds of records."""
    records: list[Record] = [
        Phase(name="loading data"), Started(layers=[], parameters=10, n_train=100, n_validation=20, process=1)
    ]  # fmt: skip
    for number in range(1, EPOCHS + 1):
        records += [batch(number, part) for part in (1, 2, 3)]
        records += [epoch(number, EPOCHS), Resources(memory_mb=500.0, processor_percent=90.0)]
        records += [snapshot(number, sample) for sample in (3, 8)]
    return [*records, LogLine(level="INFO", text="done"), Finished(epochs=EPOCHS, duration_s=3.0)]


RECORDS = training()
RESULT = [record for record in RECORDS if isinstance(record, KEPT)]


def spoilt(chance: random.Random) -> list[list[Record]]:
    """The chunks of a training as a bad stream brings them."""
    chunks, rest = [], list(RECORDS)
    while rest:
        size = chance.randint(1, 5)
        chunks.append(rest[:size])
        rest = rest[size:]
    chunks = [item for item in chunks if chance.random() > chance.choice((0.0, 0.2, 0.6))]
    chunks += [item for item in chunks if chance.random() < 0.3]
    late = chance.choice((0.0, 2.0, 50.0))
    return [item for _, item in sorted(enumerate(chunks), key=lambda pair: pair[0] + chance.random() * late)]


def check(passed: list[Record]) -> None:
    """What the reader of a trial counts on."""
    kept = [record for record in passed if isinstance(record, KEPT)]
    assert sorted(map(repr, kept)) == sorted(map(repr, RESULT))
    assert isinstance(kept[0], Started) and isinstance(passed[-1], Finished)
    assert not any(isinstance(record, Tick | Failed) for record in passed)
    begun, done, newest = False, 0, 0
    for record in passed:
        if isinstance(record, Started):
            begun = True
        elif isinstance(record, Epoch):
            assert begun and record.epoch == done + 1
            done = record.epoch
        elif isinstance(record, Snapshot):
            assert record.epoch <= done
        elif isinstance(record, Batch):
            assert begun and record.epoch > done and record.epoch >= newest
            newest = record.epoch


@pytest.mark.parametrize("seed", range(200))
def test_whatever_the_stream_does(seed: int) -> None:
    chance, sequencer = random.Random(seed), Sequencer()
    passed = [record for item in spoilt(chance) for record in sequencer.accept(item)]
    assert not any(isinstance(record, Finished) for record in passed)
    check(passed + sequencer.complete(RESULT))


def test_a_good_stream_passes_as_it_is() -> None:
    sequencer = Sequencer()
    assert sequencer.accept(RECORDS[:-1]) == RECORDS[:-1]
    assert sequencer.complete(RESULT) == [RECORDS[-1]]


@pytest.mark.parametrize("heard", range(len(RECORDS)))
def test_a_second_attempt_goes_on_where_the_first_one_was(heard: int) -> None:
    sequencer = Sequencer()
    passed = sequencer.accept(RECORDS[:heard])
    for record in RECORDS:
        passed += sequencer.accept([record])
    check(passed + sequencer.complete(RESULT))


def kinds(records: Iterable[Record]) -> list[str]:
    return [record.kind for record in records]


def test_what_comes_after_a_gap_waits_for_the_result() -> None:
    sequencer = Sequencer()
    assert kinds(sequencer.accept([epoch(1, 3)])) == []  # before it has started
    started = RECORDS[1]
    assert kinds(sequencer.accept([started, epoch(2, 3), snapshot(2, 3), epoch(3, 3)])) == ["started"]
    assert kinds(sequencer.accept([batch(3, 1), batch(2, 1)])) == ["batch"]


def test_what_ends_a_trial_and_ticks_do_not_pass() -> None:
    failed = Failed(error_type="E", message="m", traceback="")
    assert Sequencer().accept([failed, Tick(), Finished(epochs=1, duration_s=1.0)]) == []
