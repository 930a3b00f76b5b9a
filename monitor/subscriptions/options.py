"""What a person asks for, in words, as the columns of a subscription. Pure; every wrong word is one
line.

The command line and Slack's slash command read the same words with this. What is asked replaces
what was asked before: a filter, a kind or a day that is not named is not wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.interpret import KINDS
from monitor.core.reminders import USUAL
from monitor.core.severity import SEVERITIES
from monitor.subscriptions.filters import Filter, check_kind

#: A pause without an end is a subscription that nobody remembers.
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


def columns(
    filters: Iterable[str] = (),
    *,
    kinds: str = "",
    surfaces: str = "",
    severity: str = "info",
    min_change: str = "",
    within: str = "",
    reminders: str = "",
    digest: str = "",
    quiet: str = "",
    timezone: str = "",
    operator: bool = False,
) -> dict[str, Any]:
    """The columns of a subscription. Raises ValueError with one line for people."""
    first, last = _quiet(quiet)
    return {
        "filters": _filters(filters),
        "kinds": [check_kind(word, KINDS) for word in _words(kinds)],
        "surfaces": [_surface(word) for word in _words(surfaces)],
        "severity": _one_of(severity, SEVERITIES, "severity"),
        "min_change": _percent(min_change) if min_change else None,
        "within": _days(within) if within else None,
        "reminders": _reminders(reminders) if reminders else None,
        "digest": _digest(digest),
        "quiet_from": first,
        "quiet_to": last,
        "timezone": _zone(timezone),
        "operator": operator,
    }


def threading(text: str) -> str:
    """Whether later changes of a retirement go under its message in Slack. Raises ValueError."""
    return _one_of(text, THREADS, "way to thread")


def muted(text: str, now: datetime) -> datetime | None:
    """Until when a pause lasts: ``7d``, ``12h``, ``2w``, or ``off`` for none. Raises ValueError."""
    word = text.strip().lower()
    if word == "off":
        return None
    match = _SPAN.fullmatch(word)
    if not match or not timedelta(0) < (span := int(match[1]) * _UNITS[match[2]]) <= LONGEST_MUTE:
        raise ValueError(f"{text!r} is no pause; write for example 7d, 12h or off, at most a year")
    return now + span


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))


def _filters(words: Iterable[str]) -> list[str]:
    asked = list(dict.fromkeys(words))
    for word in asked:
        Filter.parse(word)
    return asked


def _one_of(word: str, known: Iterable[str], what: str) -> str:
    folded = word.strip().lower()
    if folded not in known:
        raise ValueError(f"{word!r} is no {what}; there are {', '.join(known)}")
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


def _reminders(text: str) -> list[int] | None:
    word = text.strip().lower()
    if word in ("off", "usual"):
        return [] if word == "off" else None
    try:
        return sorted({_days(part) for part in word.split(",")}, reverse=True)
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
    except (
        ValueError,
        OSError,
        KeyError,
    ):  # ZoneInfoNotFoundError is a KeyError; a folder of zones an OSError
        raise ValueError(
            f"{text!r} is no time zone; write for example Europe/Berlin or UTC"
        ) from None
