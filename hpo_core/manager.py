"""The runs of one process: a dashboard starts them here, and finds them again from any page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from hpo_core.backends import LOCAL_ONLY, BackendFactory
from hpo_core.logs import LOGGER
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.run_study import resumed_config
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from storage.database import open_database
from storage.errors import StorageError
from storage.runs import Runs

CLOSE_WAIT_S = 10.0
LOOK_S = 0.5


@dataclass(frozen=True)
class Waiting:
    """A run whose turn has not come; `visitor` is who started it."""

    runner: Runner
    visitor: str


class RunManager:
    """Runs one run after the other in the background. Its methods may be called from any thread.

    What is started while a run trains on this machine, also one of a command line, waits its turn. Of several visitors
    each gets a turn before one of them gets a second.
    """

    def __init__(
        self,
        settings: Settings,
        machine: Machine | None = None,
        backends: Mapping[str, BackendFactory] = LOCAL_ONLY,
    ) -> None:
        self._settings = settings
        self._machine = machine
        self._backends = backends
        self._lock = threading.RLock()
        self._runner: Runner | None = None
        self._waiting: list[Waiting] = []
        self._served = ""  # the visitor who had the last turn
        self._closing = threading.Event()
        self._attendant: threading.Thread | None = None

    @property
    def active(self) -> str | None:
        """Name of the run that this process is busy with, or None."""
        runner = self._runner
        return runner.run_name if runner is not None and not runner.wait(0) else None

    @property
    def waiting(self) -> list[str]:
        """Names of the runs that wait their turn, the next one first."""
        with self._lock:
            return [item.runner.run_name for item in in_turn(self._waiting, self._served)]

    def start(self, config: OptimizationConfig, settings: Settings | None = None, visitor: str = "") -> str:
        """Start a run, at once or when its turn has come; its name.

        Args:
            config: what it is told.
            settings: of this run alone, where they differ from the manager's in where remote trials go.
            visitor: who starts it.

        Raises:
            UsageError: the configuration cannot run.
            StorageError: the database cannot be opened, or the name is taken.
        """
        return self._add(config, settings, visitor, resume=False)

    def resume(
        self, run_name: str, changes: Mapping[str, object], settings: Settings | None = None, visitor: str = ""
    ) -> None:
        """Carry a run on that is over or whose process has gone.

        Args:
            run_name: of the run.
            changes: to its configuration, such as `trials` in all.
            settings: as for `start`.
            visitor: who resumes it.

        Raises:
            UsageError: it cannot be resumed.
            StorageError: the database cannot be opened, there is no such run, or somebody else runs it.
        """
        cores = (self._machine or Machine.detect()).cores
        config = resumed_config(open_database(self._settings.storage_url), run_name, changes, cores)
        self._add(config, settings, visitor, resume=True)

    def move_up(self, run_name: str) -> None:
        """Let a waiting run change places with the one before it of the same visitor; the first one stays."""
        with self._lock:
            place = next((at for at, item in enumerate(self._waiting) if item.runner.run_name == run_name), None)
            if place is None:
                return
            mine = [at for at in range(place) if self._waiting[at].visitor == self._waiting[place].visitor]
            if mine:
                before = mine[-1]
                self._waiting[before], self._waiting[place] = self._waiting[place], self._waiting[before]

    def cancel(self, run_name: str) -> None:
        """Ask a run to stop, whichever process it belongs to; a waiting one ends at once. Raises UnknownRunError."""
        runner = self._runner
        if runner is not None and runner.run_name == run_name:
            runner.cancel()  # at once: the database may be slow
        Runs(open_database(self._settings.storage_url)).request_cancel(run_name)
        self._drop_cancelled()

    def close(self) -> None:
        """Cancel what runs and waits, and wait for the end; for the end of the process."""
        self._closing.set()
        with self._lock:
            for item in self._waiting:
                item.runner.abandon("the dashboard was closed before its turn came")
            self._waiting.clear()
        runner = self._runner
        if runner is not None and not runner.wait(0):
            runner.cancel()
            runner.wait(CLOSE_WAIT_S)

    def _add(self, config: OptimizationConfig, settings: Settings | None, visitor: str, *, resume: bool) -> str:
        with self._lock:
            runner = Runner(config, settings or self._settings, self._machine, self._backends, resume=resume)
            self._waiting.append(Waiting(runner, visitor))
            with suppress(StorageError):  # away for a moment: the attendant tries again
                self._next_turn()
            if self._waiting and self._attendant is None:
                self._attendant = threading.Thread(target=self._attend, name="queue of runs", daemon=True)
                self._attendant.start()
            return runner.run_name

    def _attend(self) -> None:
        """Keep the waiting runs alive and give the next one its turn, until none waits."""
        while not self._closing.wait(LOOK_S):
            try:
                self._drop_cancelled()
                with self._lock:
                    self._waiting = [item for item in self._waiting if item.runner.beat()]
                    self._next_turn()
                    if not self._waiting:
                        self._attendant = None
                        return
            except Exception:  # whatever went wrong with one look, the runs that wait need the next one
                logging.getLogger(LOGGER).exception("the queue of runs could not be served")

    def _next_turn(self) -> None:
        if not self._waiting or self.active is not None:
            return
        if Runs(open_database(self._settings.storage_url)).running_on(self._waiting[0].runner.host) is not None:
            return
        item = in_turn(self._waiting, self._served)[0]
        self._waiting.remove(item)
        try:
            item.runner.start()
        except RuntimeError as error:  # no thread can be had
            item.runner.abandon(f"it could not be started: {error}")
            return
        self._served, self._runner = item.visitor, item.runner

    def _drop_cancelled(self) -> None:
        with self._lock:
            for item in list(self._waiting):
                if item.runner.is_told_to_stop():
                    item.runner.abandon("removed from the queue")
                    self._waiting.remove(item)


def in_turn(waiting: list[Waiting], served: str) -> list[Waiting]:
    """The order in which runs get their turn: one of each visitor, then the second of each; first come, first served.

    Args:
        waiting: in the order of their start.
        served: the visitor who had the last turn, and whose runs come after those of the others.
    """
    rounds: dict[str, int] = {served: 1}
    keyed: list[tuple[int, int, Waiting]] = []
    for place, item in enumerate(waiting):
        keyed.append((rounds.get(item.visitor, 0), place, item))
        rounds[item.visitor] = rounds.get(item.visitor, 0) + 1
    return [item for _, _, item in sorted(keyed, key=lambda entry: entry[:2])]
