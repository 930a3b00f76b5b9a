"""Finding a model by any name that a person has for it, and following its replacements to those
that live.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select, union
from sqlmodel import Session

from monitor.core.ends import firm, leaving, over
from monitor.core.facts import Fact, Listing, Price, Retirement, When
from monitor.core.names import stored_names
from monitor.core.patterns import Pattern, Subject
from monitor.store import fact_versions
from monitor.store.fact_versions import FactVersion
from monitor.store.tables import VERSIONS


def named(
    session: Session,
    kinds: Sequence[type[Fact]],
    text: str,
    *,
    at: datetime | None = None,
    history: bool = False,
    official: bool = False,
) -> list[FactVersion]:
    """Return the versions of facts about a model.

    ``provider/model`` is that provider's own model if it has one of that name, else a maker's."""
    provider, slash, model = text.strip().casefold().partition("/")
    versions = partial(
        fact_versions.matching, session, kinds, at=at, history=history, official=official
    )
    if slash and (own := versions(provider=provider, names=stored_names(model))):
        return own
    return versions(names=stored_names(text))


def is_named(session: Session, pattern: Pattern) -> bool:
    """Return whether a pattern matches any model that a page names or named."""
    tables: list[Any] = [VERSIONS[kind].__table__ for kind in (Listing, Retirement, Price)]  # type: ignore[attr-defined]
    columns = "provider", "model", "canonical", "region"
    query = union(*(select(*(table.c[name] for name in columns)) for table in tables))
    return any(pattern.matches(Subject.about(*row)) for row in session.connection().execute(query))


@dataclass(frozen=True, slots=True)
class Successor:
    """A named replacement, and what replaces that in turn.

    ``stage`` is that of its own retirement, ``unlisted`` if it left the provider's lists, or empty.
    ``lives``: nothing says that it goes. ``gone``: it is not there any more."""

    model: str
    stage: str
    retires: When | None
    lives: bool
    gone: bool
    successors: tuple[Successor, ...] = ()


def successors(
    session: Session,
    fact: Retirement,
    now: datetime,
    at: datetime | None = None,
    passed: frozenset[str] = frozenset(),
) -> tuple[Successor, ...]:
    """Return the named replacements of a model, each followed until one lives.

    ``at`` answers as of a past instant. ``passed`` are the models on the way here: pages name each
    other in circles."""
    passed |= {fact.model.casefold()}
    return tuple(
        _successor(session, fact, name, now, at, passed)
        for name in fact.replacements
        if name.casefold() not in passed
    )


def _successor(
    session: Session,
    fact: Retirement,
    name: str,
    now: datetime,
    at: datetime | None,
    passed: frozenset[str],
) -> Successor:
    ends = [
        version.fact
        for version in named(session, [Retirement], f"{fact.provider}/{name}", at=at)
        if isinstance(version.fact, Retirement)
        if version.fact.provider == fact.provider and version.fact.surface in (fact.surface, "api")
    ]
    if not ends:
        left = _left_the_lists(session, fact.provider, name, at)
        return Successor(name, "unlisted" if left else "", None, lives=not left, gone=left)
    # Of several versions or Regions, one that goes says more than one that stays.
    end = next((end for end in ends if over(end, now) or firm(end.retires)), ends[0])
    if not leaving(end):
        return Successor(name, end.stage, end.retires, lives=True, gone=False)
    further = successors(session, end, now, at, passed | {name.casefold()})
    return Successor(name, end.stage, end.retires, False, over(end, now), further)


def any_there(chain: Iterable[Successor]) -> bool:
    """Return whether a model along the chains is still there, perhaps with an end ahead."""
    return any(not successor.gone or any_there(successor.successors) for successor in chain)


def live(chain: Iterable[Successor]) -> list[str]:
    """Return the models at the ends of the chains that live."""
    models: list[str] = []
    for successor in chain:
        models += [successor.model] if successor.lives else live(successor.successors)
    return list(dict.fromkeys(models))


def _left_the_lists(session: Session, provider: str, name: str, at: datetime | None) -> bool:
    """Return whether a model that stood on the provider's lists is on none any more."""
    kinds, text = (Listing, Price, Retirement), f"{provider}/{name}"
    current = named(session, kinds, text, at=at)
    ever = [
        version
        for version in named(session, kinds, text, history=True)
        if version.fact.provider == provider and (at is None or version.first_seen <= at)
    ]
    return bool(ever) and not any(version.fact.provider == provider for version in current)
