"""A message in plain words, for mails and the services of Apprise: what, when, what instead, where it is written."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from monitor.facts import When
from monitor.store.tables import EventRow

#: Characters of a title; a mail client shows fewer.
TITLE = 150
#: What events.py counts on the day of the event; a message counts on the day it is sent.
_COUNTED_THEN = re.compile(r" \((?:in \d+ days?|today)\)")
_SEVERITIES = ("info", "notice", "action", "critical")


def title(events: Sequence[EventRow]) -> str:
    """What it is about, on one line: the first of the gravest events, and how many more there are."""
    first = max(events, key=lambda event: _SEVERITIES.index(event.severity))
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    said = f"{first.severity}: {_summary(first)}"
    room = TITLE - len(more)
    return (said if len(said) <= room else said[: room - 1] + "…") + more


def text(events: Sequence[EventRow], now: datetime) -> str:
    """All of it, a paragraph an event."""
    return "\n\n".join("\n".join(_lines(event, now)) for event in events) + "\n"


def markup(events: Sequence[EventRow], now: datetime) -> str:
    """The same as HTML: nothing but paragraphs and links, and nothing that is fetched."""
    paragraphs = []
    for event in events:
        summary, *lines = (html.escape(line) for line in _lines(event, now))
        paragraphs.append("<br>\n".join([f"<strong>{summary}</strong>", *map(_linked, lines)]))
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><body>\n{body}\n</body></html>\n'


def _lines(event: EventRow, now: datetime) -> list[str]:
    effective, ahead = When.from_json(event.effective), _ahead(event, now)
    offering = f"{event.provider}/{event.model}" if event.model else event.source_id
    where = ", ".join(part for part in (event.version, event.region, event.surface) if part and part != "api")
    replacements = ", ".join((event.after or {}).get("replacements") or ())
    lines = [
        _summary(event),
        f"{'Model' if event.model else 'Source'}: {offering}" + (f" ({where})" if where else ""),
        f"When: {effective}" + (f" ({ahead})" if ahead else "") if effective else "",
        f"Use instead: {replacements}" if replacements else "",
        f'In its words: "{_line(event.quote)}"' if event.quote else "",
        f"Evidence: {event.url}" if event.url else "",
        f"Seen {event.detected_at:%Y-%m-%d %H:%M} UTC by {event.source_id}, {event.severity}, {event.id}",
    ]
    return [line for line in lines if line]


def _summary(event: EventRow) -> str:
    return _COUNTED_THEN.sub("", _line(event.summary))


def _line(words: str) -> str:
    """On one line, without what a terminal or a header would act on."""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())


def _ahead(event: EventRow, now: datetime) -> str:
    """Days to a date that is one day and firm; a floor, a month or a deadline is not counted down."""
    when = When.from_json(event.effective)
    if not when or when.bound != "on" or len(when.text) < len("2026-01-01"):
        return ""
    days = (when.starts.date() - now.astimezone(UTC).date()).days
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days") if days >= 0 else ""


def _linked(line: str) -> str:
    """A line that was escaped, with the link it ends in made one."""
    label, mark, url = line.partition(": ")
    return f'{label}: <a href="{url}">{url}</a>' if mark and url.startswith(("https://", "http://")) else line
