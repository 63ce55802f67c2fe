"""Tests of what becomes of the files that a training on a worker makes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from hpo_core.errors import OneginError
from hpo_core.records import Artefact, Finished, LogLine, Record
from hpo_core.trial_config import TrialConfig
from runpod_service.protocol import StoredFile, result_of
from runpod_service.worker_files import NO_STORE
from tests.runpod_service.jobs import collect, job, output_of, streamed, wait_for, worker
from tests.stubs import ScriptedTrainer
from tests.stubs import records_of as script_of


class MemoryStore:
    """A store in memory; `broken` names cannot be uploaded."""

    def __init__(self, broken: str = "", pause: Callable[[], object] = lambda: None) -> None:
        self.objects: dict[str, bytes] = {}
        self._broken = broken
        self._pause = pause

    def upload(self, path: Path, key: str) -> tuple[int, str]:
        if path.name == self._broken:
            raise OneginError("the bucket is gone")
        self.objects[key] = path.read_bytes()
        self._pause()
        return len(self.objects[key]), "digest"

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)


class FileMaker:
    """A `Trainer` that makes `names`, then one that it cannot make, and empties its folder when it goes on."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder, self._names = folder, names
        folder.mkdir()

    def __call__(self, config: TrialConfig) -> Iterator[Record]:
        *before, finished = script_of(config)
        yield from before
        for name in self._names:
            file = self._folder / name
            file.write_bytes(name.encode())
            yield Artefact(name=name, path=str(file), note="checked")
            file.unlink()
        yield Artefact(name="model.tflite", path=None, note="it has a mask")
        yield finished


MISSING = StoredFile("model.tflite", note="it has a mask", made=False)


def test_files_go_into_the_store_before_the_training_process_removes_them(tmp_path: Path) -> None:
    store = MemoryStore()
    output = output_of(FileMaker(tmp_path / "files", ["a.png", "b.png"]), store)
    assert store.objects == {"run/trial_0/a.png": b"a.png", "run/trial_0/b.png": b"b.png"}
    assert result_of(output).files == [
        StoredFile("a.png", 5, "digest", "checked"), StoredFile("b.png", 5, "digest", "checked"), MISSING,
    ]  # fmt: skip
    assert not any(isinstance(record, Artefact) for record in streamed(output))


def test_without_a_store_the_result_is_complete(tmp_path: Path) -> None:
    result = result_of(output_of(FileMaker(tmp_path / "files", ["a.png"])))
    assert result.files == [StoredFile("a.png", note=NO_STORE), MISSING]
    assert isinstance(result.records[-1], Finished)


def test_a_lost_upload_is_a_note_and_a_line_for_the_log(tmp_path: Path) -> None:
    output = output_of(FileMaker(tmp_path / "files", ["a.png", "b.png"]), MemoryStore(broken="a.png"))
    assert result_of(output).files[0] == StoredFile("a.png", note="the bucket is gone")
    assert result_of(output).files[1].size == 5
    lines = [record.text for record in streamed(output) if isinstance(record, LogLine)]
    assert any("a.png" in line and "the bucket is gone" in line for line in lines)


def test_a_file_that_cannot_be_copied_is_a_note(tmp_path: Path) -> None:
    def script(config: TrialConfig) -> Sequence[Record]:
        return [*script_of(config)[:-1], Artefact(name="a.png", path=str(tmp_path / "gone")), script_of(config)[-1]]

    (file,) = result_of(output_of(ScriptedTrainer(script), MemoryStore())).files
    assert file.made and file.size is None and "No such file" in file.note


def test_a_job_cancelled_while_files_are_stored_leaves_none_there(tmp_path: Path) -> None:
    at_upload, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        at_upload.set()
        go_on.wait(5)

    store = MemoryStore(pause=pause)

    async def use() -> None:
        trainer = FileMaker(tmp_path / "files", ["a.png", "b.png"])
        task = asyncio.create_task(collect(worker(trainer, store), job()))
        await asyncio.to_thread(at_upload.wait, 5)
        assert store.objects
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await asyncio.to_thread(wait_for, lambda: not store.objects)

    asyncio.run(use())


def test_a_job_cancelled_while_its_result_is_sent_leaves_no_files(tmp_path: Path) -> None:
    store, result_is_there = MemoryStore(), asyncio.Event()

    async def use() -> None:
        async def read_and_send() -> None:
            await collect(worker(FileMaker(tmp_path / "files", ["a.png"]), store), job())
            result_is_there.set()
            await asyncio.sleep(60)  # sends the result

        task = asyncio.create_task(read_and_send())
        await result_is_there.wait()
        assert store.objects
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_for, lambda: not store.objects)

    asyncio.run(use())


def test_a_task_that_ends_well_keeps_the_files(tmp_path: Path) -> None:
    store = MemoryStore()
    output_of(FileMaker(tmp_path / "files", ["a.png"]), store)
    time.sleep(0.1)
    assert store.objects
