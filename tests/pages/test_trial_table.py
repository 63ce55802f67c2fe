"""Trials as a table: what its columns hold, and what a tick in it does."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import trial_comparison, trial_table
from storage.database import Database
from storage.studies import TrialRow
from tests.pages import examined
from tests.pages.test_pages import open_page, words

PAGE = "pages/trials.py"


def test_a_parameter_that_is_called_as_a_column_has_one_of_its_own() -> None:
    row = TrialRow(number=0, state="complete", score=0.5, duration_s=1.0, params={"Score": 7, "x": 1}, values=(0.5,))
    (shown,) = trial_table.table([row]).to_dict("records")
    assert (shown["Score"], shown["params_Score"], shown["x"]) == (0.5, 7, 1)


def test_a_column_of_the_table_holds_one_kind_of_values() -> None:
    rows = [
        TrialRow(number, "complete", 0.5, 1.0, {"mixed": mixed, "number": number or 0.5, "": None}, {}, {}, (0.5,))
        for number, mixed in enumerate((None, True, "a", 1, 2.5))
    ]
    found = trial_table.table(rows)
    assert list(found["mixed"])[1:] == ["True", "a", "1", "2.5"] and list(found["number"]) == [0.5, 1, 2, 3, 4]
    assert "(no name)" in found


def test_the_best_trial_has_a_star_and_no_score_that_repeats_the_accuracy() -> None:
    rows = [TrialRow(n, "complete", 0.5, 1.0, {}, {"accuracy": 0.5}, {}, (0.5,)) for n in (1, 2)]
    shown = trial_table.table(rows, 2, with_score=False)
    assert list(shown["Trial"]) == ["Trial 1", "Trial 2 ★"] and "Score" not in shown and "Accuracy" in shown
    assert "Score" in trial_table.table(rows)


def test_a_trial_too_many_is_told_below_the_table(database: Database) -> None:
    examined.make_examined(database)
    app = open_page(PAGE, view="table")
    assert not app.warning
    app.session_state[trial_table.REFUSED] = trial_comparison.FULL
    assert app.run().warning[0].value == trial_comparison.FULL


ROWS = [TrialRow(number, "waiting" if number == 9 else "complete", None, None) for number in range(2, 10)]


@pytest.mark.parametrize(
    ("before", "ticked", "after", "refused"),
    [
        ([], [3], [3], ""),
        ([0, 3], [3, 2], [0, 3, 2], ""),  # Trial 0 is on another page
        ([0, 3], [], [0], ""),
        ([5, 4, 3], [3, 5], [5, 3], ""),
        ([0, 3, 4, 5], [3, 4, 5, 6], [0, 3, 4, 5], trial_comparison.FULL),
        ([], [2, 3, 4, 5, 6, 7, 8, 9], [2, 3, 4, 5], trial_comparison.FULL),
        ([3], [3, 9], [3], "A trial that waits has nothing to compare yet."),
    ],
)
def test_what_is_ticked_is_what_is_compared(
    before: list[int], ticked: list[int], after: list[int], refused: str
) -> None:
    found = trial_comparison.chosen_after(before, ROWS, [ROWS[number - 2] for number in ticked])
    assert found == (after, refused)


def test_the_table_shows_what_was_chosen_on_a_card_and_opens_its_details(database: Database) -> None:
    examined.make_examined(database)
    app = open_page(PAGE)
    app.checkbox(key="compare_1").check().run()
    app.query_params["view"] = "table"
    app.run()
    assert ticks(app) == [1] and trial_table.TICK not in words(app)
    assert app.button(key="details_1").label == "Details of Trial 1"
    app.button(key="uncompare_1").click().run()
    assert ticks(app) == [] and trial_table.TICK in words(app)


def ticks(app: AppTest) -> list[int]:
    """Places of the ticked rows of the first page."""
    version = app.session_state[trial_table.VERSION]
    return list(app.session_state[f"trial_table_1_{version}"]["selection"]["rows"])
