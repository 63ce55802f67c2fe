"""Downloading one file: streamed, checked, and moved into place only when it is whole."""

import contextlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests

from datasets import checksums
from datasets.content import Report
from datasets.errors import DatasetCacheError, DatasetCorruptError, DatasetUnavailableError
from datasets.sources import SourceFile

_CHUNK_BYTES = 1 << 16
_LONGEST_SILENCE_S = 1.0
"""Between two reports while it waits: a report is where the caller may end it."""
_TRY_AGAIN_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_PASSING_ERRORS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


class Download(Protocol):
    """Puts one file at `target`, whole and checked, or raises and leaves nothing there."""

    def __call__(self, file: SourceFile, target: Path, report: Report) -> None:
        """Tell `report` the share done, 0 to 1, also where it is as before: what it raises ends the download.

        Raises:
            DatasetUnavailableError: the server could not be reached or does not have the file.
            DatasetCorruptError: what came has another checksum than the published file.
            DatasetCacheError: the file could not be written.
        """


class _TryAgain(Exception):
    """This attempt failed for a reason that may pass; the message says which."""


@dataclass(frozen=True)
class HttpDownload:
    """The real `Download`.

    Attributes:
        attempts: how often it tries when the connection fails or the server has a passing trouble.
        first_wait_s: seconds before the second attempt; doubled before each further one.
        timeout_s: for connecting, and for each wait for more bytes.
        sleep: waits that many seconds.
    """

    attempts: int = 4
    first_wait_s: float = 1.0
    timeout_s: tuple[float, float] = (10.0, 15.0)
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, file: SourceFile, target: Path, report: Report) -> None:
        """See `Download`."""
        if file.url is None or file.checksum is None:
            raise DatasetUnavailableError(f"{file.name} cannot be downloaded")
        # The name is unique: another process may be downloading the same file.
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fetch_patiently(file.url, part, report)
            if not checksums.matches(part, file.checksum):
                raise DatasetCorruptError(target, f"{file.url} gave other bytes than the published ones (checksum)")
            part.replace(target)
        except OSError as error:
            raise DatasetCacheError(f"the download {file.name}", target.parent, error) from error
        finally:
            _remove(part)

    def _fetch_patiently(self, url: str, part: Path, report: Report) -> None:
        for attempt in range(1, self.attempts + 1):
            try:
                return self._fetch(url, part, report)
            except _TryAgain as error:
                reason = error
            report(0.0)
            if attempt < self.attempts:
                self._wait(self.first_wait_s * 2 ** (attempt - 1), report)
        raise DatasetUnavailableError(f"{url} failed {self.attempts} times, at last with {reason}") from reason

    def _wait(self, seconds: float, report: Report) -> None:
        while seconds > 0:
            self.sleep(min(seconds, _LONGEST_SILENCE_S))
            seconds -= _LONGEST_SILENCE_S
            report(0.0)

    def _fetch(self, url: str, part: Path, report: Report) -> None:
        try:
            # Without "identity" a server may compress on the fly, and the length would not be that of the file.
            with requests.get(
                url, stream=True, timeout=self.timeout_s, headers={"Accept-Encoding": "identity"}
            ) as response:
                if response.status_code in _TRY_AGAIN_STATUS:
                    raise _TryAgain(f"HTTP status {response.status_code}")
                if response.status_code != requests.codes.ok:
                    raise DatasetUnavailableError(f"{url} answered HTTP status {response.status_code}")
                _store(response, part, report)
        except _PASSING_ERRORS as error:
            raise _TryAgain(type(error).__name__) from error
        except requests.RequestException as error:
            raise DatasetUnavailableError(f"{url} cannot be asked for: {error}") from error


def _store(response: requests.Response, part: Path, report: Report) -> None:
    expected = int(response.headers.get("Content-Length") or 0)
    received = 0
    with part.open("wb") as stream:
        for chunk in response.iter_content(_CHUNK_BYTES):
            stream.write(chunk)
            received += len(chunk)
            report(min(1.0, received / expected) if expected else 0.0)
    if expected and received != expected:
        raise _TryAgain(f"{received:,} of {expected:,} bytes")


def _remove(part: Path) -> None:
    with contextlib.suppress(OSError):  # a failure to remove must not hide the error that led here
        part.unlink(missing_ok=True)
