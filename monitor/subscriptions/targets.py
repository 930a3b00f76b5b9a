"""Targets as surfaces show them: their public form, their options and their health as text."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.core.facts import Json
from monitor.core.reminders import USUAL
from monitor.core.wording import ago, stamp

if TYPE_CHECKING:
    from monitor.store.tables import SubscriptionRow

#: Filters that a line for people shows.
SHOWN_FILTERS = 8


def new_id() -> str:
    """Return a new random id of a target."""
    return f"sub_{secrets.token_hex(6)}"


def target_json(row: SubscriptionRow) -> Json:
    """Return a target in its public form, without secrets."""
    from monitor.store import secrets as sealed

    return {
        "id": row.id,
        "type": row.type,
        "address": sealed.public_address(row),
        "state": row.state,
        "reason": row.reason,
        "filters": row.filters,
        "kinds": row.kinds,
        "surfaces": row.surfaces,
        "severity": row.severity,
        "min_change": format(row.min_change, "f") if row.min_change is not None else None,
        "within": row.within,
        "operator": row.operator,
        "reminders": list(USUAL) if row.reminders is None else row.reminders,
        "digest": row.digest,
        "quiet": f"{row.quiet_from}-{row.quiet_to}" if row.quiet_from else "",
        "timezone": row.timezone,
        "muted_until": stamp(row.muted_until),
        "created_at": stamp(row.created_at),
        "last_delivered_at": stamp(row.last_delivered_at),
        "failing_since": stamp(row.failing_since),
    }


def health(row: SubscriptionRow, now: datetime) -> str:
    """Return ``ok``, or why a target gets nothing: ``failing since 2 h ago``."""
    if row.state != "enabled":
        return f"{row.state}: {row.reason}" if row.reason else row.state
    if row.failing_since:
        return f"failing since {ago(row.failing_since, now)}"
    if row.muted_until and row.muted_until > now:
        return f"muted until {row.muted_until:%Y-%m-%d %H:%M} UTC"
    return "ok"


def options_text(target: Json) -> str:
    """Return what a target in its public form is subscribed to, on one line."""
    filters, more = target["filters"][:SHOWN_FILTERS], len(target["filters"]) - SHOWN_FILTERS
    models = " ".join(filters) + (f" and {more} more" if more > 0 else "")
    parts = ["events about sources and endpoints" if target["operator"] else models or "everything"]
    parts += [f"surfaces {','.join(target['surfaces'])}"] if target["surfaces"] else []
    parts += [f"kinds {','.join(target['kinds'])}"] if target["kinds"] else []
    parts += [f"from {target['severity']}"] if target["severity"] != "info" else []
    parts += [f"prices by {target['min_change']} %"] if target["min_change"] else []
    parts += [f"within {target['within']} days"] if target["within"] is not None else []
    if target["reminders"] != list(USUAL):
        days = ",".join(map(str, target["reminders"]))
        parts.append(f"reminders {days} days before" if days else "no reminders")
    parts += [f"in a digest {target['digest']}"] if target["digest"] else []
    parts += [f"quiet {target['quiet']}"] if target["quiet"] else []
    timed = target["digest"] or target["quiet"]
    parts += [f"times in {target['timezone']}"] if timed and target["timezone"] != "UTC" else []
    return ", ".join(parts)
