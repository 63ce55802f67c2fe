"""What Optuna optimises: a trial becomes a configuration, its training a score, its end a state with a reason."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import optuna
from optuna.trial import FrozenTrial, TrialState

from hpo_core.backends import Backend
from hpo_core.errors import BudgetError, RunCancelled, TrialFailedError, TrialStopped, TrialTimeoutError
from hpo_core.formats import duration, percent
from hpo_core.health.diagnoses import Severity, diagnose
from hpo_core.health.diagnosis import Diagnosis
from hpo_core.health.metrics import METRICS, measure
from hpo_core.health.score import health_score, trial_score
from hpo_core.history import TrialHistory
from hpo_core.layer_plan import trainable_parameters
from hpo_core.local.drawing import draw
from hpo_core.logs import RunLog
from hpo_core.notice_kinds import Kind, notice
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Value
from hpo_core.progress import ProgressBoard
from hpo_core.records import SCRATCH_PREFIX, WAITING, Artefact, Epoch, Failed, Finished, LogLine, Phase, Record, Tick
from hpo_core.replicas import scaled_batch
from hpo_core.seeds import seed_number, trial_seed
from hpo_core.summaries import summarise
from hpo_core.trial_config import TrialConfig
from hpo_core.trial_files import Journal, TrialFiles
from storage.costs import COST, COST_DIGITS

if TYPE_CHECKING:
    from collections.abc import Generator


class TooLarge(optuna.TrialPruned):
    """Refused before training: more parameters than allowed."""


class Diverged(optuna.TrialPruned):
    """The loss is no number any more."""


class Diagnosed(optuna.TrialPruned):
    """Ended by a fatal diagnosis."""


CANCELLED, MONEY_CAP, INTERRUPTED, STOPPED = "cancelled", "money cap", "interrupted", "stopped"
CRASHED, TOO_LARGE = "crashed", "too large"
# Ended with the run and not by themselves: made again when the run is resumed.
REPEATED = (CANCELLED, MONEY_CAP, INTERRUPTED)
# How a trial ended, by what ended it: the only place that says so. The first match counts.
OUTCOMES: tuple[tuple[type[BaseException], str], ...] = (
    (TooLarge, TOO_LARGE),
    (Diverged, "diverged"),
    (Diagnosed, "diagnosed"),
    (optuna.TrialPruned, "pruned"),
    (RunCancelled, CANCELLED),
    (TrialStopped, STOPPED),
    (BudgetError, MONEY_CAP),
    (TrialTimeoutError, "time limit"),
    (BaseException, CRASHED),
)
# Trained without a result, for reasons of their own: not those that fell behind or that somebody stopped.
LOST = ("diverged", "diagnosed", "time limit", "crashed")
COMPLETE = "complete"
MOST_READINGS = 20
ALL = "all"  # of `plots`


@dataclass
class BestScore:
    """The best score of the complete trials so far; may be asked and told from any thread."""

    value: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def see(self, score: float, minimises: bool) -> None:
        with self.lock:
            better = self.value is None or (score < self.value if minimises else score > self.value)
            self.value = score if better else self.value


@dataclass
class RunContext:
    """What all trials of a run share.

    Attributes:
        config: what the run was told.
        threads: processor threads of each training.
        replicas: devices that share each batch; 0 for all that a worker has.
        folder: the run's folder; each trial writes its records to `trial_N/records.jsonl` in it.
        board: live progress.
        log: the run's log.
        files: keeps what trials make.
        class_names: of the data set.
        cancelled: set when the run shall stop.
        stopped: numbers of the trials that shall stop, each alone.
        deadline: when the whole run ends, by `clock`; None without a limit.
        clock: seconds that only grow.
        best: the best score so far.
        draw: draws from a history, into a folder, what a configuration wants drawn.
    """

    config: OptimizationConfig
    threads: int
    folder: Path
    board: ProgressBoard
    log: RunLog
    files: TrialFiles
    class_names: list[str] = field(default_factory=list)
    best: BestScore = field(default_factory=BestScore)
    cancelled: threading.Event = field(default_factory=threading.Event)
    stopped: set[int] = field(default_factory=set)
    replicas: int = 1
    deadline: float | None = None
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[TrialHistory, Path, TrialConfig], Generator[Record]] = draw

    def trial_config(self, number: int, hyperparameters: dict[str, Value]) -> TrialConfig:
        """The complete configuration of a trial; its seed is made from `number`."""
        config = self.config
        return TrialConfig(
            dataset=config.dataset,
            architecture=config.architecture,
            seed=trial_seed(config.seed, number),
            split_seed=config.seed,
            sample_percentage=six_digits(config.sample_percentage),
            validation_split=six_digits(config.validation_split),
            test_split=six_digits(config.test_split),
            threads=self.threads,
            replicas=self.replicas,
            hyperparameters=scaled_batch(hyperparameters, self.replicas) if config.scale_batch else hyperparameters,
            objective=config.objective,
            health_weight=rounded(config.score_weight),
            health_interval=health_interval(config.health_interval, int(hyperparameters["epochs"])),
            plots=config.plots,
            draw_above=rounded(self.best.value),
        )

    def check(self, trial_limit: float = math.inf) -> None:
        """Look at the flags and clocks that may end a training from outside.

        Args:
            trial_limit: when the training ends by its own limit, by `clock`.

        Raises:
            RunCancelled, TrialTimeoutError: it shall end.
        """
        now = self.clock()
        if self.cancelled.is_set():
            raise RunCancelled("the run was stopped")
        if self.deadline is not None and now > self.deadline:
            raise TrialTimeoutError(f"the run's time limit of {self.config.timeout_minutes:g} min was reached")
        if now > trial_limit:
            minutes = self.config.max_training_time_minutes
            raise TrialTimeoutError(f"the trial's time limit of {minutes:g} min was reached")


class TimeLimit:
    """The time of one training: begins anew while it waits for a worker, which is not its own time."""

    def __init__(self, context: RunContext, trial: int | None = None) -> None:
        self._context, self._trial = context, trial
        self._waiting = False
        self._end = self._from_now()

    def see(self, record: Record) -> None:
        """Raises RunCancelled, TrialStopped, TrialTimeoutError: the training shall end."""
        if self._trial in self._context.stopped:
            raise TrialStopped("stopped by its user")
        if isinstance(record, Phase):
            self._waiting = record.name.startswith(WAITING)
        if self._waiting:
            self._end = self._from_now()
        self._context.check(self._end)

    def _from_now(self) -> float:
        return self._context.clock() + self._context.config.max_training_time_minutes * 60


def health_interval(asked: int | None, epochs: int) -> int:
    """Epochs from one reading to the next: as asked, or so that there are at most 20, which bounds their cost."""
    return asked if asked is not None else max(1, math.ceil(epochs / MOST_READINGS))


def rounded(score: float | None) -> float | None:
    """`score` with six digits, where there is one."""
    return None if score is None else six_digits(score)


def six_digits(number: float) -> float:
    """Six significant digits, as all numbers of a configuration have: so it stays small enough to be sent."""
    return float(f"{number:.6g}")


@dataclass
class _Told:
    """What a training has told so far, and what of it becomes attributes of the trial."""

    history: TrialHistory
    attributes: dict[str, object]
    fatal: set[str] = field(default_factory=set)


class Objective:
    """Trains one configuration per call and returns its score.

    Raises:
        optuna.TrialPruned: pruned, too large or diverged.
        TrialFailedError, RunCancelled: the trial has no result.
    """

    def __init__(self, context: RunContext, backend: Backend) -> None:
        self._context = context
        self._backend = backend
        self._space = context.config.search_space()

    def __call__(self, trial: optuna.Trial) -> float:
        began = self._context.clock()
        attributes: dict[str, object] = {}
        try:
            score = self._score(trial, attributes)
            self._context.best.see(score, self._context.config.minimises)
            attributes |= {"outcome": COMPLETE, "reason": ""}
            return score
        except BaseException as error:
            outcome = next(name for kind, name in OUTCOMES if isinstance(error, kind))
            attributes |= {"outcome": outcome, "reason": str(error) or outcome}
            raise
        finally:
            self._context.board.end(trial.number)
            attributes["duration_s"] = round(self._context.clock() - began, 3)
            if (paid := self._backend.cost_of(trial.number)) is not None:
                attributes[COST] = round(paid, COST_DIGITS)
            for key, value in attributes.items():
                trial.set_user_attr(key, value)
            self._context.log.info("trial %d %s", trial.number, _in_words(attributes))

    def _score(self, trial: optuna.Trial, attributes: dict[str, object]) -> float:
        if self._context.cancelled.is_set():
            raise RunCancelled("the run was stopped")
        config = self._context.trial_config(seed_number(trial), self._space.suggest(trial))
        attributes |= {"configuration": config.to_json(), "architecture": summarise(config)}
        attributes["parameters"] = self._refuse_oversize(trial, config)
        self._context.board.begin(trial.number, summarise(config), config.number("epochs"))
        self._context.log.info("trial %d starts: %s", trial.number, summarise(config))
        history = TrialHistory(
            class_names=self._context.class_names, bias_change_limit=self._context.config.bias_change_limit
        )
        # A generator closes what trains when it is closed; Trainer promises only an iterator.
        try:
            with (
                closing(self._context.files.journal(trial)) as journal,
                closing(cast("Generator[Record]", self._backend.trainer_for(trial.number)(config))) as records,
            ):
                self._consume(trial, records, journal, _Told(history, attributes))
        except (RunCancelled, TrialFailedError) as error:
            if not is_trained(history):
                raise
            self._context.log.warning("trial %d is trained, but has no pictures: %s", trial.number, error)
        finally:
            if history.epochs:
                self._context.files.keep_history(trial, history)
                self._draw_early_end(trial, config, history)
        if not is_trained(history):
            raise TrialFailedError("the training ended without a result")
        return self._value(history, attributes)

    def _draw_early_end(self, trial: optuna.Trial, config: TrialConfig, history: TrialHistory) -> None:
        """Where all trials are drawn, also one that was ended; a training that finishes draws its own pictures."""
        if config.plots != ALL or history.finished is not None:
            return
        limit = TimeLimit(self._context)
        try:
            with (
                tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True) as folder,
                closing(self._context.draw(history, Path(folder), config)) as records,
            ):
                for record in records:
                    limit.see(record)
                    if isinstance(record, Artefact):
                        self._context.files.keep(trial, record)
        except (RunCancelled, TrialFailedError, OSError) as error:
            self._context.log.info("trial %d has not all pictures: %s", trial.number, error)

    def _consume(self, trial: optuna.Trial, records: Generator[Record], journal: Journal, told: _Told) -> None:
        """Read a training to its end, or to where it shall not go on."""
        limit = TimeLimit(self._context, trial.number)
        for record in records:
            limit.see(record)
            if isinstance(record, Tick):
                continue
            journal.write(record)
            self._context.board.see(trial.number, record)
            told.history.add(record)
            if isinstance(record, LogLine):
                self._context.log.pass_on(f"trial {trial.number}", record)
            if isinstance(record, Failed):
                raise TrialFailedError(f"{record.error_type}: {record.message}")
            if isinstance(record, Artefact):
                self._context.files.keep(trial, record)
            if isinstance(record, Epoch):
                self._context.board.tell(trial.number, told.history)
                self._judge(trial, record, told)
            if isinstance(record, Finished):
                return

    def _judge(self, trial: optuna.Trial, record: Epoch, told: _Told) -> None:
        """Note what an epoch showed and tell Optuna; raises where the trial shall not go on."""
        config, history = self._context.config, told.history
        found = diagnose(history)
        for name in ("health", *METRICS):
            told.attributes.pop(name, None)  # what an earlier epoch had
        told.attributes |= measured(history, found)
        self._tell(trial.number, found, told)
        if record.loss is None or record.validation_loss is None:
            raise Diverged(f"the loss is no number after epoch {record.epoch}: try a smaller learning rate")
        trial.report(self._value(history, told.attributes), step=record.epoch)
        gravest = found[0] if found else None
        if config.health_pruning and gravest is not None and gravest.severity is Severity.FATAL:
            raise Diagnosed(gravest.in_words())
        if record.epoch < record.epochs and trial.should_prune():
            where = f"at epoch {record.epoch} of {record.epochs}"
            raise optuna.TrialPruned(f"fell behind the other trials {where}, as the {config.pruner} pruner judges")

    def _tell(self, number: int, found: Sequence[Diagnosis], told: _Told) -> None:
        """Log each diagnosis that has become fatal, once for each trial."""
        for item in found:
            if item.severity is Severity.FATAL and item.code not in told.fatal:
                told.fatal.add(item.code)
                extra = notice(Kind.DIAGNOSIS, once=item.code)
                self._context.log.warning("trial %d: %s", number, item.in_words(), extra=extra)

    def _value(self, history: TrialHistory, attributes: dict[str, object]) -> float:
        """The score as it stands after the last epoch."""
        health = attributes.get("health")
        config = self._context.config
        known = health if isinstance(health, float) else None
        return trial_score(config.objective, config.score_weight, history.epochs[-1], known)

    def _refuse_oversize(self, trial: optuna.Trial, config: TrialConfig) -> int:
        """Parameters of the model; told to the sampler as a constraint, so that it learns what is too large."""
        parameters, limit = trainable_parameters(config), self._context.config.max_parameters
        trial.set_constraint("parameters", parameters - limit)
        if parameters > limit:
            raise TooLarge(f"the model has {parameters:,} parameters, more than the {limit:,} allowed")
        return parameters


def is_trained(history: TrialHistory) -> bool:
    """Whether the last epoch is over: what follows are pictures, and no reason to lose the score."""
    return bool(history.epochs) and history.epochs[-1].epoch == history.epochs[-1].epochs


def is_lost(trial: FrozenTrial) -> bool:
    """Whether a trial ended without a result for a reason of its own; of another program's trials those that failed."""
    return trial.user_attrs.get("outcome", "" if trial.state is TrialState.PRUNED else LOST[-1]) in LOST


def measured(history: TrialHistory, found: Sequence[Diagnosis]) -> dict[str, object]:
    """What the last epoch measured and what was found in all of them, as attributes of their trial."""
    record, metrics = history.epochs[-1], measure(history)
    health = {"health": health_score(metrics), **metrics}
    return {
        "accuracy": record.validation_accuracy,
        "validation_loss": record.validation_loss,
        "macro_f1": record.validation_f1,
        "top5_accuracy": record.validation_top5,
        "training_accuracy": record.accuracy,
        "epochs_trained": record.epoch,
        "diagnoses": ", ".join(dict.fromkeys(item.code for item in found)),
        **{name: value for name, value in health.items() if value is not None},
    }


def _in_words(attributes: dict[str, object]) -> str:
    """For the log: 'complete, accuracy 98.36 %, 12 s', with the reason where there is one."""
    outcome, reason = str(attributes["outcome"]), str(attributes["reason"])
    parts = [reason if reason.startswith(outcome) else f"{outcome} ({reason})" if reason else outcome]
    accuracy, seconds = attributes.get("accuracy"), attributes["duration_s"]
    if isinstance(accuracy, float):
        parts.append(f"accuracy {percent(accuracy)}")
    assert isinstance(seconds, float)
    return ", ".join([*parts, duration(seconds)])
