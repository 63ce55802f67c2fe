"""Tests of what analysis reads; the second implementation is Optuna's own loader."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from storage.database import Database
from storage.errors import UnknownRunError
from storage.trial_sample import TrialSamples

SPACE = {
    "rate": FloatDistribution(1e-5, 1e-1, log=True),
    "kind": CategoricalDistribution(("a", None, True)),
    "n": IntDistribution(1, 9, step=2),
}


def trial(value: float | None, state: TrialState = TrialState.COMPLETE, **more: object) -> FrozenTrial:
    return create_trial(
        state=state,
        value=value,
        params={"rate": 1e-3, "kind": None, "n": 3},
        distributions=SPACE,
        user_attrs={"accuracy": 0.5, "words": "a 'quoted' <b>", **more},
        intermediate_values={1: 0.1, 2: math.nan, 3: math.inf},
    )


def test_trials_equal_what_optuna_loads(database: Database) -> None:
    study = optuna.create_study(study_name="odd / 'name'", storage=database.optuna_storage(), direction="maximize")
    study.add_trials([trial(0.1), trial(math.inf), trial(-math.inf), trial(0.4, TrialState.PRUNED)])
    study.add_trial(trial(None, TrialState.FAIL))
    study.enqueue_trial({"n": 1})
    found = TrialSamples(database).sample(study.study_name)
    assert len(found.trials) == found.total and found.best == 0
    for ours, theirs in zip(found.trials, study.get_trials(), strict=True):
        for field in ("number", "state", "values", "params", "distributions", "user_attrs", "datetime_start",
                      "datetime_complete"):  # fmt: skip
            assert getattr(ours, field) == getattr(theirs, field), field
        assert list(ours.params) == list(theirs.params)
        assert str(ours.intermediate_values) == str(theirs.intermediate_values)  # nan is not equal to itself


def test_large_studies_give_the_best_and_a_sample_that_stays(database: Database) -> None:
    study = optuna.create_study(study_name="many", storage=database.optuna_storage())
    study.add_trials([create_trial(value=float(number % 14)) for number in range(16)])
    study.add_trials([create_trial(value=-1.0, state=TrialState.PRUNED), create_trial(value=-math.inf)])
    samples = TrialSamples(database)
    first = samples.sample("many", best=3, most=8)
    numbers = [item.number for item in first.trials]
    assert (len(first.trials), first.total, first.best) == (8, 18, 3)
    assert set(numbers) >= {0, 14, 1} and numbers == sorted(numbers)
    assert numbers == [item.number for item in samples.sample("many", best=3, most=8).trials]
    # A random sample of this density, 5 of the 15 others, would hold one of the best three.
    assert len(first.surplus) == 2 and first.surplus < {0, 14, 1}
    assert [item.number for item in first.fair] == [number for number in numbers if number not in first.surplus]
    pruned = samples.sample("many", states=("pruned",), best=3, most=8)
    assert [item.number for item in pruned.trials] == [16] and pruned.total == 1
    by_chance = samples.sample("many", best=0, most=8)
    assert by_chance.best == 0 and not {0, 14, 1} <= {item.number for item in by_chance.trials}


def test_the_best_are_those_of_the_objective_asked_for(database: Database) -> None:
    study = optuna.create_study(
        study_name="two", storage=database.optuna_storage(), directions=["minimize", "maximize"]
    )
    study.add_trials([create_trial(values=[float(number), number / 2]) for number in range(10)])
    study.set_metric_names(["loss", "accuracy"])
    samples = TrialSamples(database)
    shape = samples.shape("two")
    assert (shape.minimises, shape.objectives) == ((True, False), ("loss", "accuracy"))
    for objective, best in ((0, {0, 1, 2}), (1, {7, 8, 9})):
        found = samples.sample("two", objective=objective, best=3, most=4)
        assert best <= {item.number for item in found.trials}
        assert all(item.values == [item.number, item.number / 2] for item in found.trials)


def test_columns_of_every_trial(database: Database) -> None:
    study = optuna.create_study(study_name="plain", storage=database.optuna_storage(), direction="maximize")
    study.add_trials([trial(0.1, health=0.7), trial(math.inf), trial(None, TrialState.FAIL)])
    study.add_trial(create_trial(state=TrialState.RUNNING))
    rows = TrialSamples(database).columns("plain", ("accuracy", "health"))
    assert [(row.number, row.state, row.values) for row in rows] == [
        (0, "complete", (0.1,)), (1, "complete", (math.inf,)), (2, "fail", None), (3, "running", None),
    ]  # fmt: skip
    assert rows[0].attributes == {"accuracy": 0.5, "health": 0.7} and rows[3].attributes == {}
    assert rows[0].duration_s is not None and rows[0].duration_s >= 0 and rows[3].duration_s is None
    shape = TrialSamples(database).shape("plain")
    assert (shape.n_by_state, shape.n_trials) == ({"complete": 2, "fail": 1, "running": 1}, 4)


def test_a_study_without_trials_and_one_that_is_not_there(database: Database) -> None:
    optuna.create_study(study_name="empty", storage=database.optuna_storage())
    samples = TrialSamples(database)
    assert samples.sample("empty").trials == () and samples.columns("empty") == []
    assert samples.shape("empty").minimises == (True,) and samples.shape("empty").n_trials == 0
    for read in (samples.shape, samples.sample, samples.columns):
        with pytest.raises(UnknownRunError, match="'x'"):
            read("x")
