"""How urgent a change of a retirement is (monitor.core.severity), and the event it becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.core.diff import Snapshot, diff, snapshot
from monitor.core.facts import Bound, Retirement, Stage, When
from monitor.core.interpret import interpret
from monitor.core.severity import Severity, move, severity
from monitor.reading.source import Source
from tests.support.strategies import whens

#: Five days before 2026-06-10, and exactly thirty before noon of 2026-07-05.
NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)
PAGE = Source("acme.deprecations", "https://acme.example/x", lambda body: [])


def when(text: str) -> When:
    """Return the date behind ``2026-06-10``, ``not before 2026-06-10`` or ``by 2026-06-10``."""
    *words, date = text.split()
    bounds: dict[str, Bound] = {"": "on", "not before": "not_before", "by": "by"}
    return When(date, bounds[" ".join(words)])


def row(text: str) -> Retirement | None:
    """Return the row behind ``deprecated, not before 2026-06-10``; None for no row."""
    if not text:
        return None
    stage, _, date = text.partition(", ")
    stages: dict[str, Stage] = {
        name: name for name in ("active", "legacy", "deprecated", "retired")
    }
    retires = when(date) if date else None
    return Retirement(model="m", provider="acme", stage=stages[stage], retires=retires)


def page(fact: Retirement | None) -> Snapshot:
    return snapshot([fact] if fact else [])


#: Before, after, severity, kind of the event.
TABLE: list[tuple[str, str, Severity, str]] = [
    # B1: a retirement in five days, however it became known.
    ("", "deprecated, 2026-06-10", "critical", "retirement.announced"),
    ("active", "deprecated, 2026-06-10", "critical", "retirement.announced"),
    ("active, not before 2026-09-29", "active, 2026-06-10", "critical", "retirement.announced"),
    ("legacy", "legacy, 2026-06-10", "critical", "retirement.announced"),
    ("deprecated", "deprecated, 2026-06-10", "critical", "retirement.changed"),
    (
        "deprecated, not before 2026-06-01",
        "deprecated, 2026-06-10",
        "critical",
        "retirement.changed",
    ),
    ("deprecated, 2026", "deprecated, 2026-06-10", "critical", "retirement.changed"),
    ("deprecated, 2026-06", "deprecated, 2026-06-10", "critical", "retirement.changed"),
    ("deprecated, 2026-Q2", "deprecated, 2026-06-10", "critical", "retirement.changed"),
    ("deprecated, 2026-12-01", "deprecated, 2026-06-10", "critical", "retirement.advanced"),
    ("deprecated, 2026-12-01", "deprecated, by 2026-06-15", "critical", "retirement.advanced"),
    (
        "deprecated, not before 2026-12-01",
        "deprecated, 2026-06-10",
        "critical",
        "retirement.advanced",
    ),
    ("deprecated, 2026-06-08", "deprecated, 2026-06-10", "critical", "retirement.postponed"),
    ("deprecated, 2026-06-10", "deprecated, by 2026-06-10", "critical", "retirement.changed"),
    ("deprecated, 2026-06-01", "deprecated, 2026-06-10", "critical", "retirement.postponed"),
    ("retired", "deprecated, 2026-06-10", "critical", "retirement.changed"),
    # The edge of near: thirty days.
    ("deprecated", "deprecated, 2026-07-05", "critical", "retirement.changed"),
    ("deprecated", "deprecated, 2026-07-06", "action", "retirement.changed"),
    ("", "deprecated, 2026-07-05", "critical", "retirement.announced"),
    ("", "deprecated, 2026-07-06", "action", "retirement.announced"),
    ("deprecated, 2026", "deprecated, 2026-07", "critical", "retirement.changed"),
    ("deprecated, 2026", "deprecated, 2026-08", "notice", "retirement.changed"),
    # The same roads to a date that is far away.
    ("active", "deprecated, 2026-12-01", "action", "retirement.announced"),
    ("deprecated", "deprecated, 2026-12-01", "action", "retirement.changed"),
    (
        "deprecated, not before 2026-09-01",
        "deprecated, 2026-12-01",
        "action",
        "retirement.changed",
    ),
    ("deprecated, 2026-12", "deprecated, 2026-12-01", "notice", "retirement.changed"),
    ("deprecated, 2027-12-01", "deprecated, 2026-12-01", "action", "retirement.advanced"),
    ("deprecated, 2027-12-01", "deprecated, by 2026-12-01", "action", "retirement.advanced"),
    ("deprecated, by 2027-12-01", "deprecated, 2026-12-01", "action", "retirement.advanced"),
    (
        "deprecated, not before 2027-12-01",
        "deprecated, 2026-12-01",
        "action",
        "retirement.advanced",
    ),
    ("deprecated, 2026-10-01", "deprecated, 2026-12-01", "action", "retirement.postponed"),
    ("deprecated, 2026-10-01", "deprecated, by 2026-12-01", "notice", "retirement.changed"),
    ("deprecated, 2026-12-01", "deprecated, by 2026-12-01", "notice", "retirement.changed"),
    # Floors are never near.
    ("", "active, not before 2026-06-10", "info", "model.listed"),
    ("", "deprecated, not before 2026-06-10", "action", "retirement.announced"),
    ("deprecated", "deprecated, not before 2026-06-10", "info", "retirement.changed"),
    (
        "deprecated, 2026-06-10",
        "deprecated, not before 2026-06-10",
        "notice",
        "retirement.changed",
    ),
    (
        "deprecated, not before 2026-12-01",
        "deprecated, not before 2026-06-10",
        "notice",
        "retirement.advanced",
    ),
    (
        "deprecated, 2026-12-01",
        "deprecated, not before 2026-06-10",
        "notice",
        "retirement.advanced",
    ),
    (
        "deprecated, not before 2026-06-10",
        "deprecated, not before 2026-12-01",
        "info",
        "retirement.postponed",
    ),
    # Without a date, or with one that goes.
    ("", "active", "info", "model.listed"),
    ("", "legacy", "action", "retirement.announced"),
    ("", "deprecated", "action", "retirement.announced"),
    ("active", "deprecated", "action", "retirement.announced"),
    ("active", "legacy", "notice", "retirement.changed"),
    ("deprecated", "active", "notice", "retirement.withdrawn"),
    ("deprecated, 2026-06-10", "deprecated", "notice", "retirement.withdrawn"),
    ("deprecated, not before 2026-06-10", "deprecated", "info", "retirement.changed"),
    # The date was stated before: only the stage is new.
    ("active, 2026-06-10", "deprecated, 2026-06-10", "notice", "retirement.changed"),
    # Retired, and what is corrected afterwards.
    ("", "retired, 2026-06-01", "critical", "retirement.completed"),
    ("", "retired", "critical", "retirement.completed"),
    ("deprecated, 2026-06-01", "retired, 2026-06-01", "critical", "retirement.completed"),
    ("deprecated, not before 2026-06-01", "retired", "critical", "retirement.completed"),
    ("deprecated", "deprecated, 2026-06-01", "critical", "retirement.changed"),
    ("retired, 2026-05", "retired, 2026-05-10", "notice", "retirement.changed"),
    ("retired, 2026-05-10", "retired, 2026-05-12", "action", "retirement.postponed"),
    ("retired, 2026-05-10", "retired, 2026-05-08", "action", "retirement.advanced"),
    ("retired", "deprecated", "notice", "retirement.changed"),
]


@pytest.mark.parametrize(
    ("before", "after", "urgency", "kind"),
    TABLE,
    ids=[f"{before or 'no row'} -> {after}" for before, after, *_ in TABLE],
)
def test_a_change_is_as_urgent_as_the_table_says(
    before: str, after: str, urgency: Severity, kind: str
) -> None:
    old, new = row(before), row(after)
    assert new is not None
    assert severity(old, new, NOW) == urgency
    drafts = interpret(PAGE, diff(page(old), page(new)), NOW)
    assert [(draft.kind, draft.severity) for draft in drafts] == [(kind, urgency)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("2026-12-01", "2026-06-10", "earlier"),
        ("2026-12-01", "by 2026-06-10", "earlier"),
        ("2026-12-01", "not before 2026-06-10", "earlier"),
        ("not before 2026-12-01", "2026-06-10", "earlier"),
        ("2026-12", "2026-11", "earlier"),
        ("2026-06-10", "2026-12-01", "later"),
        ("by 2026-06-10", "by 2026-12-01", "later"),
        ("2026-06-10", "not before 2026-12-01", "other"),
        ("not before 2026-06-10", "2026-12-01", "other"),
        ("2026-12-01", "by 2026-12-01", "other"),
        ("2026", "2026-06-10", "other"),
        ("2026-06-10", "2026", "other"),
        ("2026-06-10", "2026-06-10T19:00Z", "other"),
    ],
)
def test_a_date_moves_earlier_whatever_the_bounds(before: str, after: str, expected: str) -> None:
    assert move(when(before), when(after)) == expected


def test_a_date_that_comes_or_goes_does_not_move() -> None:
    assert move(None, when("2026-06-10")) == move(when("2026-06-10"), None) == "other"


def days(first: int, last: int) -> st.SearchStrategy[When]:
    """Return firm days, counted from today."""
    return st.builds(
        lambda day, bound: When(f"{NOW + timedelta(days=day):%Y-%m-%d}", bound),
        st.integers(first, last),
        st.sampled_from(["on", "by"]),
    )


def rows(*stages: Stage, retires: st.SearchStrategy[When | None]) -> st.SearchStrategy[Retirement]:
    return st.builds(
        Retirement,
        model=st.just("m"),
        provider=st.just("acme"),
        stage=st.sampled_from(stages),
        retires=retires,
    )


ANY = rows("active", "legacy", "deprecated", "retired", retires=st.none() | days(-90, 90) | whens())
NEAR = rows("active", "legacy", "deprecated", retires=days(0, 29))
PASSED = rows("active", "legacy", "deprecated", "retired", retires=days(-90, -1))


@given(st.none() | ANY, NEAR)
def test_urgency_never_depends_on_the_road_by_which_a_near_retirement_became_known(
    before: Retirement | None, after: Retirement
) -> None:
    assume(before is None or before.retires != after.retires)
    assert severity(before, after, NOW) == "critical"
    drafts = interpret(PAGE, diff(page(before), page(after)), NOW)
    assert [draft.severity for draft in drafts] == ["critical"]


@given(PASSED, PASSED)
def test_what_is_over_is_critical_only_when_its_page_first_says_so(
    before: Retirement, after: Retirement
) -> None:
    urgent = severity(before, after, NOW) == "critical"
    assert urgent is (after.stage == "retired" and before.stage != "retired")
