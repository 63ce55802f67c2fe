"""Training the best configurations again: which, with which seeds, and what is left to do after a stop."""

from __future__ import annotations

import json

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hpo_core.backends import Backend
from hpo_core.commands.leaderboard import read_leaderboard, show_leaderboard
from hpo_core.errors import UsageError
from hpo_core.objective import is_lost
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.outcome import run_outcome
from hpo_core.records import Record
from hpo_core.reruns import ORIGIN, origin_name, origin_of, rerun_config
from hpo_core.run_study import resumed_config
from hpo_core.runner import Runner
from hpo_core.seeds import SEED_INDEX
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig
from storage.database import Database
from storage.studies import Studies, TrialRow
from tests.hpo_core.test_runner import MACHINE, finish, runner, wait_for
from tests.stubs import EndlessTrainer, ScriptedTrainer, records_of


def by_filters(config: TrialConfig) -> list[Record]:
    """Networks with more filters are better, with a little luck that the seed decides."""
    luck = config.seed % 100 / 10_000
    return records_of(config, min(1.0, 0.5 + config.number("filters") / 100 + luck))


def searched(settings: Settings, trials: int = 6) -> None:
    finish(runner(settings, ScriptedTrainer(by_filters), trials=trials, sampler="random", pruner="none"))


def rerun(settings: Settings, config: OptimizationConfig, trainer: ScriptedTrainer | EndlessTrainer) -> Runner:
    return Runner(config, settings, MACHINE, {"local": lambda _order: Backend(lambda _trial: trainer)})


def rows_of(database: Database, name: str) -> list[TrialRow]:
    return Studies(database).trials(name, sort="number", limit=1000)


def test_the_best_are_trained_with_the_same_new_seeds(settings: Settings, database: Database) -> None:
    searched(settings)
    trainer = ScriptedTrainer(by_filters)
    run = finish(rerun(settings, rerun_config(Studies(database), "a", 2, 3, {"workers": 1}), trainer))
    assert run.run_name == "a-seeds" and run.error is None
    best = [row.number for row in Studies(database).trials("a", sort="-score", states=("complete",))][:2]
    rows = rows_of(database, "a-seeds")
    assert [row.attributes[ORIGIN] for row in rows] == [f"Trial {number} of a" for number in best] * 3
    assert [row.attributes[SEED_INDEX] for row in rows] == [0, 0, 1, 1, 2, 2]
    assert {row.state for row in rows} == {"complete"}
    seeds = [config.seed for config in trainer.seen]
    assert seeds[0] == seeds[1] and len(set(seeds)) == 3
    assert {config.split_seed for config in trainer.seen} == {42}
    before = {json.loads(row.attributes["configuration"])["seed"] for row in rows_of(database, "a")}
    assert not before & set(seeds)
    for row, number in zip(rows[:2], best, strict=True):
        assert row.params == rows_of(database, "a")[number].params
    places, _ = read_leaderboard(database, "a-seeds")
    assert [len(place.results) for place in places] == [3, 3]


def test_a_second_rerun_has_a_name_of_its_own(settings: Settings, database: Database) -> None:
    searched(settings)
    names = [
        finish(rerun(settings, rerun_config(Studies(database), "a", 1, 2), ScriptedTrainer())).run_name
        for _ in range(2)
    ]  # fmt: skip
    assert names == ["a-seeds", "a-seeds-2"]


def test_a_rerun_that_was_stopped_makes_what_is_missing(settings: Settings, database: Database) -> None:
    searched(settings)
    endless = EndlessTrainer()
    run = rerun(settings, rerun_config(Studies(database), "a", 2, 2), endless)
    run.start()
    wait_for(lambda: endless.started)
    run.cancel()
    assert run.wait(20)
    Studies(database)
    config = resumed_config(database, "a-seeds", {"trials": 6}, 4)  # and one configuration more
    backend = Backend(lambda _trial: ScriptedTrainer(by_filters))
    finish(Runner(config, settings, MACHINE, {"local": lambda _order: backend}, resume=True))
    made = sorted(
        (row.attributes[ORIGIN], row.attributes[SEED_INDEX])
        for row in rows_of(database, "a-seeds") if row.state == "complete"
    )  # fmt: skip
    assert len(made) == 6 == len(set(made)) and len({name for name, _ in made}) == 3


def test_what_cannot_be_trained_again(settings: Settings, database: Database) -> None:
    searched(settings, trials=2)
    with pytest.raises(
        UsageError, match=r"trials must be at most 4, 2 for each of the 2 complete .* got 6; for example top=2"
    ):
        rerun_config(Studies(database), "a", 3, 2)
    optuna.create_study(study_name="plain", storage=database.optuna_storage())
    with pytest.raises(UsageError, match="'plain' was not made here"):
        rerun_config(Studies(database), "plain")
    with pytest.raises(UsageError, match=r"trials must be a multiple of seeds=5 .* got 7; for example trials=5"):
        OptimizationConfig(rerun_of="a", trials=7)
    with pytest.raises(UsageError, match="rerun_of must be a study"):
        rerun(settings, OptimizationConfig(rerun_of="gone", trials=5), ScriptedTrainer())


def test_the_command(settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    searched(settings)
    environment = {"ONEGIN_RESULTS_DIR": str(settings.results_dir), "ONEGIN_STORAGE_URL": settings.storage_url}
    backend = Backend(lambda _trial: ScriptedTrainer(by_filters))
    backends = {"local": lambda _order: backend}
    words = ["run_name=a", "top=2", "seeds=2", "workers=1"]
    assert show_leaderboard(words, True, environment, backends) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["run_name"] == "a-seeds" and said["judged_by"] == "validation accuracy"
    assert [len(place["results"]) for place in said["places"]] == [2, 2] and said["places"][0]["p_value"] is None
    assert said["places"][0]["mean"] >= said["places"][1]["mean"]
    assert show_leaderboard(["run_name=a-seeds"], False, environment, {}) == 0  # nothing is trained
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith(" 1  Trial ") and "over 2 seeds" in lines[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "run_name must be given"),
        (["run_name=a", "tops=3"], "did you mean top"),
        (["run_name=a", "top=0"], "top must be a whole number from 1 to 100, got '0'"),
        (["run_name=a", "seeds=1"], "seeds must be a whole number from 2 to 100, got '1'"),
        (["run_name=a", "workers=none of it"], "workers must be"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_used(settings: Settings, database: Database, words: list[str], said: str) -> None:
    searched(settings)
    environment = {"ONEGIN_RESULTS_DIR": str(settings.results_dir), "ONEGIN_STORAGE_URL": settings.storage_url}
    with pytest.raises(UsageError) as error:
        show_leaderboard(words, False, environment)
    assert said in str(error.value)


def test_an_extended_rerun_invents_nothing(settings: Settings, database: Database) -> None:
    searched(settings, trials=3)
    finish(rerun(settings, rerun_config(Studies(database), "a", 2, 2), ScriptedTrainer(by_filters)))
    config = resumed_config(database, "a-seeds", {"trials": 10}, 4)
    backends = {"local": lambda _order: Backend(lambda _trial: ScriptedTrainer(by_filters))}
    with pytest.raises(UsageError, match=r"trials must be at most 6, 2 for each of the 3 complete"):
        Runner(config, settings, MACHINE, backends, resume=True)
    finish(Runner(resumed_config(database, "a-seeds", {"trials": 6}, 4), settings, MACHINE, backends, resume=True))
    rows = rows_of(database, "a-seeds")
    assert len(rows) == 6 and all(ORIGIN in row.attributes for row in rows)
    with pytest.raises(UsageError, match="for example trials=8"):
        Runner(resumed_config(database, "a-seeds", {}, 4), settings, MACHINE, backends, resume=True)


def test_one_configuration_that_searches_nothing(settings: Settings, database: Database) -> None:
    fixed = OptimizationConfig(max_epochs_per_trial=2).one_trial()
    finish(runner(settings, ScriptedTrainer(by_filters), trials=1, space=dict(fixed.space)))
    trainer = ScriptedTrainer(by_filters)
    finish(rerun(settings, rerun_config(Studies(database), "a", 1, 3), trainer))
    assert len({config.seed for config in trainer.seen}) == 3
    places, _ = read_leaderboard(database, "a-seeds")
    assert [len(place.results) for place in places] == [3]


def failing_sometimes(config: TrialConfig) -> list[Record | Exception]:
    from hpo_core.errors import WorkerDiedError

    return [WorkerDiedError("killed")] if config.seed % 2 else list(by_filters(config))


def test_trainings_that_are_lost_count(settings: Settings, database: Database) -> None:
    searched(settings)
    trainer = ScriptedTrainer(failing_sometimes)
    finish(rerun(settings, rerun_config(Studies(database), "a", 2, 8), trainer))
    failed = sum(config.seed % 2 for config in trainer.seen) // 2
    places, _ = read_leaderboard(database, "a-seeds")
    assert 0 < failed < 7 and [place.lost for place in places] == [failed, failed]


def test_trainings_that_wait_for_their_turn_are_not_counted(settings: Settings, database: Database) -> None:
    searched(settings)
    run: list[Runner] = []

    def cancelling(config: TrialConfig) -> list[Record]:
        run[0].cancel()
        return records_of(config)

    run.append(rerun(settings, rerun_config(Studies(database), "a", 2, 8), ScriptedTrainer(cancelling)))
    finish(run[0])
    assert run_outcome(settings, "a-seeds").n_trials < 16 == Studies(database).summary("a-seeds").n_trials


@pytest.mark.parametrize(
    ("state", "outcome", "lost"),
    [
        (TrialState.PRUNED, "pruned", False), (TrialState.PRUNED, None, False), (TrialState.FAIL, "stopped", False),
        (TrialState.FAIL, "cancelled", False), (TrialState.FAIL, "crashed", True), (TrialState.FAIL, None, True),
        (TrialState.PRUNED, "diverged", True), (TrialState.PRUNED, "diagnosed", True),
        (TrialState.FAIL, "time limit", True),
    ],
)  # fmt: skip
def test_lost_is_what_failed_by_itself(state: TrialState, outcome: str | None, lost: bool) -> None:
    attributes = {"outcome": outcome} if outcome else {}
    assert is_lost(create_trial(state=state, value=None, user_attrs=attributes)) is lost


def test_many_workers_take_each_training_once(settings: Settings, database: Database) -> None:
    searched(settings)
    trainer = ScriptedTrainer(by_filters)
    finish(rerun(settings, rerun_config(Studies(database), "a", 4, 10, {"workers": 4}), trainer))
    assert len({(config.to_json()) for config in trainer.seen}) == 40 == len(trainer.seen)


@pytest.mark.parametrize("study", ["a", "Trial 3 of b", "the best of all"])
def test_a_name_tells_where_a_configuration_is_from(study: str) -> None:
    assert origin_of(origin_name(12, study)) == (12, study)
    assert origin_of(study if study != "Trial 3 of b" else "Trial 3") is None
