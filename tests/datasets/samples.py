"""Small files built like the published ones, and sources that declare them."""

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datasets import pictures, texts
from datasets.catalogue import dataset_info
from datasets.sources import Source, SourceFile, Sources

Array = np.ndarray[Any, np.dtype[Any]]


def sha256(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def declared(name: str, paths: list[Path], decode: Any, url: str = "http://127.0.0.1:9/none") -> Sources:
    """A source that declares these files with the checksums they have now."""
    files = [SourceFile(path.name, f"{url}/{path.name}", sha256(path), size=path.stat().st_size) for path in paths]
    return {name: (Source(tuple(files), decode),)}


def random_pictures(n: int, shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def mnist_arrays(n_train: int = 30, n_test: int = 10) -> dict[str, Array]:
    return {
        "x_train": random_pictures(n_train, (28, 28)),
        "y_train": (np.arange(n_train) % 10).astype(np.uint8),
        "x_test": random_pictures(n_test, (28, 28), seed=1),
        "y_test": (np.arange(n_test) % 10).astype(np.uint8),
    }


def write_mnist(folder: Path, changes: Mapping[str, Any] | None = None) -> Path:
    path = folder / "mnist.npz"
    np.savez_compressed(path, **(mnist_arrays() | dict(changes or {})))
    return path


def mnist_source(path: Path, url: str = "http://127.0.0.1:9") -> Sources:
    """MNIST as it lies there: a fault in it is found by reading, not by its checksum."""
    return declared("mnist", [path], pictures.decode_npz, url)


def idx_bytes(array: Array) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


def python2_batch(data: Array, labels: list[int], label_key: bytes) -> bytes:
    """A pickle as Python 2 and its NumPy wrote it: byte strings without type, old module names."""

    def string(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + number(0) + b"\x85" + string(b"b") + b"tR("
        + number(1) + number(data.shape[0]) + number(data.shape[1]) + b"\x86"
        + b"cnumpy\ndtype\n" + string(b"u1") + number(0) + number(1) + b"\x87R("
        + number(3) + string(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
        + b"\x89T" + struct.pack("<i", data.nbytes) + data.tobytes() + b"tb"
    )  # fmt: skip
    label_list = b"](" + b"".join(number(label) for label in labels) + b"e"
    items = string(b"batch_label") + string(b"batch 1") + string(b"data") + array + string(label_key) + label_list
    return b"\x80\x02}(" + items + b"u."


def python3_batch(data: Array, labels: list[int], label_key: bytes) -> bytes:
    return pickle.dumps({b"data": data, label_key: labels}, protocol=2)


Batch = Callable[[Array, list[int], bytes], bytes]


def cifar_rows(x: Array) -> Array:
    """Pictures (n, 32, 32, 3) as CIFAR keeps them: (n, 3072), one colour plane after the other."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)).reshape(len(x), -1)


def write_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def write_cifar10(folder: Path, batch: Batch = python2_batch) -> tuple[Path, Array, Array]:
    """Six batches of 4 pictures; the pictures of training and test."""
    x = random_pictures(24, (32, 32, 3))
    members = {"cifar-10-batches-py/readme.html": b"hello"}
    for index, name in enumerate([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]):
        rows = cifar_rows(x[4 * index : 4 * index + 4])
        members[f"cifar-10-batches-py/{name}"] = batch(rows, [index, 1, 2, 9], b"labels")
    return write_tar(folder / "cifar-10-python.tar.gz", members), x[:20], x[20:]


def write_gtsrb(folder: Path) -> list[Path]:
    """Training pictures of classes 0 and 14, one colour each, and two test pictures in reverse order in the csv."""

    def ppm(colour: tuple[int, int, int], size: tuple[int, int]) -> bytes:
        stream = io.BytesIO()
        Image.new("RGB", size, colour).save(stream, "PPM")
        return stream.getvalue()

    contents: dict[str, dict[str, bytes]] = {
        "GTSRB-Training_fixed.zip": {
            "GTSRB/Training/00014/00000_00000.ppm": ppm((140, 1, 2), (25, 40)),
            "GTSRB/Training/00000/00000_00000.ppm": ppm((1, 2, 3), (60, 60)),
            "GTSRB/Training/00000/00000_00001.ppm": ppm((4, 5, 6), (61, 33)),
            "GTSRB/Training/00000/GT-00000.csv": b"Filename;Width\n",
            "GTSRB/Readme.txt": b"read me",
        },
        "GTSRB_Final_Test_Images.zip": {
            "GTSRB/Final_Test/Images/00000.ppm": ppm((7, 7, 7), (30, 30)),
            "GTSRB/Final_Test/Images/00001.ppm": ppm((8, 8, 8), (31, 30)),
            "GTSRB/Final_Test/Images/GT-final_test.test.csv": b"Filename;Width\n",
        },
        "GTSRB_Final_Test_GT.zip": {
            "GT-final_test.csv": b"Filename;Width;Height;ClassId\r\n00001.ppm;31;30;42\r\n00000.ppm;30;30;16\r\n"
        },
    }
    paths = []
    for name, members in contents.items():
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        paths.append(folder / name)
    return paths


def objects(rows: list[Any]) -> Array:
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


def write_imdb(folder: Path, changes: Mapping[str, Any] | None = None) -> Sources:
    """Four reviews and a word index of the full size; declares both."""
    arrays: dict[str, Any] = {
        "x_train": objects([[1, 2, 3], [5, 88_584]]),
        "y_train": np.array([1, 0]),
        "x_test": objects([[7], [8, 9, 10, 11]]),
        "y_test": np.array([1, 0]),
    }
    np.savez_compressed(folder / "imdb.npz", **(arrays | dict(changes or {})))
    n_words = (dataset_info("imdb").vocabulary_size or 0) - 4
    index = {("line\x85feed" if rank == 5 else f"word{rank}"): rank for rank in range(n_words, 0, -1)}
    (folder / "imdb_word_index.json").write_text(json.dumps(index), encoding="utf-8")
    return declared("imdb", [folder / "imdb.npz", folder / "imdb_word_index.json"], texts.decode_imdb)
