"""When a target may be told: at once, in a digest, outside quiet hours, after a pause. Pure.

What is critical goes through at once, whatever was asked for: a model that ends within the month
does not wait for the morning, and a channel that is muted would rather be woken than broken.

    digest   "" at once, "hourly" on the full hour (UTC), "daily" at 09:00 or "daily HH:MM", in the
    target's time zone quiet    from HH:MM to HH:MM in that zone, also over midnight

Clocks that are put forward leave out times of day, and such a time is then the moment of the leap;
a time that comes twice when they are put back is the first of the two."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from monitor.store.tables import SubscriptionRow

#: When a daily digest comes if no time was named.
MORNING = "09:00"
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


def when(row: SubscriptionRow, severity: str, now: datetime) -> datetime:
    """When an event that happens now is due at a target, in UTC."""
    if severity == "critical":
        return now
    return allowed(row, severity, _slot(row, max(now, row.muted_until or now)))


def allowed(row: SubscriptionRow, severity: str, at: datetime) -> datetime:
    """The first moment from ``at`` on that is neither muted nor in quiet hours; for what is tried
    again.
    """
    if severity == "critical":
        return at
    at = max(at, row.muted_until or at)
    if not row.quiet_from:
        return at
    zone, first, last = (
        ZoneInfo(row.timezone),
        time.fromisoformat(row.quiet_from),
        time.fromisoformat(row.quiet_to),
    )
    today = at.astimezone(zone).date()
    for day in (today - _DAY, today):
        begins = instant(day, first, zone)
        ends = instant(day if first < last else day + _DAY, last, zone)
        if begins <= at < ends:
            return ends
    return at


def _slot(row: SubscriptionRow, at: datetime) -> datetime:
    """The first digest at or after a time; the time itself where there are none."""
    kind, _, clock = row.digest.partition(" ")
    if kind == "hourly":
        hour = at.replace(minute=0, second=0, microsecond=0)
        return hour if hour == at else hour + timedelta(hours=1)
    if kind == "daily":
        zone, daily = ZoneInfo(row.timezone), time.fromisoformat(clock or MORNING)
        today = at.astimezone(zone).date()
        return next(
            slot for ahead in range(2) if (slot := instant(today + ahead * _DAY, daily, zone)) >= at
        )
    return at


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which the clocks of a zone show a time on a day."""
    wanted = datetime.combine(day, clock)
    found = wanted.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wanted:
        return found
    after = found.astimezone(
        zone
    ).utcoffset()  # the clocks leap over it: back to the moment of the leap
    while (found - _MINUTE).astimezone(zone).utcoffset() == after:
        found -= _MINUTE
    return found
