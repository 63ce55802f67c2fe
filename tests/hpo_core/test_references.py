"""References lead to what exists: names of Keras and Optuna are looked up in the installed packages."""

from __future__ import annotations

from functools import reduce
from urllib.parse import urlsplit

import keras
import optuna
import pytest

from hpo_core import references
from hpo_core.health.metrics import METRICS
from hpo_core.layer_texts import _BY_CLASS
from hpo_core.parameters import PARAMETERS
from hpo_core.references import Reference
from hpo_core.search_methods import PRUNERS, SAMPLERS
from pages.parts import running
from pages.parts.analysis.catalogue import CHARTS

GIVEN = {
    *(parameter.reference for parameter in PARAMETERS.values()),
    *(source for metric in METRICS.values() for source in metric.sources),
    *(method.reference for method in (*SAMPLERS.values(), *PRUNERS.values())),
    *(chart.source for chart in CHARTS.values()),
    *(references.keras(f"layers.{name}") for name in _BY_CLASS),
    running.ACCURACY,
}


@pytest.mark.parametrize("reference", sorted(GIVEN), ids=lambda reference: reference.title)
def test_a_reference_names_what_exists(reference: Reference) -> None:
    place = urlsplit(reference.address)
    assert place.scheme == "https" and "." in place.netloc and reference.title.strip()
    if place.netloc == "www.tensorflow.org":
        names = place.path.removeprefix("/api_docs/python/tf/keras/").split("/")
        assert reduce(getattr, names, keras) is not None
    if place.netloc == "optuna.readthedocs.io":
        names = place.path.rpartition("/")[2].removesuffix(".html").split(".")
        assert names[0] == "optuna" and reduce(getattr, names[1:], optuna) is not None


def test_a_reference_is_a_link() -> None:
    assert references.keras("layers.Conv2D").markdown == (
        "[Keras: Conv2D](https://www.tensorflow.org/api_docs/python/tf/keras/layers/Conv2D)"
    )
