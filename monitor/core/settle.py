"""Confirm changes: believe a change once enough polls agree on it. Pure.

Every change needs two agreeing polls. A removal, a date that appears or moves earlier, and a price
that more than doubles or halves need two polls a full interval apart. Pages flap for a day, as
Vertex's did on 2026-05-29 and Anthropic's on 2026-02-19. A -> B -> A within those polls is nothing.

A page that alternates between two layouts says B often enough in the end, and then A again. So a
value that a page has left is remembered. Going back to it takes ``RETURN``, and twice as long the
next time. A value that was seen, and vanished before it was confirmed, also needs polls a full
interval apart, and twice as many each time."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from monitor.core.diff import Change, Snapshot, diff, factor, group, patch
from monitor.core.ends import ended_since, firm
from monitor.core.facts import Fact, Json, Notice, Price, Retirement, When, from_json

#: Agreeing polls that every change needs. The second may come soon.
POLLS = 2
#: Agreeing polls, a full interval apart, for a change that costs a reader most if it is wrong.
FULL_INTERVALS = 2
#: How long a page must keep to a value that it left before that value is believed again, and the
#: fewest polls in that time.
RETURN, RETURN_POLLS = timedelta(days=2), 8
#: Each further return takes twice as long as the one before, up to this many times the first.
SLOWEST = 4
#: How long a past value is remembered, and how many of them.
MEMORY, MOST_REMEMBERED = timedelta(days=30), 500


@dataclass(frozen=True)
class Pending:
    """A change that waits for more polls.

    ``polls`` counts the agreeing polls so far, and ``full_intervals`` those of them that came a
    full interval after the one before. The change is confirmed at ``POLLS`` polls and ``needed``
    full intervals."""

    change: Change
    polls: int
    full_intervals: int = 0
    needed: int = 0

    @property
    def soon(self) -> bool:
        """True if only another poll is missing, at any time."""
        return self.full_intervals >= self.needed

    @property
    def confirmed(self) -> bool:
        return self.polls >= POLLS and self.soon

    def to_json(self) -> Json:
        """Return the stored form. Its names are those of the first databases."""
        before, after = self.change.before, self.change.after
        return {
            "before": before.to_json() if before else None,
            "after": after.to_json() if after else None,
            "looks": self.polls,
            "spaced": self.full_intervals,
            "need": self.needed,
        }

    @classmethod
    def from_json(cls, data: Json) -> Pending:
        """Return the pending change behind its stored form.

        The first databases counted the polls alone: each was a full interval after the last."""
        before, after = (
            from_json(data[side]) if data[side] else None for side in ("before", "after")
        )
        polls: int = data["looks"]
        return cls(
            Change(before, after),
            polls,
            data.get("spaced", polls),
            data.get("need", FULL_INTERVALS),
        )


@dataclass(frozen=True)
class PastValue:
    """A value that a page had and has left.

    ``digest`` is a hash of the key and the value, ``left_at`` when the page last left it.
    ``needed`` is the number of polls, a full interval apart, that it takes to believe it again."""

    digest: str
    left_at: datetime
    needed: int

    def to_json(self) -> Json:
        """Return the stored form. Its names are those of the first databases."""
        return {"what": self.digest, "at": self.left_at.isoformat(), "looks": self.needed}

    @classmethod
    def from_json(cls, data: Json) -> PastValue:
        return cls(data["what"], datetime.fromisoformat(data["at"]), data["looks"])


@dataclass(frozen=True)
class Rules:
    """Hold the rules that confirm a change of one source at one poll.

    ``every`` is the cadence of the source. ``confirmations`` is the number of full intervals that
    any change needs: a market price that moves every day settles only when it stays.
    ``full_interval`` says that this poll comes a full interval after the last that did.
    ``trusted`` confirms everything: a guard or an operator has approved the document. ``feed``
    confirms notices at the first poll: a feed slides, and cut XML is refused. A changelog that was
    cut within an entry has another entry."""

    every: timedelta = timedelta(hours=6)
    confirmations: int = 1
    full_interval: bool = True
    trusted: bool = False
    feed: bool = False

    @property
    def return_polls(self) -> int:
        """The polls that it takes to go back to a past value for the first time."""
        return max(RETURN_POLLS, math.ceil(RETURN / self.every))


USUAL = Rules()


class Settled(NamedTuple):
    """The confirmed changes, the changes that wait, and the past values to remember."""

    changes: list[Change]
    pending: list[Pending]
    recent: list[PastValue]


def settle(
    current: Snapshot,
    facts: Snapshot,
    pending: Iterable[Pending],
    recent: Iterable[PastValue],
    now: datetime,
    rules: Rules = USUAL,
) -> Settled:
    """Confirm the changes from ``known`` to ``seen`` on which enough polls agree.

    ``pending`` and ``recent`` are what the poll before returned. A pending change that is no longer
    a difference is dropped. All changes of one group are confirmed together, so that a price whose
    end date is dropped is one change, and not an addition today and a removal tomorrow."""
    waiting = {wait.change.key: wait for wait in pending}
    past = remembered(recent, now)
    returned = (
        past.get(_page_digest(facts)) if past else None
    )  # the whole page is a past page again
    changes: list[Change] = []
    still: list[Pending] = []
    left: dict[
        str, int
    ] = {}  # digests of the values that this poll leaves, and the polls to return
    for together in _groups(diff(current, facts)):
        returning = max(_return_polls(change, past, returned, now) for change in together)
        counted = _counted(together, waiting, returning, rules)
        if rules.feed and isinstance(together[0].fact, Notice):
            changes += together
        elif rules.trusted or counted[0].confirmed:
            changes += together
            for change in together:
                left[_digest(change.key, change.before)] = max(rules.return_polls, 2 * returning)
        else:
            still += counted
    if left:
        left[_page_digest(current)] = rules.return_polls
    for digest in _vanished(waiting.values(), changes, still):
        left[digest] = 2 * past[digest].needed if digest in past else FULL_INTERVALS
    most = SLOWEST * rules.return_polls
    past |= {digest: PastValue(digest, now, min(polls, most)) for digest, polls in left.items()}
    newest = sorted(past.values(), key=lambda value: (value.left_at, value.digest))
    return Settled(sorted(changes, key=lambda change: change.key), still, newest[-MOST_REMEMBERED:])


def same_page(current: Snapshot, pending: Iterable[Pending]) -> dict[str, Fact]:
    """Return the facts of a page that did not change since the last poll (304, or the same
    bytes).
    """
    return patch(current, (wait.change for wait in pending))


def remembered(recent: Iterable[PastValue], now: datetime) -> dict[str, PastValue]:
    """Return the past values that are still remembered, by digest."""
    return {value.digest: value for value in recent if now - value.left_at < MEMORY}


def _groups(changes: Iterable[Change]) -> Iterable[list[Change]]:
    """Return the changes that are confirmed together."""
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[group(change.fact)].append(change)
    return groups.values()


def _counted(
    together: Sequence[Change], waiting: Mapping[str, Pending], returning: int, rules: Rules
) -> list[Pending]:
    """Count this poll for the changes of a group.

    The polls before count only if they agree on every change of the group."""
    needed = max(
        returning,
        rules.confirmations if rules.confirmations > 1 else 0,
        *(_full_intervals(change) for change in together),
    )
    before = [
        wait
        for change in together
        if (wait := waiting.get(change.key)) and _same(wait.change.after, change.after)
    ]
    agree = len(before) == len(together)
    polls = 1 + (min(wait.polls for wait in before) if agree else 0)
    full = rules.full_interval + (min(wait.full_intervals for wait in before) if agree else 0)
    return [Pending(change, polls, full, needed) for change in together]


def _vanished(
    waiting: Iterable[Pending], changes: Iterable[Change], still: Iterable[Pending]
) -> set[str]:
    """Return the digests of the values that the page left before they were confirmed."""
    present = {_after_digest(change) for change in changes}
    present |= {_after_digest(wait.change) for wait in still}
    return {_after_digest(wait.change) for wait in waiting} - present


def _same(fact: Fact | None, other: Fact | None) -> bool:
    return (fact.value if fact else None) == (other.value if other else None)


def _full_intervals(change: Change) -> int:
    """Return the full intervals that a change needs by its kind."""
    match change.before, change.after:
        case _, None:
            return FULL_INTERVALS
        case Retirement() as before, Retirement() as after if _sooner(
            before.retires, after.retires
        ):
            return FULL_INTERVALS
        case Price() as before, Price() as after if factor(before.amount, after.amount) > 2:
            return FULL_INTERVALS
    return 0


def _sooner(before: When | None, after: When | None) -> bool:
    """Return True if a firm date appears, or moves to an earlier time."""
    return firm(after) and (not firm(before) or after.starts < before.starts)


def _return_polls(
    change: Change, past: Mapping[str, PastValue], page: PastValue | None, now: datetime
) -> int:
    """Return the full intervals that a change needs because it goes back to a past value, else 0.

    A row that came, ended on its day and leaves is no return to a page without it."""
    value = past.get(_after_digest(change)) or page
    if value is None or (change.after is None and ended_since(change.fact, value.left_at, now)):
        return 0
    return value.needed


def _after_digest(change: Change) -> str:
    return _digest(change.key, change.after)


def _digest(key: str, fact: Fact | None) -> str:
    """Return a short hash of a key and its value. Absence (None) is a value too."""
    value = fact and [
        str(part.normalize() if isinstance(part, Decimal) else part) for part in fact.value
    ]
    return hashlib.sha256(json.dumps([key, value]).encode()).hexdigest()[:16]


def _page_digest(facts: Snapshot) -> str:
    """Return a short hash of all facts but notices."""
    digests = sorted(
        _digest(key, fact) for key, fact in facts.items() if not isinstance(fact, Notice)
    )
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
