"""Tests of an iterator that works in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator

import pytest

from hpo_core.records import Phase, Record, Tick
from runpod_service.background import in_background

PATIENCE_S = 5.0


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def phases(*names: str) -> Generator[Record]:
    for name in names:
        yield Phase(name=name)


def test_records_come_in_order() -> None:
    names = [str(number) for number in range(50)]
    records = in_background(lambda _stop: phases(*names))
    assert [record.name for record in records if isinstance(record, Phase)] == names


def test_ticks_come_while_nothing_does() -> None:
    enough = threading.Event()

    def work(_stop: threading.Event) -> Generator[Record]:
        enough.wait(PATIENCE_S)
        yield Phase(name="late")

    seen = []
    for record in in_background(work, tick_s=0.01):
        seen.append(record)
        if len(seen) == 3:
            enough.set()
    assert seen[:3] == [Tick()] * 3 and Phase(name="late") in seen


def test_an_exception_is_raised_to_the_reader() -> None:
    def work(_stop: threading.Event) -> Generator[Record]:
        yield Phase(name="first")
        raise LookupError("nothing there")

    records = in_background(work)
    assert next(records) == Phase(name="first")
    with pytest.raises(LookupError, match="nothing there"):
        list(records)


def test_an_exception_before_the_first_record() -> None:
    def work(_stop: threading.Event) -> Generator[Record]:
        raise LookupError("no work")

    with pytest.raises(LookupError, match="no work"):
        list(in_background(work))


def test_work_goes_on_only_when_the_reader_is_back() -> None:
    """What a record points to may be removed by then."""
    steps: list[int] = []

    def work(_stop: threading.Event) -> Generator[Record]:
        for number in range(5):
            yield Phase(name=str(number))
            steps.append(number)

    records = in_background(work, tick_s=0.005)
    for number, _ in enumerate(record for record in records if isinstance(record, Phase)):
        time.sleep(0.03)
        assert steps == list(range(number))
    assert steps == list(range(5))


@pytest.mark.parametrize("heard", [0, 1])
def test_closing_ends_the_thread_and_what_works_in_it(heard: int) -> None:
    closed, events = threading.Event(), []

    def work(stop: threading.Event) -> Generator[Record]:
        events.append((stop, threading.current_thread()))
        try:
            yield Phase(name="only one")
            stop.wait(PATIENCE_S)
        finally:
            closed.set()

    records = in_background(work, tick_s=0.01)
    while heard and isinstance(next(records), Tick):
        pass
    if not heard:
        next(records)
    began = time.monotonic()
    records.close()
    assert time.monotonic() - began < PATIENCE_S / 2
    (stop, thread), *_ = events
    assert stop.is_set() and closed.is_set() and not thread.is_alive()


def test_closing_before_the_first_record_begins_nothing() -> None:
    begun: list[threading.Event] = []
    in_background(lambda stop: phases(str(begun.append(stop)))).close()
    assert begun == []


def test_a_request_under_way_does_not_hold_up_closing() -> None:
    answered, closed = threading.Event(), threading.Event()

    def work(_stop: threading.Event) -> Generator[Record]:
        try:
            answered.wait(PATIENCE_S)
            yield Phase(name="too late")
        finally:
            closed.set()

    records = in_background(work, tick_s=0.01, join_s=0.05)
    assert next(records) == Tick()
    records.close()
    assert not closed.is_set()
    answered.set()
    wait_for(closed.is_set)
