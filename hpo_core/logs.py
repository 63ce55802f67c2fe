"""One rotating log for every way of starting a run."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from concurrent_log_handler import ConcurrentRotatingFileHandler

from hpo_core.errors import UsageError
from hpo_core.records import LogLine

LOGGER = "onegin"
MAX_BYTES = 5_000_000
BACKUPS = 5
LINE_BYTES, SEARCHED_BYTES = 400, 2_000_000
FORMAT = "%(asctime)s %(levelname)s [%(run)s] %(message)s"

_RUN_FIELD = "run"


class RunLog(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines carry the run's name."""

    def __init__(self, run_name: str) -> None:
        super().__init__(logging.getLogger(f"{LOGGER}.run"), {_RUN_FIELD: run_name})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the run's name to what a line says of itself; an adapter of this Python would replace it."""
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}

    def pass_on(self, who: str, line: LogLine) -> None:
        """Write what a training says for the log, wherever it runs; a level that is none of Python's counts as INFO."""
        self.log(logging.getLevelNamesMapping().get(line.level, logging.INFO), "%s: %s", who, line.text)


def open_log(file: Path) -> None:
    """Send everything the product logs to `file`, which several processes may share; once per process and file.

    Raises:
        UsageError: the folder cannot be written to.
    """
    logger = logging.getLogger(LOGGER)
    for handler in list(logger.handlers):
        if getattr(handler, "baseFilename", None) == str(file):
            if file.exists():
                return
            logger.removeHandler(handler)  # somebody deleted the folder
            handler.close()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = ConcurrentRotatingFileHandler(str(file), maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
        file.open("a", encoding="utf-8").close()
    except OSError as error:
        raise UsageError(
            "ONEGIN_RESULTS_DIR", f"must be a folder that can be written to, got {file.parent.parent} ({error})",
            "set it to another folder",
        ) from error  # fmt: skip
    handler.setFormatter(logging.Formatter(FORMAT, defaults={_RUN_FIELD: "-"}))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    # A full disk shall not fill the terminal with a traceback for each line that could not be written.
    logging.raiseExceptions = False


def tail(file: Path, lines: int, containing: str = "", also: str = "") -> list[str]:
    """The last `lines` lines of the log that contain a text, oldest first; empty where there is no such line.

    The end of the log is read, and all that it still holds only where nothing is found there: this is asked often.

    Args:
        file: the log.
        lines: how many at most.
        containing: as it is written in the log, such as the name of a run.
        also: what a line must contain as well, in upper or lower case; then more is read.
    """
    wanted = also.strip().lower()
    reach = SEARCHED_BYTES if wanted else LINE_BYTES * max(lines, 500)
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - reach))
            text = stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        text = ""  # it was rotated away in this moment, or there is none
    found = [line for line in text.splitlines() if containing in line and wanted in line.lower()]
    return (found or [line for line in whole(file, containing) if wanted in line.lower()])[-lines:]


def whole(file: Path, containing: str = "") -> list[str]:
    """All lines that the log still holds and that contain a text, oldest first; what was rotated away as well."""
    found: list[str] = []
    for kept in [*(file.with_name(f"{file.name}.{number}") for number in range(BACKUPS, 0, -1)), file]:
        try:
            with kept.open(encoding="utf-8", errors="replace") as stream:
                found += [line.rstrip("\n") for line in stream if containing in line]
        except FileNotFoundError:
            continue
    return found
