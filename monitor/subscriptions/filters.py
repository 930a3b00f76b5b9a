"""Which subscriptions an event concerns. Pure: rows in, yes or no out.

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


#: Kinds about the service itself: for operator targets, and nothing else is.
OPERATOR_KINDS = ("source", "endpoint")


def check_kind(word: str, known: Iterable[str]) -> str:
    """The kind word, if it names any known kind. Raises ValueError with one line for people."""
    kinds = sorted(known)
    if any(_kind_matches(word, kind) for kind in kinds):
        return word
    groups = sorted({kind.partition(".")[0] for kind in kinds})
    raise ValueError(
        f"no kind of event is called {word!r}; there are {', '.join(groups)}, and for example "
        f"{kinds[0]}"
    )


def _kind_matches(word: str, kind: str) -> bool:
    return kind == word or kind.startswith(f"{word}.") or fnmatchcase(kind, word)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one subscription asked for, ready to be compared with many events."""

    filters: tuple[Pattern, ...]
    kinds: tuple[str, ...]
    surfaces: frozenset[str]
    severity: int
    min_change: Decimal | None
    within: timedelta | None
    operator: bool

    @classmethod
    def of(cls, row: SubscriptionRow) -> Wanted:
        return cls(
            filters=tuple(Pattern.parse(word) for word in row.filters),
            kinds=tuple(row.kinds),
            surfaces=frozenset(row.surfaces),
            severity=SEVERITIES.index(row.severity),
            min_change=row.min_change,
            within=None if row.within is None else timedelta(days=row.within),
            operator=row.operator,
        )

    @classmethod
    @lru_cache(maxsize=1 << 14)
    def read(
        cls,
        filters: str,
        kinds: str,
        surfaces: str,
        severity: str,
        min_change: Decimal | None,
        within: int | None,
        operator: bool,
    ) -> Wanted:
        """As ``of``, from the lists as the JSON that lies in the database: a thousand rows say the
        same every time.
        """
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
        """Return whether a subscription wants an event; ``subject`` is what that is about, for
        callers that ask about one event many times.
        """
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
        """Whether a price moves by at least ``min_change`` percent.

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
        """Whether the firm date of a retirement is at most ``within`` away. Without a firm date the
        event passes.

        The date before the change counts too: who was told of a near date must be told that it
        moved away. Reminders are held to it as well: none comes earlier than a person wants to hear
        of the end at all."""
        if self.within is None or not event.kind.startswith("retirement."):
            return True
        effective = When.from_json(event.effective)
        if not firm(effective):
            return True
        before = When.from_json((event.before or {}).get("retires"))
        dates = [when for when in (effective, before) if firm(when)]
        return any(when.starts <= event.detected_at + self.within for when in dates)


class Audience:
    """Many subscriptions, by what they ask for: an event is compared only with those that may want
    it.
    """

    def __init__(self, wanted: Sequence[Wanted]):
        self.wanted = wanted
        self._named: dict[str, list[int]] = defaultdict(list)
        self._rest: list[int] = []
        self._operators: list[int] = []
        for place, one in enumerate(wanted):
            keys = [each.keys for each in one.filters]
            if one.operator:
                self._operators.append(place)
            elif not keys or not all(keys):
                self._rest.append(place)
            else:
                for key in set().union(*keys):
                    self._named[key].append(place)

    def of(self, event: EventRow) -> list[int]:
        """The places of those that want an event, in order."""
        subject = Subject.of_event(event)
        if is_operators(event):
            near = self._operators
        else:
            keys = subject.keys()
            near = sorted(
                {*self._rest, *(place for key in keys for place in self._named.get(key, ()))}
            )
        return [place for place in near if self.wanted[place].matches(event, subject)]


def is_operators(event: EventRow) -> bool:
    """Whether an event is about the service itself."""
    return event.kind.partition(".")[0] in OPERATOR_KINDS
