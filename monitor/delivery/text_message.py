"""A message in plain words, for mails and the services of Apprise: what, when, what instead, where
it is written.

The same content as Slack's card (monitor.delivery.slack.blocks), a paragraph an event.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor.core.facts import When
from monitor.core.severity import SEVERITIES
from monitor.delivery.slack import blocks
from monitor.delivery.slack.blocks import NOTHING, Background
from monitor.store.tables import EventRow

#: Characters of a title; a mail client shows fewer.
TITLE = 150

#: What the store knows around an event, by its id.
Around = Mapping[str, Background]


def title(events: Sequence[EventRow], now: datetime) -> str:
    """What it is about, on one line: the first of the gravest events, and how many more there
    are.
    """
    first = max(events, key=lambda event: SEVERITIES.index(event.severity))
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    said = f"{first.severity}: {_line(blocks.summary(first, now))}"
    room = TITLE - len(more)
    return (said if len(said) <= room else said[: room - 1] + "…") + more


def text(events: Sequence[EventRow], around: Around, now: datetime) -> str:
    """All of it, a paragraph an event."""
    return "\n\n".join("\n".join(_lines(event, around, now)) for event in events) + "\n"


def markup(events: Sequence[EventRow], around: Around, now: datetime) -> str:
    """The same as HTML: nothing but paragraphs and links, and nothing that is fetched."""
    paragraphs = []
    for event in events:
        said, *lines = (html.escape(line) for line in _lines(event, around, now))
        paragraphs.append("<br>\n".join([f"<strong>{said}</strong>", *map(_linked, lines)]))
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><body>\n{body}\n</body></html>\n'
    )


def _lines(event: EventRow, around: Around, now: datetime) -> list[str]:
    background = around.get(event.id, NOTHING)
    effective, ahead = When.from_json(event.effective), blocks.days_ahead(event, now)
    offering = f"{event.provider}/{event.model}" if event.model else event.source_id
    where = ", ".join(
        part for part in (event.version, event.region, event.surface) if part and part != "api"
    )
    instead = blocks.chain(background.successors, marked=False)
    costs = [
        f"{blocks.unescaped(blocks.compared(cost))} {cost.currency} per {cost.per}"
        for cost in background.costs
    ]
    lines = [
        blocks.summary(event, now),
        f"{'Model' if event.model else 'Source'}: {offering}" + (f" ({where})" if where else ""),
        f"When: {effective}" + (f" ({ahead})" if ahead else "") if effective else "",
        f"Use instead: {instead or ', '.join((event.after or {}).get('replacements') or ())}",
        f"What that costs: {', '.join(costs)}",
        f'In its words: "{event.quote}"' if event.quote else "",
        f"Evidence: {event.url}" if event.url else "",
        f"Seen {event.detected_at:%Y-%m-%d %H:%M} UTC by {event.source_id}, {event.severity}, "
        f"{event.id}",
    ]
    return [_line(line) for line in lines if line and not line.endswith(": ")]


def _line(words: str) -> str:
    """On one line, without what a terminal or a header would act on."""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())


def _linked(line: str) -> str:
    """A line that was escaped, with the link it ends in made one."""
    label, mark, url = line.partition(": ")
    return (
        f'{label}: <a href="{url}">{url}</a>'
        if mark and url.startswith(("https://", "http://"))
        else line
    )
