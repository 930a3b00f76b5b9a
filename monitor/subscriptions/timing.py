"""Decide when a target gets an event: at once, in a digest, after quiet hours or a mute. Pure.

    digest   "" at once, "hourly" on the full hour (UTC), "daily" at 09:00 or "daily HH:MM", in the
             target's time zone
    quiet    from HH:MM to HH:MM in that zone, also over midnight

Critical events are sent at once, even while a target is muted: a model that ends within the month
does not wait for the morning.

When clocks go forward, a time that is left out means the moment of the leap. When they go back, a
repeated time means its first occurrence."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from monitor.store.tables import SubscriptionRow

#: The time of a daily digest without one of its own.
MORNING = "09:00"
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


def when(row: SubscriptionRow, severity: str, now: datetime) -> datetime:
    """Return when an event that happens now is due at a target, in UTC."""
    if severity == "critical":
        return now
    return allowed(row, severity, _slot(row, max(now, row.muted_until or now)))


def allowed(row: SubscriptionRow, severity: str, at: datetime) -> datetime:
    """Return the first moment from ``at`` on that is neither muted nor in quiet hours. The next
    attempt of a delivery moves to it.
    """
    if severity == "critical":
        return at
    at = max(at, row.muted_until or at)
    if not row.quiet_from:
        return at
    zone = ZoneInfo(row.timezone)
    first, last = time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_to)
    today = at.astimezone(zone).date()
    for day in (today - _DAY, today):
        begins = instant(day, first, zone)
        ends = instant(day if first < last else day + _DAY, last, zone)
        if begins <= at < ends:
            return ends
    return at


def _slot(row: SubscriptionRow, at: datetime) -> datetime:
    """Return the first digest at or after a time; the time itself without a digest."""
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
    """Return the moment, in UTC, at which the clocks of a zone show a time on a day."""
    local = datetime.combine(day, clock)
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local:
        return moment
    # The clocks leap over this time: go back to the moment of the leap.
    offset_after = moment.astimezone(zone).utcoffset()
    while (moment - _MINUTE).astimezone(zone).utcoffset() == offset_after:
        moment -= _MINUTE
    return moment
