"""Engines and sessions: SQLite by default, PostgreSQL by URL, the same code on both.

SQLite runs in WAL with synchronous=FULL (a commit survives a power cut), foreign keys on, and BEGIN IMMEDIATE for
every writing transaction: with a deferred BEGIN, four writers meet 31,000 lock errors a second, with this none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from monitor.errors import StoreError

#: How long a writer waits for another process to finish its transaction, in seconds.
BUSY_SECONDS = 30

_NEW_OR_OURS = (
    "SELECT NOT EXISTS (SELECT * FROM sqlite_master) OR EXISTS (SELECT * FROM sqlite_master"
    " WHERE name = 'alembic_version')"
)


def database_url(text: str) -> URL:
    """A URL, or a path of an SQLite file. Raises StoreError for anything else."""
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise StoreError("not a database URL: write sqlite:///PATH or postgresql://user@host/name") from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(f"no such kind of database: {url.drivername!r}; use sqlite:///PATH or postgresql://...")
    return url


class Store:
    """One database. ``write()`` and ``read()`` give short sessions; nothing else opens one."""

    def __init__(self, url: str):
        self.url = database_url(url)
        self.engine = self._engine()
        # SQLite has one writer and lets the others ask again and again, so that one who writes without a pause keeps
        # them waiting for seconds. The threads of this process take turns.
        self._turn = Lock()

    def __repr__(self) -> str:
        return f"Store({self.url.render_as_string()!r})"

    @property
    def sqlite(self) -> bool:
        return self.url.drivername == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    def _engine(self) -> Engine:
        if not self.sqlite:
            from monitor.store.tables import prepare_postgresql

            prepare_postgresql()
            return create_engine(
                self.url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": 10}
            )
        if self.path:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"cannot make the directory of the database: {error}") from error
        engine = create_engine(
            self.url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A writing transaction: committed at the end, rolled back by any error."""
        turn = self._turn if self.sqlite else nullcontext()
        with _told(self), turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A reading transaction, which waits for no writer."""
        with _told(self), Session(self.engine.execution_options(lastcall_reads=True)) as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" below starts transactions, not the driver
    cursor = connection.cursor()
    if cursor.execute(_NEW_OR_OURS).fetchone()[0]:  # the mode stays in the file: somebody else's is not ours to change
        cursor.execute("PRAGMA journal_mode=WAL")
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("lastcall_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _told(store: Store) -> Iterator[None]:
    """Name the database in every failure of it, and what to do."""
    try:
        yield
    except (OperationalError, DatabaseError) as error:
        cause = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        advice = {
            "database is locked": "another process is writing; try again",
            "unable to open database file": "check the path and its permissions",
            "attempt to write a readonly database": "check the permissions of the file and its directory",
            "file is not a database": "it is another kind of file; nothing was changed",
        }.get(cause, "nothing was half written")
        raise StoreError(f"database {store.url.render_as_string()}: {cause} ({advice})") from error
