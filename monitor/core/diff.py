"""From two snapshots to the changes that may be believed: diff, check, settle. Pure.

    seen facts --check--> Doubt, or --diff--> changes --settle--> settled changes, waiting ones,
    what was said lately

``check`` asks whether the document can be believed at all; ``settle`` whether a change has been
looked at often enough. A guard asks, it does not veto for ever: each Doubt says what releases it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from monitor.core.ends import firm, passed
from monitor.core.facts import Fact, Json, Notice, Price, Retirement, When, from_json

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
    """A change that waits: the agreeing looks it has had, how many of them a whole interval apart,
    and its need.

    It is settled once it had LOOKS and ``spaced`` has reached ``need``.
    """

    change: Change
    looks: int
    spaced: int = 0
    need: int = 0

    @property
    def soon(self) -> bool:
        """Whether another look at any time is all that is missing."""
        return self.spaced >= self.need

    def to_json(self) -> Json:
        before, after = self.change.before, self.change.after
        return {
            "before": before.to_json() if before else None,
            "after": after.to_json() if after else None,
            "looks": self.looks,
            "spaced": self.spaced,
            "need": self.need,
        }

    @classmethod
    def from_json(cls, data: Json) -> Pending:
        before, after = (
            from_json(data[side]) if data[side] else None for side in ("before", "after")
        )
        looks: int = data["looks"]  # 0.1 counted nothing else, and told no need
        return cls(
            Change(before, after), looks, data.get("spaced", looks), data.get("need", SPACED_LOOKS)
        )


@dataclass(frozen=True)
class Said:
    """Something that a page said and says no more: ``what`` is its hash, ``at`` when it was last
    left.

    ``looks`` is how many looks, a whole interval apart, it takes to believe it once more.
    """

    what: str
    at: datetime
    looks: int

    def to_json(self) -> Json:
        return {"what": self.what, "at": self.at.isoformat(), "looks": self.looks}

    @classmethod
    def from_json(cls, data: Json) -> Said:
        return cls(data["what"], datetime.fromisoformat(data["at"]), data["looks"])


class Settled(NamedTuple):
    """What a look settled, what waits for more, and what is remembered (``Said``) besides."""

    changes: list[Change]
    pending: list[Pending]
    recent: list[Said]


def snapshot(facts: Iterable[Fact]) -> dict[str, Fact]:
    return {fact.key: fact for fact in facts}


def diff(before: Snapshot, after: Snapshot) -> list[Change]:
    """What turns one snapshot into the other, by key. A notice that leaves is no change: feeds
    slide.
    """
    changes = [
        Change(before.get(key), fact)
        for key, fact in after.items()
        if key not in before or before[key].value != fact.value
    ]
    changes += [
        Change(fact, None)
        for key, fact in before.items()
        if key not in after and not isinstance(fact, Notice)
    ]
    return sorted(changes, key=lambda change: change.key)


def patch(before: Snapshot, changes: Iterable[Change]) -> dict[str, Fact]:
    """The snapshot after the changes: ``patch(a, diff(a, b))`` says what ``b`` says, beside notices
    that slid out.
    """
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


# --- settle
# ------------------------------------------------------------------------------------------------

#: Looks that every change needs; the second may come soon.
LOOKS = 2
#: Looks a whole interval apart that a change needs which costs a reader most if it is wrong.
SPACED_LOOKS = 2
#: How long a page must keep to something it said lately before that is believed again, and the
#: least looks.
RETURN, RETURN_LOOKS = timedelta(days=2), 8
#: Each further return takes twice as long as the one before, up to this many times the first.
SLOWEST = 4
#: For how long it is remembered that something was said, and how many things.
MEMORY, MOST_SAID = timedelta(days=30), 500


def settle(
    known: Snapshot,
    seen: Snapshot,
    pending: Sequence[Pending],
    recent: Iterable[Said],
    now: datetime,
    *,
    spaced: bool = True,
    every: timedelta = timedelta(hours=6),
    patience: int = 1,
    trusted: bool = False,
    feed: bool = False,
) -> Settled:
    """The changes that have been looked at often enough, those that wait, and what was said lately.

    Every change needs two agreeing looks. A removal, an end that appears or moves earlier and a
    price that more than doubles or halves need them a whole interval apart (``spaced`` says that
    this look is): pages flap for a day, as Vertex did on 2026-05-29 and Anthropic on 2026-02-19.
    What is no longer different is forgotten: A -> B -> A within the looks is nothing.

    A page that is served in two layouts by turns says B often enough in the end, and then A again.
    So what was left is remembered, and going back to it takes RETURN, the next time twice that.
    What was seen and went before it was believed needs whole intervals too, twice as many each
    time.

    All changes of one subject settle together, so that a price whose end date is dropped is one
    change and not an addition today and a removal tomorrow. Notices of a ``feed`` need one look: it
    slides, and XML that was cut is none. A changelog that was cut within an entry has another
    entry. ``every`` is the cadence. ``patience`` is how many spaced looks any change needs: a
    market price that moves every day settles only when it stays. ``trusted`` says that a guard or a
    person has looked at all of it often enough."""
    memory = remembered(recent, now)
    slow = max(RETURN_LOOKS, math.ceil(RETURN / every))
    waited = {wait.change.key: wait for wait in pending}
    settled: list[Change] = []
    waiting: list[Pending] = []
    left: dict[str, int] = {}  # what this look found gone, and the looks that it takes to come back
    page = (
        memory.get(_page(seen)) if memory else None
    )  # the page says again, as a whole, what it said lately
    for changes in _subjects(diff(known, seen)):
        again = max(_again(change, memory, page, now) for change in changes)
        need = max(
            again, patience if patience > 1 else 0, *(_spaced_looks(change) for change in changes)
        )
        had = [waited[change.key] for change in changes if _waited(change, waited)]
        alike = len(had) == len(changes)
        looks = 1 + (min(wait.looks for wait in had) if alike else 0)
        apart = spaced + (min(wait.spaced for wait in had) if alike else 0)
        if feed and isinstance(changes[0].fact, Notice):
            settled += changes
        elif trusted or (looks >= LOOKS and apart >= need):
            settled += changes
            left |= {_said(change.key, change.before): max(slow, 2 * again) for change in changes}
        else:
            waiting += (Pending(change, looks, apart, need) for change in changes)
    if left:
        left[_page(known)] = slow
    there = {
        _said(change.key, change.after) for change in (*settled, *(wait.change for wait in waiting))
    }
    for what in {
        _said(wait.change.key, wait.change.after) for wait in pending
    } - there:  # seen, never believed, gone
        left[what] = 2 * memory[what].looks if what in memory else SPACED_LOOKS
    memory |= {what: Said(what, now, min(looks, SLOWEST * slow)) for what, looks in left.items()}
    newest = sorted(memory.values(), key=lambda said: (said.at, said.what))[-MOST_SAID:]
    return Settled(sorted(settled, key=lambda change: change.key), waiting, newest)


def same_page(known: Snapshot, pending: Iterable[Pending]) -> dict[str, Fact]:
    """What another look at the very same page finds (304, or the same bytes)."""
    return patch(known, (wait.change for wait in pending))


def remembered(recent: Iterable[Said], now: datetime) -> dict[str, Said]:
    """What is still remembered, by its hash."""
    return {said.what: said for said in recent if now - said.at < MEMORY}


def _subjects(changes: Iterable[Change]) -> Iterable[list[Change]]:
    """The changes that settle together."""
    found: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        found[_subject(change.fact)].append(change)
    return found.values()


def _subject(fact: Fact) -> str:
    """What settles together: a fact by its key, a price without its dates, a retirement in all
    groups of Regions.
    """
    if isinstance(fact, Price):
        fact = replace(fact, starts=None, ends=None)
    elif isinstance(fact, Retirement):
        fact = replace(fact, region="")
    return fact.key


def _waited(change: Change, waited: Mapping[str, Pending]) -> bool:
    """Whether the look before this one found the same."""
    wait = waited.get(change.key)
    return wait is not None and _same(wait.change.after, change.after)


def _same(one: Fact | None, other: Fact | None) -> bool:
    return (one.value if one else None) == (other.value if other else None)


def _spaced_looks(change: Change) -> int:
    match change.before, change.after:
        case _, None:
            return SPACED_LOOKS
        case Retirement() as before, Retirement() as after if _sooner(
            before.retires, after.retires
        ):
            return SPACED_LOOKS
        case Price() as before, Price() as after if _factor(before.amount, after.amount) > 2:
            return SPACED_LOOKS
    return 0


def _again(change: Change, memory: Mapping[str, Said], page: Said | None, now: datetime) -> int:
    """The spaced looks that a change needs because it goes back to what was said lately; 0 if it
    does not.

    What came, ended on its day and leaves is no return to a page without it.
    """
    said = memory.get(_said(change.key, change.after)) or page
    if said is None or (change.after is None and _ended(change.fact, now, since=said.at)):
        return 0
    return said.looks


def _said(key: str, fact: Fact | None) -> str:
    """A short hash of what is said of a key; that it is absent is said too."""
    value = fact and [
        str(one.normalize() if isinstance(one, Decimal) else one) for one in fact.value
    ]
    return hashlib.sha256(json.dumps([key, value]).encode()).hexdigest()[:16]


def _page(facts: Snapshot) -> str:
    """A short hash of all that is said, beside notices."""
    said = sorted(_said(key, fact) for key, fact in facts.items() if not isinstance(fact, Notice))
    return hashlib.sha256("".join(said).encode()).hexdigest()[:16]


def _sooner(before: When | None, after: When | None) -> bool:
    """Whether an end appears where none was firm, or moves to an earlier time."""
    return firm(after) and (not firm(before) or after.starts < before.starts)


def _factor(before: Decimal, after: Decimal) -> Decimal:
    """By how much an amount went up or down, as a factor of at least 1; from or to zero is beyond
    all measure.
    """
    if not before or not after:
        return Decimal(1) if before == after else Decimal("Infinity")
    return max(before / after, after / before)


def _ended(fact: Fact, now: datetime, since: datetime | None = None) -> bool:
    """Whether a price or a model ended on its day, and since then if a time is given."""
    end = (
        fact.ends
        if isinstance(fact, Price)
        else fact.retires
        if isinstance(fact, Retirement)
        else None
    )
    return end is not None and passed(end, now) and (since is None or end.ends > since)


# --- check
# -------------------------------------------------------------------------------------------------

#: Years around now in which a date of a provider can lie (OpenAI's page goes back to 2022; Mistral
#: printed 2525).
PAST, FUTURE = timedelta(days=3653), timedelta(days=3653)
#: An end that moves earlier by more than this is asked about. Azure pulled gpt-4.1 in by a year,
#: and meant it.
PULLED_IN = timedelta(days=180)
#: A price that moves by more than this factor in one step is a slip until another source or a
#: person says otherwise.
SLIP = 10
#: From this factor on only a person's word counts: USD a token, per 1K and per 1M are a thousand
#: apart, and whoever copies a page copies its unit too.
UNIT_SLIP = 1000
#: A page that lost more than this share of its subjects is another page until a person says
#: otherwise.
HOLLOW = Decimal("0.6")
#: So is one with this many times as many new subjects as it had, or this many.
FLOOD, FLOOD_LEAST = 4, 100
#: Agreeing looks, a whole interval apart, that release what a guard holds.
FEW, SOME, MANY = 3, 4, 12

#: What may not be in an id: what is left of Markdown or HTML.
_MARKUP = re.compile(r"[`|\\<>\[\]]|\*\*|&[a-z]+;")


@dataclass(frozen=True)
class Doubt:
    """Why a document is held, in numbers, and what releases it.

    ``looks`` agreeing looks, a whole interval apart; None: only a person. Where the doubt is about
    the value of one ``fact``, another source that says the same of it releases it too. That is safe
    since somebody else read, or wrote, that very value; what is missing or came in a mass is not
    vouched for by a source that has some of it."""

    reason: str
    looks: int | None
    fact: Fact | None = None

    @property
    def release(self) -> str:
        """What releases the document, in words."""
        looks = (
            f"{self.looks} agreeing looks release it" if self.looks else "only a person releases it"
        )
        return looks + (", or another source that says the same" if self.fact else "")


def check(
    known: Snapshot,
    seen: Snapshot,
    now: datetime,
    agreed: Callable[[Sequence[Fact]], Collection[str]] = lambda facts: (),
) -> Doubt | None:
    """Why the facts of a document should not be taken over yet, or None; of several doubts the
    hardest to release.

    ``agreed`` gives the keys of those of the doubted facts of which another source says the same.
    Peers announced 443 retirements in one night and lost 60 of 61 rows in another; both were one
    page read wrong."""
    old, new = (
        dict(sorted(side.items())) for side in (known, seen)
    )  # of two alike, the same one in whatever order
    found = list(_doubts(old, new, now))
    doubted = [doubt.fact for doubt in found if doubt.fact]
    sure = agreed(doubted) if doubted else ()
    found = [doubt for doubt in found if not doubt.fact or doubt.fact.key not in sure]
    return max(
        found, key=lambda doubt: math.inf if doubt.looks is None else doubt.looks, default=None
    )


def _doubts(known: Snapshot, seen: Snapshot, now: datetime) -> Iterator[Doubt]:
    for fact in seen.values():
        if isinstance(fact, Retirement):
            yield from _of_another_age(fact, now)
    if any(not isinstance(fact, Notice) for fact in known.values()):
        yield from _misread_ids(known, seen)
        for change in diff(known, seen):
            yield from _unlikely(change)
        yield from _other_units(known, seen)
        yield from _masses(known, seen, now)


def _of_another_age(fact: Retirement, now: datetime) -> Iterator[Doubt]:
    for date in (fact.announced, fact.deprecated, fact.retires):
        if date and not now - PAST < date.starts < now + FUTURE:
            yield Doubt(
                f"{fact.model}: {date.text} is no date of this decade: {fact.quote!r}", None
            )


def _misread_ids(known: Snapshot, seen: Snapshot) -> Iterator[Doubt]:
    """Markup that was left in ids, and names where ids were."""
    old, new = ({fact.model for fact in side.values() if fact.model} for side in (known, seen))
    marked = sorted(model for model in new - old if _MARKUP.search(model))
    if marked and not any(_MARKUP.search(model) for model in old):
        yield Doubt(
            f"{len(marked)} of {len(new)} ids hold markup, none did before: {marked[0]!r}", None
        )
    spaced, before = (sum(" " in model for model in side) for side in (new, old))
    if old and 2 * spaced > len(new) and 2 * before < len(old):
        yield Doubt(
            f"{spaced} of {len(new)} ids are names with spaces, {before} of {len(old)} were before",
            None,
        )


def _unlikely(change: Change) -> Iterator[Doubt]:
    match change.before, change.after:
        case Price() as before, Price() as after if (
            factor := _factor(before.amount, after.amount)
        ) > SLIP:
            yield _slip(before, after, factor)
        case Retirement(retires=When() as was), Retirement(retires=When() as to) as after if firm(
            to
        ):
            if (earlier := was.starts - to.starts) > PULLED_IN:
                words = (
                    f"{after.model}: {was} -> {to}, "
                    f"{earlier.days} days earlier, more than {PULLED_IN.days}"
                )
                yield Doubt(words, FEW, after)
    match change.after:
        case Retirement(retires=When(bound="on" | "by") as end) as after:
            for told in (after.announced, after.deprecated):
                if told and end.ends <= told.starts:
                    yield Doubt(
                        f"{after.model}: retires {end}, before it was announced, {told}: "
                        f"{after.quote!r}",
                        MANY,
                    )
        case Price(starts=When() as start, ends=When() as end) as after if end.ends <= start.starts:
            yield Doubt(f"{after.model}: a price from {start} until {end}: {after.quote!r}", MANY)


def _slip(before: Price, after: Price, factor: Decimal) -> Doubt:
    was = f"{before.amount}" if before.per == after.per else f"{before.amount} per {before.per}"
    words = f"{after.meter} goes from {was} to {after.amount} {after.currency} per {after.per}"
    return Doubt(
        f"{after.model}: {words}, more than a factor of {SLIP}",
        None,
        after if factor < UNIT_SLIP else None,
    )


def _other_units(known: Snapshot, seen: Snapshot) -> Iterator[Doubt]:
    """Prices that come per another unit or in another currency than the one that went."""
    gone: dict[str, list[Price]] = defaultdict(list)
    for key, fact in known.items():
        if isinstance(fact, Price) and key not in seen:
            gone[_offer(fact)].append(fact)
    for key, fact in seen.items():
        if not isinstance(fact, Price) or key in known or not (before := gone.get(_offer(fact))):
            continue
        if all(was.currency != fact.currency for was in before):
            words = f"{fact.model}: {fact.meter} is in {fact.currency}, was in {before[0].currency}"
            yield Doubt(words, SOME, fact)
            continue
        factors = [
            (_factor(_each(was), _each(fact)), was) for was in before if _noun(was) == _noun(fact)
        ]
        factor, was = min(factors, key=lambda pair: pair[0], default=(Decimal(1), fact))
        if factor > SLIP:
            yield _slip(was, fact, factor)


def _offer(price: Price) -> str:
    """What is priced, whatever the unit, the currency and the days."""
    return replace(price, per="request", currency="", starts=None, ends=None).key


def _noun(price: Price) -> str:
    return _unit(price.per)[1]


def _each(price: Price) -> Decimal:
    """The amount for one token, image, second."""
    return price.amount / _unit(price.per)[0]


def _unit(per: str) -> tuple[int, str]:
    """How many of what: ``1M tokens`` are (1000000, "token"), a ``minute`` is (60, "second")."""
    head, _, rest = per.partition(" ")
    count, noun = 1, per
    if head[0].isdigit():
        count, noun = int(head.rstrip("KM")) * {"K": 1000, "M": 1_000_000}.get(head[-1], 1), rest
    noun = noun.removesuffix("s")
    seconds = {"second": 1, "minute": 60, "hour": 3600}
    return (count * seconds[noun], "second") if noun in seconds else (count, noun)


def _masses(known: Snapshot, seen: Snapshot, now: datetime) -> Iterator[Doubt]:
    """What a page does not do in one step: lose, gain or change most of what it has."""
    old, new = (
        {
            _subject(fact)
            for fact in side.values()
            if not isinstance(fact, Notice) and not (isinstance(fact, Price) and _ended(fact, now))
        }
        for side in (known, seen)
    )
    gone, came = len(old - new), len(new - old)
    turned = named = unnamed = 0
    for key in known.keys() & seen.keys():
        match known[key], seen[key]:
            case Retirement() as was, Retirement() as became:
                turned += (was.stage, was.retires) != (became.stage, became.retires)
                named += bool(was.replacements)
                unnamed += bool(was.replacements and not became.replacements)
            case was, became:
                turned += was.value != became.value
    if gone > max(3, len(old) // 5):
        yield Doubt(
            f"{gone} of {len(old)} facts are missing", None if gone > len(old) * HOLLOW else MANY
        )
    if came > max(20, len(old)):
        flood = came > max(FLOOD_LEAST, FLOOD * len(old))
        yield Doubt(f"{came} facts are new beside {len(old)} known ones", None if flood else SOME)
    if turned > max(10, len(old) // 2):
        yield Doubt(f"{turned} of {len(old)} facts say something else", SOME)
    if unnamed > max(
        3, named // 3
    ):  # how a column looks that vanished from a page where it may be absent
        yield Doubt(f"{unnamed} of {named} facts name no replacement any more", SOME)
