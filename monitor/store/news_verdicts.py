"""Compare the claims of articles with the stored names of models and the official facts.

Verdicts are never stored. They are derived from the facts of today, or of a day, so they stay up
to date. Only an event keeps the verdict of its moment, and another event corrects it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select
from sqlmodel import Session

from monitor.core.claims import Claim, Mark, Names, Official, claims, verdict
from monitor.core.facts import Fact, Listing, Notice, Price, Retirement, from_json
from monitor.core.interpret import Draft, correction
from monitor.core.names import canonical
from monitor.store import fact_versions
from monitor.store.event_log import EVENTS
from monitor.store.tables import VERSIONS, PollRow, SourceRow

#: An event about an article is corrected for so long.
CORRECTED = timedelta(days=365)
#: So many of the newest articles are searched for a model.
SEARCHED = 1000

_KINDS: tuple[type[Fact], ...] = (Retirement, Listing, Price)
_NOTICES: Any = VERSIONS[Notice].__table__  # type: ignore[attr-defined]


def names(session: Session, sources: Collection[str], at: datetime | None = None) -> Names:
    """The models that the official ``sources`` name, or ever named; up to an instant."""
    found: set[tuple[str, str]] = set()
    for kind in _KINDS:
        table: Any = VERSIONS[kind].__table__  # type: ignore[attr-defined]
        shown = table.c.name if kind is Listing else literal("")
        query = select(table.c.provider, table.c.model, shown.label("shown")).distinct()
        query = query.where(table.c.source_id.in_(sources))
        if at:
            query = query.where(table.c.first_seen <= at)
        for line in session.connection().execute(query):
            found |= {(line.provider, name) for name in (line.model, line.shown) if name}
    return Names(found)


def official(
    session: Session,
    sources: Collection[str],
    models: Collection[str],
    now: datetime,
    at: datetime | None = None,
) -> Official:
    """Return the statements of the official ``sources`` about these canonical ids, today or ``at``
    an instant."""
    said: dict[str, list[tuple[str, Fact]]] = {}
    for one in (
        fact_versions.matching(session, _KINDS, names=sorted(models), at=at) if models else ()
    ):
        if one.source_id in sources:
            said.setdefault(canonical(one.fact.provider, one.fact.model), []).append(
                (one.source_id, one.fact)
            )
    ends: Any = VERSIONS[Retirement].__table__  # type: ignore[attr-defined]
    query = select(ends.c.provider, func.min(ends.c.source_id).label("source")).group_by(
        ends.c.provider
    )
    query = query.where(ends.c.source_id.in_(sources), *fact_versions.current_at(ends, at))
    tellers = {line.provider: line.source for line in session.connection().execute(query)}
    return Official(at or now, said, _looks(session, sources, at), tellers)


def _looks(session: Session, sources: Collection[str], at: datetime | None) -> dict[str, datetime]:
    """When each source was last looked at with success; of a past day, as far as the history of
    polls tells it.
    """
    rows: Any = SourceRow.__table__  # type: ignore[attr-defined]
    polls: Any = PollRow.__table__  # type: ignore[attr-defined]
    query = select(rows.c.id, rows.c.good_at).where(
        rows.c.id.in_(sources), rows.c.good_at.is_not(None)
    )
    looks = {line.id: line.good_at for line in session.connection().execute(query)}
    if at is None or not (later := [source for source, look in looks.items() if look > at]):
        return looks
    query = select(polls.c.source_id, func.max(polls.c.at).label("last")).group_by(
        polls.c.source_id
    )
    query = query.where(
        polls.c.source_id.in_(later),
        polls.c.at <= at,
        polls.c.outcome.in_(("accepted", "unchanged")),
    )
    past = {line.source_id: line.last for line in session.connection().execute(query)}
    return {source: look for source, look in looks.items() if look <= at} | past


def verdicts(
    session: Session,
    sources: Collection[str],
    notices: Iterable[Notice],
    now: datetime,
    at: datetime | None = None,
) -> dict[str, list[Mark]]:
    """The marks of notices, by Fact.key; a notice without a claim has none."""
    wanted = list(notices)
    if not wanted:
        return {}
    known = names(session, sources, at)
    found = {notice.key: claims(known, notice.title, notice.summary) for notice in wanted}
    models = {claim.model for said in found.values() for claim in said}
    says = official(session, sources, models, now, at)
    return {key: [verdict(claim, says) for claim in said] for key, said in found.items() if said}


def news_only_providers(session: Session) -> set[str]:
    """The providers of notices that say nothing else: who is not among them is no news."""
    stated: set[str] = set()
    for kind in _KINDS:
        table: Any = VERSIONS[kind].__table__  # type: ignore[attr-defined]
        stated |= set(session.connection().execute(select(table.c.provider).distinct()).scalars())
    return (
        set(session.connection().execute(select(_NOTICES.c.provider).distinct()).scalars()) - stated
    )


def articles(
    session: Session, sources: Collection[str], at: datetime | None = None
) -> list[fact_versions.FactVersion]:
    """The newest notices of sources that are not official, as of an instant."""
    newest = select(_NOTICES.c.id).where(
        _NOTICES.c.source_id.not_in(sources), *fact_versions.current_at(_NOTICES, at)
    )
    newest = newest.order_by(_NOTICES.c.id.desc()).limit(SEARCHED)
    return fact_versions.matching(session, [Notice], _NOTICES.c.id.in_(newest), at=at)


# --- corrections
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Article:
    """The last event about an article, with what it claims and what the official sources said to
    that.
    """

    event: str
    notice: Notice
    claims: tuple[Claim, ...]
    verdicts: tuple[str, ...]


def affected_articles(
    session: Session, sources: Collection[str], changed: Iterable[Fact | None], now: datetime
) -> list[Article]:
    """The articles that people were told of and that claim something of the models of these facts.

    Their events are locked, so that two official sources that change at one time correct an article
    once."""
    models = {canonical(fact.provider, fact.model) for fact in changed if fact and fact.model}
    if not models:
        return []
    providers = {source.partition(".")[0] for source in sources}
    query = select(EVENTS.c.id, EVENTS.c.provider, EVENTS.c.after).order_by(EVENTS.c.sequence)
    query = query.where(
        EVENTS.c.kind == "notice.published",
        EVENTS.c.detected_at >= now - CORRECTED,
        EVENTS.c.baseline.is_(False),
        EVENTS.c.provider.not_in(providers),
    )
    last: dict[tuple[str, str], tuple[str, Notice]] = {}
    for line in session.connection().execute(query.with_for_update(key_share=True)):
        if isinstance(notice := from_json(line.after), Notice):
            last[line.provider, notice.key] = (line.id, replace(notice, note=""))
    if not last:
        return []
    known = names(session, sources)
    said = [
        (event, notice, claims(known, notice.title, notice.summary))
        for event, notice in last.values()
    ]
    touched = [one for one in said if any(claim.model in models for claim in one[2])]
    says = official(session, sources, {claim.model for one in touched for claim in one[2]}, now)
    return [
        Article(event, notice, found, tuple(verdict(claim, says).verdict for claim in found))
        for event, notice, found in touched
    ]


def corrections(
    session: Session, sources: Collection[str], told: Iterable[Article], now: datetime
) -> list[Draft]:
    """An event for each of the articles of which the official sources now say otherwise."""
    there = list(told)
    if not there:
        return []
    session.flush()
    says = official(session, sources, {claim.model for one in there for claim in one.claims}, now)
    drafts = []
    for one in there:
        found = [verdict(claim, says) for claim in one.claims]
        if tuple(mark.verdict for mark in found) != one.verdicts:
            drafts.append(correction(one.notice, found, one.event))
    return drafts
