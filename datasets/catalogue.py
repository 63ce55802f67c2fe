"""The datasets on offer: facts that need no file."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from datasets import class_names, generated_text
from datasets.errors import UnknownDatasetError

FIRST_WORD_ID = 3  # id of a word = its rank (1 is the most frequent) + 3; 0 padding, 1 start, 2 unknown, 3 unused


class Kind(StrEnum):
    """What the samples are."""

    PICTURES = "pictures"
    TEXT = "text"


@dataclass(frozen=True)
class Ink:
    """How light ink lies on black in the samples of a set.

    Attributes:
        share: of the frame that the longer side of the ink fills.
        by_mass: whether the ink's centre of mass is the middle of the frame, rather than the middle of its outline.
    """

    share: float
    by_mass: bool = False


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about one dataset.

    Attributes:
        name: the key in the catalogue, for example `fashion_mnist`.
        title: the name shown to people.
        class_names: one per label, label 0 first.
        shape: (height, width, channels) of a picture; None for text.
        url: documentation page; empty for the generated set.
        description: one sentence for learners.
        embedded: needs neither file nor network.
        vocabulary_size: every token id is below it (0 padding, 1 start, 2 unknown); None for pictures.
        n_train: samples in the training part of the complete published set.
        n_test: samples in its test part; 0 where it has none of its own.
        ink: of sets whose pictures are light ink on black; None for photographs and text.
        source_max: the largest value of a pixel at `url`; samples are scaled to 0..255.
    """

    name: str
    title: str
    kind: Kind
    class_names: tuple[str, ...]
    shape: tuple[int, int, int] | None
    licence: str
    url: str
    description: str
    embedded: bool
    vocabulary_size: int | None
    n_train: int
    n_test: int
    ink: Ink | None = None
    source_max: int = 255

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return len(self.class_names)

    @property
    def from_source(self) -> str:
        """How pixels of the source become those of a sample, in a sentence; empty where they are the same."""
        if self.source_max == 255:
            return ""
        return (
            f"The source's pixels are 0 to {self.source_max}, the model's 0 to 255: multiply them by 255 / "
            f"{self.source_max} and round."
        )

    @property
    def architecture(self) -> Literal["cnn", "lstm"]:
        """The network family that fits the kind of data."""
        return "cnn" if self.kind is Kind.PICTURES else "lstm"


_KERAS = "https://keras.io/api/datasets"

_ENTRIES = (
    DatasetInfo(
        name="digits",
        title="Digits 8x8",
        kind=Kind.PICTURES,
        class_names=class_names.DIGITS,
        shape=(8, 8, 1),
        licence="CC BY 4.0 (E. Alpaydin, C. Kaynak)",
        url="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html",
        description="1\u202f797 tiny handwritten digits that come with scikit-learn: a whole search takes minutes.",
        embedded=True,
        vocabulary_size=None,
        n_train=1797,
        n_test=0,
        ink=Ink(share=1.0),
        source_max=16,  # ink counted in blocks of 4 x 4
    ),
    DatasetInfo(
        name="mnist",
        title="MNIST",
        kind=Kind.PICTURES,
        class_names=class_names.DIGITS,
        shape=(28, 28, 1),
        licence="CC BY-SA 3.0 (Y. LeCun, C. Cortes)",
        url=f"{_KERAS}/mnist/",
        description="70\u202f000 handwritten digits, the classic first task of picture recognition.",
        embedded=False,
        vocabulary_size=None,
        n_train=60_000,
        n_test=10_000,
        ink=Ink(share=20 / 28, by_mass=True),  # as its makers describe it
    ),
    DatasetInfo(
        name="fashion_mnist",
        title="Fashion-MNIST",
        kind=Kind.PICTURES,
        class_names=class_names.FASHION_MNIST,
        shape=(28, 28, 1),
        licence="MIT (Zalando SE)",
        url=f"{_KERAS}/fashion_mnist/",
        description="70\u202f000 grey pictures of clothes: the size of MNIST, but clearly harder.",
        embedded=False,
        vocabulary_size=None,
        n_train=60_000,
        n_test=10_000,
        ink=Ink(share=1.0),
    ),
    DatasetInfo(
        name="cifar10",
        title="CIFAR-10",
        kind=Kind.PICTURES,
        class_names=class_names.CIFAR10,
        shape=(32, 32, 3),
        licence="none stated; cite A. Krizhevsky, 2009",
        url=f"{_KERAS}/cifar10/",
        description="60\u202f000 small colour photographs of ten kinds of animals and vehicles.",
        embedded=False,
        vocabulary_size=None,
        n_train=50_000,
        n_test=10_000,
    ),
    DatasetInfo(
        name="cifar100",
        title="CIFAR-100",
        kind=Kind.PICTURES,
        class_names=class_names.CIFAR100,
        shape=(32, 32, 3),
        licence="none stated; cite A. Krizhevsky, 2009",
        url=f"{_KERAS}/cifar100/",
        description="60\u202f000 small colour photographs in a hundred classes: few examples for each.",
        embedded=False,
        vocabulary_size=None,
        n_train=50_000,
        n_test=10_000,
    ),
    DatasetInfo(
        name="gtsrb",
        title="GTSRB traffic signs",
        kind=Kind.PICTURES,
        class_names=class_names.GTSRB,
        shape=(32, 32, 3),
        licence="freely available; cite J. Stallkamp et al., 2011",
        url="https://benchmark.ini.rub.de/gtsrb_news.html",
        description="Photographs of 43 German traffic signs, taken from a moving car; some signs are ten times rarer.",
        embedded=False,
        vocabulary_size=None,
        n_train=26_640,
        n_test=12_630,
    ),
    DatasetInfo(
        name="generated_text",
        title="Generated sentences",
        kind=Kind.TEXT,
        class_names=generated_text.TOPICS,
        shape=None,
        licence="free of rights: made by a program",
        url="",
        description="2\u202f400 short sentences generated by a program, about four topics: a first task for an LSTM.",
        embedded=True,
        vocabulary_size=generated_text.n_words() + FIRST_WORD_ID + 1,
        n_train=generated_text.N_TEXTS,
        n_test=0,
    ),
    DatasetInfo(
        name="imdb",
        title="IMDB reviews",
        kind=Kind.TEXT,
        class_names=class_names.IMDB,
        shape=None,
        licence="none stated; free for research, cite A. Maas et al., 2011",
        url=f"{_KERAS}/imdb/",
        description="50\u202f000 film reviews in full sentences: does the writer like the film?",
        embedded=False,
        vocabulary_size=88_584 + FIRST_WORD_ID + 1,
        n_train=25_000,
        n_test=25_000,
    ),
    DatasetInfo(
        name="reuters",
        title="Reuters newswires",
        kind=Kind.TEXT,
        class_names=class_names.REUTERS,
        shape=None,
        licence="copyright Reuters Ltd.; for research only",
        url=f"{_KERAS}/reuters/",
        description="11\u202f228 news messages of 1987 on 46 topics; two topics make up more than half of them.",
        embedded=False,
        vocabulary_size=30_979 + FIRST_WORD_ID + 1,
        n_train=8_982,
        n_test=2_246,
    ),
)

CATALOGUE: Mapping[str, DatasetInfo] = MappingProxyType({info.name: info for info in _ENTRIES})


def dataset_info(name: str) -> DatasetInfo:
    """The entry called `name`.

    Raises:
        UnknownDatasetError: there is none; the message lists the names and a near miss.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    spelling = str(name).lower().replace("-", "_").replace(" ", "_")
    near = difflib.get_close_matches(spelling, CATALOGUE, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise UnknownDatasetError(f"dataset must be one of {', '.join(CATALOGUE)}, got {name!r}{hint}")
