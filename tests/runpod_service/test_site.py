"""Tests of what a run's remote trials share: when RunPod is left, and when it is used again."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from typing import cast

import pytest

from hpo_core.records import WAITING, Phase, Record, Tick
from hpo_core.trial_config import TrialConfig
from runpod_service.site import PROBE_S
from runpod_service.trainer import RunPodTrainer
from tests.runpod_service.server import Service, endless, stuck, well
from tests.runpod_service.stand import CONFIG, WHOLE, Stand, accuracy, kinds, local_twice, read, wait_for


def waiting(_config: TrialConfig) -> Generator[Record]:
    """A trainer here that never has a place."""
    while True:
        time.sleep(0.005)
        yield Phase(name=f"{WAITING} for a free worker")


def test_a_trial_that_waits_here_goes_there_as_soon_as_it_can(stand: Stand, service: Service) -> None:
    site = stand.site(waiting)
    site.give_up("nobody answers")
    with closing(cast("Generator[Record]", RunPodTrainer(site, 0)(CONFIG))) as records:
        first = next(record for record in records if not isinstance(record, Tick))
        assert isinstance(first, Phase) and first.name == f"{WAITING} for a free worker"
        assert service.jobs == {}
        stand.now += PROBE_S + 1
        assert kinds(list(records)) == WHOLE
    assert len(service.jobs) == 1 and site.given_up() == ""


@pytest.mark.parametrize("workers", [{"idle": 1}, {"running": 1}, {"initializing": 1}])
def test_an_endpoint_without_workers_is_used_again_when_it_has_some(
    workers: dict[str, int], stand: Stand, service: Service
) -> None:
    site = stand.site()
    site.give_up("no worker took the job", until_workers=True)
    service.workers = {"idle": 0, "throttled": 2}
    stand.now += PROBE_S + 1
    assert site.given_up() == "no worker took the job"
    service.workers = workers
    assert site.given_up() == "no worker took the job", "it is not asked all the time"
    stand.now += PROBE_S + 1
    assert site.given_up() == ""


def test_without_workers_it_is_left_only_where_they_were_missing(stand: Stand, service: Service) -> None:
    site = stand.site()
    site.give_up("nobody answers")
    service.workers = {"idle": 0}
    stand.now += PROBE_S + 1
    assert site.given_up() == ""


def test_trials_that_often_train_here_do_not_keep_it_from_being_asked(stand: Stand) -> None:
    site = stand.site()
    site.give_up("nobody answers")
    for _ in range(3):
        stand.now += PROBE_S * 0.6
        site.give_up("nobody answers")
        if site.given_up() == "":
            return
    raise AssertionError("it was never asked")


def test_an_endpoint_at_zero_is_woken_by_one_trial_now_and_then(stand: Stand, service: Service) -> None:
    site = stand.site(local_twice())
    service.workers = {"idle": 0}
    site.give_up("no worker took the job", until_workers=True)
    stand.now += PROBE_S + 1
    for trial in (1, 2):
        assert accuracy(read(RunPodTrainer(site, trial))) == 0.4, "a trial has just waited in vain"
    stand.now += site.queue_s
    service.write = stuck
    with closing(cast("Generator[Record]", RunPodTrainer(site, 3)(CONFIG))) as records:
        wait_for(lambda: next(records) and service.jobs)
        stand.now += PROBE_S + 1
        assert site.given_up() and not site.may_wake() and len(service.jobs) == 1, "one is enough"
        service.jobs["job-0"].script = endless(CONFIG)
        wait_for(lambda: next(records) and not site.given_up())
    service.write = well
    assert accuracy(read(RunPodTrainer(site, 4))) == 0.9


def test_throttled_workers_are_not_woken(stand: Stand, service: Service) -> None:
    site = stand.site()
    service.workers = {"throttled": 1}
    site.give_up("no worker took the job", until_workers=True)
    stand.now += 2 * site.queue_s
    assert site.given_up() and not site.may_wake()
    service.workers = {}
    stand.now += PROBE_S + 1
    assert site.given_up() and site.may_wake() and not site.may_wake()
