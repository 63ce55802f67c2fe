"""Tests of networks side by side."""

from __future__ import annotations

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


def test_what_differs_is_what_a_reader_sees_differ() -> None:
    same = rows_of([plan(), plan()])
    assert len(same) > 5 and not any(row.differs for row in same)
    differing = {row.name for row in rows_of([plan(filters=8), plan(filters=16)]) if row.differs}
    assert "conv_1" in differing and not {"input", "scaling"} & differing
    activations = [row for row in rows_of([plan(activation="relu"), plan(activation="elu")]) if row.differs]
    assert activations and all(row.layers[0].output_shape == row.layers[1].output_shape for row in activations)


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
