"""Vertex AI, release notes:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/release-notes

Each item of the feed (each H2 of the page) is a day with several notices, and each of these begins
with its kind. No capture of the feed could be had. Its address follows the pattern of the feeds of
other products.

A day that begins with another kind of release note is Unreadable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.core.facts import Fact, Notice
from monitor.reading.page import (
    Block,
    Inline,
    Table,
    blocks,
    decode,
    entries,
    inline,
    when,
)
from monitor.reading.source import source
from sources.vertex import DOCS
from sources.vertex.parts import sections_of, texts_of

_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)")
_KIND = re.compile(
    r"feature|change|changed|announcement|deprecated|breaking|issue|fixed|security|libraries",
    re.IGNORECASE,
)
#: Ids among the code spans, which are also endpoints, flags and regions (us-central1).
_MODEL_ID = re.compile(r"(?![a-z]+-[a-z]+\d\d?$)[a-z][a-z0-9.]*(?:-[a-z0-9.]+)+(?:@[\w.]+)?")


@source(
    "https://cloud.google.com/feeds/gemini-enterprise-agent-platform-release-notes.xml",
    every=timedelta(hours=1),
    facts=(Notice,),
    markers=(b"elease notes",),
)
def release_notes(body: bytes) -> Iterator[Fact]:
    """One notice for each entry of a day. Its title is the bold line, the heading or the first
    sentence it begins with.

    Entries are added to a day later on, so that neither their number nor their place may count.
    """
    for day, link, page in _days(body):
        published = when(replace(day, where="day"))
        if not published:
            raise day.error("an item without a date")
        used: Counter[str] = Counter()
        for kind, said in _notices(day, page):
            first, summary = said[0].line, " ".join(text.line for text in said)
            sentence = _SENTENCE.match(first)
            title = (sentence[1] if sentence else first).rstrip(".")
            used[title] += 1
            named = (code for text in said for code in text.codes if _MODEL_ID.fullmatch(code))
            yield Notice(
                title=title if used[title] == 1 else f"{title} ({used[title]})",
                link=link,
                published=published,
                summary=summary,
                models=tuple(dict.fromkeys(named)),
                note=kind,
                quote=first,
            )


def _days(body: bytes) -> Iterator[tuple[Inline, str, Sequence[Block]]]:
    """The days of the Atom feed, or of the page itself: what they are called, where they stand,
    what they hold.
    """
    text = decode(body)
    if text.lstrip().startswith(("<?xml", "<feed")):
        for entry in entries(body, dated=True):
            yield inline(entry.title), entry.link, blocks(entry.markup)
    else:
        for heading, section in sections_of(blocks(text)):
            anchor = re.sub(r"\W+", "_", heading.line)
            yield heading, f"{DOCS}/release-notes#{anchor}", section


def _notices(day: Inline, page: Sequence[Block]) -> Iterator[tuple[str, list[Inline]]]:
    """The entries of a day: each begins with its kind, a heading in the feed and a paragraph on the
    page.
    """
    found: list[tuple[str, list[Inline]]] = []
    for block in page:
        said = texts_of(block)
        if not isinstance(block, Table) and _KIND.fullmatch(said[0].line):
            found.append((said[0].line, []))
        elif not found:
            raise day.error(f"no known kind of release note: {said[0].line!r}")
        else:
            found[-1][1].extend(said)
    for kind, texts in found:
        if not texts:
            raise day.error(f"an entry {kind!r} without text")
        yield kind, texts
