"""Read the options of a subscription as a person writes them. Pure; a wrong word is one line.

The command line and Slack's slash command read the same options. They replace those from before: a
filter, a kind or a day that is not named is not wanted any more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.interpret import KINDS
from monitor.core.patterns import Pattern
from monitor.core.reminders import USUAL
from monitor.core.severity import SEVERITIES
from monitor.subscriptions.filters import check_kind

#: A mute without an end is a subscription that nobody remembers.
LONGEST_MUTE = timedelta(days=366)
THREADS = ("off", "updates", "all")

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
    """The options of a target, checked: values for the columns of its subscription.

    ``within`` and ``reminders`` are in days; None means any distance, and the usual days. Times of
    day are HH:MM in ``timezone``."""

    filters: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    severity: str = "info"
    min_change: Decimal | None = None
    within: int | None = None
    reminders: tuple[int, ...] | None = None
    digest: str = ""
    quiet_from: str = ""
    quiet_to: str = ""
    timezone: str = "UTC"
    operator: bool = False
    threads: str = "updates"

    def columns(self, names: Collection[str] | None = None) -> dict[str, Any]:
        """Return the columns, or those of these options; ``quiet`` is one option of two columns."""
        columns: dict[str, Any] = {}
        for field in fields(self):
            option = "quiet" if field.name.startswith("quiet_") else field.name
            if names is None or option in names:
                value = getattr(self, field.name)
                columns[field.name] = list(value) if isinstance(value, tuple) else value
        return columns


def parse_options(
    filters: Iterable[str] = (), texts: Mapping[str, str] | None = None, operator: bool = False
) -> SubscriptionOptions:
    """Read filters, and the texts of the other options by their names.

    Raise ValueError with one line for people."""
    texts = texts or {}

    def text(name: str) -> str:
        return texts.get(name) or ""

    threads = parse_threads(texts.get("threads", "updates"))
    quiet_from, quiet_to = _quiet(text("quiet"))
    return SubscriptionOptions(
        filters=_filters(filters),
        kinds=tuple(check_kind(word, KINDS) for word in _words(text("kinds"))),
        surfaces=tuple(_surface(word) for word in _words(text("surfaces"))),
        severity=_one_of(texts.get("severity", "info"), SEVERITIES, "severity"),
        min_change=_percent(text("min_change")) if text("min_change") else None,
        within=_days(text("within")) if text("within") else None,
        reminders=_reminders(text("reminders")) if text("reminders") else None,
        digest=_digest(text("digest")),
        quiet_from=quiet_from,
        quiet_to=quiet_to,
        timezone=_zone(text("timezone")),
        operator=operator,
        threads=threads,
    )


def parse_threads(text: str) -> str:
    """Read how later changes of a retirement go under its message in Slack. Raise ValueError."""
    return _one_of(text, THREADS, "way to thread")


def mute_until(text: str, now: datetime) -> datetime | None:
    """Return the end of a mute: ``7d``, ``12h``, ``2w``; None for ``off``. Raise ValueError."""
    word = text.strip().lower()
    if word == "off":
        return None
    match = _SPAN.fullmatch(word)
    if not match or not timedelta(0) < (span := int(match[1]) * _UNITS[match[2]]) <= LONGEST_MUTE:
        raise ValueError(f"{text!r} is no pause; write for example 7d, 12h or off, at most a year")
    return now + span


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))


def _filters(words: Iterable[str]) -> tuple[str, ...]:
    filters = tuple(dict.fromkeys(words))
    for word in filters:
        Pattern.parse(word)
    return filters


def _one_of(word: str, choices: Iterable[str], what: str) -> str:
    folded = word.strip().lower()
    if folded not in choices:
        raise ValueError(f"{word!r} is no {what}; there are {', '.join(choices)}")
    return folded


def _surface(word: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", word):
        raise ValueError(f"{word!r} is no surface; write for example api or fine-tuning")
    return word


def _percent(text: str) -> Decimal:
    # Digits and nothing else: 1e999999 is a Decimal too, and comparing any price with it is an
    # error.
    match = re.fullmatch(r"(\d{1,6}(\.\d{1,6})?)\s*%?", text.strip())
    if not match:
        raise ValueError(f"{text!r} is no percentage of change; write for example 5%")
    return Decimal(match[1])


def _days(text: str) -> int:
    match = re.fullmatch(r"(\d{1,4})([dw]?)", text.strip().lower())
    if not match:
        raise ValueError(f"{text!r} is no number of days; write for example 90d")
    return int(match[1]) * (7 if match[2] == "w" else 1)


def _reminders(text: str) -> tuple[int, ...] | None:
    word = text.strip().lower()
    if word in ("off", "usual"):
        return () if word == "off" else None
    try:
        return tuple(sorted({_days(part) for part in word.split(",")}, reverse=True))
    except ValueError:
        usual = ",".join(map(str, USUAL))
        raise ValueError(
            f"{text!r} are no days to remind on; write for example {usual}, or off"
        ) from None


def _digest(text: str) -> str:
    kind, _, clock = text.strip().lower().partition(" ")
    if kind in ("", "off", "immediate") and not clock:
        return ""
    if kind == "hourly" and not clock:
        return kind
    if kind == "daily" and (not clock or _CLOCK.fullmatch(clock.strip())):
        return f"daily {_clock(clock)}" if clock else kind
    raise ValueError(f"{text!r} is no digest; write hourly, daily, 'daily 17:00' or off")


def _quiet(text: str) -> tuple[str, str]:
    word = text.strip().lower()
    if word in ("", "off"):
        return "", ""
    first, _, last = word.partition("-")
    if not (_CLOCK.fullmatch(first.strip()) and _CLOCK.fullmatch(last.strip())) or _clock(
        first
    ) == _clock(last):
        raise ValueError(f"{text!r} are no quiet hours; write for example 22:00-07:00, or off")
    return _clock(first), _clock(last)


def _clock(text: str) -> str:
    hour, _, minute = text.strip().partition(":")
    return time(int(hour), int(minute)).isoformat("minutes")


def _zone(text: str) -> str:
    name = text.strip() or "UTC"
    try:
        return ZoneInfo(name).key
    # ZoneInfoNotFoundError is a KeyError, and a folder of zones is an OSError.
    except (ValueError, OSError, KeyError):
        raise ValueError(
            f"{text!r} is no time zone; write for example Europe/Berlin or UTC"
        ) from None
