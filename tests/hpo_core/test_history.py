"""Tests of a training's history: kept, written and read back."""

from __future__ import annotations

import pytest

from hpo_core.history import TrialHistory, last_reading, lean
from hpo_core.records import Phase
from tests.histories import cnn_history, lstm_history, without_readings


@pytest.mark.parametrize("history", [cnn_history(), lstm_history(), TrialHistory()])
def test_both_ways(history: TrialHistory) -> None:
    again = TrialHistory.from_json(history.to_json())
    assert again == history
    assert TrialHistory.of([Phase(name="loading data"), *history.records()]).epochs == history.epochs


def test_layers_are_found_by_name() -> None:
    history = cnn_history(epochs=3)
    assert [epoch for epoch, _ in history.layer("conv_1")] == [1, 2, 3]
    assert history.layer_names()[0] == "conv_1" and history.layer("nothing") == []
    assert last_reading(history.epochs) == history.epochs[-1].layers
    assert last_reading(without_readings(history).epochs) == []


def test_the_lean_one_keeps_the_newest_reading_whole_and_the_others_numbers() -> None:
    history = cnn_history(epochs=3)
    small = lean(history)
    assert small.snapshots == [] and len(small.to_json()) < len(history.to_json()) / 2
    first, last = small.epochs[0].layers or [], small.epochs[-1].layers or []
    assert first[0].gradient_norm is not None and first[0].weight_histogram is None
    assert last == history.epochs[-1].layers


@pytest.mark.parametrize("text", ["[]", "{}", '{"records": [{"kind": "epoch"}]}', "no JSON"])
def test_what_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        TrialHistory.from_json(text)
