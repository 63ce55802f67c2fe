"""Checksums written as `sha256:...` or `md5:...`."""

import hashlib
from pathlib import Path


def matches(path: Path, checksum: str) -> bool:
    """Whether the file has this checksum.

    Raises:
        OSError: the file cannot be read.
    """
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as stream:
        # MD5 only tells a damaged file from a whole one: some publishers give nothing better.
        digest = hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return digest.hexdigest() == expected
