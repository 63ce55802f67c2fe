"""Tests of networks side by side."""

from __future__ import annotations

import re

from hpo_core.layer_plan import LayerPlan, layer_plan
from hpo_core.parameters import Architecture, defaults
from pages.parts import formats
from pages.parts.architecture_source import make_config
from pages.parts.trial_networks import rows_of, table_rows
from storage.database import Database
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words


def plan(**changes: object) -> LayerPlan:
    return layer_plan(make_config("digits", {**defaults(Architecture.CNN), **changes}))  # type: ignore[dict-item]


def test_every_layer_of_every_network_has_its_place() -> None:
    plans = [plan(conv_layers=1), None, plan(conv_layers=2, dropout=0.3), plan(conv_layers=1, filters=8)]
    rows = rows_of(plans)
    for place, known in enumerate(plans):
        assert [row.layers[place] for row in rows if row.layers[place]] == (list(known.layers) if known else [])
    assert len({row.name for row in rows}) == len(rows)


def test_only_what_differs_is_bold() -> None:
    def bold(*plans: LayerPlan) -> set[str]:
        rows = table_rows(plans).split("<tr>")[1:-1]
        return {text for row in rows for text in re.findall("<b>(.*?)</b>", row)}

    assert not bold(plan(), plan())
    kernels = bold(plan(kernel_size=3), plan(kernel_size=5))
    assert kernels and all("kernel size" in text for text in kernels)
    assert {"28 × 28 × 8", "28 × 28 × 16"} & bold(plan(filters=8), plan(filters=16)) or any(
        "× 8" in text for text in bold(plan(filters=8), plan(filters=16))
    )
    assert bold(plan(activation="relu"), plan(activation="elu")) == {"activation relu", "activation elu"}


def test_one_column_for_each_network() -> None:
    small, large = plan(filters=8), plan(filters=16)
    table = table_rows([small, None, large])
    assert table.count("<td>") == 3 * table.count("<tr>") == 3 * (len(rows_of([small, large])) + 1)
    assert f"<b>{formats.count(small.trainable)}</b>" in table and f"<b>{formats.count(large.trainable)}</b>" in table


def test_a_comparison_shows_the_networks_where_they_are_known(database: Database) -> None:
    examined.make_examined(database)
    shown = words(open_page("pages/trials.py", compare="0,2"))
    assert "Networks, layer by layer" in shown and "conv_1" in shown and "Weights that learn" in shown
    conftest.make_plain(database)
    shown = words(open_page("pages/trials.py", study="plain", compare="0,2"))
    assert "2 trials compared" in shown and "layer by layer" not in shown
