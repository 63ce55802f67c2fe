"""Filters of trials; the second implementation looks at what Optuna's own loader gives."""

from __future__ import annotations

import math
from collections.abc import Callable

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from storage.database import Database
from storage.errors import UnknownRunError
from storage.searched import SearchedParameter, diagnosis_codes, searched_parameters
from storage.studies import Studies
from storage.trial_filters import Span, TrialFilter

NAME = "a 'study' / \U0001f600"
OPTIMIZERS = ["adam", "rms'prop", None]


def add(study: optuna.Study, rate: float, optimizer: str | None, value: float | None, codes: object = None) -> None:
    """A trial with two or three parameters, failed where it has no value."""
    number = len(study.get_trials(deepcopy=False))
    params: dict[str, object] = {"rate": rate, "optimizer": optimizer}
    distributions = {"rate": FloatDistribution(1e-4, 1, log=True), "optimizer": CategoricalDistribution(OPTIMIZERS)}
    if number % 2:
        params["units"], distributions["units"] = number, IntDistribution(1, 100)
    study.add_trial(
        create_trial(
            state=TrialState.FAIL if value is None else TrialState.COMPLETE,
            value=value, params=params, distributions=distributions,
            user_attrs={} if codes is None else {"diagnoses": codes},
        )
    )  # fmt: skip


@pytest.fixture
def study(database: Database) -> optuna.Study:
    """Trials of two studies; only those of the first one are ever wanted."""
    wanted, other = (optuna.create_study(study_name=name, storage=database.optuna_storage()) for name in (NAME, "b"))
    add(wanted, 0.001, "adam", 0.5, "DEAD_UNITS,PLATEAU")
    add(wanted, 0.01, "rms'prop", 0.7, "DEAD_UNITS_X")
    add(wanted, 0.1, None, math.inf)
    add(wanted, 0.5, "adam", None, "PLATEAU")
    add(wanted, 0.2, "adam", -0.25, 12)
    wanted.add_trial(create_trial(state=TrialState.PRUNED))
    wanted.enqueue_trial({"rate": 0.3})
    add(other, 0.001, "adam", 0.5, "DEAD_UNITS")
    return wanted


def score(trial: FrozenTrial) -> float:
    return trial.values[0] if trial.values and math.isfinite(trial.values[0]) else math.nan


FILTERS: list[tuple[TrialFilter, Callable[[FrozenTrial], bool]]] = [
    (TrialFilter(), lambda trial: True),
    (TrialFilter(states=("complete", "pruned")), lambda trial: trial.state.name in ("COMPLETE", "PRUNED")),
    (TrialFilter(score=Span(0.5)), lambda trial: score(trial) >= 0.5),
    (TrialFilter(score=Span(-0.25, 0.5)), lambda trial: -0.25 <= score(trial) <= 0.5),
    (TrialFilter(score=Span()), lambda trial: not math.isnan(score(trial))),
    (TrialFilter(ranges={"rate": Span(0.01, 0.2)}), lambda trial: 0.01 <= trial.params.get("rate", 0) <= 0.2),
    (TrialFilter(ranges={"units": Span()}), lambda trial: "units" in trial.params),
    (TrialFilter(ranges={"absent": Span(0, 1)}), lambda trial: False),
    (TrialFilter(choices={"optimizer": ("rms'prop", "None")}),
     lambda trial: trial.params.get("optimizer", "") in ("rms'prop", None)),
    (TrialFilter(choices={"optimizer": ("sgd",)}), lambda trial: False),
    (TrialFilter(diagnosis="DEAD_UNITS"), lambda trial: trial.number == 0),
    (TrialFilter(diagnosis="PLATEAU"), lambda trial: trial.number in (0, 3)),
    (TrialFilter(diagnosis="%"), lambda trial: False),
    (TrialFilter(numbers=(4, 1, 99)), lambda trial: trial.number in (1, 4)),
    (TrialFilter(numbers=()), lambda trial: False),
    (TrialFilter(states=("complete",), score=Span(0.1), ranges={"rate": Span(high=0.05)},
                 choices={"optimizer": ("adam",)}, diagnosis="PLATEAU"), lambda trial: trial.number == 0),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "meets"), FILTERS, ids=[str(wanted)[:90] for wanted, _ in FILTERS])
def test_filters(
    wanted: TrialFilter, meets: Callable[[FrozenTrial], bool], database: Database, study: optuna.Study
) -> None:
    expected = [trial.number for trial in study.get_trials() if meets(trial)]
    found = Studies(database).page(NAME, wanted, size=100)
    assert [row.number for row in found.rows] == expected
    assert (found.total, found.page, found.pages) == (len(expected), 1, 1)


def test_pages_share_their_filter(database: Database, study: optuna.Study) -> None:
    studies, wanted = Studies(database), TrialFilter(ranges={"rate": Span(0.001)})
    pages = [studies.page(NAME, wanted, sort="-score", page=page, size=2) for page in (1, 2, 3, 9)]
    assert [[row.number for row in page.rows] for page in pages] == [[1, 0], [4, 2], [3], [3]]
    assert [(page.total, page.page, page.pages) for page in pages] == [(5, 1, 3), (5, 2, 3), (5, 3, 3), (5, 3, 3)]
    with pytest.raises(UnknownRunError):
        studies.page("gone", wanted)
    with pytest.raises(ValueError, match="sort must be one of"):
        studies.page(NAME, wanted, sort="--score")


def test_each_trial_of_a_filter_comes_once(database: Database, study: optuna.Study) -> None:
    wanted = TrialFilter(ranges={"rate": Span(0.01)})
    read = Studies(database).each(NAME, wanted, sort="-number", size=2)
    first = next(read)
    add(study, 0.9, "adam", 0.1)
    rows = [first, *read]
    assert [row.number for row in rows] == [4, 3, 2, 1]
    assert rows[0].params == {"rate": 0.2, "optimizer": "adam"} and rows[3].values == (0.7,)
    assert len(list(Studies(database).each(NAME, size=3))) == len(study.get_trials())


def test_infinite_scores_are_told_and_come_last(database: Database, study: optuna.Study) -> None:
    for sort in ("score", "-score"):
        last = Studies(database).trials(NAME, sort=sort, states=("complete",))[-1]
        assert (last.number, last.score, last.values) == (2, None, (math.inf,))


def test_attributes_that_are_no_numbers_come_last(database: Database, study: optuna.Study) -> None:
    for value in ("unknown", 0.5, math.nan, -2, math.inf, None, 1e-3):
        study.add_trial(create_trial(value=0.1, user_attrs={"accuracy": value}))
    rows = Studies(database).trials(NAME, sort="accuracy")
    assert [row.attributes["accuracy"] for row in rows[:3]] == [-2, 1e-3, 0.5]
    assert [row.number for row in rows[3:]] == sorted(row.number for row in rows[3:])


def test_several_objectives_are_one_row_each(database: Database) -> None:
    study = optuna.create_study(
        study_name="two", storage=database.optuna_storage(), directions=["maximize", "minimize"]
    )
    for number in range(4):
        study.add_trial(create_trial(values=[number / 10, -number]))
    studies = Studies(database)
    assert [row.values for row in studies.trials("two", sort="-score", limit=2)] == [(0.3, -3.0), (0.2, -2.0)]
    assert [row.number for row in studies.trials("two", sort="-score")] == [3, 2, 1, 0]
    assert studies.page("two", TrialFilter(score=Span(0.1))).total == 3
    summary = studies.summary("two")
    assert (summary.n_objectives, summary.minimises, summary.best_trial, summary.best_score) == (2, False, 3, 0.3)
    assert studies.scores("two") == [(0, 0.0), (1, 0.1), (2, 0.2), (3, 0.3)]


def test_what_can_be_filtered_by(database: Database, study: optuna.Study) -> None:
    assert searched_parameters(database, NAME) == [
        SearchedParameter("optimizer", 0, 2, False, ("adam", "rms'prop", "None")),
        SearchedParameter("rate", 0.001, 0.5, False),
        SearchedParameter("units", 1, 3, True),
    ]
    assert diagnosis_codes(database, NAME) == ["DEAD_UNITS", "DEAD_UNITS_X", "PLATEAU"]
    assert searched_parameters(database, "gone") == [] and diagnosis_codes(database, "gone") == []
