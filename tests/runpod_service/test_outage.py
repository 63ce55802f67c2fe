"""Tests of outages in a run whose trials may not train here: they are waited out, but not for ever."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import cast

import pytest

from hpo_core.errors import RunError, WorkerDiedError
from hpo_core.records import WAITING, Phase, Record, Started, Tick
from runpod_service.site import PROBE_S
from runpod_service.trainer import RunPodTrainer
from tests.runpod_service.server import Fault, Service, endless, stuck, trained, well
from tests.runpod_service.stand import CONFIG, PATIENCE_S, WHOLE, Stand, kinds, wait_for
from tests.stubs import records_of as script_of

DAY_S = 86_400.0
WAITS = Phase(name=f"{WAITING} for RunPod")


def started(trainer: RunPodTrainer) -> closing[Generator[Record]]:
    return closing(cast("Generator[Record]", trainer(CONFIG)))


def waits(record: Record) -> bool:
    return isinstance(record, Phase) and record.name == WAITS.name


def rest(records: Iterable[Record]) -> list[Record]:
    """All that comes; what waits for ever fails."""
    deadline, seen = time.monotonic() + PATIENCE_S, list[Record]()
    for record in records:
        assert time.monotonic() < deadline, "it does not end"
        seen.append(record)
    return seen


def test_a_trial_that_begins_in_an_outage(stand: Stand, service: Service) -> None:
    site = stand.site()
    site.give_up("no worker took the job", until_workers=True)
    with started(RunPodTrainer(site, 0)) as records:
        assert next(filter(waits, records))
        assert service.jobs == {}
        stand.now += PROBE_S + 1
        assert kinds(rest(records)) == WHOLE


def test_submissions_that_are_not_answered(stand: Stand, service: Service) -> None:
    service.out_of_order(Fault.DROPPED)
    seen: list[Record] = []
    with started(stand.trainer(queue_s=DAY_S, silence_s=0.01)) as records:
        for record in records:
            seen.append(record)
            if waits(record):
                service.out_of_order(None)
                stand.now += PROBE_S + 1
    assert any(map(waits, seen)) and kinds(seen) == WHOLE


def test_an_address_that_cannot_be_reached_for_longer_than_a_job_may_wait(stand: Stand, service: Service) -> None:
    settings = dataclasses.replace(service.settings, base_url="http://127.0.0.1:9")
    site = stand.site(settings=settings, silence_s=0.01)
    with started(RunPodTrainer(site, 0)) as records:
        next(record for record in records if site.silent)
        for _ in range(8):  # it goes on
            next(records)
        stand.now += site.queue_s + 1
        with pytest.raises(WorkerDiedError, match="no worker took the job"):
            rest(records)
    assert stand.jobs == []


def test_a_job_that_runs_on_unseen(stand: Stand, service: Service) -> None:
    service.write = endless
    site = stand.site(silence_s=0.01)
    with started(RunPodTrainer(site, 0)) as records:
        seen: list[Record] = [next(record for record in records if isinstance(record, Started))]
        service.out_of_order(Fault.DROPPED)
        seen += [next(record for record in records if site.silent)]
        seen += [next(records) for _ in range(8)]
        service.jobs["job-0"].script = trained(script_of(CONFIG))
        service.out_of_order(None)
        seen += rest(records)
    assert kinds(seen) == WHOLE and len(service.jobs) == 1 and service.cancelled == []


def test_an_outage_that_does_not_end(stand: Stand, service: Service) -> None:
    service.workers = {"throttled": 1}
    site = stand.site()
    site.give_up("no worker took the job", until_workers=True)
    with started(RunPodTrainer(site, 0)) as records:
        assert next(filter(waits, records))
        stand.now += site.queue_s + 1
        with pytest.raises(WorkerDiedError, match="no worker took the job"):
            rest(records)
    assert service.jobs == {}


def test_an_endpoint_scaled_to_zero(stand: Stand, service: Service) -> None:
    """Nobody else would queue the job that it starts a worker for; the others wait for what becomes of that one."""
    service.workers = {"idle": 0}
    site = stand.site()
    site.give_up("no worker took the job", until_workers=True)
    with started(RunPodTrainer(site, 0)) as first, started(RunPodTrainer(site, 1)) as second:
        assert next(filter(waits, first)) and next(filter(waits, second)) and service.jobs == {}
        service.write = stuck
        stand.now += PROBE_S + 1
        wait_for(lambda: next(first) and service.jobs)
        for _ in range(3):
            next(second)
        assert len(service.jobs) == 1
        service.write = well
        service.jobs["job-0"].script = well(CONFIG, 0)
        assert kinds(rest(first)) == kinds(rest(second)) == WHOLE
    assert len(service.jobs) == 2


def test_a_refused_key_is_not_waited_out(stand: Stand, service: Service) -> None:
    site = stand.site()
    site.give_up("nobody answers")
    with started(RunPodTrainer(site, 0)) as records:
        assert next(filter(waits, records))
        service.key = "another"
        stand.now += PROBE_S + 1
        with pytest.raises(RunError, match="RUNPOD_API_KEY is refused"):
            rest(records)


def test_a_trial_that_waits_can_be_closed(stand: Stand, service: Service) -> None:
    site = stand.site()
    site.give_up("nobody answers")
    with started(RunPodTrainer(site, 0)) as records:
        assert next(filter(waits, records)) and isinstance(next(records), Tick)
    wait_for(lambda: site.capacity.wait_until_free(0))
    assert service.jobs == {}
