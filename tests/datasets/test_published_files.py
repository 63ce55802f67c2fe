"""The published files, where they are at hand; the expected numbers are those published with them."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from datasets import (
    CATALOGUE,
    DatasetCorruptError,
    DatasetUnavailableError,
    PreparedDataset,
    decode_text,
    examples,
    prepare,
    thumbnails,
)
from datasets.content import Report
from datasets.sources import SOURCES, SourceFile

PUBLISHED = [name for name, info in CATALOGUE.items() if not info.embedded]


def no_download(file: SourceFile, target: Path, report: Report) -> None:
    raise DatasetUnavailableError("no network in this test")


@pytest.fixture(scope="session")
def ready(real_folder: Path, shared_cache: Path) -> dict[str, PreparedDataset]:
    found = {}
    for name in PUBLISHED:
        if any(all((real_folder / file.path).is_file() for file in source.files) for source in SOURCES[name]):
            found[name] = prepare(name, folder=real_folder, cache=shared_cache, download=no_download)
    return found


@pytest.fixture
def dataset(ready: dict[str, PreparedDataset], request: pytest.FixtureRequest) -> PreparedDataset:
    if request.param not in ready:
        pytest.skip(f"the files of {request.param} are not in ONEGIN_DATASETS_DIR")
    return ready[request.param]


def only(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dataset", [name], indirect=True)


@pytest.mark.parametrize("dataset", PUBLISHED, indirect=True)
def test_second_call_is_fast(dataset: PreparedDataset, real_folder: Path, shared_cache: Path) -> None:
    durations = []
    for _ in range(3):
        begun = time.process_time()  # not what others do on the machine
        assert prepare(dataset.info.name, folder=real_folder, cache=shared_cache) == dataset
        durations.append(time.process_time() - begun)
    assert min(durations) < 0.02


@pytest.mark.parametrize("dataset", PUBLISHED, indirect=True)
def test_shapes_agree_with_the_catalogue(dataset: PreparedDataset) -> None:
    info = dataset.info
    assert dataset.y_train.shape == (dataset.n_train,) and dataset.y_test.shape == (dataset.n_test,)
    assert set(np.unique(dataset.y_train)) == set(range(info.n_classes))
    assert dataset.is_subset == (dataset.n_train < info.n_train)
    assert "unknown checksum" not in dataset.note
    assert dataset.note.startswith("A subset: ") == dataset.is_subset
    if info.shape is not None:
        assert dataset.x_train.shape == (dataset.n_train, *info.shape) and dataset.x_train.dtype == np.uint8
        assert dataset.x_test.shape == (dataset.n_test, *info.shape)
        assert [picture.shape for picture in thumbnails(dataset)] == [info.shape] * 5
    else:
        assert len(dataset.sequences("train")) == dataset.n_train
        assert int(dataset.sequences("train").tokens.max()) < (info.vocabulary_size or 0)
        assert [name for name, _ in examples(dataset)] == list(info.class_names[:2])


@only("mnist")
def test_mnist_counts(dataset: PreparedDataset) -> None:
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(dataset.y_train).tolist() == train
    assert np.bincount(dataset.y_test).tolist() == test
    assert (dataset.n_train, dataset.n_test, dataset.note) == (60_000, 10_000, "")


@only("fashion_mnist")
def test_fashion_mnist_counts(dataset: PreparedDataset) -> None:
    assert np.bincount(dataset.y_train).tolist() == [6000] * 10
    assert np.bincount(dataset.y_test).tolist() == [1000] * 10
    assert dataset.y_train[:5].tolist() == [9, 0, 0, 3, 0]


@only("cifar10")
def test_cifar10_is_even(dataset: PreparedDataset) -> None:
    assert len(set(np.bincount(dataset.y_train).tolist())) == len(set(np.bincount(dataset.y_test).tolist())) == 1
    if dataset.n_train == 8000:
        assert dataset.note == "A subset: 8,000 of 50,000 training pictures."


@only("cifar100")
def test_cifar100_subset_warns_of_its_split(dataset: PreparedDataset) -> None:
    assert len(set(np.bincount(dataset.y_train).tolist())) == 1
    assert ("not the published ones" in dataset.note) == dataset.is_subset


@only("gtsrb")
def test_gtsrb_is_uneven(dataset: PreparedDataset) -> None:
    counts = np.bincount(dataset.y_train)
    assert len(counts) == 43 and counts.max() == 10 * counts.min()
    assert ("not the published ones" in dataset.note) == dataset.is_subset


@only("imdb")
def test_imdb_lengths_and_words(dataset: PreparedDataset, real_folder: Path) -> None:
    lengths = np.concatenate([np.diff(dataset.sequences(part).offsets) for part in ("train", "test")])
    assert lengths.mean() == pytest.approx(234.76, abs=0.005)
    assert lengths.std() == pytest.approx(172.911, abs=0.0005)
    assert np.bincount(dataset.y_train).tolist() == np.bincount(dataset.y_test).tolist() == [12_500, 12_500]
    order = np.arange(25_000)
    np.random.RandomState(113).shuffle(order)
    assert [len(dataset.sequences("train")[i]) for i in order[:5]] == [218, 189, 141, 550, 147]
    assert dataset.y_train[order[:10]].tolist() == [1, 0, 0, 1, 0, 0, 1, 0, 1, 0]
    assert decode_text(dataset, dataset.sequences("train")[0]).startswith("bromwell high is a cartoon comedy")
    ranks = json.loads((real_folder / "imdb_word_index.json").read_text(encoding="utf-8"))
    ids = np.array([1, *(rank + 3 for rank in ranks.values())])
    assert decode_text(dataset, ids) == " ".join(ranks)


@only("reuters")
def test_reuters_is_shuffled_and_cut_as_in_keras(dataset: PreparedDataset) -> None:
    assert (dataset.n_train, dataset.n_test) == (8982, 2246)
    assert dataset.y_train[:10].tolist() == [3, 4, 3, 4, 4, 4, 4, 3, 3, 16]
    lengths = np.concatenate([np.diff(dataset.sequences(part).offsets) for part in ("train", "test")])
    assert lengths.mean() == pytest.approx(145.96, abs=0.005)
    counts = np.bincount(np.concatenate([dataset.y_train, dataset.y_test]))
    assert (counts[3], counts[4], counts.min()) == (3972, 2423, 16)
    first = decode_text(dataset, dataset.sequences("train")[0])
    assert first.startswith("mcgrath rentcorp said as a result of its december acquisition of space co")


@only("mnist")
def test_truncated_copy_is_refused(dataset: PreparedDataset, real_folder: Path, tmp_path: Path) -> None:
    whole = (real_folder / "mnist.npz").read_bytes()
    (tmp_path / "mnist.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetCorruptError, match=r"mnist\.npz"):
        prepare("mnist", folder=tmp_path, cache=tmp_path / "cache")
