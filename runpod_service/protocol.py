"""What the client and the worker say to each other: the request, its progress, and the result.

Request, as the job's input: `{"trial": <TrialConfig>, "key": "run_name/trial_N/1a2b3c", "version": <of the product>}`.

Progress, as chunks of the job's stream: `{"chunk": 0, "records": [...]}`, counted from 0. It is there to be looked at:
a chunk that is lost, repeated or late does no harm.

Result, as the last chunk and so the last item of the job's output: `{"chunk": 9, "result": {...}}` with every record
that matters once more, and the files that the worker put into the store. A trial that failed is a failed job whose
error is the `Failed` record.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hpo_core import VERSION
from hpo_core.errors import OneginError
from hpo_core.records import Epoch, Failed, Finished, Record, Snapshot, Started, from_json, to_json
from hpo_core.trial_config import TrialConfig

MAX_BODY_BYTES = 1024
# The error type of a failure that is none of the training's.
PLATFORM_FAILURE = "RunPod"
# Characters that are kept of each text of a failure.
MOST_ERROR = 2000
# What a result repeats; the other records are progress only.
KEPT = (Started, Epoch, Snapshot, Finished)


class ProtocolError(OneginError):
    """A request or an answer that is not what both sides agreed on."""


class JobState(StrEnum):
    """State of a job on RunPod."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def is_final(self) -> bool:
        """Whether nothing happens to the job any more, and nothing is billed."""
        return self in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.TIMED_OUT)

    @property
    def is_waiting(self) -> bool:
        """Whether no worker has taken the job yet."""
        return self is JobState.IN_QUEUE


@dataclass(frozen=True)
class Request:
    """What a worker is asked to do.

    Attributes:
        trial: the whole configuration.
        key: prefix of the job's files in the store, such as 'run_name/trial_N/1a2b3c': see `store_key`.
        version: of the product that asks; a worker of another one would train other numbers.
    """

    trial: TrialConfig
    key: str
    version: str = VERSION

    def as_input(self) -> dict[str, Any]:
        return {"trial": json.loads(self.trial.to_json()), "key": self.key, "version": self.version}

    @classmethod
    def from_input(cls, data: object) -> Request:
        """Raises ProtocolError for missing and unknown fields, by name; UsageError for those of the trial."""
        if not isinstance(data, Mapping):
            raise ProtocolError(f"input must be a JSON object, got {str(data)[:80]}")
        known = {item.name for item in dataclasses.fields(cls)}
        if missing := sorted(known - set(data)):
            raise ProtocolError(f"input must have {', '.join(missing)}")
        if unknown := sorted(set(data) - known):
            raise ProtocolError(f"input must not have {', '.join(unknown)}")
        if data["version"] != VERSION:
            raise ProtocolError(
                f"the worker is version {VERSION}, the request of version {data['version']!r}; "
                "deploy an image of the same version"
            )
        if not isinstance(data["key"], str):
            raise ProtocolError(f"key must be text, got {data['key']!r}")
        return cls(trial=TrialConfig.from_json(json.dumps(data["trial"])), key=data["key"])


def store_key(run_name: str, trial: int | None) -> str:
    """What the names of a trial's files begin with in the store, None for the final model; each job adds a part."""
    return f"{run_name}/{'final' if trial is None else f'trial_{trial}'}"


@dataclass(frozen=True)
class Policy:
    """How long a job may take.

    Attributes:
        execution_s: once a worker has it.
        ttl_s: from its submission on, waiting included; afterwards the platform forgets it.
    """

    execution_s: float
    ttl_s: float

    def as_json(self) -> dict[str, int]:
        return {"executionTimeout": round(self.execution_s * 1000), "ttl": round(self.ttl_s * 1000)}


def body(request: Request, policy: Policy) -> bytes:
    """The whole body of `/run`. Raises ProtocolError where it is larger than 1,024 bytes."""
    data = {"input": request.as_input(), "policy": policy.as_json()}
    text = json.dumps(data, separators=(",", ":")).encode()
    if len(text) > MAX_BODY_BYTES:
        raise ProtocolError(f"the request has {len(text)} bytes, more than the {MAX_BODY_BYTES} allowed")
    return text


@dataclass(frozen=True)
class StoredFile:
    """A file of a trial.

    Attributes:
        name: such as 'confusion_matrix.png'.
        size: in bytes; None where it is not in the store.
        sha256: of its content, in hex; None where it is not in the store.
        note: why it is not there, or what was checked when it was made.
        made: whether the worker made it at all.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    note: str = ""
    made: bool = True


@dataclass(frozen=True)
class Result:
    """A training that went to its end, complete.

    Attributes:
        records: every record that matters, in order; `Finished` is the last one.
        files: those that the training made, in the store or not.
        worker: what the worker is: its id, its devices.
        version: of the product there.
    """

    records: list[Record]
    files: list[StoredFile] = field(default_factory=list)
    worker: dict[str, Any] = field(default_factory=dict)
    version: str = VERSION

    def as_json(self) -> dict[str, Any]:
        return {
            "records": [as_mapping(record) for record in self.records],
            "files": [dataclasses.asdict(file) for file in self.files],
            "worker": self.worker,
            "version": self.version,
        }

    @classmethod
    def from_json(cls, data: object) -> Result:
        """Raises ProtocolError where it is not complete."""
        if not isinstance(data, Mapping) or {"records", "files", "worker", "version"} - set(data):
            raise ProtocolError("the job's output is no result")
        if data["version"] != VERSION:
            raise ProtocolError(f"the worker is version {data['version']!r}, not {VERSION}; deploy the image again")
        records = records_of(data["records"])
        epochs = [record.epoch for record in records if isinstance(record, Epoch)]
        last = records[-1] if records else None
        if not (isinstance(last, Finished) and isinstance(records[0], Started) and _is_whole(last, epochs)):
            raise ProtocolError("the result is not complete: it must have each epoch once, and how it ended")
        try:
            files = [StoredFile(**item) for item in data["files"]]
        except TypeError as error:
            raise ProtocolError(f"the result's files cannot be read: {error}") from error
        return cls(records=records, files=files, worker=dict(data["worker"]))


def _is_whole(last: Finished, epochs: list[int]) -> bool:
    """Whether every epoch is there; the final model is not validated and has none, but a test."""
    return epochs == list(range(1, last.epochs + 1)) or (not epochs and last.test_accuracy is not None)


def result_of(output: object) -> Result:
    """The result in a completed job's output, which is the list of all its chunks. Raises ProtocolError."""
    if not isinstance(output, list) or not output or not isinstance(output[-1], Mapping):
        raise ProtocolError("the job is completed but has no output")
    return Result.from_json(output[-1].get("result"))


def as_mapping(record: Record) -> dict[str, Any]:
    """A record as JSON data."""
    mapping: dict[str, Any] = json.loads(to_json(record))
    return mapping


def records_of(items: object) -> list[Record]:
    """Records from JSON data. Raises ProtocolError for what is none."""
    if not isinstance(items, Iterable) or isinstance(items, str | bytes):
        raise ProtocolError("records must be a list")
    try:
        return [from_json(json.dumps(item)) for item in items]
    except ValueError as error:
        raise ProtocolError(f"a record cannot be read: {error}") from error


def failure_text(failed: Failed) -> str:
    """What a worker reports as the error of a failed trial."""
    return to_json(failed)


def kept_failure(error: object) -> str:
    """What is written down of a failed job's error: in a form that `failure_of` reads, with the traceback's end."""
    failed = failure_of(error)
    if failed.error_type == PLATFORM_FAILURE:
        return failed.traceback[:MOST_ERROR]
    message, traceback = failed.message[:MOST_ERROR], failed.traceback[-MOST_ERROR:]
    return failure_text(dataclasses.replace(failed, message=message, traceback=traceback))


def failure_of(error: object) -> Failed:
    """The failure that a failed job's error tells, whoever wrote it."""
    text = error if isinstance(error, str) else json.dumps(error)
    try:
        record = from_json(text)
    except ValueError:
        record = None
    if isinstance(record, Failed):
        return record
    lines = text.splitlines()
    return Failed(
        error_type=PLATFORM_FAILURE, message=lines[0][:300] if lines else "no reason was given", traceback=text
    )
