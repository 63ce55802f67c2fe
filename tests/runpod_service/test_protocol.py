"""Tests of what client and worker say to each other."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from datasets import CATALOGUE
from hpo_core import VERSION
from hpo_core.errors import UsageError
from hpo_core.optimization_config import OPTIONS
from hpo_core.parameters import Range, parameters_of
from hpo_core.records import Epoch, Failed, Finished, Started
from hpo_core.trial_config import TrialConfig
from runpod_service.protocol import (
    MAX_BODY_BYTES,
    MOST_ERROR,
    PLATFORM_FAILURE,
    JobState,
    Policy,
    ProtocolError,
    Request,
    Result,
    StoredFile,
    body,
    failure_of,
    failure_text,
    kept_failure,
    records_of,
    result_of,
)
from storage.jobs import FINAL_STATES, LOST
from tests.hpo_core.test_trial_config import longest
from tests.stubs import make_config
from tests.stubs import records_of as script_of

CONFIG = make_config(epochs=2)
REQUEST = Request(CONFIG, "run/trial_0")
POLICY = Policy(execution_s=600, ttl_s=1500)
RESULT = Result([record for record in script_of(CONFIG) if isinstance(record, Started | Epoch | Finished)])


def largest(dataset: str) -> TrialConfig:
    """Every field at its longest, real numbers with six significant digits."""
    config = make_config(dataset)
    return dataclasses.replace(
        config,
        seed=2**32 - 1,
        split_seed=2**32 - 1,
        sample_percentage=12.3457,
        validation_split=0.0512346,
        test_split=0.0512346,
        threads=256,
        replicas=16,
        part="trial",
        objective="validation_accuracy",
        health_weight=1.23457e-05,
        health_interval=1000,
        plots="best",
        draw_above=1.23457e-05,
        hyperparameters={name: longest(name) for name in config.hyperparameters},
    )


def longest_policy() -> Policy:
    minutes = OPTIONS["max_training_time_minutes"].allowed
    assert isinstance(minutes, Range)
    return Policy(execution_s=minutes.high * 60 + 600, ttl_s=minutes.high * 60 + 1500)


@pytest.mark.parametrize("dataset", list(CATALOGUE))
def test_the_largest_request_is_small_and_arrives_equal(dataset: str) -> None:
    config = largest(dataset)
    text = body(Request(config, f"{'n' * 80}/trial_99999"), longest_policy())
    assert len(text) <= MAX_BODY_BYTES
    arrived = Request.from_input(json.loads(text)["input"])
    assert arrived.trial == config and arrived.key.endswith("/trial_99999")


def test_a_larger_request_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"the request has \d+ bytes, more than the 1024 allowed"):
        body(Request(CONFIG, "n" * 900), POLICY)


@pytest.mark.parametrize("dataset", ["digits", "imdb"])
def test_every_field_arrives_equal(dataset: str) -> None:
    """The fields are enumerated, so a new one cannot be forgotten."""
    config = largest(dataset)
    arrived = Request.from_input(json.loads(body(Request(config, "run/final"), POLICY))["input"]).trial
    for field in dataclasses.fields(TrialConfig):
        here, there = getattr(config, field.name), getattr(arrived, field.name)
        assert (here, type(here)) == (there, type(there)), field.name
    for parameter in parameters_of(config.architecture):
        here, there = config[parameter.name], arrived[parameter.name]
        assert (here, type(here)) == (there, type(there)), parameter.name


def test_the_policy_is_in_milliseconds() -> None:
    assert json.loads(body(REQUEST, POLICY))["policy"] == {"executionTimeout": 600_000, "ttl": 1_500_000}


@pytest.mark.parametrize("field", ["trial", "key", "version"])
def test_a_missing_field_is_refused_by_name(field: str) -> None:
    data = REQUEST.as_input()
    del data[field]
    with pytest.raises(ProtocolError, match=f"input must have {field}"):
        Request.from_input(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"trail": 1}, "input must not have trail"), ({"version": "0.0.1"}, f"worker is version {VERSION}.*'0.0.1'"),
     ({"version": None}, "deploy an image of the same version"), ({"key": 3}, "key must be text, got 3")],
)  # fmt: skip
def test_what_does_not_belong_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        Request.from_input(REQUEST.as_input() | change)


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_an_input_of_another_kind_is_refused(data: object) -> None:
    with pytest.raises(ProtocolError, match="input must be a JSON object"):
        Request.from_input(data)


@pytest.mark.parametrize("change", [{"filters": "many"}, {"fliters": 3}, {"architecture": "mlp"}])
def test_a_trial_that_cannot_be_is_refused_by_name(change: dict[str, Any]) -> None:
    data = REQUEST.as_input()
    with pytest.raises(UsageError, match=next(iter(change))):
        Request.from_input(data | {"trial": data["trial"] | change})


def test_a_result_arrives_equal() -> None:
    files = [StoredFile("a.png", 3, "00", "checked"), StoredFile("b.png", note="too large", made=False)]
    result = dataclasses.replace(RESULT, files=files, worker={"id": "w", "devices": ["GPU"]})
    assert result_of([{"chunk": 0, "records": []}, {"result": json.loads(json.dumps(result.as_json()))}]) == result


def test_the_final_model_has_no_epochs_but_a_test() -> None:
    started, finished = RESULT.records[0], Finished(epochs=2, duration_s=1.0)
    tested = dataclasses.replace(finished, test_accuracy=0.9)
    assert Result.from_json(Result([started, tested]).as_json()).records == [started, tested]
    with pytest.raises(ProtocolError, match="not complete"):
        Result.from_json(Result([started, finished]).as_json())


@pytest.mark.parametrize("output", [None, [], {}, "done", ["done"], [{}], [{"chunk": 0, "records": []}]])
def test_an_output_without_result_is_refused(output: object) -> None:
    with pytest.raises(ProtocolError, match=r"no output|no result"):
        result_of(output)


@pytest.mark.parametrize("left_out", range(len(RESULT.records)))
def test_a_result_without_one_of_its_records_is_refused(left_out: int) -> None:
    records = [record for number, record in enumerate(RESULT.records) if number != left_out]
    with pytest.raises(ProtocolError, match="not complete"):
        Result.from_json(Result(records).as_json())


@pytest.mark.parametrize(
    ("change", "said"),
    [({"version": "0.0.1"}, "worker is version '0.0.1'.*deploy the image again"), ({"records": "none"}, "a list"),
     ({"records": [{"kind": "song"}]}, "a record cannot be read"), ({"files": [{"size": 3}]}, "files cannot be read"),
     ({"records": []}, "not complete")],
)  # fmt: skip
def test_a_result_that_cannot_be_read_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        Result.from_json(RESULT.as_json() | change)


def test_a_failure_arrives_equal() -> None:
    failed = Failed(error_type="ValueError", message="no such layer", traceback="line 1\nline 2")
    assert failure_of(failure_text(failed)) == failed


def test_what_is_kept_of_a_long_failure_is_still_one() -> None:
    failed = Failed(error_type="ValueError", message="no such layer", traceback='a "line"\n' * 1000 + "the last one")
    kept = failure_of(kept_failure(failure_text(failed)))
    assert (kept.error_type, kept.message) == ("ValueError", "no such layer")
    assert kept.traceback == failed.traceback[-MOST_ERROR:]
    assert kept_failure("worker was evicted " * 1000) == ("worker was evicted " * 1000)[:MOST_ERROR]


@pytest.mark.parametrize(
    ("error", "message"),
    [("worker exited with 137\nand more", "worker exited with 137"), ("", "no reason was given"),
     ({"code": 3}, '{"code": 3}'), (None, "null"), ('{"kind": "tick", "number": 1}', '{"kind": "tick", "number": 1}')],
)  # fmt: skip
def test_any_other_failure_is_the_platform_s(error: object, message: str) -> None:
    failed = failure_of(error)
    assert (failed.error_type, failed.message) == (PLATFORM_FAILURE, message)


def test_records_that_are_none() -> None:
    assert records_of([]) == []
    for items in (3, "text", [3], [{"kind": "epoch"}]):
        with pytest.raises(ProtocolError):
            records_of(items)


def test_states() -> None:
    final = {state.value for state in JobState if state.is_final}
    assert final == {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}
    assert {*final, LOST} == set(FINAL_STATES), "the database has the same ones, and that of a job nobody knows"
    assert [state.value for state in JobState if state.is_waiting] == ["IN_QUEUE"]
