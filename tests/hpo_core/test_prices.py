"""Tests of what remote trials cost."""

from __future__ import annotations

import math
import random
import threading
from dataclasses import FrozenInstanceError

import pytest

from hpo_core.errors import UsageError
from hpo_core.prices import CANCEL_MARGIN_S, PRICES, Ledger, cost, forecast, in_dollars, price_of

H100 = 0.00116


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ledger(clock: Clock, cap: float | None = None, gpus: int = 1) -> Ledger:
    return Ledger("h100", gpus, cap, clock)


def dollars(seconds: float) -> object:
    return pytest.approx(seconds * H100, rel=1e-12, abs=1e-15)


def test_the_price_table() -> None:
    assert {key: price.per_second for key, price in PRICES.items()} == {
        "16gb": 0.00016, "24gb": 0.00019, "4090": 0.00031, "48gb": 0.00034,
        "l40s": 0.00053, "a100": 0.00076, "h100": 0.00116, "h200": 0.00155,
    }  # fmt: skip
    assert all(key == price.key == key.lower() and price.title for key, price in PRICES.items())
    with pytest.raises(TypeError):
        PRICES["free"] = PRICES["h100"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        PRICES["h100"].per_second = 0.0  # type: ignore[misc]


def test_a_price_by_its_key() -> None:
    assert price_of("L40S").title == "L40S"
    with pytest.raises(UsageError, match=r"gpu must be one of 16gb, .*, h200, got 'h1000'; write h100"):
        price_of("h1000")
    with pytest.raises(UsageError, match=r"got 'abacus'$"):
        price_of("abacus")


def test_cost_is_seconds_times_gpus_times_price() -> None:
    assert cost("h100", 1000) == pytest.approx(1.16)
    assert cost("16gb", 0.5, gpus=4) == pytest.approx(0.5 * 4 * 0.00016)
    assert cost("16gb", 0) == 0


@pytest.mark.parametrize("seconds", [-0.1, math.nan, math.inf])
def test_seconds_that_are_none(seconds: float, clock: Clock) -> None:
    with pytest.raises(ValueError, match="execution_s must be 0 or more"):
        cost("h100", seconds)
    book = ledger(clock)
    book.started("a")
    for call in (book.finished, book.lost):
        with pytest.raises(ValueError, match="seconds must be 0 or more"):
            call("a", seconds)
    clock.now += 2
    assert book.accrued() == dollars(2), "still running"


def test_no_gpus_and_no_cap_below_nothing(clock: Clock) -> None:
    with pytest.raises(ValueError, match="gpus must be at least 1, got 0"):
        cost("h100", 1, gpus=0)
    for cap in (-0.01, math.nan):
        with pytest.raises(ValueError, match="cap must be 0 or more"):
            ledger(clock, cap)


def test_forecast() -> None:
    assert forecast(0.0, 0, 20) is None
    assert forecast(0.3, 3, 20) == pytest.approx(2.0)
    assert forecast(2.0, 20, 20) == pytest.approx(2.0)
    assert forecast(2.1, 21, 20) == pytest.approx(2.1), "never less than what is spent"
    assert forecast(0.0, 5, 20) == 0


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"), (0.00001, "less than $0.0001"), (0.0001, "$0.0001"), (0.0042, "$0.0042"), (0.09994, "$0.0999"),
        (0.09996, "$0.10"), (0.1, "$0.10"), (0.995, "$0.99"), (1.24, "$1.24"), (1234.5, "$1,234.50"),
    ],
)  # fmt: skip
def test_dollars_as_people_read_them(amount: float, text: str) -> None:
    assert in_dollars(amount) == text


def test_a_job_costs_by_our_clock_until_the_platform_says(clock: Clock) -> None:
    book = ledger(clock)
    book.started("a")
    clock.now += 10
    book.started("a")
    book.started("b")
    clock.now += 5
    assert book.accrued() == dollars(15 + 5) and book.spent() == 0
    book.finished("a", 12.5)
    assert book.accrued() == dollars(5) and book.spent() == dollars(12.5)
    book.finished("a", 13)
    assert book.spent() == dollars(13), "the platform's last word"
    clock.now += 100
    book.started("a")
    assert book.accrued() == dollars(105), "a late word of its start does not begin it again"


def test_a_job_pays_for_all_its_gpus(clock: Clock) -> None:
    book = ledger(clock, gpus=4)
    book.finished("a", 10)
    book.started("b")
    clock.now += 1
    assert book.spent() == dollars(40) and book.accrued() == dollars(4)


def test_a_lost_job_counts_with_the_most_it_may_cost(clock: Clock) -> None:
    book = ledger(clock)
    book.lost("a", 600)
    assert book.spent() == dollars(600)
    book.started("a")
    book.dropped("a")
    clock.now += 50
    assert book.spent() == dollars(600) and book.accrued() == 0
    book.finished("a", 30)
    assert book.spent() == dollars(30)
    book.lost("a", 600)
    assert book.spent() == dollars(30), "its end is known"
    book.started("b")
    book.lost("b", 100)
    assert book.spent() == dollars(130) and book.accrued() == 0


def test_a_dropped_job_keeps_what_it_accrued(clock: Clock) -> None:
    book = ledger(clock)
    book.dropped("never ran")
    assert book.spent() == 0
    book.started("a")
    clock.now += 7
    book.dropped("a")
    book.dropped("a")
    book.started("a")
    book.lost("a", 600)
    clock.now += 7
    assert book.spent() == dollars(7) and book.accrued() == 0
    book.finished("a", 6)
    assert book.spent() == dollars(6)


def test_a_clock_that_goes_back_pays_nothing_back(clock: Clock) -> None:
    book = ledger(clock)
    book.started("a")
    clock.now -= 100
    assert book.accrued() == 0


def test_jobs_are_stopped_while_their_last_seconds_still_fit(clock: Clock) -> None:
    book = ledger(clock, cap=100 * H100)
    book.finished("a", 60)
    book.started("b")
    book.started("c")
    clock.now += 14.9  # 60 + 2 x 14.9 + 2 x 5 = 99.8
    assert not book.must_stop() and not book.exceeds(100 * H100, 5) and book.exceeds(100 * H100, 5.2)
    clock.now += 0.2  # 60 + 2 x 15.1 + 2 x 5 = 100.2
    assert book.must_stop()
    book.finished("b", 15)
    assert not book.must_stop(), "60 + 15 + 15.1 + 5"


def test_nothing_is_submitted_that_would_reach_the_cap(clock: Clock) -> None:
    book = ledger(clock, cap=100 * H100)
    book.started("a")
    clock.now += 89.9
    assert book.may_submit(), "no mean is known: only the margins of two jobs count"
    clock.now += 0.2
    assert not book.may_submit() and not book.must_stop()
    book.finished("a", 30)
    assert book.may_submit(), "30 + 30"
    book.started("b")
    assert book.may_submit(), "30 + 30 + 30"
    book.started("c")
    assert not book.may_submit(), "the two that run will cost as much as the first, and leave too little for a third"
    clock.now += 1
    book.finished("b", 1)
    assert book.may_submit(), "31 + 15.5 + 15.5"
    clock.now += 55
    assert not book.may_submit(), "31 + 56 + 15.5: one runs longer than the mean"
    clock.now -= 55
    book.lost("d", 38.1)
    assert not book.may_submit(), "31 + 38.1 + 15.5 + 15.5"


def test_caps_at_the_edge(clock: Clock) -> None:
    free = ledger(clock, cap=None)
    free.finished("a", 1e9)
    free.started("b")
    assert free.may_submit() and not free.must_stop()
    nothing = ledger(clock, cap=0)
    assert not nothing.may_submit() and nothing.must_stop()
    assert not ledger(clock, cap=CANCEL_MARGIN_S * H100).may_submit(), "it would be cancelled at once"
    assert ledger(clock, cap=CANCEL_MARGIN_S * H100 * 1.01).may_submit()


def test_calls_from_several_threads_lose_nothing(clock: Clock) -> None:
    book = ledger(clock)

    def work(worker: int) -> None:
        for number in range(200):
            book.started(f"{worker}-{number}")
            book.finished(f"{worker}-{number}", 1)
            book.may_submit()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert book.spent() == dollars(1600) and book.accrued() == 0


def counted(calls: list[tuple[str, str, float, float]], now: float) -> tuple[float, float]:
    """Seconds spent and accrued, job by job: a second implementation of the ledger's rules."""
    spent = accrued = 0.0
    for job in {call[1] for call in calls}:
        mine = [call for call in calls if call[1] == job]
        told = [seconds for name, _, seconds, _ in mine if name == "finished"]
        if told:
            spent += told[-1]
            continue
        since = at_most = over = None
        for name, _, seconds, at in mine:
            if name == "started" and since is None and at_most is None:
                since = at
            elif name == "lost" and over is None:
                at_most = seconds
            elif name == "dropped" and over is None and since is not None and at_most is None:
                over = at - since
        if at_most is not None:
            spent += at_most
        elif over is not None:
            spent += over
        elif since is not None:
            accrued += now - since
    return spent, accrued


@pytest.mark.parametrize("seed", range(50))
def test_a_job_counts_once_in_whatever_order_it_is_told(seed: int, clock: Clock) -> None:
    rng, book, calls = random.Random(seed), ledger(clock), []
    for _ in range(60):
        clock.now += rng.choice([0, 0, 0.5, 3])
        name, job = rng.choice(["started", "started", "finished", "lost", "dropped"]), f"job {rng.randrange(15)}"
        seconds = rng.choice([0, 1, 20])
        calls.append((name, job, seconds, clock.now))
        method = getattr(book, name)
        if name in ("finished", "lost"):
            method(job, seconds)
        else:
            method(job)
        spent, accrued = counted(calls, clock.now)
        assert book.spent() == dollars(spent) and book.accrued() == dollars(accrued)


@pytest.mark.parametrize("seed", range(50))
def test_who_obeys_the_ledger_spends_at_most_one_margin_more_than_the_cap(seed: int, clock: Clock) -> None:
    """Up to eight jobs, looked at every half second; a cancelled one goes on for up to 5 s; some answers are lost."""
    rng = random.Random(seed)
    cap = rng.choice([0.0, 3.0, 40.0, 300.0, 1000.0]) * H100
    book, ends, number, reserved = ledger(clock, cap), {}, 0, 0.0
    stopping: set[str] = set()
    for _ in range(2000):
        clock.now += 0.5
        for job in [job for job, (_, end) in ends.items() if end <= clock.now]:
            start, end = ends.pop(job)
            if rng.random() < 0.2:
                book.dropped(job)
            else:
                book.finished(job, end - start)
        if book.must_stop():
            for job in ends.keys() - stopping:
                stopping.add(job)
                start, end = ends[job]
                ends[job] = (start, min(end, clock.now + rng.uniform(0, CANCEL_MARGIN_S)))
        while len(ends) < 8 and rng.random() < 0.6 and book.may_submit():
            number += 1
            if rng.random() < 0.05:
                most_s = rng.uniform(0, 20)
                book.lost(f"job {number}", most_s)
                reserved += most_s * H100
                continue
            book.started(f"job {number}")
            ends[f"job {number}"] = (clock.now, clock.now + rng.expovariate(1 / 60))
        paid = book.spent() - reserved
        assert paid <= cap + CANCEL_MARGIN_S * H100
        assert paid + book.accrued() <= cap + CANCEL_MARGIN_S * H100
    assert number == 0 if cap <= CANCEL_MARGIN_S * H100 else book.spent() > 0.3 * cap


def test_jobs_in_the_queue_count_against_the_cap() -> None:
    """All workers of a cold endpoint may not begin what only one of them can pay."""
    ledger = Ledger("24gb", 1, cost("24gb", 1000.0), lambda: 0.0)
    ledger.finished("first", 300.0)
    allowed = 0
    while ledger.may_submit():
        ledger.submitted(f"job-{allowed}")
        allowed += 1
        assert allowed < 10
    assert allowed == 2
    ledger.dropped("job-0")
    assert ledger.may_submit()
