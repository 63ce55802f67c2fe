"""What can go wrong with the database.

::

    StorageError
    ├── StorageUnavailableError   it cannot be opened or reached
    ├── NameTakenError            a run of this name exists
    ├── RunBusyError              a run is not over, and this would need it to be
    ├── ArtifactError             a file could not be kept or read (in artifacts.py)
    └── UnknownRunError           no run or study of this name exists
"""


class StorageError(Exception):
    """Base of everything this package raises on purpose; its text can be shown to a user as it is."""


class StorageUnavailableError(StorageError):
    """The database cannot be opened."""


class NameTakenError(StorageError):
    """A run of this name exists already."""


class UnknownRunError(StorageError):
    """There is no such run."""


class RunBusyError(StorageError):
    """The run waits, runs, or has jobs that are not over."""
