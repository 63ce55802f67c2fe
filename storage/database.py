"""Opening the database, once per process and address."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.schema import CreateColumn

from storage.errors import StorageUnavailableError
from storage.tables import OURS

# SQLite has one writer at a time; the others wait this long before they give up.
BUSY_TIMEOUT_S = 60
# Optuna's sign of life per running trial; after the grace period another runner may declare the trial dead.
HEARTBEAT_S = 10
GRACE_S = 60
CREATE_ATTEMPTS = 20
CREATE_WAIT_S = 0.1
# What databases say of a table or a column that another process made in the same moment.
COLLISIONS = ("already exists", "duplicate column", "Duplicate column")


class Database:
    """The database at `url`: the engine of our own tables and Optuna's storage.

    Args:
        url: SQLAlchemy address, such as sqlite:////path/to/file.db or postgresql+psycopg2://user@host/name.

    Raises:
        StorageUnavailableError: it cannot be opened; names the variable that holds the address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._optuna: optuna.storages.RDBStorage | None = None
        self._lock = threading.Lock()
        try:
            self.engine = _create_engine(url)
            self._create_tables()
            self._identity = _file_identity(url)
        except (SQLAlchemyError, ImportError, OSError, ValueError, RuntimeError) as error:
            raise StorageUnavailableError(_cannot_open(url, error)) from error

    def _create_tables(self) -> None:
        """Optuna's tables and ours. Two processes may find an empty database in the same moment: one of them then
        hears that a table exists already, and looks again."""
        for attempt in range(CREATE_ATTEMPTS):
            try:
                self.optuna_storage()
                OURS.create_all(self.engine)
                _add_missing_columns(self.engine)
            except (OperationalError, ProgrammingError, IntegrityError) as error:
                collision = isinstance(error, IntegrityError) or any(words in str(error) for words in COLLISIONS)
                if not collision or attempt == CREATE_ATTEMPTS - 1:
                    raise
                time.sleep(CREATE_WAIT_S)
            else:
                return

    def optuna_storage(self) -> optuna.storages.RDBStorage:
        """Optuna's storage on the same database, made at the first call and shared by all threads."""
        with self._lock:
            if self._optuna is None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    self._optuna = optuna.storages.RDBStorage(
                        self.url,
                        engine_kwargs=_engine_arguments(self.url),
                        heartbeat_interval=HEARTBEAT_S,
                        grace_period=GRACE_S,
                    )
                _use_wal(self._optuna.engine)
            return self._optuna

    def is_gone(self) -> bool:
        """Whether the SQLite file is no longer the one that was opened."""
        return _file_identity(self.url) != self._identity

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading. Raises StorageUnavailableError when the database does not answer."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StorageUnavailableError(_cannot_open(self.url, error)) from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back by an exception.

        Raises StorageUnavailableError when the database does not answer; IntegrityError passes, the caller knows why.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise StorageUnavailableError(_cannot_open(self.url, error)) from error

    def close(self) -> None:
        """Give back all connections; the object is not used afterwards."""
        self.engine.dispose()
        if self._optuna is not None:
            self._optuna.remove_session()
            self._optuna.engine.dispose()


_OPEN: dict[str, Database] = {}
_OPEN_LOCK = threading.Lock()


def open_database(url: str) -> Database:
    """The process's database at `url`, opened at the first call and shared by all threads.

    An SQLite file that was deleted or exchanged meanwhile is opened anew: writing to the old one would lose everything.
    """
    with _OPEN_LOCK:
        known = _OPEN.get(url)
        if known is not None and known.is_gone():
            _OPEN.pop(url).close()
            known = None
        if known is None:
            known = _OPEN[url] = Database(url)
        return known


def close_databases() -> None:
    """Close what `open_database` opened; the next call opens anew."""
    with _OPEN_LOCK:
        while _OPEN:
            _OPEN.popitem()[1].close()


def _create_engine(url: str) -> Engine:
    _make_parent_folder(url)
    engine = sqlalchemy.create_engine(url, **_engine_arguments(url))
    _use_wal(engine)
    return engine


def _file(url: str) -> Path | None:
    """The SQLite file that an address names, None for other databases."""
    address = _address(url)
    if address.get_backend_name() != "sqlite" or address.database in (None, "", ":memory:"):
        return None
    return Path(str(address.database))


def _file_identity(url: str) -> tuple[int, int] | None:
    """Device and number of the SQLite file; None where there is none."""
    file = _file(url)
    try:
        status = file.stat() if file else None
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status else None


def _make_parent_folder(url: str) -> None:
    if file := _file(url):
        file.parent.mkdir(parents=True, exist_ok=True)


def _engine_arguments(url: str) -> dict[str, Any]:
    if _address(url).get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S}}
    return {"pool_pre_ping": True}


def _add_missing_columns(engine: Engine) -> None:
    """Give the tables of an earlier version what came later; such columns may be empty, so rows of before stay."""
    known = sqlalchemy.inspect(engine)
    for table in OURS.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                definition = CreateColumn(column).compile(dialect=engine.dialect)
                with engine.begin() as connection:
                    connection.execute(sqlalchemy.text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))


def _use_wal(engine: Engine) -> None:
    """Let readers and the one writer of an SQLite file work side by side."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()


def _address(url: str) -> sqlalchemy.URL:
    """What an SQLAlchemy address says. Raises ArgumentError, whose words show no piece of it."""
    try:
        made = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        raise ArgumentError("it is no SQLAlchemy address") from None
    if made.host and "@" in f"{made.host}{made.database}":  # what comes before it is the end of a password
        raise ArgumentError("an @ in a password must be written as %40")
    return made


def place_of(url: str) -> str:
    """Which database an SQLAlchemy address names: its kind, machine and name; user, password and options are left out.

    Raises:
        ArgumentError: it is no such address.
    """
    made = _address(url)
    machine = f"{made.host}{f':{made.port}' if made.port else ''}/" if made.host else ""
    return f"{made.get_backend_name()}: {machine}{made.database or ''}"


def _cannot_open(url: str, error: Exception) -> str:
    try:
        shown = place_of(url)
    except ArgumentError:
        shown = "the given address"
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    if isinstance(error, ValueError):  # its words may be a piece of a password
        reason = "one of its options cannot be used"
    if isinstance(error, NoSuchModuleError | ArgumentError):
        fix = "write an SQLAlchemy address such as sqlite:///results/onegin.db"
    elif isinstance(error, ImportError):
        fix = "install the driver that the address names"
    else:
        fix = (
            "check the address (by default a file in ONEGIN_RESULTS_DIR), that the folder can be written to, "
            "and that the server runs"
        )
    return f"ONEGIN_STORAGE_URL cannot be opened: {shown} ({reason}); {fix}"
