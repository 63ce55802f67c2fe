"""What tests ask about processes that are not their own children."""

from __future__ import annotations

import psutil


def is_gone(process: int) -> bool:
    """Whether a process has ended; one that nobody has asked for its exit code has too."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
