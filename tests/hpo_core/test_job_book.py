"""Tests of the books of remote jobs: each costs once, and only its own run."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import update

from hpo_core.job_book import CANCELLED, JobBook, JobEnd
from hpo_core.prices import Ledger, cost
from storage.database import Database
from storage.jobs import LOST, Jobs
from storage.runs import DEAD_AFTER_S, Runs, RunState
from storage.tables import runs as runs_table

GPU, ENDPOINT = "24gb", "https://here/endpoint"
ENDED = JobEnd("COMPLETED", execution_s=10.0, delay_s=2.0, worker="w")


class Clock:
    """Seconds that go on when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(database: Database, clock: Clock) -> JobBook:
    return make_book(database, "a", clock)


def make_book(database: Database, run_name: str, clock: Clock, gpus: int = 1) -> JobBook:
    return JobBook(database, run_name, ENDPOINT, Ledger(GPU, gpus, None, clock), GPU)


def test_a_job_from_its_submission_to_its_end(book: JobBook, database: Database) -> None:
    jobs = Jobs(database)
    book.submitted("j", 3)
    assert [(job.job_id, job.trial, job.state) for job in jobs.of_run("a")] == [("j", 3, "IN_QUEUE")]
    assert book.cost_of(3) is None
    book.running("j")
    assert jobs.of_run("a")[0].state == "IN_PROGRESS"
    book.ended("j", 3, ENDED)
    (job,) = jobs.of_run("a")
    assert (job.state, job.execution_s, job.delay_s, job.worker, job.error) == ("COMPLETED", 10.0, 2.0, "w", "")
    assert job.cost == pytest.approx(cost(GPU, 10.0)) == book.cost_of(3) == jobs.spent("a")


def test_a_run_that_is_resumed_has_spent_already(book: JobBook, database: Database, clock: Clock) -> None:
    book.submitted("j", 3)
    book.ended("j", 3, ENDED)
    book.lost(4, 20.0, "no answer")
    again = make_book(database, "a", clock)
    assert again.ledger.spent() == pytest.approx(cost(GPU, 30.0)) and again.cost_of(3) == pytest.approx(cost(GPU, 10.0))
    assert make_book(database, "b", clock).ledger.spent() == 0


def test_all_jobs_of_a_trial_cost(book: JobBook) -> None:
    for job_id, trial in (("j", 3), ("k", 3), ("l", 4), ("m", None)):
        book.submitted(job_id, trial)
        book.ended(job_id, trial, ENDED)
    assert book.cost_of(3) == pytest.approx(2 * cost(GPU, 10.0))
    assert book.cost_of(4) == book.cost_of(None) == pytest.approx(cost(GPU, 10.0))
    assert book.ledger.spent() == pytest.approx(4 * cost(GPU, 10.0))


def test_several_gpus_are_paid_for(database: Database, clock: Clock) -> None:
    book = make_book(database, "a", clock, gpus=4)
    book.submitted("j", 0)
    book.ended("j", 0, ENDED)
    assert book.cost_of(0) == pytest.approx(cost(GPU, 40.0)) == book.ledger.spent()


def test_what_workers_have_is_paid_for_once_it_is_seen(book: JobBook) -> None:
    book.submitted("j", 0)
    book.ledger.pays_for(4)
    book.ledger.pays_for(1)
    book.ended("j", 0, ENDED)
    assert book.cost_of(0) == pytest.approx(cost(GPU, 40.0)) == book.ledger.spent()


def test_where_nobody_says_how_long_it_ran_our_clock_counts(book: JobBook, clock: Clock) -> None:
    book.submitted("j", 0)
    book.running("j")
    clock.now += 30.0
    book.ended("j", 0, JobEnd(CANCELLED))
    assert book.cost_of(0) == pytest.approx(cost(GPU, 30.0)) == book.ledger.spent()


def test_a_job_that_never_ran_costs_nothing(book: JobBook) -> None:
    book.submitted("j", 0)
    book.ended("j", 0, JobEnd(CANCELLED))
    assert book.cost_of(0) == 0.0 == book.ledger.spent()


def test_a_lost_submission_costs_the_most_it_can(book: JobBook, database: Database) -> None:
    book.lost(2, 600.0, "not answered")
    (job,) = Jobs(database).of_run("a")
    assert (job.state, job.trial, job.error, job.is_over) == (LOST, 2, "not answered", True)
    assert job.cost == pytest.approx(cost(GPU, 600.0)) == book.cost_of(2) == book.ledger.spent()


def test_jobs_that_end_at_the_same_time_pay_their_own(book: JobBook, clock: Clock) -> None:
    """Some have an execution time and some have not; no cost is counted to two of them."""
    for number in range(40):
        book.submitted(f"j{number}", number)
        book.running(f"j{number}")
    clock.now += 7.0
    ends = [ENDED if number % 2 else JobEnd(CANCELLED) for number in range(40)]
    threads = [threading.Thread(target=book.ended, args=(f"j{number}", number, end)) for number, end in enumerate(ends)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(40):
        assert book.cost_of(number) == pytest.approx(cost(GPU, 10.0 if number % 2 else 7.0))


class TestStrays:
    """Jobs whose runner is dead; those of a living one are left alone."""

    @pytest.fixture(autouse=True)
    def _other_runs(self, database: Database, clock: Clock) -> None:
        runs = Runs(database)
        for name in ("living", "finished", "dead", "a"):
            runs.create(name, owner="me:1", trials=3)
            runs.begin(name)
        runs.end("finished", RunState.FINISHED)
        with database.write() as connection:
            dead = update(runs_table).where(runs_table.c.run_name == "dead")
            connection.execute(dead.values(heartbeat_at=runs_table.c.heartbeat_at - DEAD_AFTER_S - 5))
        for name in ("living", "finished", "dead", "deleted", "a"):
            make_book(database, name, clock).submitted(f"job of {name}", 1)
        over = make_book(database, "dead", clock)
        over.submitted("over", 2)
        over.ended("over", 2, ENDED)

    def test_which_they_are(self, book: JobBook) -> None:
        names = {job.job_id for job in book.strays()}
        assert names == {"job of finished", "job of dead", "job of deleted", "job of a"}

    def test_elsewhere_there_are_none(self, database: Database) -> None:
        assert JobBook(database, "a", "https://there/x", Ledger(GPU, 1, None), GPU).strays() == []

    def test_they_cost_their_own_run(self, book: JobBook, database: Database) -> None:
        for job in book.strays():
            book.ended(job.job_id, job.trial, JobEnd(CANCELLED, execution_s=50.0))
        assert book.cost_of(1) == pytest.approx(cost(GPU, 50.0)) == book.ledger.spent()  # its own one
        assert Jobs(database).spent("deleted") == pytest.approx(cost(GPU, 50.0)) == Jobs(database).spent("a")
