"""Names in tables open to what they mean."""

from __future__ import annotations

import optuna
from optuna.trial import create_trial

from hpo_core.health.metrics import METRICS
from hpo_core.parameters import PARAMETERS
from hpo_core.results import ASIDE
from hpo_core.trial_config import TrialConfig
from pages.parts import explained
from storage.database import Database
from tests.pages import examined
from tests.pages.test_pages import open_page, words

PAGE = "pages/trials.py"


def test_every_field_of_a_trial_has_a_meaning() -> None:
    fields = {*PARAMETERS, *METRICS, *TrialConfig.__dataclass_fields__, *explained.RECORDED}
    # The architecture says itself what it is; the others are no values that are shown.
    shown = fields - {"architecture", "hyperparameters", *ASIDE}
    assert {name for name in shown if not explained.meaning(name)[0]} == set()
    assert all(explained.meaning(name)[1] for name in (*PARAMETERS, *METRICS))
    assert explained.heading("x <y>", "x <y>") == "x &lt;y&gt;"
    assert explained.heading("mode", "mode", ours=False) == "mode"
    assert "In files: conv_<wbr>layers." in explained.heading("conv_layers", "Convolution layers", in_files=True)
    assert "In files" not in explained.heading("dropout", "Dropout", in_files=True)
    assert "In files" not in explained.heading("conv_layers", "Convolution layers")


def test_details_and_comparison_explain_their_rows(database: Database) -> None:
    examined.make_examined(database)
    meaning = PARAMETERS["learning_rate"].explanation
    said = words(open_page(PAGE, study="digits-examined", trial="1"))
    assert f"<div>{meaning} <a href=" in said and "<summary>Learning rate</summary>" in said
    compared = words(open_page(PAGE, study="digits-examined", compare="0,1"))
    assert meaning in compared and "<summary>Gradient health</summary>" in compared


def test_what_a_study_made_elsewhere_calls_as_we_do_is_not_explained(database: Database) -> None:
    study = optuna.create_study(study_name="elsewhere", storage=database.optuna_storage())
    for rate in (0.25, 0.5):
        study.add_trial(
            create_trial(
                value=rate, params={"learning_rate": rate}, user_attrs={"replicas": "two"},
                distributions={"learning_rate": optuna.distributions.FloatDistribution(0, 1)},
            )
        )  # fmt: skip
    for query in ({"trial": "1"}, {"compare": "0,1"}):
        said = words(open_page(PAGE, study="elsewhere", **query))
        assert "<th>Learning rate" in said and '<details class="explained">' not in said
