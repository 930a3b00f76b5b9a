"""Versions of facts: what stands, what stood on a day, and how a poll's changes are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Text, and_, func, insert, or_, select, update
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session

from monitor.core.contradictions import vouches
from monitor.core.diff import Change
from monitor.core.ends import available_until
from monitor.core.facts import Fact, Listing, Retirement
from monitor.core.names import canonical
from monitor.reading.source import Source
from monitor.store.tables import VERSIONS, RetirementRow, SourceRow, _Version


def _table(row: Any) -> Any:
    return row.__table__


_OFFICIAL = select(_table(SourceRow).c.id).where(_table(SourceRow).c.kind == "official")


def current(session: Session, source_id: str) -> dict[str, Fact]:
    """The last accepted snapshot of a source, by key."""
    found: dict[str, Fact] = {}
    for kind, row in VERSIONS.items():
        table = _table(row)
        query = select(table).where(table.c.source_id == source_id, table.c.ended.is_(None))
        for line in session.connection().execute(query):
            fact = _fact(kind, line)
            found[fact.key] = fact
    return found


def apply(
    session: Session, source_id: str, changes: Iterable[Change], now: datetime, document: str
) -> None:
    """End the versions that changes replace or remove, and begin the new ones."""
    ended: dict[type[_Version], list[str]] = {}
    begun: dict[type[_Version], list[dict[str, Any]]] = {}
    for change in changes:
        row = VERSIONS[type(change.fact)]
        if change.before:
            ended.setdefault(row, []).append(change.key)
        if change.after:
            begun.setdefault(row, []).append(_line(source_id, change.after, now, document))
    for row, keys in ended.items():
        table = _table(row)
        stands = and_(table.c.source_id == source_id, table.c.ended.is_(None))
        for some in chunks(keys):
            session.connection().execute(
                update(table).where(stands, table.c.key.in_(some)).values(ended=now)
            )
    for row, lines in begun.items():
        session.connection().execute(insert(_table(row)), lines)


def returned(session: Session, source_id: str, facts: Collection[Fact]) -> set[str]:
    """The keys of those of these facts, none of which stands, that stood before and ended."""
    found: set[str] = set()
    for kind, row in VERSIONS.items():
        keys = [fact.key for fact in facts if isinstance(fact, kind)]
        table = _table(row)
        for some in chunks(keys):
            query = select(table.c.key).where(table.c.source_id == source_id, table.c.key.in_(some))
            found.update(session.connection().execute(query).scalars())
    return found


def retirements(session: Session, provider: str, facts: Collection[Fact]) -> dict[str, Retirement]:
    """Return the retirements, by the provider's sources, of these models, of their alias targets
    and of their replacements.

    The key is the folded id. Of several rows (versions, Regions) the latest retirement counts.
    """
    listed = [fact for fact in facts if isinstance(fact, Listing)]
    replaced = [fact for fact in facts if isinstance(fact, Retirement)]
    named = {name for fact in listed for name in (fact.model, fact.alias_of) if name}
    names = sorted(
        {name.casefold() for name in named.union(*(fact.replacements for fact in replaced))}
    )
    table = _table(RetirementRow)
    found: dict[str, Retirement] = {}
    for some in chunks(names):
        query = select(table).where(
            table.c.provider == provider, table.c.folded.in_(some), table.c.ended.is_(None)
        )
        for line in session.connection().execute(query):
            fact = _fact(Retirement, line)
            if isinstance(fact, Retirement) and fact.surface == "api":
                found[line.folded] = max(found.get(line.folded, fact), fact, key=available_until)
    return found


@dataclass(frozen=True, slots=True)
class FactVersion:
    """One version of a fact with its source and times. ``ended`` is None while it stands."""

    fact: Fact
    source_id: str
    first_seen: datetime
    ended: datetime | None
    document: str


def matching(
    session: Session,
    kinds: Sequence[type[Fact]],
    *where: ColumnElement[bool],
    at: datetime | None = None,
    history: bool = False,
    provider: str | None = None,
    names: Sequence[str] = (),
    like: str | None = None,
    official: bool = False,
) -> list[FactVersion]:
    """Versions of facts of these kinds: those that stand now, stood ``at`` an instant, or all with
    ``history``.

    ``names`` are exact: folded ids or canonical ids. ``like`` is a pattern of SQL's LIKE, already
    folded. ``official`` leaves out what hints say."""
    found: list[FactVersion] = []
    for kind in kinds:
        table = _table(VERSIONS[kind])
        query = select(table).where(*where).order_by(table.c.folded, table.c.first_seen, table.c.id)
        if at or not history:
            query = query.where(*current_at(table, at))
        if official:
            query = query.where(table.c.source_id.in_(_OFFICIAL))
        if provider:
            query = query.where(table.c.provider == provider)
        if names:
            query = query.where(or_(table.c.folded.in_(names), table.c.canonical.in_(names)))
        if like:
            query = query.where(
                or_(
                    table.c.folded.like(like, escape="\\"),
                    table.c.canonical.like(like, escape="\\"),
                )
            )
        found += (
            FactVersion(
                _fact(kind, line), line.source_id, line.first_seen, line.ended, line.document
            )
            for line in session.connection().execute(query)
        )
    return found


def current_at(table: Any, at: datetime | None) -> tuple[ColumnElement[bool], ...]:
    """The versions in a table that stand now, or stood at an instant."""
    if at is None:
        return (table.c.ended.is_(None),)
    return (table.c.first_seen <= at, or_(table.c.ended.is_(None), table.c.ended > at))


def of_models(
    session: Session,
    kinds: Sequence[type[Fact]],
    canonicals: Sequence[str],
    at: datetime | None = None,
) -> list[FactVersion]:
    """Return the facts about these canonical models that are current, or were ``at`` an instant."""
    return [
        one
        for kind in kinds
        for some in chunks(canonicals)
        for one in matching(session, [kind], _table(VERSIONS[kind]).c.canonical.in_(some), at=at)
    ]


def agreed_elsewhere(
    session: Session, source: Source, doubted: Sequence[Fact], declared: Mapping[str, Source]
) -> set[str]:
    """The keys of those of these facts of which another source, official or a hint, says the same
    now.
    """
    models = sorted({canonical(fact.provider, fact.model) for fact in doubted})
    others = [
        one.fact
        for one in of_models(session, list({type(fact) for fact in doubted}), models)
        if one.source_id != source.id
        and one.source_id in declared
        and declared[one.source_id].kind != "news"
    ]
    return {fact.key for fact in doubted if any(vouches(other, fact) for other in others)}


def histories(
    session: Session, versions: Sequence[FactVersion]
) -> dict[tuple[str, str], list[FactVersion]]:
    """All versions of these facts on their pages, oldest first, by source and key."""
    histories: dict[tuple[str, str], list[FactVersion]] = {
        (version.source_id, version.fact.key): [] for version in versions
    }
    for kind in {type(version.fact) for version in versions}:
        folded = _table(VERSIONS[kind]).c.folded
        for some in chunks(sorted({version.fact.model.casefold() for version in versions})):
            for version in matching(session, [kind], folded.in_(some), history=True):
                histories.get((version.source_id, version.fact.key), []).append(version)
    return histories


def retiring_between(first: date, last: date) -> ColumnElement[bool]:
    """Return the condition for retirements whose date text lies from ``first`` to ``last``."""
    day = func.substr(
        _table(RetirementRow).c.retires, len('["') + 1, len("2026-01-01"), type_=Text()
    )
    return day.between(first.isoformat(), last.isoformat())


def write_notes(session: Session, source_id: str, facts: Iterable[Fact]) -> None:
    """Give the standing versions of these facts the notes they have now."""
    for fact in facts:
        table = _table(VERSIONS[type(fact)])
        stands = (table.c.source_id == source_id, table.c.key == fact.key, table.c.ended.is_(None))
        session.connection().execute(update(table).where(*stands).values(note=fact.note))


def freshness(session: Session) -> dict[str, datetime | None]:
    """When each source was last known to say what its standing facts say."""
    table = SourceRow.__table__  # type: ignore[attr-defined]
    return {
        line.id: line.good_at
        for line in session.connection().execute(select(table.c.id, table.c.good_at))
    }


def _line(source_id: str, fact: Fact, now: datetime, document: str) -> dict[str, Any]:
    own = {field.name: getattr(fact, field.name) for field in fields(fact)}
    place = {
        "source_id": source_id,
        "key": fact.key,
        "first_seen": now,
        "ended": None,
        "document": document,
    }
    return (
        own
        | place
        | {"folded": fact.model.casefold(), "canonical": canonical(fact.provider, fact.model)}
    )


def _fact(kind: type[Fact], line: Row[Any]) -> Fact:
    return kind(**{field.name: getattr(line, field.name) for field in fields(kind)})


def chunks(keys: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """SQLite takes no more than some thousands of parameters in one statement."""
    return (keys[at : at + size] for at in range(0, len(keys), size))
