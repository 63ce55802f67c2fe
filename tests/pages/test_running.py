"""Monitor with more trials than cards, and with a study that is deleted under its eyes."""

from __future__ import annotations

import dataclasses
import socket
import time
import warnings

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from streamlit.testing.v1 import AppTest

from hpo_core.final_model import FOLDER
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.progress import after_record
from hpo_core.records import FINAL_PHASE, Batch
from hpo_core.results import CARD_DATA_FILE
from pages.parts import figures_of_run, formats, live, networks, shared
from pages.parts.running import SHOWN_TRIALS
from storage.database import Database
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs, RunState
from storage.studies import TrialRow
from tests.pages import conftest, examined
from tests.pages.test_pages import TIMEOUT_S, open_page, words

DELETED = "What this page showed was deleted while it was open."
FINAL_MODEL = "Its final model: try it, download it"


def test_each_of_many_trials_is_shown_and_can_be_stopped(database: Database) -> None:
    conftest.make_running(database)
    many = [
        TrialProgress(trial=number, phase="training", epoch=2, epochs=4, share=0.5, started_at=0.0,
                      updated_at=time.time(), summary=f"Conv {number}")
        for number in range(2, 2 + SHOWN_TRIALS + 3)
    ]  # fmt: skip
    ProgressTable(database, "digits-now").write(many, [])
    app = open_page("pages/monitor.py", study="digits-now")
    last = many[-1].trial
    assert f"<b>Trial {last}</b><span>epoch 2 of 4</span>" in words(app) and f"Conv {last}" in words(app)
    assert app.button(key=f"stop_{last}").label == f"Stop Trial {last}"
    app.button(key=f"stop_{last}").click().run()
    assert Runs(database).stops("digits-now") == {last}
    assert len([button for button in app.button if str(button.key).startswith("stop_")]) == len(many)


def test_a_trial_that_ended_under_the_press_is_said_to_have_ended(database: Database) -> None:
    conftest.make_running(database)
    app = open_page("pages/monitor.py", study="digits-now")
    ProgressTable(database, "digits-now").write([], [2])
    app.button(key="stop_2").click().run()
    assert [toast.value for toast in app.toast] == ["Trial 2 had ended by itself before it was stopped."]
    assert Runs(database).stops("digits-now") == frozenset()


def test_a_study_that_is_deleted_is_told_by_the_part_that_draws_itself(database: Database) -> None:
    code = "from pages.parts import live\nlive.draw(live.View(study='gone', active=None))"
    app = AppTest.from_string(code, default_timeout=TIMEOUT_S).run()
    assert not app.exception and DELETED in app.warning[0].value and not app.metric


def test_analysis_survives_a_study_that_is_deleted(database: Database) -> None:
    code = "from pages.parts.analysis import view\nview._watch('gone', ())"
    app = AppTest.from_string(code, default_timeout=TIMEOUT_S).run()
    assert not app.exception and DELETED in app.warning[0].value


def test_a_running_trial_shows_its_layers_in_the_gallery(database: Database) -> None:
    study = conftest.make_run(database, "digits-next", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Optuna's heartbeat belongs to study.optimize
        OptimizationConfig(trials=2).search_space().suggest(study.ask())
    assert "Layers: convolution" in words(open_page("pages/trials.py", study="digits-next"))


def test_the_tile_shows_the_most_accurate_trial_whichever_has_the_best_score(database: Database) -> None:
    study = conftest.make_run(database, "healthy", 3, mode="health")
    for accuracy, score in ((0.99, 0.5), (0.9, 0.8)):
        study.add_trial(
            create_trial(value=score, user_attrs={"accuracy": accuracy, "health": 0.7})
        )  # fmt: skip
    app = open_page("pages/monitor.py", study="healthy")
    tiles = {tile.label: tile for tile in app.metric}
    assert tiles["Best accuracy"].value == "99.00 %" and "Of Trial 0" in tiles["Best accuracy"].help
    assert tiles["Best score, with health"].value == "0.800" and "Of Trial 1" in tiles["Best score, with health"].help


def test_a_plain_study_may_call_anything_its_accuracy(database: Database) -> None:
    study = optuna.create_study(study_name="plain", storage=database.optuna_storage())
    study.add_trial(create_trial(value=1.0, user_attrs={"accuracy": "<i>good</i>", "health": ["none"]}))
    app = open_page("pages/monitor.py", study="plain")
    assert not app.exception and {tile.label: tile.value for tile in app.metric}["Best accuracy"] == "–"


def test_the_run_that_trains_is_named_where_another_one_waits(database: Database) -> None:
    conftest.make_running(database)
    Runs(database).create("later", owner=f"{socket.gethostname()}:1", trials=1)
    busy = shared.busy_here()
    assert busy is not None and busy.run_name == "digits-now"


def test_the_time_left_ends_with_the_time_limit(database: Database) -> None:
    study = conftest.make_run(database, "digits-next", 1000, timeout_minutes=1)
    conftest.add_trial(study, 0.9)
    study.set_user_attr("x", 1)
    figures = figures_of_run.read("digits-next")
    figures = dataclasses.replace(figures, summary=dataclasses.replace(figures.summary, mean_duration_s=100.0))
    assert figures.time_left_s is not None and 0 < figures.time_left_s <= 60
    assert dataclasses.replace(figures, now=figures.now + 90).time_left_s == 0
    Runs(database).begin("digits-next", earlier_s=3000.0)  # resumed: it has all of its time again
    resumed = dataclasses.replace(figures_of_run.read("digits-next"), summary=figures.summary)
    assert resumed.time_left_s is not None and 50 < resumed.time_left_s <= 60
    without = dataclasses.replace(figures, config={**figures.config, "timeout_minutes": None})
    assert without.time_left_s is not None and without.time_left_s > 10_000


def test_the_picture_of_a_running_trial_is_looked_for_until_it_is_known(database: Database) -> None:
    study = conftest.make_run(database, "digits-next", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Optuna's heartbeat belongs to study.optimize
        trial = study.ask()
        assert networks.glyph_of_running("digits-next", 0) == ""
        assert "<small>parameters</small>–" in words(open_page("pages/health.py", study="digits-next"))
        OptimizationConfig(trials=2).search_space().suggest(trial)
    assert "Layers: convolution" in networks.glyph_of_running("digits-next", 0)
    known = networks.with_network("digits-next", TrialRow(0, "running", None, None, {})).attributes
    assert known["architecture"].startswith("Conv ") and known["parameters"] > 1000
    shown = words(open_page("pages/health.py", study="digits-next"))
    assert f"<small>parameters</small>{formats.value(known['parameters'])}" in shown and known["architecture"] in shown
    shown = words(open_page("pages/trials.py", study="digits-next"))
    assert f"{formats.count(known['parameters'])} parameters" in shown and known["architecture"] in shown


def test_trials_that_are_made_again_are_not_wanted_twice(database: Database) -> None:
    conftest.make_run(database, "digits-next", 3)
    figures = figures_of_run.read("digits-next")
    assert figures.run is not None
    resumed = dataclasses.replace(figures, run=dataclasses.replace(figures.run, trials=4))  # one was stopped with it
    assert (resumed.wanted, resumed.total) == (3, 4) and dataclasses.replace(resumed, config={}).wanted == 4


def test_a_run_of_one_trial_has_no_sampler_worth_telling(database: Database) -> None:
    for name, trials in (("one", 1), ("two", 2)):
        conftest.make_run(database, name, trials)
    assert "sampler TPE" in figures_of_run.read("two").description
    assert "sampler" not in figures_of_run.read("one").description


def test_the_first_best_trial_is_new(database: Database) -> None:
    study = conftest.make_run(database, "digits-next", 2)
    app = open_page("pages/monitor.py", study="digits-next")
    assert "new best" not in words(app)
    conftest.add_trial(study, 0.9)
    assert "new best" in words(app.run())
    assert "best so far" in words(open_page("pages/monitor.py", study="digits-next"))


def test_a_trial_that_equals_the_best_one_is_no_new_best(database: Database) -> None:
    """For Optuna the one with the lower number is the best one, also where it ended later."""
    study = conftest.make_run(database, "digits-next", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Optuna's heartbeat belongs to study.optimize
        trial = study.ask()
    conftest.add_trial(study, 0.9)
    app = open_page("pages/monitor.py", study="digits-next")
    assert "<b>Trial 1</b>" in words(app) and "new best" not in words(app)
    study.tell(trial, 0.9)
    assert "<b>Trial 0</b>" in words(app.run()) and "new best" not in words(app)
    conftest.add_trial(study, 0.95)
    assert "<b>Trial 2</b>" in words(app.run()) and "new best" in words(app)


def test_a_running_trial_tells_its_batch(database: Database) -> None:
    conftest.make_running(database)
    table = ProgressTable(database, "digits-now")
    began = TrialProgress(2, "training", 1, 4, 0.0, 1.0, time.time())
    batch = Batch(epoch=2, batch=50, batches=1200, loss=1.0, accuracy=0.5)
    table.write([after_record(began, batch)], [])
    app = open_page("pages/monitor.py", study="digits-now")
    assert any("epoch 2 of 4 · batch 50 of 1\u202f200" in str(item.proto) for item in app.get("progress"))


def test_the_share_of_the_run_says_that_it_counts_what_is_under_way(database: Database) -> None:
    """The tile beside it counts trials that are over."""
    conftest.make_running(database)
    ProgressTable(database, "digits-now").write([TrialProgress(2, "training", 4, 4, 1.0, 1.0, time.time())], [])
    told = [str(item.proto) for item in open_page("pages/monitor.py", study="digits-now").get("progress")]
    assert any("50 % of the run, with what is under way" in text for text in told)
    assert any("training 100 %" in text for text in told)


def test_a_run_that_goes_on_is_never_said_to_be_done(database: Database) -> None:
    conftest.make_running(database)
    ProgressTable(database, "digits-now").write(
        [TrialProgress(2, "training", 4, 4, 1.0, 1.0, time.time()), TrialProgress(3, "training", 4, 4, 1.0, 1.0, 1.0)],
        [],
    )
    figures = figures_of_run.read("digits-now")
    nearly = dataclasses.replace(figures, running=(figures.running[0],) * 4)
    assert nearly.overall > 0.995
    app = AppTest.from_function(_draw_progress, kwargs={"figures": nearly}, default_timeout=TIMEOUT_S).run()
    assert any("99 % of the run" in str(item.proto) for item in app.get("progress"))


def _draw_progress(figures: object) -> None:
    from pages.parts import figures_of_run, running

    assert isinstance(figures, figures_of_run.RunFigures)
    running.progress(figures)


def test_trials_without_a_dot_are_counted_beside_the_chart(database: Database) -> None:
    conftest.make_finished(database)
    assert "Only complete trials have a dot" not in words(open_page("pages/monitor.py", study="digits-done"))
    study = optuna.load_study(study_name="digits-done", storage=database.optuna_storage())
    conftest.add_trial(study, 0.5, TrialState.PRUNED)
    shown = words(open_page("pages/monitor.py", study="digits-done"))
    assert "Only complete trials have a dot. Without one: 1 pruned." in shown


def test_a_run_without_a_complete_trial_says_what_became_of_them(database: Database) -> None:
    study = conftest.make_run(database, "digits-none", 4)
    for outcome in ("stopped", "cancelled", "error"):
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"outcome": outcome, "reason": "It ended."}))
    Runs(database).end("digits-none", RunState.CANCELLED)
    app = open_page("pages/monitor.py", study="digits-none")
    assert "No trial was trained to its end: 1 failed, 2 stopped." in words(app)
    tile = app.metric[0]
    assert tile.value == "1 of 4" and "By state: 1 failed, 2 stopped." in tile.help
    assert tile.delta == "1 failed, 2 stopped"
    assert not any(item.delta for item in app.metric[1:])


@pytest.mark.parametrize("page", ["trials", "health", "architecture", "analysis"])
def test_what_was_stopped_is_called_so_on_every_page(page: str, database: Database) -> None:
    study = conftest.make_run(database, "digits-none", 4)
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"outcome": "cancelled", "configuration": "{}"}))
    Runs(database).end("digits-none", RunState.CANCELLED)
    app = open_page(f"pages/{page}.py", study="digits-none")
    shown = words(app) + "".join(str(group.options) for group in app.button_group)
    assert "digits-none · stopped" in app.selectbox(key=f"{page}_study").options
    assert (
        "stopped" in shown
        and "cancelled" not in shown
        and "failed" not in shown.replace("failed or stopped", "").replace("failed, stopped", "")
    )


def test_cards_say_how_they_are_read(database: Database) -> None:
    conftest.make_running(database)
    running, gallery = (words(open_page(f"pages/{page}.py", study="digits-now")) for page in ("monitor", "trials"))
    assert "How to read a card" in running and "which should not vanish" in running
    assert "How to read a card" in gallery and "1 is healthy, 0 is sick" in gallery
    assert "How to read a card" not in words(open_page("pages/trials.py", study="digits-now", view="table"))


def test_the_final_model_tells_what_it_is_trained_on(database: Database) -> None:
    """Of a run on a part of the data too."""
    conftest.make_running(database)
    table = ProgressTable(database, "digits-now")
    table.write([TrialProgress(2, FINAL_PHASE, 0, 4, 0.0, 1.0, time.time())], [])
    told = words(open_page("pages/monitor.py", study="digits-now"))
    assert "Trained on all samples that this run uses, but the test part." in told and "all data" not in told


def test_a_trial_without_an_epoch_says_what_it_is_before(database: Database) -> None:
    conftest.make_running(database)
    ProgressTable(database, "digits-now").write([TrialProgress(2, "starting", 0, 4, 0.0, 1.0, time.time())], [])
    app = open_page("pages/monitor.py", study="digits-now")
    assert any("before epoch 1 of 4" in str(item.proto) for item in app.get("progress"))


def test_no_trial_is_the_best_one_of_several_objectives(database: Database) -> None:
    study = optuna.create_study(
        study_name="two", storage=database.optuna_storage(), directions=["minimize", "maximize"]
    )
    study.add_trial(create_trial(values=[0.25, 4.0]))
    app = open_page("pages/monitor.py", study="two")
    tile = next(tile for tile in app.metric if tile.label == "Best score")
    assert tile.value == "–" and "2 objectives" in tile.help and "Pareto front" in tile.help
    assert "no trial is the best in everything" in words(app) and "best-mark" not in words(app)
    assert "The trials that no other one beats" in _links(app)
    for page in ("pages/health.py", "pages/architecture.py"):
        assert not [button for button in open_page(page, study="two").button if "Best" in button.label]
    assert "recorded no accuracy" in words(open_page("pages/health.py", study="two"))


def test_a_run_that_is_over_leads_to_its_final_model(database: Database) -> None:
    folder = examined.make_final_model(database)
    app = open_page("pages/monitor.py", study="digits-done")
    assert {FINAL_MODEL, "Its network"} <= set(_links(app)) and "best of this run" in words(app)
    folder.rename(folder.with_name("digits-now"))  # a run that was resumed has a model of before
    assert FINAL_MODEL not in _links(open_page("pages/monitor.py", study="digits-done"))
    conftest.make_running(database)
    app = open_page("pages/monitor.py", study="digits-now")
    assert FINAL_MODEL not in _links(app) and "best so far" in words(app)


def test_a_study_made_elsewhere_leads_to_its_best_trial_and_to_nothing_of_ours(database: Database) -> None:
    conftest.make_plain(database)
    app = open_page("pages/monitor.py", study="plain")
    assert "All about it" in _links(app) and "Its network" not in _links(app)
    assert "best so far" in words(app)  # nobody knows whether it is over


def _links(app: AppTest) -> list[str]:
    return [str(link.proto.label) for link in app.get("page_link")]


def test_a_run_that_is_over_says_what_its_final_model_reached_on_the_test(database: Database) -> None:
    folder = examined.make_final_model(database)
    shown = words(open_page("pages/monitor.py", study="digits-done"))
    assert "Final model, from Trial 1" in shown and "<small>test accuracy</small>95.00 %" in shown
    assert "<small>test samples</small>360" in shown and "lies between 92.24 % and 96.81 %" in shown
    (folder / FOLDER / CARD_DATA_FILE).write_text("{}")  # Models says so
    assert "test accuracy" not in words(open_page("pages/monitor.py", study="digits-done"))


def test_a_final_model_that_is_being_built_is_announced_beside_its_trial(database: Database) -> None:
    conftest.make_running(database)
    assert "is being built" not in words(open_page("pages/monitor.py", study="digits-now"))
    step = TrialProgress(1, "building the final model", 2, 4, 0.5, 0.0, time.time())
    ProgressTable(database, "digits-now").write([step], [2])
    assert "The final model is being built; its accuracy" in words(open_page("pages/monitor.py", study="digits-now"))


def test_a_run_that_was_stopped_says_so_whoever_did_it_and_can_be_resumed(database: Database) -> None:
    conftest.make_running(database)
    Runs(database).end("digits-now", RunState.CANCELLED, "cancelled by its user")
    app = open_page("pages/monitor.py", study="digits-now")
    assert app.info[0].value == live.STOPPED and "by its user" not in words(app)
    assert app.button(key="resume").label == "Resume run"


def test_a_run_that_failed_before_its_first_trial_keeps_none(database: Database) -> None:
    conftest.make_failed(database)
    Runs(database).create("no-data", owner="here:1", trials=3)
    Runs(database).end("no-data", RunState.FAILED, "MNIST is not on this machine")
    for study, kept in (("digits-failed", True), ("no-data", False)):
        (said,) = [error.value for error in open_page("pages/monitor.py", study=study).error]
        assert "This run failed" in said and ("Trials that had ended are kept" in said) == kept


def test_a_run_that_was_stopped_after_its_last_trial_says_what_is_left(database: Database) -> None:
    study = conftest.make_run(database, "nearly", 2)
    for accuracy in (0.9, 0.8):
        study.add_trial(create_trial(value=accuracy, user_attrs={"outcome": "complete"}))
    Runs(database).end("nearly", RunState.CANCELLED, "cancelled by its user")
    assert open_page("pages/monitor.py", study="nearly").info[0].value == live.STOPPED_AT_THE_END
    without = conftest.make_run(database, "without", 2, final_model=False)
    without.add_trials(study.trials)
    Runs(database).end("without", RunState.CANCELLED, "cancelled by its user")
    assert open_page("pages/monitor.py", study="without").info[0].value == live.STOPPED
    nothing = conftest.make_run(database, "nothing", 1)
    nothing.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"outcome": "failed"}))
    Runs(database).end("nothing", RunState.CANCELLED, "cancelled by its user")
    assert open_page("pages/monitor.py", study="nothing").info[0].value == live.STOPPED
