"""The time of a whole run: kept also by what it prepares and by its final model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import optuna

from hpo_core.errors import RunError
from hpo_core.optimization_config import OptimizationConfig

# What the final model takes besides its training: the test, and files that are converted in processes of their own.
FILES_S = 10.0


class RunTime:
    """The limit of one run, counted from `begin`.

    Args:
        config: of the run.
        clock: seconds that only grow.
    """

    def __init__(self, config: OptimizationConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._clock = config, clock
        self.deadline: float | None = None
        self.limit = f"the time limit of {config.timeout_minutes or 0:g} min"

    def begin(self) -> None:
        """The run starts now."""
        if self._config.timeout_minutes is not None:
            self.deadline = self._clock() + self._config.timeout_minutes * 60

    def left_s(self) -> float | None:
        """Seconds until the end, 0 after it; None without a limit."""
        return None if self.deadline is None else max(0.0, self.deadline - self._clock())

    @property
    def is_over(self) -> bool:
        return self.left_s() == 0

    def require(self, what: str) -> None:
        """Raises RunError where the time was over before `what`."""
        if self.is_over:
            raise RunError(f"{self.limit} came before {what}: start the run again with more timeout_minutes")

    def is_for_the_final_model(self, trials: Sequence[optuna.trial.FrozenTrial]) -> bool:
        """Whether one more trial would take the time that is left for the final model, which would just be enough.

        A trial takes as long as the longest complete one so far, the final model longer by the samples that trials only
        validated on. Where the time is too short for it in any case, trials have all of it.
        """
        left = self.left_s()
        spans = [trial.duration for trial in trials if trial.state is optuna.trial.TrialState.COMPLETE]
        known = [span.total_seconds() for span in spans if span is not None]
        if left is None or not known or not self._config.final_model:
            return False
        final_s = max(known) / (1 - self._config.validation_split) + FILES_S
        return final_s <= left < final_s + max(known)

    def how_to_go_on(self, run_name: str, n_trials: int) -> str:
        """What makes the final model of a run whose time was over before it; '' where that was not the reason."""
        if not self.is_over:
            return ""
        less = f" trials={n_trials}" if n_trials < self._config.trials and self._config.rerun_of is None else ""
        return f"; resume run_name={run_name}{less} makes it, with as much time again"
