"""Thumbnails and sentences of data sets that are at hand; nothing is downloaded, and a child process decodes."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

import datasets
from datasets import Kind
from datasets.sources import SOURCES
from hpo_core.splits import test_indices
from hpo_core.trial_config import TrialConfig

COUNT = 5
TEST_CHARACTERS = 600
ROOT = Path(__file__).parents[2]


class NotAtHand(Exception):
    """Showing this set would take a download, or the decoding of a large file."""


@st.cache_data(show_spinner=False)
def thumbnails(name: str, folder: Path | None, cache: Path) -> list[str]:
    """PNG pictures of a picture set as data addresses. Raises NotAtHand, which is not cached."""
    return [_png(pixels) for pixels in datasets.thumbnails(_prepared(name, folder, cache), COUNT)]


@st.cache_data(show_spinner=False)
def sentence(name: str, folder: Path | None, cache: Path) -> str:
    """The first text of a text set. Raises NotAtHand, which is not cached."""
    return datasets.examples(_prepared(name, folder, cache), 1)[0][1]


@st.cache_data(show_spinner=False)
def counts(name: str, folder: Path | None, cache: Path) -> tuple[int, str]:
    """Samples that are really there, and what is to be said about them. Raises NotAtHand, which is not cached."""
    prepared = _prepared(name, folder, cache)
    return prepared.n_train + prepared.n_test, prepared.note


@dataclass(frozen=True)
class Balance:
    """How much there is of each class.

    Attributes:
        counts: training samples per label.
        n_train, n_test: samples as present.
        is_subset: fewer than published.
        note: empty, or what is to be said about this copy.
    """

    counts: tuple[int, ...]
    n_train: int
    n_test: int
    is_subset: bool
    note: str


@st.cache_data(show_spinner=False)
def balance(name: str, folder: Path | None, cache: Path) -> Balance:
    """Raises NotAtHand or DatasetError, which are not cached."""
    prepared = _prepared(name, folder, cache)
    counts = tuple(int(count) for count in datasets.class_counts(prepared))
    return Balance(counts, prepared.n_train, prepared.n_test, prepared.is_subset, prepared.note)


@st.cache_data(show_spinner=False, max_entries=50)
def of_classes(name: str, folder: Path | None, cache: Path, labels: tuple[int, ...], count: int) -> list[list[str]]:
    """Samples of each of some classes: pictures as data addresses, or texts. Raises NotAtHand or DatasetError."""
    prepared = _prepared(name, folder, cache)
    if prepared.info.kind is Kind.TEXT:
        return [datasets.texts_of_class(prepared, label, count) for label in labels]
    return [[_png(pixels) for pixels in datasets.pictures_of_class(prepared, label, count)] for label in labels]


@st.cache_data(show_spinner=False, max_entries=200, hash_funcs={TrialConfig: TrialConfig.to_json})
def of_test(config: TrialConfig, number: int, folder: Path | None, cache: Path) -> str:
    """A sample of the test part of a run: a picture as data address, or how a text begins.

    Raises NotAtHand or DatasetError, which are not cached; IndexError where there are fewer samples.
    """
    prepared = _prepared(config.dataset, folder, cache)
    part, indices = test_indices(config, prepared)
    place = int(indices[number])
    if prepared.info.kind is Kind.TEXT:
        return datasets.text_at(prepared, part, place, TEST_CHARACTERS)
    return _png(datasets.picture_at(prepared, part, place))


@st.cache_resource(show_spinner=False)
def decoder_of(name: str, folder: Path, cache: Path) -> subprocess.Popen[bytes]:
    """The process that decodes one set of the data sets' folder, started at the first call."""
    return _decode(folder, cache, name)


def _decode(folder: Path, cache: Path, *names: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "pages.parts.decode_local", str(folder), str(cache), *names]
    return subprocess.Popen(words, cwd=ROOT)


@st.cache_resource(show_spinner=False)
def decoder(folder: Path | None, cache: Path) -> subprocess.Popen[bytes] | None:
    """The process that decodes what is in the data sets' folder, started at the first call; None without a folder."""
    if folder is None:
        return None
    return _decode(folder, cache)


def is_decoding(folder: Path | None, cache: Path) -> bool:
    """Whether more thumbnails are to be expected soon."""
    process = decoder(folder, cache)
    return process is not None and process.poll() is None


def download_size(name: str) -> int:
    """Bytes of the published files of a set."""
    published = next((source for source in SOURCES[name] if source.is_downloadable), None)
    return sum(file.size for file in published.files) if published else 0


def pictures_of(name: str, folder: Path | None, cache: Path) -> list[str]:
    """Five thumbnails of a picture set; empty where they are not at hand."""
    try:
        return thumbnails(name, folder, cache)
    except (NotAtHand, datasets.DatasetError):
        return []


def counts_of(name: str, folder: Path | None, cache: Path) -> tuple[int, str]:
    """Samples and the note of a set; those of the published set, without a note, where it is not at hand."""
    try:
        return counts(name, folder, cache)
    except (NotAtHand, datasets.DatasetError):
        info = datasets.dataset_info(name)
        return info.n_train + info.n_test, ""


def quote_of(name: str, folder: Path | None, cache: Path) -> str:
    """A text of a text set; empty where none is at hand."""
    try:
        return sentence(name, folder, cache)
    except (NotAtHand, datasets.DatasetError):
        return ""


def _prepared(name: str, folder: Path | None, cache: Path) -> datasets.PreparedDataset:
    embedded = datasets.dataset_info(name).embedded

    def refuse(_message: str, share: float) -> None:
        if share < 1.0 and not embedded:
            raise NotAtHand(name)

    return datasets.prepare(name, folder=folder, cache=cache, progress=refuse)


def _png(pixels: NDArray[np.uint8]) -> str:
    array = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
