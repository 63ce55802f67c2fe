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
    SampleError,
    UnknownDatasetError,
    UnsafePickleError,
)
from datasets.own_samples import picture_sample, small_picture, text_sample
from datasets.preparation import locate, prepare
from datasets.prepared import PreparedDataset, Sequences, decode_text, decode_words, open_prepared
from datasets.samples import (
    class_counts,
    examples,
    picture_at,
    pictures_of_class,
    text_at,
    texts_of_class,
    thumbnails,
)
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
    "SampleError",
    "Sequences",
    "Split",
    "UnknownDatasetError",
    "UnsafePickleError",
    "class_counts",
    "dataset_info",
    "decode_text",
    "decode_words",
    "examples",
    "locate",
    "open_prepared",
    "picture_at",
    "picture_sample",
    "pictures_of_class",
    "prepare",
    "small_picture",
    "stratified_split",
    "text_at",
    "text_sample",
    "texts_of_class",
    "thumbnails",
]
