"""From a name to a dataset ready for use: find, download, check, decode, remember."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import checksums, generated_text
from datasets.archives import reading
from datasets.catalogue import DatasetInfo, dataset_info
from datasets.download import Download, HttpDownload
from datasets.errors import DatasetCorruptError, DatasetUnavailableError
from datasets.prepared import PreparedDataset
from datasets.sources import SOURCES, Source, SourceFile, Sources
from datasets.store import DecodedStore, SourceStamp

Progress = Callable[[str, float], None]  # told a message and the share done, 0 to 1

_DOWNLOAD_SHARE = 0.9  # of the progress bar, when something has to be downloaded


@dataclass(frozen=True)
class _Place:
    """Where one file of a source is, or will be once downloaded."""

    file: SourceFile
    path: Path


def prepare(
    name: str,
    *,
    folder: Path | None,
    cache: Path,
    download: Download | None = None,
    progress: Progress | None = None,
    sources: Sources = SOURCES,
) -> PreparedDataset:
    """Make a dataset ready for use; a second call finds what the first one decoded.

    Files are looked for in `folder`, then in `cache/downloads`, then downloaded to there. A complete set is preferred
    to a subset in `folder`, and a subset in `folder` to a download. The decoded arrays go to `cache/decoded`.

    Args:
        name: key in the catalogue.
        folder: read-only folder with the published files or subsets; None for none.
        cache: folder to write to; made when missing.
        download: gets one missing file; over HTTP when None.
        progress: told a message and the share done, 0 to 1.
        sources: where each dataset comes from.

    Raises:
        UnknownDatasetError: no such name.
        DatasetUnavailableError: a file is nowhere and could not be downloaded.
        DatasetCorruptError: a file is damaged.
        DatasetCacheError: the cache could not be written.
    """
    info = dataset_info(name)
    tell = progress or _say_nothing
    source, places = _locate(sources[name], folder, cache / "downloads")
    paths = [place.path for place in places]
    store = DecodedStore(cache / "decoded")
    prepared = store.find(SourceStamp.of(name, paths, generated_text.VERSION))
    if prepared is None:
        missing = [place for place in places if not _is_there(place.path)]
        _download(info, missing, folder, download or HttpDownload(), tell)
        begun = _DOWNLOAD_SHARE if missing else 0.0
        tell(f"Preparing {info.title}", begun)
        # Taken before the files are read: a file changed meanwhile will be decoded again.
        stamp = SourceStamp.of(name, paths, generated_text.VERSION)
        _check(places)
        content = source.decode(
            paths, info, lambda share: tell(f"Preparing {info.title}", begun + share * (0.99 - begun))
        )
        prepared = store.add(info, content, source.note, stamp)
    tell(f"{info.title} is ready", 1.0)
    return prepared


def locate(name: str, *, folder: Path | None, cache: Path) -> str:
    """Where `prepare` would take a dataset from: 'built in', 'folder', 'cache' or 'download'. Reads no file.

    Raises:
        UnknownDatasetError: no such name.
    """
    dataset_info(name)
    _, places = _locate(SOURCES[name], folder, cache / "downloads")
    if not places:
        return "built in"
    if not all(_is_there(place.path) for place in places):
        return "download"
    return "folder" if folder is not None and places[0].path.is_relative_to(folder) else "cache"


def _locate(options: Sequence[Source], folder: Path | None, downloads: Path) -> tuple[Source, list[_Place]]:
    """The source to use and the place of each of its files, whether or not it is there yet."""
    for root in filter(None, (folder, downloads)):
        for source in options:
            if all(_is_there(root / file.path) for file in source.files):
                return source, [_Place(file, root / file.path) for file in source.files]
    source = next(source for source in options if source.is_downloadable)
    places = []
    for file in source.files:
        is_in_folder = folder is not None and _is_there(folder / file.path)
        root = folder if folder is not None and is_in_folder else downloads
        places.append(_Place(file, root / file.path))
    return source, places


def _download(
    info: DatasetInfo, missing: Sequence[_Place], folder: Path | None, download: Download, tell: Progress
) -> None:
    total = sum(place.file.size for place in missing)
    done = 0
    for place in missing:
        file, begun = place.file, done
        message = f"Downloading {file.name} ({file.size / 1e6:.1f} MB)"

        def report(share: float, file: SourceFile = file, begun: int = begun, message: str = message) -> None:
            tell(message, _DOWNLOAD_SHARE * (begun + share * file.size) / total)

        report(0.0)
        try:
            download(file, place.path, report)
        except DatasetUnavailableError as error:
            target = place.path if folder is None else folder / file.path
            raise DatasetUnavailableError(
                f"{info.title} needs {file.name}, which is not on this machine and could not be downloaded ({error}): "
                f"get it from {file.url} elsewhere and save it as {target}"
            ) from error
        done += file.size


def _check(places: Sequence[_Place]) -> None:
    """Compare checksums, also of what was downloaded and checked long ago: files rot, and are tampered with.

    Raises:
        DatasetCorruptError: a file has other bytes than those that are known to be right.
    """
    for place in places:
        known = [*filter(None, [place.file.checksum]), *place.file.known_good]
        with reading(place.path):
            is_known = any(checksums.matches(place.path, checksum) for checksum in known)
        if not is_known:
            raise DatasetCorruptError(place.path, f"its checksum must be {' or '.join(known)}")


def _is_there(path: Path) -> bool:
    # Unlike Path.is_file this takes a folder without permission for one without the file.
    return os.path.isfile(path)


def _say_nothing(message: str, share: float) -> None:
    """For callers who do not want to hear of progress."""
