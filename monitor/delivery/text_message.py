"""Write a message as plain text, for mails and the services of Apprise: what, when, what instead,
and where it is written.

The same content as Slack's card (delivery/slack/card), a paragraph an event."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor.core.facts import When
from monitor.core.severity import SEVERITIES
from monitor.delivery import event_text
from monitor.delivery.message_context import NO_CONTEXT, MessageContext
from monitor.store.tables import EventRow

#: Characters of a title; a mail client shows fewer.
TITLE = 150

#: The context of each event, by its id.
Contexts = Mapping[str, MessageContext]


def title(events: Sequence[EventRow], now: datetime) -> str:
    """Return one line: the first of the gravest events, and how many more there are."""
    first = max(events, key=lambda event: SEVERITIES.index(event.severity))
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    line = f"{first.severity}: {_one_line(event_text.summary(first, now))}"
    room = TITLE - len(more)
    return (line if len(line) <= room else line[: room - 1] + "…") + more


def text(events: Sequence[EventRow], contexts: Contexts, now: datetime) -> str:
    """Return all events as plain text, a paragraph each."""
    return "\n\n".join("\n".join(_lines(event, contexts, now)) for event in events) + "\n"


def markup(events: Sequence[EventRow], contexts: Contexts, now: datetime) -> str:
    """Return the same as HTML: paragraphs and links only, and nothing that is fetched."""
    paragraphs = []
    for event in events:
        first, *lines = (html.escape(line) for line in _lines(event, contexts, now))
        paragraphs.append("<br>\n".join([f"<strong>{first}</strong>", *map(_linked, lines)]))
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><body>\n{body}\n</body></html>\n'
    )


def _lines(event: EventRow, contexts: Contexts, now: datetime) -> list[str]:
    context = contexts.get(event.id, NO_CONTEXT)
    effective, ahead = When.from_json(event.effective), event_text.days_ahead(event, now)
    offering = f"{event.provider}/{event.model}" if event.model else event.source_id
    where = ", ".join(
        part for part in (event.version, event.region, event.surface) if part and part != "api"
    )
    instead = event_text.successor_chain(context.successors)
    prices = [
        f"{event_text.price_change(price)} {price.currency} per {price.per}"
        for price in context.prices
    ]
    lines = [
        event_text.summary(event, now),
        f"{'Model' if event.model else 'Source'}: {offering}" + (f" ({where})" if where else ""),
        f"When: {effective}" + (f" ({ahead})" if ahead else "") if effective else "",
        f"Use instead: {instead or ', '.join((event.after or {}).get('replacements') or ())}",
        f"What that costs: {', '.join(prices)}",
        f'In its words: "{event.quote}"' if event.quote else "",
        f"Evidence: {event.url}" if event.url else "",
        f"Seen {event.detected_at:%Y-%m-%d %H:%M} UTC by {event.source_id}, {event.severity}, "
        f"{event.id}",
    ]
    return [_one_line(line) for line in lines if line and not line.endswith(": ")]


def _one_line(text: str) -> str:
    """Return a text on one line, without what a terminal or a header would act on."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _linked(line: str) -> str:
    """Return an escaped line with a link in place of the URL that it ends in."""
    label, mark, url = line.partition(": ")
    if not mark or not url.startswith(("https://", "http://")):
        return line
    return f'{label}: <a href="{url}">{url}</a>'
