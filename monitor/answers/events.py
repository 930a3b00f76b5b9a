"""The log of events, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from monitor.core.facts import Json
from monitor.errors import NotFound
from monitor.store import event_log
from monitor.store.event_log import EventQuery


@dataclass(frozen=True, slots=True)
class Events:
    """Events in their public form. ``hidden`` counts baseline events that would match, at most
    1000, if there are no others.
    """

    events: tuple[Json, ...]
    hidden: int


def events(session: Session, query: EventQuery) -> Events:
    """Return the newest events that match. Raises NotFound for a source that was never polled."""
    newest = event_log.events(session, query)
    if not newest and query.source and not _is_polled(session, query.source):
        raise NotFound(f"no source {query.source!r} was ever polled; `lastcall sources` lists them")
    hides = not newest and query.baseline is False
    return Events(tuple(newest), event_log.count_baseline(session, query) if hides else 0)


def _is_polled(session: Session, source: str) -> bool:
    # Imported late: the adapters' API costs a hundredth of the time of `lastcall events`.
    from monitor.store import source_state

    return bool(source_state.rows(session, [source]))
