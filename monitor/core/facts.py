"""Hold the statements of a provider: When, and the facts Listing, Retirement, Price and Notice.

Values only: frozen, comparable, without a clock. Two facts are about the same thing when their
``key`` is equal, and say the same when their ``value`` is equal; wording (``quote``, ``note``,
``When.words``) belongs to neither, so that a reworded page is not a change.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal, Self

Bound = Literal["on", "not_before", "by"]
Stage = Literal["active", "legacy", "deprecated", "retired"]
Json = dict[str, Any]

_WHEN = re.compile(
    r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<hour>\d\d):(?P<minute>\d\d)Z)?)?)?"
)


@dataclass(frozen=True, slots=True)
class When:
    """A date exactly as vague as the provider made it.

    ``text`` is ``2026``, ``2026-Q3``, ``2026-08``, ``2026-08-16`` or ``2026-05-15T19:00Z``; it is
    never padded with a guess. ``bound`` says whether the thing happens on it, not before it, or by
    it. ``words`` is what the page printed. Equality is about ``text`` and ``bound`` alone."""

    text: str
    bound: Bound = "on"
    words: str = ""

    def __post_init__(self) -> None:
        self.starts  # noqa: B018  a date that does not exist must not be built

    def __eq__(self, other: object) -> bool:
        return isinstance(other, When) and (self.text, self.bound) == (other.text, other.bound)

    def __hash__(self) -> int:
        return hash((self.text, self.bound))

    def __str__(self) -> str:
        return {"on": "", "not_before": "not before ", "by": "by "}[self.bound] + self.text

    @property
    def starts(self) -> datetime:
        """The first instant (UTC) that the text can mean."""
        match = _WHEN.fullmatch(self.text)
        if not match:
            raise ValueError(f"not a date text: {self.text!r}")
        part = {name: int(value) for name, value in match.groupdict().items() if value}
        month = part["quarter"] * 3 - 2 if "quarter" in part else part.get("month", 1)
        return datetime(
            part["year"],
            month,
            part.get("day", 1),
            part.get("hour", 0),
            part.get("minute", 0),
            tzinfo=UTC,
        )

    @property
    def ends(self) -> datetime:
        """The first instant (UTC) after everything the text can mean; for a time of day, the time
        itself.
        """
        first = self.starts
        if (
            first.year == MAXYEAR
        ):  # OpenRouter prints 9999-01-01 for "never", and the calendar has nothing after it
            return datetime.max.replace(tzinfo=UTC)
        match len(self.text):
            case 4:
                return first.replace(year=first.year + 1)
            case 7 if "Q" in self.text:
                return (first.replace(day=1) + timedelta(days=95)).replace(day=1)
            case 7:
                return (first + timedelta(days=32)).replace(day=1)
            case 10:
                return first + timedelta(days=1)
            case _:
                return first

    def to_json(self) -> Json:
        return {"text": self.text, "bound": self.bound, "words": self.words}

    @classmethod
    def from_json(cls, data: Json | None) -> When | None:
        return cls(data["text"], data["bound"], data["words"]) if data else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement of a provider about one offering.

    ``model`` is the provider's own id, verbatim (or the name the page prints, where it prints no
    id). ``surface`` is ``api`` unless the page says otherwise. ``quote`` is the row or sentence it
    was read from. ``provider`` is stamped by the core, never by an adapter."""

    fact: ClassVar[str]
    #: Fields beyond the offering that tell facts apart, and those whose change is news.
    identifying: ClassVar[tuple[str, ...]] = ()
    telling: ClassVar[tuple[str, ...]] = ()

    model: str
    version: str = ""
    region: str = ""
    surface: str = "api"
    note: str = ""
    quote: str = ""
    provider: str = ""

    @property
    def key(self) -> str:
        """Identity within its provider: one JSON array, so that it sorts, prints and stores as
        text.
        """
        named = (getattr(self, name) for name in self.identifying)
        texts = [str(value) if value is not None else "" for value in named]
        return json.dumps(
            [self.fact, self.model, self.version, self.region, self.surface, *texts],
            ensure_ascii=False,
        )

    @property
    def value(self) -> tuple[object, ...]:
        """Return the content of the fact, without its wording."""
        return tuple(getattr(self, name) for name in self.telling)

    def stamped(self, provider: str) -> Self:
        return replace(self, provider=provider)

    def to_json(self) -> Json:
        """The public form (INTERFACE, "A fact"): head, own fields, then note and quote."""
        head = ("provider", "model", "version", "region", "surface")
        own = [f.name for f in fields(self) if f.name not in (*head, "note", "quote")]
        return {"fact": self.fact} | {
            name: _plain(getattr(self, name)) for name in (*head, *own, "note", "quote")
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Fact):
    """A model exists. Sizes are in tokens, ``created`` as the provider dates it; None is unknown,
    not zero.
    """

    fact: ClassVar[str] = "listing"
    telling: ClassVar[tuple[str, ...]] = ("context_window", "max_output", "modalities", "alias_of")

    name: str = ""
    context_window: int | None = None
    max_output: int | None = None
    modalities: tuple[str, ...] = ()
    created: When | None = None
    alias_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement(Fact):
    """How far a model is on its way out. ``term`` is the provider's own word for ``stage``."""

    fact: ClassVar[str] = "retirement"
    telling: ClassVar[tuple[str, ...]] = (
        "stage",
        "announced",
        "deprecated",
        "retires",
        "replacements",
    )

    term: str = ""
    stage: Stage
    announced: When | None = None
    deprecated: When | None = None
    retires: When | None = None
    replacements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Fact):
    """One amount for one unit under one condition. Everything but ``amount`` is its key.

    ``amount`` is a Decimal made from the page's text. ``per`` comes from the closed list ``PER``.
    """

    fact: ClassVar[str] = "price"
    identifying: ClassVar[tuple[str, ...]] = (
        "meter",
        "currency",
        "per",
        "tier",
        "context",
        "window",
        "starts",
        "ends",
    )
    telling: ClassVar[tuple[str, ...]] = ("amount",)

    meter: str
    amount: Decimal
    currency: str = "USD"
    per: str
    tier: str = "standard"
    context: str = ""
    window: str = ""
    starts: When | None = None
    ends: When | None = None

    def __post_init__(self) -> None:
        if self.per not in PER:
            raise ValueError(f"unknown unit of a price: {self.per!r}")
        if not self.amount.is_finite() or self.amount < 0:
            raise ValueError(f"not an amount: {self.amount}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Fact):
    """Something a provider published. ``models`` are ids it names, verbatim. Feeds slide: a notice
    never ends.
    """

    fact: ClassVar[str] = "notice"
    identifying: ClassVar[tuple[str, ...]] = ("title", "published")
    telling: ClassVar[tuple[str, ...]] = ()

    model: str = ""
    title: str
    link: str = ""
    published: When | None = None
    summary: str = ""
    models: tuple[str, ...] = ()


FACTS: dict[str, type[Fact]] = {kind.fact: kind for kind in (Listing, Retirement, Price, Notice)}

#: Units a price can be for. Closed: a page with another unit is unreadable until somebody adds it
#: here.
PER = frozenset(
    {
        "1M tokens",
        "1K tokens",
        "1M tokens per hour",
        "1M characters",
        "1K characters",
        "image",
        "1K images",
        "second",
        "minute",
        "hour",
        "page",
        "1K pages",
        "request",
        "1K requests",
        "1K searches",
        "session",
        "container",
        "task",
        "GB per day",
        "1M pixels",
        "song",
        "video",
        "frame",
        "10 seconds",
    }
)


def from_json(data: Json) -> Fact:
    """The fact behind its public JSON, as ``to_json`` made it; anything else raises what it
    stumbles over first.
    """
    kind = FACTS[data["fact"]]
    names = {f.name for f in fields(kind)}
    values: Json = {name: value for name, value in data.items() if name in names}
    for name, value in values.items():
        if name in ("announced", "deprecated", "retires", "starts", "ends", "created", "published"):
            values[name] = When.from_json(value)
        elif isinstance(value, list):
            values[name] = tuple(value)
        elif name == "amount":
            values[name] = Decimal(value)
    return kind(**values)


def _plain(value: object) -> object:
    match value:
        case When():
            return value.to_json()
        case tuple():
            return list(value)
        case Decimal():
            return format(value, "f")
        case _:
            return value
