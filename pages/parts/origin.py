"""Where this copy of the project comes from, as git knows it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_ORIGIN = re.compile(r'^\[remote "origin"\]$(?:\n\s+.*)*?\n\s*url\s*=\s*(\S+)', re.MULTILINE)
# With a user and a password at most, which are nobody's business, and as git writes it for SSH.
_ADDRESS = re.compile(
    r"(?:https?://|ssh://|(?=[\w.-]+@[\w.-]+:))(?:[^@/\s]+@)?([\w.-]+)(?::\d+/|[:/])([\w./~-]+?)(?:\.git)?/?"
)


@cache
def repository(folder: Path = PROJECT) -> str:
    """The address of the repository that this copy was cloned from, for a browser; '' where there is none.

    A copy of a copy on the same machine, or one without git, has none.
    """
    try:
        config = (folder / ".git" / "config").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    origin = _ORIGIN.search(config)
    address = _ADDRESS.fullmatch(origin.group(1)) if origin else None
    return f"https://{address.group(1)}/{address.group(2)}" if address else ""
