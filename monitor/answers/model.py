"""Everything known of one model, on every platform."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from monitor.answers.endings import Ending
from monitor.answers.missing import missing
from monitor.answers.news import Declared, News, news
from monitor.answers.versions import Freshness, Version, versions
from monitor.core.contradictions import Conflict, Deviation, contradicted_by, find, quiet
from monitor.core.ends import days_left
from monitor.core.facts import Fact, Json, Listing, Price, Retirement
from monitor.core.names import canonical, stored_names
from monitor.core.wording import stamp
from monitor.store import event_log, fact_versions, model_lookup
from monitor.store.fact_versions import FactVersion
from monitor.store.open_contradictions import statements

KINDS: tuple[type[Fact], ...] = (Retirement, Listing, Price)
#: Returns the contradictions that the operator knows of.
Deviations = Callable[[], Collection[Deviation]]


@dataclass(frozen=True, slots=True)
class Redirect:
    """A name that another model answers to, with the prices of that model."""

    version: Version[Listing]
    prices: tuple[Version[Price], ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two statements that cannot both be true, and when each was first seen.

    ``expected``: the operator listed it as a known deviation."""

    conflict: Conflict
    expected: bool
    first_seen: tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Model:
    """Everything known of a model by the name ``name``, now or as of ``at``. Events are in their
    public form, newest first.
    """

    name: str
    at: datetime | None
    retirements: tuple[Ending, ...]
    listings: tuple[Version[Listing], ...]
    prices: tuple[Version[Price], ...]
    redirects: tuple[Redirect, ...]
    contradictions: tuple[Contradiction, ...]
    news: tuple[News, ...]
    events: tuple[Json, ...]

    @property
    def canonicals(self) -> list[str]:
        facts: list[Fact] = [ending.fact for ending in self.retirements]
        facts += [version.fact for version in self.listings]
        facts += [version.fact for version in self.prices]
        return sorted({canonical(fact.provider, fact.model) for fact in facts})


def model(
    session: Session,
    name: str,
    now: datetime,
    at: datetime | None,
    declared: Declared,
    deviations: Deviations,
) -> Model:
    """Return everything known of a model, as known ``at`` an instant if given.

    Raises NotFound if nothing is known of it."""
    fresh = {} if at else fact_versions.freshness(session)
    stored = model_lookup.named(session, KINDS, name, at=at)
    notices = news(session, name, now, at, declared, fresh)
    events = [
        event
        for event in _events(session, name, stored, 50)
        if not at or event["detected_at"] <= (stamp(at) or "")
    ]
    if not (stored or notices or events):
        raise missing(session, name)
    return Model(
        name,
        at,
        _endings(session, stored, at or now, at, fresh),
        versions(stored, Listing, fresh),
        versions(stored, Price, fresh),
        _redirects(session, stored, at),
        _contradictions(session, stored, now, at, declared, deviations),
        notices,
        tuple(events),
    )


def official_model(
    session: Session, name: str, now: datetime, *, retirements: int, events: int
) -> Model:
    """Return what official sources say of a model: retirements, listings, prices, latest events;
    at most so many retirements and events.

    Raises NotFound if they do not know it."""
    fresh = fact_versions.freshness(session)
    stored = model_lookup.named(session, KINDS, name, official=True)
    if not stored:
        raise missing(session, name)
    ends = [row for row in stored if isinstance(row.fact, Retirement)]
    return Model(
        name,
        None,
        _endings(session, ends[:retirements], now, None, fresh),
        versions(stored, Listing, fresh),
        versions(stored, Price, fresh),
        (),
        (),
        (),
        tuple(_events(session, name, stored, events)),
    )


def _events(session: Session, name: str, stored: Collection[FactVersion], limit: int) -> list[Json]:
    ids = {row.fact.model.casefold() for row in stored}
    return event_log.about(session, [*stored_names(name), *ids], limit)


def _endings(
    session: Session,
    stored: list[FactVersion],
    now: datetime,
    at: datetime | None,
    fresh: Freshness,
) -> tuple[Ending, ...]:
    return tuple(
        Ending(
            version,
            days_left(version.fact.retires, now),
            model_lookup.successors(session, version.fact, now, at),
        )
        for version in versions(stored, Retirement, fresh)
    )


def _redirects(
    session: Session, stored: list[FactVersion], at: datetime | None
) -> tuple[Redirect, ...]:
    """Return the names that another model answers to.

    A list says so of its aliases (xAI, Together). Prices that the page states for the alias itself
    are among the others."""
    redirects = []
    for version in versions(stored, Listing, {}):
        provider, target = version.fact.provider, version.fact.alias_of
        if not target:
            continue
        priced = model_lookup.named(session, [Price], f"{provider}/{target}", at=at)
        own = [row for row in priced if row.fact.provider == provider]
        redirects.append(Redirect(version, versions(own, Price, {})))
    return tuple(redirects)


def _contradictions(
    session: Session,
    stored: list[FactVersion],
    now: datetime,
    at: datetime | None,
    declared: Declared,
    deviations: Deviations,
) -> tuple[Contradiction, ...]:
    """Return the contradictions about these offerings, known deviations too."""
    models = {canonical(row.fact.provider, row.fact.model) for row in stored}
    stated = fact_versions.of_models(session, [Retirement, Price], sorted(models), at=at)
    stating = {(row.source_id, row.fact.fact) for row in stated}
    several = len(stating) > len({kind for _, kind in stating})
    if not several and not any(contradicted_by(row.fact) for row in stated):
        # Nothing to compare, so the adapters, who know which source is a hint, are not imported.
        return ()
    expected = deviations()
    first_seen = {(row.source_id, row.fact.key): row.first_seen for row in stated}
    offerings = {(row.fact.provider, row.fact.key) for row in stored}
    contradictions = []
    for conflict in find(statements(stated, declared()), at or now):
        sides = conflict.first, conflict.second
        facts = [side.fact for side in sides if side.fact]
        if any((fact.provider, fact.key) in offerings for fact in facts):
            # A row that is known by its quote alone was seen with the fact that it contradicts.
            first, second = (
                first_seen[side.source.id, (side.fact or conflict.fact).key] for side in sides
            )
            contradictions.append(
                Contradiction(conflict, quiet(conflict, expected), (first, second))
            )
    return tuple(contradictions)
