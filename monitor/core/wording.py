"""Dates, ages and counts as text, the same on every surface. Pure: ``now`` is an argument."""

from __future__ import annotations

from datetime import datetime

from monitor.core.facts import Bound, When

#: The words before a date.
BOUNDS: dict[Bound, str] = {"on": "", "not_before": "not before ", "by": "by "}

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def date_words(when: When | None) -> str:
    """Return a date as vague as it is: ``2026-10-23``, ``August 2026``, ``Q3 2026``, ``2027``,
    ``not before 2026-11-24``; "" for none.
    """
    if when is None:
        return ""
    year, _, rest = when.text.partition("-")
    text = when.text
    if rest.startswith("Q"):
        text = f"{rest} {year}"
    elif len(text) == len("2026-08"):
        text = f"{_MONTHS[int(rest) - 1]} {year}"
    return BOUNDS[when.bound] + text


def stamp(at: datetime | None) -> str | None:
    """Return a time as JSON has it: ISO 8601 in UTC, with a Z."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def ago(at: datetime | None, now: datetime) -> str:
    """Return an age in one unit: ``3 min ago``, ``5 h ago``, ``12 d ago``; ``in 2 h`` for a time
    ahead, ``never`` for none.
    """
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    size = abs(seconds)
    text = f"{size:.0f} s" if size < 90 else f"{size / 60:.0f} min" if size < 5400 else ""
    text = text or (f"{size / 3600:.0f} h" if size < 48 * 3600 else f"{size / 86400:.0f} d")
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def with_age(source: str, at: datetime | None, now: datetime) -> str:
    """Return a source with the age of what it states: ``openai.deprecations, seen 3 h ago``."""
    return f"{source}, seen {ago(at, now)}" if at else source


def counted(count: int, noun: str) -> str:
    """Return ``1 day``, ``2 days``, ``3 deliveries``."""
    many = f"{noun[:-1]}ies" if noun[-1] == "y" and noun[-2] not in "aeou" else f"{noun}s"
    return f"{count} {noun if count == 1 else many}"


def are(count: int, noun: str) -> str:
    """Return ``1 delivery is``, ``2 deliveries are``."""
    return f"{counted(count, noun)} {'is' if count == 1 else 'are'}"
