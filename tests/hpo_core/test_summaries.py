"""Tests of a configuration in a few words."""

from __future__ import annotations

from hpo_core.summaries import summarise
from tests.stubs import make_config


def test_a_window_is_named_where_it_is_not_the_usual_one() -> None:
    usual = summarise(make_config("digits", conv_layers=2, filters=8, kernel_size=3))
    assert usual.startswith("Conv 8-16, ")
    assert summarise(make_config("digits", conv_layers=2, filters=8, kernel_size=5)) == usual.replace(
        "Conv 8-16", "Conv 8-16 (5×5)"
    )
