"""Runs: who owns an optimisation, what state it is in, and whether it shall stop."""

from __future__ import annotations

import builtins
import time
from contextlib import suppress
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, and_, delete, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.errors import NameTakenError, UnknownRunError
from storage.tables import live, progress, runs, stops

# A runner writes its heartbeat every two seconds; after this long without one it is taken for dead.
DEAD_AFTER_S = 20.0


class RunState(StrEnum):
    """State of a run; the value is what the command line and the pages say."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether nothing happens any more unless somebody resumes the run."""
        return self not in (RunState.WAITING, RunState.RUNNING)


_ACTIVE = tuple(state.value for state in RunState if not state.is_final)


@dataclass(frozen=True)
class Run:
    """One optimisation.

    Attributes:
        run_name: also the name of its study and its folder.
        owner: host and process of the runner, as host:process.
        state: interrupted where the stored state says running but the heartbeat stopped.
        message: why it ended so, '' where there is nothing to say.
        trials: how many it shall make.
        cancel_requested: somebody asked it to stop.
        created_at, started_at, ended_at, heartbeat_at: seconds since the epoch; of a resumed run `started_at` is as
            long ago as it has run in all.
        began_at: when it began or was last resumed, seconds since the epoch.
    """

    run_name: str
    owner: str
    state: RunState
    message: str
    trials: int
    cancel_requested: bool
    created_at: float
    started_at: float | None
    ended_at: float | None
    heartbeat_at: float
    began_at: float | None = None

    def duration_s(self, now: float | None = None) -> float:
        """How long it has been running, or ran."""
        if self.started_at is None:
            return 0.0
        end = self.ended_at
        if end is None:
            end = self.heartbeat_at if self.state.is_final else (now or time.time())
        return max(0.0, end - self.started_at)


class Runs:
    """The table of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, run_name: str, *, owner: str, trials: int) -> Run:
        """A waiting run. Raises NameTakenError where the name is in use."""
        now = time.time()
        row = {"run_name": run_name, "owner": owner, "state": RunState.WAITING.value, "trials": trials}
        try:
            with self._database.write() as connection:
                connection.execute(insert(runs).values(**row, message="", created_at=now, heartbeat_at=now))
        except IntegrityError as error:
            raise NameTakenError(f"run_name is taken: a run called {run_name!r} exists; choose another name") from error
        return self.get(run_name)

    def get(self, run_name: str) -> Run:
        """Raises UnknownRunError where there is none of this name."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.run_name == run_name)).one_or_none()
        if row is None:
            raise UnknownRunError(f"run_name must be a known run, got {run_name!r}; 'status' lists them")
        return _run(row)

    def list(self, limit: int = 200) -> list[Run]:
        """The newest runs first."""
        with self._database.read() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.created_at.desc()).limit(limit)).all()
        return [_run(row) for row in rows]

    def take_over(self, run_name: str, *, owner: str, trials: int) -> Run:
        """Make a run that is over, or whose runner is dead, a waiting one with a new owner, to carry it on.

        Of several that try at the same time one succeeds. Raises UnknownRunError, and NameTakenError where it is alive.
        """
        now = time.time()
        free = or_(runs.c.state.notin_(_ACTIVE), runs.c.heartbeat_at < now - DEAD_AFTER_S)
        values = {"owner": owner, "state": RunState.WAITING.value, "trials": trials, "message": ""}
        with self._database.write() as connection:
            changed = connection.execute(
                update(runs).where(runs.c.run_name == run_name, free).values(
                    **values, cancel_requested=False, started_at=None, ended_at=None, heartbeat_at=now
                )
            ).rowcount  # fmt: skip
        run = self.get(run_name)
        if not changed:
            raise NameTakenError(
                f"run_name is busy: {run_name!r} is {run.state}; wait until it has ended, or cancel it; "
                f"where its process was killed, try again in {DEAD_AFTER_S:.0f} s"
            )
        return run

    def open(self) -> builtins.list[Run]:
        """All runs that wait or train, the newest first; interrupted ones are none of them."""
        query = select(runs).where(runs.c.state.in_(_ACTIVE)).order_by(runs.c.created_at.desc())
        with self._database.read() as connection:
            found = [_run(row) for row in connection.execute(query)]
        return [run for run in found if not run.state.is_final]

    def running_on(self, host: str) -> Run | None:
        """A run that trains on the machine called `host`, whichever process it belongs to."""
        here = (run for run in self.open() if run.owner.startswith(f"{host}:"))
        return next((run for run in here if run.state is RunState.RUNNING), None)

    def put_back(self, before: Run, *, owner: str) -> None:
        """Undo a `take_over` that came to nothing: the run is again what it was `before`."""
        # An interrupted run is a running one whose heart stopped.
        is_dead = before.state is RunState.INTERRUPTED
        values = {field.name: getattr(before, field.name) for field in fields(before)}
        values |= {"state": RunState.RUNNING.value, "message": ""} if is_dead else {"state": before.state.value}
        with self._database.write() as connection:
            mine = (runs.c.run_name == before.run_name, runs.c.owner == owner)
            connection.execute(update(runs).where(*mine).values(values))

    def begin(self, run_name: str, earlier_s: float = 0.0, owner: str | None = None) -> bool:
        """The run starts now, or goes on after having lasted `earlier_s` seconds; False where it has another owner."""
        now = time.time()
        values = {"state": RunState.RUNNING.value, "started_at": now - earlier_s, "began_at": now, "heartbeat_at": now}
        mine = runs.c.owner == owner if owner is not None else true()
        with self._database.write() as connection:
            changed = update(runs).where(runs.c.run_name == run_name, mine).values(values)
            return bool(connection.execute(changed).rowcount)

    def end(
        self, run_name: str, state: RunState, message: str = "", at: float | None = None, owner: str | None = None
    ) -> None:
        """Set the final state; a run that has one already keeps it, and so does one of another owner than `owner`."""
        values = {"state": state.value, "message": message, "ended_at": at or time.time()}
        mine = runs.c.owner == owner if owner is not None else true()
        with self._database.write() as connection:
            connection.execute(
                update(runs).where(runs.c.run_name == run_name, runs.c.state.in_(_ACTIVE), mine).values(values)
            )

    def forget_failed_start(self, run_name: str) -> None:
        """Remove a run that failed or never began; for one without a study or folder, whose name may be used again."""
        is_dead = runs.c.heartbeat_at < time.time() - DEAD_AFTER_S
        never_began = and_(runs.c.started_at.is_(None), or_(runs.c.state.notin_(_ACTIVE), is_dead))
        over = or_(runs.c.state == RunState.FAILED.value, never_began)
        with self._database.write() as connection:
            connection.execute(delete(runs).where(runs.c.run_name == run_name, over))

    def beat(self, run_name: str, owner: str) -> bool:
        """The runner is alive; whether the run is still its own, which another may have taken over while it slept."""
        with self._database.write() as connection:
            mine = (runs.c.run_name == run_name, runs.c.owner == owner)
            changed = update(runs).where(*mine).values(heartbeat_at=time.time())
            return bool(connection.execute(changed).rowcount)

    def cancel_requested(self, run_name: str) -> bool:
        with self._database.read() as connection:
            query = select(runs.c.cancel_requested).where(runs.c.run_name == run_name)
            return bool(connection.execute(query).scalar())

    def request_cancel(self, run_name: str) -> Run:
        """Ask the runner to stop, from any process; a run that is over stays as it is.

        An interrupted run has no runner that could obey: it is marked cancelled at once.
        """
        run = self.get(run_name)
        if run.state is RunState.INTERRUPTED:
            # Should its process only have been asleep, it finds the request when it wakes.
            self._set(run_name, cancel_requested=True)
            self.end(run_name, RunState.CANCELLED, "cancelled after its process had gone", at=run.heartbeat_at)
            with self._database.write() as connection:  # nobody else will
                for table in (progress, live):
                    connection.execute(delete(table).where(table.c.run_name == run_name))
        elif not run.state.is_final:
            self._set(run_name, cancel_requested=True)
        return self.get(run_name)

    def request_stop(self, run_name: str, trial: int) -> None:
        """Ask the runner to stop one trial, from any process; of a run that is over nothing happens."""
        if self.get(run_name).state.is_final:
            return
        with suppress(IntegrityError), self._database.write() as connection:  # asked before
            connection.execute(insert(stops).values(run_name=run_name, trial=trial))

    def stops(self, run_name: str) -> frozenset[int]:
        """Trials that shall stop."""
        with self._database.read() as connection:
            return frozenset(connection.execute(select(stops.c.trial).where(stops.c.run_name == run_name)).scalars())

    def _set(self, run_name: str, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.run_name == run_name).values(**values))


def _run(row: Row[Any]) -> Run:
    fields = dict(row._mapping)
    fields["state"] = RunState(fields["state"])
    if not fields["state"].is_final and time.time() - fields["heartbeat_at"] > DEAD_AFTER_S:
        fields["state"] = RunState.INTERRUPTED
        fields["message"] = "the process that ran it has gone"
    return Run(**fields)
