"""Notices that name a model, and what official sources say to the claims of articles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, func, or_, type_coerce
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session

from monitor.answers.versions import Freshness, Version, version
from monitor.core.claims import VERDICTS, Mark
from monitor.core.facts import Json, Notice, from_json
from monitor.core.names import stored_names
from monitor.reading.source import Source, officials
from monitor.store import fact_versions, news_verdicts
from monitor.store.tables import NoticeRow

#: Returns every declared source by id. It is called only if needed: that imports all adapters.
Declared = Callable[[], Mapping[str, Source]]


@dataclass(frozen=True, slots=True)
class News:
    """A notice, and the verdicts on its claims about one model, the worst first."""

    version: Version[Notice]
    verdicts: tuple[Mark, ...]


def news(
    session: Session,
    model: str,
    now: datetime,
    at: datetime | None,
    declared: Declared,
    fresh: Freshness,
) -> tuple[News, ...]:
    """Return the notices that name a model, newest first, as known ``at`` an instant."""
    notices = fact_versions.matching(session, [Notice], _names(model), at=at)
    official = _official(session, declared)
    articles = [] if official is None else news_verdicts.articles(session, official, at)
    facts = [row.fact for row in articles if isinstance(row.fact, Notice)]
    judged = news_verdicts.verdicts(session, official or (), facts, now, at)
    about_model = {
        (row.source_id, row.fact.key): [
            mark for mark in judged[row.fact.key] if mark.claim.model in stored_names(model)
        ]
        for row in articles
        if row.fact.key in judged
    }
    verdicts = {key: marks for key, marks in about_model.items() if marks}
    rows = {(row.source_id, row.fact.key): row for row in notices}
    rows |= {key: row for row in articles if (key := (row.source_id, row.fact.key)) in verdicts}
    answer = [
        News(version(row, fact, fresh), worst_first(verdicts.get(key, ())))
        for key, row in rows.items()
        if isinstance(fact := row.fact, Notice)
    ]
    return tuple(sorted(answer, key=lambda news: _published(news.version.fact), reverse=True))


def verdicts_of(
    session: Session, fact: Json | None, now: datetime, declared: Declared
) -> tuple[Mark, ...]:
    """Return the verdicts on the article of an event as they are now; none for other events."""
    notice = from_json(fact) if fact and fact["fact"] == "notice" else None
    if not isinstance(notice, Notice) or notice.provider not in news_verdicts.news_only_providers(
        session
    ):
        return ()
    official = _official(session, declared) or frozenset()
    marks = news_verdicts.verdicts(session, official, [notice], now)
    return worst_first(marks.get(notice.key, ()))


def worst_first(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    return tuple(sorted(marks, key=lambda mark: VERDICTS.index(mark.verdict)))


def _names(model: str) -> ColumnElement[bool]:
    """Return the condition of notices that name a model, by its id in any of its spellings."""
    listed = func.lower(type_coerce(NoticeRow.__table__.c.models, Text))  # type: ignore[attr-defined]
    ids = {name.rpartition("/")[2] for name in stored_names(model)}
    return or_(*(listed.contains(f'"{name}"', autoescape=True) for name in sorted(ids)))


def _official(session: Session, declared: Declared) -> frozenset[str] | None:
    """Return the ids of official sources, or None if the store holds no news to judge."""
    return officials(declared()) if news_verdicts.news_only_providers(session) else None


def _published(notice: Notice) -> str:
    return notice.published.text if notice.published else ""
