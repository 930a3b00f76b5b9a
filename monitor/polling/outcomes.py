"""What a poll can come to, and what each outcome does: the one place that says so. Pure.

    outcome      what subscribers see may change to   validators   next poll     the operator hears
    accepted     what the page says, once it settled  its own      the cadence   source.recovered,
    once unchanged    what waited, once it settled         its own      the cadence
    source.recovered, once suspect      nothing; the document is kept        stay         the
    cadence   source.suspect, once a holding unreadable   nothing                              stay
    backs off     source.failing, once, at the third unreachable  nothing
    stay         backs off     source.failing, once, at the third off          nothing
    stay         the cadence   nothing: no key, no question

Once nothing was accepted for long (Source.stale_after), the next poll that is suspect, unreadable
or unreachable tells source.stale besides, once.

``unchanged`` is a 304, or bytes in which all that the adapter reads is the same. Its validators are
kept since they name a page that says what the accepted one says. Where validators stay, the next
request brings the document again and never a 304 to one that was not believed. Whatever the server
asks for comes before the cadence; a change that waits for nothing but a second look has it sooner
(poll.SOON)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["accepted", "unchanged", "suspect", "unreadable", "unreachable", "off"]


@dataclass(frozen=True, slots=True)
class Effect:
    """``believed``: facts, events and validators may move, and failures and holdings end.
    ``failed``: a person who asked for this source did not get it. ``backs_off``: it counts as a
    failure and is asked less and less often."""

    believed: bool = False
    failed: bool = False
    backs_off: bool = False


OUTCOMES: dict[Outcome, Effect] = {
    "accepted": Effect(believed=True),
    "unchanged": Effect(believed=True),
    "suspect": Effect(failed=True),
    "unreadable": Effect(failed=True, backs_off=True),
    "unreachable": Effect(failed=True, backs_off=True),
    "off": Effect(),
}
