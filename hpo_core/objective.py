"""What Optuna optimises: a trial becomes a configuration, its training a score, its end a state with a reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import numpy as np
import optuna

from hpo_core.errors import RunCancelled, TrialFailedError, TrialTimeoutError
from hpo_core.formats import duration, percent
from hpo_core.logs import RunLog
from hpo_core.model_size import trainable_parameters
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Value
from hpo_core.progress import ProgressBoard
from hpo_core.records import Epoch, Failed, Finished, Record, Tick, Trainer, to_json
from hpo_core.summaries import summarise
from hpo_core.trial_config import TrialConfig

if TYPE_CHECKING:
    from collections.abc import Generator


class TooLarge(optuna.TrialPruned):
    """Refused before training: more parameters than allowed."""


class Diverged(optuna.TrialPruned):
    """The loss is no number any more."""


# How a trial ended, by what ended it: the only place that says so. The first match counts.
OUTCOMES: tuple[tuple[type[BaseException], str], ...] = (
    (TooLarge, "too large"),
    (Diverged, "diverged"),
    (optuna.TrialPruned, "pruned"),
    (RunCancelled, "cancelled"),
    (TrialTimeoutError, "time limit"),
    (BaseException, "crashed"),
)
COMPLETE = "complete"


@dataclass
class RunContext:
    """What all trials of a run share.

    Attributes:
        config: what the run was told.
        threads: processor threads of each training.
        folder: the run's folder; each trial writes its records to `trial_N/records.jsonl` in it.
        board: live progress.
        log: the run's log.
        cancelled: set when the run shall stop.
        deadline: when the whole run ends, by `clock`; None without a limit.
        clock: seconds that only grow.
    """

    config: OptimizationConfig
    threads: int
    folder: Path
    board: ProgressBoard
    log: RunLog
    cancelled: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    clock: Callable[[], float] = time.monotonic

    def trial_config(self, number: int, hyperparameters: dict[str, Value]) -> TrialConfig:
        """The complete configuration of trial `number`."""
        config = self.config
        return TrialConfig(
            dataset=config.dataset,
            architecture=config.architecture,
            seed=trial_seed(config.seed, number),
            split_seed=config.seed,
            sample_percentage=config.sample_percentage,
            validation_split=config.validation_split,
            test_split=config.test_split,
            threads=self.threads,
            replicas=1,
            hyperparameters=hyperparameters,
        )


def trial_seed(seed: int, number: int) -> int:
    """Seed of trial `number` in a run with `seed`: 0 to 2**32 - 1, unrelated between neighbours."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


class Objective:
    """Trains one configuration per call and returns its score.

    Raises:
        optuna.TrialPruned: pruned, too large or diverged.
        TrialFailedError, RunCancelled: the trial has no result.
    """

    def __init__(self, context: RunContext, trainer: Trainer) -> None:
        self._context = context
        self._trainer = trainer
        self._space = context.config.search_space()

    def __call__(self, trial: optuna.Trial) -> float:
        began = self._context.clock()
        attributes: dict[str, object] = {}
        try:
            score = self._score(trial, attributes)
            attributes |= {"outcome": COMPLETE, "reason": ""}
            return score
        except BaseException as error:
            outcome = next(name for kind, name in OUTCOMES if isinstance(error, kind))
            attributes |= {"outcome": outcome, "reason": str(error) or outcome}
            raise
        finally:
            self._context.board.end(trial.number)
            attributes["duration_s"] = round(self._context.clock() - began, 3)
            for key, value in attributes.items():
                trial.set_user_attr(key, value)
            self._context.log.info("trial %d %s", trial.number, _in_words(attributes))

    def _score(self, trial: optuna.Trial, attributes: dict[str, object]) -> float:
        if self._context.cancelled.is_set():
            raise RunCancelled("the run was cancelled")
        config = self._context.trial_config(trial.number, self._space.suggest(trial))
        attributes |= {"configuration": config.to_json(), "architecture": summarise(config)}
        attributes["parameters"] = self._refuse_oversize(trial, config)
        self._context.board.begin(trial.number, summarise(config), config.number("epochs"))
        self._context.log.info("trial %d starts: %s", trial.number, summarise(config))
        # A generator closes what trains when it is closed; Trainer promises only an iterator.
        with closing(cast("Generator[Record]", self._trainer(config))) as records, self._journal(trial) as journal:
            last = self._consume(trial, records, journal, attributes)
        if last is None:
            raise TrialFailedError("the training ended without a result")
        return objective_value(self._context.config.objective, last)

    def _consume(
        self, trial: optuna.Trial, records: Generator[Record], journal: TextIO, attributes: dict[str, object]
    ) -> Epoch | None:
        """Read a training to its end; the last epoch, or None where the end is missing."""
        last: Epoch | None = None
        limit = self._context.clock() + self._context.config.max_training_time_minutes * 60
        for record in records:
            self._watch(limit)
            if isinstance(record, Tick):
                continue
            journal.write(to_json(record) + "\n")
            self._context.board.see(trial.number, record)
            if isinstance(record, Failed):
                raise TrialFailedError(f"{record.error_type}: {record.message}")
            if isinstance(record, Epoch):
                last = record
                attributes |= _measured(record)
                self._judge(trial, record)
            if isinstance(record, Finished):
                return last
        return None

    def _watch(self, trial_limit: float) -> None:
        """Look at the flags and clocks that may end a trial from outside."""
        now, deadline = self._context.clock(), self._context.deadline
        if self._context.cancelled.is_set():
            raise RunCancelled("the run was cancelled")
        if deadline is not None and now > deadline:
            raise TrialTimeoutError(f"the run's time limit of {self._context.config.timeout_minutes:g} min was reached")
        if now > trial_limit:
            minutes = self._context.config.max_training_time_minutes
            raise TrialTimeoutError(f"the trial's time limit of {minutes:g} min was reached")

    def _judge(self, trial: optuna.Trial, record: Epoch) -> None:
        """Tell Optuna about an epoch; raises where the trial shall not go on."""
        if record.loss is None or record.validation_loss is None:
            raise Diverged(f"the loss is no number after epoch {record.epoch}: try a smaller learning rate")
        trial.report(objective_value(self._context.config.objective, record), step=record.epoch)
        if record.epoch < record.epochs and trial.should_prune():
            raise optuna.TrialPruned(f"fell behind the other trials at epoch {record.epoch} of {record.epochs}")

    def _refuse_oversize(self, trial: optuna.Trial, config: TrialConfig) -> int:
        """Parameters of the model; told to the sampler as a constraint, so that it learns what is too large."""
        parameters, limit = trainable_parameters(config), self._context.config.max_parameters
        trial.set_constraint("parameters", parameters - limit)
        if parameters > limit:
            raise TooLarge(f"the model has {parameters:,} parameters, more than the {limit:,} allowed")
        return parameters

    def _journal(self, trial: optuna.Trial) -> TextIO:
        """The file that keeps the trial's records, one per line."""
        folder = self._context.folder / f"trial_{trial.number}"
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "records.jsonl").open("w", encoding="utf-8", buffering=1)


def objective_value(objective: str, record: Epoch) -> float:
    """The number that the run optimises, as it stands after an epoch."""
    if objective == "validation_loss":
        assert record.validation_loss is not None
        return record.validation_loss
    shares = {
        "validation_accuracy": record.validation_accuracy,
        "macro_f1": record.validation_f1,
        "top5_accuracy": record.validation_top5,
    }
    return shares[objective]


def _measured(record: Epoch) -> dict[str, object]:
    return {
        "accuracy": record.validation_accuracy,
        "validation_loss": record.validation_loss,
        "macro_f1": record.validation_f1,
        "top5_accuracy": record.validation_top5,
        "training_accuracy": record.accuracy,
        "epochs_trained": record.epoch,
    }


def _in_words(attributes: dict[str, object]) -> str:
    """For the log: 'complete, accuracy 98.36 %, 12 s', with the reason where there is one."""
    parts = [str(attributes["outcome"])]
    if attributes["reason"]:
        parts[0] += f" ({attributes['reason']})"
    accuracy, seconds = attributes.get("accuracy"), attributes["duration_s"]
    if isinstance(accuracy, float):
        parts.append(f"accuracy {percent(accuracy)}")
    assert isinstance(seconds, float)
    return ", ".join([*parts, duration(seconds)])
