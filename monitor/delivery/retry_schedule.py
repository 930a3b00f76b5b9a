"""Decide when a delivery that failed is tried again. Pure.

A delivery gets ten attempts in 75.6 hours: the example of Standard Webhooks. A receiver that
answers 429 or 503 may ask for more time, up to a day; nothing at all is sent to it before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from monitor.core.retry_after import retry_after_seconds

#: The wait before each attempt, after the one before.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: Waits vary by this share, so that deliveries that failed together do not come back together.
JITTER = 0.2
#: A receiver may ask to be left alone for at most this long.
LONGEST_QUIET = timedelta(hours=24)
#: The wait after a fault on our side (mail relay, proxy), which is not counted as an attempt.
POSTPONED = timedelta(seconds=30)

#: The statuses whose Retry-After counts: too many requests, and unavailable.
_MAY_ASK_FOR_TIME = (429, 503)


def is_last(number: int) -> bool:
    """Return whether no attempt follows the one of this number; they count from 1."""
    return number >= len(SCHEDULE)


def next_attempt(number: int, now: datetime, random: Callable[[], float]) -> datetime:
    """Return when the attempt after ``number`` is due. ``random`` is in [0, 1)."""
    return now + jittered(SCHEDULE[number], random)


def jittered(wait: timedelta, random: Callable[[], float]) -> timedelta:
    """Return a wait that is up to 20 % shorter or longer."""
    return wait * (1 - JITTER + 2 * JITTER * random())


def latest_attempt(now: datetime) -> datetime:
    """Return the latest time for which an attempt can be scheduled now."""
    return now + SCHEDULE[-1] * (1 + JITTER)


def requested_wait(status: int, header: str | None, now: datetime) -> float | None:
    """Return the seconds for which a receiver asks to be left alone by its Retry-After, if any."""
    if status not in _MAY_ASK_FOR_TIME:
        return None
    return retry_after_seconds(header, now, LONGEST_QUIET.total_seconds())


def quiet_until(retry_after: float, now: datetime) -> datetime:
    """Return the end of a wait of so many seconds, at most a day."""
    return now + min(timedelta(seconds=max(retry_after, 0)), LONGEST_QUIET)
