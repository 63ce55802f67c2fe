"""Notices of runs, as pages read them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from storage.database import Database
from storage.tables import notices

MOST = 5


@dataclass(frozen=True)
class Notice:
    """Something about a run that people want to be told.

    Attributes:
        id: grows from notice to notice.
        run_name: whose it is.
        kind: in a few words, such as 'run ended'.
        text: the whole of it in one line.
        at: seconds since the epoch.
    """

    id: int
    run_name: str
    kind: str
    text: str
    at: float


class NoticeTable:
    """The table of notices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run_name: str, kind: str, text: str) -> None:
        """Raises StorageError."""
        with self._database.write() as connection:
            connection.execute(insert(notices).values(run_name=run_name, kind=kind, text=text, at=time.time()))

    def newest_id(self) -> int:
        """Of the last notice of all; 0 before there is one. Raises StorageError."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(notices.c.id))).scalar() or 0)

    def after(self, notice_id: int, most: int = MOST, run_name: str | None = None) -> list[Notice]:
        """The newest `most` notices after one, of one run or of all, the oldest of them first. Raises StorageError."""
        query = select(notices).where(notices.c.id > notice_id).order_by(notices.c.id.desc()).limit(most)
        if run_name is not None:
            query = query.where(notices.c.run_name == run_name)
        with self._database.read() as connection:
            return [Notice(**row._mapping) for row in connection.execute(query)][::-1]
