"""The state of sources: which are due, how their polls went, and the documents they returned."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from monitor.store.tables import DocumentRow, PollRow, SourceRow

SOURCES: Any = SourceRow.__table__  # type: ignore[attr-defined]
POLLS: Any = PollRow.__table__  # type: ignore[attr-defined]
DOCUMENTS: Any = DocumentRow.__table__  # type: ignore[attr-defined]


def register(session: Session, source_ids: Iterable[str], now: datetime) -> None:
    """Give every declared source its row; a new one is due at once."""
    there = set(session.connection().execute(select(SOURCES.c.id)).scalars())
    lines = [SourceRow(id=source_id, due_at=now).model_dump() for source_id in source_ids if source_id not in there]
    if lines:
        session.connection().execute(insert(SOURCES), lines)


def rows(session: Session, source_ids: Sequence[str] | None = None) -> list[SourceRow]:
    """The state of these sources, or of all, by id."""
    query = select(SourceRow).order_by(SOURCES.c.id)
    if source_ids is not None:
        query = query.where(SOURCES.c.id.in_(source_ids))
    return list(session.execute(query).scalars())


def due(session: Session, now: datetime, limit: int) -> list[SourceRow]:
    """The enabled sources whose time has come, longest overdue first."""
    query = select(SourceRow).where(SOURCES.c.enabled, SOURCES.c.due_at <= now).order_by(SOURCES.c.due_at).limit(limit)
    return list(session.execute(query).scalars())


def locked(session: Session, source_id: str) -> SourceRow:
    """The row of a source, fresh, and nobody else's until the transaction ends."""
    query = select(SourceRow).where(SOURCES.c.id == source_id).with_for_update()
    row: SourceRow = session.execute(query.execution_options(populate_existing=True)).scalar_one()
    return row


def unchanged(session: Session, states: Sequence[dict[str, Any]], polls: Sequence[dict[str, Any]]) -> None:
    """Record many polls in which nothing changed, in two statements. Each state names its ``source`` and the columns
    checked_at, good_at, due_at, outcome, etag and last_modified."""
    columns = ("checked_at", "good_at", "due_at", "outcome", "etag", "last_modified")
    query = (
        update(SOURCES)
        .where(SOURCES.c.id == bindparam("source"))
        .values(error="", failures=0, **{name: bindparam(name) for name in columns})
    )
    session.connection().execute(query, states)
    record(session, polls)


def record(session: Session, polls: Sequence[dict[str, Any]]) -> None:
    """Add lines to the history of polls."""
    session.connection().execute(insert(POLLS), polls)


def keep(session: Session, body: bytes, *, url: str, content_type: str, now: datetime) -> str:
    """Keep a document, once, and return its SHA-256 in hex."""
    sha256 = hashlib.sha256(body).hexdigest()
    there = session.connection().execute(select(DOCUMENTS.c.sha256).where(DOCUMENTS.c.sha256 == sha256)).scalar()
    if not there:
        line = {
            "sha256": sha256, "url": url, "content_type": content_type, "size": len(body), "fetched_at": now,
            "body": zlib.compress(body, 6),
        }  # fmt: skip
        session.connection().execute(insert(DOCUMENTS), [line])
    return sha256


def document(session: Session, sha256: str) -> bytes | None:
    """The bytes of a kept document."""
    body = session.connection().execute(select(DOCUMENTS.c.body).where(DOCUMENTS.c.sha256 == sha256)).scalar()
    return zlib.decompress(body) if body is not None else None


def kept(session: Session, sha256: str) -> Any | None:
    """What is known of a kept document beside its bytes: url, content_type, size, fetched_at."""
    columns = (DOCUMENTS.c.url, DOCUMENTS.c.content_type, DOCUMENTS.c.size, DOCUMENTS.c.fetched_at)
    return session.connection().execute(select(*columns).where(DOCUMENTS.c.sha256 == sha256)).one_or_none()


def poll_at(session: Session, source_id: str, at: datetime) -> PollRow | None:
    """The poll of a source that was recorded at an instant."""
    query = select(PollRow).where(POLLS.c.source_id == source_id, POLLS.c.at == at).order_by(POLLS.c.id.desc())
    return session.execute(query.limit(1)).scalar()
