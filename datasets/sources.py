"""Where each dataset comes from: files, addresses, checksums, decoder.

Addresses and official checksums are those of Keras's and torchvision's loaders. A second checksum is that of a known
good copy with the same arrays, compressed anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from datasets import pictures, texts
from datasets.catalogue import DatasetInfo
from datasets.content import Content, Report

Decode = Callable[[Sequence[Path], DatasetInfo, Report], Content]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source.

    Attributes:
        path: relative to the datasets folder and to the download cache, with '/'.
        url: where to download it; None where it cannot be downloaded.
        checksum: `sha256:...` or `md5:...` of the published bytes, required of a download; None without a url.
        known_good: further checksums of copies whose content was compared with the published one.
        size: of the download in bytes, for the progress display only.
    """

    path: str
    url: str | None = None
    checksum: str | None = None
    known_good: tuple[str, ...] = ()
    size: int = 1

    @property
    def name(self) -> str:
        """The file name without its folder."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class Source:
    """One form in which a dataset exists; without files it is made or comes with an installed package."""

    files: tuple[SourceFile, ...]
    decode: Decode
    note: str = ""

    @property
    def is_downloadable(self) -> bool:
        """Whether every file has an address."""
        return all(file.url for file in self.files)


Sources = Mapping[str, tuple[Source, ...]]

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
_TORONTO = "https://www.cs.toronto.edu/~kriz"
_GTSRB = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370"

_OWN_SPLIT = "Its training and test parts are not the published ones: results cannot be compared with published ones."


def _fashion(name: str, sha256: str, size: int) -> SourceFile:
    return SourceFile(f"fashion-mnist/{name}", f"{_KERAS}/{name}", f"sha256:{sha256}", size=size)


def _subset(name: str, sha256: str, note: str = "") -> Source:
    return Source((SourceFile(name, known_good=(f"sha256:{sha256}",)),), pictures.decode_npz, note)


# For each dataset the complete source first.
SOURCES: Sources = MappingProxyType(
    {
        "digits": (Source((), pictures.decode_digits),),
        "mnist": (
            Source(
                (
                    SourceFile(
                        "mnist.npz",
                        f"{_KERAS}/mnist.npz",
                        "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                        ("sha256:ee068f36682cba7f38bafdedc77b0f873ebbcf877036f7ebde566966146ac146",),
                        11_490_434,
                    ),
                ),
                pictures.decode_npz,
            ),
        ),
        "fashion_mnist": (
            Source(
                (
                    _fashion(
                        "train-images-idx3-ubyte.gz",
                        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                        26_421_880,
                    ),
                    _fashion(
                        "train-labels-idx1-ubyte.gz",
                        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                        29_515,
                    ),
                    _fashion(
                        "t10k-images-idx3-ubyte.gz",
                        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                        4_422_102,
                    ),
                    _fashion(
                        "t10k-labels-idx1-ubyte.gz",
                        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                        5_148,
                    ),
                ),
                pictures.decode_idx,
            ),
        ),
        "cifar10": (
            Source(
                (
                    SourceFile(
                        "cifar-10-python.tar.gz",
                        f"{_TORONTO}/cifar-10-python.tar.gz",
                        "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                        size=170_498_071,
                    ),
                ),
                pictures.decode_cifar10,
            ),
            _subset("cifar10_subset.npz", "ae08d43d5d41f2895cd8c8ab3050504ea9e2aff9cb7f749c313e58b2c236aae8"),
        ),
        "cifar100": (
            Source(
                (
                    SourceFile(
                        "cifar-100-python.tar.gz",
                        f"{_TORONTO}/cifar-100-python.tar.gz",
                        "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
                        size=169_001_437,
                    ),
                ),
                pictures.decode_cifar100,
            ),
            _subset(
                "cifar100_subset.npz", "2181f7942f77f8136cd75499860e639f1162da3c2d257395cc7d93207bf46ac5", _OWN_SPLIT
            ),
        ),
        "gtsrb": (
            Source(
                (
                    SourceFile(
                        "GTSRB-Training_fixed.zip",
                        f"{_GTSRB}/GTSRB-Training_fixed.zip",
                        "md5:513f3c79a4c5141765e10e952eaa2478",
                        size=187_490_228,
                    ),
                    SourceFile(
                        "GTSRB_Final_Test_Images.zip",
                        f"{_GTSRB}/GTSRB_Final_Test_Images.zip",
                        "md5:c7e4e6327067d32654124b0fe9e82185",
                        size=88_978_620,
                    ),
                    SourceFile(
                        "GTSRB_Final_Test_GT.zip",
                        f"{_GTSRB}/GTSRB_Final_Test_GT.zip",
                        "md5:fe31e9c9270bbcd7b84b7f21a9d9d9e5",
                        size=99_620,
                    ),
                ),
                pictures.decode_gtsrb,
            ),
            _subset("gtsrb_subset.npz", "8439d43487cd758bd15ba575201f32da05a0f1153ba80c5bdaf2756225b0bf04", _OWN_SPLIT),
        ),
        "generated_text": (Source((), texts.decode_generated, "Generated text, made by a program."),),
        "imdb": (
            Source(
                (
                    SourceFile(
                        "imdb.npz",
                        f"{_KERAS}/imdb.npz",
                        "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
                        ("sha256:f2183faab672cdf7b5fd23d1d848de09a4ca26480147bfdcf413de6d741f7c9e",),
                        17_464_789,
                    ),
                    SourceFile(
                        "imdb_word_index.json",
                        f"{_KERAS}/imdb_word_index.json",
                        "md5:bfafd718b763782e994055a2d397834f",
                        size=1_641_221,
                    ),
                ),
                texts.decode_imdb,
            ),
        ),
        "reuters": (
            Source(
                (
                    SourceFile(
                        "reuters.npz",
                        f"{_KERAS}/reuters.npz",
                        "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
                        ("sha256:a2ac247fb32c345fa9a010d8060e5e5bf3413d3aa15d8fbd91d027ba64ed6ceb",),
                        2_110_848,
                    ),
                    SourceFile(
                        "reuters_word_index.json",
                        f"{_KERAS}/reuters_word_index.json",
                        "md5:4d44cc38712099c9e383dc6e5f11a921",
                        size=550_378,
                    ),
                ),
                texts.decode_reuters,
            ),
        ),
    }
)
