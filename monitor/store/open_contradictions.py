"""Keep the open contradictions in step with the facts, in the transaction of the poll."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlmodel import Session

from monitor.core.contradictions import Conflict, Deviation, Statement, closed, find, loud, opened
from monitor.core.facts import Price, Retirement, from_json
from monitor.core.interpret import Draft
from monitor.core.names import canonical
from monitor.reading.source import Source
from monitor.store import fact_versions
from monitor.store.fact_versions import FactVersion
from monitor.store.tables import ConflictRow

CONFLICTS: Any = ConflictRow.__table__  # type: ignore[attr-defined]


def statements(known: Iterable[FactVersion], declared: Mapping[str, Source]) -> list[Statement]:
    """Facts with the sources that state them; what no source states any more is left out."""
    return [
        Statement.of(declared[one.source_id], one.fact)
        for one in known
        if one.source_id in declared
    ]


def compare(
    session: Session,
    models: Collection[str],
    declared: Mapping[str, Source],
    deviations: Collection[Deviation],
    now: datetime,
) -> list[Draft]:
    """Compare all that stands of these canonical models, and say what was opened and what was
    closed by it.

    An open conflict whose sides say something else by now stays the same conflict.
    """
    if not models:
        return []
    if session.get_bind().dialect.name == "postgresql":
        # Two polls that each change one side must not miss each other; SQLite has one writer
        # anyway.
        session.connection().execute(text("LOCK TABLE conflict IN SHARE ROW EXCLUSIVE MODE"))
    wanted = sorted(models)
    standing = statements(fact_versions.of_models(session, [Retirement, Price], wanted), declared)
    found = {conflict.subject: conflict for conflict in loud(find(standing, now), deviations)}
    stood = {}
    for some in fact_versions.chunks(wanted):
        for line in session.connection().execute(
            select(CONFLICTS).where(CONFLICTS.c.canonical.in_(some))
        ):
            stood[line.subject] = line
    drafts = [
        closed(
            line.subject,
            line.severity,
            from_json(line.before),
            from_json(line.after) if line.after else None,
        )
        for subject, line in sorted(stood.items())
        if subject not in found
    ]
    drafts += [opened(conflict) for subject, conflict in found.items() if subject not in stood]
    for some in fact_versions.chunks([subject for subject in stood if subject not in found]):
        session.connection().execute(delete(CONFLICTS).where(CONFLICTS.c.subject.in_(some)))
    if new := [_line(conflict, now) for subject, conflict in found.items() if subject not in stood]:
        session.connection().execute(insert(CONFLICTS), new)
    for subject, line in stood.items():
        if subject in found:
            sides = _line(found[subject], line.opened_at)
            session.connection().execute(
                update(CONFLICTS).where(CONFLICTS.c.subject == subject).values(**sides)
            )
    return drafts


def _line(conflict: Conflict, opened_at: datetime) -> dict[str, Any]:
    other = conflict.second.fact
    return {
        "subject": conflict.subject,
        "canonical": canonical(conflict.fact.provider, conflict.fact.model),
        "severity": conflict.severity,
        "opened_at": opened_at,
        "before": conflict.fact.to_json(),
        "after": other.to_json() if other else None,
    }
