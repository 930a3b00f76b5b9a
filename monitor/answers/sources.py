"""The state of sources: how their polls went, what waits, and what a held document would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from monitor.core.diff import Change, diff, snapshot
from monitor.core.settle import Pending
from monitor.errors import Unreadable
from monitor.polling.decide import find_doubt
from monitor.reading.source import Source
from monitor.settings import provider_key
from monitor.store import fact_versions, source_state
from monitor.store.tables import SourceRow


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A declared source and its state; a source that was never registered has no ``row``.

    ``stale``: it was last read well too long ago. ``key_missing``: it needs a key that is not
    set."""

    source: Source
    row: SourceRow | None
    stale: bool
    key_missing: bool

    @property
    def key(self) -> str:
        """Return the environment variable of its key, or ""."""
        return self.source.access.key if self.source.access else ""

    @property
    def outcome(self) -> str:
        """Return the outcome of the last poll, or why there is none."""
        if self.row and not self.row.enabled:
            return "disabled"
        if self.key_missing:
            return "off"
        return (self.row and self.row.outcome) or "never polled"


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A document that is not believed yet: what releases it, and what it would change."""

    release: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class SourceDetails:
    """A source in full. ``facts`` counts its current facts by kind; ``waiting`` are the changes
    that another poll must confirm; ``document`` is one that is held.
    """

    state: SourceHealth
    facts: Mapping[str, int]
    waiting: tuple[Pending, ...]
    document: HeldDocument | None


def states(
    session: Session, declared: Mapping[str, Source], now: datetime
) -> tuple[SourceHealth, ...]:
    """Return the state of every declared source, by id."""
    rows = {row.id: row for row in source_state.rows(session)}
    return tuple(_state(declared[name], rows.get(name), now) for name in sorted(declared))


def details(session: Session, source: Source, now: datetime) -> SourceDetails:
    """Return one source in full."""
    row = next(iter(source_state.rows(session, [source.id])), None)
    facts = Counter(fact.fact for fact in fact_versions.current(session, source.id).values())
    waiting = tuple(map(Pending.from_json, row.pending if row else ()))
    document = held_document(session, source, row, now) if row and row.held else None
    return SourceDetails(_state(source, row, now), facts, waiting, document)


def held_document(session: Session, source: Source, row: SourceRow, now: datetime) -> HeldDocument:
    """Return what releases the document that is held for a source, and what it would change."""
    believed = fact_versions.current(session, source.id)
    try:
        facts = snapshot(source.read(source_state.document(session, row.held) or b""))
    except Unreadable as error:  # by the adapter of a later version
        return HeldDocument(f"it can no longer be read: {error}", ())
    doubt = find_doubt(source, believed, facts, now)
    release = doubt.release if doubt else "the next look releases it"
    polls = f" (it had {row.held_looks})" if doubt and doubt.polls else ""
    return HeldDocument(release + polls, tuple(diff(believed, facts)))


def _state(source: Source, row: SourceRow | None, now: datetime) -> SourceHealth:
    key = source.access.key if source.access else ""
    stale = bool(row and row.good_at and now - row.good_at > source.stale_after)
    return SourceHealth(source, row, stale, bool(key and not provider_key(key)))
