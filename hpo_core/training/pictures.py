"""The pictures of a trial: whether they are wanted, and how they become records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hpo_core.health.metrics import measure
from hpo_core.health.score import health_score, trial_score
from hpo_core.history import TrialHistory
from hpo_core.records import Artefact, Phase
from hpo_core.training.plots.drawing import draw_pictures, pictures_of
from hpo_core.training.reporter import Emit, TrainingStopped
from hpo_core.trial_config import TrialConfig

PHASE = "making plots"


def wants_pictures(config: TrialConfig, history: TrialHistory) -> bool:
    """Whether a trial's pictures shall be drawn, now that its last epoch is known."""
    if config.plots != "best" or not history.epochs:
        return config.plots == "all"
    last = history.epochs[-1]
    if config.objective == "validation_loss":
        return last.validation_loss is not None and (
            config.draw_above is None or last.validation_loss < config.draw_above
        )
    score = trial_score(config.objective, config.health_weight, last, health_score(measure(history)))
    return config.draw_above is None or score > config.draw_above


def make_pictures(history: TrialHistory, folder: Path, emit: Emit, should_stop: Callable[[], bool]) -> None:
    """Draw what the history has, with a record for each picture. Raises TrainingStopped."""
    pictures = pictures_of(history)
    drawn = draw_pictures(history, folder, pictures)
    for number, _ in enumerate(pictures, start=1):
        emit(Phase(name=f"{PHASE} {number} of {len(pictures)}", share=(number - 1) / len(pictures)))
        result = next(drawn)
        emit(Artefact(name=result.name, path=str(result.path) if result.path else None, note=result.note))
        if should_stop():
            raise TrainingStopped
