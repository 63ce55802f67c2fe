"""Trials whose process was killed: ended with what is known of them when their run goes on."""

from __future__ import annotations

import datetime
from contextlib import suppress

import optuna
from optuna.trial import FrozenTrial, TrialState

from hpo_core.errors import UsageError
from hpo_core.health.diagnoses import diagnose
from hpo_core.history import TrialHistory
from hpo_core.layer_plan import trainable_parameters
from hpo_core.objective import INTERRUPTED, RunContext, measured
from hpo_core.records import from_json
from hpo_core.search_space import Replay
from hpo_core.seeds import seed_number
from hpo_core.summaries import summarise
from storage.run_storage import RunStorage

REASON = "the process that ran it has gone"


def settle_interrupted(study: optuna.Study, context: RunContext) -> None:
    """End the running trials of a study as failed; nobody trains them any more.

    Each keeps what a trial that was stopped keeps: its configuration, and what its journal says of the epochs that it
    trained. It ended when that was last written.
    """
    storage = study._storage
    assert isinstance(storage, RunStorage)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        began = trial.datetime_start or datetime.datetime.now()
        journal = context.files.journal_file(trial.number)
        ended = datetime.datetime.fromtimestamp(journal.stat().st_mtime) if journal.exists() else began
        attributes: dict[str, object] = {"outcome": INTERRUPTED, "reason": REASON}
        attributes["duration_s"] = round(max(0.0, (ended - began).total_seconds()), 3)
        storage.fail_past(
            trial._trial_id, _made_of(trial, context) | _learnt(trial, context) | attributes, max(began, ended)
        )


def _made_of(trial: FrozenTrial, context: RunContext) -> dict[str, object]:
    """Its configuration; nothing where its values were not all suggested yet, or mean nothing in this version."""
    try:
        values = context.config.search_space().suggest(Replay(trial.params))
        config = context.trial_config(seed_number(trial), values)
        return {
            "configuration": config.to_json(), "architecture": summarise(config),
            "parameters": trainable_parameters(config),
        }  # fmt: skip
    except (UsageError, KeyError):
        return {}


def _learnt(trial: FrozenTrial, context: RunContext) -> dict[str, object]:
    """What its epochs measured; they are kept as the history of the trial."""
    history = TrialHistory(class_names=context.class_names, bias_change_limit=context.config.bias_change_limit)
    with suppress(OSError):
        for line in context.files.journal_file(trial.number).read_text(encoding="utf-8").splitlines():
            try:
                history.add(from_json(line))
            except (ValueError, KeyError, TypeError):  # the last line may be half written
                break
    if not history.epochs:
        return {}
    context.files.keep_history(trial, history)
    return measured(history, diagnose(history))
