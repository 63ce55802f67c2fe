"""Each file format, on small files built like the published ones, whole and damaged."""

import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets import DatasetCorruptError, decode_text, pictures, prepare, texts
from datasets.prepared import PreparedDataset
from datasets.sources import Sources
from tests.datasets import samples


def prepared(name: str, folder: Path, sources: Sources | None = None) -> PreparedDataset:
    """By default MNIST with the bytes that it has now."""
    known = samples.mnist_source(folder / "mnist.npz") if sources is None else sources
    return prepare(name, folder=folder, cache=folder / "cache", sources=known)


def test_npz_of_pictures(tmp_path: Path) -> None:
    samples.write_mnist(tmp_path)
    result = prepared("mnist", tmp_path)
    arrays = samples.mnist_arrays()
    assert np.array_equal(result.x_train, arrays["x_train"][..., None])
    assert np.array_equal(result.x_test, arrays["x_test"][..., None])
    assert result.y_train.dtype == np.int64 and np.array_equal(result.y_train, arrays["y_train"])
    assert isinstance(result.x_train, np.memmap) and isinstance(result.y_test, np.memmap)
    assert (result.n_train, result.n_test, result.is_subset) == (30, 10, True)
    assert result.note == "A subset: 30 of 60,000 training pictures."


MNIST_FAULTS: dict[str, dict[str, Any]] = {
    "x_train must be uint8": {"x_train": np.zeros((30, 28, 28))},
    r"x_train must be uint8 \(n, 28, 28, 1\)": {"x_train": np.zeros((30, 32, 32), np.uint8)},
    "y_train must be 0 to 9, got 0 to 10": {"y_train": np.arange(30) % 11},
    "y_test must be 0 to 9, got -1": {"y_test": np.arange(10) - 1},
    "y_train must be whole numbers": {"y_train": np.zeros(30)},
    r"y_train must be whole numbers \(n,\)": {"y_train": np.zeros((30, 1), np.uint8)},
    "equally many, got 30 and 29": {"y_train": np.zeros(29, np.uint8)},
    "equally many, got 0 and 0": {"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)},
    "must hold x_train, y_train, x_test, y_test": {"more": np.zeros(1)},
    "must hold numbers, got objects": {"x_train": samples.objects([[1], [2]])},
}


@pytest.mark.parametrize("message", MNIST_FAULTS)
def test_npz_with_wrong_arrays(message: str, tmp_path: Path) -> None:
    path = samples.write_mnist(tmp_path, MNIST_FAULTS[message])
    with pytest.raises(DatasetCorruptError, match=message) as caught:
        prepared("mnist", tmp_path)
    assert caught.value.path == path
    assert "Delete it and get it again" in str(caught.value)
    assert not (tmp_path / "cache" / "decoded").exists()


def test_npz_without_an_array(tmp_path: Path) -> None:
    arrays = samples.mnist_arrays()
    del arrays["y_test"]
    np.savez(tmp_path / "mnist.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DatasetCorruptError, match="the archive must hold"):
        prepared("mnist", tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_npz(share: float, tmp_path: Path) -> None:
    path = samples.write_mnist(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(DatasetCorruptError, match=r"mnist\.npz"):
        prepared("mnist", tmp_path)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_npz_with_one_changed_byte(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    write(path, **samples.mnist_arrays())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(DatasetCorruptError, match=r"mnist\.npz"):
        prepared("mnist", tmp_path)


def test_npz_whose_header_lies(tmp_path: Path) -> None:
    samples.write_mnist(tmp_path)
    with zipfile.ZipFile(tmp_path / "mnist.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["x_train.npy"] = members["x_train.npy"].replace(b"(30, 28, 28)", b"(31, 28, 28)")
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(DatasetCorruptError, match="do not fill"):
        prepared("mnist", tmp_path)


def write_fashion(folder: Path) -> Sources:
    arrays = samples.mnist_arrays()
    names = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    names += ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    for name, array in zip(names, arrays.values(), strict=True):
        (folder / name).write_bytes(samples.idx_bytes(array))
    return samples.declared("fashion_mnist", [folder / name for name in names], pictures.decode_idx)


def test_idx(tmp_path: Path) -> None:
    result = prepared("fashion_mnist", tmp_path, write_fashion(tmp_path))
    arrays = samples.mnist_arrays()
    assert np.array_equal(result.x_train[..., 0], arrays["x_train"])
    assert np.array_equal(result.y_test, arrays["y_test"])


@pytest.mark.parametrize("fault", ["checksum", "cut", "no idx", "sizes"])
def test_damaged_idx(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    sources = write_fashion(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "checksum": whole + b"\0",
            "cut": whole[:-9],
            "no idx": gzip.compress(b"hello world"),
            "sizes": gzip.compress(gzip.decompress(whole) + b"\0"),
        }[fault]
    )
    if fault != "checksum":
        files = [tmp_path / file.path for file in sources["fashion_mnist"][0].files]
        sources = samples.declared("fashion_mnist", files, pictures.decode_idx)
    with pytest.raises(DatasetCorruptError, match=r"train-images-idx3-ubyte\.gz"):
        prepared("fashion_mnist", tmp_path, sources)


@pytest.mark.parametrize("batch", [samples.python2_batch, samples.python3_batch])
def test_cifar10_tarball(batch: samples.Batch, tmp_path: Path) -> None:
    path, x_train, x_test = samples.write_cifar10(tmp_path, batch)
    result = prepared("cifar10", tmp_path, samples.declared("cifar10", [path], pictures.decode_cifar10))
    assert np.array_equal(result.x_train, x_train) and np.array_equal(result.x_test, x_test)
    assert result.y_train.tolist() == [label for batch in range(5) for label in (batch, 1, 2, 9)]
    assert result.y_test.tolist() == [5, 1, 2, 9]


def test_cifar100_tarball_has_fine_labels(tmp_path: Path) -> None:
    x = samples.random_pictures(5, (32, 32, 3))
    members = {
        "cifar-100-python/train": samples.python2_batch(samples.cifar_rows(x[:3]), [99, 0, 41], b"fine_labels"),
        "cifar-100-python/test": samples.python2_batch(samples.cifar_rows(x[3:]), [7, 8], b"fine_labels"),
    }
    path = samples.write_tar(tmp_path / "cifar-100-python.tar.gz", members)
    result = prepared("cifar100", tmp_path, samples.declared("cifar100", [path], pictures.decode_cifar100))
    assert np.array_equal(result.x_train, x[:3]) and np.array_equal(result.x_test, x[3:])
    assert (result.y_train.tolist(), result.y_test.tolist()) == ([99, 0, 41], [7, 8])


@pytest.mark.parametrize("fault", ["cut", "member", "labels", "data"])
def test_damaged_cifar10(fault: str, tmp_path: Path) -> None:
    def batch(data: samples.Array, labels: list[int], label_key: bytes) -> bytes:
        if fault == "data":
            return samples.python2_batch(data[:, :3000], labels, label_key)
        return samples.python2_batch(data, labels, b"other" if fault == "labels" else label_key)

    path, _, _ = samples.write_cifar10(tmp_path, batch)
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-4000])
    if fault == "member":
        samples.write_tar(path, {"cifar-10-batches-py/data_batch_1": b""})
    with pytest.raises(DatasetCorruptError, match=r"cifar-10-python\.tar\.gz"):
        prepared("cifar10", tmp_path, samples.declared("cifar10", [path], pictures.decode_cifar10))


def test_gtsrb_zips(tmp_path: Path) -> None:
    sources = samples.declared("gtsrb", samples.write_gtsrb(tmp_path), pictures.decode_gtsrb)
    result = prepared("gtsrb", tmp_path, sources)
    assert result.x_train.shape == (3, 32, 32, 3) and result.x_test.shape == (2, 32, 32, 3)
    assert result.y_train.tolist() == [0, 0, 14]
    assert [tuple(picture[16, 16]) for picture in result.x_train] == [(1, 2, 3), (4, 5, 6), (140, 1, 2)]
    assert result.y_test.tolist() == [16, 42]
    assert result.x_test[:, 0, 0, 0].tolist() == [7, 8]


@pytest.mark.parametrize("fault", ["empty picture", "no label", "cut"])
def test_damaged_gtsrb(fault: str, tmp_path: Path) -> None:
    paths = samples.write_gtsrb(tmp_path)
    if fault == "cut":
        paths[0].write_bytes(paths[0].read_bytes()[:-30])
    elif fault == "empty picture":
        with zipfile.ZipFile(paths[0], "a") as archive:
            archive.writestr("GTSRB/Training/00001/00000_00000.ppm", b"")
    else:
        with zipfile.ZipFile(paths[1], "a") as archive:
            archive.writestr("GTSRB/Final_Test/Images/00002.ppm", archive.read("GTSRB/Final_Test/Images/00000.ppm"))
        with zipfile.ZipFile(paths[2], "w") as archive:
            archive.writestr("GT-final_test.csv", "Filename;ClassId\n00000.ppm;1\n00001.ppm;1\n")
    with pytest.raises(DatasetCorruptError, match="GTSRB"):
        prepared("gtsrb", tmp_path, samples.declared("gtsrb", paths, pictures.decode_gtsrb))


def test_imdb_becomes_ids_with_a_start_mark(tmp_path: Path) -> None:
    result = prepared("imdb", tmp_path, samples.write_imdb(tmp_path))
    train = result.sequences("train")
    assert [text.tolist() for text in train] == [[1, 4, 5, 6], [1, 8, 88_587]]
    assert [text.tolist() for text in result.sequences("test")] == [[1, 10], [1, 11, 12, 13, 14]]
    assert train.tokens.dtype == np.int32 and train.offsets.dtype == np.int64
    assert isinstance(train.tokens, np.memmap) and isinstance(train.offsets, np.memmap)
    assert decode_text(result, train[0]) == "word1 word2 word3"
    assert decode_text(result, train[1]) == "line\x85feed word88584"


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        ("word ranks of 1 to 88584, got 0", {"x_train": samples.objects([[0], [1]])}),
        ("word ranks of 1 to 88584, got 1 to 88585", {"x_train": samples.objects([[1], [88_585]])}),
        ("list of whole numbers", {"x_test": samples.objects([1, 2])}),
        ("y_train must be 0 to 1", {"y_train": np.array([0, 2])}),
        ("equally many, got 2 and 3", {"y_test": np.array([0, 1, 0])}),
        ("must hold lists", {"x_test": np.zeros((2, 3), np.int64)}),
    ],
)
def test_imdb_with_wrong_arrays(message: str, changes: dict[str, Any], tmp_path: Path) -> None:
    sources = samples.write_imdb(tmp_path, changes)
    with pytest.raises(DatasetCorruptError, match=message):
        prepared("imdb", tmp_path, sources)


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', '{"a": []}'])
def test_imdb_with_a_wrong_word_index(content: str, tmp_path: Path) -> None:
    samples.write_imdb(tmp_path)
    index = tmp_path / "imdb_word_index.json"
    index.write_text(content)
    sources = samples.declared("imdb", [tmp_path / "imdb.npz", index], texts.decode_imdb)
    with pytest.raises(DatasetCorruptError, match="imdb_word_index"):
        prepared("imdb", tmp_path, sources)
