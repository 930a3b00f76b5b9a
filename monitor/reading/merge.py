"""Make one fact of several statements about one key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from monitor.core.facts import Fact, Retirement

AnyFact = TypeVar("AnyFact", bound=Fact)


def merged(
    facts: Iterable[AnyFact], merge: Callable[[Sequence[AnyFact]], AnyFact]
) -> list[AnyFact]:
    """Return one fact for each key, in the page's order. ``merge`` gets all facts of one key."""
    by_key: dict[str, list[AnyFact]] = {}
    for fact in facts:
        by_key.setdefault(fact.key, []).append(fact)
    return [merge(same) for same in by_key.values()]


def newest(facts: Iterable[AnyFact]) -> list[AnyFact]:
    """Return the first fact of each key, for a page that has its newest entry first.

    Older ones that say something else stay in its note."""

    def first(same: Sequence[AnyFact]) -> AnyFact:
        fact, *older = same
        earlier = [f"earlier: {other.quote}" for other in older if other.value != fact.value]
        return noted(fact, *earlier) if earlier else fact

    return merged(facts, first)


def latest_announcement(same: Sequence[Retirement]) -> Retirement:
    """Return the statement that was announced last, the upper one of two on one day.

    Its note keeps what the others announced, where they named another date."""
    last = max(same, key=lambda fact: fact.announced.text if fact.announced else "")
    others = [
        f"Also announced for {other.retires or 'no date'}"
        + (f" on {other.announced}." if other.announced else ".")
        for other in same
        if other.retires != last.retires
    ]
    return noted(last, *others)


def earliest_end(same: Sequence[Retirement]) -> Retirement:
    """Return the statement with the earliest end, a firm date before a floor, whatever the order.

    Its note keeps the rows that say something else, behind the word "conflict"."""

    def safest(fact: Retirement) -> tuple[object, ...]:
        end = fact.retires
        floor = end is not None and end.bound == "not_before"
        return end is None, end.starts if end else None, floor, fact.quote

    first, *others = sorted(same, key=safest)
    return noted(
        first, *(f"conflict: {other.quote}" for other in others if other.value != first.value)
    )


def noted(fact: AnyFact, *remarks: str) -> AnyFact:
    """Return a fact with remarks added to its note, each once."""
    return replace(fact, note="; ".join(dict.fromkeys(filter(None, (fact.note, *remarks)))))
