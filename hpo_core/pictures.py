"""Whether the pictures of a trial are drawn; how is the business of `hpo_core.training`."""

from __future__ import annotations

from hpo_core.health.metrics import measure
from hpo_core.health.score import health_score, trial_score
from hpo_core.history import TrialHistory
from hpo_core.trial_config import TrialConfig


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
