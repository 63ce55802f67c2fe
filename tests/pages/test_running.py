"""Monitor with more trials than cards, and with a study that is deleted under its eyes."""

from __future__ import annotations

import time
import warnings

from streamlit.testing.v1 import AppTest

from hpo_core.optimization_config import OptimizationConfig
from pages.parts.running import SHOWN_TRIALS
from storage.database import Database
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs
from tests.pages import conftest
from tests.pages.test_pages import TIMEOUT_S, open_page, words

DELETED = "What this page showed was deleted while it was open."


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
    app.button(key=f"stop_{last}").click().run()
    assert Runs(database).stops("digits-now") == {last}
    assert len([button for button in app.button if str(button.key).startswith("stop_")]) == len(many)


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
