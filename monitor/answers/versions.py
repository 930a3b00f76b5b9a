"""Versions of facts as answers show them: what a source states, and since when that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from monitor.core.facts import Fact
from monitor.core.names import canonical
from monitor.store.fact_versions import FactVersion

AnyFact = TypeVar("AnyFact", bound=Fact)

#: When each source was last polled with success, by its id; None for one that never was.
Freshness = Mapping[str, datetime | None]


@dataclass(frozen=True, slots=True)
class Version(Generic[AnyFact]):
    """One version of a fact.

    ``seen`` is the last time at which it was known to stand: the last good poll of its source, or
    the end of the version. ``document`` is the SHA-256 of the page that it was read from, in hex,
    or empty."""

    fact: AnyFact
    source: str
    first_seen: datetime
    ended: datetime | None
    seen: datetime | None
    document: str

    @property
    def canonical(self) -> str:
        return canonical(self.fact.provider, self.fact.model)


def version(stored: FactVersion, fact: AnyFact, fresh: Freshness) -> Version[AnyFact]:
    """Return a stored version, whose fact is ``fact``, with its age."""
    last = fresh.get(stored.source_id) if stored.ended is None else stored.ended
    return Version(fact, stored.source_id, stored.first_seen, stored.ended, last, stored.document)


def versions(
    stored: list[FactVersion], kind: type[AnyFact], fresh: Freshness
) -> tuple[Version[AnyFact], ...]:
    """Return those of the stored versions that are of a kind."""
    return tuple(version(row, fact, fresh) for row in stored if isinstance(fact := row.fact, kind))
