"""How urgent a change is: ``info``, ``notice``, ``action`` or ``critical``. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from monitor.core.ends import firm, leaving, near, over
from monitor.core.facts import Retirement, When

Severity = Literal["info", "notice", "action", "critical"]
#: From the least urgent to the most urgent.
SEVERITIES: tuple[Severity, ...] = ("info", "notice", "action", "critical")

Move = Literal["earlier", "later", "other"]


def severity(before: Retirement | None, after: Retirement, now: datetime) -> Severity:
    """Return how urgent it is that a retirement appears (``before`` is None) or changes.

    A model that is retired, or whose firm date is near, is critical whatever was stated before.
    Otherwise a firm date asks for action. What the row says beside stage and date is info."""
    if before is None:
        if after.stage == "active" and not firm(after.retires):
            return "info"
        return "critical" if after.stage == "retired" or near(after.retires, now) else "action"
    if after.stage == "retired" != before.stage:
        return "critical"
    if before.retires == after.retires:
        if leaving(after) and not leaving(before):
            return "action"
        return "notice" if before.stage != after.stage else "info"
    corrected = over(before, now) and over(after, now)  # the date of a model that was gone already
    if near(after.retires, now) and not corrected:
        return "critical"
    if leaving(after) and not leaving(before):
        return "action"
    return _of_distant_dates(before.retires, after.retires)


def _of_distant_dates(before: When | None, after: When | None) -> Severity:
    """Return how urgent it is that a retirement date changes to another that is not near."""
    if after is None:
        return "notice" if firm(before) else "info"
    if firm(after) and not firm(before):
        return "action"
    match move(before, after):
        case "earlier":
            return "action" if firm(after) else "notice"
        case "later":
            return "action" if firm(after) else "info"
    return "notice" if before else "info"


def move(before: When | None, after: When | None) -> Move:
    """Return where a date moves. An earlier date is earlier whatever the bounds.

    A later date is ``later`` only under the same bound: "not before December" does not postpone
    June. Two dates that can mean the same day, and a date that comes or goes, are ``other``."""
    if before is None or after is None or before.starts == after.starts:
        return "other"
    if before.starts < after.ends and after.starts < before.ends:
        return "other"
    if after.starts < before.starts:
        return "earlier"
    return "later" if before.bound == after.bound else "other"
