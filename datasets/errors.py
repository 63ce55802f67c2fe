"""What can go wrong with a dataset.

::

    DatasetError
    ├── UnknownDatasetError        the name is not in the catalogue
    ├── DatasetUnavailableError    no file at hand and none could be downloaded
    ├── DatasetCorruptError        a file is damaged or is not what it says
    │   └── UnsafePickleError      a pickle asks for more than arrays of numbers and lists
    ├── DatasetCacheError          the cache folder could not be written
    └── SampleError                a picture or text of a visitor cannot be put to a model
"""

from pathlib import Path


class DatasetError(Exception):
    """Base of every error of this package; the message is one text for people: what, where, how to mend it."""


class UnknownDatasetError(DatasetError):
    """The name is not in the catalogue."""


class DatasetUnavailableError(DatasetError):
    """A file is neither in the datasets folder nor in the cache, and could not be downloaded."""


class DatasetCorruptError(DatasetError):
    """A file is damaged or is not what its name promises."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is damaged or is not the published file: {reason}. Delete it and get it again.")
        self.path = path
        self.reason = reason


class UnsafePickleError(DatasetCorruptError):
    """A pickle names something other than NumPy's own array parts; nothing of it was executed."""


class DatasetCacheError(DatasetError):
    """The cache folder could not be written, for example because the disk is full."""

    def __init__(self, what: str, where: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(
            f"{what} could not be written to {where} ({reason}): free some space there or choose another cache folder."
        )
        self.where = where


class SampleError(DatasetError):
    """A picture or text that somebody brought cannot be made into a sample."""
