"""From a settled change to what it means for a person: kind, severity, identity and one line of
words. Pure.

The list of kinds is closed (docs/design.md). The identity of an event is a hash of what it says and
of which occurrence of that same saying it is, never of when it was polled: a second run, a crash or
a restart adds nothing."""

from __future__ import annotations

import hashlib
import json
from base64 import b32encode
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING

from monitor.core.diff import Change, Snapshot
from monitor.core.ends import days_left, firm, is_day, leaving, over, passed, scheduled
from monitor.core.facts import Fact, Json, Listing, Notice, Price, Retirement, When
from monitor.core.origin import Origin
from monitor.core.severity import Severity, move, severity

if TYPE_CHECKING:
    from monitor.core.claims import Mark

KINDS = (
    "model.listed",
    "model.unlisted",
    "model.relisted",
    "model.changed",
    "model.retargeted",
    "retirement.announced",
    "retirement.postponed",
    "retirement.advanced",
    "retirement.changed",
    "retirement.withdrawn",
    "retirement.completed",
    "retirement.reminder",
    "replacement.changed",
    "price.added",
    "price.increased",
    "price.decreased",
    "price.changed",
    "price.removed",
    "price.scheduled",
    "price.unscheduled",
    "notice.published",
    "conflict.opened",
    "conflict.closed",
    "source.suspect",
    "source.failing",
    "source.stale",
    "source.recovered",
    "endpoint.disabled",
    "endpoint.failing",
    "endpoint.recovered",
)


@dataclass(frozen=True)
class Draft:
    """An event before it has its place in the log.

    ``fact`` is None for events about a source itself. ``once``: the log holds what it says at most
    one time, of an ``occasion`` (the mark of a reminder) whichever source it was read from.
    ``corrects`` is the id of an earlier event that no longer holds."""

    kind: str
    severity: Severity
    fact: Fact | None
    summary: str
    before: Fact | None = None
    after: Fact | None = None
    effective: When | None = None
    once: bool = False
    occasion: str = ""
    corrects: str | None = None

    @property
    def quote(self) -> str:
        fact = self.after or self.before or self.fact
        return fact.quote if fact else ""


def says(source_id: str, draft: Draft) -> str:
    """A hash of what an event says: which source, which kind, which subject, from what to what."""
    sides: list[object] = [_said(draft.before), _said(draft.after)]
    if draft.corrects:  # whichever source it was that told otherwise: an event is corrected once
        source_id, sides = "", [draft.corrects]
    elif draft.once:
        sides = [draft.effective.text if draft.effective else ""]
        if draft.occasion:
            source_id, sides = "", [*sides, draft.occasion]
    about = [draft.fact.provider, draft.fact.key] if draft.fact else []
    text = json.dumps([source_id, draft.kind, *about, *sides], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def identify(said: str, occurrence: int) -> str:
    """The id of an event: of what it says, and how many times the log said it before."""
    digest = hashlib.sha256(f"{said} {occurrence}".encode()).digest()
    return "evt_" + b32encode(digest[:15]).decode().lower()


def _said(fact: Fact | None) -> Json | None:
    if fact is None:
        return None
    own: Json = {"key": fact.key}
    for name, value in zip(fact.telling, fact.value, strict=True):
        if isinstance(fact, Price) and name == "amount":
            own[name] = str(fact.amount.normalize())
        else:
            own[name] = _plain(value)
    return own


def _plain(value: object) -> object:
    if isinstance(value, When):
        return [value.text, value.bound]
    return list(value) if isinstance(value, tuple) else value


# --- interpretation
# ----------------------------------------------------------------------------------------


def interpret(
    source: Origin,
    changes: Sequence[Change],
    now: datetime,
    returned: Collection[str] = (),
    ends: Mapping[str, Retirement] | None = None,
    marks: Mapping[str, Sequence[Mark]] | None = None,
) -> list[Draft]:
    """Return the events of the settled changes of one poll, in the order of their keys.

    ``returned`` are keys that stood before, ended, and are now back. ``ends`` are the provider's
    retirements by folded model id, from any source: a model that leaves a list after its end was
    retired, not unlisted, and a replacement that itself retires is named with its end. A hint
    raises no event: it confirms or contradicts. News raises notices only, with the ``marks`` of
    their claims by the key of the notice."""
    drafts: list[Draft] = []
    prices: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(_by_region(changes, now), key=lambda change: change.key):
        match change.fact:
            case Price() as price:
                prices[replace(price, starts=None, ends=None).key].append(change)
            case Retirement():
                drafts += _retirement(
                    change, now, source.keeps_retired, change.key in returned, ends or {}
                )
            case Listing():
                drafts += _listing(change, change.key in returned, ends or {}, now)
            case Notice() as notice:
                drafts.append(_published(change, notice, (marks or {}).get(change.key, ())))
    for _, group in sorted(prices.items()):
        drafts += _prices(group, now)
    if source.kind != "official":
        drafts = [
            draft for draft in drafts if source.kind == "news" and draft.kind == "notice.published"
        ]
    return drafts


def _published(change: Change, notice: Notice, marks: Sequence[Mark]) -> Draft:
    """An article with the mark of its claims before its title, and one line for each claim in its
    note.
    """
    if not marks:
        return _draft("notice.published", "info", change, notice.title)
    from monitor.core.claims import overall  # only news pays for the patterns of claims

    noted = replace(notice, note="\n".join(map(str, marks)))
    return _draft(
        "notice.published",
        "info",
        Change(change.before, noted),
        f"{overall(marks)}: {notice.title}",
    )


def correction(notice: Notice, marks: Sequence[Mark], corrects: str) -> Draft:
    """The article once more, of which the official sources now say something else than when it was
    told.
    """
    draft = _published(Change(None, notice), notice, marks)
    words = draft.summary.replace(f"{subject(notice)}: ", f"{subject(notice)}: now ", 1)
    return replace(draft, severity="notice", summary=words, once=True, corrects=corrects)


def _by_region(changes: Sequence[Change], now: datetime) -> Iterator[Change]:
    """The changes, where rows that went and rows that came speak of common Regions, cut along
    those.

    Bedrock cuts its groups of Regions anew: in May 2026 one of the seven Regions of a row had a
    later end in a row of its own. For the common Regions that is a row which changed; for the
    others one went, or came."""
    moved: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if isinstance(change.fact, Retirement) and (change.before is None or change.after is None):
            moved[replace(change.fact, region="").key].append(change)
        else:
            yield change
    for group in moved.values():
        for old, new in product(group, group):
            shared = _regions(old) & _regions(new)
            if old.before and new.after and shared:
                yield Change(_within(old.before, shared), _within(new.after, shared))
        for change in group:
            others = [
                _regions(other)
                for other in group
                if (other.before is None) != (change.before is None)
            ]
            left = _regions(change).difference(*others)
            if left == _regions(change) or (
                left and isinstance(change.fact, Retirement) and over(change.fact, now)
            ):
                yield change  # an end that has passed was told of the whole row
            elif left:
                fact = _within(change.fact, left)
                yield Change(fact, None) if change.before else Change(None, fact)


def _regions(change: Change) -> set[str]:
    return set(change.fact.region.split(", "))


def _within(fact: Fact, regions: set[str]) -> Fact:
    return replace(fact, region=", ".join(sorted(regions)))


def completions(
    facts: Iterable[Fact], now: datetime, ends: Mapping[str, Retirement] | None = None
) -> list[Draft]:
    """Retirements whose firm date is over, page or no page. A floor never completes. ``ends`` as in
    ``interpret``.
    """
    return [
        _completed(Change(None, fact), fact, now, ends or {})
        for fact in facts
        if isinstance(fact, Retirement) and fact.stage != "retired" and passed(fact.retires, now)
    ]


#: A reminder this near its end is critical: it cannot wait for the morning. Any earlier one is no
#: news, and can.
LAST_DAYS = 1


def reminder(
    fact: Retirement, end: When, mark: int, now: datetime, ends: Mapping[str, Retirement]
) -> Draft:
    """Return the reminder that a firm day is ``mark`` days away, or was while the service was down.
    ``ends`` as in ``interpret``.
    """
    left = (end.starts.date() - now.date()).days
    when = "today" if left == 0 else f"in {days(left)}"
    late = f" (reminder of {days(mark)}, late)" if left < mark else ""
    words = f"retires {end}, {when}{late}{_instead(fact, now, ends)}"
    urgency: Severity = "critical" if left <= LAST_DAYS else "action"
    told = _draft("retirement.reminder", urgency, Change(None, fact), words, end)
    return replace(told, once=True, occasion=str(mark))


def next_completion(facts: Snapshot, now: datetime) -> datetime | None:
    """The next instant at which ``completions`` will have something more to say."""
    ahead = (
        fact.retires.ends
        for fact in facts.values()
        if isinstance(fact, Retirement) and fact.stage != "retired"
        if firm(fact.retires) and not passed(fact.retires, now)
    )
    return min(ahead, default=None)


def _draft(
    kind: str, severity: Severity, change: Change, words: str, effective: When | None = None
) -> Draft:
    line = " ".join(
        f"{subject(change.fact)}: {words}".split()
    )  # titles and names may be broken over lines
    return Draft(kind, severity, change.fact, line, change.before, change.after, effective)


def subject(fact: Fact) -> str:
    """The offering in words: ``azure/gpt-4o 2024-05-13 in eastus (fine-tuning)``."""
    name = f"{fact.provider}/{fact.model}" if fact.model else fact.provider
    version = f" {fact.version}" if fact.version else ""
    region = f" in {fact.region}" if fact.region else ""
    return name + version + region + (f" ({fact.surface})" if fact.surface != "api" else "")


def days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _left(end: When, now: datetime) -> str:
    """How long until a firm date, in words; a floor is never counted down."""
    left = days_left(end, now)
    if left is None or left < 0:
        return ""
    return f" (in {days(left)})" if left else " (today)"


def _instead(fact: Retirement, now: datetime, ends: Mapping[str, Retirement]) -> str:
    """The replacements in words, each with its own end if it has one."""
    if not fact.replacements:
        return "; no replacement named"
    named = (name + _itself(ends.get(name.casefold()), now) for name in fact.replacements)
    return f"; replacement {' or '.join(named)}"


def _itself(end: Retirement | None, now: datetime) -> str:
    """Say that a replacement retires too: `` (itself retires 2026-12-01)``."""
    if end is None:
        return ""
    when = f" {end.retires}" if firm(end.retires) else ""
    if over(end, now):
        return f" (itself retired{when})"
    return (
        f" (itself retires{when})"
        if when
        else " (itself deprecated)"
        if end.stage == "deprecated"
        else ""
    )


def _retirement(
    change: Change, now: datetime, keeps_retired: bool, back: bool, ends: Mapping[str, Retirement]
) -> Iterable[Draft]:
    match change.before, change.after:
        case None, Retirement() as after:
            yield _appeared(change, after, now, back, ends)
        case Retirement() as before, None:
            yield _vanished(change, before, now, keeps_retired, ends)
        case Retirement() as before, Retirement() as after:
            yield from _moved(change, before, after, now, ends)


def _appeared(
    change: Change, after: Retirement, now: datetime, back: bool, ends: Mapping[str, Retirement]
) -> Draft:
    if after.stage == "retired":
        return _completed(change, after, now, ends)
    if after.stage == "active" and not firm(after.retires):
        floor = f", retires {after.retires}" if after.retires else ""
        kind, words = (
            ("model.relisted", "back on the page") if back else ("model.listed", "on the page")
        )
        return _draft(kind, severity(None, after, now), change, f"{words}{floor}")
    return _announced(change, None, after, now, ends)


def _announced(
    change: Change,
    before: Retirement | None,
    after: Retirement,
    now: datetime,
    ends: Mapping[str, Retirement],
) -> Draft:
    if after.retires is None:
        words = f"{after.term or after.stage}, no date told"
    else:
        words = f"retires {after.retires}{_left(after.retires, now)}"
    urgency = severity(before, after, now)
    return _draft(
        "retirement.announced", urgency, change, words + _instead(after, now, ends), after.retires
    )


def _vanished(
    change: Change,
    before: Retirement,
    now: datetime,
    keeps_retired: bool,
    ends: Mapping[str, Retirement],
) -> Draft:
    """Absent after the date is retired. Absent before it is withdrawn only where rows stay on the
    page for good.
    """
    if over(before, now):
        if keeps_retired:
            return _draft("model.unlisted", "info", change, "left the page after its retirement")
        return _completed(change, before, now, ends)
    if before.stage == "active" and not firm(before.retires):
        return _draft(
            "model.unlisted", "action", change, "left the page; no retirement was announced"
        )
    date = f"was {before.retires}" if before.retires else "no date was told"
    if keeps_retired:
        words = f"retirement withdrawn, the row is gone, {date}"
        return _draft("retirement.withdrawn", "notice", change, words, before.retires)
    return _draft(
        "model.unlisted",
        "action",
        change,
        f"left the page before its retirement, {date}",
        before.retires,
    )


def _completed(
    change: Change, fact: Retirement, now: datetime, ends: Mapping[str, Retirement]
) -> Draft:
    when = f" on {fact.retires.text}" if fact.retires and fact.retires.bound == "on" else ""
    words = f"retired{when}{_instead(fact, now, ends)}"
    return replace(
        _draft("retirement.completed", "critical", change, words, fact.retires), once=True
    )


def _moved(
    change: Change,
    before: Retirement,
    after: Retirement,
    now: datetime,
    ends: Mapping[str, Retirement],
) -> Iterable[Draft]:
    told = _stage_or_date(change, before, after, now, ends)
    if told:
        yield told
        if told.kind in ("retirement.announced", "retirement.completed"):
            return  # its words name the replacement
    if before.replacements != after.replacements:
        was = " or ".join(before.replacements) or "none"
        to = (
            _instead(after, now, ends).removeprefix("; replacement ")
            if after.replacements
            else "none"
        )
        yield _draft(
            "replacement.changed", "info", change, f"replacement {to}, was {was}", after.retires
        )


def _stage_or_date(
    change: Change,
    before: Retirement,
    after: Retirement,
    now: datetime,
    ends: Mapping[str, Retirement],
) -> Draft | None:
    """The event about the stage and the date of a row, None where neither changed."""
    if after.stage == "retired" != before.stage:
        return _completed(change, after, now, ends)
    if leaving(after) and not leaving(before):
        return _announced(change, before, after, now, ends)
    kind, words = _date(before.retires, after.retires, now) or _stage(before, after)
    if not kind:
        return None
    urgency = severity(before, after, now)
    return _draft(kind, urgency, change, words, after.retires or before.retires)


def _stage(before: Retirement, after: Retirement) -> tuple[str, str]:
    """The kind and the words of a row that changed without its date; empty for none."""
    if before.stage != after.stage:
        if after.stage == "active" and before.stage == "deprecated" and not firm(after.retires):
            return "retirement.withdrawn", "no longer deprecated"
        return (
            "retirement.changed",
            f"{after.term or after.stage}, was {before.term or before.stage}",
        )
    if (before.announced, before.deprecated) != (after.announced, after.deprecated):
        return (
            "retirement.changed",
            f"announced {after.announced or after.deprecated or 'on no told day'}",
        )
    return "", ""


def _date(was: When | None, to: When | None, now: datetime) -> tuple[str, str] | None:
    """The kind and the words of a date that changed."""
    if was == to:
        return None
    if to is None:
        if firm(was):
            return "retirement.withdrawn", f"retirement withdrawn, was {was}"
        return "retirement.changed", f"no floor any more, was {was}"
    left = _left(to, now)
    if was is None:
        return "retirement.changed", f"retires {to}{left}"
    moved = abs((to.starts.date() - was.starts.date()).days)
    by = f" by {days(moved)}" if moved and is_day(to) and is_day(was) else ""
    match move(was, to):
        case "earlier":
            return "retirement.advanced", f"pulled in{by}, {was} -> {to}{left}"
        case "later":
            return "retirement.postponed", f"postponed{by}, {was} -> {to}{left}"
    return "retirement.changed", f"retires {to}{left}, was {was}"


def _listing(
    change: Change, back: bool, ends: Mapping[str, Retirement], now: datetime
) -> Iterable[Draft]:
    match change.before, change.after:
        case None, Listing():
            kind, words = ("model.relisted", "listed again") if back else ("model.listed", "listed")
            yield _draft(kind, "notice" if back else "info", change, words)
        case Listing() as before, None:
            end = ends.get(before.model.casefold()) or ends.get(before.alias_of.casefold())
            if end is None:
                yield _draft(
                    "model.unlisted",
                    "action",
                    change,
                    "no longer listed, and no retirement is known",
                )
            elif over(end, now):
                # Another platform's list, another platform's dates: say whose retirement it was.
                whose = (
                    "" if before.surface == end.surface else f"{end.model} on the {end.surface} "
                )
                words = f"no longer listed, {whose}retired {end.retires or ''}".rstrip()
                yield _draft("model.unlisted", "info", change, words)
            else:
                words = f"no longer listed, before its retirement ({end.retires or 'no date told'})"
                yield _draft("model.unlisted", "action", change, words)
        case Listing() as before, Listing() as after:
            if before.alias_of != after.alias_of:
                was = before.alias_of or "a model of its own"
                words = f"points to {after.alias_of or 'itself'}, was {was}"
                yield _draft("model.retargeted", "action", change, words)
            if words := ", ".join(_grown(before, after)):
                yield _draft("model.changed", "info", change, words)


def _grown(before: Listing, after: Listing) -> Iterable[str]:
    """Return the fields that changed. A field that was empty before is no change: lists gain fields
    (xAI, 2026-05-23).
    """
    for name in ("context_window", "max_output", "modalities"):
        old, new = getattr(before, name), getattr(after, name)
        if old and old != new:
            was, to = (", ".join(side) if isinstance(side, tuple) else side for side in (old, new))
            yield f"{name.replace('_', ' ')} {to or 'not told'}, was {was}"


# --- prices
# ------------------------------------------------------------------------------------------------


def _prices(group: Sequence[Change], now: datetime) -> Iterable[Draft]:
    """The changes of one price, whatever the days of its validity.

    A price that starts later is scheduled; that it then stands without its date says nothing new.
    One that ended is over and its leaving says nothing. What stands now before and after is one
    change: a dropped end date must not look like a new price and a lost one."""
    gone, came = [], []
    for change in group:
        match change.before, change.after:
            case Price() as before, Price() as after:
                yield from _repriced(before, after, now)
            case None, Price() as after:
                came.append(after)
            case Price() as before, None:
                gone.append(before)
    for price in [price for price in came if scheduled(price, now)]:
        came.remove(price)
        words = f"{metered(price)} will be {_amount(price)}{_from(price, now)}"
        yield _draft("price.scheduled", "action", Change(None, price), words, price.starts)
    for price in [price for price in gone if scheduled(price, now)]:
        gone.remove(price)
        if any(price.amount == other.amount for other in came):
            continue  # it took effect some hours early
        words = f"{metered(price)} of {_amount(price)}{_from(price, now)} is off the page"
        yield _draft("price.unscheduled", "notice", Change(price, None), words, price.starts)
    stood = [price for price in gone if not passed(price.ends, now)]
    stood.sort(key=lambda price: price.starts.text if price.starts else "")
    for price in came:
        if stood:
            yield from _repriced(stood.pop(), price, now)
        else:
            until = f" until {price.ends.text}" if price.ends else ""
            yield _draft(
                "price.added",
                "info",
                Change(None, price),
                f"{metered(price)} {_amount(price)}{until}",
            )
    for price in stood:
        yield _draft(
            "price.removed",
            "notice",
            Change(price, None),
            f"{metered(price)} is off the page, was {_amount(price)}",
        )


def _repriced(before: Price, after: Price, now: datetime) -> Iterable[Draft]:
    change = Change(before, after)
    if before.amount == after.amount:
        if before.ends != after.ends:
            was, to = (
                f"until {side.ends.text}" if side.ends else "without an end"
                for side in (before, after)
            )
            words = f"{metered(after)} {_amount(after)} now {to}, was {was}"
            yield _draft("price.changed", "notice", change, words, after.starts)
        return
    percent = f" ({(after.amount / before.amount - 1) * 100:+.0f} %)" if before.amount else ""
    words = f"{metered(after)} {before.amount:f} -> {_amount(after)}{percent}{_from(after, now)}"
    if after.amount > before.amount:
        yield _draft("price.increased", "action", change, words, after.starts)
    else:
        yield _draft("price.decreased", "notice", change, words, after.starts)


def _from(price: Price, now: datetime) -> str:
    return f" from {price.starts.text}" if price.starts and scheduled(price, now) else ""


def metered(price: Price) -> str:
    """Name the meter of a price with its conditions: ``input (>200k, batch)``."""
    conditions = [price.context, price.window, price.tier if price.tier != "standard" else ""]
    said = ", ".join(condition for condition in conditions if condition)
    return price.meter.replace("_", " ") + (f" ({said})" if said else "")


def _amount(price: Price) -> str:
    return f"{price.amount:f} {price.currency} per {price.per}"
