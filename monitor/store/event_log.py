"""The log of events: written once, read newest first."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, or_, select, union_all
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session

from monitor.core.facts import Json, Notice
from monitor.core.interpret import KINDS, Draft, identify, says
from monitor.core.names import canonical
from monitor.core.severity import SEVERITIES
from monitor.store.tables import EventRow, event_json

EVENTS: Any = EventRow.__table__  # type: ignore[attr-defined]


def append(
    session: Session,
    drafts: Sequence[Draft],
    *,
    source_id: str,
    url: str,
    document: str,
    now: datetime,
    baseline: bool = False,
) -> list[EventRow]:
    """Write drafts as events, in their order, and return those that are new.

    The occurrence of each is counted from the log inside the caller's transaction, so a saying that
    comes back after it was taken back is a new event, and one that must be said once is left out
    when it stands there. ``baseline`` marks what the first look at a source found; what happens to
    the source itself, or corrects what people were told, is news even then."""
    said = [says(source_id, draft) for draft in drafts]
    before = _counts(session, said)
    lines: list[dict[str, Any]] = []
    for draft, saying in zip(drafts, said, strict=True):
        if draft.once and before[saying]:
            continue
        told = line(
            draft, source_id=source_id, url=url, document=document, now=now, baseline=baseline
        )
        lines.append({"id": identify(saying, before[saying]), "says": saying} | told)
        before[saying] += 1
    write(session, lines)
    if not lines:
        return []
    found: list[EventRow] = []
    ids = [each["id"] for each in lines]
    for at in range(0, len(ids), 500):
        found += session.execute(
            select(EventRow).where(EVENTS.c.id.in_(ids[at : at + 500]))
        ).scalars()
    return sorted(found, key=lambda event: event.sequence or 0)


def line(
    draft: Draft, *, source_id: str, url: str, document: str, now: datetime, baseline: bool = False
) -> dict[str, Any]:
    """What a draft says as a row of the log, still without what tells it from others."""
    fact = draft.fact or Notice(
        model="", title="", surface="", provider=source_id.partition(".")[0]
    )
    return {
        "kind": draft.kind,
        "severity": draft.severity,
        "provider": fact.provider,
        "model": fact.model,
        "folded": fact.model.casefold(),
        "version": fact.version,
        "region": fact.region,
        "surface": fact.surface,
        "canonical": canonical(fact.provider, fact.model),
        "summary": draft.summary,
        "before": draft.before.to_json() if draft.before else None,
        "after": draft.after.to_json() if draft.after else None,
        "effective": draft.effective.to_json() if draft.effective else None,
        "detected_at": now,
        "source_id": source_id,
        "url": url,
        "document": document,
        "quote": draft.quote,
        "baseline": baseline and draft.fact is not None and not draft.corrects,
        "corrects": draft.corrects,
    }


def contains(session: Session, draft: Draft, source_id: str) -> bool:
    """Whether the log says this already."""
    return bool(_counts(session, [says(source_id, draft)]))


def write(session: Session, lines: Sequence[dict[str, Any]]) -> None:
    """Add whole rows to the log, in one batch."""
    if lines:
        session.connection().execute(insert(EVENTS), lines)


def _counts(session: Session, said: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    wanted = list(dict.fromkeys(said))
    for at in range(0, len(wanted), 500):
        query = (
            select(EVENTS.c.says, func.count().label("times"))
            .where(EVENTS.c.says.in_(wanted[at : at + 500]))
            .group_by(EVENTS.c.says)
        )
        found.update({line.says: line.times for line in session.connection().execute(query)})
    return found


def last_kind(session: Session, source_id: str, kinds: Sequence[str]) -> str:
    """Which of these kinds of event a source had last, or ""."""
    query = select(EVENTS.c.kind).where(EVENTS.c.source_id == source_id, EVENTS.c.kind.in_(kinds))
    return (
        session.connection().execute(query.order_by(EVENTS.c.sequence.desc()).limit(1)).scalar()
        or ""
    )


# --- reading
# -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EventQuery:
    """A question to the log. ``model`` and ``kind`` are globs, without regard to case; ``severity``
    is the least.

    ``baseline`` None takes both what the first look at a source found and what changed since.
    """

    provider: str = ""
    model: str = ""
    kind: str = ""
    severity: str = ""
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None
    baseline: bool | None = False
    limit: int = 50


def events(session: Session, wanted: EventQuery) -> list[Json]:
    """The newest events that match, newest first, in their public form."""
    return [event_json(line) for line in session.connection().execute(question(wanted))]


def hidden(session: Session, wanted: EventQuery) -> int:
    """How many events of a first look match, which a question that leaves them out does not show;
    at most 1000.
    """
    found = question(replace(wanted, baseline=True, limit=1000)).subquery()
    return int(session.connection().execute(select(func.count()).select_from(found)).scalar_one())


def question(wanted: EventQuery) -> Select[Any]:
    """The query behind ``events``.

    Each kind (or severity, or way to name a model) that a pattern covers is read on its own index
    from its newest end, never more than ``limit`` rows of each, so that a rare kind costs no more
    than a frequent one."""
    rest: list[ColumnElement[bool]] = []
    if wanted.provider:
        rest.append(EVENTS.c.provider == wanted.provider.casefold())
    if wanted.source:
        rest.append(EVENTS.c.source_id == wanted.source)
    if wanted.since:
        rest.append(EVENTS.c.detected_at >= wanted.since)
    if wanted.until:
        rest.append(EVENTS.c.detected_at < wanted.until)
    if wanted.baseline is not None:
        rest.append(EVENTS.c.baseline.is_(wanted.baseline))
    kind = wanted.kind.casefold()
    kinds = fnmatch.filter(KINDS, kind if "*" in kind else f"{kind}*") if kind else None
    levels = (
        SEVERITIES[SEVERITIES.index(wanted.severity) :] if wanted.severity in SEVERITIES else None
    )
    if kinds is not None:
        branches = [[EVENTS.c.kind == kind, *rest] for kind in kinds] or [[EVENTS.c.kind == ""]]
        if levels and len(levels) < len(SEVERITIES):
            branches = [[*branch, EVENTS.c.severity.in_(levels)] for branch in branches]
    elif levels and len(levels) < len(SEVERITIES):
        branches = [[EVENTS.c.severity == level, *rest] for level in levels]
    else:
        branches = [rest]
    if wanted.model:
        branches = [
            [*branch, model] for branch in branches for model in _models(wanted.model.casefold())
        ]
    newest = (EVENTS.c.detected_at.desc(), EVENTS.c.sequence.desc())
    if len(branches) == 1:
        return select(EVENTS).where(*branches[0]).order_by(*newest).limit(wanted.limit)
    some = [
        select(
            select(EVENTS.c.sequence)
            .where(*branch)
            .order_by(*newest)
            .limit(wanted.limit)
            .subquery()
        )
        for branch in branches
    ]
    return (
        select(EVENTS)
        .where(EVENTS.c.sequence.in_(union_all(*some)))
        .order_by(*newest)
        .limit(wanted.limit)
    )


def ids_of(wanted: EventQuery) -> Select[Any]:
    """The query for the ids of the events that match, at most 10,000."""
    return select(question(replace(wanted, limit=10_000)).subquery().c.id)


def _models(glob: str) -> list[ColumnElement[bool]]:
    """A glob on the provider's id, alone or as ``provider/id``: what may match it, each on an index
    of its own.

    Written ``*/gpt-4o*`` it also means the model under other platforms' names. An id may hold a
    slash itself."""
    provider, slash, name = glob.partition("/")
    whole, canonically = _like(EVENTS.c.folded, glob), _like(EVENTS.c.canonical, glob)
    if not slash:
        return [whole]
    named = _like(EVENTS.c.folded, name)
    if provider == "*":
        return [named, or_(whole, canonically)]
    theirs = _like(EVENTS.c.provider, provider)
    return [whole, and_(theirs, named), and_(theirs, canonically)]


def _like(column: Any, glob: str) -> ColumnElement[bool]:
    """The glob as a range of the index as far as it has no wildcard, and as a pattern for the
    rest.
    """
    head = glob.partition("*")[0].partition("?")[0]
    if head == glob:
        exact: ColumnElement[bool] = column == glob
        return exact
    matches: ColumnElement[bool] = column.like(_pattern(glob), escape="\\")
    return and_(matches, column >= head, column < head + "\U0010ffff") if head else matches


def _pattern(glob: str) -> str:
    """A glob as a LIKE pattern with backslash as its escape."""
    escaped = glob.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def event(session: Session, event_id: str) -> EventRow | None:
    """One event by its id or its sequence number."""
    column = EVENTS.c.sequence if event_id.isdigit() else EVENTS.c.id
    return session.execute(
        select(EventRow).where(column == (int(event_id) if event_id.isdigit() else event_id))
    ).scalar()


def since(session: Session, start: datetime) -> Iterator[Any]:
    """What changed since a time as plain rows, oldest first; not what the first look at a source
    found.
    """
    query = select(EVENTS).where(EVENTS.c.detected_at >= start, EVENTS.c.baseline.is_(False))
    query = query.order_by(EVENTS.c.detected_at, EVENTS.c.sequence)
    yield from session.connection().execute(query.execution_options(yield_per=500))


def about(session: Session, names: Iterable[str], limit: int = 50) -> list[Json]:
    """The newest events of a model, by any of its folded or canonical names."""
    wanted = list(names)
    query = (
        select(EVENTS)
        .where(or_(EVENTS.c.folded.in_(wanted), EVENTS.c.canonical.in_(wanted)))
        .order_by(EVENTS.c.detected_at.desc(), EVENTS.c.sequence.desc())
        .limit(limit)
    )
    return [event_json(line) for line in session.connection().execute(query)]
