"""Read RSS and Atom feeds."""

from __future__ import annotations

import calendar
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from monitor.core.facts import When
from monitor.errors import Unreadable
from monitor.reading.inline import inline


@dataclass(frozen=True)
class Entry:
    """One item of a feed: plain text, and the day or instant it was published. ``markup`` is its
    body as served.
    """

    title: str
    link: str
    published: When | None
    summary: str
    markup: str = field(default="", compare=False)


#: Everything before the first start tag.
_BEFORE_ROOT = re.compile(r"(?:[^<]++|<(?![a-z]))*+", re.IGNORECASE)


def entries(body: bytes, *, dated: bool = False) -> list[Entry]:
    """Return the items of an RSS or Atom feed. ``dated`` requires a date of each.

    feedparser gets a file to read, since it opens whatever looks like a path or URL, bytes
    included. It never raises by itself: a broken document is ``bozo`` with no entries, and an empty
    one is not even that. UTF-8 is read as UTF-8, whatever the feed declares. Other bytes must be
    what the feed declares: a guess of their encoding would change words. A feed that declares
    entities is refused: they expand without end, or name files."""
    parsed = _parsed(body)
    items = [_entry(item) for item in parsed.entries]
    if items and not any(item.title for item in items):
        raise Unreadable("no item has a title")
    if dated and any(item.published is None for item in items):
        raise Unreadable("an item without a date")
    return items


def _parsed(body: bytes) -> Any:
    import feedparser  # slow to import, and only needed where a feed is read

    try:
        prolog = _BEFORE_ROOT.match(body.decode("utf-8"))
        headers = {"content-type": "application/xml; charset=utf-8"}
    except UnicodeDecodeError:
        prolog = _BEFORE_ROOT.match(body.decode("latin-1"))
        headers = {}
    if prolog and "<!ENTITY" in prolog[0]:
        raise Unreadable("a feed that declares entities")
    try:
        parsed: Any = feedparser.parse(
            io.BytesIO(body),
            sanitize_html=False,
            resolve_relative_uris=False,
            response_headers=headers,
        )
    except ValueError as error:  # feedparser stumbles over its own guess of an encoding
        raise Unreadable(f"not a well-formed feed: {error}") from error
    if parsed.bozo:
        raise Unreadable(f"not a well-formed feed: {parsed.bozo_exception}")
    if not parsed.get("version"):
        raise Unreadable("not a feed")
    return parsed


def _entry(item: Any) -> Entry:
    stamp, printed = item.get("published_parsed"), item.get("published")
    # Asked with get(), feedparser answers ``published`` with ``updated`` and warns.
    if printed is None and "updated" in item:
        stamp, printed = item.get("updated_parsed"), item["updated"]
    title, summary = inline(item.get("title", "")).line, inline(item.get("summary", "")).line
    if stamp is None and printed:
        raise Unreadable(f"item {title!r}: no date: {printed!r}")
    instant = datetime.fromtimestamp(calendar.timegm(stamp), UTC) if stamp else None
    published = When(instant.strftime("%Y-%m-%dT%H:%MZ")) if instant else None
    markup = item["content"][0]["value"] if item.get("content") else item.get("summary", "")
    return Entry(title, item.get("link", ""), published, summary, markup)
