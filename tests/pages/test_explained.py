"""Names in tables open to what they mean."""

from __future__ import annotations

from hpo_core.health.metrics import METRICS
from hpo_core.parameters import PARAMETERS, Architecture
from hpo_core.results import ASIDE
from hpo_core.trial_config import TrialConfig
from pages.parts import explained
from storage.database import Database
from tests.pages import conftest
from tests.pages.test_pages import open_page, words


def test_every_field_of_a_trial_has_a_meaning() -> None:
    fields = {*PARAMETERS, *METRICS, *TrialConfig.__dataclass_fields__, *explained.RECORDED}
    # The architecture says itself what it is; the others are no values that are shown.
    shown = fields - {"architecture", "hyperparameters", *ASIDE}
    assert {name for name in shown if not explained.meaning(name)[0]} == set()
    assert all(explained.meaning(name)[1] for name in (*PARAMETERS, *METRICS))
    assert explained.heading("x <y>", "x <y>") == "x &lt;y&gt;"
    assert explained.heading("mode", "mode", ours=False) == "mode"


def test_details_and_comparison_explain_their_rows(database: Database) -> None:
    conftest.make_finished(database)
    meaning = PARAMETERS["learning_rate"].explanation
    said = words(open_page("pages/trials.py", study="digits-done", trial="1"))
    assert f"<div>{meaning} <a href=" in said and "<summary>Learning rate <small>" in said
    compared = words(open_page("pages/trials.py", study="digits-done", compare="0,1"))
    assert meaning in compared and Architecture.CNN.value in said
