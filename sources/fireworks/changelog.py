"""Fireworks AI, changelog: https://docs.fireworks.ai/updates/changelog

``<Update label="2026-08-14">`` blocks. Each heading of a block's highest level is an entry, and a
notice; a block without headings is one entry, called by its first sentence. What an entry
deprecates is read in retirements.py.

An empty block is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from monitor.core.facts import Fact, Notice, Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.fireworks.retirements import Entry, retirements

PAGE = "https://docs.fireworks.ai/updates/changelog"
MODELS = "app.fireworks.ai/models/"


@source(f"{PAGE}.md", facts=(Retirement, Notice), markers=(b"<Update", MODELS.encode()))
def changelog(body: bytes) -> Iterator[Fact]:
    """Yield a notice for each entry, newest first, and what the entries deprecate."""
    entries = list(_entries(page.decode(body)))
    yield from map(_notice, entries)
    yield from page.newest(chain.from_iterable(map(retirements, entries)))


def _entries(document: str) -> Iterator[Entry]:
    for block in page.elements(document, "Update"):
        published = page.when(block["label"])
        sections = list(page.sections(block.text))
        if not sections:
            texts = [part for part in page.blocks(block.text) if isinstance(part, page.Text)]
            if not texts:
                raise page.Unreadable(f"nothing in the entry of {published}")
            yield Entry(page.sentences(texts[0].inline)[0].text, published, texts)
            continue
        entries: list[Entry] = []
        highest = min(section.level for section in sections)
        for section in sections:
            if section.level == highest:
                entries.append(Entry(re.sub(r"^\W+", "", section.heading.line), published, []))
            if entries:
                entries[-1].texts.extend(section.texts)
        yield from entries


def _notice(entry: Entry) -> Notice:
    first = entry.texts[0].inline.line if entry.texts else ""
    links = (link for text in entry.texts for _, link in text.inline.links)
    models = dict.fromkeys(link.rpartition("/")[2] for link in links if MODELS in link)
    return Notice(
        title=entry.title,
        link=PAGE,
        published=entry.published,
        summary=first,
        models=tuple(models),
        quote=first or entry.title,
    )
