"""Decodes sets whose files are on this machine: `python -m pages.parts.decode_local FOLDER CACHE [NAME]`.

A process of its own, because decoding takes seconds and memory that the dashboard shall not hold.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import datasets
from datasets import DatasetError, DatasetUnavailableError
from datasets.catalogue import Kind
from datasets.content import Report
from datasets.sources import SourceFile

NICENESS = 10


def main(folder: Path, cache: Path, name: str = "") -> None:
    """Prepare each picture set that needs no download, or the one set called `name`."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    for info in datasets.CATALOGUE.values():
        if info.name == name if name else info.kind is Kind.PICTURES and not info.embedded:
            try:
                datasets.prepare(info.name, folder=folder, cache=cache, download=_refuse)
            except DatasetError:
                continue  # a run that needs this set says what is wrong with it


def _refuse(file: SourceFile, target: Path, report: Report) -> None:
    raise DatasetUnavailableError("nothing is downloaded for thumbnails")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
