"""Tests of rate limits, waits, the circuit breaker and the number of jobs in flight, all on a clock of their own."""

from __future__ import annotations

import random
import threading

import pytest

from runpod_service.limits import PLATFORM_LIMITS, WINDOW_S, Backoff, Breaker, Capacity, bucket


class Clock:
    """Seconds that go on when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def most_in_a_window(times: list[float]) -> int:
    """The largest number of requests that any window saw; each window that matters begins at a request."""
    most, end = 0, 0
    for begin, first in enumerate(times):
        while end < len(times) and times[end] < first + WINDOW_S:
            end += 1
        most = max(most, end - begin)
    return most


@pytest.mark.parametrize("kind", list(PLATFORM_LIMITS))
@pytest.mark.parametrize("seed", range(3))
def test_no_window_sees_more_than_the_platform_allows(kind: str, seed: int, clock: Clock) -> None:
    """Whoever asks when: bursts from many threads, pauses, and times in between."""
    chance, limited, times = random.Random(seed), bucket(kind, clock), []
    for _ in range(4 * PLATFORM_LIMITS[kind]):
        clock.now += chance.choice((0.0, 0.0, chance.expovariate(PLATFORM_LIMITS[kind] / 5), chance.random() * 0.02))
        clock.now += chance.choice((0.0,) * 500 + (15.0,))
        times.append(clock.now + limited.wait_s())
    assert most_in_a_window(sorted(times)) <= PLATFORM_LIMITS[kind]


@pytest.mark.parametrize(("kind", "at_once"), [("run", 80), ("cancel", 52)])
def test_the_allowance_is_used(kind: str, at_once: int, clock: Clock) -> None:
    limited = bucket(kind, clock)
    times = [limited.wait_s() for _ in range(2 * PLATFORM_LIMITS[kind])]
    assert times[:at_once] == [0.0] * at_once and 0 < times[at_once] < 0.2
    assert most_in_a_window(times) >= 0.7 * PLATFORM_LIMITS[kind]


def test_the_jobs_of_a_large_run_are_cancelled_within_seconds(clock: Clock) -> None:
    limited = bucket("cancel", clock)
    assert max(limited.wait_s() for _ in range(64)) < 4


@pytest.mark.parametrize("drawn", [0.0, 0.3, 1.0])
def test_waits_double_between_half_and_all_of_their_bound(drawn: float) -> None:
    backoff = Backoff(first_s=0.5, longest_s=4.0, chance=lambda: drawn)
    whole = [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    waits = [backoff.next_s() for _ in whole]
    assert waits == [pytest.approx(bound * (0.5 + 0.5 * drawn)) for bound in whole]
    assert all(bound / 2 <= wait <= bound for bound, wait in zip(whole, waits, strict=True))
    backoff.reset()
    assert backoff.next_s() == waits[0]


def test_waits_of_several_clients_differ() -> None:
    assert len({Backoff().next_s() for _ in range(20)}) > 10


class TestBreaker:
    """Closed, open, one request that tries, closed again."""

    @pytest.fixture
    def breaker(self, clock: Clock) -> Breaker:
        return Breaker(failures=3, open_s=2.0, longest_s=5.0, clock=clock)

    def test_it_opens_after_failures_in_a_row(self, breaker: Breaker, clock: Clock) -> None:
        for _ in range(2):
            breaker.failed()
        breaker.succeeded()
        for _ in range(2):
            breaker.failed()
        assert breaker.wait_s() == 0
        breaker.failed()
        assert breaker.wait_s() == 2.0
        clock.now += 1.5
        assert breaker.wait_s() == 0.5

    def test_one_request_tries_while_others_wait(self, breaker: Breaker, clock: Clock) -> None:
        for _ in range(3):
            breaker.failed()
        clock.now += 2.0
        assert breaker.wait_s() == 0.0 and breaker.wait_s() == 2.0
        breaker.succeeded()
        assert breaker.wait_s() == 0.0

    def test_it_opens_for_longer_while_nothing_changes(self, breaker: Breaker, clock: Clock) -> None:
        for _ in range(3):
            breaker.failed()
        waits = []
        for _ in range(4):
            waits.append(breaker.wait_s())
            clock.now += waits[-1]
            assert breaker.wait_s() == 0.0
            breaker.failed()
        assert waits == [2.0, 4.0, 5.0, 5.0]
        breaker.succeeded()
        for _ in range(3):
            breaker.failed()
        assert breaker.wait_s() == 2.0

    def test_a_try_that_is_never_answered_for_does_not_keep_it_open_for_ever(
        self, breaker: Breaker, clock: Clock
    ) -> None:
        for _ in range(3):
            breaker.failed()
        clock.now += 2.0
        assert breaker.wait_s() == 0.0
        clock.now += 2.0
        assert breaker.wait_s() == 0.0

    def test_silence_is_counted_from_the_first_failure(self, breaker: Breaker, clock: Clock) -> None:
        assert breaker.silent_s == 0.0
        breaker.failed()
        clock.now += 7.0
        breaker.failed()
        clock.now += 1.0
        assert breaker.silent_s == 8.0
        breaker.succeeded()
        assert breaker.silent_s == 0.0


class TestCapacity:
    """Half as many after failures in a row, one more after each success."""

    def test_it_halves_and_recovers(self) -> None:
        capacity = Capacity(8, patience=2)
        assert [capacity.failed() for _ in range(8)] == [None, 4, None, 2, None, 1, None, None]
        assert [capacity.succeeded() for _ in range(8)] == [2, 3, 4, 5, 6, 7, 8, None]
        assert capacity.limit == 8

    def test_a_success_in_between_forgives(self) -> None:
        capacity = Capacity(4, patience=2)
        for _ in range(5):
            assert capacity.failed() is None and capacity.succeeded() is None

    def test_no_more_than_the_limit_are_in_flight(self) -> None:
        capacity = Capacity(2, patience=1)
        assert [capacity.try_take() for _ in range(3)] == [True, True, False]
        capacity.failed()
        capacity.give_back()
        assert not capacity.try_take()  # one is still there, and one is the limit now
        capacity.give_back()
        assert capacity.try_take() and not capacity.try_take()

    def test_a_place_is_taken_when_it_becomes_free(self) -> None:
        capacity = Capacity(1)
        assert capacity.try_take()
        threading.Timer(0.05, capacity.give_back).start()
        assert capacity.try_take(60.0) and not capacity.try_take(0.01)
