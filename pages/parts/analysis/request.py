"""What a visitor asks a chart for, and what a chart answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from hpo_core.analysis import sentences
from hpo_core.analysis.targets import Target
from storage.trial_sample import StudyShape, TrialSample


@dataclass(frozen=True)
class Request:
    """A chart's question.

    Attributes:
        study: its name.
        shape: how far it is.
        sample: trials of the chosen states.
        states: the chosen states, in lower case.
        target: what they are judged by.
        targets: what they could be judged by.
        parameters: the chosen hyperparameters.
    """

    study: str
    shape: StudyShape
    sample: TrialSample
    states: tuple[str, ...]
    target: Target
    targets: tuple[Target, ...]
    parameters: tuple[str, ...] = ()

    @property
    def judged(self) -> list[tuple[FrozenTrial, float]]:
        """The trials that have a result, with it."""
        pairs = ((trial, self.target.of(trial)) for trial in self.sample.trials)
        return [(trial, value) for trial, value in pairs if value is not None]

    @property
    def fair(self) -> list[FrozenTrial]:
        """The trials that means and relations are computed from: those that were not drawn for being the best."""
        return [trial for trial in self.sample.fair if self.target.of(trial) is not None]

    @property
    def sampled(self) -> str:
        return sentences.sampled(len(self.sample.trials), self.sample.total, self.sample.best)

    @property
    def left_out(self) -> list[str]:
        """Trials that ended and yet have no finite result."""
        without = sum(trial.state.is_finished() and self.target.of(trial) is None for trial in self.sample.trials)
        trials = "1 trial" if without == 1 else f"{without} trials"
        why = f"failed, stopped, or without a finite {self.target.title}"
        return [f"Left out: {trials} without a result that counts ({why})."] if without else []

    @property
    def notes(self) -> list[str]:
        told = (
            f"{self.sampled} Means and relations are those of the random part." if self.sample.surplus else self.sampled
        )
        return ([told] if told else []) + self.left_out


@dataclass(frozen=True)
class Answer:
    """What is shown.

    Attributes:
        sentence: what the chart says.
        figure: None where there is nothing to draw.
        table: the numbers behind it.
        notes: what else must be known to read it.
        in_full: whether the table is shown beside the figure, which has not room for all of it.
    """

    sentence: str
    figure: go.Figure | None
    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    in_full: bool = False
