"""Decide when a source is polled next, and which time a page is read at. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.errors import FetchFailed, LastcallError
from monitor.polling.fetch import Fetched
from monitor.polling.http_rules import server_time

#: The longest wait after failures in a row, unless the server asks for more or the cadence is
#: longer.
MAX_BACKOFF = timedelta(hours=6)
#: The delay before the confirming poll of a change, where the cadence is longer.
CONFIRM_AFTER = timedelta(minutes=15)
#: The share of a cadence after which a poll counts as a full interval later than the one before:
#: next_due spreads polls by a tenth.
FULL_INTERVAL = 0.8
#: How far our clock may be ahead of a server's and still decide that a day is over.
MAX_AHEAD = timedelta(days=1)
#: A server's clock is ignored if it is further than this behind both our clock and the time of the
#: last good poll.
MAX_BEHIND = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PollTimes:
    """Hold the time of a poll, and when the source is due again.

    ``confirm_at`` is when it is due if a change needs nothing but a second poll; None: not
    earlier."""

    now: datetime
    due_at: datetime
    confirm_at: datetime | None = None

    def next_at(self, *, confirm: bool) -> datetime:
        """Return when the source is due again."""
        return min(self.due_at, self.confirm_at) if confirm and self.confirm_at else self.due_at


def next_due(
    now: datetime,
    every: timedelta,
    outcome: Fetched | LastcallError,
    failures: int,
    chance: Callable[[], float],
) -> datetime:
    """Return when a source is to be polled again.

    ``failures`` counts the failures in a row, this one included; ``chance`` returns a number in
    [0, 1). After an answer: the cadence, 10 % more or less so that sources spread out, or later if
    the server asks so. After a failure: twice as long each time, up to MAX_BACKOFF. Polling a
    source never stops."""
    delay = every * (0.9 + 0.2 * chance())
    requested = 0.0
    if isinstance(outcome, Fetched | FetchFailed):
        requested = outcome.retry_after or 0.0
    if isinstance(outcome, Fetched):
        requested = max(requested, outcome.max_age or 0.0)
    else:
        delay = min(delay * 2 ** min(failures, 16), MAX_BACKOFF)
    return now + max(delay, timedelta(seconds=requested))


def is_full_interval(counted_at: datetime | None, now: datetime, every: timedelta) -> bool:
    """Return whether a poll comes a full interval after the last one that counted as one."""
    return counted_at is None or now - counted_at >= every * FULL_INTERVAL


def count_from(counted_at: datetime | None, now: datetime, *, full_interval: bool) -> datetime:
    """Return the time from which the next interval counts. A clock that was set back starts it
    anew.
    """
    return now if full_interval or counted_at is None else min(counted_at, now)


def page_time(now: datetime, fetched: Fetched, good_at: datetime | None) -> datetime:
    """Return the time at which a page is read: our clock's, but never far ahead of the server's.

    By this time retirements are over: a clock of ours that is a year ahead must not retire every
    model. ``good_at`` is the last good poll of the source. A server without a clock (an archive) is
    no check, and neither is one whose clock is wrong itself: years behind both our clock and
    ``good_at``."""
    theirs = server_time(fetched.date, fetched.age)
    if theirs is None or theirs + MAX_BEHIND < min(now, good_at or now):
        return now
    return min(now, theirs + MAX_AHEAD)
