"""The runs of one process: a dashboard starts them here, and finds them again from any page."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from hpo_core.backends import LOCAL_ONLY, BackendFactory
from hpo_core.errors import UsageError
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.run_study import resumed_config
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from storage.database import open_database
from storage.runs import Runs

CLOSE_WAIT_S = 10.0


class RunManager:
    """Starts runs in the background, one at a time. Its methods may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        machine: Machine | None = None,
        backends: Mapping[str, BackendFactory] = LOCAL_ONLY,
    ) -> None:
        self._settings = settings
        self._machine = machine
        self._backends = backends
        self._lock = threading.Lock()
        self._runner: Runner | None = None

    @property
    def active(self) -> str | None:
        """Name of the run that this process is busy with, or None."""
        runner = self._runner
        return runner.run_name if runner is not None and not runner.wait(0) else None

    def start(self, config: OptimizationConfig, settings: Settings | None = None) -> str:
        """Start a run and return its name at once.

        Args:
            config: what it is told.
            settings: of this run alone, where they differ from the manager's in where remote trials go.

        Raises:
            UsageError: the configuration cannot run, or this process is busy with another run.
            StorageError: the database cannot be opened, or the name is taken.
        """
        return self._begin(config, settings, resume=False)

    def resume(self, run_name: str, trials: int | None = None, settings: Settings | None = None) -> None:
        """Carry a run on that is over or whose process has gone; `trials` in all, where that changes.

        Raises:
            UsageError: it cannot be resumed, or this process is busy with another run.
            StorageError: the database cannot be opened, there is no such run, or somebody else runs it.
        """
        changes = {} if trials is None else {"trials": trials}
        config = resumed_config(open_database(self._settings.storage_url), run_name, changes)
        self._begin(config, settings, resume=True)

    def _begin(self, config: OptimizationConfig, settings: Settings | None, *, resume: bool) -> str:
        with self._lock:
            if (active := self.active) is not None:
                raise UsageError("run", f"cannot start: {active} is running", "wait until it has ended, or cancel it")
            used = settings or self._settings
            self._runner = Runner(config, used, self._machine, self._backends, resume=resume)
            self._runner.start()
            return self._runner.run_name

    def cancel(self, run_name: str) -> None:
        """Ask a run to stop, whichever process it belongs to. Raises UnknownRunError."""
        runner = self._runner
        if runner is not None and runner.run_name == run_name:
            runner.cancel()  # at once: the database may be slow
        Runs(open_database(self._settings.storage_url)).request_cancel(run_name)

    def close(self) -> None:
        """Cancel what runs and wait for its end; for the end of the process."""
        runner = self._runner
        if runner is not None and not runner.wait(0):
            runner.cancel()
            runner.wait(CLOSE_WAIT_S)
