"""When something ends (monitor.core.ends)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.ends import (
    available_until,
    coming_day,
    days_left,
    firm,
    in_force,
    near,
    over,
    passed,
    scheduled,
)
from monitor.core.facts import Bound, Price, Retirement, Stage, When
from tests.support.strategies import whens

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)


def retirement(date: str | None, bound: Bound = "on", stage: Stage = "deprecated") -> Retirement:
    retires = When(date, bound) if date else None
    return Retirement(model="m", provider="openai", stage=stage, retires=retires)


def price(starts: str = "", ends: str = "") -> Price:
    return Price(
        model="m",
        meter="input",
        amount=Decimal(1),
        per="1M tokens",
        starts=When(starts) if starts else None,
        ends=When(ends) if ends else None,
    )


@pytest.mark.parametrize(
    ("date", "bound", "expected"),
    [
        ("2026-06-10", "on", True),
        ("2026-06-10", "by", True),
        ("2026-06", "on", True),
        ("2026-06-10", "not_before", False),
        (None, "on", False),
    ],
)
def test_a_date_is_firm_unless_it_is_a_floor(
    date: str | None, bound: Bound, expected: bool
) -> None:
    assert firm(When(date, bound) if date else None) is expected


@given(whens(), st.datetimes(timezones=st.just(UTC)))
def test_a_date_has_passed_when_all_that_it_can_mean_has(date: When, now: datetime) -> None:
    assert passed(date, now) is (date.bound != "not_before" and date.ends <= now)
    assert not passed(date, date.starts) or date.ends == date.starts
    assert passed(date, date.ends) is (date.bound != "not_before")


def test_no_date_never_passes() -> None:
    assert not passed(None, NOW)


@pytest.mark.parametrize(
    ("date", "bound", "expected"),
    [
        ("2026-07-05", "on", True),
        ("2026-07-05T12:00Z", "on", True),
        ("2026-07-05T12:01Z", "on", False),
        ("2026-07-06", "on", False),
        ("2026-07-05", "by", True),
        ("2026-07", "on", True),
        ("2026-08", "on", False),
        ("2026-06-01", "on", True),
        ("2026-06-10", "not_before", False),
        (None, "on", False),
    ],
)
def test_a_firm_date_is_near_from_thirty_days_before(
    date: str | None, bound: Bound, expected: bool
) -> None:
    assert near(When(date, bound) if date else None, NOW) is expected


@pytest.mark.parametrize(
    ("date", "bound", "expected"),
    [
        ("2026-06-10", "on", 5),
        ("2026-06-10", "by", 5),
        ("2026-06-10T01:00Z", "on", 5),
        ("2026-06-05", "on", 0),
        ("2026-06-01", "on", -4),
        ("2026-06-10", "not_before", None),
        ("2026-06", "on", None),
        ("2026-Q3", "on", None),
        ("2027", "on", None),
        (None, "on", None),
    ],
)
def test_only_the_days_to_a_firm_day_are_counted(
    date: str | None, bound: Bound, expected: int | None
) -> None:
    assert days_left(When(date, bound) if date else None, NOW) == expected


@pytest.mark.parametrize(
    ("fact", "gone", "day"),
    [
        (retirement("2026-06-10"), False, "2026-06-10"),
        (retirement("2026-06-05"), False, "2026-06-05"),
        (retirement("2026-06-04"), True, None),
        (retirement("2026-06-10", stage="retired"), True, None),
        (retirement("2026-06-01", "not_before"), False, None),
        (retirement("2026-06"), False, None),
        (retirement(None), False, None),
        (retirement(None, stage="retired"), True, None),
    ],
)
def test_a_model_is_over_by_its_stage_or_its_date(
    fact: Retirement, gone: bool, day: str | None
) -> None:
    assert over(fact, NOW) is gone
    assert coming_day(fact, NOW) == (When(day) if day else None)


def test_a_model_is_available_until_its_firm_date() -> None:
    ever = datetime.max.replace(tzinfo=UTC)
    assert available_until(retirement("2026-06-10")) == datetime(2026, 6, 10, tzinfo=UTC)
    assert available_until(retirement("2026-06-10", "not_before")) == ever
    assert available_until(retirement(None)) == ever
    assert available_until(retirement(None, stage="retired")) < NOW - timedelta(days=10_000)


@pytest.mark.parametrize(
    ("fact", "ahead", "now"),
    [
        (price(), False, True),
        (price(starts="2026-06-05"), False, True),
        (price(starts="2026-06-06"), True, False),
        (price(ends="2026-06-05"), False, True),
        (price(ends="2026-06-04"), False, False),
        (price(starts="2026-06-06", ends="2026-06-30"), True, False),
    ],
)
def test_a_price_is_in_force_from_its_start_until_its_end(
    fact: Price, ahead: bool, now: bool
) -> None:
    assert scheduled(fact, NOW) is ahead
    assert in_force(fact, NOW) is now
