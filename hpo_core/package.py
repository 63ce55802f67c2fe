"""One zip file with everything of a run, verified before anybody gets it."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpo_core.errors import OneginError
from hpo_core.files import with_part

CHECKSUMS = "SHA256SUMS"
CHUNK = 1 << 20
# The first moment that a zip file can name, in 1980.
FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
# What is compressed already is only stored.
STORED = (".keras", ".png", ".gif", ".zip")


class PackageError(OneginError):
    """A package could not be made, or is not what it should be."""


@dataclass(frozen=True)
class Package:
    """A verified package.

    Attributes:
        path: of the zip file.
        names: of the files in it, the list of checksums last.
        size_bytes: of the zip file.
    """

    path: Path
    names: tuple[str, ...]
    size_bytes: int


def build_package(
    contents: Mapping[str, Path | bytes],
    target: Path,
    made_at: Mapping[str, float] | None = None,
    clock: Callable[[], float] = time.time,
) -> Package:
    """Write `contents` with their checksums into a zip file, and read it back before it takes its place.

    Args:
        contents: by the name within the package, a file or its content.
        target: where the package goes; one that lies there stays where this fails.
        made_at: when contents came to be, by name, in seconds since the epoch. A file has its own time, other contents
            that of now.
        clock: tells what now is.

    Raises:
        PackageError: a file cannot be read, the package cannot be written, or it holds something else than was put in.
    """
    if not contents:
        raise PackageError("there is nothing to put into the package")
    try:
        times = _times(contents, made_at or {}, clock())
        with_part(target, lambda part: _verify(part, _write(part, contents, times)))
        size = target.stat().st_size
    except (OSError, zipfile.BadZipFile) as error:
        raise PackageError(f"the package could not be made: {getattr(error, 'strerror', None) or error}") from error
    return Package(target, (*contents, CHECKSUMS), size)


def _times(contents: Mapping[str, Path | bytes], made_at: Mapping[str, float], now: float) -> dict[str, float]:
    """When each content and the list of checksums came to be. Raises OSError."""
    own = {name: content.stat().st_mtime for name, content in contents.items() if isinstance(content, Path)}
    return {**dict.fromkeys(contents, now), **own, **made_at, CHECKSUMS: now}


def _entry(name: str, made_at: float) -> zipfile.ZipInfo:
    """An entry with its time, which zip files keep as the local one."""
    moment = time.localtime(made_at)
    date = (moment.tm_year, moment.tm_mon, moment.tm_mday, moment.tm_hour, moment.tm_min, moment.tm_sec)
    return zipfile.ZipInfo(name, max(date, FIRST_MOMENT))


def _write(part: Path, contents: Mapping[str, Path | bytes], times: Mapping[str, float]) -> dict[str, str]:
    """Write the zip file; the checksum of each file as it was read."""
    sums: dict[str, str] = {}
    with zipfile.ZipFile(part, "w") as package:
        for name, content in contents.items():
            how = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            digest = hashlib.sha256()
            info = _entry(name, times[name])
            info.compress_type = how
            with package.open(info, "w", force_zip64=True) as entry:
                if isinstance(content, bytes):
                    digest.update(content)
                    entry.write(content)
                else:
                    with content.open("rb") as source:
                        while block := source.read(CHUNK):
                            digest.update(block)
                            entry.write(block)
            sums[name] = digest.hexdigest()
        text = "".join(f"{checksum}  {name}\n" for name, checksum in sums.items())  # as sha256sum -c reads it
        package.writestr(_entry(CHECKSUMS, times[CHECKSUMS]), text)
    return sums


def _verify(part: Path, sums: Mapping[str, str]) -> None:
    """Open the zip file anew and compare every file. Raises PackageError."""
    with zipfile.ZipFile(part) as package:
        if package.namelist() != [*sums, CHECKSUMS]:
            raise PackageError("the package does not hold the files that were put into it")
        for name, checksum in sums.items():
            digest = hashlib.sha256()
            with package.open(name) as entry:
                while block := entry.read(CHUNK):
                    digest.update(block)
            if digest.hexdigest() != checksum:
                raise PackageError(f"{name} is damaged in the package; is the disk full or faulty?")
