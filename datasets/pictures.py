"""From published picture files to arrays; one function per file format."""

import csv
import gzip
import importlib.util
import io
import re
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datasets import content, pickles
from datasets.archives import MAX_MEMBER_BYTES, read_member, read_npz, reading
from datasets.catalogue import DatasetInfo
from datasets.content import Array, Content, Part, Report
from datasets.errors import DatasetCorruptError, DatasetUnavailableError
from datasets.ragged import Ragged

_IDX_TYPE_UINT8 = 8

_GTSRB_TRAIN = re.compile(r"GTSRB/Training/(\d{5})/\d{5}_\d{5}\.ppm")
_GTSRB_TEST = re.compile(r"GTSRB/Final_Test/Images/(\d{5}\.ppm)")
_GTSRB_LABELS = "GT-final_test.csv"


def decode_npz(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """One `.npz` with `x_train`, `y_train`, `x_test`, `y_test`."""
    (path,) = paths
    arrays = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    for name, array in arrays.items():
        if isinstance(array, Ragged):
            raise DatasetCorruptError(path, f"{name} must hold numbers, got objects")
    train, test = (Part(arrays[f"x_{part}"], np.asarray(arrays[f"y_{part}"])) for part in ("train", "test"))
    return content.pictures(path, info, train, test)


def decode_idx(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """Four gzip files of the idx format: train pictures, train labels, test pictures, test labels."""
    x_train, y_train, x_test, y_test = (_read_idx(path) for path in paths)
    return content.pictures(paths[0], info, Part(x_train, y_train), Part(x_test, y_test))


def _read_idx(path: Path) -> Array:
    """idx: two zero bytes, type, number of axes, each size as 4 bytes big-endian, values."""
    with reading(path):
        with gzip.open(path) as stream:
            data = stream.read(MAX_MEMBER_BYTES + 1)
        if data[:3] != bytes([0, 0, _IDX_TYPE_UINT8]) or len(data) < 4:
            raise ValueError("not an idx file of bytes")
        n_axes = data[3]
        shape = np.frombuffer(data, ">u4", count=n_axes, offset=4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * n_axes).reshape([int(size) for size in shape])


def decode_cifar10(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """The tarball of CIFAR-10: five pickled batches and a test batch."""
    folder = "cifar-10-batches-py"
    names = [f"{folder}/data_batch_{number}" for number in range(1, 6)]
    return _decode_cifar(paths[0], info, names, f"{folder}/test_batch", b"labels")


def decode_cifar100(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """The tarball of CIFAR-100 with its 100 fine labels."""
    folder = "cifar-100-python"
    return _decode_cifar(paths[0], info, [f"{folder}/train"], f"{folder}/test", b"fine_labels")


def _decode_cifar(path: Path, info: DatasetInfo, train: list[str], test: str, label_key: bytes) -> Content:
    def part(payload: Any) -> Part:
        data, labels = pickles.numbers(payload[b"data"]), payload[label_key]
        if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3 * 32 * 32:
            raise ValueError(f"data must be uint8 (n, 3072), got {data.dtype} {data.shape}")
        if type(labels) is not list or not set(map(type, labels)) <= {int}:
            raise ValueError("labels must be a list of whole numbers")
        return Part(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), np.array(labels, np.int64))

    members = _read_tar(path, [*train, test])
    batches = [pickles.load_pickle(members.pop(name), path, part) for name in train]
    joined = Part(np.concatenate([batch.x for batch in batches]), np.concatenate([batch.y for batch in batches]))
    return content.pictures(path, info, joined, pickles.load_pickle(members[test], path, part))


def _read_tar(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The members `names` of a tarball, read in one pass."""
    wanted = set(names)
    found: dict[str, bytes] = {}
    with reading(path), tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.name not in wanted or not member.isfile():
                continue
            if member.size > MAX_MEMBER_BYTES:
                raise ValueError(f"{member.name} claims {member.size:,} bytes, more than any dataset has")
            stream = archive.extractfile(member)
            found[member.name] = stream.read() if stream else b""
        if wanted - set(found):
            raise ValueError(f"the archive lacks {', '.join(sorted(wanted - set(found)))}")
    return found


def decode_gtsrb(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """Three zips of GTSRB: training pictures in one folder per class, test pictures, test labels.

    Every picture is resized to the size in `info`, bilinear, its aspect ratio not kept.
    """
    train_path, test_path, labels_path = paths
    labels = _gtsrb_test_labels(labels_path)
    train = _read_ppm(train_path, info, _GTSRB_TRAIN, lambda share: report(share * 2 / 3))
    test = _read_ppm(test_path, info, _GTSRB_TEST, lambda share: report((2 + share) / 3))
    if set(test.keys) != set(labels):
        raise DatasetCorruptError(labels_path, f"it names {len(labels)} pictures, {test_path} has {len(test.keys)}")
    y_train = np.array([int(key) for key in train.keys], np.int64)
    y_test = np.array([labels[key] for key in test.keys], np.int64)
    return content.pictures(train_path, info, Part(train.x, y_train), Part(test.x, y_test))


class _Ppm:
    """Pictures of one zip, and of each what the pattern's group found in its name."""

    def __init__(self, x: Array, keys: list[str]) -> None:
        self.x = x
        self.keys = keys


def _read_ppm(path: Path, info: DatasetInfo, pattern: re.Pattern[str], report: Report) -> _Ppm:
    assert info.shape is not None
    height, width, _ = info.shape
    with reading(path):
        archive = zipfile.ZipFile(path)
    with archive:
        matches = [match for match in map(pattern.fullmatch, sorted(archive.namelist())) if match]
        x = np.empty((len(matches), *info.shape), np.uint8)
        for index, match in enumerate(matches):
            with reading(path), Image.open(io.BytesIO(read_member(archive, match.string))) as picture:
                x[index] = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
            if index % 256 == 0:
                report(index / len(matches))
    return _Ppm(x, [match.group(1) for match in matches])


def _gtsrb_test_labels(path: Path) -> Mapping[str, int]:
    with reading(path), zipfile.ZipFile(path) as archive:
        text = read_member(archive, _GTSRB_LABELS).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text), delimiter=";", skipinitialspace=True)
        return {row["Filename"]: int(row["ClassId"]) for row in rows}


def decode_digits(paths: Sequence[Path], info: DatasetInfo, report: Report) -> Content:
    """The 8x8 digits inside the installed scikit-learn, found without importing it; 0..16 becomes 0..255.

    Raises:
        DatasetUnavailableError: scikit-learn is not installed.
    """
    path = _digits_file()
    with reading(path), gzip.open(path, "rt", encoding="ascii") as stream:
        table = np.loadtxt(stream, delimiter=",", dtype=np.int64, ndmin=2)
    if table.shape[1] != 65 or int(table[:, :64].min()) < 0 or int(table[:, :64].max()) > info.source_max:
        raise DatasetCorruptError(path, f"expected rows of 64 values of 0 to {info.source_max} and a label")
    pixels = np.rint(table[:, :64] * (255 / info.source_max)).astype(np.uint8)
    return content.pictures(path, info, Part(pixels.reshape(-1, 8, 8), table[:, 64]), None)


def _digits_file() -> Path:
    spec = importlib.util.find_spec("sklearn")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            return path
    raise DatasetUnavailableError("the digits come with scikit-learn, which is not installed: pip install scikit-learn")
