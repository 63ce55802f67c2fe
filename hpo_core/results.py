"""The files of a run's folder that people and scripts read: best configuration, all trials, the model's card.

The database has all of it; these are exports, each complete or absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import yaml

from hpo_core.errors import OneginError
from hpo_core.files import with_part
from hpo_core.model_card import ModelCard
from hpo_core.trials_table import configuration, write_table
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
    values = best_hyperparameters(run_name, best)
    _write(folder / BEST_FILE, lambda file: yaml.safe_dump(values, file, sort_keys=False, allow_unicode=True))


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


def write_trials(studies: Studies, run_name: str, folder: Path, page: int = PAGE) -> None:
    """One row per trial of any state, by number; cells are empty where a trial has no such value.

    Read `page` trials at a time.

    Raises:
        ResultsError: it could not be written.
        UnknownRunError: there is no such study.
    """
    _write(folder / TRIALS_FILE, lambda file: write_table(file, studies.each(run_name, size=page)))


def write_model_card(card: ModelCard, folder: Path) -> None:
    """The card beside the model, to be read by people and by programs. Raises ResultsError."""
    _write(folder / CARD_FILE, lambda file: file.write(card.as_markdown()))
    _write(folder / CARD_DATA_FILE, lambda file: json.dump(card.as_dict(), file, indent=1, ensure_ascii=False))


def _write(path: Path, content: Callable[[TextIO], object]) -> None:
    """Let `content` write a text that takes the place of `path` once it is complete. Raises ResultsError."""

    def fill(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as file:
            content(file)

    try:
        with_part(path, fill)
    except OSError as error:
        raise ResultsError(f"{path} could not be written: {error.strerror or error}; the database keeps it") from error
