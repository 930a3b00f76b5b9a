"""Decide which reminders of retirements are due. Pure.

    the end of a model, as official pages state it     a subscription, and the marks it asked for
                      \\                                  /
             the latest mark that has passed, if it came after both

Only a printed day is counted down: a floor promises no retirement, and a month has no day. After an
outage only the latest mark is sent, once. A mark is not sent if its day was over when the
subscription was made, or before the page stated this date: the announcement has said it. A date
that moves starts its marks again.

A reminder is due from the beginning of its day, in UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.core.facts import Retirement, When

#: Days before the end, for who asked for no others.
USUAL = (90, 60, 30, 14, 7, 1, 0)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class End:
    """A retirement that stands on a page of ``source_id``, its day, and since when it is stated
    with that.
    """

    fact: Retirement
    retires: When
    source_id: str
    since: datetime
    document: str = ""

    @property
    def day(self) -> datetime:
        """Its beginning, in UTC."""
        return self.retires.starts.replace(hour=0, minute=0)

    @property
    def subject(self) -> str:
        """The name of the retirement, as threads and acknowledgements keep it."""
        return f"{self.fact.provider} {self.fact.key}"


@dataclass(frozen=True, slots=True)
class Mute:
    """Mute the reminders of a retirement at ``retires``: the marks before ``until``, or all if that
    is None.
    """

    retires: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Hold a subscription: its marks, since when it has them, its filter, and its mutes."""

    id: str
    since: datetime
    matches: Callable[[Reminder], bool]
    marks: tuple[int, ...] = USUAL
    mutes: Mapping[str, Mute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One mark of one end."""

    end: End
    mark: int


def due(
    ends: Iterable[End],
    subscriptions: Iterable[Subscriber],
    now: datetime,
    sent: Callable[[Reminder], bool],
) -> dict[Reminder, list[str]]:
    """Return the due reminders that were not ``sent`` yet, with the ids of their subscriptions."""
    alike: dict[tuple[int, ...], list[Subscriber]] = defaultdict(list)
    for subscription in subscriptions:
        alike[subscription.marks].append(subscription)
    reminders: dict[Reminder, list[str]] = defaultdict(list)
    for end in _offerings(ends):
        for marks, group in alike.items():
            mark = _latest(end, marks, now)
            if mark is None or sent(reminder := Reminder(end, mark)):
                continue
            for subscription in group:
                if (
                    _at(end, mark) + _DAY > subscription.since
                    and not _silenced(reminder, subscription)
                    and subscription.matches(reminder)
                ):
                    reminders[reminder].append(subscription.id)
    return dict(reminders)


def _offerings(ends: Iterable[End]) -> Iterator[End]:
    """Each offering once, however many pages state its end: the one that states the earliest
    day.
    """
    first: dict[str, End] = {}
    for end in sorted(ends, key=lambda end: (end.day, end.since)):
        first.setdefault(end.subject.casefold(), end)
    yield from first.values()


def _latest(end: End, marks: Iterable[int], now: datetime) -> int | None:
    """The last mark that has passed, unless it had before the page stated this day."""
    mark = min((mark for mark in marks if _at(end, mark) <= now), default=None)
    return mark if mark is not None and _at(end, mark) > end.since else None


def _silenced(reminder: Reminder, subscription: Subscriber) -> bool:
    mute = subscription.mutes.get(reminder.end.subject)
    if mute is None or mute.retires != reminder.end.retires.text:
        return False
    return mute.until is None or _at(reminder.end, reminder.mark) < mute.until


def _at(end: End, mark: int) -> datetime:
    return end.day - mark * _DAY
