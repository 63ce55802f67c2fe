"""Where `prepare` looks, what it keeps, and what it does when the cache is damaged, full or shared."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from datasets import (
    DatasetCacheError,
    DatasetCorruptError,
    DatasetUnavailableError,
    UnknownDatasetError,
    open_prepared,
    pictures,
    prepare,
)
from datasets.content import Report
from datasets.sources import Source, SourceFile
from tests.datasets import samples


def no_download(file: SourceFile, target: Path, report: Report) -> None:
    raise DatasetUnavailableError("no network in this test")


def decoded(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "decoded").iterdir())


def test_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownDatasetError, match="did you mean 'digits'"):
        prepare("digit", folder=None, cache=tmp_path)


def test_complete_set_before_subset_and_folder_before_cache(tmp_path: Path) -> None:
    folder, cache = tmp_path / "data", tmp_path / "cache"
    (cache / "downloads").mkdir(parents=True)
    folder.mkdir()
    tarball, _, _ = samples.write_cifar10(tmp_path)
    declared = samples.declared("cifar10", [tarball], pictures.decode_cifar10)["cifar10"]
    x, y = samples.random_pictures(3, (32, 32, 3)), np.arange(3)
    np.savez(tmp_path / "cifar10_subset.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    known = SourceFile("cifar10_subset.npz", known_good=(samples.sha256(tmp_path / "cifar10_subset.npz"),))
    sources = {"cifar10": (*declared, Source((known,), pictures.decode_npz, "From the subset."))}

    def n_train() -> int:
        return prepare("cifar10", folder=folder, cache=cache, download=no_download, sources=sources).n_train

    with pytest.raises(DatasetUnavailableError, match=r"cifar-10-python\.tar\.gz"):
        n_train()
    shutil.copy(tarball, cache / "downloads")
    assert n_train() == 20
    shutil.copy(tmp_path / "cifar10_subset.npz", folder)
    assert n_train() == 3
    shutil.copy(tarball, folder)
    assert n_train() == 20


def test_folder_is_only_read(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    sources = samples.mnist_source(samples.write_mnist(folder))
    prepare("mnist", folder=folder, cache=tmp_path / "cache", sources=sources)
    assert [path.name for path in folder.iterdir()] == ["mnist.npz"]


def test_decoded_folder_opens_again(tmp_path: Path) -> None:
    sources = samples.mnist_source(samples.write_mnist(tmp_path))
    result = prepare("mnist", folder=tmp_path, cache=tmp_path / "cache", sources=sources)
    assert result.path.name == f"mnist-{result.fingerprint[:12]}" and len(result.fingerprint) == 64
    assert result.path.parent == tmp_path / "cache" / "decoded"
    assert open_prepared(result.path) == result
    assert decoded(tmp_path / "cache") == ["index.json", result.path.name]


def test_second_call_is_fast_and_does_not_read_the_source(tmp_path: Path) -> None:
    path = samples.write_mnist(tmp_path)
    begun = time.process_time()  # not what others do on the machine
    first = prepare("mnist", folder=tmp_path, cache=tmp_path / "cache", sources=samples.mnist_source(path))
    first_s = time.process_time() - begun
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    durations = []
    for _ in range(5):
        begun = time.process_time()
        assert prepare("mnist", folder=tmp_path, cache=tmp_path / "cache") == first
        durations.append(time.process_time() - begun)
    assert min(durations) < first_s / 3


def test_changed_source_is_decoded_again(tmp_path: Path) -> None:
    path = samples.write_mnist(tmp_path)
    first = prepare("mnist", folder=tmp_path, cache=tmp_path / "cache", sources=samples.mnist_source(path))
    samples.write_mnist(tmp_path, {"y_train": np.zeros(30, np.uint8)})
    second = prepare("mnist", folder=tmp_path, cache=tmp_path / "cache", sources=samples.mnist_source(path))
    assert second.fingerprint != first.fingerprint
    assert second.y_train.sum() == 0 and first.y_train.sum() > 0


def test_fingerprint_is_of_the_content_not_of_the_packing(tmp_path: Path) -> None:
    path = samples.write_mnist(tmp_path)
    packed = prepare("mnist", folder=tmp_path, cache=tmp_path / "a", sources=samples.mnist_source(path))
    np.savez(path, **samples.mnist_arrays())  # type: ignore[arg-type]
    other = prepare("mnist", folder=tmp_path, cache=tmp_path / "b", sources=samples.mnist_source(path))
    assert other.fingerprint == packed.fingerprint


@pytest.mark.parametrize("place", ["folder", "cache/downloads"])
def test_a_tampered_archive_is_refused_wherever_it_lies(place: str, tmp_path: Path) -> None:
    """A well-formed archive with other labels, in the user's folder or where our own download was."""
    where = tmp_path / place
    where.mkdir(parents=True)
    path = samples.write_mnist(where)
    sources = samples.mnist_source(path)
    samples.write_mnist(where, {"y_train": samples.mnist_arrays()["y_train"][::-1]})
    with pytest.raises(DatasetCorruptError, match="is not the published file: its checksum must be sha256:") as caught:
        prepare("mnist", folder=tmp_path / "folder", cache=tmp_path / "cache", sources=sources)
    assert str(path) in str(caught.value) and "Delete it and get it again" in str(caught.value)
    assert not (tmp_path / "cache" / "decoded").exists()
    path.unlink()
    samples.write_mnist(where)
    assert prepare("mnist", folder=tmp_path / "folder", cache=tmp_path / "cache", sources=sources).n_train == 30


def test_a_copy_that_was_packed_again_has_its_own_checksum(tmp_path: Path) -> None:
    path = samples.write_mnist(tmp_path)
    published = samples.sha256(path)
    np.savez(path, **samples.mnist_arrays())  # type: ignore[arg-type]
    file = SourceFile("mnist.npz", "http://127.0.0.1:9", published, (samples.sha256(path),))
    sources = {"mnist": (Source((file,), pictures.decode_npz),)}
    assert prepare("mnist", folder=tmp_path, cache=tmp_path / "cache", sources=sources).n_train == 30


@pytest.mark.parametrize("damage", ["cut", "missing", "metadata", "empty", "other format", "index", "gone", "a file"])
def test_damaged_cache_is_made_anew(damage: str, tmp_path: Path) -> None:
    sources = samples.mnist_source(samples.write_mnist(tmp_path))
    cache = tmp_path / "cache"
    first = prepare("mnist", folder=tmp_path, cache=cache, sources=sources)
    array, metadata = first.path / "x_train.npy", first.path / "dataset.json"
    if damage == "cut":
        array.write_bytes(array.read_bytes()[:-1])
    elif damage == "missing":
        array.unlink()
    elif damage == "metadata":
        metadata.write_text("{")
    elif damage == "other format":
        metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"format": 0}))
    elif damage == "index":
        (cache / "decoded" / "index.json").write_text("[1")
    else:
        shutil.rmtree(first.path)
        if damage == "empty":
            first.path.mkdir()
        elif damage == "a file":
            first.path.write_text("")
    if damage != "index":
        with pytest.raises(DatasetCorruptError):
            open_prepared(first.path)
    second = prepare("mnist", folder=tmp_path, cache=cache, sources=sources)
    assert second == first and second.x_train.shape == (30, 28, 28, 1)
    assert decoded(cache) == ["index.json", first.path.name]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let every write beyond `size` bytes fail, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_full_disk_leaves_nothing_half_made(tmp_path: Path) -> None:
    with largest_file(60_000), pytest.raises(DatasetCacheError) as caught:
        prepare("digits", folder=None, cache=tmp_path)
    assert "the decoded Digits 8x8 could not be written" in str(caught.value)
    assert str(tmp_path / "decoded") in str(caught.value) and "free some space" in str(caught.value)
    assert decoded(tmp_path) == []
    assert prepare("digits", folder=None, cache=tmp_path).n_train == 1797


def test_cache_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(DatasetCacheError, match="choose another cache folder"):
        prepare("digits", folder=None, cache=tmp_path / "cache")


def test_error_while_decoding_leaves_nothing(tmp_path: Path) -> None:
    sources = samples.mnist_source(samples.write_mnist(tmp_path, {"y_train": np.full(30, 77)}))
    with pytest.raises(DatasetCorruptError, match="y_train must be 0 to 9"):
        prepare("mnist", folder=tmp_path, cache=tmp_path / "cache", sources=sources)
    assert not (tmp_path / "cache").exists()


def test_what_killed_processes_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, young = tmp_path / "decoded" / ".unfinished-old", tmp_path / "decoded" / ".unfinished-young"
    for path in (old, young):
        path.mkdir(parents=True)
    os.utime(old, (0, 0))
    prepare("digits", folder=None, cache=tmp_path)
    assert not old.exists() and young.exists()


def test_processes_that_prepare_at_the_same_time(tmp_path: Path) -> None:
    samples.write_mnist(tmp_path)
    code = f"""
import sys, time
from pathlib import Path
from datasets import prepare
from datasets.sources import SOURCES
from tests.datasets import samples
folder = Path({str(tmp_path)!r})
sources = dict(SOURCES) | dict(samples.mnist_source(folder / "mnist.npz"))
time.sleep(max(0, float(sys.argv[1]) - time.time()))
for name in ("mnist", "digits", "generated_text"):
    result = prepare(name, folder=folder, cache=folder / "cache", sources=sources)
    print(result.fingerprint, int(result.y_train.sum()))
"""
    start = str(time.time() + 1.0)
    command = [sys.executable, "-W", "error", "-c", code, start]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(set(outputs)) == 1 and outputs[0].count("\n") == 3
    assert len(decoded(tmp_path / "cache")) == 4
