"""Tell which retirement an event is about, and how urgent the event is in a channel. Pure."""

from __future__ import annotations

from datetime import datetime

from monitor.core.ends import near
from monitor.core.facts import Retirement, When, from_json
from monitor.store.tables import EventRow


def retirement_of(event: EventRow) -> Retirement | None:
    """Return the retirement as the event leaves it, or as it was where it is gone."""
    fact_json = event.after or event.before
    is_retirement = fact_json and fact_json.get("fact") == "retirement"
    fact = from_json(fact_json) if fact_json and is_retirement else None
    return fact if isinstance(fact, Retirement) else None


def subject(event: EventRow) -> str:
    """Return the provider and the key of the retirement that an event is about; empty for others.

    All events of one subject share one message in a Slack channel."""
    fact = retirement_of(event)
    if fact is None or not (changes_retirement(event) or event.kind == "model.unlisted"):
        return ""
    return f"{event.provider} {fact.key}"


def changes_retirement(event: EventRow) -> bool:
    """Return whether an event is about a retirement by its kind."""
    return event.kind.partition(".")[0] in ("retirement", "replacement")


def is_urgent(event: EventRow, now: datetime) -> bool:
    """Return whether a change belongs into the channel too, and not only into its thread.

    It does if the retirement is near, over or moved earlier, and if it is a reminder."""
    return (
        near(When.from_json(event.effective), now)
        or event.severity == "critical"
        or event.kind in ("retirement.advanced", "retirement.reminder")
    )
