"""Decide which subscriptions want an event. Pure.

A filter is a pattern of models (monitor.core.patterns). A kind is a whole word of the list of kinds
(``price``, ``price.increased``) or a glob (``price.*``)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.core.ends import firm
from monitor.core.facts import When
from monitor.core.patterns import Pattern, Subject
from monitor.core.severity import SEVERITIES

if TYPE_CHECKING:
    from monitor.store.tables import EventRow, SubscriptionRow

#: Kinds of events about the service itself: operator targets get them, and no others.
OPERATOR_KINDS = ("source", "endpoint")
#: The columns that EventFilter.from_columns takes, in this order; the first three as JSON.
COLUMNS = ("filters", "kinds", "surfaces", "severity", "min_change", "within", "operator")


def check_kind(word: str, kinds: Iterable[str]) -> str:
    """Return the word of a kind, if it names any. Raise ValueError with one line for people."""
    kinds = sorted(kinds)
    if any(_kind_matches(word, kind) for kind in kinds):
        return word
    groups = sorted({kind.partition(".")[0] for kind in kinds})
    raise ValueError(
        f"no kind of event is called {word!r}; there are {', '.join(groups)}, and for example "
        f"{kinds[0]}"
    )


def is_operators(event: EventRow) -> bool:
    """Return whether an event is about the service itself."""
    return event.kind.partition(".")[0] in OPERATOR_KINDS


def _kind_matches(word: str, kind: str) -> bool:
    return kind == word or kind.startswith(f"{word}.") or fnmatchcase(kind, word)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The events that one subscription wants, ready to be compared with many events."""

    filters: tuple[Pattern, ...]
    kinds: tuple[str, ...]
    surfaces: frozenset[str]
    severity: int
    min_change: Decimal | None
    within: timedelta | None
    operator: bool

    @classmethod
    def of(cls, row: SubscriptionRow) -> EventFilter:
        """Return the filter of a subscription."""
        lists = (json.dumps(words) for words in (row.filters, row.kinds, row.surfaces))
        return cls.from_columns((*lists, row.severity, row.min_change, row.within, row.operator))

    @classmethod
    @lru_cache(maxsize=1 << 14)
    def from_columns(
        cls, columns: tuple[str, str, str, str, Decimal | None, int | None, bool]
    ) -> EventFilter:
        """Return the filter behind plain columns (COLUMNS).

        It is cached, because many targets have the same filters."""
        filters, kinds, surfaces, severity, min_change, within, operator = columns
        return cls(
            filters=tuple(Pattern.parse(word) for word in json.loads(filters)),
            kinds=tuple(json.loads(kinds)),
            surfaces=frozenset(json.loads(surfaces)),
            severity=SEVERITIES.index(severity),
            min_change=min_change,
            within=None if within is None else timedelta(days=within),
            operator=operator,
        )

    def matches(self, event: EventRow, subject: Subject | None = None) -> bool:
        """Return whether a subscription wants an event.

        ``subject`` is what the event is about, for callers that compare one event many times."""
        return (
            not event.baseline
            and self.operator == is_operators(event)
            and SEVERITIES.index(event.severity) >= self.severity
            and (not self.kinds or any(_kind_matches(word, event.kind) for word in self.kinds))
            # The events for operators are about sources, which have no model to filter by.
            and (self.operator or not self.filters or self._names(event, subject))
            and (self.operator or not self.surfaces or event.surface in self.surfaces)
            and self._large_enough(event)
            and self._near_enough(event)
        )

    def _names(self, event: EventRow, subject: Subject | None) -> bool:
        subject = subject or Subject.of_event(event)
        return any(pattern.matches(subject) for pattern in self.filters)

    def _large_enough(self, event: EventRow) -> bool:
        """Return whether a price moves by at least ``min_change`` percent.

        A change of its validity alone (``price.changed``) moves it by nothing. Where nobody can say
        by how much it moves, the event passes: a price that is new, gone, announced or taken back,
        one that was zero, and one in another currency or for another unit, which is a price gone
        and a new one."""
        if (
            self.min_change is None
            or not event.kind.startswith("price.")
            or not event.before
            or not event.after
        ):
            return True
        before, after = Decimal(event.before["amount"]), Decimal(event.after["amount"])
        moved = abs(after - before) * 100
        return moved >= self.min_change * before and (moved > 0 or self.min_change == 0)

    def _near_enough(self, event: EventRow) -> bool:
        """Return whether the firm date of a retirement is at most ``within`` away.

        Without a firm date the event passes. The date before the change counts too: a target that
        got a near date must hear that it moved away. Reminders are held to it as well."""
        if self.within is None or not event.kind.startswith("retirement."):
            return True
        effective = When.from_json(event.effective)
        if not firm(effective):
            return True
        before = When.from_json((event.before or {}).get("retires"))
        dates = [when for when in (effective, before) if firm(when)]
        return any(when.starts <= event.detected_at + self.within for when in dates)


class Audience:
    """Many subscriptions, by the keys of their patterns: an event is compared only with those that
    may want it.
    """

    def __init__(self, filters: Sequence[EventFilter]):
        self.filters = filters
        self._by_key: dict[str, list[int]] = defaultdict(list)
        self._without_keys: list[int] = []
        self._operators: list[int] = []
        for place, event_filter in enumerate(filters):
            keys = [pattern.keys for pattern in event_filter.filters]
            if event_filter.operator:
                self._operators.append(place)
            elif not keys or not all(keys):
                self._without_keys.append(place)
            else:
                for key in set().union(*keys):
                    self._by_key[key].append(place)

    def of(self, event: EventRow) -> list[int]:
        """Return the places of the filters that match an event, in order."""
        subject = Subject.of_event(event)
        if is_operators(event):
            candidates = self._operators
        else:
            keys = subject.keys()
            by_key = (place for key in keys for place in self._by_key.get(key, ()))
            candidates = sorted({*self._without_keys, *by_key})
        return [place for place in candidates if self.filters[place].matches(event, subject)]
