"""The files of a run's folder that people and scripts read: best configuration, all trials, the model's card.

The database has all of it; these are exports, each complete or absent.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import yaml

from hpo_core.errors import OneginError
from hpo_core.model_card import ModelCard
from hpo_core.parameters import PARAMETERS, Architecture
from hpo_core.trial_config import TrialConfig
from hpo_core.yaml_text import read_yaml
from storage.studies import Studies, TrialRow

BEST_FILE, TRIALS_FILE = "best_hyperparameters.yaml", "trials.csv"
CARD_FILE, CARD_DATA_FILE = "model_card.md", "card.json"
PAGE = 1000
# Columns of every study; the other attributes of its trials and their hyperparameters follow.
FIRST_COLUMNS = ("number", "state", "score", "accuracy", "health", "duration_s", "parameters", "outcome", "reason")
# The whole configuration as JSON: its fields have columns of their own.
CONFIGURATION = "configuration"
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
    configuration = _configuration(best)
    figures = {"score": best.score} | {
        name: best.attributes.get(name) for name in ("accuracy", "health", "parameters", "epochs_trained")
    }
    pooling = configuration.get("pooling")
    return {
        "run_name": run_name,
        "trial": best.number,
        **{name: value for name, value in figures.items() if value is not None},
        **{name: value for name, value in configuration.items() if name not in ASIDE and value is not None},
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

    Read twice, `page` trials at a time: the columns are known only when all trials have been seen.

    Raises:
        ResultsError: it could not be written.
        UnknownRunError: there is no such study.
    """
    attributes, parameters = _further_columns(_all_trials(studies, run_name, page))
    # A study made elsewhere may call a parameter as we call a column; Optuna's own tables prefix it like this.
    taken = {*FIRST_COLUMNS, *attributes}
    titles = [f"params_{name}" if name in taken else name for name in parameters]
    with _replacing(folder / TRIALS_FILE) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*FIRST_COLUMNS, *attributes, *titles])
        for row in _all_trials(studies, run_name, page):
            measured = _measured(row)
            values = _hyperparameters(row)
            cells = [measured.get(name) for name in (*FIRST_COLUMNS, *attributes)]
            writer.writerow([_cell(value) for value in (*cells, *(values.get(name) for name in parameters))])


def write_model_card(card: ModelCard, folder: Path) -> None:
    """The card beside the model, to be read by people and by programs. Raises ResultsError."""
    with _replacing(folder / CARD_FILE) as file:
        file.write(card.as_markdown())
    with _replacing(folder / CARD_DATA_FILE) as file:
        json.dump(card.as_dict(), file, indent=1, ensure_ascii=False)


def _all_trials(studies: Studies, run_name: str, page: int) -> Iterator[TrialRow]:
    offset = 0
    while rows := studies.trials(run_name, limit=page, offset=offset):
        yield from rows
        offset += len(rows)


def _further_columns(rows: Iterable[TrialRow]) -> tuple[list[str], list[str]]:
    """Names of attributes and of hyperparameters, in the order of their first appearance; ours as declared."""
    attributes: dict[str, None] = {}
    parameters: dict[str, None] = {}
    for row in rows:
        attributes.update(dict.fromkeys(_measured(row)))
        parameters.update(dict.fromkeys(_hyperparameters(row)))
    order = {name: place for place, name in enumerate(PARAMETERS)}
    declared = sorted(parameters, key=lambda name: order.get(name, len(order)))
    return [name for name in attributes if name not in FIRST_COLUMNS], declared


def _measured(row: TrialRow) -> dict[str, Any]:
    """What is known of a trial besides its hyperparameters: scalars by the name of their column."""
    scalars = {
        name: value
        for name, value in row.attributes.items()
        if name != CONFIGURATION and (value is None or isinstance(value, int | float | str))
    }
    seconds = scalars.get("duration_s", row.duration_s)
    return scalars | {"number": row.number, "state": row.state, "score": row.score, "duration_s": seconds}


def _hyperparameters(row: TrialRow) -> dict[str, Any]:
    """All of them, those that were fixed included; of a study made elsewhere those that were suggested."""
    configuration = _configuration(row)
    declared = {name: configuration[name] for name in PARAMETERS if name in configuration}
    return declared or row.params


def _configuration(row: TrialRow) -> dict[str, Any]:
    """The trial's configuration as it was trained, or what was suggested where nothing else is known."""
    text = row.attributes.get(CONFIGURATION)
    fields = json.loads(text) if isinstance(text, str) else None
    if isinstance(fields, dict) and fields.get("architecture") in {known.value for known in Architecture}:
        own = {name: value for name, value in fields.items() if name not in PARAMETERS}
        return own | {name: fields[name] for name in PARAMETERS if name in fields}
    return dict(row.params)


def _cell(value: Any) -> Any:
    """Truth as YAML and JSON write it; nothing for what is not known."""
    return str(value).lower() if isinstance(value, bool) else value


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
