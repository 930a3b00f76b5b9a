"""Build the card of one subject: what happened, when, what to use instead, what that costs, and
where it is written. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitor.core.ends import firm, near, passed
from monitor.core.facts import Json, When
from monitor.core.severity import SEVERITIES
from monitor.delivery import event_text
from monitor.delivery.event_subject import changes_retirement, retirement_of, subject
from monitor.delivery.message_context import NO_CONTEXT, Acknowledgement, MessageContext
from monitor.delivery.slack import blocks
from monitor.delivery.slack.blocks import Message
from monitor.delivery.slack.mrkdwn import (
    FIELD,
    LINE,
    SIGNS,
    TEXT,
    code,
    event_line,
    fit,
    link,
    successor_chain,
    unescape,
)
from monitor.store.tables import EventRow

#: Changes of one retirement that its card lists, if many came at once.
LISTED = 3
#: Slack takes ten fields in a section.
MOST_FIELDS = 10

SEVERITY_WORDS = {
    "info": "For information",
    "notice": "Worth knowing",
    "action": "Action needed",
    "critical": "Critical",
}


def card(
    events: Sequence[EventRow],
    now: datetime,
    context: MessageContext = NO_CONTEXT,
    buttons: bool = False,
) -> Message:
    """Return the message about one subject, as the last of its events leaves it."""
    event, severity = events[-1], _severity(events, now)
    sign, title = SIGNS[severity], event_text.headline(event)
    shown = [blocks.header(f"{sign} {title}")]
    if fields := _fields(events, now, context):
        shown.append(blocks.fields(fields))
    else:
        shown.append(blocks.section(event_line(event, now)))
    if len(events) > 1:
        lines = [f"• {event_line(listed, now)}" for listed in events[-LISTED:]]
        shown.append(blocks.section("\n".join(lines)))
    shown.append(_evidence(event, severity))
    if context.acknowledgement:
        shown.append(blocks.context(_acknowledged_text(context.acknowledgement)))
    if buttons and subject(event):
        shown.append(_buttons(event, context.acknowledgement))
    if not subject(event):
        return fit(f"{sign} {event_text.summary(event, now)}", TEXT), shown
    ahead = event_text.days_ahead(event, now)
    text = f"{sign} {SEVERITY_WORDS[severity]}: {title}{f' ({ahead})' if ahead else ''}."
    if successors := event_text.successor_chain(context.successors):
        text += f" Use {successors} instead."
    return fit(text, TEXT), shown


def reply(events: Sequence[EventRow], now: datetime) -> Message:
    """Return what changed, to stand in the thread under the card; or alone, if it is broadcast."""
    severity = _severity(events, now)
    sign = SIGNS[severity]
    text = " ".join(f"{sign} {event_text.summary(event, now)}" for event in events)
    lines = [f"{sign} {event_line(event, now)}" for event in events[-LISTED:]]
    return fit(text, TEXT), [
        blocks.section("\n".join(lines)),
        _evidence(events[-1], severity),
    ]


def _severity(events: Sequence[EventRow], now: datetime) -> str:
    """Return the gravest severity of the events.

    A card about a retirement ahead stays as grave as that is, whatever is added."""
    severities = [event.severity for event in events]
    event, when = events[-1], When.from_json(events[-1].effective)
    is_ahead = firm(when) and not passed(when, now)
    if subject(event) and event.kind != "retirement.withdrawn" and is_ahead:
        severities.append("critical" if near(when, now) else "action")
    return max(severities, key=SEVERITIES.index)


def _fields(
    events: Sequence[EventRow], now: datetime, context: MessageContext
) -> list[tuple[str, str]]:
    """Return names and values, in mrkdwn; none for an event that has only its summary."""
    event = events[-1]
    fact = retirement_of(event)
    if fact is None:
        return []
    place = event_text.place(event)
    model = code(f"{event.provider}/{event.model}") + (f"\n{fit(place, 500)}" if place else "")
    fields = [("Model", model)]
    if when := When.from_json(event.effective) or fact.retires:
        label = "Retired" if event.kind == "retirement.completed" else "Retires"
        fields.insert(0, (label, _date_field(events, when, now)))
    elif fact.term or fact.stage:
        fields.insert(0, ("Stage", fit(fact.term or fact.stage, 200)))
    if event.kind == "retirement.withdrawn":
        return fields
    instead = successor_chain(context.successors) or " or ".join(map(code, fact.replacements))
    fields.insert(1, ("Use instead", instead or "no replacement named"))
    fields += _price_fields(context)
    return [
        (name, value) if len(value) <= FIELD else (name, fit(unescape(value), FIELD))
        for name, value in fields[:MOST_FIELDS]
    ]


def _date_field(events: Sequence[EventRow], when: When, now: datetime) -> str:
    """Return the date, the days that are left, and the date before the change."""
    ahead = event_text.days_ahead(events[-1], now)
    before = When.from_json((events[0].before or {}).get("retires"))
    text = event_text.day(when).removeprefix("on ")
    text += f" · *{ahead}*" if ahead else ""
    if before and before != when:
        text += f"\n_was {event_text.day(before).removeprefix('on ')}_"
    return text


def _price_fields(context: MessageContext) -> list[tuple[str, str]]:
    """Return a field for each unit in which prices are compared."""
    by_unit: dict[str, list[str]] = {}
    for price in context.prices:
        unit = f"{price.currency} per {price.per}"
        by_unit.setdefault(unit, []).append(fit(event_text.price_change(price), LINE))
    return [
        (f"What that costs, {fit(unit, 60)}", "\n".join(prices))
        for unit, prices in sorted(by_unit.items())
    ]


def _evidence(event: EventRow, severity: str) -> Json:
    """Return the severity, the page, the time, and the words in which it is written there."""
    at = event.detected_at
    parts = [
        f"*{SEVERITY_WORDS[severity]}*",
        link(event.url, f"evidence: {event.source_id}"),
        f"seen {event_text.date(at)}, {at:%H:%M} UTC",
    ]
    text = " · ".join(part for part in parts if part)
    return blocks.context(text + (f"\n“{fit(event.quote, 600)}”" if event.quote else ""))


def _acknowledged_text(acknowledgement: Acknowledgement) -> str:
    person = fit(acknowledgement.by or "somebody", 80)
    if acknowledgement.until:
        until = event_text.date(acknowledgement.until)
        return f"💤 Snoozed by *{person}*: no reminders until {until}"
    at = event_text.date(acknowledgement.at)
    return f"✅ Acknowledged by *{person}* on {at}: no reminders unless the date changes"


def _buttons(event: EventRow, acknowledgement: Acknowledgement | None) -> Json:
    """Return the buttons of a card. A retirement that is over or withdrawn has only a history."""
    actions = [("history", "History", "")]
    is_over = event.kind in ("retirement.completed", "retirement.withdrawn")
    if changes_retirement(event) and not is_over:
        actions = [("snooze", "Snooze 7 days", ""), *actions]
        if not (acknowledgement and not acknowledgement.until):
            actions = [("acknowledge", "Acknowledge", "primary"), *actions]
    return blocks.buttons(event.id, actions)
