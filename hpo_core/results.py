"""The files of a run's folder that people and scripts read: best configuration, all trials, the model's card.

The database has all of it; these are exports, each complete or absent.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import yaml

from hpo_core.errors import OneginError
from hpo_core.model_card import ModelCard
from hpo_core.parameters import PARAMETERS
from hpo_core.trial_config import TrialConfig
from hpo_core.trials_table import configuration, write_table
from hpo_core.yaml_text import read_yaml
from storage.costs import complete_costs
from storage.database import Database
from storage.studies import Studies, TrialRow

BEST_FILE, TRIALS_FILE = "best_hyperparameters.yaml", "trials.csv"
CARD_FILE, CARD_DATA_FILE = "model_card.md", "card.json"
PAGE = 1000
# Fields of a configuration that change nothing in the model: what the training was for, and which pictures it made.
ASIDE = ("part", "plots", "draw_above")


class ResultsError(OneginError):
    """A file of results could not be written; what it would have held is in the database."""


def write_results(studies: Studies, run_name: str, folder: Path) -> list[str]:
    """Write `best_hyperparameters.yaml`, where a trial is complete, and `trials.csv` into the run's folder.

    Returns:
        One sentence per file that could not be written: the run's result does not depend on them.
    """
    problems = []
    for write in (write_best_hyperparameters, write_trials):
        try:
            write(studies, run_name, folder)
        except ResultsError as error:
            problems.append(str(error))
    return problems


def settle_costs(database: Database, run_name: str, folder: Path) -> list[str]:
    """What jobs cost that ended after their trials: into the trials, and `trials.csv` once more. Returns as above.

    Raises StorageError where the database does not answer.
    """
    if not complete_costs(database, run_name):
        return []
    try:
        write_trials(Studies(database), run_name, folder)
    except ResultsError as error:
        return [str(error)]
    return []


def write_best_hyperparameters(studies: Studies, run_name: str, folder: Path) -> None:
    """One flat mapping: the best trial, its whole configuration, and how the last map becomes a vector.

    Raises:
        ResultsError: it could not be written.
        UnknownRunError: there is no such study.
    """
    best = best_trial(studies, run_name)
    if best is None:
        return
    with _replacing(folder / BEST_FILE) as file:
        yaml.safe_dump(best_hyperparameters(run_name, best), file, sort_keys=False, allow_unicode=True)


def best_trial(studies: Studies, run_name: str) -> TrialRow | None:
    """The complete trial with the best score; None before there is one. Raises UnknownRunError."""
    summary = studies.summary(run_name)
    if summary.best_trial is None:
        return None
    return studies.trials(run_name, sort="score" if summary.minimises else "-score", states=("complete",), limit=1)[0]


def best_hyperparameters(run_name: str, best: TrialRow) -> dict[str, Any]:
    """What `best_hyperparameters.yaml` holds; figures that are not known are left out."""
    fields = configuration(best)
    figures = {"score": best.score} | {
        name: best.attributes.get(name) for name in ("accuracy", "health", "parameters", "epochs_trained")
    }
    pooling = fields.get("pooling")
    return {
        "run_name": run_name,
        "trial": best.number,
        **{name: value for name, value in figures.items() if value is not None},
        **{name: value for name, value in fields.items() if name not in ASIDE and value is not None},
        "use_global_pooling": pooling == "global_average",
        "use_flattening": pooling == "flatten",
    }


def read_best_config(path: Path) -> TrialConfig:
    """The configuration in a `best_hyperparameters.yaml`. Raises UsageError where there is none."""
    values = read_yaml(BEST_FILE, str(path))
    fields = dataclasses.fields(TrialConfig)
    left_out = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}
    known = [*(field.name for field in fields), *PARAMETERS]
    return TrialConfig.from_json(json.dumps(left_out | {name: values[name] for name in known if name in values}))


def write_trials(studies: Studies, run_name: str, folder: Path, page: int = PAGE) -> None:
    """One row per trial of any state, by number; cells are empty where a trial has no such value.

    Read `page` trials at a time.

    Raises:
        ResultsError: it could not be written.
        UnknownRunError: there is no such study.
    """
    with _replacing(folder / TRIALS_FILE) as file:
        write_table(file, studies.each(run_name, size=page))


def write_model_card(card: ModelCard, folder: Path) -> None:
    """The card beside the model, to be read by people and by programs. Raises ResultsError."""
    with _replacing(folder / CARD_FILE) as file:
        file.write(card.as_markdown())
    with _replacing(folder / CARD_DATA_FILE) as file:
        json.dump(card.as_dict(), file, indent=1, ensure_ascii=False)


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of `path` once it is complete, and leaves nothing behind where it is not."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                yield file
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ResultsError(f"{path} could not be written: {error.strerror or error}; the database keeps it") from error
