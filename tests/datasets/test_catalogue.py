"""The list of datasets."""

import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from datasets import CATALOGUE, DatasetError, Kind, UnknownDatasetError, dataset_info
from datasets.sources import SOURCES

CLASSES = {"gtsrb": 43, "imdb": 2, "reuters": 46, "cifar100": 100, "generated_text": 4}


def test_order_shown_to_users() -> None:
    assert list(CATALOGUE) == [
        "digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "gtsrb", "generated_text", "imdb", "reuters",
    ]  # fmt: skip
    assert list(SOURCES) == list(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_entry_is_complete(name: str) -> None:
    info = CATALOGUE[name]
    assert info.name == name
    assert info.n_classes == len(set(info.class_names)) == CLASSES.get(name, 10)
    assert info.title and info.licence and info.description.endswith((".", "?"))
    assert (info.shape is None) is (info.kind is Kind.TEXT) is (info.vocabulary_size is not None)
    assert info.architecture == {Kind.PICTURES: "cnn", Kind.TEXT: "lstm"}[info.kind]
    assert info.url.startswith("https://") or name == "generated_text"
    assert info.embedded == (not SOURCES[name][0].files) == (info.n_test == 0)


def test_entry_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        CATALOGUE["mnist"].title = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "meant"), [("mnits", "mnist"), ("CIFAR-10", "cifar10"), ("Fashion MNIST", "fashion_mnist")]
)
def test_unknown_name_suggests_the_near_one(wrong: str, meant: str) -> None:
    with pytest.raises(UnknownDatasetError) as caught:
        dataset_info(wrong)
    assert str(caught.value) == (
        f"dataset must be one of {', '.join(CATALOGUE)}, got {wrong!r}; did you mean '{meant}'?"
    )
    assert isinstance(caught.value, DatasetError)


def test_unknown_name_without_a_near_one() -> None:
    with pytest.raises(UnknownDatasetError, match=r"got 'xyz'$"):
        dataset_info("xyz")


def test_package_loads_nothing_heavy(tmp_path: object) -> None:
    code = f"""
import sys
from pathlib import Path
import datasets
datasets.prepare("digits", folder=None, cache=Path({str(tmp_path)!r}))
heavy = {{"keras", "tensorflow", "streamlit", "sqlalchemy", "sklearn", "scipy", "pandas", "optuna"}}
print(sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
