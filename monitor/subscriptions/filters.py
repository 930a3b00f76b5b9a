"""Which subscriptions an event concerns. Pure: rows in, yes or no out.

A filter is ``provider/model-glob[@region]``, in any case of letters:

    openai/gpt-4*        that provider's models            anthropic/*     all of a provider
    */gpt-4o*            on any platform, also under a     openai          a provider, or a model of
    that name
                         platform's own name for it        gpt-4o*         the same as */gpt-4o*
    bedrock/*@eu-*       in some regions only

A name without a wildcard is that model however it is written (monitor.core.names), so that
``anthropic/claude-3-haiku`` gets the price of "Claude Haiku 3"; two ids with two dates are two
models. A notice is about every model it names. A row for several regions is about each of them.

A kind is a whole word of the list of kinds (``price``, ``price.increased``) or a glob
(``price.*``)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.core.ends import firm
from monitor.core.facts import When
from monitor.core.names import MAKERS, bare, canonical
from monitor.core.severity import SEVERITIES

if TYPE_CHECKING:
    from monitor.store.tables import EventRow, SubscriptionRow


#: Kinds about the service itself: for operator targets, and nothing else is.
OPERATOR_KINDS = ("source", "endpoint")

_WILD = re.compile(r"[*?[]")
_DAY = re.compile(r"20\d{6}")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Named:
    """One reading of what follows the provider: a glob, the regions it is for, and the model if it
    names only one.

    ``pattern`` is the glob where it has a wildcard.
    """

    glob: str
    where: str
    canonical: str
    pattern: re.Pattern[str] | None

    def names(self, event: EventRow, anywhere: bool) -> bool:
        for model in [event.model, *_told(event)]:
            known = event.canonical if model == event.model else canonical(event.provider, model)
            called = _called(event.provider, model, known, anywhere)
            if self.glob in called or (self.pattern and any(map(self.pattern.match, called))):
                return True
            if self.canonical == known.casefold() != "" and not _other_day(self.glob, model):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter, casefolded. A bare word names a provider or a model.

    ``wild`` is the provider where it has a wildcard. Each event that it matches has one of ``keys``
    among its ``_keys``; they are empty where nothing is so certain."""

    provider: str
    readings: tuple[Named, ...]
    wild: re.Pattern[str] | None
    keys: frozenset[str]
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
            return cls._read("*", folded, bare=True)
        if not provider or not model:
            raise ValueError(
                f"filter {word!r} names no {'model' if provider else 'provider'}; write "
                "provider/model or */model"
            )
        if model.startswith("@") or model.endswith("@"):
            raise ValueError(f"filter {word!r} is not provider/model-glob[@region]")
        return cls._read(provider, model)

    @classmethod
    def _read(cls, provider: str, model: str, bare: bool = False) -> Filter:
        readings, wild = _readings(provider, model), _pattern(provider)
        if not any(one.pattern for one in readings):
            keys = {key for one in readings for key in (one.glob, one.canonical) if key}
        else:
            keys = set() if wild else {f"{provider}/"}
        return cls(provider, readings, wild, frozenset(keys), bare)

    def matches(self, event: EventRow) -> bool:
        provider = event.provider.casefold()
        if provider != self.provider and not (self.wild and self.wild.match(provider)):
            return False
        return any(
            one.names(event, self.provider == "*")
            or (self.bare and fnmatchcase(provider, one.glob))
            for one in self.readings
            if not one.where or _within(event.region, one.where)
        )


def _readings(provider: str, model: str) -> tuple[Named, ...]:
    """What is meant by ``x`` and by ``x@y``, which is a model of Vertex or a region."""
    glob, at, where = model.rpartition("@")
    pairs = [(model, ""), (glob, where)] if at else [(model, "")]
    return tuple(Named(glob, where, _only(provider, glob), _pattern(glob)) for glob, where in pairs)


def _pattern(glob: str) -> re.Pattern[str] | None:
    """Compiled here, since fnmatch keeps no more than the patterns of a few hundred
    subscriptions.
    """
    return re.compile(translate(glob)) if _WILD.search(glob) else None


def _only(provider: str, glob: str) -> str:
    """The canonical id of the one model that is meant; empty for a pattern."""
    if _WILD.search(provider + glob) and not (provider == "*" and not _WILD.search(glob)):
        return ""
    return canonical("" if provider == "*" else provider, glob).casefold()


def _told(event: EventRow) -> Iterable[str]:
    """The models that a notice names."""
    return (event.after or {}).get("models") or () if event.kind == "notice.published" else ()


def _keys(event: EventRow) -> set[str]:
    """Every name by which a filter may mean an event without a wildcard, and its provider with a
    slash.
    """
    provider = event.provider.casefold()
    found = {provider, f"{provider}/"}
    for model in [event.model, *_told(event)]:
        known = event.canonical if model == event.model else canonical(event.provider, model)
        found |= _called(event.provider, model, known, True) | {known.casefold()}
    return found


@lru_cache(maxsize=1 << 14)
def _called(provider: str, model: str, known: str, anywhere: bool) -> frozenset[str]:
    """The names of a model: its provider's id, the maker's own name where that is the provider; or
    all, anywhere.
    """
    folded = model.casefold()
    maker, _, name = known.casefold().partition("/")
    names = {folded, _SPACE.sub("-", folded)}
    if anywhere or maker == MAKERS.get(provider.casefold(), provider.casefold()):
        names.add(name)
    if anywhere:
        names.add(bare(provider.casefold(), model))
    return frozenset(names)


def _other_day(one: str, other: str) -> bool:
    """Whether two ids are dated differently: one name on Anthropic's pages of prices may be two
    models.
    """
    days = _DAY.findall(one), _DAY.findall(other)
    return all(days) and days[0] != days[1]


def _within(region: str, where: str) -> bool:
    return any(
        fnmatchcase(one, where) for one in {region.casefold(), *region.casefold().split(", ")}
    )


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

    filters: tuple[Filter, ...]
    kinds: tuple[str, ...]
    surfaces: frozenset[str]
    severity: int
    min_change: Decimal | None
    within: timedelta | None
    operator: bool

    @classmethod
    def of(cls, row: SubscriptionRow) -> Wanted:
        return cls(
            filters=tuple(Filter.parse(word) for word in row.filters),
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
            filters=tuple(Filter.parse(word) for word in json.loads(filters)),
            kinds=tuple(json.loads(kinds)),
            surfaces=frozenset(json.loads(surfaces)),
            severity=SEVERITIES.index(severity),
            min_change=min_change,
            within=None if within is None else timedelta(days=within),
            operator=operator,
        )

    def matches(self, event: EventRow) -> bool:
        return (
            not event.baseline
            and self.operator == is_operators(event)
            and SEVERITIES.index(event.severity) >= self.severity
            and (not self.kinds or any(_kind_matches(word, event.kind) for word in self.kinds))
            # The events for operators are about sources, which have no model to filter by.
            and (
                self.operator or not self.filters or any(one.matches(event) for one in self.filters)
            )
            and (self.operator or not self.surfaces or event.surface in self.surfaces)
            and self._large_enough(event)
            and self._near_enough(event)
        )

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
        if is_operators(event):
            near = self._operators
        else:
            near = sorted(
                {
                    *self._rest,
                    *(place for key in _keys(event) for place in self._named.get(key, ())),
                }
            )
        return [place for place in near if self.wanted[place].matches(event)]


def is_operators(event: EventRow) -> bool:
    """Whether an event is about the service itself."""
    return event.kind.partition(".")[0] in OPERATOR_KINDS
