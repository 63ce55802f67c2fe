"""Live progress of running trials: one row each, gone when the trial is over."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from storage.database import Database
from storage.tables import progress


@dataclass(frozen=True)
class TrialProgress:
    """Where a running trial stands.

    Attributes:
        trial: its number.
        phase: 'training', or what else it does.
        epoch, epochs: 1-based number of the epoch it is in, and how many there will be; 0 before the first.
        share: of that epoch, 0 to 1.
        loss, accuracy: over the epoch's batches so far.
        validation_accuracy: after the last whole epoch.
        memory_mb: what the training process holds.
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

    def write(self, changed: Iterable[TrialProgress], ended: Iterable[int]) -> None:
        """Replace the rows of `changed` and remove those of `ended`, in one transaction."""
        rows = [{"run_name": self._run_name, **dataclasses.asdict(item)} for item in changed]
        gone = [row["trial"] for row in rows] + list(ended)
        if not gone:
            return
        with self._database.write() as connection:
            connection.execute(
                delete(progress).where(progress.c.run_name == self._run_name, progress.c.trial.in_(gone))
            )
            if rows:
                connection.execute(insert(progress), rows)

    def clear(self) -> None:
        with self._database.write() as connection:
            connection.execute(delete(progress).where(progress.c.run_name == self._run_name))

    def read(self) -> list[TrialProgress]:
        """By trial number."""
        query = select(progress).where(progress.c.run_name == self._run_name).order_by(progress.c.trial)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        names = {field.name for field in dataclasses.fields(TrialProgress)}
        return [TrialProgress(**{key: value for key, value in row._mapping.items() if key in names}) for row in rows]
