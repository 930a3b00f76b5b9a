"""Which reminders of retirements are due. Pure.

    the end of a model, as official pages state it     a subscription, and the marks it asked for
                      \\                                  /
             the latest mark that has passed, if it came after both

Only a day that a page prints is counted down: a floor promises no end, and a month has no day.
After an outage only the latest mark is told, once. A mark whose day was over when the subscription
asked is not, nor one that lay before the page stated this end: the announcement has told it. A date
that moves begins its marks anew.

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
class Heard:
    """Somebody has heard enough of an end at ``retires``; of the marks before ``until``, or of all
    if that is None.
    """

    retires: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A subscription: its marks, since when it asks for them, which ends it wants, and what it has
    heard enough of.
    """

    id: str
    since: datetime
    wants: Callable[[Reminder], bool]
    marks: tuple[int, ...] = USUAL
    heard: Mapping[str, Heard] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One mark of one end."""

    end: End
    mark: int


def due(
    ends: Iterable[End], asked: Iterable[Asked], now: datetime, told: Callable[[Reminder], bool]
) -> dict[Reminder, list[str]]:
    """The reminders that are due and were not ``told`` yet, each with the subscriptions that are to
    hear it.
    """
    alike: dict[tuple[int, ...], list[Asked]] = defaultdict(list)
    for one in asked:
        alike[one.marks].append(one)
    found: dict[Reminder, list[str]] = defaultdict(list)
    for end in _offerings(ends):
        for marks, subscriptions in alike.items():
            mark = _latest(end, marks, now)
            if mark is None or told(reminder := Reminder(end, mark)):
                continue
            for one in subscriptions:
                if (
                    _at(end, mark) + _DAY > one.since
                    and not _silenced(reminder, one)
                    and one.wants(reminder)
                ):
                    found[reminder].append(one.id)
    return dict(found)


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


def _silenced(one: Reminder, asked: Asked) -> bool:
    heard = asked.heard.get(one.end.subject)
    if heard is None or heard.retires != one.end.retires.text:
        return False
    return heard.until is None or _at(one.end, one.mark) < heard.until


def _at(end: End, mark: int) -> datetime:
    return end.day - mark * _DAY
