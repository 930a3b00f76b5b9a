"""Times as people write them, in UTC: ``2026-11-01``, ``2026-11-01T12:00Z``, ``30d``, ``today``.

Pure: ``now`` is an argument. A wrong text raises ValueError with one line for people.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGE = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY = timedelta(days=1)
_END_OF_DAY = _DAY - timedelta(microseconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def moment(text: str, now: datetime, *, end: bool = False) -> datetime:
    """Return a time in the past: a date, a time, ``yesterday``, ``today`` or an age like ``30d``.

    A day stands for its beginning, or for its last instant with ``end``."""
    word = text.strip().lower()
    if match := _AGE.fullmatch(word):
        return _shifted(now, -int(match[1]) * _UNITS[match[2]])
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = {"today": today, "yesterday": today - _DAY}.get(word) or _iso(text)
    has_time = len(word) > len("2026-11-01")
    return day if has_time or not end else day + _END_OF_DAY


def horizon(text: str, now: datetime) -> datetime:
    """Return a time ahead: ``90d``, ``12h``, ``2w``, or the end of a date."""
    if match := _AGE.fullmatch(text.strip().lower()):
        return _shifted(now, int(match[1]) * _UNITS[match[2]])
    return _shifted(_iso(text), _END_OF_DAY)


def _shifted(at: datetime, by: timedelta) -> datetime:
    """Return a time that much later, or the end of the calendar if that comes first."""
    try:
        return at + by
    except OverflowError:
        return _FIRST if by < timedelta(0) else _LAST


def _iso(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip().upper())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: in UTC it lies outside the calendar
        raise ValueError(
            f"{text!r} is no time; write 2026-11-01, 30d, 12h, yesterday or today"
        ) from None
