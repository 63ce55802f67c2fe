"""Tests of how a training becomes a trial's score, state and attributes."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hpo_core.backends import Backend
from hpo_core.errors import RunCancelled, TrialFailedError, WorkerDiedError
from hpo_core.health.metrics import METRICS
from hpo_core.health.score import health_score
from hpo_core.history import TrialHistory
from hpo_core.logs import LOGGER, RunLog
from hpo_core.notice_kinds import KIND
from hpo_core.objective import Objective, RunContext
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import Architecture, defaults
from hpo_core.progress import ProgressBoard
from hpo_core.records import Artefact, Failed, Finished, Phase, Record, Started, Tick, Trainer
from hpo_core.seeds import trial_seed
from hpo_core.trial_config import TrialConfig
from hpo_core.trial_files import TrialFiles
from storage.artifacts import Artifacts
from storage.database import Database
from storage.errors import StorageUnavailableError
from storage.progress import ProgressTable
from tests.contracts.trainer import TrainerContract
from tests.hpo_core.health.trainings import epochs_of, layer
from tests.stubs import ScriptedTrainer, epoch, records_of

Script = Callable[[TrialConfig], Sequence[Record | Exception]]


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestScriptedTrainer(TrainerContract):
    @pytest.fixture
    def trainer(self) -> Trainer:
        return ScriptedTrainer()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, database: Database, clock: Clock) -> RunContext:
    return RunContext(
        config=OptimizationConfig(max_epochs_per_trial=3, max_training_time_minutes=1, pruner="none"),
        threads=2,
        folder=tmp_path / "run",
        board=ProgressBoard(ProgressTable(database, "run")),
        log=RunLog("run"),
        files=TrialFiles(Artifacts(database, tmp_path / "artifacts"), tmp_path / "run", RunLog("run")),
        cancelled=threading.Event(),
        clock=clock,
    )


def run_trial(
    context: RunContext, script: Script = records_of, pruner: optuna.pruners.BasePruner | None = None
) -> tuple[optuna.trial.FrozenTrial, ScriptedTrainer]:
    """One trial in a study of its own."""
    trainer = ScriptedTrainer(script)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1), pruner=pruner or optuna.pruners.NopPruner()
    )
    study.optimize(
        Objective(context, Backend(lambda _trial: trainer)), n_trials=1, catch=(TrialFailedError, RunCancelled)
    )
    return study.trials[0], trainer


def test_a_whole_training_is_complete_with_the_last_epochs_score(context: RunContext) -> None:
    trial, trainer = run_trial(context)
    assert trial.state.name == "COMPLETE" and trial.value == pytest.approx(0.9)
    assert list(trial.intermediate_values) == [1, 2, 3]
    attributes = trial.user_attrs
    assert attributes["outcome"] == "complete" and attributes["reason"] == ""
    assert attributes["accuracy"] == pytest.approx(0.9) and attributes["epochs_trained"] == 3
    assert TrialConfig.from_json(attributes["configuration"]) == trainer.seen[0]
    assert trainer.closed == 1


def test_parameters_of_the_study_and_of_the_configuration_are_the_same(context: RunContext) -> None:
    trial, trainer = run_trial(context)
    config = trainer.seen[0]
    assert config.number("epochs") == 3 and config.threads == 2 and config.seed == trial_seed(42, 0)
    assert config.split_seed == 42
    for name, value in trial.params.items():
        expected = float(f"{value:.6g}") if isinstance(value, float) else value
        assert config[name] == expected


@pytest.mark.parametrize(
    ("objective", "expected"),
    [("validation_accuracy", 0.9), ("macro_f1", 0.89), ("top5_accuracy", 0.95), ("validation_loss", 0.5)],
)
def test_the_score_is_the_chosen_objective(context: RunContext, objective: str, expected: float) -> None:
    context.config = OptimizationConfig(objective=objective, max_epochs_per_trial=3)
    assert run_trial(context)[0].value == pytest.approx(expected)


class PruneAt(optuna.pruners.BasePruner):
    def __init__(self, step: int) -> None:
        self.step = step

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.last_step == self.step


def test_a_pruned_trial_stops_training(context: RunContext) -> None:
    trial, trainer = run_trial(context, pruner=PruneAt(2))
    assert trial.state.name == "PRUNED" and trial.user_attrs["outcome"] == "pruned"
    assert trial.user_attrs["reason"].endswith(f"as the {context.config.pruner} pruner judges")
    assert trial.user_attrs["epochs_trained"] == 2 and trainer.closed == 1


def test_a_trial_that_is_done_is_not_pruned(context: RunContext) -> None:
    assert run_trial(context, pruner=PruneAt(3))[0].state.name == "COMPLETE"


def test_a_model_that_is_too_large_is_refused_before_training(context: RunContext) -> None:
    context.config = OptimizationConfig(max_parameters=100, max_epochs_per_trial=3)
    trial, trainer = run_trial(context)
    assert trial.state.name == "PRUNED" and trial.user_attrs["outcome"] == "too large"
    assert trainer.seen == []
    (constraint,) = [value for key, value in trial.system_attrs.items() if "parameters" in key]
    assert constraint > 0


def test_a_model_that_fits_is_told_to_the_sampler_too(context: RunContext) -> None:
    trial, _ = run_trial(context)
    (constraint,) = [value for key, value in trial.system_attrs.items() if "parameters" in key]
    assert constraint == trial.user_attrs["parameters"] - context.config.max_parameters < 0


STARTED = Started(layers=[], parameters=1, n_train=1, n_validation=1, process=1)


@pytest.mark.parametrize(
    ("script", "state", "outcome", "reason"),
    [
        ([Failed(error_type="ResourceExhaustedError", message="OOM", traceback="")], "FAIL", "crashed", "OOM"),
        ([STARTED, WorkerDiedError("ended by SIGKILL")], "FAIL", "crashed", "SIGKILL"),
        ([STARTED], "FAIL", "crashed", "without a result"),
        ([Finished(epochs=0, duration_s=0.0)], "FAIL", "crashed", "without a result"),
        ([STARTED, epoch(1, 3, loss=None)], "PRUNED", "diverged", "no number after epoch 1"),
    ],
    ids=["failed", "died", "silent", "nothing", "diverged"],
)
def test_ends_without_a_score(
    context: RunContext, script: list[Record | Exception], state: str, outcome: str, reason: str
) -> None:
    trial, trainer = run_trial(context, lambda _: script)
    assert (trial.state.name, trial.user_attrs["outcome"]) == (state, outcome)
    assert reason in trial.user_attrs["reason"] and trainer.closed == 1


def ticking(action: Callable[[], None]) -> Script:
    """Ticks, and after the first one something happens outside."""

    def script(_: TrialConfig) -> list[Record]:
        action()
        return [Tick(), Tick()]

    return script


def test_cancelling_is_seen_on_a_tick(context: RunContext) -> None:
    trial, trainer = run_trial(context, ticking(context.cancelled.set))
    assert (trial.state.name, trial.user_attrs["outcome"]) == ("FAIL", "cancelled")
    assert trainer.closed == 1


def test_a_trial_past_its_time_limit_fails(context: RunContext, clock: Clock) -> None:
    trial, _ = run_trial(context, ticking(lambda: setattr(clock, "now", 61.0)))
    assert (trial.state.name, trial.user_attrs["outcome"]) == ("FAIL", "time limit")
    assert "trial's time limit of 1 min" in trial.user_attrs["reason"]


def test_a_trial_past_the_runs_time_limit_fails(context: RunContext, clock: Clock) -> None:
    context.config = OptimizationConfig(timeout_minutes=0.5, max_epochs_per_trial=3)
    context.deadline = 30.0
    trial, _ = run_trial(context, ticking(lambda: setattr(clock, "now", 31.0)))
    assert "run's time limit of 0.5 min" in trial.user_attrs["reason"]


def test_the_records_are_kept_and_ticks_are_not(context: RunContext) -> None:
    run_trial(context, lambda config: [Tick(), Phase(name="loading data"), *records_of(config)])
    lines = (context.folder / "trial_0" / "records.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == [
        "phase", "started", "batch", "epoch", "epoch", "epoch", "finished",
    ]  # fmt: skip


def test_a_running_trial_is_on_the_board_until_it_ends(context: RunContext, database: Database) -> None:
    table, seen = ProgressTable(database, "run"), []

    def script(config: TrialConfig) -> list[Record]:
        context.board.flush()
        seen.extend(table.read())
        return records_of(config)

    run_trial(context, script)
    context.board.flush()
    assert [(item.trial, item.epochs) for item in seen] == [(0, 3)] and table.read() == []


def sick_records(config: TrialConfig) -> list[Record]:
    """A training of the digits whose first layer is dead and whose answers are guesses."""
    layers = [layer(dead=10), layer("output", dead=None, saturated=None)]
    start = replace(STARTED, n_validation=200, label_counts=[20] * 10, input_size=64)
    return [start, *epochs_of([2.4] * 3, [0.1] * 3, layers=layers), Finished(epochs=3, duration_s=0.1)]


def healthy_records(config: TrialConfig) -> list[Record]:
    start = replace(STARTED, n_validation=200, label_counts=[20] * 10, input_size=64, parameters=500)
    layers = [layer(), layer("output", dead=None, saturated=None)]
    return [start, *epochs_of([1.0, 0.6, 0.4], [0.7, 0.8, 0.9], layers=layers), Finished(epochs=3, duration_s=0.1)]


def test_health_is_measured_in_every_mode_and_weighs_only_in_mode_health(context: RunContext) -> None:
    trial, _ = run_trial(context, healthy_records)
    assert trial.value == pytest.approx(0.9)
    metrics = {name: trial.user_attrs[name] for name in METRICS}
    assert trial.user_attrs["health"] == pytest.approx(health_score(metrics))
    assert trial.user_attrs["diagnoses"] == ""
    context.config = OptimizationConfig(mode="health", health_weight=0.4, max_epochs_per_trial=3)
    weighed, _ = run_trial(context, healthy_records)
    health = weighed.user_attrs["health"]
    assert weighed.value == pytest.approx(0.6 * 0.9 + 0.4 * health)
    assert weighed.intermediate_values[3] == pytest.approx(weighed.value)  # what the pruner sees is the score
    assert weighed.intermediate_values[1] < weighed.value


def test_health_that_is_unknown_counts_as_none_at_all(context: RunContext) -> None:
    context.config = OptimizationConfig(mode="health", health_weight=0.5, max_epochs_per_trial=3)
    bare = [STARTED, *[replace(one, loss_curve=[]) for one in epochs_of([1.0, 0.6, 0.4])]]
    trial, _ = run_trial(context, lambda _: [*bare, Finished(epochs=3, duration_s=0.1)])
    assert "neuron_utilisation" not in trial.user_attrs and "gradient_health" not in trial.user_attrs
    assert trial.value == pytest.approx(0.45 + 0.5 * trial.user_attrs["health"])


def test_a_fatal_diagnosis_ends_a_trial_only_where_it_shall(context: RunContext) -> None:
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage()) if hasattr(record, KIND) else None  # type: ignore[method-assign]
    logging.getLogger(LOGGER).addHandler(handler)
    trial, _ = run_trial(context, sick_records)
    logging.getLogger(LOGGER).removeHandler(handler)
    assert [text.split(":")[1].split()[0] for text in told] == ["DEAD_UNITS", "NOT_LEARNING"]  # each once
    assert trial.state.name == "COMPLETE" and "DEAD_UNITS" in trial.user_attrs["diagnoses"]
    context.config = OptimizationConfig(health_pruning=True, max_epochs_per_trial=3)
    trial, trainer = run_trial(context, sick_records)
    assert (trial.state.name, trial.user_attrs["outcome"]) == ("PRUNED", "diagnosed")
    assert trial.user_attrs["reason"].startswith("DEAD_UNITS in conv_1: 10 of 10 units")
    assert "learning_rate" in trial.user_attrs["reason"] and trial.user_attrs["epochs_trained"] == 2
    assert trainer.closed == 1


def test_the_history_is_kept_as_an_artefact_also_of_a_trial_that_ended_early(context: RunContext) -> None:
    for pruner, epochs in ((None, 3), (PruneAt(2), 2)):
        trial, _ = run_trial(context, healthy_records, pruner)
        (meta,) = [json.loads(value) for key, value in trial.system_attrs.items() if key.startswith("artifacts:")]
        assert meta["filename"] == "history.json"
        text = (context.folder.parent / "artifacts" / meta["artifact_id"]).read_text()
        assert len(TrialHistory.from_json(text).epochs) == epochs


def test_pictures_are_kept_and_exported_and_their_absence_is_no_failure(context: RunContext, tmp_path: Path) -> None:
    picture = tmp_path / "made" / "confusion_matrix.png"
    picture.parent.mkdir()
    picture.write_bytes(b"picture")

    def script(config: TrialConfig) -> list[Record]:
        made = [
            Artefact(name=picture.name, path=str(picture)),
            Artefact(name="gradient_flow.png", path=None, note="gradient_flow.png could not be drawn."),
        ]
        return [*healthy_records(config)[:-1], *made, Finished(epochs=3, duration_s=0.1)]

    trial, _ = run_trial(context, script)
    assert trial.state.name == "COMPLETE"
    assert (context.folder / "plots" / "trial_0" / picture.name).read_bytes() == b"picture"
    names = [json.loads(v)["filename"] for k, v in trial.system_attrs.items() if k.startswith("artifacts:")]
    assert sorted(names) == ["confusion_matrix.png", "history.json"]


def test_a_full_disk_costs_the_pictures_and_not_the_score(context: RunContext, tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file where a folder should be")
    trial, _ = run_trial(context, healthy_records)
    assert trial.state.name == "COMPLETE" and trial.value == pytest.approx(0.9)


def test_a_journal_that_cannot_be_written_costs_nothing_but_itself(context: RunContext) -> None:
    (context.folder / "trial_0" / "records.jsonl").mkdir(parents=True)
    trial, _ = run_trial(context, healthy_records)
    assert trial.state.name == "COMPLETE" and trial.value == pytest.approx(0.9)
    if Path("/dev/full").exists():  # a disk that is full from the first byte on
        (context.folder / "trial_0" / "records.jsonl").rmdir()
        (context.folder / "trial_0" / "records.jsonl").symlink_to("/dev/full")
        trial, _ = run_trial(context, healthy_records)
        assert trial.state.name == "COMPLETE" and trial.value == pytest.approx(0.9)


@pytest.mark.parametrize("how", ["time limit", "died", "cancelled"])
def test_what_ends_the_drawing_does_not_cost_the_score(context: RunContext, clock: Clock, how: str) -> None:
    def script(config: TrialConfig) -> Iterator[Record]:
        yield from healthy_records(config)[:-1]
        if how == "time limit":
            clock.now = 61.0
        elif how == "cancelled":
            context.cancelled.set()
        else:
            raise WorkerDiedError("ended by SIGKILL")
        yield Phase(name="making plots 1 of 7")

    trial, trainer = run_trial(context, script)  # type: ignore[arg-type]
    assert (trial.state.name, trial.value) == ("COMPLETE", pytest.approx(0.9)) and trainer.closed == 1


def test_a_metric_that_is_lost_does_not_keep_its_old_value(context: RunContext) -> None:
    good, bad = epochs_of([1.0, 1.0])
    script = [STARTED, good, replace(bad, fold_accuracies=[]), Finished(epochs=2, duration_s=0.1)]
    trial, _ = run_trial(context, lambda _: script)
    assert "accuracy_consistency" not in trial.user_attrs and "training_stability" in trial.user_attrs


def test_progress_that_could_not_be_written_is_written_later(context: RunContext, database: Database) -> None:
    class Stubborn(ProgressTable):
        refuse = False

        def write(self, *rows: object) -> None:
            if self.refuse:
                raise StorageUnavailableError("database is locked")
            super().write(*rows)  # type: ignore[arg-type]

    table = Stubborn(database, "run")
    board = ProgressBoard(table)
    board.begin(0, "a", 3)
    board.begin(1, "b", 3)
    board.flush()
    table.refuse = True
    board.end(0)
    board.see(1, Phase(name="loading data"))
    with pytest.raises(StorageUnavailableError):
        board.flush()
    table.refuse = False
    board.flush()
    assert [(item.trial, item.phase) for item in table.read()] == [(1, "loading data")]


def test_each_configuration_says_what_it_is_judged_by_and_when_to_draw(context: RunContext) -> None:
    context.config = OptimizationConfig(mode="health", max_epochs_per_trial=100, plots="best", space={"epochs": 100})
    first = context.trial_config(0, defaults(Architecture.CNN) | {"epochs": 100})
    assert (first.objective, first.health_weight, first.health_interval) == ("validation_accuracy", 0.3, 5)
    assert (first.plots, first.draw_above, first.part) == ("best", None, "trial")
    context.best.see(0.987654321, minimises=False)
    context.best.see(0.5, minimises=False)
    assert context.trial_config(1, defaults(Architecture.CNN)).draw_above == 0.987654
    context.config = replace(context.config, health_interval=0, mode="simple")
    assert context.trial_config(1, defaults(Architecture.CNN)).health_interval == 0


def test_what_is_known_of_a_running_trial_is_in_the_database(context: RunContext, database: Database) -> None:
    table, seen = ProgressTable(database, "run"), []

    def script(config: TrialConfig) -> Iterator[Record]:
        for record in healthy_records(config):
            yield record
            context.board.flush()
            seen.append(table.live(0))

    run_trial(context, script)  # type: ignore[arg-type]
    context.board.flush()
    assert seen[0] is None and table.live(0) is None
    told = TrialHistory.from_json(str(seen[3]))
    assert len(told.epochs) == 3 and told.started is not None
    assert told.epochs[0].layers is not None and told.epochs[0].layers[0].activity == []
    assert told.epochs[2].layers is not None and told.epochs[2].layers[0].activity
