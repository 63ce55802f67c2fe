"""After the last trial: the best configuration is trained on everything, tested once, and made into files."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

import optuna

from hpo_core.errors import TrialFailedError
from hpo_core.files import copy_whole
from hpo_core.formats import percent
from hpo_core.health.metrics import METRICS
from hpo_core.health.score import score_formula
from hpo_core.model_card import KERAS_FILE, model_card
from hpo_core.objective import RunContext, TimeLimit
from hpo_core.records import FINAL_PHASE, Artefact, Failed, Finished, LogLine, Record, Started, Tick, Trainer
from hpo_core.results import CARD_DATA_FILE, best_trial, write_model_card
from hpo_core.summaries import summarise
from hpo_core.trial_config import FINAL, TrialConfig
from storage.studies import Studies, TrialRow

FOLDER, UNFINISHED = "optimized_model", ".unfinished"
# Attributes of the study: what the final model reaches, and which trial it was made from.
TEST_ACCURACY, MADE_FROM = "test accuracy", "final model's trial"


def make_final_model(study: optuna.Study, studies: Studies, context: RunContext, trainer: Trainer) -> float:
    """Train, test and export the best trial's configuration; its accuracy on the test part.

    Raises:
        RunCancelled: somebody asked the run to stop.
        TrialTimeoutError, TrialFailedError: it could not be made, or was tested and its model.keras could not be kept;
            the trials' results are not touched.
        ResultsError, OSError: its files could not be written.
    """
    best = best_trial(studies, study.study_name)
    if best is None:
        raise TrialFailedError("no trial is complete")
    context.check()  # nothing is begun for a run whose time is over
    config = final_config(TrialConfig.from_json(str(best.attributes["configuration"])))
    context.log.info("the final model is built from trial %d: %s", best.number, summarise(config))
    context.board.begin(best.number, summarise(config), config.number("epochs"), FINAL_PHASE)
    try:
        records = _trained(config, best, context, trainer)
    finally:
        context.board.end(best.number)
    formula = score_formula(context.config.objective, context.config.score_weight)
    card = model_card(study.study_name, study.user_attrs, best, records, formula, tuple(METRICS))
    write_model_card(card, context.folder / FOLDER)
    accuracy = card.test_accuracy
    assert accuracy is not None
    study.set_user_attr(TEST_ACCURACY, accuracy)
    study.set_user_attr(MADE_FROM, best.number)
    context.log.info("the final model reaches %s on %d test samples", percent(accuracy), card.n_test)
    for file in records:  # any other file may be wanting; its reason is on the card
        if isinstance(file, Artefact) and file.name == KERAS_FILE and file.path is None:
            raise TrialFailedError(f"{KERAS_FILE} {file.note}")
    return accuracy


def is_of_the_best(study: optuna.Study, studies: Studies, folder: Path) -> bool:
    """Whether the final model in a run's folder was made from the trial that is the best now."""
    best, model = best_trial(studies, study.study_name), folder / FOLDER
    if best is None or TEST_ACCURACY not in study.user_attrs or not (model / KERAS_FILE).is_file():
        return False
    try:
        return bool(json.loads((model / CARD_DATA_FILE).read_text(encoding="utf-8"))["trial"] == best.number)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # then it is made again


def final_config(config: TrialConfig) -> TrialConfig:
    """The configuration of a trial as that of the final model: nothing to be read or drawn along the way."""
    return dataclasses.replace(config, part=FINAL, health_interval=0, plots="none", draw_above=None)


def _trained(config: TrialConfig, best: TrialRow, context: RunContext, trainer: Trainer) -> list[Record]:
    """The records that the card needs; files are in the run's folder when this returns, and only then."""
    kept: list[Record] = []
    folder = context.folder / FOLDER
    workshop = folder / UNFINISHED
    limit = TimeLimit(context)
    try:
        workshop.mkdir(parents=True, exist_ok=True)
        with closing(cast("Generator[Record]", trainer(config))) as records:
            for record in records:
                limit.see(record)
                if isinstance(record, Tick):
                    continue
                context.board.see(best.number, record)
                if isinstance(record, LogLine):
                    context.log.pass_on("final model", record)
                if isinstance(record, Failed):
                    raise TrialFailedError(f"{record.error_type}: {record.message}")
                if isinstance(record, Artefact):
                    # Where the training was made once more, its files take the place of those that could not be had.
                    kept = [item for item in kept if getattr(item, "name", "") != record.name]
                    kept.append(_kept(record, workshop, context))
                elif isinstance(record, Started | Finished):
                    kept.append(record)
        if not any(isinstance(record, Finished) and record.test_accuracy is not None for record in kept):
            raise TrialFailedError("the final training ended without a test")
        return [_moved(record, folder) if isinstance(record, Artefact) else record for record in kept]
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _kept(made: Artefact, workshop: Path, context: RunContext) -> Artefact:
    """The file where the training process cannot take it away; or the reason why there is none."""
    if made.path is None:
        context.log.warning("%s: %s", made.name, made.note)
        return made
    try:
        copy_whole(Path(made.path), workshop / made.name)
    except OSError as error:
        context.log.warning("%s could not be kept: %s", made.name, error.strerror)
        return dataclasses.replace(made, path=None, note=f"could not be kept: {error.strerror}")
    return dataclasses.replace(made, path=str(workshop / made.name))


def _moved(made: Artefact, folder: Path) -> Artefact:
    """The file in its place, where it has one."""
    if made.path is None:
        return made
    os.replace(made.path, folder / made.name)
    return dataclasses.replace(made, path=str(folder / made.name))


def is_wanting(studies: Studies, run_name: str, folder: Path | None = None) -> bool:
    """Whether a run has no final model, or one of a trial that is no longer its best; or, with the run's `folder`, one
    whose file is not there."""
    if folder is not None and not (folder / FOLDER / KERAS_FILE).is_file():
        return True
    attributes, best = studies.attributes(run_name), studies.summary(run_name).best_trial
    return tested_accuracy(attributes) is None or attributes.get(MADE_FROM, best) != best


def tested_accuracy(attributes: Mapping[str, object]) -> float | None:
    """Accuracy of the final model from a study's attributes; None where there is none."""
    value = attributes.get(TEST_ACCURACY)
    return float(value) if isinstance(value, int | float) else None
