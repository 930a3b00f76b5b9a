"""DeepSeek, change log: https://api-docs.deepseek.com/updates/

Entries stand under "Date: 2026-04-24". A page of the news reads as one entry. A retirement is
announced in a sentence, by day in the change log and by minute in the news (retirements.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain

from monitor.core.facts import Notice, Retirement, When
from monitor.reading import page
from monitor.reading.source import source
from sources.deepseek.retirements import Entry, retirements, together
from sources.deepseek.words import MODEL, title_of

DATE = re.compile(r"Date: (\d{4}-\d\d-\d\d)")
#: Where a page says that it is one of the news; links to them stand in the menu of every page.
NEWS = re.compile(
    r"(?:^source: |rel=\"canonical\" href=\")(https://api-docs\.deepseek\.com/news/news(\d{6}))",
    re.MULTILINE,
)


@source(
    "https://api-docs.deepseek.com/updates/",
    every=timedelta(hours=2),
    facts=(Notice, Retirement),
    markers=(b"DeepSeek-V",),
    keeps_retired=True,
)
def updates(body: bytes) -> Iterator[Notice | Retirement]:
    """Yield the entries of the change log, or a page of the news, with their retirements."""
    entries = _news(body) or list(_entries(body))
    yield from map(_notice, entries)
    yield from page.merged(chain.from_iterable(map(retirements, entries)), together)


def _notice(entry: Entry) -> Notice:
    title = entry.title.line
    spans = [code for text in (entry.title, *entry.texts) for code in text.codes]
    return Notice(
        title=title,
        link=entry.link,
        published=entry.published,
        summary=" ".join(text.line for text in entry.texts),
        models=tuple(dict.fromkeys(filter(MODEL.fullmatch, [*spans, title]))),
        quote=title,
    )


def _entries(body: bytes) -> Iterator[Entry]:
    """Yield the entries of the change log: a day, and under it a heading for each entry.

    Text right under the day is an entry, too."""
    day: When | None = None
    entry: Entry | None = None
    for section in page.sections(body):
        texts = [text.inline for text in section.texts]
        if entry and section.level > 3:
            entry = replace(entry, texts=[*entry.texts, section.heading, *texts])
            continue
        if match := DATE.fullmatch(section.heading.line):
            title = page.inline(title_of(texts[0].line)) if texts else None
            day = page.when(match[1])
        elif day is None and section.level == 1:
            continue
        elif day is None:
            raise section.heading.error("an entry before any day")
        elif section.level == 3:
            title = section.heading
        else:
            raise section.heading.error("neither a day nor an entry")
        if entry:
            yield entry
        entry = (
            Entry(title, "https://api-docs.deepseek.com/updates", day, texts)
            if title and day
            else None
        )
    if entry:
        yield entry


def _news(body: bytes) -> list[Entry]:
    """Return a page of the news as one entry; its address has the day. Empty for any other page."""
    match = NEWS.search(page.decode(body))
    if not match:
        return []
    sections = list(page.sections(body))
    day = page.when(f"20{match[2][:2]}-{match[2][2:4]}-{match[2][4:]}")
    if not sections or not day:
        raise page.Unreadable("news without a title")
    texts = [text.inline for section in sections for text in section.texts]
    return [Entry(sections[0].heading, match[1], day, texts)]
