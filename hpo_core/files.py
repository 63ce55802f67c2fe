"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file; where that fails, nothing is left behind. Raises OSError."""
    with_part(target, lambda part: shutil.copyfile(source, part))


def write_whole(text: str, target: Path) -> None:
    """Write a text; where that fails, nothing is left behind. Raises OSError."""
    with_part(target, lambda part: part.write_text(text, encoding="utf-8"))


def with_part(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `target`, which then takes its place. Raises OSError."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        os.replace(part, target)
    except BaseException:
        remove_quietly(part)
        raise


def remove_quietly(path: Path) -> None:
    """Remove a file, whether or not it is there and whether or not that works."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
