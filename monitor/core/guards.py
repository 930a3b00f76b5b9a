"""Hold a document that is probably misread: mass removals, wrong units, damaged ids. Pure.

A guard asks, and never vetoes for ever: each ``Doubt`` says what releases the document. Other
projects announced 443 retirements in one night, and lost 60 of 61 rows in another. Both times one
page was misread."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from monitor.core.diff import Change, Snapshot, diff, factor, group
from monitor.core.ends import firm, passed
from monitor.core.facts import Fact, Notice, Price, Retirement, When

#: How far from now a provider's date can lie. OpenAI's page goes back to 2022; Mistral printed
#: 2525.
PAST, FUTURE = timedelta(days=3653), timedelta(days=3653)
#: A retirement that moves earlier by more than this is doubted. Azure pulled gpt-4.1 in by a year,
#: and meant it.
PULLED_IN = timedelta(days=180)
#: A price that moves by more than this factor is a slip, until another source or an operator
#: confirms it.
SLIP = 10
#: From this factor on, only an operator can confirm a price. USD per token, per 1K and per 1M are a
#: thousand apart, and whoever copies a page copies its unit too.
UNIT_SLIP = 1000
#: A page that lost more than this share of its facts is another page, until an operator approves
#: it.
HOLLOW = Decimal("0.6")
#: So is a page with this many times as many new facts as it had, or with this many.
FLOOD, FLOOD_LEAST = 4, 100
#: Agreeing polls, a full interval apart, that release a held document.
FEW, SOME, MANY = 3, 4, 12

#: Rests of Markdown or HTML, which no id contains.
_MARKUP = re.compile(r"[`|\\<>\[\]]|\*\*|&[a-z]+;")


@dataclass(frozen=True)
class Doubt:
    """Why a document is held, in numbers, and what releases it.

    ``polls`` is the number of agreeing polls, a full interval apart; None means that only an
    operator can release it. Where the doubt is about the value of one ``fact``, another source with
    that very value releases it too. That is safe, because somebody else read or wrote the value.
    A source that has a part of what is missing, or came in a mass, vouches for nothing."""

    reason: str
    polls: int | None
    fact: Fact | None = None

    @property
    def release(self) -> str:
        """Say as text how the document is released."""
        polls = (
            f"{self.polls} agreeing looks release it" if self.polls else "only a person releases it"
        )
        return polls + (", or another source that says the same" if self.fact else "")


def check(
    current: Snapshot,
    facts: Snapshot,
    now: datetime,
    agreed: Callable[[Sequence[Fact]], Collection[str]] = lambda facts: (),
) -> Doubt | None:
    """Return why a document should not be believed yet, or None.

    If several checks fail, return the doubt that is hardest to release. ``agreed`` returns the keys
    of those doubted facts that another source confirms."""
    # Sort both sides, so that of two equal doubts the same one is returned in any order of facts.
    old, new = (dict(sorted(side.items())) for side in (current, facts))
    doubts = list(_doubts(old, new, now))
    doubted = [doubt.fact for doubt in doubts if doubt.fact]
    confirmed = agreed(doubted) if doubted else ()
    doubts = [doubt for doubt in doubts if not doubt.fact or doubt.fact.key not in confirmed]
    return max(
        doubts, key=lambda doubt: math.inf if doubt.polls is None else doubt.polls, default=None
    )


def _doubts(current: Snapshot, facts: Snapshot, now: datetime) -> Iterator[Doubt]:
    for fact in facts.values():
        if isinstance(fact, Retirement):
            yield from _impossible_years(fact, now)
    if any(not isinstance(fact, Notice) for fact in current.values()):
        yield from _damaged_ids(current, facts)
        for change in diff(current, facts):
            yield from _large_moves(change)
            yield from _impossible_orders(change.after)
        yield from _other_units(current, facts)
        yield from _missing_or_new(current, facts, now)
        yield from _many_changes(current, facts, now)


def _impossible_years(fact: Retirement, now: datetime) -> Iterator[Doubt]:
    for date in (fact.announced, fact.deprecated, fact.retires):
        if date and not now - PAST < date.starts < now + FUTURE:
            yield Doubt(
                f"{fact.model}: {date.text} is no date of this decade: {fact.quote!r}", None
            )


def _damaged_ids(current: Snapshot, facts: Snapshot) -> Iterator[Doubt]:
    """Doubt markup that was left in ids, and display names in the place of ids."""
    old, new = ({fact.model for fact in side.values() if fact.model} for side in (current, facts))
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


def _large_moves(change: Change) -> Iterator[Doubt]:
    """Doubt a price that moves by a large factor, and a retirement that moves far earlier."""
    match change.before, change.after:
        case Price() as before, Price() as after:
            times = factor(before.amount, after.amount)
            if times > SLIP:
                yield _slip(before, after, times)
        case Retirement(retires=When() as was), Retirement(retires=When() as to) as after:
            earlier = was.starts - to.starts
            if firm(to) and earlier > PULLED_IN:
                move = f"{was} -> {to}, {earlier.days} days earlier, more than {PULLED_IN.days}"
                yield Doubt(f"{after.model}: {move}", FEW, after)


def _impossible_orders(fact: Fact | None) -> Iterator[Doubt]:
    """Doubt a retirement before its announcement, and a price that ends before it starts."""
    match fact:
        case Retirement(retires=end) if firm(end):
            for date in (fact.announced, fact.deprecated):
                if date and end.ends <= date.starts:
                    yield Doubt(
                        f"{fact.model}: retires {end}, before it was announced, {date}: "
                        f"{fact.quote!r}",
                        MANY,
                    )
        case Price(starts=When() as start, ends=When() as end) if end.ends <= start.starts:
            yield Doubt(f"{fact.model}: a price from {start} until {end}: {fact.quote!r}", MANY)


def _slip(before: Price, after: Price, times: Decimal) -> Doubt:
    was = f"{before.amount}" if before.per == after.per else f"{before.amount} per {before.per}"
    move = f"{after.meter} goes from {was} to {after.amount} {after.currency} per {after.per}"
    return Doubt(
        f"{after.model}: {move}, more than a factor of {SLIP}",
        None,
        after if times < UNIT_SLIP else None,
    )


def _other_units(current: Snapshot, facts: Snapshot) -> Iterator[Doubt]:
    """Doubt a new price in another currency than the one that went, or far from it in its unit."""
    removed: dict[str, list[Price]] = defaultdict(list)
    for key, fact in current.items():
        if isinstance(fact, Price) and key not in facts:
            removed[_offer(fact)].append(fact)
    for key, fact in facts.items():
        if (
            not isinstance(fact, Price)
            or key in current
            or not (before := removed.get(_offer(fact)))
        ):
            continue
        if all(price.currency != fact.currency for price in before):
            move = f"{fact.meter} is in {fact.currency}, was in {before[0].currency}"
            yield Doubt(f"{fact.model}: {move}", SOME, fact)
            continue
        comparable = [price for price in before if _unit(price.per)[1] == _unit(fact.per)[1]]
        factors = [(factor(_per_piece(price), _per_piece(fact)), price) for price in comparable]
        times, nearest = min(factors, key=lambda pair: pair[0], default=(Decimal(1), fact))
        if times > SLIP:
            yield _slip(nearest, fact, times)


def _offer(price: Price) -> str:
    """Return the key of what is priced, whatever the unit, the currency and the dates."""
    return replace(price, per="request", currency="", starts=None, ends=None).key


def _per_piece(price: Price) -> Decimal:
    """Return the amount for one token, image or second."""
    return price.amount / _unit(price.per)[0]


def _unit(per: str) -> tuple[int, str]:
    """Return a count and a noun: ``1M tokens`` is (1000000, "token"), a ``minute`` (60,
    "second").
    """
    head, _, rest = per.partition(" ")
    count, noun = 1, per
    if head[0].isdigit():
        count, noun = int(head.rstrip("KM")) * {"K": 1000, "M": 1_000_000}.get(head[-1], 1), rest
    noun = noun.removesuffix("s")
    seconds = {"second": 1, "minute": 60, "hour": 3600}
    return (count * seconds[noun], "second") if noun in seconds else (count, noun)


def _groups(facts: Snapshot, now: datetime) -> set[str]:
    """Return what a page holds, without notices and prices that are over: both leave all the
    time.
    """
    return {
        group(fact)
        for fact in facts.values()
        if not isinstance(fact, Notice) and not (isinstance(fact, Price) and passed(fact.ends, now))
    }


def _missing_or_new(current: Snapshot, facts: Snapshot, now: datetime) -> Iterator[Doubt]:
    """Doubt a page that loses or gains most of its facts in one step."""
    old, new = _groups(current, now), _groups(facts, now)
    gone, came = len(old - new), len(new - old)
    if gone > max(3, len(old) // 5):
        yield Doubt(
            f"{gone} of {len(old)} facts are missing", None if gone > len(old) * HOLLOW else MANY
        )
    if came > max(20, len(old)):
        flood = came > max(FLOOD_LEAST, FLOOD * len(old))
        yield Doubt(f"{came} facts are new beside {len(old)} known ones", None if flood else SOME)


def _many_changes(current: Snapshot, facts: Snapshot, now: datetime) -> Iterator[Doubt]:
    """Doubt a page that changes most of its facts, or loses its replacements, in one step."""
    total = len(_groups(current, now))
    changed = named = unnamed = 0
    for key in current.keys() & facts.keys():
        match current[key], facts[key]:
            case Retirement() as before, Retirement() as after:
                changed += (before.stage, before.retires) != (after.stage, after.retires)
                named += bool(before.replacements)
                unnamed += bool(before.replacements and not after.replacements)
            case before, after:
                changed += before.value != after.value
    if changed > max(10, total // 2):
        yield Doubt(f"{changed} of {total} facts say something else", SOME)
    # A column that vanished from a page where it may be absent looks like this.
    if unnamed > max(3, named // 3):
        yield Doubt(f"{unnamed} of {named} facts name no replacement any more", SOME)
