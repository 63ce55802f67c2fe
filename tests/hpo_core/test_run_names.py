"""Names that runs get without one of their own."""

from __future__ import annotations

from datetime import datetime

import pytest

from hpo_core.optimization_config import OptimizationConfig
from hpo_core.run_names import default_run_name


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 12, 1, 0, 35), "digits-health-1dec-0035"),
        (datetime(2027, 1, 31, 14, 2, 59), "digits-health-31jan-1402"),
    ],
)
def test_a_run_is_named_after_its_data_mode_day_and_time(now: datetime, expected: str) -> None:
    config = OptimizationConfig.from_mapping({"dataset": "digits", "mode": "health"})
    assert default_run_name(config, now) == expected


def test_a_rerun_is_named_after_what_it_repeats() -> None:
    config = OptimizationConfig.from_mapping({"dataset": "digits", "rerun_of": "a", "seeds": 2, "trials": 4})
    assert default_run_name(config, datetime(2026, 12, 1)) == "a-seeds"
