"""Say in a few words what happened and when: the text that messages of all transports share. Pure.

Dates stay as vague as they are, and days are counted on the day on which a message is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from monitor.core.ends import days_left
from monitor.core.facts import When
from monitor.delivery.message_context import PriceComparison
from monitor.store.model_lookup import Successor
from monitor.store.tables import EventRow

#: One and many of each kind, for the title of a list.
COUNTED = {
    "model.listed": ("new model", "new models"),
    "model.unlisted": ("model left its list", "models left their lists"),
    "model.relisted": ("model is back", "models are back"),
    "model.changed": ("model changed", "models changed"),
    "model.retargeted": ("name points elsewhere", "names point elsewhere"),
    "retirement.announced": ("retirement announced", "retirements announced"),
    "retirement.postponed": ("retirement postponed", "retirements postponed"),
    "retirement.advanced": ("retirement moved earlier", "retirements moved earlier"),
    "retirement.changed": ("retirement changed", "retirements changed"),
    "retirement.withdrawn": ("retirement withdrawn", "retirements withdrawn"),
    "retirement.completed": ("model retired", "models retired"),
    "retirement.reminder": ("reminder", "reminders"),
    "replacement.changed": ("replacement changed", "replacements changed"),
    "price.added": ("new price", "new prices"),
    "price.increased": ("price increased", "prices increased"),
    "price.decreased": ("price decreased", "prices decreased"),
    "price.changed": ("price changed", "prices changed"),
    "price.removed": ("price removed", "prices removed"),
    "price.scheduled": ("price scheduled", "prices scheduled"),
    "price.unscheduled": ("scheduled price dropped", "scheduled prices dropped"),
    "notice.published": ("article", "articles"),
    "conflict.opened": ("contradiction", "contradictions"),
    "conflict.closed": ("contradiction settled", "contradictions settled"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: The count of days that a summary has from the day of the event.
_COUNT_OF_DAYS = re.compile(r" \((?:in \d+ days?|today)\)|, (?:in \d+ days?|today)(?=[ ;]|$)")
#: Successors of a model that are named.
_MOST_SUCCESSORS = 5


def _as_is(text: str) -> str:
    return text


def summary(event: EventRow, now: datetime) -> str:
    """Return the summary of an event, with the days that are left today."""
    return recounted(event, event.summary, now).replace(" -> ", " → ")


def recounted(event: EventRow, text: str, now: datetime) -> str:
    """Return a text with its count of days as of today, behind the date it counts to."""
    when = When.from_json(event.effective)
    if when is None:
        return text
    ahead, date_text = days_ahead(event, now), str(when)
    text = _COUNT_OF_DAYS.sub("", text)
    at = text.rfind(date_text)
    if not ahead or at < 0:
        return text
    end = at + len(date_text)
    return f"{text[:end]} ({ahead}){text[end:]}"


def change_of(event: EventRow) -> str:
    """Return what changed, without the model it changed for: equal changes are told together."""
    return event.summary.partition(": ")[2]


def headline(event: EventRow) -> str:
    """Return what happened in a few words that begin with the model."""
    when = When.from_json(event.effective)
    at, name = (day(when) if when else ""), event.model or event.source_id
    match event.kind:
        case "retirement.announced" | "retirement.reminder":
            return f"{name} retires {at}" if at else f"{name} will be retired, no date told"
        case "retirement.postponed":
            return f"{name}: retirement postponed to {at.removeprefix('on ')}"
        case "retirement.advanced":
            return f"{name}: retirement moved earlier, to {at.removeprefix('on ')}"
        case "retirement.changed":
            return f"{name}: retirement changed" + (f", now {at}" if at else "")
        case "retirement.withdrawn":
            return f"{name}: retirement withdrawn"
        case "retirement.completed":
            return f"{name} is retired"
        case "replacement.changed":
            return f"{name}{f' retires {at}' if at else ''}: another replacement is named"
        case "notice.published":
            return change_of(event) or event.summary
        case kind:
            return f"{name}: {COUNTED.get(kind, (kind.replace('.', ' '), ''))[0]}"


def place(event: EventRow) -> str:
    """Return version, region and surface of an offering, as far as they are special."""
    region = f"in {event.region}" if event.region else ""
    surface = event.surface if event.surface != "api" else ""
    return ", ".join(part for part in (event.version, region, surface) if part)


def successor_chain(
    successors: Sequence[Successor],
    name: Callable[[str], str] = _as_is,
    word: Callable[[str], str] = _as_is,
) -> str:
    """Return the replacements of a model, each with its own end, followed to those that live.

    ``name`` and ``word`` write a model and a stage in the markup of a message."""
    texts = []
    for successor in successors[:_MOST_SUCCESSORS]:
        end, flag = successor.retires, ""
        if not successor.lives:
            stage = successor.stage or "gone"
            if end:
                stage = "retired" if successor.gone else "retires"
            flag = f" (itself {word(stage)}{f' {day(end)}' if end else ''})"
        then = successor_chain(successor.successors, name, word)
        texts.append(f"{name(successor.model)}{flag}{f' → {then}' if then else ''}")
    return " or ".join(texts)


def price_change(price: PriceComparison) -> str:
    """Return ``input 5 → 4 (-20 %)``."""
    change = ""
    if price.old and price.old != price.new:
        change = f" ({(price.new / price.old - 1) * 100:+.0f} %)"
    return f"{price.meter.replace('_', ' ')} {price.old:f} → {price.new:f}{change}"


def day(when: When) -> str:
    """Return a date as vague as it is: ``on 7 May 2026``, ``in August 2026``, ``in Q3 2026``, ``not
    before 29 Sep 2026``.
    """
    year, _, rest = when.text.partition("-")
    if not rest or rest.startswith("Q"):
        text, preposition = f"{rest} {year}".strip(), "in "
    elif len(rest) == 2:
        text, preposition = f"{_MONTHS[int(rest) - 1]} {year}", "in "
    else:
        text, preposition = date(when.starts), "on "
        text += f", {when.starts:%H:%M} UTC" if len(when.text) > 10 else ""
    return {"on": preposition, "by": "by ", "not_before": "not before "}[when.bound] + text


def date(at: datetime) -> str:
    """Return ``7 May 2026``."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def days_ahead(event: EventRow, now: datetime) -> str:
    """Return the days to a date that is one day and firm, "in 34 days" or "tomorrow".

    A floor, a month or a deadline is not counted down: then it is empty."""
    when = When.from_json(event.effective)
    left = days_left(when, now.astimezone(UTC)) if when and when.bound == "on" else None
    if left is None or left < 0 or event.kind in ("retirement.completed", "retirement.withdrawn"):
        return ""
    return {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
