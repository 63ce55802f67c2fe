"""What a library loads along with itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(package: str) -> Iterator[None]:
    """Within, an import of `package` fails as if it were not installed, for libraries that can do without it.

    One that is loaded already stays as it is. To be used while a process starts: imports in other threads fail too.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # https://docs.python.org/3/reference/import.html
    try:
        yield
    finally:
        del sys.modules[package]
