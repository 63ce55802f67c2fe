"""The backend 'runpod': made for a run, checked before its first trial, and tidied up after its last one."""

from __future__ import annotations

import math
from dataclasses import replace

from hpo_core.backends import FINAL_MODEL, Backend, Order, local_pool
from hpo_core.errors import RunError
from hpo_core.job_book import JobBook
from hpo_core.local.trainer import LocalTrainer
from hpo_core.prices import Ledger
from hpo_core.records import Trainer
from runpod_service.cancelling import Canceller
from runpod_service.client import ANSWER_S, CONNECT_S, Client, Limits
from runpod_service.errors import NotRunPodError, RefusedError, RunPodError
from runpod_service.limits import Capacity
from runpod_service.protocol import Policy, store_key
from runpod_service.s3 import S3Error, S3Store
from runpod_service.site import Site
from runpod_service.trainer import RunPodTrainer

# Beside its training a job starts a worker's process, and may have to fetch the data.
STARTUP_S = 600.0
QUEUE_S = 900.0
# Closing waits for requests under way, each the longest it may take, and for what its thread does then.
CLOSING_S = CONNECT_S + ANSWER_S + 5.0
# Between two questions about a job: as often as makes no difference to it, but so many a second for all of them.
SHORTEST_POLL_S, POLLS_PER_S = 0.2, 100.0
# More trials made ready ahead would only be suggested from less.
MOST_AHEAD = 8


def endpoint_name(base_url: str, endpoint_id: str) -> str:
    """What the books call an endpoint."""
    return f"{base_url}/{endpoint_id}"


def policy_of(minutes: float) -> Policy:
    """Limits of a job whose training may take `minutes`."""
    execution_s = minutes * 60 + STARTUP_S
    return Policy(execution_s=execution_s, ttl_s=execution_s + QUEUE_S)


def poll_interval_s(workers: int) -> float:
    """Seconds between two questions about a job where so many of them run."""
    return max(SHORTEST_POLL_S, workers / POLLS_PER_S)


def trials_ahead(workers: int) -> int:
    """Trials made ready while all workers are busy: storing one and suggesting the next takes this machine a while.

    None for one worker, whose trials follow from the seed because each is suggested after the one before it.
    """
    return min(workers - 1, math.ceil(workers / 2), MOST_AHEAD)


def runpod_backend(order: Order, poll_s: float | None = None) -> Backend:
    """Jobs on the endpoint that the settings name, each looked at every `poll_s` seconds; by default as suits all.

    The final model is made there where its files can come back.
    """
    return RunPodBackend(order, poll_s).as_backend()


class RunPodBackend:
    """Everything of one run that has to do with RunPod."""

    def __init__(self, order: Order, poll_s: float | None = None) -> None:
        self._order = order
        config, settings = order.config, order.settings.runpod
        self._limits = Limits()
        self._pool = local_pool(order, order.machine.default_workers)
        self._store = S3Store(order.settings.s3) if order.settings.s3.complete else None
        gpus = config.gpus_per_worker or 1
        self._book = JobBook(
            order.database, order.run_name, endpoint_name(settings.base_url, settings.endpoint_id),
            Ledger(config.gpu, gpus, config.max_cost), price=config.gpu,
            longest_s=policy_of(config.max_training_time_minutes).execution_s,
        )  # fmt: skip
        self._owner = self._book.owner()
        self._canceller = Canceller(self._connect, self._book, self._store, order.log)
        self._here = LocalTrainer(self._pool)
        self.site = Site(
            settings=settings,
            class_names=order.class_names,
            policy=policy_of(config.max_training_time_minutes),
            book=self._book,
            canceller=self._canceller,
            store=self._store,
            local=self._here if config.fallback_local else None,
            capacity=Capacity(order.workers),
            log=order.log,
            limits=self._limits,
            poll_s=poll_s or poll_interval_s(order.workers),
            queue_s=QUEUE_S,
            cancelled=order.cancelled,
        )

    def as_backend(self) -> Backend:
        return Backend(
            self.trainer_for, self.warm_up, self.close, self._book.cost_of, trials_ahead(self._order.workers)
        )

    def trainer_for(self, trial: int | None) -> Trainer:
        if trial is FINAL_MODEL and self.site.store is None:
            self._order.log.info("the final model is trained on this machine: without S3 its files could not come back")
            # The endpoint's devices are not here; the batch is the same on as many as there are.
            return lambda config: self._here(replace(config, replicas=0))
        return RunPodTrainer(self.site, trial)

    def warm_up(self) -> None:
        """Look whether endpoint and store answer, and end what a runner that died left running.

        Raises:
            RunError: the endpoint refuses, or is no endpoint, and trials may not train here.
        """
        try:
            with self._connect() as client:
                health = client.health()
                self._order.log.info("RunPod: workers %s, jobs %s", dict(health.workers), dict(health.jobs))
                self.site.consult(client)
        except (RefusedError, NotRunPodError) as error:
            if self.site.local is None:
                raise RunError(str(error)) from error
            self.site.give_up(str(error))
        except RunPodError as error:
            self._order.log.warning("RunPod: %s", error)
        self._check_store()
        for job in self._book.strays():
            self._order.log.warning("job %s of %s has no runner any more and is cancelled", job.job_id, job.run_name)
            self._canceller.cancel(job.job_id, job.trial, store_key(job.run_name, job.trial))

    def close(self) -> None:
        """Cancel what still runs, and leave nothing in the store."""
        self.site.capacity.wait_until_free(CLOSING_S)  # what is being submitted now is to be cancelled too
        self._canceller.close()
        self._pool.close()
        if self.site.store is not None and self._book.owner() == self._owner:  # otherwise the files are another's now
            try:
                self._tidy(self.site.store)
            except S3Error as error:
                self._order.log.warning("files of the run stay in the store: %s", error)

    def _tidy(self, store: S3Store) -> None:
        """Remove the run's files from the store, except those that are nowhere else."""
        below = f"{self._order.run_name}/"
        if not self.site.kept:
            store.delete_prefix(below)
            return
        kept = {f"{key}/" for key in self.site.kept}
        for key, _ in sorted(store.list(below), reverse=True):
            if not any(key.startswith(prefix) or prefix.startswith(key) for prefix in kept):
                store.delete(key)

    def _connect(self) -> Client:
        return Client(self._order.settings.runpod, self._limits)

    def _check_store(self) -> None:
        """Without a store the run works, and pictures are drawn here; that it is missing is said."""
        if self._store is None:
            missing = ", ".join(self._order.settings.s3.missing)
            self._order.log.info("no S3 store is set up, so pictures are drawn on this machine; missing: %s", missing)
            return
        try:
            self._store.check()
        except S3Error as error:
            self._order.log.warning("the S3 store is not used: %s", error)
            self.site.store = self._canceller.store = None
