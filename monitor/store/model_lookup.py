"""Finding a model by whatever name a person has for it, and what replaces it, followed until one
lives.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlmodel import Session

from monitor.core.ends import firm, over
from monitor.core.facts import Fact, Json, Listing, Price, Retirement
from monitor.core.names import MAKERS, canonical
from monitor.store import fact_versions
from monitor.store.fact_versions import Known


def names(text: str) -> list[str]:
    """What a model can be stored as: its id in any case, its display name, ``maker/model`` or
    ``provider/model``.
    """
    folded = text.strip().casefold()
    provider, slash, model = folded.partition("/")
    found = [folded]
    if slash:
        found.append(canonical(provider, model))
    found += [canonical(provider, folded) for provider in MAKERS]
    return list(dict.fromkeys(name for name in found if name))


def named(
    session: Session,
    kinds: Sequence[type[Fact]],
    text: str,
    *,
    at: datetime | None = None,
    history: bool = False,
    official: bool = False,
) -> list[Known]:
    """Versions of facts about a model. ``provider/model`` is that provider's own first, and a
    maker's model else.
    """
    provider, slash, model = text.strip().casefold().partition("/")
    told = partial(fact_versions.known, session, kinds, at=at, history=history, official=official)
    if slash and (own := told(provider=provider, names=names(model))):
        return own
    return told(names=names(text))


def successors(
    session: Session, fact: Retirement, now: datetime, at: datetime | None, passed: set[str]
) -> list[Json]:
    """The named replacements, each with its own end and replacements if it has any, until one that
    lives.
    """
    told: list[Json] = []
    for name in fact.replacements:
        if name.casefold() in passed:
            continue
        ends = [
            one.fact
            for one in named(session, [Retirement], f"{fact.provider}/{name}", at=at)
            if isinstance(one.fact, Retirement)
            if one.fact.provider == fact.provider and one.fact.surface in (fact.surface, "api")
        ]
        end = next(
            (end for end in ends if over(end, now) or firm(end.retires)), ends[0] if ends else None
        )
        gone = _gone(session, fact.provider, name, at) if end is None else over(end, now)
        lives = (
            not gone
            if end is None
            else not (over(end, now) or firm(end.retires) or end.stage == "deprecated")
        )
        told.append(
            {
                "model": name,
                "stage": end.stage if end else "unlisted" if gone else "",
                "retires": end.retires.to_json() if end and end.retires else None,
                "lives": lives,
                "gone": gone,
                "successors": []
                if lives or end is None
                else successors(session, end, now, at, passed | {name.casefold()}),
            }
        )
    return told


def any_there(successors: list[Json]) -> bool:
    """Whether a model along the chains is still there, be it with an end ahead."""
    return any(not one["gone"] or any_there(one["successors"]) for one in successors)


def live(successors: list[Json]) -> list[str]:
    """The models at the ends of the chains that are still there."""
    found: list[str] = []
    for one in successors:
        found += [one["model"]] if one["lives"] else live(one["successors"])
    return list(dict.fromkeys(found))


def _gone(session: Session, provider: str, name: str, at: datetime | None) -> bool:
    """Whether a model that stood on the provider's lists is on none any more."""
    kinds, wanted = (Listing, Price, Retirement), f"{provider}/{name}"
    there = named(session, kinds, wanted, at=at)
    ever = [
        one
        for one in named(session, kinds, wanted, history=True)
        if one.fact.provider == provider and (at is None or one.first_seen <= at)
    ]
    return bool(ever) and not any(one.fact.provider == provider for one in there)
