"""Which subscriptions an event concerns. Pure: rows in, yes or no out.

A filter is ``provider/model-glob[@region]``, in any case of letters:

    openai/gpt-4*        that provider's models            anthropic/*     all of a provider
    */gpt-4o*            on any platform, also under a     openai          a provider, or a model of that name
                         platform's own name for it        gpt-4o*         the same as */gpt-4o*
    bedrock/*@eu-*       in some regions only

A kind is a whole word of the list of kinds (``price``, ``price.increased``) or a glob (``price.*``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.facts import When

if TYPE_CHECKING:
    from monitor.store.tables import EventRow, SubscriptionRow

SEVERITIES = ("info", "notice", "action", "critical")

#: Kinds about the service itself: for operator targets, and nothing else is.
OPERATOR_KINDS = ("source", "endpoint")


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter, casefolded. A bare word names a provider or a model, so it has only ``model``."""

    provider: str
    model: str
    bare: bool = False

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, word: str) -> Filter:
        """The filter behind a word. Raises ValueError with one line for people."""
        folded = word.strip().casefold()
        if not folded:
            raise ValueError("a filter is empty; write provider/model, for example openai/gpt-4*")
        if any(char.isspace() or not char.isprintable() for char in folded):
            raise ValueError(f"filter {word!r} has a space in it; give each filter on its own")
        provider, slash, model = folded.partition("/")
        if not slash:
            return cls("*", folded, bare=True)
        if not provider or not model:
            raise ValueError(
                f"filter {word!r} names no {'model' if provider else 'provider'}; write provider/model or */model"
            )
        if model.startswith("@") or model.endswith("@"):
            raise ValueError(f"filter {word!r} is not provider/model-glob[@region]")
        return cls(provider, model)

    def matches(self, event: EventRow) -> bool:
        provider, region = event.provider.casefold(), event.region.casefold()
        names = {event.model.casefold()}
        if self.provider == "*":
            names.add(event.canonical.casefold().partition("/")[2])
        if self.bare and fnmatchcase(provider, self.model):
            return True
        if not fnmatchcase(provider, self.provider):
            return False
        if any(fnmatchcase(name, self.model) for name in names):  # first: ids of Vertex have an @ of their own
            return True
        glob, at, where = self.model.rpartition("@")
        return bool(at) and fnmatchcase(region, where) and any(fnmatchcase(name, glob) for name in names)


def check_kind(word: str, known: Iterable[str]) -> str:
    """The kind word, if it names any known kind. Raises ValueError with one line for people."""
    kinds = sorted(known)
    if any(_kind_matches(word, kind) for kind in kinds):
        return word
    groups = sorted({kind.partition(".")[0] for kind in kinds})
    raise ValueError(f"no kind of event is called {word!r}; there are {', '.join(groups)}, and for example {kinds[0]}")


def _kind_matches(word: str, kind: str) -> bool:
    return kind == word or kind.startswith(f"{word}.") or fnmatchcase(kind, word)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one subscription asked for, ready to be compared with many events."""

    filters: tuple[Filter, ...]
    kinds: tuple[str, ...]
    severity: int
    min_change: Decimal | None
    within: timedelta | None
    operator: bool

    @classmethod
    def of(cls, row: SubscriptionRow) -> Wanted:
        return cls(
            filters=tuple(Filter.parse(word) for word in row.filters),
            kinds=tuple(row.kinds),
            severity=SEVERITIES.index(row.severity),
            min_change=row.min_change,
            within=None if row.within is None else timedelta(days=row.within),
            operator=row.operator,
        )

    def matches(self, event: EventRow) -> bool:
        return (
            not event.baseline
            and self.operator == (event.kind.partition(".")[0] in OPERATOR_KINDS)
            and SEVERITIES.index(event.severity) >= self.severity
            and (not self.kinds or any(_kind_matches(word, event.kind) for word in self.kinds))
            # The events for operators are about sources, which have no model to filter by.
            and (self.operator or not self.filters or any(one.matches(event) for one in self.filters))
            and self._large_enough(event)
            and self._near_enough(event)
        )

    def _large_enough(self, event: EventRow) -> bool:
        """A rise or fall of at least ``min_change`` percent; from nothing to something is more than any."""
        if self.min_change is None or event.kind not in ("price.increased", "price.decreased"):
            return True
        before, after = Decimal((event.before or {})["amount"]), Decimal((event.after or {})["amount"])
        return before == 0 or abs(after - before) * 100 >= self.min_change * before

    def _near_enough(self, event: EventRow) -> bool:
        """Whether the firm date is at most ``within`` away. Without a firm date the event passes.

        The date before the change counts too: who was told of a near date must be told that it moved away.
        """
        effective = When.from_json(event.effective)
        if self.within is None or not event.kind.startswith("retirement.") or not effective or effective.bound != "on":
            return True
        before = When.from_json((event.before or {}).get("retires"))
        firm = [when for when in (effective, before) if when and when.bound == "on"]
        return any(when.starts <= event.detected_at + self.within for when in firm)
