"""What of a trial's records goes into its job's stream, and when.

All chunks are repeated in the job's output beside the result, and the platform takes at most 10 MB of output. So what
is progress only becomes rarer the longer a job runs, and what the result brings anyway goes without its bulk where
there is no room for both.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hpo_core.records import Artefact, Batch, Epoch, Failed, Finished, Phase, Record, Resources, Snapshot, Tick, to_json
from runpod_service.protocol import Result

# The platform takes at most 1 MB in a chunk and 10 MB in an output.
CHUNK_BYTES = 900_000
OUTPUT_BYTES = 9_500_000
# Of the output, for progress, for epochs without readings and for the chunks themselves.
RESERVE_BYTES = 2_000_000
RESULT_BYTES = OUTPUT_BYTES - RESERVE_BYTES
# A training takes this many snapshots at most.
SNAPSHOTS = 12

# A record that matters waits this long after the chunk before.
PAUSE_S = 0.2
# The latest progress is sent this often, and at most this often in the time that the job has taken so far.
PROGRESS_S = 0.5
PROGRESS_SHARE = 1 / 300

_PROGRESS = (Batch, Phase, Resources)
# A tick says nothing, files have another way, and what ends a trial is no progress.
_LEFT_OUT = (Tick, Artefact, Finished, Failed)


class Chunks:
    """Gathers the records of one job and cuts them into numbered chunks.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._sent_at = self._progress_at = -math.inf
        self._numbers = itertools.count()
        self._waiting: list[tuple[Record, str]] = []  # with its JSON
        self._phase = ""
        self._streamed = 0  # bytes, those that wait included
        self._epochs = 1
        self._largest: dict[type[Record], int] = {Epoch: 0, Snapshot: 0}

    def add(self, record: Record) -> None:
        """Take a record in, unless the stream can do without it."""
        if isinstance(record, _LEFT_OUT) or self._is_known(record):
            return
        text = to_json(record)
        if isinstance(record, _PROGRESS):
            self._drop(type(record))
        elif isinstance(record, Epoch | Snapshot) and not self._has_room(record, len(text)):
            if isinstance(record, Snapshot):
                return
            text = to_json(dataclasses.replace(record, layers=None))
        else:
            self._streamed += len(text)
        if isinstance(record, Epoch):
            self._drop(Batch)  # of an epoch that is over
        self._waiting.append((record, text))

    def take(self) -> list[dict[str, Any]]:
        """The chunks that are due now."""
        now = self._clock()
        with_progress = now - self._progress_at >= max(PROGRESS_S, (now - self._began) * PROGRESS_SHARE)
        if now - self._sent_at < PAUSE_S:
            return []
        return self._pack(with_progress=with_progress)

    def rest(self) -> list[dict[str, Any]]:
        """The chunks of everything that waits."""
        return self._pack(with_progress=True)

    def last(self, result: Result) -> dict[str, Any]:
        """The chunk that ends the job."""
        return {"chunk": next(self._numbers), "result": result.as_json()}

    def _is_known(self, record: Record) -> bool:
        """Whether it is the phase that was told last."""
        if not isinstance(record, Phase):
            return False
        before, self._phase = self._phase, f"{record.name} {record.share}"
        return before == self._phase

    def _drop(self, kind: type[Record]) -> None:
        self._waiting = [waiting for waiting in self._waiting if not isinstance(waiting[0], kind)]

    def _has_room(self, record: Epoch | Snapshot, size: int) -> bool:
        """Whether it may be streamed whole: what the result will bring, and what was streamed, leave room for it."""
        self._largest[type(record)] = max(self._largest[type(record)], size)
        if isinstance(record, Epoch):
            self._epochs = record.epochs
        result = self._largest[Epoch] * self._epochs + self._largest[Snapshot] * SNAPSHOTS
        room = RESULT_BYTES - result - self._streamed
        # Readings decide about trials while they train; snapshots are only looked at.
        share = 1.0 if isinstance(record, Epoch) else 0.25
        return size <= min(CHUNK_BYTES, share * room)

    def _pack(self, *, with_progress: bool) -> list[dict[str, Any]]:
        going: list[str] = []
        staying: list[tuple[Record, str]] = []
        for record, text in self._waiting:
            if isinstance(record, _PROGRESS) and not with_progress:
                staying.append((record, text))
            else:
                going.append(text)
        if not going:
            return []
        self._waiting = staying
        self._sent_at = self._clock()
        if with_progress:
            self._progress_at = self._sent_at
        return [
            {"chunk": next(self._numbers), "records": [json.loads(text) for text in part]} for part in _parts(going)
        ]


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    """`texts` in order, in parts of at most as many bytes as a chunk may have."""
    part: list[str] = []
    size = 0
    for text in texts:
        if part and size + len(text) > CHUNK_BYTES:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part


def fitting_result(records: Sequence[Record]) -> tuple[list[Record], int]:
    """Records for a result of at most `RESULT_BYTES`, and the epochs from one with readings to the next.

    Readings are left out of epochs in between where the whole is larger, as if their interval had been longer.
    """
    last = max((record.epoch for record in records if isinstance(record, Epoch)), default=0)
    bare = [dataclasses.replace(record, layers=None) if isinstance(record, Epoch) else record for record in records]
    sizes = [len(to_json(record)) for record in records]
    bare_sizes = [
        len(to_json(less)) if isinstance(less, Epoch) else size for less, size in zip(bare, sizes, strict=True)
    ]
    for step in range(1, max(1, last) + 1):
        keeps = [
            not isinstance(record, Epoch) or (record.epoch - 1) % step == 0 or record.epoch == last
            for record in records
        ]
        size = sum(whole if keep else less for keep, whole, less in zip(keeps, sizes, bare_sizes, strict=True))
        if size <= RESULT_BYTES:
            return [whole if keep else less for keep, whole, less in zip(keeps, records, bare, strict=True)], step
    return bare, 0
