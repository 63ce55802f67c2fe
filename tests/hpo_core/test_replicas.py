"""Tests of what several devices change in a configuration."""

from __future__ import annotations

import pytest

from hpo_core.errors import UsageError
from hpo_core.parameters import PARAMETERS, Architecture, defaults
from hpo_core.replicas import scaled_batch


@pytest.mark.parametrize(
    ("size", "replicas", "expected"), [(32, 1, 32), (32, 2, 64), (1, 8, 8), (4096, 2, 8192), (4096, 3, 8192)]
)
def test_the_global_batch_grows_with_the_devices_up_to_what_is_allowed(size: int, replicas: int, expected: int) -> None:
    given = defaults(Architecture.CNN) | {"batch_size": size}
    scaled = scaled_batch(given, replicas)
    assert scaled == given | {"batch_size": expected}
    assert PARAMETERS["batch_size"].check(scaled["batch_size"]) == expected
    assert given["batch_size"] == size


def test_an_unknown_number_of_devices_scales_nothing() -> None:
    with pytest.raises(UsageError, match=r"^scale_batch needs to know .*; write gpus_per_worker as a number"):
        scaled_batch(defaults(Architecture.LSTM), 0)
