"""Tests of runs that are carried on or extended; what trains is scripted, everything else is real."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import optuna
import pytest
from sqlalchemy import update

from hpo_core.backends import Backend
from hpo_core.commands.optimize import resume as resume_command
from hpo_core.errors import RunError, UsageError
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.outcome import run_outcome
from hpo_core.parameters import Architecture, defaults
from hpo_core.records import Artefact, Record
from hpo_core.run_study import resumed_config
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from hpo_core.trial_config import FINAL, TrialConfig
from storage.artifacts import Artifacts
from storage.database import Database
from storage.errors import NameTakenError, UnknownRunError
from storage.runs import DEAD_AFTER_S, Runs, RunState
from storage.studies import Studies
from storage.tables import runs as runs_table
from tests.hpo_core.test_final_model import STARTED, TESTED, exported, final_run
from tests.hpo_core.test_runner import MACHINE, PATIENCE_S, finish, runner, wait_for
from tests.stubs import EndlessTrainer, ScriptedTrainer, records_of


def carried_on(settings: Settings, database: Database, trainer: ScriptedTrainer, **changes: object) -> Runner:
    config = resumed_config(database, "a", changes, MACHINE.cores)
    return finish(
        Runner(config, settings, MACHINE, {"local": lambda _order: Backend(lambda _trial: trainer)}, resume=True)
    )


def silent_for(database: Database, seconds: float) -> None:
    """All runs have said nothing for so long."""
    with database.write() as connection:
        connection.execute(update(runs_table).values(heartbeat_at=time.time() - seconds))


def cancelled_after(settings: Settings, count: int, **fields: object) -> ScriptedTrainer:
    """A run that was cancelled while its trial number `count` was trained."""
    run: list[Runner] = []

    def script(config: TrialConfig) -> list[Record]:
        if len(trainer.seen) > count:
            run[0].cancel()
        return records_of(config)

    trainer = ScriptedTrainer(script)
    run.append(runner(settings, trainer, **{"trials": 6, "sampler": "random", **fields}))
    finish(run[0])
    return trainer


def test_a_cancelled_run_makes_the_rest_of_its_trials(settings: Settings, database: Database) -> None:
    cancelled_after(settings, 2)
    before = run_outcome(settings, "a")
    assert (before.state, before.n_complete, before.n_failed) == (RunState.CANCELLED, 2, 1)
    trainer = ScriptedTrainer()
    carried_on(settings, database, trainer)
    after = run_outcome(settings, "a")
    assert (after.state, after.n_complete, after.n_failed, after.message) == (RunState.FINISHED, 6, 1, "")
    assert len(trainer.seen) == 4 and Runs(database).get("a").trials == 7
    assert after.duration_s >= before.duration_s
    rows = Studies(database).trials("a")
    assert [row.number for row in rows] == list(range(7))
    assert len({str(row.params) for row in rows}) == 7, "it must not suggest the same again"
    assert (settings.results_dir / "a" / "trials.csv").read_text().count("\n") == 8


def test_what_the_trials_after_it_are_does_not_depend_on_when_it_is_resumed(
    settings: Settings, database: Database
) -> None:
    """The same past, the same future: seeds follow from the run's seed and the number of trials."""
    seen = []
    for name in ("one", "two"):
        finish(runner(settings, ScriptedTrainer(), run_name=name, sampler="random", trials=3))
        config = resumed_config(database, name, {"trials": 5}, MACHINE.cores)
        trainer = ScriptedTrainer()
        backends = {"local": lambda _order, used=trainer: Backend(lambda _trial: used)}
        finish(Runner(config, settings, MACHINE, backends, resume=True))
        seen.append(trainer.seen)
    assert seen[0] == seen[1] and len(seen[0]) == 2


def test_a_finished_run_is_extended(settings: Settings, database: Database) -> None:
    finish(runner(settings, ScriptedTrainer()))
    carried_on(settings, database, ScriptedTrainer(), trials=7)
    outcome = run_outcome(settings, "a")
    assert (outcome.state, outcome.n_complete, outcome.n_trials) == (RunState.FINISHED, 7, 7)
    recorded = Studies(database).attributes("a")["configuration"]
    assert recorded["trials"] == 7, "resumed once more it must not fall back"


@pytest.mark.parametrize("trials", [None, 4, 2])
def test_a_finished_run_without_more_to_do_says_how_to_extend_it(
    settings: Settings, database: Database, trials: int | None
) -> None:
    finish(runner(settings, ScriptedTrainer()))
    with pytest.raises(UsageError, match=r"trials.*more than the 4.*trials=14"):
        carried_on(settings, database, ScriptedTrainer(), **({"trials": trials} if trials else {}))
    assert Runs(database).get("a").state is RunState.FINISHED


def test_a_run_whose_process_was_killed(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its trial stays running in the study until somebody carries the run on."""
    finish(runner(settings, ScriptedTrainer()))
    storage = database.optuna_storage()
    storage.create_new_trial(storage.get_study_id_from_name("a"))
    dead = "elsewhere:1"
    assert Runs(database).take_over("a", owner=dead, trials=6).owner == dead
    Runs(database).begin("a")
    with pytest.raises(NameTakenError, match=r"busy.*running"):
        carried_on(settings, database, ScriptedTrainer(), trials=6)
    silent_for(database, DEAD_AFTER_S + 1)
    assert Runs(database).get("a").state is RunState.INTERRUPTED
    carried_on(settings, database, ScriptedTrainer(), trials=6)
    rows = Studies(database).trials("a")
    assert [row.state for row in rows] == ["complete"] * 4 + ["fail"] + ["complete"] * 2
    assert rows[4].attributes["outcome"] == "interrupted"
    assert rows[4].attributes["reason"] == "the process that ran it has gone"


def test_a_trial_whose_process_was_killed_keeps_what_it_had_learnt(settings: Settings, database: Database) -> None:
    """What a trial that was stopped keeps, and not the hours until somebody carried its run on."""
    finish(runner(settings, ScriptedTrainer()))
    storage = database.optuna_storage()
    study = optuna.load_study(study_name="a", storage=storage)
    whole = study.trials[0]
    trial = storage.create_new_trial(study._study_id)
    for name, value in whole.params.items():
        distribution = whole.distributions[name]
        storage.set_trial_param(trial, name, distribution.to_internal_repr(value), distribution)
    began = storage.get_trial(trial).datetime_start
    assert began is not None
    journal = settings.results_dir / "a" / "trial_4" / "records.jsonl"
    journal.parent.mkdir()
    lines = (settings.results_dir / "a" / "trial_0" / "records.jsonl").read_text().splitlines()
    last = max(place for place, line in enumerate(lines) if '"kind": "epoch"' in line)
    journal.write_text("\n".join([*lines[: last + 1], '{"kind": "epo']))
    os.utime(journal, (began.timestamp() + 60,) * 2)
    Runs(database).take_over("a", owner="elsewhere:1", trials=6)
    silent_for(database, DEAD_AFTER_S + 1)

    def refuse() -> None:
        raise RunError("nothing can be trained")

    config = resumed_config(database, "a", {"trials": 5}, MACHINE.cores)
    backend = Backend(lambda _trial: ScriptedTrainer(), warm_up=refuse)
    finish(Runner(config, settings, MACHINE, {"local": lambda _order: backend}, resume=True))
    assert Runs(database).get("a").state is RunState.FAILED, "it is settled also where nothing can be trained"
    first, killed = (Studies(database).trials("a")[number] for number in (0, 4))
    assert (killed.state, killed.attributes["outcome"]) == ("fail", "interrupted")
    for name in ("architecture", "parameters", "accuracy", "epochs_trained", "diagnoses"):
        assert killed.attributes[name] == first.attributes[name]
    assert TrialConfig.from_json(killed.attributes["configuration"]).hyperparameters == (
        TrialConfig.from_json(first.attributes["configuration"]).hyperparameters
    )
    assert killed.duration_s == pytest.approx(60, abs=0.01) and killed.attributes["duration_s"] == 60
    assert "history.json" in Artifacts(database, settings.artifacts_dir).of_trial("a", 4)


def test_a_runner_that_slept_gives_way_to_the_one_that_took_over(settings: Settings, database: Database) -> None:
    trainer = EndlessTrainer()
    sleeper = runner(settings, trainer)
    sleeper.start()
    wait_for(lambda: trainer.started == 1)
    silent_for(database, DEAD_AFTER_S + 1)
    Runs(database).take_over("a", owner="elsewhere:1", trials=4)
    assert sleeper.wait(PATIENCE_S)
    run = Runs(database).get("a")
    assert (run.state, run.owner) == (RunState.WAITING, "elsewhere:1"), "the end of the sleeper is not the run's"


def test_one_of_many_takes_over(database: Database) -> None:
    runs = Runs(database)
    runs.create("a", owner="x", trials=1)
    runs.end("a", RunState.CANCELLED)
    won: list[str] = []

    def attempt(owner: str) -> None:
        with contextlib.suppress(NameTakenError):
            won.append(runs.take_over("a", owner=owner, trials=1).owner)

    threads = [threading.Thread(target=attempt, args=(f"host:{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and runs.get("a").owner == won[0]


def test_changed_data_end_it_before_a_trial(settings: Settings, database: Database) -> None:
    cancelled_after(settings, 1)
    study = optuna.load_study(study_name="a", storage=database.optuna_storage())
    study.set_user_attr("dataset fingerprint", "of other data")
    trainer = ScriptedTrainer()
    carried_on(settings, database, trainer)
    outcome = run_outcome(settings, "a")
    assert outcome.state is RunState.FAILED and "the data have changed" in outcome.message and trainer.seen == []


def test_the_best_so_far_is_known_so_that_not_every_trial_is_drawn(settings: Settings, database: Database) -> None:
    finish(runner(settings, ScriptedTrainer()))
    trainer = ScriptedTrainer()
    carried_on(settings, database, trainer, trials=5)
    assert trainer.seen[0].draw_above == pytest.approx(0.9)


@pytest.mark.parametrize(("accuracy", "trainings"), [(0.85, 1), (0.95, 2)], ids=["stays", "is made anew"])
def test_the_final_model_is_made_anew_where_another_trial_is_the_best(
    settings: Settings, database: Database, tmp_path: Path, accuracy: float, trainings: int
) -> None:
    def script(config: TrialConfig, later: bool) -> list[Record]:
        if config.part == FINAL:
            return [STARTED, exported(tmp_path), TESTED]
        return records_of(config, accuracy if later else 0.9)

    first = ScriptedTrainer(lambda config: script(config, False))
    finish(runner(settings, first, final_model=True))
    second = ScriptedTrainer(lambda config: script(config, True))
    carried_on(settings, database, second, trials=5)
    assert len([config for config in first.seen + second.seen if config.part == FINAL]) == trainings
    assert run_outcome(settings, "a").test_accuracy == pytest.approx(0.95)


def test_a_model_whose_file_is_gone_is_made_again(settings: Settings, database: Database, tmp_path: Path) -> None:
    final_run(settings, [STARTED, Artefact(name="model.keras", path="/no/such/file"), TESTED])
    again = ScriptedTrainer(lambda _: [STARTED, exported(tmp_path), TESTED])
    carried_on(settings, database, again)
    assert [config.part for config in again.seen] == [FINAL]
    assert (settings.results_dir / "a" / "optimized_model" / "model.keras").is_file()


def test_a_final_model_of_an_earlier_best_trial_is_said_to_be_none(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    def script(config: TrialConfig, accuracy: float, end: list[Record]) -> list[Record]:
        return end if config.part == FINAL else records_of(config, accuracy)

    made = [STARTED, exported(tmp_path), TESTED]
    finish(runner(settings, ScriptedTrainer(lambda config: script(config, 0.8, made)), final_model=True))
    carried_on(settings, database, ScriptedTrainer(lambda config: script(config, 0.9, [STARTED])), trials=5)
    outcome = run_outcome(settings, "a")
    assert outcome.test_accuracy is None and "the final model could not be made" in outcome.message
    carried_on(settings, database, ScriptedTrainer(lambda config: script(config, 0.9, made)))
    assert run_outcome(settings, "a").test_accuracy == pytest.approx(0.95)


def test_a_run_that_failed_before_its_first_trial_goes_on(settings: Settings, database: Database) -> None:
    """The folder and the study are there, but no trial: a wrong key, for example."""

    def refused() -> None:
        raise RunError("the key is refused")

    config = OptimizationConfig(trials=3, max_epochs_per_trial=2, workers=1, run_name="a", final_model=False)
    backend = Backend(lambda _trial: ScriptedTrainer(), warm_up=refused)
    finish(Runner(config, settings, MACHINE, {"local": lambda _order: backend}))
    assert Runs(database).get("a").message == "the key is refused"
    carried_on(settings, database, ScriptedTrainer())
    assert (run_outcome(settings, "a").state, run_outcome(settings, "a").n_complete) == (RunState.FINISHED, 3)


EIGHT_POINTS: dict[str, object] = {
    **{name: value for name, value in defaults(Architecture.CNN).items() if name != "epochs"},
    "filters": [8, 16, 24, 32],
    "activation": ["relu", "elu"],
}


@pytest.mark.parametrize("finished", [0, 3, 6, 7])
def test_each_point_of_a_grid_is_tried_once_wherever_the_run_was_cancelled(
    settings: Settings, database: Database, finished: int
) -> None:
    cancelled_after(settings, finished, trials=20, sampler="grid", space=EIGHT_POINTS)
    carried_on(settings, database, ScriptedTrainer())
    rows = Studies(database).trials("a")
    complete = [(row.params["filters"], row.params["activation"]) for row in rows if row.state == "complete"]
    assert len(rows) == 9 and len(complete) == 8 == len(set(complete))
    outcome = run_outcome(settings, "a")
    assert outcome.message == "the search space is exhausted: all 8 points were tried"
    carried_on(settings, database, ScriptedTrainer(), trials=30)
    assert run_outcome(settings, "a").n_trials == 9


def test_workers_fit_the_machine_that_carries_on(settings: Settings, database: Database) -> None:
    finish(runner(settings, ScriptedTrainer(), workers=4))
    assert resumed_config(database, "a", {}, cores=2).workers == 2
    assert resumed_config(database, "a", {"workers": 3}, cores=2).workers == 3, "said by the user, and refused later"


def test_names_that_cannot_be_resumed(settings: Settings, database: Database) -> None:
    optuna.create_study(study_name="plain", storage=database.optuna_storage())
    for name in ("nobody", "plain"):
        with pytest.raises(UsageError, match="cannot be resumed"):
            resumed_config(database, name, {}, MACHINE.cores)
    with pytest.raises(UnknownRunError):
        Runs(database).take_over("nobody", owner="x", trials=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "run_name must be given"),
        (["run_name=a", "trails=9"], "did you mean trials"),
        (["run_name=a", "dataset=mnist"], "dataset cannot be changed"),
        (["run_name=a", "trials=0"], "trials must be"),
        (["run_name=a", "max_cost=0"], "max_cost must be"),
        (["run_name=b"], "cannot be resumed"),
    ],
)
def test_bad_words(settings: Settings, words: list[str], said: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    finish(runner(settings, ScriptedTrainer()))
    environ = {"ONEGIN_RESULTS_DIR": str(settings.results_dir), "ONEGIN_STORAGE_URL": settings.storage_url}
    with pytest.raises(UsageError, match=said):
        resume_command(words, False, environ)
