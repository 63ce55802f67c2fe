"""What the card of a trial says."""

from __future__ import annotations

import dataclasses

import pytest

from pages.parts import palette, trial_table
from pages.parts.trial_cards import card
from pages.parts.trial_words import state_colour, state_of, told_apart
from storage.database import Database
from storage.studies import TrialRow
from tests.pages import conftest
from tests.pages.test_pages import open_page, words

PARAMS = {"conv_layers": 2, "batch_normalization": True, "learning_rate": 0.001}


def test_card_of_a_trial_that_trains_calls_things_by_their_names() -> None:
    row = TrialRow(7, "running", None, None, params=PARAMS, curve={1: 0.5, 2: 0.6})
    shown = card(row, is_best=False, pictures="")
    assert "Convolution layers 2, Batch normalisation yes, Learning rate 0.001" in shown
    assert shown.endswith('<div class="card-small">2 epochs</div>')
    assert '<div class="facts"><span><small>score after epoch 2</small>0.600</span></div>' in shown
    alone = card(row, is_best=False, pictures="", with_score=False)
    assert '<div class="facts"><span><small>accuracy after epoch 2</small>60.00 %</span></div>' in alone


def test_a_score_that_is_the_accuracy_is_not_said_twice() -> None:
    row = TrialRow(7, "complete", 0.95, 1.0, PARAMS, {"accuracy": 0.95}, {}, (0.95,))
    assert "<small>score</small>0.950" in card(row, is_best=False, pictures="")
    alone = card(row, is_best=False, pictures="", with_score=False)
    assert "<small>score" not in alone and "<small>accuracy</small>95.00 %" in alone
    failed = card(TrialRow(7, "fail", None, 1.0, PARAMS), is_best=False, pictures="", with_score=False)
    assert "<small>accuracy</small>–" in failed


@pytest.mark.parametrize("outcome", ["stopped", "cancelled", "interrupted", "money cap"])
def test_a_trial_that_was_ended_from_outside_did_not_fail(outcome: str) -> None:
    row = TrialRow(7, "fail", None, 1.0, PARAMS, {"accuracy": 0.99, "outcome": outcome})
    assert state_of(row) == "stopped" and state_colour(row) == palette.WAITING
    assert "stopped" in card(row, is_best=False, pictures="") and "failed" not in card(row, is_best=False, pictures="")
    failed = dataclasses.replace(row, attributes={"outcome": "error"})
    assert state_of(failed) == "failed" and state_colour(failed) == palette.FAILED
    assert state_of(dataclasses.replace(row, state="complete")) == "complete"


def test_scores_that_differ_do_not_look_the_same() -> None:
    rows = [TrialRow(n, "complete", value, 1.0, values=(value,)) for n, value in enumerate((0.96936, 0.96921, 0.9))]
    assert told_apart(rows[:2]) == ["0.96936", "0.96921"] and told_apart(rows[1:]) == ["0.969", "0.900"]
    assert told_apart([rows[0], rows[0]]) == ["0.969", "0.969"]


def test_pages_show_the_score_where_it_is_something_else(database: Database) -> None:
    for name, more in (("alone", {}), ("healthy", {"mode": "health"}), ("f1", {"objective": "macro_f1"})):
        conftest.add_trial(conftest.make_run(database, name, 2, **more), 0.9)
    conftest.make_plain(database)
    for name, expected in (("alone", False), ("healthy", True), ("f1", True), ("plain", True)):
        assert ("<small>score" in words(open_page("pages/trials.py", study=name))) == expected
        shown = words(open_page("pages/trials.py", study=name, trial="0"))
        assert ("Score: " in shown) == expected
        assert ("<small>score" in words(open_page("pages/health.py", study=name))) == expected
        shown = words(open_page("pages/monitor.py", study=name))
        assert ("Best score" in shown) == ("<small>score" in shown) == expected


def test_table_and_card_of_a_trial_have_the_same_numbers() -> None:
    row = TrialRow(7, "complete", 0.8125, 1.0, PARAMS, {"accuracy": 0.65625, "health": 0.8125}, {}, (0.8125,))
    shown = card(row, is_best=False, pictures="")
    (cells,) = trial_table.table([row]).to_dict("records")
    assert (cells["Score"], cells["Accuracy"], cells["Health"]) == (0.812, 65.62, 0.812)
    assert "0.812" in shown and "65.62 %" in shown


def test_values_of_a_study_made_elsewhere_may_be_any_steps() -> None:
    for params in ({**PARAMS, "x": 1}, {}):
        assert "2 steps" in card(
            TrialRow(7, "running", None, None, params, curve={1: 0.5, 2: 0.6}), is_best=False, pictures=""
        )
    assert "2 steps" in card(
        TrialRow(7, "complete", 0.6, 1.0, PARAMS, curve={1: 0.5, 2: 0.6}), is_best=False, pictures=""
    )
