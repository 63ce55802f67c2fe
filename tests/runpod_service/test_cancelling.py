"""Tests of what ends jobs, in a thread of its own, whatever the service says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hpo_core.job_book import JobBook
from hpo_core.prices import Ledger
from runpod_service.cancelling import Canceller
from runpod_service.client import Client
from runpod_service.protocol import Policy, Request, body
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
    canceller.close(wait_s=0.3)
    assert f"job {job_id} could not be cancelled" in caplog.text
