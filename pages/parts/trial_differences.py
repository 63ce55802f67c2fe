"""What distinguishes two to four trials. Pure: trials in, rows out."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import CATALOGUE
from hpo_core import trials_table
from hpo_core.health.metrics import METRICS
from hpo_core.parameters import PARAMETERS
from hpo_core.results import ASIDE
from pages.parts import formats, words
from storage.studies import TrialRow


@dataclass(frozen=True)
class Row:
    """One line of a comparison.

    Attributes:
        title: of the quantity.
        name: its field, '' where it has none.
        cells: one text for each trial.
        values: what the cells say, where the row is a parameter.
        best: places of the best cells; empty where all are equal or none is better.
        healths: health of 0 to 1 for each trial, where the row is one.
    """

    title: str
    cells: tuple[str, ...]
    name: str = ""
    best: tuple[int, ...] = ()
    healths: tuple[float | None, ...] = ()
    values: tuple[object, ...] = ()

    @property
    def short_cells(self) -> tuple[str, ...]:
        """Numbers so short that four stand side by side on a telephone, unless that would make different ones equal."""
        if not self.values:
            return self.cells
        pairs = zip(self.cells, self.values, strict=True)
        short = tuple(min(cell, f"{value:.4g}", key=len) if isinstance(value, float) else cell for cell, value in pairs)
        return short if len(set(short)) == len(set(self.cells)) else self.cells

    @property
    def differs(self) -> bool:
        return len(set(self.cells)) > 1


def parameters(trials: Sequence[TrialRow]) -> list[Row]:
    """All that the trials were told, in the order in which parameters are declared; a dash where one has none, or one
    that has no effect beside its others, such as the width of a hidden layer where there is none."""
    told = [_with_effect(configuration(trial)) for trial in trials]
    names = list(dict.fromkeys(name for fields in told for name in fields))
    order = {name: place for place, name in enumerate(PARAMETERS)}
    return [
        Row(
            PARAMETERS[name].title if name in PARAMETERS else formats.label(name) if is_ours(trials) else name,
            tuple(_text(name, fields) for fields in told),
            name=name,
            values=tuple(fields.get(name) for fields in told),
        )
        for name in sorted(names, key=lambda name: order.get(name, len(order)))
    ]


def as_csv(trials: Sequence[TrialRow], rows: Sequence[Row]) -> str:
    """Rows of a comparison as CSV: what, its field, and a column for each trial. No cell is taken for a formula."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["what", "field", *(f"Trial {trial.number}" for trial in trials)])
    for row in rows:
        lines.writerow([trials_table.cell(part) for part in (row.title, row.name, *row.cells)])
    return text.getvalue()


def configuration(trial: TrialRow) -> dict[str, Any]:
    """Everything that decided what the trial learnt; for a trial of plain Optuna what was searched."""
    recorded = trial.attributes.get("configuration")
    if isinstance(recorded, str):
        try:
            fields = json.loads(recorded)
        except ValueError:
            fields = None
        if isinstance(fields, dict):
            return {name: value for name, value in fields.items() if name not in ASIDE}
    return {name: words.suggested(value) for name, value in trial.params.items()}


def results(
    trials: Sequence[TrialRow], *, minimises: bool, score: Callable[[TrialRow], str] | None = None
) -> list[Row]:
    """What the trials reached, in which time and with how many numbers; rows that no trial has are left out.

    Args:
        trials: the compared ones.
        minimises: whether smaller scores are better.
        score: the score of a trial as text; None where the accuracy says the same.
    """
    scores = [trial.score if len(trial.values) < 2 else None for trial in trials]
    rows = [
        *([_row("Score", scores, [score(trial) for trial in trials], smaller=minimises)] if score else []),
        _measured("Accuracy", [trial.accuracy for trial in trials], formats.percent),
        _health("Health", "health", trials),
        _duration(trials),
        _measured("Trainable parameters", _numbers(trials, "parameters"), formats.whole, smaller=True),
    ]
    return _known(rows)


def healths(trials: Sequence[TrialRow]) -> list[Row]:
    """The six metrics of health; rows that no trial has are left out."""
    return _known([_health(metric.title, name, trials) for name, metric in METRICS.items()])


def same_and_different(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """(rows in which all trials agree, the others)."""
    return [row for row in rows if not row.differs], [row for row in rows if row.differs]


def metrics(trial: TrialRow) -> dict[str, float | None]:
    """The six health metrics of a trial by name, None where one was not measured."""
    return {name: _number(trial.attributes.get(name)) for name in METRICS}


def is_ours(trials: Sequence[TrialRow]) -> bool:
    """Whether a run of ours made them."""
    return any("configuration" in trial.attributes for trial in trials)


def _with_effect(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if not why_idle(name, fields)}


def why_idle(name: str, fields: Mapping[str, Any]) -> str:
    """Why a field has no effect beside the others, '' where it has one.

    In a study of plain Optuna a name may mean anything.
    """
    if name == "test_split":
        info = CATALOGUE.get(str(fields.get("dataset")))
        return "the data has a test part of its own" if info is not None and info.n_test > 0 else ""
    needs = PARAMETERS[name].needs if name in PARAMETERS else None
    needed = fields.get(needs[0]) if needs is not None else None
    if needs is None or not isinstance(needed, int) or needed >= needs[1]:
        return ""
    return f"{PARAMETERS[needs[0]].title.lower()} = {needed}"


def _known(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if any(cell != formats.NOTHING for cell in row.cells)]


def _text(name: str, fields: Mapping[str, Any]) -> str:
    if name not in fields:
        return formats.NOTHING
    return str(fields[name]) if name.endswith("seed") else formats.value(fields[name])


def _duration(trials: Sequence[TrialRow]) -> Row:
    """None is better: what else the machine did counts as well."""
    return Row("Duration", tuple(formats.duration(trial.duration_s) for trial in trials), "duration_s")


def _health(title: str, name: str, trials: Sequence[TrialRow]) -> Row:
    values = _numbers(trials, name)
    row = _measured(title, values, formats.score)
    return Row(title, row.cells, name, row.best, tuple(values))


def _measured(
    title: str, values: Sequence[float | None], text: Callable[[float | None], str], *, smaller: bool = False
) -> Row:
    return _row(title, values, [text(value) for value in values], smaller=smaller)


def _row(title: str, values: Sequence[float | None], cells: Sequence[str], *, smaller: bool) -> Row:
    known = [value for value in values if value is not None]
    best: tuple[int, ...] = ()
    if len(known) > 1 and len(set(cells)) > 1:
        champion = min(known) if smaller else max(known)
        best = tuple(place for place, value in enumerate(values) if value == champion)
    return Row(title, tuple(cells), best=best)


def _numbers(trials: Sequence[TrialRow], name: str) -> list[float | None]:
    return [_number(trial.attributes.get(name)) for trial in trials]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
