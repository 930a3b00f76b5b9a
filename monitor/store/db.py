"""Engines and sessions: SQLite by default, PostgreSQL by URL, the same code on both.

SQLite runs in WAL with synchronous=FULL (a commit survives a power cut), foreign keys on, and BEGIN
IMMEDIATE for every writing transaction: with a deferred BEGIN, four writers meet 31,000 lock errors
a second, with this none.

A failure of the database itself (full, locked, gone, damaged) is remembered in ``Store.trouble``:
the service fetches and sends nothing until schema.probe has written to it again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from monitor.errors import StoreError

#: How long a writer waits for another process to finish its transaction, in seconds.
BUSY_SECONDS = 30
#: How often a transaction is run that only met another one.
TRIES = 5
#: Clocks of machines that share a database differ by less than this. A time further in the future
#: was written by a wrong clock.
SKEW = timedelta(minutes=1)

#: Primary result codes of SQLite that are about the file, not about a statement: busy, locked,
#: read-only, input or output, corrupt, full, cannot open, not a database.
_SQLITE_TROUBLE = {5, 6, 8, 10, 11, 13, 14, 26}
#: The same for PostgreSQL, by class of SQLSTATE: connection, resources, intervention, system,
#: internal; read-only.
_POSTGRESQL_TROUBLE = ("", "08", "53", "57", "58", "XX", "25006")
#: serialization_failure, deadlock_detected, and unique_violation, where two write the same new row
#: (a document that two sources share): the same transaction may succeed at once.
_AGAIN = ("40001", "40P01", "23505")

DAMAGED = (
    "restore a backup, or save with `lastcall db copy` what can be read; "
    "`lastcall db check` lists the damage"
)
_ADVICE = {
    "database is locked": "another process is writing; try again",
    "unable to open database file": "check the path and its permissions",
    "attempt to write a readonly database": "check the permissions of the file and its directory",
    "file is not a database": "it is another kind of file; nothing was changed",
    "database or disk is full": "make room on its disk; nothing was half written",
    "database disk image is malformed": DAMAGED,
}

Result = TypeVar("Result")

_NEW_OR_OURS = (
    "SELECT NOT EXISTS (SELECT * FROM sqlite_master) OR EXISTS (SELECT * FROM sqlite_master"
    " WHERE name = 'alembic_version')"
)


def database_url(text: str) -> URL:
    """Return a URL for a URL or for the path of an SQLite file. Raises StoreError for anything
    else.
    """
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise StoreError(
            "not a database URL: write sqlite:///PATH or postgresql://user@host/name"
        ) from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(
            f"no such kind of database: {url.drivername!r}; use sqlite:///PATH or postgresql://..."
        )
    return url


class Store:
    """Open one database. ``write()`` and ``read()`` give short sessions; nothing else opens one.

    ``trouble`` is a failure of the database itself, empty if there is none."""

    def __init__(self, url: str):
        self.url = database_url(url)
        self.trouble = ""
        self._file: tuple[int, int] | None = None
        self.engine = self._engine()
        self._writing = Lock()

    def __repr__(self) -> str:
        return f"Store({self.url.render_as_string()!r})"

    @property
    def sqlite(self) -> bool:
        return self.url.drivername == "sqlite"

    @property
    def path(self) -> Path | None:
        """Return the file of an SQLite database, None for PostgreSQL."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    def _engine(self) -> Engine:
        if not self.sqlite:
            from monitor.store.tables import prepare_postgresql

            prepare_postgresql()
            return create_engine(
                self.url,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args={"connect_timeout": 10},
            )
        if self.path:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"cannot make the directory of the database: {error}") from error
        engine = create_engine(
            self.url,
            hide_parameters=True,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "connect", self._remember)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing transaction: committed at the end, rolled back by any error."""
        self._same_file()
        lock = self._write_lock() if self.sqlite else nullcontext()
        with (
            _explained(self),
            lock,
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def _write_lock(self) -> Iterator[None]:
        """Hold the lock of the one writer thread of this process (SQLite).

        SQLite lets waiting writers ask again and again, so that a thread that writes without a
        pause keeps the others waiting for seconds."""
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise OperationalError(None, None, _busy())
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a reading transaction, which waits for no writer."""
        self._same_file()
        engine = self.engine.execution_options(lastcall_reads=True)
        with _explained(self), Session(engine) as session:
            yield session

    def _same_file(self) -> None:
        """Raise StoreError if the file is no longer the one that was opened first.

        SQLite would go on writing to a deleted file, and make a new, empty one beside it."""
        if self._file and self._file != self._identify_file():
            self.trouble = (
                f"database {self.url.render_as_string()}: the file was moved, deleted or replaced "
                "(put it back, or"
                " restart what uses it; nothing new was made)"
            )
            raise StoreError(self.trouble)

    def _remember(self, *_connected: object) -> None:
        self._file = self._file or self._identify_file()

    def _identify_file(self) -> tuple[int, int] | None:
        """Return the device and inode of the file that is there now."""
        try:
            stat = self.path.stat() if self.path else None
        except OSError:  # missing, or in a directory that may not be read
            return None
        return (stat.st_dev, stat.st_ino) if stat else None

    def close(self) -> None:
        self.engine.dispose()


def retried(work: Callable[[], Result]) -> Result:
    """Return the result of ``work``, a whole transaction, which is run again while it only met
    another one: at most TRIES times.
    """
    for number in range(1, TRIES):
        try:
            return work()
        except StoreError as error:
            if not error.again:
                raise
            time.sleep(0.01 * 2**number)
    return work()


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # SQLAlchemy's "begin" below starts transactions, not the driver.
    connection.isolation_level = None
    cursor = connection.cursor()
    # The mode stays in the file, so it is changed only in files of Lastcall.
    if cursor.execute(_NEW_OR_OURS).fetchone()[0]:
        cursor.execute("PRAGMA journal_mode=WAL")
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("lastcall_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _busy() -> sqlite3.OperationalError:
    """Return the error that SQLite raises for a writer that has waited too long."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


@contextmanager
def _explained(store: Store) -> Iterator[None]:
    """Raise every failure of the database as a StoreError that names it and says what to do."""
    try:
        yield
    except DatabaseError as error:
        # A driver may raise without a message.
        lines = str(error.orig or error).strip().splitlines()
        cause = lines[0] if lines else type(error.orig or error).__name__
        advice = _ADVICE.get(cause, "nothing was half written")
        text = f"database {store.url.render_as_string()}: {cause} ({advice})"
        state = getattr(error.orig, "sqlstate", None) or ""
        if store.sqlite:
            is_trouble = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE_TROUBLE
        else:
            is_trouble = state[:2] in _POSTGRESQL_TROUBLE or state in _POSTGRESQL_TROUBLE
        if is_trouble:
            store.trouble = text
        raise StoreError(text, again=state in _AGAIN) from error
