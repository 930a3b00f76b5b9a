"""Write text in Slack's markup (mrkdwn). Pure.

Text is escaped as Slack asks (only ``& < >``), so that nothing a page says becomes a mention or a
link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from monitor.delivery import event_text
from monitor.store.model_lookup import Successor
from monitor.store.tables import EventRow

#: Characters of one text (Slack takes 3,000) and of one field (2,000), with some room.
TEXT, FIELD = 2900, 1900
#: Characters of a link and of an event's line.
LINK, LINE = 300, 500

SIGNS = {"info": "ℹ️", "notice": "🔔", "action": "⚠️", "critical": "🚨"}
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def fit(text: str, limit: int) -> str:
    """Return a text on one line, escaped, cut at ``limit`` but never inside an escape.

    Slack refuses empty texts: an empty one is "…"."""
    escaped = [_ESCAPES.get(char, char) for char in " ".join(text.split()) or "…"]
    if sum(map(len, escaped)) <= limit:
        return "".join(escaped)
    kept, size = [], 1
    for part in escaped:
        size += len(part)
        if size > limit:
            break
        kept.append(part)
    return "".join(kept) + "…"


def escape(text: str) -> str:
    """Return any text on one line, as long as a section may be."""
    return fit(text, TEXT)


def unescape(text: str) -> str:
    """Return escaped text as it was before, to cut it."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def code(text: str) -> str:
    """Return a name in backticks."""
    return f"`{fit(text.replace('`', 'ˋ'), 200)}`"


def link(url: str, label: str) -> str:
    """Return a link; nothing where the URL is not one to click on, or too long to show."""
    safe = quote(url, safe="%:/?#[]@!$'()*+,;=~")  # all but & < > | and what needs it anyway
    safe = safe.replace("%26", "&amp;")
    if not url.startswith(("https://", "http://")) or len(safe) > LINK:
        return ""
    return f"<{safe}|{fit(label, 100)}>"


def event_line(event: EventRow, now: datetime) -> str:
    """Return the summary of an event, with the model set apart."""
    summary = event_text.summary(event, now)
    model, mark, change = summary.partition(": ")
    if mark and event.model:
        return f"{code(model)}: {fit(change, LINE)}"
    return fit(summary, LINE + 200)


def successor_chain(successors: Sequence[Successor]) -> str:
    """Return the replacements of a model, followed to those that live."""
    return event_text.successor_chain(successors, code, lambda word: fit(word, 60))
