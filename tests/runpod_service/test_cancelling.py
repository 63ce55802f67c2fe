"""Tests of what ends jobs, in a thread of its own, whatever the service says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from hpo_core.job_book import JobBook
from hpo_core.prices import Ledger, cost
from runpod_service.cancelling import Canceller
from runpod_service.client import Client
from runpod_service.limits import TokenBucket
from runpod_service.protocol import Policy, Request, body
from storage.jobs import LOST, Job, Jobs
from tests.runpod_service.server import Fault, Service, endless
from tests.runpod_service.stand import CONFIG, ENDPOINT, GPU, RUN, Stand, wait_for


@pytest.fixture
def book(stand: Stand) -> JobBook:
    return JobBook(stand.database, RUN, ENDPOINT, Ledger(GPU, 1, None), price=GPU)


@pytest.fixture
def canceller(stand: Stand, service: Service, book: JobBook) -> Iterator[Canceller]:
    service.write = endless
    canceller = Canceller(lambda: Client(service.settings, stand.limits), book, None, stand.log)
    yield canceller
    canceller.close()


def submitted(stand: Stand, book: JobBook, count: int) -> list[str]:
    """Jobs that run, by id."""
    with Client(stand.service.settings, stand.limits) as client:
        jobs = [client.submit(body(Request(CONFIG, f"{RUN}/trial_{trial}"), Policy(60, 90))) for trial in range(count)]
    for trial, job_id in enumerate(jobs):
        book.submitted(job_id, trial)
    return jobs


def test_all_are_told_before_any_is_looked_after(
    stand: Stand, service: Service, book: JobBook, canceller: Canceller
) -> None:
    jobs = submitted(stand, book, 4)
    for trial, job_id in enumerate(jobs):
        canceller.cancel(job_id, trial, f"{RUN}/trial_{trial}")
    wait_for(lambda: stand.states() == ["CANCELLED"] * 4)
    assert sorted(service.cancelled) == sorted(jobs) and service.open_jobs == []


def test_one_that_cannot_be_told_does_not_keep_the_others(
    stand: Stand, service: Service, book: JobBook, canceller: Canceller
) -> None:
    jobs = submitted(stand, book, 3)
    service.faults["cancel"] += [Fault.ERROR]
    for trial, job_id in enumerate(jobs):
        canceller.cancel(job_id, trial, f"{RUN}/trial_{trial}")
    wait_for(lambda: stand.states() == ["CANCELLED"] * 3)
    assert service.open_jobs == []


def test_it_goes_on_when_the_service_answers_again(
    stand: Stand, service: Service, book: JobBook, canceller: Canceller
) -> None:
    jobs = submitted(stand, book, 2)
    service.always["cancel"] = Fault.TOO_MANY
    for trial, job_id in enumerate(jobs):
        canceller.cancel(job_id, trial, f"{RUN}/trial_{trial}")
    wait_for(lambda: service.requests["cancel"] >= 4)
    assert service.cancelled == []
    del service.always["cancel"]
    wait_for(lambda: stand.states() == ["CANCELLED"] * 2)


def test_closing_does_not_wait_for_ever(
    stand: Stand, service: Service, book: JobBook, canceller: Canceller, caplog: pytest.LogCaptureFixture
) -> None:
    (job_id,) = submitted(stand, book, 1)
    service.always["cancel"] = Fault.TOO_MANY
    canceller.cancel(job_id, 0, f"{RUN}/trial_0")
    canceller.close(quiet_s=0.3)
    wait_for(lambda: f"job {job_id} could not be cancelled" in caplog.text)


def test_closing_waits_while_it_gets_on(stand: Stand, service: Service, book: JobBook, canceller: Canceller) -> None:
    """Each of these takes long, all of them longer than nothing may happen."""
    stand.limits.buckets = {**stand.limits.buckets, "cancel": TokenBucket(4.0, 1.0)}
    jobs = submitted(stand, book, 8)
    for trial, job_id in enumerate(jobs):
        canceller.cancel(job_id, trial, f"{RUN}/trial_{trial}")
    canceller.close(quiet_s=1.0)
    assert service.open_jobs == [] and stand.states() == ["CANCELLED"] * 8


def test_but_not_longer_than_it_may(
    stand: Stand, service: Service, book: JobBook, canceller: Canceller, caplog: pytest.LogCaptureFixture
) -> None:
    stand.limits.buckets = {**stand.limits.buckets, "cancel": TokenBucket(4.0, 1.0)}
    for trial, job_id in enumerate(submitted(stand, book, 8)):
        canceller.cancel(job_id, trial, f"{RUN}/trial_{trial}")
    canceller.close(quiet_s=10.0, longest_s=0.5)
    wait_for(lambda: "could not be cancelled" in caplog.text)


def test_slow_answers_do_not_add_up(stand: Stand, service: Service, book: JobBook, canceller: Canceller) -> None:
    jobs = submitted(stand, book, 6)
    service.always["cancel"] = Fault.SLOW
    for trial, job_id in enumerate(jobs):
        canceller.cancel(job_id, trial, f"{RUN}/trial_{trial}")
    wait_for(lambda: service.requests["cancel"] == 6)  # none of them has an answer
    assert service.cancelled == []
    service.gate.set()
    wait_for(lambda: stand.states() == ["CANCELLED"] * 6)


def test_what_comes_after_closing_is_cancelled_all_the_same(
    stand: Stand, service: Service, book: JobBook, canceller: Canceller, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = submitted(stand, book, 2)
    canceller.close()
    canceller.cancel(first, 0, f"{RUN}/trial_0")
    assert service.cancelled == [first] and sorted(stand.states()) == ["CANCELLED", "IN_QUEUE"]
    service.always["cancel"] = Fault.REFUSED
    canceller.cancel(second, 1, f"{RUN}/trial_1")
    assert f"job {second} could not be cancelled: RUNPOD_API_KEY" in caplog.text and service.open_jobs == [second]


@pytest.mark.parametrize("faults", [{"cancel": Fault.ABSENT}, {"status": Fault.ABSENT}, {"cancel": Fault.REFUSED}])
def test_one_answer_that_nothing_will_help_is_not_believed(
    stand: Stand, service: Service, book: JobBook, canceller: Canceller, faults: dict[str, Fault]
) -> None:
    (job_id,) = submitted(stand, book, 1)
    for kind, fault in faults.items():
        service.faults[kind].append(fault)
    canceller.cancel(job_id, 0, f"{RUN}/trial_0")
    wait_for(lambda: stand.states() == ["CANCELLED"])
    assert service.cancelled == [job_id]
    assert sum(service.requests[kind] for kind in ("cancel", "status")) == 3  # one of them twice


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.TOO_MANY])
def test_a_job_that_is_given_up_costs_the_most_it_can(stand: Stand, service: Service, fault: Fault) -> None:
    book = JobBook(stand.database, RUN, ENDPOINT, Ledger(GPU, 1, None), price=GPU, longest_s=600.0)
    connect = lambda: Client(service.settings, stand.limits)  # noqa: E731
    with closing(Canceller(connect, book, None, stand.log, patience_s=0.0)) as canceller:
        service.write = endless
        (job_id,) = submitted(stand, book, 1)
        service.always["cancel"] = fault
        canceller.cancel(job_id, 0, f"{RUN}/trial_0")
        wait_for(lambda: stand.states() == [LOST])
    most = pytest.approx(cost(GPU, 600.0))
    assert stand.jobs[0].cost == most == book.cost_of(0) == book.ledger.spent()


@pytest.mark.parametrize(
    ("run_name", "hours", "seconds"), [(RUN, 9.0, 600.0), ("other", 9.0, 600.0), (RUN, 0.1, 360.0)]
)
def test_a_stray_that_is_forgotten_costs_the_most_it_can(
    stand: Stand, service: Service, run_name: str, hours: float, seconds: float
) -> None:
    """Nobody has looked at it since its runner crashed."""
    Jobs(stand.database).add(Job("job-9", run_name, 0, ENDPOINT, "IN_PROGRESS", time.time() - hours * 3600))
    book = JobBook(stand.database, RUN, ENDPOINT, Ledger(GPU, 1, None), price=GPU, longest_s=600.0)
    connect = lambda: Client(service.settings, stand.limits)  # noqa: E731
    (job,) = book.strays()
    with closing(Canceller(connect, book, None, stand.log)) as canceller:
        canceller.cancel(job.job_id, job.trial, f"{run_name}/trial_0")
    (job,) = Jobs(stand.database).of_run(run_name)
    most = pytest.approx(cost(GPU, seconds), rel=0.1)
    assert job.state == LOST and job.cost == most
    assert (book.ledger.spent(), book.cost_of(0)) == ((most, most) if run_name == RUN else (0.0, None))
