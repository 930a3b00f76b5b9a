"""List how a poll can end, and what each outcome does: the one place that says so. Pure.

outcome      believed   validators   next poll     events for the operator
accepted     yes        the new      the cadence   source.recovered, once
unchanged    yes        the new      the cadence   source.recovered, once
suspect      no         the old      the cadence   source.suspect, once for each held document
unreadable   no         the old      backs off     source.failing, once, at the third failure
unreachable  no         the old      backs off     source.failing, once, at the third failure
off          no         the old      the cadence   none: without a key there is no request

Where a poll is believed, facts and events may change once their changes are confirmed. A page that
is not believed changes nothing that subscribers see; a suspect document is kept.

After a long time without an accepted page (Source.stale_after), the next poll that is suspect,
unreadable or unreachable raises source.stale as well, once.

``unchanged`` is a 304, or bytes in which everything that the adapter reads is the same. Its
validators are kept, since they name a page that says the same as the accepted one. Where the old
validators stay, the next request brings the document again and never a 304 for a page that was not
believed. A wait that the server asks for goes before the cadence. A change that needs only a second
poll gets it sooner (schedule.CONFIRM_AFTER)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.core.facts import Json

Outcome = Literal["accepted", "unchanged", "suspect", "unreadable", "unreachable", "off"]


@dataclass(frozen=True, slots=True)
class Effect:
    """Describe what an outcome does.

    ``believed``: facts, events and validators may change, and failures and held documents end.
    ``failed``: someone who asked for this source by name did not get it."""

    believed: bool = False
    failed: bool = False


OUTCOMES: dict[Outcome, Effect] = {
    "accepted": Effect(believed=True),
    "unchanged": Effect(believed=True),
    "suspect": Effect(failed=True),
    "unreadable": Effect(failed=True),
    "unreachable": Effect(failed=True),
    "off": Effect(),
}


@dataclass(frozen=True)
class PollResult:
    """Describe how one poll ended.

    ``outcome`` is an Outcome, or ``baseline`` for the first accepted page. ``events`` are in their
    public form. ``ms`` is the time of the fetch. ``waiting`` counts the changes that need another
    poll, at ``due_at``. ``stuck``: a document is held, and no number of further polls releases it:
    only an operator does."""

    source_id: str
    outcome: str
    rows: int = 0
    events: list[Json] = field(default_factory=list)
    error: str = ""
    ms: int = 0
    waiting: int = 0
    due_at: datetime | None = None
    stuck: bool = False
