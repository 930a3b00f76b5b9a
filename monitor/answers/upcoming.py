"""Retirements that are ahead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from monitor.answers.endings import Ending, ending
from monitor.core.ends import firm, over
from monitor.core.facts import Retirement
from monitor.core.patterns import Pattern, Subject
from monitor.store import fact_versions


@dataclass(frozen=True, slots=True)
class Upcoming:
    """Retirements ahead: those with a date first, then floors, the soonest first.

    ``polled``: a source was polled before, so that none ahead means none."""

    endings: tuple[Ending, ...]
    polled: bool


def upcoming(
    session: Session,
    now: datetime,
    *,
    until: datetime | None = None,
    provider: str = "",
    patterns: Collection[Pattern] = (),
    floors: bool = True,
) -> Upcoming:
    """Return what official sources say retires, no later than ``until``.

    ``patterns`` are alternatives; none of them means all models."""
    fresh = fact_versions.freshness(session)
    stored = fact_versions.matching(
        session, [Retirement], provider=provider.casefold() or None, official=True
    )
    endings = [
        ending(row, fact, now, fresh)
        for row in stored
        if isinstance(fact := row.fact, Retirement)
        if _is_ahead(fact, now, floors)
        if until is None or (fact.retires and fact.retires.starts <= until)
        if not patterns or any(pattern.matches(Subject.of(fact)) for pattern in patterns)
    ]
    return Upcoming(tuple(sorted(endings, key=_order)), bool(fresh))


def _is_ahead(fact: Retirement, now: datetime, floors: bool) -> bool:
    if fact.retires is None or over(fact, now):
        return False
    # A floor that lies behind promises nothing any more.
    return firm(fact.retires) or (floors and fact.retires.ends > now)


def _order(ending: Ending) -> tuple[object, ...]:
    fact = ending.fact
    starts = fact.retires and fact.retires.starts
    return (ending.is_floor, starts, fact.provider, fact.model)
