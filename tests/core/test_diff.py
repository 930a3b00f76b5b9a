"""Comparing two snapshots (monitor.core.diff)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.diff import Change, diff, factor, snapshot
from monitor.core.facts import Fact, Price, Retirement
from tests.support.strategies import pages


@given(pages())
def test_the_same_page_is_no_change(page: dict[str, Fact]) -> None:
    assert diff(page, page) == []


@given(pages(), pages(), st.randoms(use_true_random=False))
def test_order_does_not_matter(before: dict[str, Fact], after: dict[str, Fact], chance) -> None:
    facts = list(after.values())
    shuffled = chance.sample(facts, len(facts))
    assert diff(before, snapshot(facts)) == diff(before, snapshot(shuffled))


def test_wording_and_trailing_zeros_are_no_change() -> None:
    old = Price(model="m", meter="input", per="1M tokens", amount=Decimal("1.6"), quote="$1.6")
    new = Price(
        model="m", meter="input", per="1M tokens", amount=Decimal("1.60"), quote="**$1.60**"
    )
    assert diff(snapshot([old]), snapshot([new])) == []
    rows = [
        Retirement(model="m", stage="active", term=term, quote=term)
        for term in ("Active", "active")
    ]
    assert diff(snapshot(rows[:1]), snapshot(rows[1:])) == []


def test_a_change_is_about_something() -> None:
    with pytest.raises(ValueError, match="before or an after"):
        _ = Change(None, None).fact


@pytest.mark.parametrize(
    ("before", "after", "times"),
    [
        ("2", "4", "2"),
        ("4", "2", "2"),
        ("2", "2.0", "1"),
        ("0", "0.00", "1"),
        ("0", "5", "Infinity"),
        ("5", "0", "Infinity"),
    ],
)
def test_the_factor_of_two_amounts(before: str, after: str, times: str) -> None:
    assert factor(Decimal(before), Decimal(after)) == Decimal(times)
