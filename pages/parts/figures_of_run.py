"""Everything that Monitor shows of one study, read at one moment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

import datasets
from hpo_core.analysis.targets import Target
from hpo_core.backends import RUNPOD
from hpo_core.objective import CANCELLED, STOPPED
from pages.parts import formats, money, numbers, shared, trial_choice, trial_words, words
from storage.errors import UnknownRunError
from storage.progress import TrialProgress
from storage.runs import Run
from storage.studies import StudySummary

FAILURES = 500
# Somebody wanted these to end: no failures that need an explanation.
ASKED_FOR = (CANCELLED, STOPPED)
ENDED, GOING_ON = ("complete", "pruned", "fail"), ("running", "waiting")


@dataclass(frozen=True)
class RunFigures:
    """One study at one moment.

    Attributes:
        name: of the study.
        run: None for a study made by plain Optuna.
        summary: None where a run has no study yet.
        config: what the run was told, empty where that is not recorded.
        note: what is to be said about its data, such as that they are a subset.
        running: the trials that train.
        history: scores so far.
        failures: reasons with trial numbers.
        stopped: how many trials were ended from outside, which for Optuna have failed.
        most_accurate: number and accuracy of the complete trial with the highest accuracy; None where none has one.
        now: seconds since the epoch.
        money: of a run on RunPod; None for others.
    """

    name: str
    run: Run | None
    summary: StudySummary | None
    config: Mapping[str, Any]
    note: str
    running: tuple[TrialProgress, ...]
    history: numbers.History
    failures: tuple[tuple[str, list[int]], ...]
    now: float
    most_accurate: tuple[int, float] | None = None
    money: money.Money | None = None
    stopped: int = 0

    @property
    def ended(self) -> int:
        """Trials that are over, whatever their state."""
        return self.summary.n(*ENDED) if self.summary else 0

    @property
    def total(self) -> int:
        """Trials the run shall make; those there are where no run says it."""
        return self.run.trials if self.run else self.summary.n_trials if self.summary else 0

    @property
    def wanted(self) -> int:
        """Trials that shall count: those that were stopped with the run, and are made again, do not."""
        told = self.config.get("trials")
        return told if isinstance(told, int) else self.total

    @property
    def workers(self) -> int:
        workers = self.config.get("workers")
        return workers if isinstance(workers, int) else 1

    @property
    def objectives(self) -> int:
        """How many values a trial has; with several of them no trial is the best one."""
        return self.summary.n_objectives if self.summary else 1

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes; a study made elsewhere may go on, and nobody says so."""
        return self.run is None or self.run.state.is_final

    @property
    def by_state(self) -> dict[str, int]:
        """How many trials stand how, as people say it; what no trial is, is left out."""
        known = {trial_words.state_word(state): self.summary.n(state) for state in ENDED} if self.summary else {}
        known |= {"failed": known.get("failed", 0) - self.stopped, trial_words.WAS_STOPPED: self.stopped}
        known |= {state: self.summary.n(state) for state in GOING_ON} if self.summary else {}
        return {state: number for state, number in known.items() if number > 0}

    @property
    def ended_otherwise(self) -> str:
        """The trials that are over without a result that could be compared, in words such as '1 pruned, 2 stopped'."""
        return counted({state: n for state, n in self.by_state.items() if state not in ("complete", *GOING_ON)})

    @property
    def mean_duration_s(self) -> float | None:
        return self.summary.mean_duration_s if self.summary else None

    @property
    def score(self) -> Target:
        """What the score is, such as the validation accuracy."""
        return words.score({"configuration": self.config})

    @property
    def is_accuracy_alone(self) -> bool:
        """Whether the score says the same as the accuracy."""
        return words.is_accuracy_alone({"configuration": self.config})

    def score_in_words(self, more: str) -> str:
        """How the score comes about, then `more`, as Markdown."""
        return words.score_in_words({"configuration": self.config}, more)

    @property
    def description(self) -> str:
        """The run in a few words."""
        if not self.config:
            return formats.plural(self.total, "trial")
        dataset = str(self.config.get("dataset"))
        title = datasets.CATALOGUE[dataset].title if dataset in datasets.CATALOGUE else dataset
        sampler = f" · sampler {words.choice(self.config.get('sampler'))}" if self.total > 1 else ""
        lasted = f" · {formats.duration(self.run.duration_s(self.now))}" if self.run else ""
        return f"{title} · {formats.plural(self.total, 'trial')}{sampler}{lasted}"

    @property
    def time_left_s(self) -> float | None:
        """Seconds until the trials are made or the run's time limit ends them, None where that is not known yet."""
        left = numbers.time_left(
            total=self.total, ended=self.ended, running=self.running, mean_s=self.mean_duration_s,
            workers=self.workers, now=self.now,
        )  # fmt: skip
        minutes = self.config.get("timeout_minutes")
        if left is None or not isinstance(minutes, int | float) or self.run is None or self.run.began_at is None:
            return left
        return min(left, max(0.0, self.run.began_at + minutes * 60 - self.now))

    @property
    def overall(self) -> float:
        return numbers.overall_share(total=self.total, ended=self.ended, running=self.running)


def counted(by_state: Mapping[str, int]) -> str:
    """Numbers of trials by their state in words, such as '8 complete, 2 pruned'."""
    return ", ".join(f"{formats.count(number)} {state}" for state, number in by_state.items())


def read(name: str) -> RunFigures:
    """What the database holds of a study or a run. Raises StorageError."""
    run, studies = _run(name), shared.studies()
    if not studies.exists(name):
        return RunFigures(name, run, None, {}, "", (), numbers.history((), minimises=False), (), time.time())
    summary = studies.summary(name)
    attributes = studies.attributes(name)
    recorded, now = attributes.get("configuration"), time.time()
    config = recorded if isinstance(recorded, dict) else {}
    failures, stopped = _failures(name, summary.n("fail"))
    return RunFigures(
        name=name,
        run=run,
        summary=summary,
        config=config,
        note=str(attributes.get("dataset note") or ""),
        running=tuple(shared.progress(name).read()),
        history=_history(name, summary.n("complete"), summary.minimises),
        failures=failures,
        stopped=stopped,
        now=now,
        most_accurate=trial_choice.most_accurate(name, summary.n("complete")),
        money=_money(name, run, config, now),
    )


def _money(name: str, run: Run | None, config: Mapping[str, Any], now: float) -> money.Money | None:
    if run is None or config.get("backend") != RUNPOD:
        return None
    jobs = shared.jobs().of_run(name)
    return money.of_run(jobs, config, total=run.trials, is_over=run.state.is_final, now=now)


@st.cache_data(show_spinner=False, max_entries=16)
def _history(name: str, n_complete: int, minimises: bool) -> numbers.History:
    """Scores so far, read again when there is one more."""
    return numbers.history(shared.studies().scores(name) if n_complete else (), minimises=minimises)


@st.cache_data(show_spinner=False, max_entries=16)
def _failures(name: str, n_failed: int) -> tuple[tuple[tuple[str, list[int]], ...], int]:
    """Failures by reason, and how many of what has failed for Optuna was stopped; read again when there is one more."""
    failed = shared.studies().trials(name, states=("fail",), limit=FAILURES) if n_failed else []
    unexpected = [trial for trial in failed if trial.attributes.get("outcome") not in ASKED_FOR]
    stopped = sum(trial_words.state_of(trial) == trial_words.WAS_STOPPED for trial in failed)
    return tuple(numbers.reasons(unexpected)), stopped


def _run(name: str) -> Run | None:
    try:
        return shared.runs().get(name)
    except UnknownRunError:
        return None
