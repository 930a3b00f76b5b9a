"""Read the wall clock: the one place that does. Everything else is handed a clock, or the time."""

from __future__ import annotations

from datetime import UTC, datetime


def clock() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
