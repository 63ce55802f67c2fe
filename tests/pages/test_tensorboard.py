"""TensorBoard on the Health page: opened by its button, shown as a link, ended again."""

from __future__ import annotations

import pytest
import requests

from hpo_core.history import FILE_NAME
from hpo_core.local.tensorboard import Shown
from pages.parts import shared, tensorboard_view
from storage.database import Database
from tests import histories
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words

PAGE = "pages/health.py"
START_S = 120.0

pytestmark = pytest.mark.slow


def test_it_opens_and_ends(database: Database) -> None:
    examined.make_examined(database)
    trial = shared.settings().results_dir / "digits-examined" / "trial_1"
    trial.mkdir(parents=True)
    (trial / FILE_NAME).write_text(histories.cnn_history().to_json())
    app = open_page(PAGE, study="digits-examined")
    app.button(key="open_tensorboard").click().run(timeout=START_S)
    assert not app.exception and not app.error
    (link,) = [item.proto for item in app.get("link_button")]
    assert requests.get(f"{link.url}data/runs", timeout=30).json() == ["trial_1"]
    conftest.make_finished(database)
    elsewhere = open_page(PAGE, study="digits-done")  # a run without files here: it can still be ended
    assert "TensorBoard shows digits-examined now." in words(elsewhere)
    app.button(key="end_tensorboard").click().run()
    assert not app.get("link_button") and shared.tensorboard().shown is None


def test_without_curves_it_says_so(database: Database) -> None:
    examined.make_examined(database)
    (shared.settings().results_dir / "digits-examined").mkdir(parents=True)
    app = open_page(PAGE, study="digits-examined")
    app.button(key="open_tensorboard").click().run(timeout=START_S)
    assert app.error[0].value == "No trial of digits-examined has left its curves on this machine yet."


def test_without_a_folder_it_is_not_offered(database: Database) -> None:
    examined.make_examined(database)
    keys = [button.key for button in open_page(PAGE, study="digits-examined").button]
    assert "open_tensorboard" not in keys


def test_what_is_shown_is_told_with_the_way_to_it() -> None:
    shown = Shown("a<b", 1, "http://127.0.0.1:6006/")
    told = tensorboard_view.what_it_shows(shown, is_here=True)
    assert "shows the 1 trial that" in told and "<code>ssh -L 6006:localhost:6006</code>" in told
    assert tensorboard_view.what_it_shows(shown, is_here=False) == "TensorBoard shows a&lt;b now."
