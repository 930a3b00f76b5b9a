"""The migrations make the tables that the models describe, on both databases, and cost nothing once
they are done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlmodel import SQLModel, select

from alembic import command
from monitor.core.interpret import Draft
from monitor.errors import StoreError
from monitor.store import event_log, schema, source_state
from monitor.store.db import Store
from monitor.store.tables import EventRow


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store without any table."""
    sqlite = request.param == "sqlite"
    store = Store(
        str(tmp_path / "new" / "lastcall.db") if sqlite else request.getfixturevalue("postgres")()
    )
    yield store
    store.close()


def tables(store: Store) -> set[str]:
    with store.read() as session:
        return set(inspect(session.connection()).get_table_names())


def test_models_are_what_migrations_make(empty: Store) -> None:
    schema.ready(empty)
    with empty.read() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_server_default": True}
        )
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrations_make_the_indexes_of_the_models(empty: Store, store: Store) -> None:
    """What autogenerate does not compare: conditions of indexes, collations."""
    if empty.sqlite != store.sqlite:
        pytest.skip("two kinds of database")
    schema.ready(empty)
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    if not empty.sqlite:
        query = """
            SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE 'alembic%'
            UNION SELECT table_name || '.' || column_name, collation_name FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%'"""
    made = []
    for one in (empty, store):
        with one.read() as session:
            made.append(dict(session.execute(text(query)).all()))
    assert made[0] == made[1]


def test_upgrade_from_nothing_and_again(empty: Store) -> None:
    assert schema.revision(empty) is None
    assert schema.upgrade(empty) == (None, schema.HEAD)
    assert schema.upgrade(empty) == (schema.HEAD, schema.HEAD)
    assert schema.ready(empty) is empty
    assert schema.revision(empty) == schema.HEAD


def test_down_and_up(empty: Store) -> None:
    schema.ready(empty)
    made = tables(empty)
    command.downgrade(schema._config(empty), "base")
    assert tables(empty) == {"alembic_version"}
    schema.ready(empty)
    assert tables(empty) == made == {*SQLModel.metadata.tables, "alembic_version"}


def test_events_from_before_0003_find_their_poll_by_time(empty: Store) -> None:
    """A database of version 0.1 is migrated in place and explains its events as before."""
    command.upgrade(schema._config(empty), "0002")
    at = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    poll = {"source_id": "acme.models", "at": at, "outcome": "accepted", "events": 1}
    with empty.write() as session:
        source_state.register(session, ["acme.models"], at)
        for time in (at - timedelta(hours=6), at):
            source_state.record(session, poll | {"at": time})
        draft = Draft("source.failing", "action", None, "x")
        line = event_log.line(draft, event_log.Provenance("acme.models", at))
        line |= {"id": "evt_1", "says": "acme.models source.failing"}
        del line["poll_id"]
        event_log.write(session, [line])
    assert schema.upgrade(empty) == ("0002", "0003")
    with empty.read() as session:
        (row,) = session.scalars(select(EventRow))
        assert (row.id, row.detected_at, row.poll_id) == ("evt_1", at, None)
        found = source_state.poll_of(session, row)
        assert found
        assert (found.at, found.events) == (at, 1)


def test_head_is_the_newest_migration(empty: Store) -> None:
    script = ScriptDirectory.from_config(schema._config(empty))
    assert script.get_heads() == [schema.HEAD]
    assert script.get_bases() == ["0001"]


def test_a_newer_schema_is_refused(empty: Store) -> None:
    schema.ready(empty)
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    made = tables(empty)
    with pytest.raises(StoreError, match="schema 9999 is newer than this program knows"):
        schema.ready(empty)
    assert tables(empty) == made
    assert schema.revision(empty) == "9999"


def test_other_peoples_tables_are_left_alone(empty: Store) -> None:
    with empty.write() as session:
        session.execute(text("CREATE TABLE customers (name TEXT)"))
    with pytest.raises(
        StoreError, match=r"holds other tables \(customers \.\.\.\); give Lastcall its own database"
    ):
        schema.ready(empty)
    assert tables(empty) == {"customers"}


def run(program: str, store: Store) -> subprocess.Popen[str]:
    """Another process that is given the store's address."""
    return subprocess.Popen(
        [sys.executable, "-c", program, store.url.render_as_string(hide_password=False)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_processes_that_start_together_migrate_once(empty: Store) -> None:
    program = "import sys; from monitor.store import schema; from monitor.store.db import Store; "
    program += "store = schema.ready(Store(sys.argv[1])); store.close(); print('ready')"
    started = [run(program, empty) for _ in range(3)]
    assert [process.communicate(timeout=60) for process in started] == [("ready\n", "")] * 3
    assert schema.revision(empty) == schema.HEAD


def test_a_migration_that_breaks_leaves_nothing(
    empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", broken)
        with pytest.raises(RuntimeError):
            schema.ready(empty)
    assert tables(empty) <= {"alembic_version"}
    schema.ready(empty)
    assert schema.revision(empty) == schema.HEAD


def test_a_schema_that_is_there_costs_no_alembic(empty: Store) -> None:
    """The usual start: one row is read. Alembic and what it imports take longer than the whole
    command.
    """
    schema.ready(empty)
    program = (
        "import sys; from monitor.store import schema; from monitor.store.db import Store;"
        "store = schema.ready(Store(sys.argv[1])); store.close();"
        "print([name for name in sys.modules if name.partition('.')[0] in ('alembic', 'mako')])"
    )
    assert run(program, empty).communicate(timeout=60) == ("[]\n", "")
