"""When something ends: firm, near, over, and the days left. The one place that decides this. Pure.

A floor ("not before 2026-09-29") promises only that nothing ends earlier. It is never firm, never
near, never over, and nobody counts its days down."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from monitor.core.facts import Fact, Price, Retirement, When

#: A firm date at most this far ahead is near.
NEAR = timedelta(days=30)
#: The length of a date text that names a day (``2026-08-16``); months and quarters are shorter.
_DAY = len("2026-08-16")
_LONG_AGO, _FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def firm(end: When | None) -> TypeGuard[When]:
    """Return True for a date on which or by which something ends; False for a floor or no date."""
    return end is not None and end.bound != "not_before"


def passed(end: When | None, now: datetime) -> bool:
    """Return True if a firm date is certainly over: everything that its text can mean has gone."""
    return firm(end) and end.ends <= now


def near(end: When | None, now: datetime) -> bool:
    """Return True if a firm date starts within ``NEAR``, or lies in the past."""
    return firm(end) and end.starts - now <= NEAR


def is_day(end: When) -> bool:
    """Return True if a date names a day, perhaps with a time; False for a month or longer."""
    return len(end.text) >= _DAY


def days_left(end: When | None, now: datetime) -> int | None:
    """Return the days to a firm day, negative after it. Return None for anything else."""
    if not firm(end) or not is_day(end):
        return None
    return (end.starts.date() - now.date()).days


def over(fact: Retirement, now: datetime) -> bool:
    """Return True if a model is retired: its page says so, or its firm date has passed."""
    return fact.stage == "retired" or passed(fact.retires, now)


def leaving(fact: Retirement) -> bool:
    """Return True if a model is on its way out, or gone."""
    return fact.stage in ("deprecated", "retired") or firm(fact.retires)


def coming_day(fact: Retirement, now: datetime) -> When | None:
    """Return the firm day on which a model that is not over retires; None if there is none."""
    return None if over(fact, now) or days_left(fact.retires, now) is None else fact.retires


def available_until(fact: Retirement) -> datetime:
    """Return the instant until which a model is there.

    A model without a firm date is there for ever. One that retired on an unstated day left long
    ago."""
    if firm(fact.retires):
        return fact.retires.starts
    return _LONG_AGO if fact.stage == "retired" else _FOR_EVER


def ends_by_model(facts: Iterable[Fact]) -> dict[str, Retirement]:
    """Return the latest retirement of each model in the API, by its folded id."""
    retirements: dict[str, Retirement] = {}
    for fact in facts:
        if isinstance(fact, Retirement) and fact.surface == "api":
            name = fact.model.casefold()
            retirements[name] = max(retirements.get(name, fact), fact, key=available_until)
    return retirements


def ended_since(fact: Fact, since: datetime, now: datetime) -> bool:
    """Return True if a price or a model ended by its own date after ``since``."""
    match fact:
        case Price(ends=end) | Retirement(retires=end):
            return end is not None and passed(end, now) and end.ends > since
    return False


def scheduled(price: Price, now: datetime) -> bool:
    """Return True if a price starts later."""
    return price.starts is not None and price.starts.starts > now


def in_force(price: Price, now: datetime) -> bool:
    """Return True if a price has started and has not ended."""
    return not scheduled(price, now) and not passed(price.ends, now)
