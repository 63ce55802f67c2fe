"""What remote trials cost: the one price table, the arithmetic, and the ledger of a run.

Prices are those of RunPod's documentation for serverless workers in November 2026. They may change: what the platform
bills is what its own console says.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hpo_core.errors import UsageError, nearest

# A job that is cancelled may go on for as long.
CANCEL_MARGIN_S = 5.0


@dataclass(frozen=True)
class Price:
    """What a worker with one GPU of a kind costs.

    Attributes:
        key: what users write, such as 'l40s'.
        title: what is shown.
        per_second: dollars per second of execution and GPU.
    """

    key: str
    title: str
    per_second: float


PRICES: Mapping[str, Price] = MappingProxyType(
    {
        price.key: price
        for price in (
            Price("16gb", "16 GB card", 0.00016),
            Price("24gb", "24 GB card", 0.00019),
            Price("4090", "RTX 4090", 0.00031),
            Price("48gb", "48 GB card", 0.00034),
            Price("l40s", "L40S", 0.00053),
            Price("a100", "A100", 0.00076),
            Price("h100", "H100", 0.00116),
            Price("h200", "H200", 0.00155),
        )
    }
)


def price_of(price_key: str) -> Price:
    """The price with that key, in capitals or not. Raises UsageError for one that is not in the table."""
    key = price_key.lower()
    if key not in PRICES:
        meant = nearest(key, PRICES)
        raise UsageError(
            "gpu", f"must be one of {', '.join(PRICES)}, got {price_key!r}", f"write {meant}" if meant else ""
        )
    return PRICES[key]


def cost(price_key: str, execution_s: float, gpus: int = 1) -> float:
    """Dollars: seconds of execution x GPUs x dollars per second and GPU. Waiting in the queue costs nothing.

    Raises UsageError for a price that is not in the table, ValueError for negative seconds or fewer than one GPU.
    """
    if not 0 <= execution_s < math.inf:
        raise ValueError(f"execution_s must be 0 or more, got {execution_s}")
    if gpus < 1:
        raise ValueError(f"gpus must be at least 1, got {gpus}")
    return execution_s * gpus * price_of(price_key).per_second


def forecast(spent: float, finished: int, total: int) -> float | None:
    """Dollars that all trials will cost: mean cost of the finished ones x all; None before the first is finished.

    Args:
        spent: dollars for the finished trials.
        finished: how many there are.
        total: trials of the run; where more than that are finished, there is nothing left to forecast.
    """
    if finished <= 0:
        return None
    return spent / finished * max(total, finished)


def in_dollars(amount: float) -> str:
    """Dollars as people read them: cents from ten cents on, hundredths of a cent below. `amount` is 0 or more."""
    if amount == 0:
        return "$0.00"
    if amount < 0.0001:
        return "less than $0.0001"
    small = round(amount, 4) < 0.1
    return f"${amount:,.4f}" if small else f"${amount:,.2f}"


class Ledger:
    """The money of one run. May be used by several threads at once.

    A job that runs has *accrued* what its time so far costs; what is *spent* is the cost of the jobs that are over, and
    what lost ones may cost at most. Whatever order the calls come in, a job counts once: the platform's own figure
    replaces every other, and nothing replaces the platform's figure but a later one.

    Args:
        price_key: of `PRICES`.
        gpus: that each job pays for.
        cap: dollars the run may cost, or None for no limit.
        clock: seconds, only ever forward, such as that of the machine.

    Raises UsageError for an unknown price, ValueError for a cap below 0 or fewer than one GPU.
    """

    def __init__(
        self, price_key: str, gpus: int, cap: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if cap is not None and not cap >= 0:
            raise ValueError(f"cap must be 0 or more, got {cap}")
        self.cap = cap
        self._price_key, self._gpus = price_key, gpus
        self._clock = clock
        self._lock = threading.RLock()
        self._queued: set[str] = set()
        self._running: dict[str, float] = {}  # since when, on the clock
        self._finished: dict[str, float] = {}  # dollars, from the platform's seconds
        self._estimated: dict[str, float] = {}  # dollars, from our own clock
        self._reserved: dict[str, float] = {}  # dollars at most
        self._earlier = 0.0  # dollars, of the run's jobs before it was resumed

    @property
    def gpus(self) -> int:
        """That each job pays for."""
        return self._gpus

    def pays_for(self, gpus: int) -> None:
        """A worker has been seen with so many GPUs: where that is more than was thought, all jobs pay for as many."""
        with self._lock:
            self._gpus = max(self._gpus, gpus)

    def carry_over(self, dollars: float) -> None:
        """The run has spent so much before: it is being resumed."""
        with self._lock:
            self._earlier += dollars

    def submitted(self, job_id: str) -> None:
        """The job is in the queue: it costs nothing yet, and will cost as much as the others."""
        with self._lock:
            self._queued.add(job_id)

    def started(self, job_id: str) -> None:
        """A worker has the job: from now on it costs. Of a job that counts already this changes nothing."""
        with self._lock:
            self._queued.discard(job_id)
            if not any(job_id in jobs for jobs in (self._finished, self._estimated, self._reserved)):
                self._running.setdefault(job_id, self._clock())

    def finished(self, job_id: str, execution_s: float) -> None:
        """The job is over, and the platform says how long it ran."""
        dollars = self._dollars(execution_s)
        with self._lock:
            self._queued.discard(job_id)
            for jobs in (self._running, self._estimated, self._reserved):
                jobs.pop(job_id, None)
            self._finished[job_id] = dollars

    def lost(self, job_id: str, most_s: float) -> None:
        """Nobody can say what became of the job: the most it may cost counts until its end is known after all."""
        dollars = self._dollars(most_s)
        with self._lock:
            if job_id not in self._finished and job_id not in self._estimated:
                self._running.pop(job_id, None)
                self._reserved[job_id] = dollars

    def dropped(self, job_id: str) -> None:
        """The job is over, and nobody says how long it ran: what it has accrued stands, nothing where it never ran.

        A lost job keeps what is reserved for it.
        """
        with self._lock:
            self._queued.discard(job_id)
            if job_id in self._running:
                self._estimated[job_id] = self._accrued_by(job_id)
                del self._running[job_id]

    def spent(self) -> float:
        """Dollars for jobs that are over, and the most that lost ones may cost; all of the run, also before now."""
        with self._lock:
            return self._earlier + sum(map(_total, (self._finished, self._estimated, self._reserved)))

    def accrued(self) -> float:
        """Dollars for jobs that are running, up to now."""
        with self._lock:
            return math.fsum(self._accrued_by(job_id) for job_id in self._running)

    def exceeds(self, cap: float, margin_s: float) -> bool:
        """Whether spent + accrued + `margin_s` seconds more of each running job reach `cap` dollars."""
        with self._lock:
            margin = len(self._running) * self._dollars(margin_s)
            return self.spent() + self.accrued() + margin >= cap

    def must_stop(self) -> bool:
        """Whether all running jobs are to be cancelled now, so that their last seconds still fit below the cap."""
        return self.cap is not None and self.exceeds(self.cap, CANCEL_MARGIN_S)

    def may_submit(self) -> bool:
        """Whether one more trial may begin.

        What is spent must be below the cap together with what the running and waiting jobs and one more will cost: each
        the mean of the finished ones, or what it has accrued where that is more; before the first is finished, what it
        has accrued. A job that would have to be cancelled at once does not begin.
        """
        if self.cap is None:
            return True
        with self._lock:
            mean = _total(self._finished) / len(self._finished) if self._finished else 0.0
            running = math.fsum(max(mean, self._accrued_by(job_id)) for job_id in self._running)
            coming = mean * (len(self._queued) + 1)
            one_more = self._dollars(CANCEL_MARGIN_S)
            return self.spent() + running + coming < self.cap and not self.exceeds(self.cap - one_more, CANCEL_MARGIN_S)

    def _dollars(self, seconds: float) -> float:
        if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds must be 0 or more, got {seconds}")
        return cost(self._price_key, seconds, self._gpus)

    def _accrued_by(self, job_id: str) -> float:
        return max(0.0, self._clock() - self._running[job_id]) * cost(self._price_key, 1.0, self._gpus)


def _total(dollars: Mapping[str, float]) -> float:
    return math.fsum(dollars.values())
