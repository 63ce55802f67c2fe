"""A look into the chosen data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import datasets
from datasets import Kind, generated_text
from datasets.content import Content
from datasets.sources import SOURCES
from datasets.store import DecodedStore, SourceStamp
from pages.parts import data_browser, samples, shared
from storage.database import Database
from tests.pages.test_optimize import unfold, unfolded
from tests.pages.test_pages import words


def test_pictures_of_every_class_and_what_the_balance_means(database: Database) -> None:
    shown = words(unfolded("data"))
    assert shown.count('<div class="sample-row">') == 10
    assert "1\u202f797 samples: a share of them is set aside to test, the others are to train" in shown
    assert "about equally large: guessing would reach 10 % accuracy" in shown and "load_digits" in shown


def test_texts_of_every_class(database: Database) -> None:
    app = unfolded("data")
    app.button(key="choose_generated_text").click().run()
    shown = words(unfold(app, "data"))
    assert shown.count('<div class="sample-text">') == 4 * data_browser.TEXTS
    assert all(name in shown for name in datasets.dataset_info("generated_text").class_names)


@pytest.mark.parametrize("name", [name for name, info in datasets.CATALOGUE.items() if not info.embedded])
def test_absent_data_say_what_will_be_downloaded(name: str, database: Database) -> None:
    app = unfolded("data")
    app.button(key=f"choose_{name}").click().run()
    shown = words(unfold(app, "data"))
    assert "is not on this machine yet: its first run downloads" in shown and "Without a network, save" in shown
    assert str(shared.settings().cache_dir / "downloads") in shown  # where the run that finds no network names it
    assert datasets.dataset_info(name).url in shown and not app.error


def test_nothing_of_the_data_is_read_while_the_look_is_folded(database: Database) -> None:
    assert '<div class="sample-row">' not in words(unfolded())


def decoded(folder: Path, cache: Path, counts: list[int]) -> None:
    """A copy of GTSRB with so many pictures of its first classes, as if it had been decoded from `folder`."""
    info = datasets.dataset_info("gtsrb")
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.zeros((len(y), 32, 32, 3), np.uint8)
    arrays = {"x_train": x, "y_train": y, "x_test": x[:4], "y_test": y[:4]}
    paths = []
    for file in SOURCES["gtsrb"][0].files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        paths.append(path)
    DecodedStore(cache / "decoded").add(
        info, Content(arrays), "", SourceStamp.of("gtsrb", paths, generated_text.VERSION)
    )


def test_a_subset_with_rare_and_missing_classes(database: Database, tmp_path: Path) -> None:
    folder, cache = tmp_path / "folder", tmp_path / "decoded"
    decoded(folder, cache, [40, 4, 0, 2])
    balance = samples.balance("gtsrb", folder, cache)
    assert balance.is_subset and balance.counts[:4] == (40, 4, 0, 2) and len(balance.counts) == 43
    pictures = samples.of_classes("gtsrb", folder, cache, (0, 2, 3), 8)
    assert [len(found) for found in pictures] == [8, 0, 2]
    info = datasets.dataset_info("gtsrb")
    said = data_browser.balance_sentence(info.class_names, balance.counts)
    assert "40 samples" in said and "87 % accuracy" in said
    figure = data_browser.draw_balance(info.class_names, balance.counts)
    assert list(figure.data[0].y)[:4] == [40, 4, 0, 2]


def test_the_sentence_of_no_samples() -> None:
    assert data_browser.balance_sentence(["a", "b"], [0, 0]) == "There are no samples here."


def test_every_published_set_names_its_documentation() -> None:
    for name, info in datasets.CATALOGUE.items():
        if name in ("mnist", "cifar10", "cifar100", "fashion_mnist", "imdb", "reuters"):
            assert info.url == f"https://keras.io/api/datasets/{name}/"
        assert info.url or (info.embedded and info.kind is Kind.TEXT)
