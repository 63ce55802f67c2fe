"""Downloads, from a server on the loopback."""

import hashlib
from pathlib import Path

import pytest

from datasets import DatasetCacheError, DatasetCorruptError, DatasetUnavailableError, prepare
from datasets.download import HttpDownload
from datasets.sources import SourceFile, Sources
from tests.datasets import samples
from tests.datasets.conftest import Answer, FileServer


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def download(waits: list[float]) -> HttpDownload:
    return HttpDownload(sleep=waits.append)


@pytest.fixture
def body(tmp_path: Path) -> bytes:
    return samples.write_mnist(tmp_path).read_bytes()


@pytest.fixture
def sources(tmp_path: Path, body: bytes, file_server: FileServer) -> Sources:
    file_server.answers["/mnist.npz"] = [Answer(200, body)]
    return samples.mnist_source(tmp_path / "mnist.npz", file_server.url)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_download_is_stored_and_decoded_once(
    tmp_path: Path, sources: Sources, download: HttpDownload, file_server: FileServer, body: bytes
) -> None:
    cache = tmp_path / "cache"
    heard: list[tuple[str, float]] = []
    result = prepare(
        "mnist", folder=None, cache=cache, download=download, progress=lambda *told: heard.append(told), sources=sources
    )
    assert result.n_train == 30 and "checksum" not in result.note
    assert (cache / "downloads" / "mnist.npz").read_bytes() == body
    shares = [share for _, share in heard]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1 and len(shares) >= 4
    assert heard[0][0].startswith("Downloading mnist.npz (")
    assert heard[-1][0] == "MNIST is ready"
    again = prepare("mnist", folder=None, cache=cache, download=download, sources=sources)
    assert again == result
    assert file_server.asked == ["/mnist.npz"]


def test_decoded_data_outlives_the_download(tmp_path: Path, sources: Sources, file_server: FileServer) -> None:
    cache = tmp_path / "cache"
    result = prepare("mnist", folder=None, cache=cache, sources=sources)
    (cache / "downloads" / "mnist.npz").unlink()
    file_server.answers.clear()
    assert prepare("mnist", folder=None, cache=cache, sources=sources) == result


@pytest.mark.parametrize("status", [500, 503, 429])
def test_passing_trouble_is_tried_again(
    status: int, tmp_path: Path, sources: Sources, download: HttpDownload, file_server: FileServer, waits: list[float]
) -> None:
    file_server.answers["/mnist.npz"][:0] = [Answer(status), Answer(status)]
    prepare("mnist", folder=None, cache=tmp_path / "cache", download=download, sources=sources)
    assert len(file_server.asked) == 3
    assert waits == [1.0] * 3


def test_truncated_body_is_tried_again(
    tmp_path: Path, sources: Sources, download: HttpDownload, file_server: FileServer, body: bytes
) -> None:
    file_server.answers["/mnist.npz"].insert(0, Answer(200, body[:1000], promised=len(body)))
    prepare("mnist", folder=None, cache=tmp_path / "cache", download=download, sources=sources)
    assert len(file_server.asked) == 2


@pytest.mark.parametrize("promise_all", [True, False])
def test_body_that_stays_truncated_leaves_nothing(
    promise_all: bool,
    tmp_path: Path,
    sources: Sources,
    download: HttpDownload,
    file_server: FileServer,
    body: bytes,
) -> None:
    promised = len(body) if promise_all else None
    file_server.answers["/mnist.npz"] = [Answer(200, body[:1000], promised)]
    wanted = DatasetUnavailableError if promise_all else DatasetCorruptError
    with pytest.raises(wanted, match=r"mnist\.npz"):
        prepare("mnist", folder=None, cache=tmp_path / "cache", download=download, sources=sources)
    assert len(file_server.asked) == (4 if promise_all else 1)
    assert files_in(tmp_path / "cache") == []


def test_other_bytes_are_refused(
    tmp_path: Path, sources: Sources, download: HttpDownload, file_server: FileServer
) -> None:
    """A valid archive is not enough: a download must be the published file."""
    (tmp_path / "other").mkdir()
    other = samples.write_mnist(tmp_path / "other", {"y_train": samples.mnist_arrays()["y_train"][::-1]})
    file_server.answers["/mnist.npz"] = [Answer(200, other.read_bytes())]
    with pytest.raises(DatasetCorruptError, match="other bytes than the published ones"):
        prepare("mnist", folder=None, cache=tmp_path / "cache", download=download, sources=sources)
    assert files_in(tmp_path / "cache") == []


def test_missing_on_the_server_is_not_tried_again(
    tmp_path: Path, sources: Sources, download: HttpDownload, file_server: FileServer
) -> None:
    file_server.answers.clear()
    with pytest.raises(DatasetUnavailableError, match="HTTP status 404"):
        prepare("mnist", folder=None, cache=tmp_path / "cache", download=download, sources=sources)
    assert len(file_server.asked) == 1


@pytest.mark.parametrize("with_folder", [True, False])
def test_offline_and_absent_names_file_and_place(
    with_folder: bool, tmp_path: Path, download: HttpDownload, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sources = samples.mnist_source(samples.write_mnist(tmp_path), "http://127.0.0.1:9")
    folder = tmp_path / "data" if with_folder else None
    place = tmp_path / ("data/mnist.npz" if with_folder else "cache/downloads/mnist.npz")
    with pytest.raises(DatasetUnavailableError) as caught:
        prepare("mnist", folder=folder, cache=tmp_path / "cache", download=download, sources=sources)
    message = str(caught.value)
    assert message.startswith("MNIST needs mnist.npz, which is not on this machine and could not be downloaded")
    assert message.endswith(f"get it from http://127.0.0.1:9/mnist.npz elsewhere and save it as {place}")
    assert waits == [1.0] * 7
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes((tmp_path / "mnist.npz").read_bytes())
    assert prepare("mnist", folder=folder, cache=tmp_path / "cache", download=download, sources=sources).n_train == 30


def test_only_the_missing_file_is_downloaded(tmp_path: Path, download: HttpDownload, file_server: FileServer) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    declared = samples.write_imdb(folder)
    index = folder / "imdb_word_index.json"
    files = [folder / "imdb.npz", index]
    sources = samples.declared("imdb", files, declared["imdb"][0].decode, file_server.url)
    file_server.answers["/imdb_word_index.json"] = [Answer(200, index.read_bytes())]
    index.unlink()
    assert prepare("imdb", folder=folder, cache=tmp_path / "cache", download=download, sources=sources).n_train == 2
    assert file_server.asked == ["/imdb_word_index.json"]


def test_cancelling_in_the_progress_leaves_nothing(tmp_path: Path, sources: Sources) -> None:
    class Cancelled(Exception):
        pass

    def stop(message: str, share: float) -> None:
        if share > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare("mnist", folder=None, cache=tmp_path / "cache", progress=stop, sources=sources)
    assert files_in(tmp_path / "cache") == []


def test_each_piece_and_each_second_of_waiting_is_a_chance_to_stop(
    tmp_path: Path, file_server: FileServer, waits: list[float], download: HttpDownload
) -> None:
    pieces = 300  # more than there are per cents
    body = bytes(pieces << 16)
    file_server.answers["/x"] = [Answer(500), Answer(500), Answer(200, body)]
    checksum = f"sha256:{hashlib.sha256(body).hexdigest()}"
    file = SourceFile("x", f"{file_server.url}/x", checksum, len(body))
    heard: list[tuple[int, float]] = []
    download(file, tmp_path / "x", lambda share: heard.append((len(waits), share)))
    assert [waited for waited, share in heard if not share] == [0, 1, 1, 2, 3]
    assert len(heard) == 5 + pieces and heard[-1] == (3, 1.0)


def test_a_stop_while_no_server_answers_is_no_failure(tmp_path: Path, file_server: FileServer) -> None:
    """Also after the last attempt."""
    file_server.answers["/x"] = [Answer(503)]
    for attempts in (1, 4):
        with pytest.raises(KeyboardInterrupt):
            HttpDownload(attempts=attempts)(SourceFile("x", f"{file_server.url}/x", "0", 1), tmp_path / "x", stop)
    assert len(file_server.asked) == 2


def stop(_share: float) -> None:
    raise KeyboardInterrupt


def test_cache_that_cannot_be_written(tmp_path: Path, sources: Sources) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(DatasetCacheError, match="choose another cache folder"):
        prepare("mnist", folder=None, cache=tmp_path / "cache", sources=sources)


def test_file_without_address(tmp_path: Path, download: HttpDownload) -> None:
    with pytest.raises(DatasetUnavailableError, match="cannot be downloaded"):
        download(SourceFile("mine.npz"), tmp_path / "mine.npz", lambda share: None)
