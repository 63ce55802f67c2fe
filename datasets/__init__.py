"""Datasets for the search: a catalogue, files made ready as memory maps, and stratified splits.

`prepare` turns a name into a `PreparedDataset`; everything else describes it or cuts it.
"""

from datasets.catalogue import CATALOGUE, DatasetInfo, Kind, dataset_info
from datasets.download import Download
from datasets.errors import (
    DatasetCacheError,
    DatasetCorruptError,
    DatasetError,
    DatasetUnavailableError,
    UnknownDatasetError,
    UnsafePickleError,
)
from datasets.preparation import locate, prepare
from datasets.prepared import PreparedDataset, Sequences, decode_text, open_prepared
from datasets.samples import class_counts, examples, pictures_of_class, texts_of_class, thumbnails
from datasets.splits import Split, stratified_split

__all__ = [
    "CATALOGUE",
    "DatasetCacheError",
    "DatasetCorruptError",
    "DatasetError",
    "DatasetInfo",
    "DatasetUnavailableError",
    "Download",
    "Kind",
    "PreparedDataset",
    "Sequences",
    "Split",
    "UnknownDatasetError",
    "UnsafePickleError",
    "class_counts",
    "dataset_info",
    "decode_text",
    "examples",
    "locate",
    "open_prepared",
    "pictures_of_class",
    "prepare",
    "stratified_split",
    "texts_of_class",
    "thumbnails",
]
