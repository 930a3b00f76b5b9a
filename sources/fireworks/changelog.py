"""Fireworks AI: its changelog, and the models and products that it deprecates there.

https://docs.fireworks.ai/updates/changelog.md: ``<Update label="2026-08-14">`` blocks. Each heading
of a block's highest level is an entry, and a notice; a block without headings is one entry, called
by its first sentence.

An entry "Serverless deprecation: ..." names models by their display names, in its first sentence or
in a list "X - migrate to Y": surface ``serverless``, for dedicated deployments go on. The label is
the day it was told; an end is known only where the entry prints a date. An entry about the
deprecation of something else names it in the first sentence: surface ``product``; where the
sentence is another, the notice is all there is.

What would break it, as Unreadable: an empty block, a serverless deprecation without models or with
two dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from monitor.core.facts import Fact, Notice, Retirement, When
from monitor.reading.page import (
    Inline,
    Text,
    Unreadable,
    blocks,
    decode,
    elements,
    newest,
    sections,
    sentences,
    when,
)
from monitor.reading.source import source

PAGE = "https://docs.fireworks.ai/updates/changelog"

_DAY = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
_SERVERLESS = re.compile(
    r"(?P<names>.+?) (?:is|are|will be|has been|have been) (?:deprecated|removed) from serverless\b"
)
_ITEM = re.compile(r"(?P<name>.+?) - migrate to (?P<names>.+?)\.?")
_MIGRATE = re.compile(r"Migrate to (?P<names>.+?)\.?")
_PRODUCT = re.compile(
    r"(?:The )?(?P<names>.+?) (?:is|are|has been|have been) (?:being )?deprecated(?P<gone> and "
    r"(?:is|are) no longer)?\b"
)


@dataclass
class _Entry:
    title: str
    published: When | None
    texts: list[Text] = field(default_factory=list)


@source(f"{PAGE}.md", facts=(Retirement, Notice), markers=(b"<Update", b"app.fireworks.ai/models/"))
def changelog(body: bytes) -> Iterator[Fact]:
    """A notice for each entry, newest first; and what the entries end."""
    entries = list(_entries(decode(body)))
    for entry in entries:
        first = entry.texts[0].inline.line if entry.texts else ""
        hrefs = [href for text in entry.texts for _, href in text.inline.links]
        models = dict.fromkeys(
            href.rpartition("/")[2] for href in hrefs if "app.fireworks.ai/models/" in href
        )
        yield Notice(
            title=entry.title,
            link=PAGE,
            published=entry.published,
            summary=first,
            models=tuple(models),
            quote=first or entry.title,
        )
    yield from newest(chain.from_iterable(map(_ends, entries)))


def _entries(page: str) -> Iterator[_Entry]:
    for block in elements(page, "Update"):
        found: list[_Entry] = []
        published = when(block["label"])
        parts = list(sections(block.text))
        if not parts:
            texts = [part for part in blocks(block.text) if isinstance(part, Text)]
            if not texts:
                raise Unreadable(f"nothing in the entry of {published}")
            found.append(_Entry(sentences(texts[0].inline)[0].text, published, texts))
        for part in parts:
            if part.level == min(each.level for each in parts):
                found.append(_Entry(re.sub(r"^\W+", "", part.heading.line), published))
            if found:
                found[-1].texts += part.texts
        yield from found


def _ends(entry: _Entry) -> Iterator[Retirement]:
    if not re.search(r"deprecat|sunset", entry.title, re.IGNORECASE) or not entry.texts:
        return
    if entry.title.startswith("Serverless deprecation") or _SERVERLESS.match(
        entry.texts[0].inline.line
    ):
        yield from _serverless(entry)
    elif match := _PRODUCT.match(entry.texts[0].inline.line):
        for name in _names(match["names"]):
            yield Retirement(
                model=name,
                surface="product",
                stage="retired" if match["gone"] else "deprecated",
                announced=entry.published,
                quote=match[0],
            )


def _serverless(entry: _Entry) -> Iterator[Retirement]:
    said = [part for text in entry.texts for part in sentences(text.inline)]
    days = {
        day for text in (entry.title, *(part.text for part in said)) for day in _DAY.findall(text)
    }
    if len(days) > 1:
        raise Unreadable(f"more than one date in {entry.title!r}: {sorted(days)}")
    instead = tuple(
        name
        for part in said
        if (match := _MIGRATE.fullmatch(part.text))
        for name in _links(part, match)
    )
    models: dict[str, tuple[tuple[str, ...], str]] = {}
    for part in said:
        if match := _SERVERLESS.match(part.text):
            models |= dict.fromkeys(_names(match["names"]), (instead, part.text))
    for text in entry.texts:
        if match := _ITEM.fullmatch(text.inline.line):
            models[match["name"]] = tuple(_links(text.inline, match)), text.inline.line
    if not models:
        raise Unreadable(f"no models in {entry.title!r}")
    retires = when(days.pop()) if days else None
    for name, (replacements, quote) in models.items():
        yield Retirement(
            model=name,
            surface="serverless",
            term="deprecated",
            stage="deprecated",
            announced=entry.published,
            retires=retires,
            replacements=replacements,
            quote=quote,
        )


def _names(text: str) -> list[str]:
    return re.split(r", and |, | and ", text)


def _links(said: Inline, match: re.Match[str]) -> list[str]:
    """What a sentence says to migrate to: the names of its links there, or its words."""
    tail = said.line[match.start("names") :]
    return [name for name, _ in said.links if name in tail] or match["names"].split(" or ")
