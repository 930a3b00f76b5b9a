"""Looking after a database: is it whole, what may go, and how it moves from SQLite to
PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, text, union, update
from sqlmodel import Session, SQLModel

from monitor.errors import StoreError
from monitor.store.db import DAMAGED, Store
from monitor.store.tables import VERSIONS

BATCH = 5000

TABLES: Any = SQLModel.metadata.tables
_poll, _document, _delivery, _attempt, _event, _source = (
    TABLES[name] for name in ("poll", "document", "delivery", "attempt", "event", "source")
)
_versions = [TABLES[row.__tablename__] for row in VERSIONS.values()]


def tables() -> list[Table]:
    """Every table, those that others point to first."""
    return list(SQLModel.metadata.sorted_tables)


def faults(store: Store) -> list[str]:
    """Return the faults of a database, a line each; empty for a whole one."""
    problems: list[str] = []
    with store.read() as session:
        connection = session.connection()
        if store.sqlite:
            problems += [
                line
                for line in connection.execute(text("PRAGMA integrity_check")).scalars()
                if line != "ok"
            ]
            problems += [
                f"{table}: row {row} points to a {parent} that is not there"
                for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check"))
            ]
        lost = (
            select(func.count())
            .select_from(_event)
            .where(_event.c.document != "", _event.c.document.not_in(select(_document.c.sha256)))
        )
        if count := connection.execute(lost).scalar_one():
            problems.append(f"event: {count} name a document that is not kept")
        for table in _versions:
            doubled = (
                select(table.c.source_id, table.c.key)
                .where(table.c.ended.is_(None))
                .group_by(table.c.source_id, table.c.key)
                .having(func.count() > 1)
            )
            problems += [
                f"{table.name}: {line.key} of {line.source_id} stands twice"
                for line in connection.execute(doubled)
            ]
    return problems


def refuse_damage(store: Store) -> None:
    """Raise StoreError if pages of an SQLite file are damaged. Reads all of it: a second for some
    hundred megabytes.
    """
    if not store.sqlite:
        return
    with store.read() as session:
        found = session.connection().execute(text("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        line = " ".join(str(found).split())
        raise StoreError(f"{store}: the file is damaged: {line} ({DAMAGED})")


def counts(store: Store) -> dict[str, int]:
    with store.read() as session:
        return _counts(session)


def _counts(session: Session) -> dict[str, int]:
    connection = session.connection()
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables()
    }


def prune(session: Session, before: datetime) -> dict[str, int]:
    """Delete what is older and proves nothing any more; returns how much of what.

    Events and versions of facts stay for ever, with the documents they were read from. Polls go,
    deliveries that are over with their attempts, and documents that nothing names."""
    connection = session.connection()
    over = select(_delivery.c.id).where(
        _delivery.c.created_at < before, _delivery.c.state.in_(["delivered", "cancelled", "dead"])
    )
    named = union(
        *(select(table.c.document) for table in [*_versions, _event, _poll, _source]),
        select(_source.c.held),
    )
    # An id of a pruned poll may be given again.
    pruned = select(_poll.c.id).where(_poll.c.at < before)
    connection.execute(update(_event).where(_event.c.poll_id.in_(pruned)).values(poll_id=None))
    gone = {
        "attempt": delete(_attempt).where(_attempt.c.delivery_id.in_(over)),
        "delivery": delete(_delivery).where(_delivery.c.id.in_(over)),
        "poll": delete(_poll).where(_poll.c.at < before),
        "document": delete(_document).where(
            _document.c.fetched_at < before, _document.c.sha256.not_in(named)
        ),
    }
    return {name: connection.execute(statement).rowcount for name, statement in gone.items()}


def copy(source: Store, target: Store) -> dict[str, int]:
    """Copy everything into an empty database, in one transaction; returns the rows of each
    table.
    """
    with source.read() as reading, target.write() as writing:
        if full := [name for name, count in _counts(writing).items() if count]:
            raise StoreError(
                f"{target}: is not empty ({', '.join(full)}); a copy needs a new database"
            )
        for table in tables():
            for rows in _batches(reading, table):
                writing.connection().execute(insert(table), rows)
            if not target.sqlite:
                _go_on_counting(writing, table)
        copied, there = _counts(writing), _counts(reading)
        if copied != there:
            raise StoreError(f"{target}: the copy has {copied}, not {there}; it was taken back")
    return copied


def _batches(session: Session, table: Table) -> Iterator[list[dict[str, Any]]]:
    found = session.connection().execute(select(table).order_by(*table.primary_key.columns))
    for rows in found.mappings().partitions(BATCH):
        yield [dict(row) for row in rows]


def _go_on_counting(session: Session, table: Table) -> None:
    """A sequence of PostgreSQL does not know of the numbers that were brought along."""
    key = table.autoincrement_column
    if key is not None:
        sequence = func.pg_get_serial_sequence(table.name, key.name)
        session.connection().execute(
            select(func.setval(sequence, func.coalesce(func.max(key), 0) + 1, False))
        )
