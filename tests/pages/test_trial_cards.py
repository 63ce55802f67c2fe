"""What the card of a trial says."""

from __future__ import annotations

from pages.parts.trial_cards import card
from storage.studies import TrialRow

PARAMS = {"conv_layers": 2, "batch_normalization": True, "learning_rate": 0.001}


def test_card_of_a_trial_that_trains_calls_things_by_their_names() -> None:
    row = TrialRow(7, "running", None, None, params=PARAMS, curve={1: 0.5, 2: 0.6})
    shown = card(row, is_best=False, glyph="")
    assert "Convolution layers 2, Batch normalisation yes, Learning rate 0.001" in shown
    assert shown.endswith('<div class="card-small">2 epochs</div>')


def test_values_of_a_study_made_elsewhere_may_be_any_steps() -> None:
    for params in ({**PARAMS, "x": 1}, {}):
        assert "2 steps" in card(
            TrialRow(7, "running", None, None, params, curve={1: 0.5, 2: 0.6}), is_best=False, glyph=""
        )
    assert "2 steps" in card(TrialRow(7, "complete", 0.6, 1.0, PARAMS, curve={1: 0.5, 2: 0.6}), is_best=False, glyph="")
