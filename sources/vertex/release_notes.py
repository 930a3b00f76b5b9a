"""Vertex AI, release notes:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/release-notes

Each item of the feed (each H2 of the page) is a day with several notices, and each of these begins
with its kind: a heading in the feed, a paragraph on the page. A notice is called by the bold line,
the heading or the first sentence it begins with. Entries are added to a day later on, so that
neither their number nor their place may count. No capture of the feed could be had. Its address
follows the pattern of the feeds of other products.

A day that begins with another kind of release note is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.core.facts import Notice
from monitor.reading import page
from monitor.reading.source import source
from sources.vertex.words import DOCS, h2_sections, texts_of

KIND = re.compile(
    r"feature|change|changed|announcement|deprecated|breaking|issue|fixed|security|libraries",
    re.IGNORECASE,
)
#: Ids among the code spans, which are also endpoints, flags and regions (us-central1).
MODEL_ID = re.compile(r"(?![a-z]+-[a-z]+\d\d?$)[a-z][a-z0-9.]*(?:-[a-z0-9.]+)+(?:@[\w.]+)?")


@source(
    "https://cloud.google.com/feeds/gemini-enterprise-agent-platform-release-notes.xml",
    every=timedelta(hours=1),
    facts=(Notice,),
    markers=(b"elease notes",),
)
def release_notes(body: bytes) -> Iterator[Notice]:
    """Yield a notice for each entry of a day."""
    return page.numbered(_notices(body))


def _notices(body: bytes) -> Iterator[Notice]:
    for day, link, blocks in _days(body):
        published = page.when(replace(day, where="day"))
        if not published:
            raise day.error("an item without a date")
        for kind, texts in _entries(day, blocks):
            first = texts[0].line
            yield Notice(
                title=page.first_sentence(first).rstrip("."),
                link=link,
                published=published,
                summary=" ".join(text.line for text in texts),
                models=page.model_ids(texts, MODEL_ID),
                note=kind,
                quote=first,
            )


def _days(body: bytes) -> Iterator[tuple[page.Inline, str, Sequence[page.Block]]]:
    """Yield the title, link and blocks of each day of the Atom feed, or of the page itself."""
    text = page.decode(body)
    if text.lstrip().startswith(("<?xml", "<feed")):
        for entry in page.entries(body, dated=True):
            yield page.inline(entry.title), entry.link, page.blocks(entry.markup)
    else:
        for heading, section in h2_sections(page.blocks(text)):
            anchor = re.sub(r"\W+", "_", heading.line)
            yield heading, f"{DOCS}/release-notes#{anchor}", section


def _entries(
    day: page.Inline, blocks: Sequence[page.Block]
) -> Iterator[tuple[str, list[page.Inline]]]:
    """Yield the kind and the texts of each entry of a day."""
    entries: list[tuple[str, list[page.Inline]]] = []
    for block in blocks:
        texts = texts_of(block)
        if not isinstance(block, page.Table) and KIND.fullmatch(texts[0].line):
            entries.append((texts[0].line, []))
        elif not entries:
            raise day.error(f"no known kind of release note: {texts[0].line!r}")
        else:
            entries[-1][1].extend(texts)
    for kind, texts in entries:
        if not texts:
            raise day.error(f"an entry {kind!r} without text")
        yield kind, texts
