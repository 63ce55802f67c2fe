"""Numbers as people read them."""

from __future__ import annotations

import pytest

from hpo_core import formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (float("nan"), "–"), (-1, "0.0 s"), (0, "0.0 s"), (4.26, "4.3 s"), (9.97, "10 s"), (59.7, "1 min"),
     (134, "2 min 14 s"), (3600, "1 h"), (3661, "1 h 1 min"), (90000, "1 d 1 h"), (86400 + 59, "1 d")],
)  # fmt: skip
def test_duration(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


def test_other_numbers() -> None:
    assert formats.percent(0.98359) == "98.36 %"
    assert formats.percent(None) == formats.percent(float("inf")) == "–"
    assert formats.score(0.9119) == "0.912"
    assert formats.score(None) == formats.score(float("nan")) == "–"
    assert [formats.score(value) for value in (0.0, 2e-5, -1e300, 1234.5)] == ["0.000", "2e-05", "-1e+300", "1234.5"]
    assert formats.count(1234567) == "1\u202f234\u202f567" and formats.count(None) == "–"
