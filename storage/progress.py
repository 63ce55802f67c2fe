"""Live progress of running trials: one row each, gone when the trial is over."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from storage.database import Database
from storage.tables import live, progress


@dataclass(frozen=True)
class TrialProgress:
    """Where a running trial stands.

    Attributes:
        trial: its number.
        phase: 'training', or what else it does.
        epoch, epochs: 1-based number of the epoch it is in, and how many there will be; 0 before the first.
        share: of that epoch, 0 to 1.
        batch, batches: 1-based number of the batch it has ended, and how many an epoch has; None before the first.
        loss, accuracy: over the epoch's batches so far.
        validation_accuracy: after the last whole epoch.
        memory_mb: what the training process holds.
        processor_percent: what it uses of one core; more than 100 where it uses several.
        process: its id on the machine it runs on.
        summary: the configuration in a few words.
        started_at, updated_at: seconds since the epoch.
    """

    trial: int
    phase: str
    epoch: int
    epochs: int
    share: float
    started_at: float
    updated_at: float
    loss: float | None = None
    accuracy: float | None = None
    validation_accuracy: float | None = None
    memory_mb: float | None = None
    processor_percent: float | None = None
    batch: int | None = None
    batches: int | None = None
    process: int | None = None
    summary: str = ""

    @property
    def overall(self) -> float:
        """Share of the whole training, 0 to 1."""
        return min(1.0, (max(self.epoch, 1) - 1 + self.share) / self.epochs) if self.epochs else 0.0


class ProgressTable:
    """The rows of one run."""

    def __init__(self, database: Database, run_name: str) -> None:
        self._database = database
        self._run_name = run_name

    def write(
        self, changed: Iterable[TrialProgress], ended: Iterable[int], histories: Mapping[int, str] | None = None
    ) -> None:
        """Replace rows and `histories` (JSON by trial), remove those of `ended`; all in one transaction."""
        told, over = histories or {}, list(ended)
        rows = [{"run_name": self._run_name, **dataclasses.asdict(item)} for item in changed]
        texts = [{"run_name": self._run_name, "trial": trial, "history": text} for trial, text in told.items()]
        if not rows and not texts and not over:
            return
        with self._database.write() as connection:
            for table, gone, new in (
                (progress, [row["trial"] for row in rows] + over, rows),
                (live, [*told, *over], texts),
            ):
                connection.execute(delete(table).where(table.c.run_name == self._run_name, table.c.trial.in_(gone)))
                if new:
                    connection.execute(insert(table), new)

    def clear(self) -> None:
        with self._database.write() as connection:
            for table in (progress, live):
                connection.execute(delete(table).where(table.c.run_name == self._run_name))

    def live(self, trial: int) -> str | None:
        """JSON of a running trial's history so far; None before its first epoch and when it is over."""
        query = select(live.c.history).where(live.c.run_name == self._run_name, live.c.trial == trial)
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else str(found)

    def read(self) -> list[TrialProgress]:
        """By trial number."""
        query = select(progress).where(progress.c.run_name == self._run_name).order_by(progress.c.trial)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        names = {field.name for field in dataclasses.fields(TrialProgress)}
        return [TrialProgress(**{key: value for key, value in row._mapping.items() if key in names}) for row in rows]
