"""Pickles are read without being trusted."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets import DatasetCorruptError, UnsafePickleError, pickles, pictures, prepare
from datasets.archives import read_npz
from tests.datasets import samples

PATH = Path("some.npz")


def same(payload: Any) -> Any:
    return payload


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("make", ["system", "eval", "open", "getattr"])
def test_a_pickle_that_calls_something_is_refused_and_not_executed(make: str, protocol: int, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    evil = {
        "system": Calls(os.system, f"touch {victim}"),
        "eval": Calls(eval, f"open({str(victim)!r}, 'w')"),
        "open": Calls(open, str(victim), "w"),
        "getattr": Calls(getattr, "text", "format"),
    }[make]
    data = pickle.dumps([1, evil], protocol=protocol)
    with pytest.raises(UnsafePickleError, match="which no dataset needs") as caught:
        pickles.load_pickle(data, PATH, same)
    assert not victim.exists()
    assert isinstance(caught.value, DatasetCorruptError) and str(PATH) in str(caught.value)


def test_the_trap_of_that_test_works(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {victim}")))  # noqa: S301
    assert victim.exists()


@pytest.mark.parametrize("place", ["inside a list", "as a list", "instead of the array"])
def test_malicious_imdb_file(place: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    evil = Calls(os.system, f"touch {victim}")
    choices: dict[str, list[Any]] = {
        "inside a list": [[1], [2, evil]],
        "as a list": [[1], evil],
        "instead of the array": [evil, evil],
    }
    rows = choices[place]
    sources = samples.write_imdb(tmp_path, {"x_test": samples.objects(rows)})
    with pytest.raises(UnsafePickleError, match=r"imdb\.npz .*system"):
        prepare("imdb", folder=tmp_path, cache=tmp_path / "cache", sources=sources)
    assert not victim.exists()


def test_malicious_cifar_file(tmp_path: Path) -> None:
    victim = tmp_path / "victim"

    def batch(data: Any, labels: list[int], label_key: bytes) -> bytes:
        return pickle.dumps({b"data": data, label_key: labels, b"more": Calls(os.system, f"touch {victim}")})

    path, _, _ = samples.write_cifar10(tmp_path, batch)
    sources = samples.declared("cifar10", [path], pictures.decode_cifar10)
    with pytest.raises(UnsafePickleError, match="system"):
        prepare("cifar10", folder=tmp_path, cache=tmp_path / "cache", sources=sources)
    assert not victim.exists()


GLOBALS = {
    "class": b"cnumpy\nndarray\n",
    "dtype": b"cnumpy\ndtype\n",
    "function": b"cnumpy.core.multiarray\n_reconstruct\n",
    "codec": b"c_codecs\nencode\n",
}


@pytest.mark.parametrize("name", GLOBALS)
@pytest.mark.parametrize("state", [b"}U\x01ak1s", b"N}U\x08__call__K\x01s\x86", b"N}U\x07__doc__U\x01xs\x86"])
def test_a_pickle_cannot_change_the_reader(name: str, state: bytes) -> None:
    with pytest.raises(DatasetCorruptError):
        pickles.load_pickle(b"\x80\x02" + GLOBALS[name] + state.replace(b"k1", b"K\x01") + b"b.", PATH, same)
    rows = samples.objects([[1, 2], [3]])
    assert pickles.load_pickle(pickle.dumps(rows, protocol=4), PATH, pickles.objects) == [[1, 2], [3]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        pickle.dumps(samples.objects([[1], [2]]), protocol=4)[:-20],
        b"\x80\x04r\xff\xff\xff\xff.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.",
        b"\x80\x02cnumpy\ndtype\nU\x02V8K\x00K\x01\x87R.",
        pickle.dumps(np.zeros(3, dtype=[("a", "u1")]), protocol=4),
    ],
)
def test_damaged_or_strange_pickles(data: bytes) -> None:
    with pytest.raises(DatasetCorruptError, match=r"some\.npz"):
        pickles.load_pickle(data, PATH, pickles.numbers)


@pytest.mark.parametrize("protocol", range(2, 5))
@pytest.mark.parametrize("dtype", ["u1", "<i8", ">i4", "<f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_numbers(dtype: str, order: Any, protocol: int) -> None:
    array = np.asarray(np.arange(12).reshape(3, 4).astype(dtype), order=order)
    result = pickles.load_pickle(pickle.dumps(array, protocol=protocol), PATH, pickles.numbers)
    assert np.array_equal(result, array)


def test_an_array_that_claims_more_than_it_has() -> None:
    data = samples.python2_batch(np.zeros((2, 3), np.uint8), [0], b"labels")
    lying = data.replace(b"J\x02\x00\x00\x00J\x03\x00\x00\x00\x86", b"J\x02\x00\x00\x00J\xff\xff\xff\x7f\x86")
    assert lying != data
    with pytest.raises(DatasetCorruptError, match="do not fill"):
        pickles.load_pickle(lying, PATH, lambda payload: pickles.numbers(payload[b"data"]))


def test_npz_of_objects_and_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=samples.objects([[1, 2], [], [3]]), y=np.arange(3))
    result = read_npz(tmp_path / "a.npz", ("x", "y"))
    assert result["x"].values.tolist() == [1, 2, 3] and result["x"].lengths.tolist() == [2, 0, 1]  # type: ignore[union-attr]
    assert np.asarray(result["y"]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("rows", [[[1.5], [2]], [["word"], [2]], [(1, 2), (3,)], [[True], [1]], [[2**70], [1]]])
def test_only_lists_of_whole_numbers(rows: list[Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=samples.objects(rows))
    with pytest.raises(DatasetCorruptError, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz", ("x",))
