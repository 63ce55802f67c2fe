"""How long a run will take."""

from __future__ import annotations

import pytest

from hpo_core.optimization_config import OptimizationConfig
from pages.parts.expected_time import Earlier, estimate


def config(**fields: object) -> OptimizationConfig:
    return OptimizationConfig.from_mapping({"trials": 4, "max_epochs_per_trial": 10, "final_model": False} | fields)


def test_like_a_run_that_was_the_same() -> None:
    same = Earlier(workers=2, epochs=10, sample_percentage=100, trial_s=20)
    assert estimate(config(), 2, [same]) == pytest.approx(2 * 20)
    assert estimate(config(final_model=True), 2, [same]) == pytest.approx(3 * 20)
    assert estimate(config(timeout_minutes=0.5), 2, [same]) == 30
    assert estimate(config(), 1, [same]) is None and estimate(config(), 2, []) is None


def test_a_very_short_run_is_not_multiplied_as_a_whole() -> None:
    """Of four seconds three are the start, which every trial has once."""
    short = Earlier(workers=2, epochs=1, sample_percentage=100, trial_s=4)
    assert estimate(config(), 2, [short]) == pytest.approx(2 * (3 + 1 * 10))
    half = Earlier(workers=2, epochs=10, sample_percentage=50, trial_s=13)
    assert estimate(config(), 2, [half]) == pytest.approx(2 * (3 + 10 * 2))
    tiny = Earlier(workers=2, epochs=1, sample_percentage=100, trial_s=1)
    assert estimate(config(), 2, [tiny]) == pytest.approx(2 * (0.8 + 0.2 * 10))


def test_runs_that_were_most_like_it_decide() -> None:
    near = [Earlier(2, epochs, 100, 20) for epochs in (9, 10, 11)]
    far = [Earlier(2, 1, 100, 60)] * 5
    assert estimate(config(), 2, far + near) == pytest.approx(2 * 20)


def test_the_same_run_is_not_outvoted_by_others() -> None:
    same, quick = Earlier(2, 10, 100, 20), Earlier(2, 1, 100, 10)
    assert estimate(config(), 2, [same, quick, quick]) == pytest.approx(2 * 20)
