"""Tests of the records' way through JSON."""

from __future__ import annotations

import pytest

from hpo_core.records import (
    KINDS,
    Answer,
    Artefact,
    Failed,
    LogLine,
    Phase,
    Record,
    Resources,
    Snapshot,
    Tick,
    finite,
    from_json,
    to_json,
)
from tests.stubs import make_config, records_of

EXAMPLES: list[Record] = [
    *records_of(make_config(epochs=1)),
    Phase(name="loading data", share=0.5, number=3),
    Resources(memory_mb=512.5, processor_percent=99.0),
    LogLine(level="INFO", text='a "quoted" line\n'),
    Failed(error_type="ValueError", message="é", traceback="..."),
    Snapshot(epoch=2, sample=7, label=1, predicted=0, image=[[0, 255]], maps={"conv_1": [[[0, 128]]]}),
    Artefact(name="model.onnx", path=None, note="a package is missing"),
    Answer(probabilities=[0.25, 0.75], words=["the", ""], label=1),
    Tick(),
]


def test_every_kind_has_an_example() -> None:
    assert {record.kind for record in EXAMPLES} == set(KINDS)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record.kind)
def test_both_ways(record: Record) -> None:
    assert from_json(to_json(record)) == record
    assert "\n" not in to_json(record)


@pytest.mark.parametrize("text", ['{"kind": "epok"}', '{"kind": "phase"}', '{"kind": "tick", "x": 1}', "[]"])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"kind|record"):
        from_json(text)


def test_numbers_that_json_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json(Phase(name="x", share=float("nan")))
    assert finite(float("inf")) is None and finite(0.5) == 0.5
