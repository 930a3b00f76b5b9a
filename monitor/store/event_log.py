"""The log of events: written once, read newest first."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    Select,
    and_,
    case,
    false,
    func,
    insert,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session

from monitor.core.facts import Json, Notice
from monitor.core.interpret import KINDS, Draft, identify, says
from monitor.core.names import canonical
from monitor.core.patterns import Pattern, Subject
from monitor.core.severity import SEVERITIES
from monitor.store.tables import EventRow, event_json

EVENTS: Any = EventRow.__table__  # type: ignore[attr-defined]

Value = TypeVar("Value")

#: Candidates that a question for a model reads at once.
PAGE = 500
#: Ids that a pattern may pick out of the log and be narrowed by them; beyond, each row is compared.
MOST_NAMES = 500

_NEWEST = (EVENTS.c.detected_at.desc(), EVENTS.c.sequence.desc())
#: The columns that a pattern is compared with. Only of a notice is the JSON worth reading.
_CANDIDATE = (
    *(EVENTS.c[name] for name in ("sequence", "detected_at", "kind", "provider", "model")),
    *(EVENTS.c[name] for name in ("canonical", "region")),
    type_coerce(
        case((EVENTS.c.kind == "notice.published", EVENTS.c.after)), EVENTS.c.after.type
    ).label("after"),
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Say where and when events were found: by which source, at which address, in which stored
    document (SHA-256), by which poll.
    """

    source_id: str
    at: datetime
    url: str = ""
    document: str = ""
    poll_id: int | None = None


def append(
    session: Session, drafts: Sequence[Draft], provenance: Provenance, *, baseline: bool = False
) -> list[EventRow]:
    """Write drafts as events, in their order, and return those that are new.

    A repeated statement is a new event; a once-only statement is skipped if it is already in the
    log. Occurrences are counted inside the caller's transaction. ``baseline`` marks what the first
    poll of a source found. What happens to the source itself, or corrects an earlier event, is news
    even then."""
    statements = [says(provenance.source_id, draft) for draft in drafts]
    occurrences = _count_statements(session, statements)
    lines: list[dict[str, Any]] = []
    for draft, text in zip(drafts, statements, strict=True):
        if draft.once and occurrences[text]:
            continue
        identity = {"id": identify(text, occurrences[text]), "says": text}
        lines.append(identity | line(draft, provenance, baseline=baseline))
        occurrences[text] += 1
    write(session, lines)
    events: list[EventRow] = []
    for some in _chunks([row["id"] for row in lines]):
        events += session.execute(select(EventRow).where(EVENTS.c.id.in_(some))).scalars()
    return sorted(events, key=lambda event: event.sequence or 0)


def line(draft: Draft, provenance: Provenance, *, baseline: bool = False) -> dict[str, Any]:
    """Return a draft as a row of the log, without its id, statement and sequence number."""
    fact = draft.fact or Notice(
        model="", title="", surface="", provider=provenance.source_id.partition(".")[0]
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
        "detected_at": provenance.at,
        "source_id": provenance.source_id,
        "url": provenance.url,
        "document": provenance.document,
        "quote": draft.quote,
        "baseline": baseline and draft.fact is not None and not draft.corrects,
        "corrects": draft.corrects,
        "poll_id": provenance.poll_id,
    }


def contains(session: Session, draft: Draft, source_id: str) -> bool:
    """Return whether the log has an event that says the same."""
    return bool(_count_statements(session, [says(source_id, draft)]))


def write(session: Session, lines: Sequence[dict[str, Any]]) -> None:
    """Add whole rows to the log, in one batch."""
    if lines:
        session.connection().execute(insert(EVENTS), lines)


def _count_statements(session: Session, statements: Sequence[str]) -> Counter[str]:
    """Return how many events make each of these statements."""
    counts: Counter[str] = Counter()
    for some in _chunks(list(dict.fromkeys(statements))):
        query = (
            select(EVENTS.c.says, func.count().label("times"))
            .where(EVENTS.c.says.in_(some))
            .group_by(EVENTS.c.says)
        )
        counts.update({row.says: row.times for row in session.connection().execute(query)})
    return counts


def last_kind(session: Session, source_id: str, kinds: Sequence[str]) -> str:
    """Return which of these kinds of event a source had last, or ""."""
    query = select(EVENTS.c.kind).where(EVENTS.c.source_id == source_id, EVENTS.c.kind.in_(kinds))
    return (
        session.connection().execute(query.order_by(EVENTS.c.sequence.desc()).limit(1)).scalar()
        or ""
    )


# --- reading
# -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EventQuery:
    """A question to the log. ``model`` is a pattern (monitor.core.patterns), ``kind`` a word or
    glob of kinds; ``severity`` is the least.

    ``baseline`` is True for what the first poll of a source found, False for what changed since,
    None for both.
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


def events(session: Session, query: EventQuery) -> list[Json]:
    """Return the newest events that match, newest first, in their public form."""
    if not query.model:
        return [event_json(row) for row in session.connection().execute(statement(session, query))]
    matching = list(islice(_matching(session, query), query.limit))
    rows: list[Any] = []
    for some in _chunks(matching):
        full = select(EVENTS).where(EVENTS.c.sequence.in_(some)).order_by(*_NEWEST)
        rows += session.connection().execute(full)
    return [event_json(row) for row in rows]


def count_baseline(session: Session, query: EventQuery) -> int:
    """Return how many baseline events match, at most 1000: a question without them hides them."""
    query = replace(query, baseline=True, limit=1000)
    if query.model:
        return sum(1 for _ in islice(_matching(session, query), query.limit))
    matching = statement(session, query).subquery()
    return int(
        session.connection().execute(select(func.count()).select_from(matching)).scalar_one()
    )


def ids_of(session: Session, query: EventQuery) -> Select[Any]:
    """Return a query for the ids of the newest events that match, at most 10,000."""
    query = replace(query, limit=10_000)
    if not query.model:
        return select(statement(session, query).subquery().c.id)
    matching = list(islice(_matching(session, query), query.limit))
    return select(EVENTS.c.id).where(EVENTS.c.sequence.in_(matching))


def statement(session: Session, query: EventQuery, after: Any = None) -> Select[Any]:
    """Return the statement behind ``events``. With a model it returns a page of candidates, which
    the pattern decides on, from below the row ``after``.

    Each kind (or severity, or way to name a model) that matches is read on its own index from its
    newest end, never more than ``limit`` rows of each, so that a rare kind costs no more than a
    frequent one."""
    branches = _branches(query)
    if not query.model:
        return _newest((EVENTS,), branches, query.limit)
    narrowed = _narrowed(session, Pattern.parse(query.model))
    below = _below(after) if after else []
    branches = [[*branch, *model, *below] for branch in branches for model in narrowed]
    return _newest(_CANDIDATE, branches, PAGE)


def _matching(session: Session, query: EventQuery) -> Iterator[int]:
    """Yield the sequence numbers of the events that match, newest first."""
    pattern, last = Pattern.parse(query.model), None
    while True:
        page = session.connection().execute(statement(session, query, last)).all()
        for row in page:
            if pattern.matches(Subject.of_event(row)):
                yield row.sequence
        if len(page) < PAGE:
            return
        last = page[-1]


def _branches(query: EventQuery) -> list[list[ColumnElement[bool]]]:
    """Return the conditions of a question but for its model, as lists of which one must hold."""
    rest: list[ColumnElement[bool]] = []
    if query.provider:
        rest.append(EVENTS.c.provider == query.provider.casefold())
    if query.source:
        rest.append(EVENTS.c.source_id == query.source)
    if query.since:
        rest.append(EVENTS.c.detected_at >= query.since)
    if query.until:
        rest.append(EVENTS.c.detected_at < query.until)
    if query.baseline is not None:
        rest.append(EVENTS.c.baseline.is_(query.baseline))
    kind = query.kind.casefold()
    kinds = fnmatch.filter(KINDS, kind if "*" in kind else f"{kind}*") if kind else None
    levels = SEVERITIES[SEVERITIES.index(query.severity) :] if query.severity else SEVERITIES
    limited = len(levels) < len(SEVERITIES)
    if kinds is not None:
        branches = [[EVENTS.c.kind == kind, *rest] for kind in kinds] or [[false()]]
        if limited:
            branches = [[*branch, EVENTS.c.severity.in_(levels)] for branch in branches]
    elif limited:
        branches = [[EVENTS.c.severity == level, *rest] for level in levels]
    else:
        branches = [rest]
    return branches


def _newest(
    columns: Sequence[Any], branches: Sequence[Sequence[ColumnElement[bool]]], limit: int
) -> Select[Any]:
    """Return the newest rows for which one of the branches holds."""
    if len(branches) == 1:
        return select(*columns).where(*branches[0]).order_by(*_NEWEST).limit(limit)
    newest_of_each = [
        select(select(EVENTS.c.sequence).where(*branch).order_by(*_NEWEST).limit(limit).subquery())
        for branch in branches
    ]
    in_a_branch = EVENTS.c.sequence.in_(union_all(*newest_of_each))
    return select(*columns).where(in_a_branch).order_by(*_NEWEST).limit(limit)


# --- patterns of models


def _narrowed(session: Session, pattern: Pattern) -> list[list[ColumnElement[bool]]]:
    """Return conditions of which each event that a pattern matches fulfils one, each on an index.

    LIKE cannot say all that a pattern does, so it only picks ids out of those in the log, of which
    there are few, and the pattern decides on the rows. The models that a notice mentions are in no
    index."""
    providers = _values(session, EVENTS.c.provider)
    covered = [name for name in providers if pattern.covers_provider(name.casefold())]
    place = [] if pattern.provider == "*" else [_one_of(EVENTS.c.provider, covered)]
    if pattern.like == "%":
        return [place]
    ids = list(filter(pattern.names_id, _values(session, EVENTS.c.folded, pattern.like)))
    by_name = filter(pattern.names_canonical, _values(session, EVENTS.c.canonical, pattern.like))
    canonicals = sorted({*by_name, *pattern.canonicals})
    if len(ids) + len(canonicals) > MOST_NAMES:
        return [place]
    # Each stands alone: with a provider beside it, SQLite walks all events of that provider.
    return [
        [_one_of(EVENTS.c.folded, ids)],
        [_one_of(EVENTS.c.canonical, canonicals)],
        [EVENTS.c.kind == "notice.published"],
        [_one_of(EVENTS.c.provider, list(filter(pattern.names_provider, providers)))],
    ]


def _values(session: Session, column: Any, like: str = "%") -> Sequence[str]:
    """Return the different values in an indexed column that a LIKE pattern fits, hopping from one
    to the next larger, so that it costs as much as there are values, not rows.
    """
    hops = select(func.min(column).label("value")).cte("hops", recursive=True)
    larger = select(func.min(column)).where(column > hops.c.value).scalar_subquery()
    hops = hops.union_all(select(larger).where(hops.c.value.is_not(None)))
    return session.connection().execute(select(hops).where(hops.c.value.like(like))).scalars().all()


def _one_of(column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    if not values:
        return false()
    is_one: ColumnElement[bool] = column == values[0]
    return is_one if len(values) == 1 else column.in_(values)


def _below(row: Any) -> list[ColumnElement[bool]]:
    """Return the conditions of rows that come after one, newest first."""
    at, same = EVENTS.c.detected_at, EVENTS.c.detected_at == row.detected_at
    return [
        at <= row.detected_at,
        or_(at < row.detected_at, and_(same, EVENTS.c.sequence < row.sequence)),
    ]


# --- single events


def event(session: Session, event_id: str) -> EventRow | None:
    """Return one event by its id or its sequence number."""
    column = EVENTS.c.sequence if event_id.isdigit() else EVENTS.c.id
    return session.execute(
        select(EventRow).where(column == (int(event_id) if event_id.isdigit() else event_id))
    ).scalar()


def since(session: Session, start: datetime) -> Iterator[Any]:
    """Yield what changed since a time as plain rows, oldest first, without baseline events."""
    query = select(EVENTS).where(EVENTS.c.detected_at >= start, EVENTS.c.baseline.is_(False))
    query = query.order_by(EVENTS.c.detected_at, EVENTS.c.sequence)
    yield from session.connection().execute(query.execution_options(yield_per=500))


def about(session: Session, names: Iterable[str], limit: int = 50) -> list[Json]:
    """Return the newest events of a model, by any of its folded or canonical names."""
    ids = list(names)
    query = (
        select(EVENTS)
        .where(or_(EVENTS.c.folded.in_(ids), EVENTS.c.canonical.in_(ids)))
        .order_by(EVENTS.c.detected_at.desc(), EVENTS.c.sequence.desc())
        .limit(limit)
    )
    return [event_json(line) for line in session.connection().execute(query)]


def _chunks(values: Sequence[Value], size: int = 500) -> Iterator[Sequence[Value]]:
    """Yield the values in pieces: SQLite takes some thousands of parameters in one statement."""
    return (values[at : at + size] for at in range(0, len(values), size))
