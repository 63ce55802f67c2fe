"""What compared trials have in common and what not."""

from __future__ import annotations

from optuna.trial import create_trial

from pages.parts import trial_comparison, trial_differences
from storage.database import Database
from storage.studies import TrialRow
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page

PAGE = "pages/trials.py"
DURATION = '<details class="explained"><summary>Duration'


def test_a_compared_number_is_short_on_the_page_and_exact_in_the_file() -> None:
    rates = (0.00124161, 0.0012849)
    trials = [TrialRow(n, "complete", 0.5, 1.0, {"learning_rate": rate}) for n, rate in enumerate(rates)]
    rows = trial_differences.parameters(trials)
    shown, written = trial_comparison.table(trials, rows), trial_differences.as_csv(trials, rows)
    assert ">0.001242<" in shown and "0.00124161" not in shown
    assert "Learning rate,learning_rate,0.00124161,0.0012849" in written


def test_a_choice_that_is_none_is_a_value_and_no_gap() -> None:
    """As plain Optuna may suggest it."""
    trials = [TrialRow(n, "complete", 0.5, 1.0, fields) for n, fields in enumerate(({"c": None}, {"c": 3.5}, {}))]
    assert trial_differences.parameters(trials)[0].cells == ("none", "3.5", "–")


def test_what_has_no_effect_in_a_trial_is_a_dash_and_not_a_difference() -> None:
    told = [{"hidden_layers": layers, "first_hidden_nodes": 64, "hidden_shrinkage": 0.5} for layers in (0, 2)]
    rows = trial_differences.parameters([TrialRow(n, "complete", 0.5, 1.0, fields) for n, fields in enumerate(told)])
    cells = {row.name: row.cells for row in rows}
    assert cells == {"hidden_layers": ("0", "2"), "first_hidden_nodes": ("–", "64"), "hidden_shrinkage": ("–", "0.5")}
    for other in ({}, {"hidden_layers": "many"}):  # of plain Optuna
        rows = trial_differences.parameters([TrialRow(0, "complete", 0.5, 1.0, {**other, "first_hidden_nodes": 64})])
        assert rows[-1].cells == ("64",)


def test_a_share_for_the_test_has_no_effect_where_the_set_has_a_test_part() -> None:
    assert trial_differences.why_idle("test_split", {"dataset": "mnist", "test_split": 0.2}) == (
        "the data has a test part of its own"
    )
    assert not trial_differences.why_idle("test_split", {"dataset": "digits", "test_split": 0.2})
    assert not trial_differences.why_idle("test_split", {"test_split": 0.2})
    assert trial_differences.why_idle("hidden_shrinkage", {"hidden_layers": 1}) == "hidden layers = 1"
    assert not trial_differences.why_idle("hidden_shrinkage", {"hidden_layers": 2})


def test_results_come_first_and_a_score_that_is_the_accuracy_does_not_come_twice(database: Database) -> None:
    examined.make_examined(database)
    study = conftest.make_run(database, "healthy", 2, mode="health")
    for accuracy in (0.9, 0.8):
        study.add_trial(create_trial(value=accuracy / 2, user_attrs={"accuracy": accuracy, "health": 0.7}))
    tables = [item.proto.body for item in open_page(PAGE, study="digits-examined", compare="0,2").html]
    first = next(text for text in tables if "compared" in text)
    places = [first.find(f"<th>{title}") for title in ("Accuracy", DURATION, "Trainable")]
    assert -1 < places[0] < places[1] < places[2]
    # Trial 0 took a moment longer or shorter; nobody is the better one for it.
    assert "Duration" in first and "<b>" not in first[places[1] : places[2]].replace("<b>Trial", "")
    assert "<b>95.00 %</b>" in first and "<th>Accuracy" in first and "<th>Score" not in first
    tables = [item.proto.body for item in open_page(PAGE, study="healthy", compare="0,1").html]
    assert "<th>Score</th><td><b>0.450</b>" in next(text for text in tables if "compared" in text)
