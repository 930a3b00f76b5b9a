"""Decide what to believe of a page: from what the page says and what the store remembers to
changes and events. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.core.claims import Mark
from monitor.core.diff import Change, Snapshot, diff, patch
from monitor.core.ends import ends_by_model, passed
from monitor.core.facts import Fact, Retirement
from monitor.core.guards import Doubt, check
from monitor.core.interpret import Draft, completions, interpret
from monitor.core.settle import PastValue, Pending, Rules, Settled, same_page, settle
from monitor.polling.http_rules import expected_format
from monitor.polling.outcomes import Outcome
from monitor.reading.source import Source

#: The agreeing polls that release a held document of a hint: two days at the cadence of hints.
HINT_POLLS = 8

#: Return the keys of those of these facts that another source states as well.
Agreement = Callable[[Sequence[Fact]], Collection[str]]


def no_agreement(facts: Sequence[Fact]) -> Collection[str]:
    """Return no key: no other source is asked."""
    return ()


@dataclass(frozen=True)
class Page:
    """Hold what one poll read, and how this poll counts.

    ``facts`` is None for the accepted page again. ``full_interval``: the poll comes a full interval
    after the last that did. ``held_polls`` counts the full-interval polls that read these same
    facts since they are held, this poll included. ``approved``: an operator accepted the page."""

    facts: Snapshot | None
    full_interval: bool = True
    held_polls: int = 1
    approved: bool = False


@dataclass(frozen=True)
class Memory:
    """Hold what the store knows of a source before a poll.

    ``current`` are its accepted facts, ``pending`` the changes that wait, ``recent`` what its pages
    said lately (settle.PastValue). ``returned`` are keys of facts that stood before and ended;
    ``retirements`` are those of the provider by folded id; ``verdicts`` are those about the claims
    of articles, by Fact.key (interpret). ``agreed_elsewhere`` asks the store about doubted facts
    (guards.check)."""

    current: Snapshot = field(default_factory=dict)
    pending: Sequence[Pending] = ()
    recent: Sequence[PastValue] = ()
    returned: Collection[str] = ()
    retirements: Mapping[str, Retirement] = field(default_factory=dict)
    verdicts: Mapping[str, Sequence[Mark]] | None = None
    agreed_elsewhere: Agreement = no_agreement


@dataclass(frozen=True)
class Decision:
    """Say what one poll means for the store.

    ``current`` are the source's facts after ``changes``. ``confirm``: a change waits for nothing
    but a second poll. ``overdue``: a retirement is over and will be reported at the next poll."""

    outcome: Outcome
    changes: list[Change] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    recent: list[PastValue] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    current: Snapshot = field(default_factory=dict)
    doubt: Doubt | None = None
    confirm: bool = False
    overdue: bool = False


def decide(source: Source, page: Page, memory: Memory, now: datetime) -> Decision:
    """Decide what to believe of a page."""
    doubt = None
    if page.facts is not None and not page.approved:
        doubt = find_doubt(source, memory.current, page.facts, now, memory.agreed_elsewhere)
    if doubt and not (memory.current and _is_released(doubt, page.held_polls)):
        return Decision("suspect", doubt=doubt)
    # A held document that is accepted now was confirmed by enough polls or by an operator.
    settled = _settle(source, page, memory, now, trusted=page.approved or doubt is not None)
    current = patch(memory.current, settled.changes)
    unsure = _unsure_keys(memory.pending, settled, now)
    retirements = {**memory.retirements, **ends_by_model(current.values())}
    drafts = interpret(source, settled.changes, now, memory.returned, retirements, memory.verdicts)
    if source.kind == "official":
        certain = [fact for key, fact in current.items() if key not in unsure]
        drafts += completions(certain, now, retirements)
    return Decision(
        "unchanged" if page.facts is None else "accepted",
        settled.changes,
        settled.pending,
        settled.recent,
        drafts,
        current,
        # One early poll follows a full interval or a quiet time: a page that differs at every poll
        # is not polled early each time.
        confirm=(page.full_interval or not memory.pending)
        and any(wait.soon for wait in settled.pending),
        overdue=source.kind == "official"
        and any(_is_over(current.get(key), now) for key in unsure),
    )


def find_doubt(
    source: Source,
    current: Snapshot,
    facts: Snapshot,
    now: datetime,
    agreed_elsewhere: Agreement = no_agreement,
) -> Doubt | None:
    """Return why this page of this source should not be accepted yet, or None (guards.check)."""
    doubt = check(current, facts, now, agreed_elsewhere)
    if doubt and current and source.kind == "hint":
        # Hints raise no alert, so they need no operator's approval.
        return replace(doubt, polls=HINT_POLLS)
    return doubt


def _is_released(doubt: Doubt, held_polls: int) -> bool:
    """Return whether enough polls read the same doubted page. Some doubts only an operator
    releases.
    """
    return doubt.polls is not None and held_polls >= doubt.polls


def _settle(source: Source, page: Page, memory: Memory, now: datetime, *, trusted: bool) -> Settled:
    """Return the confirmed changes and those that wait. The first page needs no confirmation."""
    if page.facts is not None and not memory.current:
        return Settled(diff({}, page.facts), [], [])
    return settle(
        memory.current,
        same_page(memory.current, memory.pending) if page.facts is None else page.facts,
        memory.pending,
        memory.recent,
        now,
        Rules(
            every=source.every,
            confirmations=source.confirmations,
            full_interval=page.full_interval,
            trusted=trusted,
            feed=expected_format(source.url, source.kind, source.access is not None) == "feed",
        ),
    )


def _unsure_keys(pending: Sequence[Pending], settled: Settled, now: datetime) -> set[str]:
    """Return the keys of facts that wait to be changed or removed, before this poll or after it.

    A retirement among them is not reported as completed. That holds right after a poll that
    postponed it too: one of the two pages was stale. A change by which the model is retired as well
    makes nothing unsure."""
    settled_keys = {change.key for change in settled.changes}
    before = [wait for wait in pending if wait.change.key not in settled_keys]
    return {
        wait.change.key
        for wait in (*before, *settled.pending)
        if not _is_over(wait.change.after, now)
    }


def _is_over(fact: Fact | None, now: datetime) -> bool:
    """Return whether a fact is a retirement whose date has passed: not if its row is gone, or the
    retirement is postponed.
    """
    return isinstance(fact, Retirement) and passed(fact.retires, now)
