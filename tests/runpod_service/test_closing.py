"""Tests of the end of remote trials: no job is left behind, and none costs more than the run may spend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, cast

import pytest

from hpo_core.errors import BudgetError
from hpo_core.prices import cost
from hpo_core.records import Finished, Phase, Record, Started, Tick
from runpod_service.client import Client
from runpod_service.limits import Capacity
from runpod_service.trainer import RunPodTrainer
from tests.runpod_service.server import (
    EXECUTION_MS,
    Fault,
    Service,
    endless,
    stuck,
)
from tests.runpod_service.stand import (
    CONFIG,
    GPU,
    PATIENCE_S,
    Stand,
    local_twice,
    read,
    wait_for,
)  # fmt: skip
from tests.stubs import EndlessTrainer


class TestClosing:
    """Pruned, cancelled, over time: nothing of it is left."""

    def closed(self, stand: Stand, until: Callable[[Record], bool], **fields: Any) -> None:
        with closing(cast("Generator[Record]", stand.trainer(**fields)(CONFIG))) as records:
            next(record for record in records if until(record))

    def test_a_running_job_is_cancelled(self, stand: Stand, service: Service) -> None:
        service.write = endless
        self.closed(stand, lambda record: isinstance(record, Started))
        wait_for(lambda: stand.states() == ["CANCELLED"])
        assert service.cancelled == ["job-0"] and service.open_jobs == []
        assert stand.jobs[0].cost == pytest.approx(cost(GPU, EXECUTION_MS / 1000))

    def test_a_job_in_the_queue_is_cancelled(self, stand: Stand, service: Service) -> None:
        service.write = stuck
        self.closed(stand, lambda record: isinstance(record, Phase) and "queue" in record.name)
        wait_for(lambda: stand.states() == ["CANCELLED"])
        assert service.open_jobs == [] and stand.jobs[0].cost == 0

    def test_a_job_that_is_just_being_submitted_is_cancelled(self, stand: Stand, service: Service) -> None:
        service.faults["run"].append(Fault.SLOW)
        service.write = stuck
        records = cast("Generator[Record]", stand.trainer()(CONFIG))
        assert isinstance(next(records), Tick) and service.jobs == {}
        threading.Timer(0.2, service.gate.set).start()
        records.close()
        wait_for(lambda: stand.states() == ["CANCELLED"])
        assert len(service.jobs) == 1 and service.open_jobs == []

    def test_while_the_service_is_slow_and_faulty(self, stand: Stand, service: Service) -> None:
        service.write = endless
        service.faults["cancel"] += [Fault.ERROR, Fault.LOST, Fault.TOO_MANY]
        service.faults["status"] += [Fault.ERROR]
        self.closed(stand, lambda record: isinstance(record, Started))
        wait_for(lambda: stand.states() == ["CANCELLED"])
        assert service.open_jobs == []

    def test_a_slow_answer_does_not_hold_it_up(self, stand: Stand, service: Service) -> None:
        service.write = endless
        service.always["cancel"] = Fault.SLOW
        began = time.monotonic()
        self.closed(stand, lambda record: isinstance(record, Started))
        assert time.monotonic() - began < 10 and service.open_jobs == ["job-0"]
        service.gate.set()
        wait_for(lambda: stand.states() == ["CANCELLED"])

    def test_a_stream_that_does_not_answer_is_the_last_question(self, stand: Stand, service: Service) -> None:
        service.always |= {"stream": Fault.SLOW, "cancel": Fault.TOO_MANY}  # nothing else asks how the job is
        site = stand.site(make_client=lambda settings, limits: Client(settings, limits, answer_s=1.0))
        with closing(cast("Generator[Record]", RunPodTrainer(site, 0)(CONFIG))) as records:
            next(record for record in records if service.requests["stream"])
        assert site.capacity.wait_until_free(PATIENCE_S) and service.requests["status"] == 0

    def test_a_job_that_is_gone_needs_no_cancelling(self, stand: Stand, service: Service) -> None:
        service.write = endless
        service.always["cancel"] = Fault.ABSENT
        self.closed(stand, lambda record: isinstance(record, Started))
        wait_for(lambda: stand.states() == ["CANCELLED"])

    def test_a_job_that_is_over_is_not_cancelled(self, stand: Stand, service: Service) -> None:
        self.closed(stand, lambda record: isinstance(record, Finished))
        assert stand.states() == ["COMPLETED"] and service.cancelled == []

    def test_waiting_for_a_free_place(self, stand: Stand, service: Service) -> None:
        capacity = Capacity(1)
        assert capacity.try_take()
        self.closed(stand, lambda record: isinstance(record, Phase) and "free place" in record.name, capacity=capacity)
        capacity.give_back()
        assert service.jobs == {}

    def test_what_trains_here_instead_is_ended(self, stand: Stand, service: Service) -> None:
        """One that only ticks, as a training does that loads its data."""
        service.key = "another"
        local = EndlessTrainer()
        records = cast("Generator[Record]", stand.trainer(local=local)(CONFIG))
        next(record for record in records if isinstance(record, Started))
        next(record for record in records if isinstance(record, Tick))
        records.close()
        assert local.closed == 1


class TestMoney:
    """The cap ends trials."""

    def test_nothing_is_submitted_when_it_is_spent(self, stand: Stand, service: Service) -> None:
        site = stand.site(local_twice(), cap=0.01)
        site.book.lost(7, 1000, "not answered")
        with pytest.raises(BudgetError, match="money cap"):
            read(RunPodTrainer(site, 0))
        assert service.jobs == {}

    def test_a_job_that_would_exceed_it_is_cancelled(self, stand: Stand, service: Service) -> None:
        service.write = endless
        site = stand.site(local_twice(), cap=0.01)
        records = cast("Generator[Record]", RunPodTrainer(site, 0)(CONFIG))
        next(record for record in records if isinstance(record, Started))
        site.book.lost(7, 1000, "not answered")
        with pytest.raises(BudgetError, match="money cap"):
            list(records)
        wait_for(lambda: "CANCELLED" in stand.states())
        assert service.open_jobs == []
