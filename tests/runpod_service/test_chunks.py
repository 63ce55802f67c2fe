"""Tests of what goes into a job's stream, and when."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from hpo_core.health.readings import LayerReading
from hpo_core.records import (
    Artefact,
    Batch,
    Epoch,
    Failed,
    Finished,
    LogLine,
    Phase,
    Record,
    Resources,
    Snapshot,
    Started,
    Tick,
)
from runpod_service.chunks import CHUNK_BYTES, OUTPUT_BYTES, RESULT_BYTES, Chunks, fitting_result
from runpod_service.protocol import Result, records_of
from tests.stubs import epoch

STARTED = Started(layers=[], parameters=10, n_train=100, n_validation=20, process=1)


def pictured(sample: int, size: int) -> Snapshot:
    """A snapshot of about `size` bytes."""
    return Snapshot(epoch=1, sample=sample, label=0, predicted=0, image=None, maps={"x" * size: []})


def read(number: int, epochs: int, size: int) -> Epoch:
    """An epoch with readings of about `size` bytes."""
    reading = LayerReading(
        name="x" * size, type="Dense", activation=None, units=1, dead=None, saturated=None, activity=[],
        output_mean=None, output_std=None, weights=1, weight_norm=None, gradient_norm=None, update_ratio=None,
        weight_change=None, bias_change=None, weight_histogram=None, bias_histogram=None,
    )  # fmt: skip
    return dataclasses.replace(epoch(number, epochs), layers=[reading])


def batch(number: int, of_epoch: int = 1) -> Batch:
    return Batch(epoch=of_epoch, batch=number, batches=1000, loss=1.0, accuracy=0.1)


class Clock:
    """Seconds, as they are set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def records(chunks: list[dict[str, Any]]) -> list[Record]:
    return [record for chunk in chunks for record in records_of(chunk["records"])]


def test_what_matters_goes_at_once_and_the_next_a_moment_later() -> None:
    clock = Clock()
    chunks = Chunks(clock)
    chunks.add(STARTED)
    assert records(chunks.take()) == [STARTED]
    clock.now = 0.1
    chunks.add(epoch(1, 2))
    assert chunks.take() == []
    clock.now = 0.21
    assert records(chunks.take()) == [epoch(1, 2)]


def test_of_progress_the_latest_goes_twice_a_second() -> None:
    clock = Clock()
    chunks = Chunks(clock)
    sent = []
    for step in range(40):
        clock.now = step / 20
        chunks.add(batch(step))
        sent += records(chunks.take())
    assert [record.batch for record in sent if isinstance(record, Batch)] == [0, 10, 20, 30]


def test_progress_of_an_epoch_that_is_over_is_left_out() -> None:
    chunks = Chunks(Clock())
    chunks.add(batch(5))
    chunks.add(epoch(1, 2))
    assert records(chunks.rest()) == [epoch(1, 2)]


def test_progress_becomes_rarer_the_longer_a_job_runs() -> None:
    clock = Clock()
    chunks = Chunks(clock)
    sent = []
    for second in range(24 * 3600):
        clock.now = float(second)
        chunks.add(batch(second))
        sent += chunks.take()
    assert 500 < len(sent) < 3000 and len(json.dumps(sent)) < 1_000_000


def test_ticks_files_and_ends_are_not_streamed_and_a_phase_once() -> None:
    chunks = Chunks(Clock())
    waiting = Phase(name="waiting for a free worker")
    left_out = [
        Tick(), Artefact(name="a", path=None), Finished(epochs=1, duration_s=1.0),
        Failed(error_type="", message="", traceback=""),
    ]  # fmt: skip
    for record in [waiting, *left_out]:
        chunks.add(record)
    assert records(chunks.rest()) == [waiting]
    chunks.add(waiting)
    assert chunks.rest() == []


def test_everything_that_waits_goes_at_the_end_and_numbers_go_on() -> None:
    chunks = Chunks(Clock())
    resources, line = Resources(memory_mb=1.0, processor_percent=2.0), LogLine(level="INFO", text="a")
    chunks.add(STARTED)
    first = chunks.take()
    for record in (resources, line, epoch(1, 1)):
        chunks.add(record)
    rest = chunks.rest()
    assert records(rest) == [resources, line, epoch(1, 1)]
    numbers = [chunk["chunk"] for chunk in (*first, *rest, chunks.last(Result(records=[])))]
    assert numbers == [0, 1, 2]


def test_no_chunk_is_larger_than_the_platform_takes() -> None:
    chunks = Chunks(Clock())
    lines = [LogLine(level="INFO", text="x" * 250_000) for _ in range(8)]
    for line in lines:
        chunks.add(line)
    sent = chunks.take()
    assert records(sent) == lines and len(sent) == 3
    assert all(len(json.dumps(chunk)) < CHUNK_BYTES + 1000 for chunk in sent)


def output_size(epochs: int, reading_bytes: int, snapshot_bytes: int, seconds_per_epoch: float) -> tuple[int, int]:
    """Bytes of a whole output, and how many epochs were streamed with their readings."""
    clock = Clock()
    chunks = Chunks(clock)
    output: list[dict[str, Any]] = []
    kept: list[Record] = [STARTED]
    for number in range(1, epochs + 1):
        for step in range(4):
            clock.now += seconds_per_epoch / 4
            chunks.add(batch(step, number))
            chunks.add(Resources(memory_mb=1.0 + clock.now, processor_percent=99.0))
            output += chunks.take()
        made: list[Record] = [read(number, epochs, reading_bytes)]
        if number % max(1, epochs // 8) == 0:
            made.append(pictured(number, snapshot_bytes))
        for record in made:
            chunks.add(record)
        kept += made
        output += chunks.take()
    output += chunks.rest()
    streamed = records(output)
    output.append(chunks.last(Result(records=fitting_result([*kept, Finished(epochs=epochs, duration_s=1.0)])[0])))
    assert [record.epoch for record in streamed if isinstance(record, Epoch)] == list(range(1, epochs + 1))
    with_readings = sum(record.layers is not None for record in streamed if isinstance(record, Epoch))
    return len(json.dumps(output)), with_readings


def test_a_usual_training_is_streamed_whole() -> None:
    size, with_readings = output_size(50, 18_000, 150_000, 0.1)
    assert size < OUTPUT_BYTES and with_readings == 50


def test_the_longest_training_fits_into_the_output_and_every_epoch_is_seen() -> None:
    size, with_readings = output_size(1000, 6_000, 20_000, 60.0)
    assert size < OUTPUT_BYTES and 0 < with_readings < 1000


def test_a_result_that_is_too_large_has_fewer_readings_and_all_epochs() -> None:
    kept: list[Record] = [STARTED, *(read(number, 999, 18_000) for number in range(1, 1000))]
    result, interval = fitting_result(kept)
    assert len(json.dumps(Result(records=result).as_json())) < RESULT_BYTES * 1.01
    epochs = [record for record in result if isinstance(record, Epoch)]
    assert [record.epoch for record in epochs] == list(range(1, 1000))
    read_after = [record.epoch for record in epochs if record.layers is not None]
    assert interval == 3 and read_after == [*range(1, 999, 3), 999]


def test_a_result_of_usual_size_is_left_as_it_is() -> None:
    kept: list[Record] = [STARTED, *(read(number, 50, 18_000) for number in range(1, 51))]
    assert fitting_result(kept) == (kept, 1)
    final = [STARTED, Finished(epochs=3, duration_s=1.0, test_accuracy=0.9)]
    assert fitting_result(final) == (final, 1)
