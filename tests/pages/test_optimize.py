"""Optimize: the form, what it says, and what it starts."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from streamlit.testing.v1 import AppTest

from hpo_core.optimization_config import FIELDS, OptimizationConfig
from hpo_core.presets import PRESETS
from pages.parts import draft, folds, formats, shared
from storage.database import Database
from storage.jobs import Job, Jobs
from storage.runs import Runs, RunState
from tests.pages import conftest
from tests.pages.test_pages import open_page, words

PAGE = "pages/optimize.py"
FOLDS = tuple(fold.key for fold in folds.FOLDS)


def unfolded(*names: str) -> AppTest:
    """The page with some of its folded parts open."""
    return unfold(open_page(PAGE), *names)


def unfold(app: AppTest, *names: str) -> AppTest:
    """Open folded parts."""
    for name in names:
        app.session_state[f"fold_{name}"] = True
    return app.run()


def draft_of(app: AppTest) -> draft.Draft:
    values = app.session_state[draft.KEY]
    assert isinstance(values, draft.Draft)
    return values


def keys(app: AppTest) -> set[str]:
    """Keys of all widgets on the page."""
    kinds: Iterable[Iterable[object]] = (
        app.number_input, app.selectbox, app.toggle, app.text_input, app.button_group,
    )  # fmt: skip
    return {str(getattr(widget, "key", "")) for kind in kinds for widget in kind}


def test_every_field_of_a_run_has_a_widget(database: Database) -> None:
    app = unfolded(*FOLDS)
    here = keys(app)
    app.button_group(key="backend").set_value("runpod").run()
    there = keys(app)
    # The data have a button on each card, and the search space an editor.
    assert set(FIELDS) - {"dataset", "space"} <= here | there
    assert "space_parameter" in here and app.button(key="choose_mnist")
    assert draft.REMOTE_WORKERS in there


def test_optimize_preselects_the_first_run(database: Database) -> None:
    app = open_page("pages/optimize.py")
    assert "12 trials of CNNs on Digits" in words(app)
    assert not app.button(key="start").disabled
    app.button(key="choose_imdb").click().run()
    assert "12 trials of LSTMs on IMDB" in words(app)
    app.number_input(key="trials").set_value(1).run()
    assert "1 trial of" in words(app)


def test_a_fraction_of_a_trial_is_refused_and_not_cut_off(database: Database) -> None:
    app = open_page("pages/optimize.py")
    for key, value in (("trials", 2.7), ("max_epochs_per_trial", 3.5)):
        app.number_input(key=key).set_value(value).run()
        assert app.number_input(key=key).value == value and app.button(key="start").disabled
        assert f"must be a whole number from 1 to {app.number_input(key=key).max:.0f}, got {value}" in words(app)
        app.number_input(key=key).set_value(3).run()
        assert not app.button(key="start").disabled and not app.error
    assert "3 trials of CNNs on Digits" in words(app) and "Up to 3 epochs each" in words(app)


def test_optimize_explains_a_bad_name_in_place(database: Database) -> None:
    app = unfolded("sharing")
    app.text_input(key="run_name").set_value("my <b>“run”</b> 🎻 *x*").run()
    assert "Run name must be letters" in app.error[0].value and "my-b-run-b-x" in app.error[0].value
    assert "my &lt;b&gt;“run”" in words(app)  # at the field
    assert app.button(key="start").disabled and "then the run can start" in words(app)
    app.text_input(key="run_name").set_value(" mine ").run()
    assert not app.error and not app.button(key="start").disabled
    assert draft_of(app).fields["run_name"] == "mine"


def test_optimize_explains_what_cannot_start(database: Database) -> None:
    app = unfolded("methods")
    app.selectbox(key="sampler").select("grid").run()
    assert "Sampler cannot be grid" in app.error[0].value and "combinations" in app.error[0].value
    assert app.button(key="start").disabled
    shown = words(app)
    assert "GridSampler.html" in shown and "Tries every combination once" in shown


def test_a_search_of_few_trials_says_what_they_are_too_few_for(database: Database) -> None:
    app = open_page(PAGE)
    assert "which hyperparameter matters" not in words(app)
    app.number_input(key="trials").set_value(6).run()
    assert "Analysis can tell which hyperparameter matters from 10 complete trials on." in words(app)
    app.number_input(key="trials").set_value(1).run()  # nothing is compared
    assert "which hyperparameter matters" not in words(app)


def test_the_weight_of_health_counts_only_where_health_does(database: Database) -> None:
    app = unfolded("score")
    assert app.number_input(key="health_weight").disabled and "Counts where a run looks for" in words(app)
    assert not app.number_input(key="bias_change_limit").disabled
    app.button_group(key="mode").set_value("health").run()
    unfold(app, "score")
    assert not app.number_input(key="health_weight").disabled and "Counts where a run" not in words(app)


def test_optimize_explains_what_fails_at_the_start(database: Database) -> None:
    conftest.make_finished(database)
    app = unfolded("sharing")
    assert not app.warning
    app.text_input(key="run_name").set_value("digits-done").run()
    assert "The name digits-done is taken" in app.warning[0].value.replace("\\", "")  # where it is typed
    app.button(key="start").click().run()
    for _ in range(3):  # the panel is drawn anew every moment
        assert "Run name is taken: 'digits-done'" in app.error[0].value and not app.exception
        assert app.error[0].value.endswith("choose another name. The name is set in “Saving and sharing”.")
        app.run()
    app.text_input(key="run_name").set_value("another").run()
    assert not app.error


def test_optimize_on_runpod_that_is_not_set_up(database: Database) -> None:
    app = unfolded("where")
    assert not [box.key for box in app.selectbox if box.key == "gpu"]
    app.button_group(key="backend").set_value("runpod").run()
    shown = words(app)
    assert "RunPod is not set up here" in shown and "at a time on RunPod" in shown
    assert app.button(key="start").disabled and not app.button(key="start_twin").disabled
    assert app.toggle(key="fallback_local").value and app.number_input(key="max_cost").value is None
    assert Runs(database).list() == []


def test_optimize_on_runpod_says_what_it_will_cost(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    conftest.make_finished(database)
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa-planted")
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "abc123")
    jobs = Jobs(database)
    for number, seconds in enumerate((10.0, 100.0, 50.0)):
        jobs.add(Job(f"j{number}", "digits-done", number, "there", "COMPLETED", 1.0, execution_s=seconds))
    app = unfolded("where")
    app.button_group(key="backend").set_value("runpod").run()
    app.number_input(key="remote_workers").set_value(64).run()
    app.number_input(key="trials").set_value(100).run()
    app.selectbox(key="gpu").select("h100").run()
    shown = words(app)
    assert "64 at a time on RunPod" in shown and "64 workers train (H100 each)" in shown
    # 50 s in the median for at most 4 epochs; this run has 12.
    assert "3 earlier jobs on Digits" in shown and "a trial takes 2 min 30 s: 100 trials" in shown
    assert formats.dollars(150 * 100 * 0.00116) in shown
    assert "Endpoint abc123" in shown and "rpa-planted" not in shown
    assert not app.error and not app.button(key="start").disabled


def test_optimize_sends_trials_to_the_endpoint_that_was_typed_in(database: Database) -> None:
    shared.remote().use(api_key="typed", endpoint_id="typed-1")
    app = unfolded("where")
    app.button_group(key="backend").set_value("runpod").run()
    conftest.make_finished(database)
    unfold(app, "sharing").text_input(key="run_name").set_value("digits-done").run()
    app.button(key="start").click().run()
    # The run knows its endpoint, and fails of the next reason.
    assert "is taken" in app.error[0].value and "RUNPOD_API_KEY" not in words(app)


def test_optimize_goes_back_to_this_machine_after_many_workers(database: Database) -> None:
    app = unfolded("where")
    app.button_group(key="backend").set_value("runpod").run()
    app.number_input(key="remote_workers").set_value(64).run()
    app.button_group(key="backend").set_value("local").run()
    assert not app.exception and not app.error and "on this machine" in words(app)


def test_a_run_waits_its_turn_while_another_trains(database: Database) -> None:
    conftest.make_running(database)
    app = open_page("pages/optimize.py")
    assert "digits-now is running: this one waits its turn" in words(app)
    assert app.button(key="start").label == "Add to the queue"
    app.button(key="start").click().run()
    waiting = [run for run in Runs(database).list() if run.state is RunState.WAITING]
    assert [run.run_name for run in waiting] == shared.manager().waiting != []
    shared.manager().cancel(waiting[0].run_name)


def test_a_wish_for_more_workers_than_cores_is_answered_at_the_field(database: Database) -> None:
    app = open_page(PAGE)
    app.number_input(key="workers").set_value(64).run()
    assert "Workers must be at most" in app.error[0].value and "field-problem" in words(app)
    assert app.button(key="start").disabled


def test_what_differs_from_the_preset_is_marked_and_can_be_undone(database: Database) -> None:
    app = open_page(PAGE)
    assert app.number_input(key="trials").label == "Trials"
    app.number_input(key="trials").set_value(7).run()
    assert app.number_input(key="trials").label != "Trials"
    assert "Changed since then (•): Trials." in words(app) and "7 trials of" in words(app)
    # A colour would be read out with the name of the field.
    assert app.number_input(key="trials").label == "Trials •"
    app.button(key="undo_changes").click().run()
    assert app.number_input(key="trials").value == 12 and "Changed since" not in words(app)


def test_a_number_that_has_to_be_there_stays_when_its_field_is_emptied(database: Database) -> None:
    app = open_page("pages/optimize.py")
    app.number_input(key="workers").set_value(2).run()
    for name in ("trials", "workers"):
        app.number_input(key=name).set_value(None).run()
    assert (app.number_input(key="trials").value, app.number_input(key="workers").value) == (12, None)


@pytest.mark.parametrize("dataset", ["mnist", "imdb"])
def test_a_preset_sets_what_it_means_for_the_data(dataset: str, database: Database) -> None:
    app = open_page(PAGE)
    app.button(key=f"choose_{dataset}").click().run()
    for name, preset in PRESETS.items():
        app.button_group(key="preset").set_value(name).run()
        wanted = OptimizationConfig(dataset=dataset, **preset.values(dataset))  # type: ignore[arg-type]
        assert OptimizationConfig.from_mapping(draft_of(app).configuration()) == wanted
        assert app.number_input(key="trials").value == wanted.trials
        assert preset.explanation in words(app) and not app.button(key="start").disabled


def test_the_sample_of_a_preset_follows_the_data_and_a_changed_one_stays(database: Database) -> None:
    app = open_page(PAGE)
    app.button(key="choose_mnist").click().run()
    assert app.number_input(key="sample_percentage").value == 5
    app.number_input(key="sample_percentage").set_value(35.0).run()
    app.button(key="choose_imdb").click().run()
    assert app.number_input(key="sample_percentage").value == 35
    assert app.number_input(key="max_epochs_per_trial").value == 6


def test_what_was_set_is_there_again_after_another_page(database: Database) -> None:
    app = unfolded("limits")
    app.number_input(key="trials").set_value(3).run()
    app.number_input(key="max_parameters").set_value(70_000).run()
    app.switch_page("pages/system.py").run()
    app.switch_page(PAGE).run()
    assert app.number_input(key="trials").value == 3 and "3 trials of" in words(app)
    assert draft_of(app).fields["max_parameters"] == 70_000


def test_the_time_of_a_run_comes_from_earlier_ones_on_the_same_data_here(database: Database) -> None:
    workers = shared.machine().workers(None)
    study = conftest.make_run(database, "digits-slow", 4, workers=workers, max_epochs_per_trial=6)
    conftest.add_trial(study, 0.9)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE trials SET datetime_start = datetime(datetime_complete, '-30 seconds')")
    app = open_page(PAGE)
    rounds = -(-12 // workers) + 1  # the final model as well
    assert f"on this machine, about {formats.about(rounds * 60)}" in words(app)
    app.button(key="choose_mnist").click().run()
    assert "on this machine, about" not in words(app)


def test_one_configuration_is_shown_in_full_and_trained_alone(database: Database) -> None:
    app = unfolded("single", "space")
    app.session_state["space_parameter"] = "optimizer"
    app.run().button_group(key="space_values").set_value(["sgd"]).run()
    shown = words(app)
    assert "<th>Optimizer</th><td>sgd</td>" in shown and "<th>Filters</th><td>16 <small>default</small></td>" in shown
    assert shown.count("<small>default</small>") == 14 and not app.button(key="start_single").disabled
    conftest.make_finished(database)
    unfold(app, "sharing").text_input(key="run_name").set_value("digits-done").run()
    app.button(key="start_single").click().run()
    assert "is taken" in app.error[0].value and not app.exception  # it would have started


def test_one_configuration_waits_for_the_run_that_trains(database: Database) -> None:
    conftest.make_running(database)
    app = unfolded("single")
    assert "digits-now is running: this one waits its turn." in words(app)
    app.button(key="start_single").click().run()
    assert not app.exception and not app.error
    (waiting,) = [run for run in Runs(database).list() if run.run_name != "digits-now"]
    assert waiting.state is RunState.WAITING and waiting.trials == 1
    shared.manager().close()


def test_a_warm_start_is_chosen_among_the_studies(database: Database) -> None:
    conftest.make_finished(database)
    conftest.make_plain(database)
    app = unfolded("methods")
    assert app.selectbox(key="warm_start").options == ["plain", "digits-done"]
    app.selectbox(key="warm_start").select("plain").run()
    assert draft_of(app).configuration()["warm_start"] == "plain"
    assert "None of it fits this search space. Trial " in words(app) and "because it has no" in words(app)
    app.selectbox(key="warm_start").select("digits-done").run()
    assert "1 configuration of it will be tried first." in words(app)  # its three trials are alike
    draft_of(app).fields["warm_start"] = "gone <b>“🎻”</b>"  # as an imported file may say
    app.run().button(key="start").click().run()
    assert "must be a study of this database" in app.error[0].value and not app.exception
