"""Trials as a table of comma-separated values: of a whole run, or of those that a filter leaves."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable
from typing import Any, TextIO

from hpo_core.parameters import PARAMETERS, Architecture
from storage.studies import TrialRow

# Columns of every study; the other attributes of its trials and their hyperparameters follow.
FIRST_COLUMNS = ("number", "state", "score", "accuracy", "health", "duration_s", "parameters", "outcome", "reason")
# The whole configuration as JSON: its fields have columns of their own.
CONFIGURATION = "configuration"
# A spreadsheet takes a text that begins like this for a formula, and runs it.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def write_table(file: TextIO, rows: Iterable[TrialRow]) -> None:
    """One row per trial, in the order of `rows`; cells are empty where a trial has no such value.

    The columns are known only when all trials have been seen: until then what is known of them waits in a file.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as waiting:
        attributes, parameters = _set_aside(rows, waiting)
        # A study made elsewhere may call a parameter as we call a column; Optuna's own tables prefix it like this.
        taken = {*FIRST_COLUMNS, *attributes}
        titles = [f"params_{name}" if name in taken else name for name in parameters]
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([cell(title) for title in (*FIRST_COLUMNS, *attributes, *titles)])
        waiting.seek(0)
        for line in waiting:
            measured, values = json.loads(line)
            cells = [measured.get(name) for name in (*FIRST_COLUMNS, *attributes)]
            writer.writerow([cell(value) for value in (*cells, *(values.get(name) for name in parameters))])


def configuration(row: TrialRow) -> dict[str, Any]:
    """The trial's configuration as it was trained, or what was suggested where nothing else is known."""
    try:
        text = row.attributes.get(CONFIGURATION)
        fields = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        fields = None
    if isinstance(fields, dict) and fields.get("architecture") in {known.value for known in Architecture}:
        own = {name: value for name, value in fields.items() if name not in PARAMETERS}
        return own | {name: fields[name] for name in PARAMETERS if name in fields}
    return dict(row.params)


def _set_aside(rows: Iterable[TrialRow], waiting: TextIO) -> tuple[list[str], list[str]]:
    """Write one line per trial; the names of attributes and hyperparameters by their first appearance, ours as
    declared."""
    attributes: dict[str, None] = {}
    parameters: dict[str, None] = {}
    for row in rows:
        measured, values = _measured(row), _hyperparameters(row)
        attributes.update(dict.fromkeys(measured))
        parameters.update(dict.fromkeys(values))
        waiting.write(json.dumps([measured, values]) + "\n")
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
    several = {f"values_{place}": value for place, value in enumerate(row.values)} if len(row.values) > 1 else {}
    score = row.values[0] if row.values else row.score
    return scalars | several | {"number": row.number, "state": row.state, "score": score, "duration_s": seconds}


def _hyperparameters(row: TrialRow) -> dict[str, Any]:
    """All of them, those that were fixed included; of a study made elsewhere those that were suggested."""
    fields = configuration(row)
    declared = {name: fields[name] for name in PARAMETERS if name in fields}
    return declared or row.params


def cell(value: Any) -> Any:
    """Truth as YAML and JSON write it; nothing for what is not known; a text that would be a formula marked as text."""
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return f"'{value}"
    return str(value).lower() if isinstance(value, bool) else value
