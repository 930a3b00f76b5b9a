"""The evidence behind an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from monitor.answers.news import Declared, verdicts_of
from monitor.core.claims import Mark
from monitor.errors import NotFound
from monitor.store import event_log, source_state
from monitor.store.tables import EventRow, PollRow


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document in the store, without its bytes."""

    url: str
    content_type: str
    size: int
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """An event, the poll that saw it, its document, and the verdicts on the claims of its article.

    A poll or document that was pruned is None."""

    event: EventRow
    poll: PollRow | None
    document: StoredDocument | None
    verdicts: tuple[Mark, ...]


def explain(session: Session, event_id: str, now: datetime, declared: Declared) -> Explanation:
    """Return the evidence behind an event, by id or sequence number. Raises NotFound."""
    event = _event(session, event_id)
    details = source_state.document_details(session, event.document) if event.document else None
    document = details and StoredDocument(
        details.url, details.content_type, details.size, details.fetched_at
    )
    poll = source_state.poll_of(session, event)
    return Explanation(event, poll, document, verdicts_of(session, event.after, now, declared))


def document(session: Session, event_id: str) -> bytes:
    """Return the kept document of an event, byte for byte. Raises NotFound."""
    event = _event(session, event_id)
    body = source_state.document(session, event.document) if event.document else None
    if body is None:
        raise NotFound(f"no document is kept for {event.id}")
    return body


def _event(session: Session, event_id: str) -> EventRow:
    # A database refuses to look for a number that is too large to be a sequence number.
    is_number = event_id.isdigit()
    possible = not is_number or (event_id.isascii() and len(event_id) < 19)
    event = event_log.event(session, event_id) if possible else None
    if event is None:
        raise NotFound(f"no event {event_id!r}; `lastcall events` lists them")
    return event
