"""Answers to ``/lastcall upcoming`` and ``/lastcall show``, as lines of mrkdwn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from monitor.answers.endings import Ending
from monitor.answers.model import official_model
from monitor.answers.times import horizon
from monitor.answers.upcoming import upcoming as retirements_ahead
from monitor.core.ends import firm, over
from monitor.core.facts import Price
from monitor.core.interpret import metered
from monitor.core.patterns import Pattern
from monitor.core.wording import counted
from monitor.delivery import event_text
from monitor.delivery.message_context import METERS
from monitor.delivery.slack import mrkdwn

#: Lines of a list in an answer, prices among them, and events.
LINES, PRICES, EVENTS = 15, 8, 5


def upcoming(
    session: Session, words: Sequence[str], own_filters: Sequence[str], now: datetime
) -> list[str]:
    """Return the retirements ahead that the words ask for: a time, filters, or ``all``.

    Without a filter they are those that the channel follows."""
    filters, until = [], None
    for word in words:
        if word[:1].isdigit() and word[-1:] in "dhw":
            until = horizon(word, now)
        elif word != "all":
            filters.append(word)
    own = not filters and "all" not in words
    patterns = [Pattern.parse(text) for text in (own_filters if own else filters)]
    endings = retirements_ahead(session, now, until=until, patterns=patterns, floors=False).endings
    of = "of what this channel follows " if own and own_filters else ""
    if not endings:
        return [f"No retirement {of}is ahead{' in that time' if until else ''}."]
    lines = [f"*{counted(len(endings), 'retirement')} {of}ahead*"]
    lines += [_ending(ending, now) for ending in endings[:LINES]]
    if len(endings) > LINES:
        lines.append(
            f"… and {len(endings) - LINES} more; name a filter or a time, as in "
            "`/lastcall upcoming 60d openai`"
        )
    return lines


def show(session: Session, name: str, now: datetime) -> list[str]:
    """Return dates, replacements, prices and the latest events of a model. Raises NotFound."""
    model = official_model(session, name, now, retirements=LINES, events=EVENTS)
    lines = [f"*{mrkdwn.fit(name, 200)}*"]
    for ending in model.retirements:
        lines.append(_ending(ending, now))
        if chain := mrkdwn.successor_chain(ending.successors):
            lines.append(f"      use instead: {chain}")
    if not model.retirements:
        lines.append("No page says that it retires.")
    lines += _prices(version.fact for version in model.prices)
    if model.events:
        lines.append("*Lately*")
    for event in model.events:
        lines.append(f"• {event['detected_at'][:10]}: {mrkdwn.fit(event['summary'], 300)}")
    return lines


def _ending(ending: Ending, now: datetime) -> str:
    fact, left = ending.fact, ending.days_left
    surface = fact.surface if fact.surface != "api" else ""
    place = ", ".join(part for part in (fact.version, fact.region, surface) if part)
    name = mrkdwn.code(f"{fact.provider}/{fact.model}")
    name += f" ({mrkdwn.fit(place, 200)})" if place else ""
    if fact.retires is None:
        return f"• {name}: {mrkdwn.fit(fact.term or fact.stage, 100)}, no date told"
    verb = "retired" if over(fact, now) else "retires" if firm(fact.retires) else "stays,"
    count = f" (in {counted(left, 'day')})" if left and left > 0 else ""
    return f"• {name} {verb} {event_text.day(fact.retires)}{count}"


def _prices(prices: Iterable[Price]) -> list[str]:
    plain = [
        f"{price.provider}/{price.model}: {metered(price)} {price.amount:f} {price.currency} per "
        f"{price.per}"
        for price in prices
        if price.meter in METERS and price.tier == "standard" and not price.window
    ]
    lines = [f"• {mrkdwn.fit(line, 300)}" for line in plain[:PRICES]]
    return ["*Prices*", *lines] if lines else []
