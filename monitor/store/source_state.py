"""The state of sources: which are due, how their polls went, and the documents they returned."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypedDict

from sqlalchemy import (
    Connection,
    Insert,
    and_,
    bindparam,
    case,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlmodel import Session

from monitor.core.facts import Json
from monitor.reading.source import Source
from monitor.store.db import SKEW
from monitor.store.tables import DocumentRow, EventRow, FeedRow, PollRow, SourceRow

SOURCES: Any = SourceRow.__table__  # type: ignore[attr-defined]
POLLS: Any = PollRow.__table__  # type: ignore[attr-defined]
FEEDS: Any = FeedRow.__table__  # type: ignore[attr-defined]
DOCUMENTS: Any = DocumentRow.__table__  # type: ignore[attr-defined]

#: How long a process has a source to itself; renewed while it works on it (Service.tick).
LEASE = timedelta(minutes=2)


class SourceState(Protocol):
    """Hold the state of a source that a poll needs: a SourceRow, or a plain row of its table."""

    @property
    def id(self) -> str: ...
    @property
    def etag(self) -> str: ...
    @property
    def last_modified(self) -> str: ...
    @property
    def seen(self) -> str: ...
    @property
    def document(self) -> str: ...
    @property
    def held_seen(self) -> str: ...
    @property
    def pending(self) -> list[Json]: ...
    @property
    def milestone_at(self) -> datetime | None: ...
    @property
    def good_at(self) -> datetime | None: ...
    @property
    def failures(self) -> int: ...
    @property
    def stale(self) -> bool: ...
    @property
    def rows(self) -> int: ...


def register(
    session: Session, declared: Mapping[str, Source] | Iterable[str], now: datetime
) -> None:
    """Give every declared source its row; a new one is due at once. Ids alone are taken for
    official sources.
    """
    connection = session.connection()
    stored = {
        line.id: line.kind for line in connection.execute(select(SOURCES.c.id, SOURCES.c.kind))
    }
    kinds = (
        {source.id: source.kind for source in declared.values()}
        if isinstance(declared, Mapping)
        else {}
    )
    # Sorted, so that two services that start at once insert in one order and cannot deadlock.
    new = sorted(source_id for source_id in declared if source_id not in stored)
    if new:
        blank = SourceRow(id="", due_at=now).model_dump()
        lines = [
            blank | {"id": source_id, "kind": kinds.get(source_id, "official")} for source_id in new
        ]
        connection.execute(_insert_new(connection), lines)
    for source_id, kind in kinds.items():
        if stored.get(source_id, kind) != kind:  # a later version declares it otherwise
            connection.execute(update(SOURCES).where(SOURCES.c.id == source_id).values(kind=kind))


def _insert_new(connection: Connection) -> Insert:
    """Return a statement that inserts sources. On PostgreSQL another service may insert the same
    ones at the same time; SQLite has one writer.
    """
    if connection.dialect.name != "postgresql":
        return insert(SOURCES)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(SOURCES).on_conflict_do_nothing()


def feeds(session: Session) -> dict[str, str]:
    """The addresses of the feeds that operators added, by source id."""
    query = select(FEEDS.c.id, FEEDS.c.url).order_by(FEEDS.c.id)
    return {line.id: line.url for line in session.connection().execute(query)}


def add_feed(session: Session, source_id: str, url: str, now: datetime) -> None:
    """Add a feed, due at once. A feed of that id that was removed begins anew: its first poll
    alerts nobody.
    """
    session.add(FeedRow(id=source_id, url=url, added_at=now))
    session.merge(SourceRow(id=source_id, kind="news", due_at=now))


def remove_feed(session: Session, source_id: str) -> None:
    """Remove a feed. What is known from it stays."""
    session.connection().execute(delete(FEEDS).where(FEEDS.c.id == source_id))
    session.connection().execute(
        update(SOURCES).where(SOURCES.c.id == source_id).values(enabled=False)
    )


def rows(session: Session, source_ids: Sequence[str] | None = None) -> list[SourceRow]:
    """The state of these sources, or of all, by id."""
    query = select(SourceRow).order_by(SOURCES.c.id)
    if source_ids is not None:
        query = query.where(SOURCES.c.id.in_(source_ids))
    return list(session.execute(query).scalars())


#: What a poll needs of a source, in plain lines: no ORM is set up for them.
_STATE = select(*(SOURCES.c[name] for name in sorted(vars(SourceState)) if name in SOURCES.c))
#: Asked every second, so built once.
_DUE = (
    _STATE.where(
        SOURCES.c.enabled,
        SOURCES.c.due_at <= bindparam("now"),
        or_(SOURCES.c.lease_until.is_(None), SOURCES.c.lease_until <= bindparam("now")),
    )
    .order_by(SOURCES.c.due_at)
    .limit(bindparam("limit"))
)


def states(session: Session, source_ids: Sequence[str]) -> Sequence[SourceState]:
    """Return the state of these sources that a poll needs, by id."""
    query = _STATE.where(SOURCES.c.id.in_(source_ids)).order_by(SOURCES.c.id)
    lines: Sequence[Any] = session.connection().execute(query).all()
    return lines


def due(session: Session, now: datetime, limit: int) -> Sequence[SourceState]:
    """The enabled sources whose time has come and that nobody has a lease on, longest overdue
    first.
    """
    lines: Sequence[Any] = session.connection().execute(_DUE, {"now": now, "limit": limit}).all()
    return lines


def claim(session: Session, source_ids: Sequence[str], now: datetime) -> set[str]:
    """Lease those of these sources that are still due and free, and return which; the others are
    another process's.

    A poll ends its lease when it is written; that of a process that died runs out.
    """
    free = or_(SOURCES.c.lease_until.is_(None), SOURCES.c.lease_until <= now)
    # PostgreSQL looks at the conditions again once it has the row, so that two processes never both
    # get it.
    mine = (
        select(SOURCES.c.id)
        .where(SOURCES.c.id.in_(source_ids), SOURCES.c.enabled, SOURCES.c.due_at <= now, free)
        .with_for_update(skip_locked=True)
        .cte("mine")
    )
    query = (
        update(SOURCES).where(SOURCES.c.id.in_(select(mine.c.id))).values(lease_until=now + LEASE)
    )
    return set(session.connection().execute(query.returning(SOURCES.c.id)).scalars())


def lease(session: Session, until: Mapping[str, datetime | None]) -> None:
    """Lease these sources, each until its time, or with None give them back."""
    query = (
        update(SOURCES)
        .where(SOURCES.c.id == bindparam("source"))
        .values(lease_until=bindparam("until"))
    )
    if until:
        lines = [{"source": source_id, "until": until[source_id]} for source_id in sorted(until)]
        session.connection().execute(query, lines)


def clamp(session: Session, now: datetime) -> int:
    """Undo what a clock wrote that was ahead: sources that were polled in the future are due, and
    returned in number.

    Such a poll counts as one of now, so that neither its age nor the next one waits for that
    future."""
    ahead, never = SOURCES.c.checked_at > now + SKEW, SOURCES.c.checked_at.is_(None)
    at = literal(now, SOURCES.c.due_at.type)
    capped = {
        name: case((SOURCES.c[name] > now, at), else_=SOURCES.c[name])
        for name in ("checked_at", "good_at", "looked_at", "held_at")
    }
    query = update(SOURCES).where(or_(ahead, and_(never, SOURCES.c.due_at > now + SKEW)))
    query = query.values(due_at=now, lease_until=None, **capped).returning(SOURCES.c.id)
    return len(session.connection().execute(query).all())


def lock(session: Session, source_id: str) -> SourceRow:
    """The row of a source, fresh, and nobody else's until the transaction ends."""
    query = select(SourceRow).where(SOURCES.c.id == source_id).with_for_update()
    row: SourceRow = session.execute(query.execution_options(populate_existing=True)).scalar_one()
    return row


class UnchangedPoll(TypedDict):
    """Hold a poll in which nothing changed.

    ``digest`` names the accepted document (SourceRow.seen) that was read again, ``at`` is when,
    ``good`` the new SourceRow.good_at, ``due`` the time of the next poll. ``tag`` and ``modified``
    are the validators."""

    source: str
    digest: str
    at: datetime
    good: datetime
    due: datetime
    tag: str
    modified: str


def record_unchanged(session: Session, polls: Sequence[UnchangedPoll]) -> None:
    """Record many polls in which nothing changed, in one statement.

    A source that accepted another document since is left as it is. Such a poll leaves no line in
    the history of polls: at 10,000 sources a minute those would be 14 million a day."""
    query = (
        update(SOURCES)
        .where(SOURCES.c.id == bindparam("source"), SOURCES.c.seen == bindparam("digest"))
        .values(
            due_at=bindparam("due"),
            etag=bindparam("tag"),
            last_modified=bindparam("modified"),
            checked_at=bindparam("at"),
            good_at=bindparam("good"),
            lease_until=None,
            outcome="unchanged",
            error="",
            failures=0,
        )
    )
    session.connection().execute(query, polls)


def record_off(session: Session, source_id: str, now: datetime, due_at: datetime, why: str) -> None:
    """Record that a source cannot be asked, since its key is missing: neither a success nor a
    failure.
    """
    query = update(SOURCES).where(SOURCES.c.id == source_id)
    values = {
        "checked_at": now,
        "due_at": due_at,
        "outcome": "off",
        "error": why,
        "lease_until": None,
    }
    session.connection().execute(query.values(**values))


def record(session: Session, poll: dict[str, Any]) -> int:
    """Add a line to the history of polls, and return its id."""
    result: Any = session.connection().execute(insert(POLLS).values(poll))
    return int(result.inserted_primary_key[0])


def count_events(session: Session, poll_id: int, events: int) -> None:
    """Write how many events a poll found."""
    query = update(POLLS).where(POLLS.c.id == poll_id)
    session.connection().execute(query.values(events=events))


def keep_document(
    session: Session, body: bytes, *, url: str, content_type: str, now: datetime
) -> str:
    """Keep a document, once, and return its SHA-256 in hex."""
    sha256 = hashlib.sha256(body).hexdigest()
    there = (
        session.connection()
        .execute(select(DOCUMENTS.c.sha256).where(DOCUMENTS.c.sha256 == sha256))
        .scalar()
    )
    if not there:
        line = {
            "sha256": sha256,
            "url": url,
            "content_type": content_type,
            "size": len(body),
            "fetched_at": now,
            "body": zlib.compress(body, 6),
        }
        session.connection().execute(insert(DOCUMENTS), [line])
    return sha256


def document(session: Session, sha256: str) -> bytes | None:
    """The bytes of a kept document."""
    body = (
        session.connection()
        .execute(select(DOCUMENTS.c.body).where(DOCUMENTS.c.sha256 == sha256))
        .scalar()
    )
    return zlib.decompress(body) if body is not None else None


def document_details(session: Session, sha256: str) -> Any | None:
    """Return the details of a stored document: url, content_type, size, fetched_at."""
    columns = (DOCUMENTS.c.url, DOCUMENTS.c.content_type, DOCUMENTS.c.size, DOCUMENTS.c.fetched_at)
    return (
        session.connection()
        .execute(select(*columns).where(DOCUMENTS.c.sha256 == sha256))
        .one_or_none()
    )


def poll_of(session: Session, event: EventRow) -> PollRow | None:
    """Return the poll that found an event, None if there was none or it is pruned.

    Events from before migration 0003 do not name their poll: it is the last one of the source that
    was recorded at the time of the event."""
    if event.poll_id is not None:
        return session.get(PollRow, event.poll_id)
    query = (
        select(PollRow)
        .where(POLLS.c.source_id == event.source_id, POLLS.c.at == event.detected_at)
        .order_by(POLLS.c.id.desc())
    )
    return session.execute(query.limit(1)).scalar()
