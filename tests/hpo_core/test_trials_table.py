"""The table of trials: columns, and cells that a spreadsheet must not run."""

from __future__ import annotations

import csv
import io
import math

from hpo_core.trials_table import FIRST_COLUMNS, write_table
from storage.studies import TrialRow


def written(*rows: TrialRow) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    write_table(file, rows)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def test_formulas_become_text_and_numbers_stay_numbers() -> None:
    row = TrialRow(
        0, "complete", -0.5, 1.0, values=(-0.5,), params={"=x": "+1", "n": -3, "fine": "a=b"},
        attributes={"@cmd": "=HYPERLINK(1)", "reason": "-2", "note": "\tx", "ok": True},
    )  # fmt: skip
    (cells,) = written(row)
    assert (cells["score"], cells["n"], cells["fine"], cells["ok"]) == ("-0.5", "-3", "a=b", "true")
    assert (cells["'=x"], cells["'@cmd"], cells["reason"], cells["note"]) == ("'+1", "'=HYPERLINK(1)", "'-2", "'\tx")


def test_values_of_several_objectives_and_infinite_scores() -> None:
    several, infinite = written(
        TrialRow(0, "complete", 1.0, None, values=(1.0, 2.0)), TrialRow(1, "complete", None, None, values=(math.inf,))
    )
    assert (several["values_0"], several["values_1"], several["score"]) == ("1.0", "2.0", "1.0")
    assert (infinite["score"], infinite["values_0"]) == ("inf", "")


def test_a_damaged_configuration_leaves_the_parameters() -> None:
    (cells,) = written(TrialRow(0, "fail", None, None, params={"x": 1}, attributes={"configuration": "{no json"}))
    assert cells["x"] == "1" and cells["state"] == "fail" and "configuration" not in cells


def test_no_trial_leaves_the_head() -> None:
    file = io.StringIO(newline="")
    write_table(file, ())
    assert file.getvalue() == ",".join(FIRST_COLUMNS) + "\n"
