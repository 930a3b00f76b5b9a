"""Every adapter on damaged fixtures, seeded: what leaves it, and what becomes of a date whose
qualifier is dropped.

``Source.read`` turns whatever leaves an adapter into Unreadable, and that stays: libraries raise
what they like on a mangled page, and one page must never end a service. So it is the cause that is
looked at here. An adapter refuses a page itself; only in a JSON document may it stumble over a key
that is not there or a value of another type.

A dropped qualifier ("Not sooner than X" becomes X) passes *unseen* where the page is accepted and
an official date has another text or bound than before, and no event tells both; or where it has so
at the first look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.core.diff import Snapshot, snapshot
from monitor.core.facts import Fact, Retirement, When
from monitor.core.interpret import Draft
from monitor.errors import Unreadable
from monitor.polling.decide import Memory, Page, decide
from monitor.reading.source import Parse, Source
from tests.sources.test_mutations import MARKDOWN, exact, source_of
from tests.support.fixtures import fixtures
from tests.support.mutations import damage_faults, unqualified

#: Damages of each fixture; `make bench ARGS=fuzz` makes many more.
ROUNDS = 50
NOW = datetime(2026, 11, 1, tzinfo=UTC)

CASES = [
    pytest.param(source, path, id=f"{path.parent.name}/{path.name}") for source, path in fixtures()
]


@pytest.mark.parametrize(("source", "path"), CASES)
def test_only_refusals_leave_an_adapter(source: Source, path: Path) -> None:
    assert damage_faults(source, f"{path.parent.name}/{path.name}", path.read_bytes(), ROUNDS) == []


def recurses(body: bytes) -> Iterator[Fact]:
    yield from recurses(body) if b"Two models" not in body else exact(body)


def counts_on_a_line(body: bytes) -> Iterator[Fact]:
    assert body.count(b"\n") == MARKDOWN.count("\n")
    yield from exact(body)


def test_an_adapter_that_stumbles_is_found() -> None:
    assert damage_faults(source_of(exact), "exact", MARKDOWN.encode(), ROUNDS) == []
    careless: tuple[tuple[Parse, str], ...] = (
        (recurses, "RecursionError"),
        (counts_on_a_line, "AssertionError"),
    )
    for parse, kind in careless:
        faults = damage_faults(source_of(parse), "careless", MARKDOWN.encode(), 10 * ROUNDS)
        assert any(kind in fault for fault in faults), faults


# --- qualifiers
# --------------------------------------------------------------------------------------------


def vague(fact: Fact) -> bool:
    """Whether one of the dates of an end has a bound, or is no day."""
    said = dates(fact).values() if isinstance(fact, Retirement) else ()
    return any(when.bound != "on" or len(when.text) < 10 for when in said)


def dates(fact: Fact) -> dict[str, When]:
    named = ((field.name, getattr(fact, field.name)) for field in fields(fact))
    return {name: value for name, value in named if isinstance(value, When)}


QUALIFIED = [
    case
    for case in CASES
    if case.values[0].kind == "official"
    and any(map(vague, case.values[0].read(case.values[1].read_bytes())))
]


def looks(
    source: Source, known: Snapshot, seen: Snapshot
) -> Iterator[tuple[Snapshot, list[Draft], bool]]:
    """What stands, what was told and whether the page was held, after each of four agreeing looks a
    day apart.
    """
    standing, pending = known, []
    for day in range(4):
        memory, now = Memory(standing, pending), NOW + timedelta(days=day)
        decision = decide(source, Page(seen), memory, now)
        held = decision.outcome == "suspect"
        standing, pending = (standing if held else decision.current), decision.pending
        yield standing, decision.drafts, held


def unseen(source: Source, known: Snapshot, text: str) -> list[str] | None:
    """What passes unseen on a page without a qualifier; None where it says what the page says."""
    try:
        seen = snapshot(source.read(text.encode()))
    except Unreadable:
        return []
    ends = {key: fact for key, fact in known.items() if isinstance(fact, Retirement)}
    changed = [
        key for key, fact in ends.items() if key not in seen or fact.value != seen[key].value
    ]
    if not changed:
        return None
    told: list[Draft] = []
    faults = []
    for number, (standing, drafts, held) in enumerate(looks(source, known, seen)):
        told += drafts
        if held:
            continue
        for key in changed:
            before, after = known[key], standing.get(key)
            if after is not None and dates(before) == dates(after):
                continue
            pairs = [(draft.before, draft.after) for draft in told]
            if (before, after) not in pairs and (
                after is not None or not any(pair[0] == before for pair in pairs)
            ):
                faults.append(f"{key}: {dates(before)} became {after and dates(after)}, untold")
            if number == 0:
                faults.append(f"{key}: {dates(before)} became {after and dates(after)} at once")
    return faults


@pytest.mark.parametrize(("source", "path"), QUALIFIED)
def test_no_qualifier_is_dropped_unseen(source: Source, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = snapshot(source.read(text.encode()))
    mattered = 0
    for what, mutant in unqualified(text):
        faults = unseen(source, known, mutant)
        assert not faults, what
        mattered += faults is not None
    assert mattered
