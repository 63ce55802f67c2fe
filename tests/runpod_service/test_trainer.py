"""Tests of the remote trainer: whatever the service does, a trial has one result."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, cast

import pytest

from hpo_core.errors import RunCancelled, RunError, TrialFailedError, TrialTimeoutError, WorkerDiedError
from hpo_core.prices import cost
from hpo_core.records import WAITING, Failed, Finished, Phase, Record, Started, Tick, Trainer
from hpo_core.trial_config import FINAL
from runpod_service.doctor import reason_of
from runpod_service.limits import Capacity
from runpod_service.protocol import JobState, failure_text
from runpod_service.site import CONSULT_S, LONG_WAIT_S, PROBE_S
from runpod_service.trainer import ATTEMPTS, RunPodTrainer
from storage.jobs import LOST
from tests.contracts.trainer import TrainerContract
from tests.runpod_service.server import (
    EXECUTION_MS,
    KEY,
    Fault,
    Script,
    Service,
    endless,
    stuck,
    trained,
    well,
)
from tests.runpod_service.stand import (
    CONFIG,
    EXECUTION_S,
    GPU,
    PATIENCE_S,
    RUN,
    WHOLE,
    Stand,
    accuracy,
    kinds,
    local_twice,
    read,
    wait_for,
)  # fmt: skip
from tests.stubs import records_of as script_of


class TestContract(TrainerContract):
    """As any other trainer."""

    @pytest.fixture
    def trainer(self, stand: Stand) -> Trainer:
        return stand.trainer()


class TestStream:
    """It is there to be looked at."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda steps: [],
            lambda steps: [step for step in steps for _ in range(2)],
            lambda steps: steps[::-1],
            lambda steps: steps[1:],
            lambda steps: steps[:2] + steps[3:],
            lambda steps: [[item for step in steps for item in step]],
            lambda steps: [[None, "?", {}, {"chunk": 1}, {"records": 3}, {"records": [{"kind": "song"}]}], *steps],
        ],
        ids=["none", "twice", "backwards", "no start", "no epoch", "at once", "rubbish"],
    )
    def test_lost_repeated_late_and_unreadable_chunks(
        self, stand: Stand, service: Service, change: Callable[[list[list[object]]], list[list[object]]]
    ) -> None:
        script = trained(script_of(CONFIG))
        service.write = lambda *_: dataclasses.replace(script, steps=change(script.steps))
        records = read(stand.trainer())
        assert kinds(records) == WHOLE and isinstance(records[-1], Finished)
        assert stand.states() == ["COMPLETED"] and len(service.jobs) == 1

    @pytest.mark.parametrize("fault", [Fault.LOST, Fault.ERROR, Fault.DROPPED, Fault.HTML, Fault.EMPTY, Fault.ABSENT])
    def test_a_stream_that_never_answers_does_no_harm(self, stand: Stand, service: Service, fault: Fault) -> None:
        service.always["stream"] = fault
        service.write = lambda config, number: dataclasses.replace(well(config, number), queued=-9)
        job = threading.Thread(target=lambda: (wait_for(lambda: service.jobs), [j.step() for j in service.served]))
        job.start()
        assert kinds(read(stand.trainer())) == WHOLE and len(service.jobs) == 1
        job.join()

    def test_the_result_counts_where_the_stream_says_something_else(self, stand: Stand, service: Service) -> None:
        other = trained(script_of(CONFIG, accuracy=0.1)).steps
        service.write = lambda *_: trained(script_of(CONFIG)[:1], steps=other[:1], output=well(CONFIG, 0).output)
        assert accuracy(read(stand.trainer())) == pytest.approx(0.9)

    def test_progress_arrives_while_the_job_runs(self, stand: Stand, service: Service) -> None:
        service.write = endless
        with closing(cast("Generator[Record]", stand.trainer()(CONFIG))) as records:
            seen = []
            for record in records:
                seen.append(record.kind)
                if record.kind == "batch":
                    break
        assert "started" in seen

    def test_waiting_for_a_worker_is_told_and_ends_when_one_has_it(self, stand: Stand, service: Service) -> None:
        """Even where the first chunks are lost: the trial's time limit counts on it."""
        service.write = lambda *_: dataclasses.replace(trained(script_of(CONFIG)), steps=[[]], queued=3)
        names = [record.name for record in stand.trainer()(CONFIG) if isinstance(record, Phase)]
        assert names[0].startswith(WAITING) and not names[-1].startswith(WAITING)


class TestResult:
    """Only the status says how it ended."""

    @pytest.mark.parametrize(
        "output", [None, [], [{"chunk": 0, "records": []}], [{"result": {}}], "text"],
        ids=["none", "empty", "progress", "empty result", "text"],
    )  # fmt: skip
    def test_completed_without_output_is_done_again(self, stand: Stand, service: Service, output: object) -> None:
        service.write = lambda config, number: Script(output=output) if number == 0 else trained(script_of(config))
        records = read(stand.trainer())
        assert kinds(records) == WHOLE and stand.states() == ["COMPLETED", "COMPLETED"]

    def test_but_not_for_ever(self, stand: Stand, service: Service) -> None:
        service.write = lambda *_: Script()
        with pytest.raises(WorkerDiedError, match="completed but has no output"):
            read(stand.trainer())
        assert len(service.jobs) == ATTEMPTS == len(stand.jobs)

    def test_after_that_it_trains_here(self, stand: Stand, service: Service) -> None:
        service.write = lambda *_: Script()
        local = local_twice()
        records = read(stand.trainer(local))
        assert accuracy(records) == pytest.approx(0.4) and kinds(records) == WHOLE
        assert len(service.jobs) == ATTEMPTS and local.seen == [dataclasses.replace(CONFIG, replicas=0)]

    def test_another_version_there(self, stand: Stand, service: Service) -> None:
        script = trained(script_of(CONFIG))
        cast("Any", script.output)[-1]["result"]["version"] = "0.0.1"
        service.write = lambda *_: script
        with pytest.raises(WorkerDiedError, match=r"worker is version '0\.0\.1'.*deploy the image again"):
            read(stand.trainer())

    def test_a_second_job_goes_on_where_the_first_one_was(self, stand: Stand, service: Service) -> None:
        """Half of the first job's records were shown; its epochs are not shown twice."""
        whole = trained(script_of(CONFIG))
        first = dataclasses.replace(whole, steps=whole.steps[:3], state=JobState.FAILED, error="worker was evicted")
        service.write = lambda _, number: first if number == 0 else whole
        assert kinds(read(stand.trainer())) == WHOLE
        assert stand.states() == ["FAILED", "COMPLETED"] and stand.jobs[0].error == "worker was evicted"

    def test_a_training_that_failed_is_not_done_again(self, stand: Stand, service: Service) -> None:
        failed = Failed(error_type="ValueError", message="no such layer", traceback="line\n" * 1000)
        service.write = lambda *_: Script(state=JobState.FAILED, error=failure_text(failed))
        local = local_twice()
        assert read(stand.trainer(local)) == [failed]
        assert reason_of(stand.jobs[0].error) == "ValueError: no such layer"
        assert len(service.jobs) == 1 and local.seen == []

    def test_the_platform_s_failures_are_its_own(self, stand: Stand, service: Service) -> None:
        service.write = lambda *_: Script(state=JobState.FAILED, error="worker exited with 137")
        with pytest.raises(WorkerDiedError, match="failed on RunPod: worker exited with 137"):
            read(stand.trainer())
        assert stand.states() == ["FAILED"] * ATTEMPTS

    @pytest.mark.parametrize(
        ("state", "error", "text"),
        [(JobState.TIMED_OUT, TrialTimeoutError, "time limit of 10 min"),
         (JobState.CANCELLED, TrialFailedError, "not from here")],
    )  # fmt: skip
    def test_ended_over_there(
        self, stand: Stand, service: Service, state: JobState, error: type[Exception], text: str
    ) -> None:
        service.write = lambda *_: Script(state=state)
        with pytest.raises(error, match=text):
            read(stand.trainer(local_twice()))
        assert stand.states() == [state.value] and len(service.jobs) == 1

    def test_a_job_that_is_gone_is_done_again(self, stand: Stand, service: Service) -> None:
        service.write = lambda config, number: endless(config) if number == 0 else well(config, number)
        records = cast("Generator[Record]", stand.trainer()(CONFIG))
        seen = [next(record for record in records if isinstance(record, Started))]
        service.jobs["job-0"].known = False
        seen += [record for record in records if not isinstance(record, Tick | Phase)]  # type: ignore[misc]
        assert kinds(cast("list[Record]", seen)) == WHOLE
        assert stand.states() == [LOST, "COMPLETED"]

    def test_one_answer_that_it_is_gone_is_not_believed(self, stand: Stand, service: Service) -> None:
        service.faults["stream"].append(Fault.ABSENT)
        service.faults["status"].append(Fault.ABSENT)
        assert kinds(read(stand.trainer())) == WHOLE
        assert stand.states() == ["COMPLETED"] and len(service.jobs) == 1

    @pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.ECHO])
    def test_one_refusal_is_not_believed(self, stand: Stand, service: Service, fault: Fault) -> None:
        service.faults["stream"] += [fault, fault]
        service.faults["status"].append(fault)
        assert kinds(read(stand.trainer())) == WHOLE and len(service.jobs) == 1

    def test_answers_that_differ_are_not_believed(self, stand: Stand, service: Service) -> None:
        service.faults["stream"] += [Fault.ABSENT] * 3
        service.faults["status"] += [Fault.ABSENT, Fault.REFUSED, Fault.ABSENT]
        assert kinds(read(stand.trainer())) == WHOLE and len(service.jobs) == 1

    def test_what_it_cost_is_written_down(self, stand: Stand) -> None:
        site = stand.site()
        read(RunPodTrainer(site, 0))
        (job,) = stand.jobs
        expected = cost(GPU, EXECUTION_MS / 1000)
        assert job.cost == pytest.approx(expected) == site.book.cost_of(0)
        assert (job.execution_s, job.delay_s, job.worker) == (2.0, 0.5, "worker-1")
        assert site.book.ledger.spent() == pytest.approx(expected)


class TestSubmission:
    """An answer to `/run` that is lost must not become two results."""

    def test_exactly_one_result(self, stand: Stand, service: Service) -> None:
        service.faults["run"].append(Fault.LOST)
        service.write = lambda config, number: trained(script_of(config, accuracy=0.3 + number / 2))
        site = stand.site()
        records = read(RunPodTrainer(site, 0))
        assert kinds(records) == WHOLE and accuracy(records) == pytest.approx(0.8)  # of the second job
        assert sorted(stand.states()) == ["COMPLETED", LOST] and len(service.jobs) == 2
        lost = next(job for job in stand.jobs if job.state == LOST)
        assert lost.cost == pytest.approx(cost(GPU, EXECUTION_S)) and lost.is_over
        assert site.book.cost_of(0) == pytest.approx(cost(GPU, EXECUTION_S) + cost(GPU, EXECUTION_MS / 1000))
        assert site.book.ledger.spent() == pytest.approx(site.book.cost_of(0))

    def test_it_is_not_tried_for_ever(self, stand: Stand, service: Service) -> None:
        service.always["run"] = Fault.LOST
        with pytest.raises(WorkerDiedError, match="RunPod took no job"):
            read(stand.trainer(silence_s=PATIENCE_S))
        assert set(stand.states()) == {LOST} and len(stand.jobs) == len(service.jobs) <= 2 * ATTEMPTS

    def test_too_many_requests_are_waited_out(self, stand: Stand, service: Service) -> None:
        for kind in ("run", "stream", "status"):
            service.faults[kind].append(Fault.TOO_MANY)
        assert kinds(read(stand.trainer())) == WHOLE
        assert stand.states() == ["COMPLETED"] and len(service.jobs) == 1 and service.requests["run"] == 2

    def test_nothing_there_trains_here_after_the_silence(self, stand: Stand, service: Service) -> None:
        settings = dataclasses.replace(service.settings, base_url="http://127.0.0.1:9")
        local = local_twice()
        records = read(stand.trainer(local, settings=settings))
        assert accuracy(records) == pytest.approx(0.4) and stand.jobs == []


class TestRefused:
    """A wrong key does not get better."""

    @pytest.fixture(autouse=True)
    def _other_key(self, service: Service) -> None:
        service.key = "another"

    def test_the_run_ends(self, stand: Stand, service: Service) -> None:
        with pytest.raises(RunError, match="RUNPOD_API_KEY is refused") as caught:
            read(stand.trainer())
        assert service.requests["run"] == 1 and KEY not in str(caught.value)

    def test_or_it_trains_here(self, stand: Stand, service: Service) -> None:
        local = local_twice()
        site = stand.site(local)
        for number in range(3):
            assert kinds(read(RunPodTrainer(site, number))) == WHOLE
        assert len(local.seen) == 3 and service.requests["run"] == 1

    def test_in_the_middle(self, stand: Stand, service: Service) -> None:
        service.key = KEY
        service.write = endless
        records = cast("Generator[Record]", stand.trainer()(CONFIG))
        next(record for record in records if isinstance(record, Started))
        service.key = "another"
        with pytest.raises(RunError, match="RUNPOD_API_KEY is refused"):
            list(records)


class TestSilence:
    """A service that does not answer, and one that is well again."""

    def test_a_job_that_cannot_be_seen_is_trained_here(self, stand: Stand, service: Service) -> None:
        service.write = endless
        local = local_twice()
        records = cast("Generator[Record]", stand.trainer(local)(CONFIG))
        seen: list[Record] = [next(record for record in records if isinstance(record, Started))]
        service.out_of_order(Fault.DROPPED)
        seen += [record for record in records if not isinstance(record, Tick | Phase)]
        assert kinds(seen) == WHOLE and accuracy(seen) == pytest.approx(0.4)
        service.out_of_order(None)
        wait_for(lambda: service.cancelled == ["job-0"])

    def test_a_short_silence_is_waited_out(self, stand: Stand, service: Service) -> None:
        for kind in ("stream", "status"):
            service.faults[kind] += [Fault.ERROR, Fault.DROPPED]
        local = local_twice()
        assert accuracy(read(stand.trainer(local, silence_s=PATIENCE_S))) == pytest.approx(0.9)
        assert local.seen == [] and len(service.jobs) == 1

    def test_trials_go_there_again_when_it_is_well(self, stand: Stand, service: Service) -> None:
        service.out_of_order(Fault.DROPPED)
        local = local_twice()
        site = stand.site(local)
        assert accuracy(read(RunPodTrainer(site, 0))) == pytest.approx(0.4)
        asked = service.requests.total()
        assert accuracy(read(RunPodTrainer(site, 1))) == pytest.approx(0.4)
        assert service.requests.total() == asked  # it is left in peace for a while
        service.out_of_order(None)
        stand.now += PROBE_S + 1
        wait_for(lambda: site.given_up() == "" or stand.__dict__.update(now=stand.now + PROBE_S + 1))
        assert accuracy(read(RunPodTrainer(site, 2))) == pytest.approx(0.9)
        assert len(local.seen) == 2

    def test_a_queue_that_is_stuck(self, stand: Stand, service: Service) -> None:
        service.write = stuck
        local = local_twice()
        assert accuracy(read(stand.trainer(local, queue_s=0.03))) == pytest.approx(0.4)
        wait_for(lambda: len(service.cancelled) == 1 == len(service.jobs))  # a second one would only wait behind it
        wait_for(lambda: stand.states() == ["CANCELLED"])

    def test_what_a_long_wait_is_for_is_told(self, stand: Stand, service: Service) -> None:
        service.write = stuck
        service.workers = {"idle": 0, "running": 0, "initializing": 1}
        with closing(cast("Generator[Record]", stand.trainer(queue_s=900.0)(CONFIG))) as records:
            next(record for record in records if service.requests["stream"] > 1)  # it waits by now
            stand.now += LONG_WAIT_S + 1
            phase = next(record for record in records if isinstance(record, Phase))
            assert phase.name == f"{WAITING} in RunPod's queue: cold start"
            service.workers = {"idle": 0, "running": 0, "throttled": 1}
            stand.now += CONSULT_S + 1
            phase = next(record for record in records if isinstance(record, Phase))
            assert phase.name == f"{WAITING} in RunPod's queue: no capacity"

    def test_a_worker_that_went_away_gives_its_job_all_the_time_of_the_queue(
        self, stand: Stand, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        service.write = endless
        records = cast("Generator[Record]", stand.trainer(queue_s=60.0)(CONFIG))
        next(record for record in records if isinstance(record, Started))
        stand.now += 100.0
        job = service.jobs["job-0"]
        job.script, job.state, job.looks = Script(queued=10_000), JobState.IN_QUEUE, 0
        next(record for record in records if isinstance(record, Phase) and "queue again" in record.name)
        assert "job job-0 is in RunPod's queue again: its worker went away" in caplog.messages
        job.script, job.looks = trained(script_of(CONFIG)), 0
        assert kinds([record for record in records if not isinstance(record, Tick)]) == WHOLE[1:]
        assert len(service.jobs) == 1

    def test_fewer_jobs_at_a_time_after_failures(self, stand: Stand, service: Service) -> None:
        service.write = lambda config, number: Script() if number < 2 else well(config, number)
        site = stand.site()
        read(RunPodTrainer(site, 0))
        assert site.capacity.limit == 3  # half of four, and one more after the success


def test_many_at_once_have_one_result_each(stand: Stand, service: Service) -> None:
    """With a mixed bag of faults: every trial has its own epochs, once, and no job is left."""
    service.faults["run"] += [Fault.LOST, Fault.TOO_MANY, Fault.DROPPED, Fault.LOST]
    service.faults["stream"] += [Fault.LOST, Fault.ERROR, Fault.TOO_MANY, Fault.DROPPED, Fault.HTML] * 2
    service.faults["status"] += [Fault.ERROR, Fault.TOO_MANY, Fault.LOST]
    service.write = lambda config, number: Script() if number % 5 == 1 else trained(script_of(config))
    site = stand.site(silence_s=PATIENCE_S)
    results: dict[int, list[str]] = {}

    def work(number: int) -> None:
        results[number] = kinds(read(RunPodTrainer(site, number)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * PATIENCE_S)
    assert results == dict.fromkeys(range(8), WHOLE)
    assert all(job.is_over for job in stand.jobs)
    results_by_trial = [job.trial for job in stand.jobs if job.state == "COMPLETED" and not job.error]
    assert set(results_by_trial) == set(range(8))


def test_a_place_that_a_cancelled_run_gives_back_is_not_taken(stand: Stand, service: Service) -> None:
    site = stand.site(capacity=Capacity(1))
    assert site.capacity.try_take()
    with closing(cast("Generator[Record]", RunPodTrainer(site, 0)(CONFIG))) as records:
        assert "free place" in next(record for record in records if isinstance(record, Phase)).name
        site.cancelled.set()
        site.capacity.give_back()
        with pytest.raises(RunCancelled):
            list(records)
    assert not service.jobs and site.capacity.wait_until_free(0)


def test_the_final_model_has_a_key_of_its_own(stand: Stand, service: Service) -> None:
    config = dataclasses.replace(CONFIG, part=FINAL)
    tested = Finished(epochs=2, duration_s=1.0, test_accuracy=0.9, n_test=10)
    service.write = lambda *_: trained([script_of(CONFIG)[0], tested])
    records = read(RunPodTrainer(stand.site(), None), config)
    assert kinds(records) == ["started", "finished"] and records[-1] == tested
    assert service.jobs["job-0"].asked["input"]["key"].startswith(f"{RUN}/final/") and stand.jobs[0].trial is None
