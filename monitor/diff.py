"""From two snapshots to the changes that may be believed: diff, check, settle. Pure.

    seen facts --check--> Implausible, or --diff--> changes --settle--> settled changes, pending ones

``check`` asks whether the document can be believed at all; ``settle`` whether a change has been looked at often
enough. A guard asks, it does not veto for ever: ``Doubt.looks`` agreeing looks release what it holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from monitor.facts import Fact, Json, Notice, Price, Retirement, When, from_json

Snapshot = Mapping[str, Fact]


@dataclass(frozen=True)
class Change:
    """A fact added (``before`` is None), changed, or removed (``after`` is None)."""

    before: Fact | None
    after: Fact | None

    @property
    def fact(self) -> Fact:
        """The fact that the change is about, as it is now known or was last known."""
        fact = self.after or self.before
        if fact is None:
            raise ValueError("a change has a before or an after")
        return fact

    @property
    def key(self) -> str:
        return self.fact.key


@dataclass(frozen=True)
class Pending:
    """A change that waits for another look, and the looks it has had."""

    change: Change
    looks: int

    def to_json(self) -> Json:
        before, after = self.change.before, self.change.after
        return {
            "before": before.to_json() if before else None,
            "after": after.to_json() if after else None,
            "looks": self.looks,
        }

    @classmethod
    def from_json(cls, data: Json) -> Pending:
        before, after = (from_json(data[side]) if data[side] else None for side in ("before", "after"))
        return cls(Change(before, after), data["looks"])


@dataclass(frozen=True)
class Doubt:
    """Why a document is held: the numbers, and how many agreeing looks release it (None: only a person does)."""

    reason: str
    looks: int | None


def snapshot(facts: Iterable[Fact]) -> dict[str, Fact]:
    return {fact.key: fact for fact in facts}


def diff(before: Snapshot, after: Snapshot) -> list[Change]:
    """What turns one snapshot into the other, by key. A notice that leaves is no change: feeds slide."""
    changes = [
        Change(before.get(key), fact)
        for key, fact in after.items()
        if key not in before or before[key].value != fact.value
    ]
    changes += [Change(fact, None) for key, fact in before.items() if key not in after and not isinstance(fact, Notice)]
    return sorted(changes, key=lambda change: change.key)


def patch(before: Snapshot, changes: Iterable[Change]) -> dict[str, Fact]:
    """The snapshot after the changes: ``patch(a, diff(a, b))`` says what ``b`` says, beside notices that slid out."""
    after = dict(before)
    for change in changes:
        if change.after:
            after[change.key] = change.after
        else:
            del after[change.key]
    return after


def fingerprint(facts: Snapshot) -> str:
    """A hash of what the facts say, whatever the frame and the wording of their page."""
    said = [[key, *(str(value) for value in facts[key].value)] for key in sorted(facts)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


# --- settle ------------------------------------------------------------------------------------------------


def settle(
    known: Snapshot, seen: Snapshot, pending: Sequence[Pending], least: int = 1
) -> tuple[list[Change], list[Pending]]:  # fmt: skip
    """The changes that have been looked at often enough, and those that wait.

    A removal needs two looks, so does a date that appears or moves earlier (pages flap for a day: Vertex on
    2026-05-29, Anthropic on 2026-02-19) and a price that doubles or halves. What is no longer different is
    forgotten: A -> B -> A within the looks is nothing. All changes of one subject settle together, so that a
    price whose end date is dropped is one change and not an addition today and a removal tomorrow. ``least`` is
    Source.patience: a market price that moves every day settles only when it stays.
    """
    looked = {wait.change.key: wait for wait in pending}
    changes = diff(known, seen)
    needs: dict[tuple[str, ...], int] = {}
    for change in changes:
        subject = _subject(change.fact)
        needs[subject] = max(needs.get(subject, least), _looks_needed(change))
    settled, waiting = [], []
    for change in changes:
        wait = looked.get(change.key)
        looks = wait.looks + 1 if wait and _same(wait.change.after, change.after) else 1
        if looks >= needs[_subject(change.fact)]:
            settled.append(change)
        else:
            waiting.append(Pending(change, looks))
    # A subject settles as a whole: one change of it that waits keeps the others waiting.
    held = {_subject(wait.change.fact) for wait in waiting}
    waiting += [Pending(change, needs[_subject(change.fact)]) for change in settled if _subject(change.fact) in held]
    return [change for change in settled if _subject(change.fact) not in held], waiting


def look_again(
    known: Snapshot, pending: Sequence[Pending], least: int = 1
) -> tuple[list[Change], list[Pending]]:  # fmt: skip
    """Settle after another look at the very same page (304, or the same bytes)."""
    return settle(known, patch(known, (wait.change for wait in pending)), pending, least)


def _same(one: Fact | None, other: Fact | None) -> bool:
    return (one.value if one else None) == (other.value if other else None)


def _subject(fact: Fact) -> tuple[str, ...]:
    """What settles together: a fact by its key, a price without its dates, a retirement in all groups of Regions."""
    if isinstance(fact, Price):
        fact = replace(fact, starts=None, ends=None)
    elif isinstance(fact, Retirement):
        fact = replace(fact, region="")
    return (fact.key,)


def _looks_needed(change: Change) -> int:
    match change.before, change.after:
        case _, None:
            return 2
        case Retirement() as before, Retirement() as after if _sooner(before.retires, after.retires):
            return 2
        case Price() as before, Price() as after if _factor(before.amount, after.amount) > 2:
            return 2
    return 1


def _sooner(before: When | None, after: When | None) -> bool:
    """Whether an end appears where none was firm, or moves to an earlier time."""
    if after is None or after.bound == "not_before":
        return False
    return before is None or before.bound == "not_before" or after.starts < before.starts


def _factor(before: Decimal, after: Decimal) -> Decimal:
    """By how much an amount went up or down, as a factor of at least 1; from or to zero is beyond all measure."""
    if not before or not after:
        return Decimal(1) if before == after else Decimal("Infinity")
    return max(before / after, after / before)


# --- check -------------------------------------------------------------------------------------------------

#: Years around now in which a date of a provider can lie (OpenAI's page goes back to 2022; Mistral printed 2525).
PAST, FUTURE = timedelta(days=3653), timedelta(days=3653)
#: A price that moves by more than this factor in one step is a unit slip until a person says otherwise.
UNIT_SLIP = 10
#: A page that lost more than this share of its subjects is another page until a person says otherwise.
HOLLOW = Decimal("0.6")


def _over(fact: Fact, now: datetime) -> bool:
    """Whether a fact is a price that ended, as announced: that it leaves is no sign of a broken page."""
    return isinstance(fact, Price) and fact.ends is not None and fact.ends.passed(now)


def check(known: Snapshot, seen: Snapshot, now: datetime) -> Doubt | None:
    """Why the facts of a document should not be taken over yet, or None.

    Peers announced 443 retirements in one night and lost 60 of 61 rows in another; both were one page read wrong.
    """
    for fact in seen.values():
        if isinstance(fact, Retirement):
            for date in (fact.announced, fact.deprecated, fact.retires):
                if date and not now - PAST < date.starts < now + FUTURE:
                    return Doubt(f"{fact.model}: {date.text} is no date of this decade: {fact.quote!r}", None)
    old, new = (
        {_subject(fact) for fact in side.values() if not isinstance(fact, Notice) and not _over(fact, now)}
        for side in (known, seen)
    )
    if not old:
        return None
    gone, came = len(old - new), len(new - old)
    turned = named = unnamed = 0
    for key in known.keys() & seen.keys():
        match known[key], seen[key]:
            case Price() as was, Price() as became if _factor(was.amount, became.amount) > UNIT_SLIP:
                return Doubt(
                    f"{became.model}: {became.meter} goes from {was.amount} to {became.amount} {became.currency}"
                    f" per {became.per}, more than a factor of {UNIT_SLIP}",
                    None,
                )
            case Retirement() as was, Retirement() as became:
                turned += (was.stage, was.retires) != (became.stage, became.retires)
                named += bool(was.replacements)
                unnamed += bool(was.replacements and not became.replacements)
            case was, became:
                turned += was.value != became.value
    if gone > max(3, len(old) // 5):
        return Doubt(f"{gone} of {len(old)} facts are missing", None if gone > len(old) * HOLLOW else 12)
    if came > max(20, len(old)):
        return Doubt(f"{came} facts are new beside {len(old)} known ones", 4)
    if turned > max(10, len(old) // 2):
        return Doubt(f"{turned} of {len(old)} facts say something else", 4)
    if unnamed > max(3, named // 3):  # how a column looks that vanished from a page where it may be absent
        return Doubt(f"{unnamed} of {named} facts name no replacement any more", 4)
    return None
