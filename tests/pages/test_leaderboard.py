"""The leaderboard on the Analysis page, and the run that makes it."""

from __future__ import annotations

import optuna
from optuna.trial import create_trial

from pages.parts import shared
from storage.database import Database
from storage.runs import Runs, RunState
from tests.pages import conftest
from tests.pages.test_analysis import PAGE, drawn
from tests.pages.test_pages import open_page, words


def make_repeated(database: Database) -> None:
    """The best two trials of a study, trained three times each."""
    study = conftest.make_run(database, "digits-done-seeds", 6, rerun_of="digits-done", seeds=3)
    for place, results in enumerate(((0.95, 0.96, 0.97), (0.90, 0.91, 0.89))):
        for index, result in enumerate(results):
            more = {"rerun": f"Trial {place} of digits-done", "seed index": index, "parameters": 100 + place}
            study.add_trial(
                create_trial(value=result, params={"filters": 8 * (place + 1)}, user_attrs=more,
                             distributions={"filters": optuna.distributions.IntDistribution(8, 32, step=8)})
            )  # fmt: skip


def test_leaderboard_shows_every_training_and_what_chance_explains(database: Database) -> None:
    conftest.make_finished(database)
    make_repeated(database)
    app = open_page(PAGE, study="digits-done-seeds", chart="leaderboard")
    assert "Configuration 0 reaches 96 ± 1 % over 3 seeds" in words(app)
    assert "bears the number of its trial in digits-done." in words(app)
    assert "by more than chance explains" in words(app)
    assert list(app.dataframe[0].value["configuration"]) == ["Trial 0 of digits-done", "Trial 1 of digits-done"]
    assert round(app.dataframe[0].value["mean, %"][0]) == 96
    assert list(app.dataframe[0].value["seeds"]) == [3, 3] and app.dataframe[0].value["p"][1] < 0.05
    assert sum(len(trace["x"]) for trace in drawn(app) if trace["name"] == "a training") == 6
    assert "rerun_start" not in {button.key for button in app.button}  # it is one already
    assert "Train the best again" in words(open_page(PAGE, study="digits-done", chart="leaderboard"))


def test_the_best_are_trained_again_from_the_page(database: Database) -> None:
    conftest.make_finished(database)
    conftest.make_running(database)
    conftest.make_plain(database)
    app = open_page(PAGE, study="digits-done", chart="leaderboard")
    assert "15 trainings of up to 4 epochs" in words(app) and "waits its turn: digits-now is running" in words(app)
    app.button(key="rerun_start").click().run()
    assert "Trials must be at most 5, 5 for each of the 1 complete" in app.error[0].value  # its three trials are alike
    app.number_input(key="rerun_top").set_value(1).run()
    app.number_input(key="rerun_seeds").set_value(2).run()
    app.button(key="rerun_start").click().run()
    assert not app.exception and not app.error
    assert Runs(database).get("digits-done-seeds").state is RunState.WAITING
    shared.manager().close()
    assert "were made here" in words(open_page(PAGE, study="plain", chart="leaderboard"))
