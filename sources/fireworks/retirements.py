"""Fireworks AI: what the entries of its changelog deprecate.

An entry "Serverless deprecation: ..." names models by their display names, in its first sentence or
in a list "X - migrate to Y": surface ``serverless``, for dedicated deployments go on. The label is
the day of the announcement; a day of retirement exists only where the entry prints one. An entry
about the deprecation of something else names it in the first sentence: surface ``product``. Where
the sentence is another, the notice is all there is.

A serverless deprecation without models or with two dates is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.core.facts import Retirement, When
from monitor.reading import page

DAY = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
SERVERLESS = re.compile(
    r"(?P<names>.+?) (?:is|are|will be|has been|have been) (?:deprecated|removed) from serverless\b"
)
ITEM = re.compile(r"(?P<name>.+?) - migrate to (?P<names>.+?)\.?")
MIGRATE = re.compile(r"Migrate to (?P<names>.+?)\.?")
PRODUCT = re.compile(
    r"(?:The )?(?P<names>.+?) (?:is|are|has been|have been) (?:being )?deprecated"
    r"(?P<gone> and (?:is|are) no longer)?\b"
)


@dataclass(frozen=True)
class Entry:
    """One entry of the changelog."""

    title: str
    published: When | None
    texts: list[page.Text]


def retirements(entry: Entry) -> Iterator[Retirement]:
    """Yield the models and products that an entry deprecates."""
    if not re.search(r"deprecat|sunset", entry.title, re.IGNORECASE) or not entry.texts:
        return
    first = entry.texts[0].inline.line
    if entry.title.startswith("Serverless deprecation") or SERVERLESS.match(first):
        yield from _serverless(entry)
    elif match := PRODUCT.match(first):
        for name in _names(match["names"]):
            yield Retirement(
                model=name,
                surface="product",
                stage="retired" if match["gone"] else "deprecated",
                announced=entry.published,
                quote=match[0],
            )


def _serverless(entry: Entry) -> Iterator[Retirement]:
    sentences = [part for text in entry.texts for part in page.sentences(text.inline)]
    retires = _day([entry.title, *(sentence.text for sentence in sentences)])
    instead = tuple(
        name
        for sentence in sentences
        if (match := MIGRATE.fullmatch(sentence.text))
        for name in _replacements(sentence, match)
    )
    models: dict[str, tuple[tuple[str, ...], str]] = {}
    for sentence in sentences:
        if match := SERVERLESS.match(sentence.text):
            models |= dict.fromkeys(_names(match["names"]), (instead, sentence.text))
    for text in entry.texts:
        if match := ITEM.fullmatch(text.inline.line):
            models[match["name"]] = tuple(_replacements(text.inline, match)), match[0]
    if not models:
        raise page.Unreadable(f"no models in {entry.title!r}")
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


def _day(texts: Sequence[str]) -> When | None:
    """Return the one day of an entry, if it prints any."""
    days = {day for text in texts for day in DAY.findall(text)}
    if len(days) > 1:
        raise page.Unreadable(f"more than one date in {texts[0]!r}: {sorted(days)}")
    return page.when(days.pop()) if days else None


def _names(text: str) -> list[str]:
    return re.split(r", and |, | and ", text)


def _replacements(sentence: page.Inline, match: re.Match[str]) -> list[str]:
    """Return what a sentence says to migrate to: the names of its links there, or its words."""
    tail = sentence.line[match.start("names") :]
    return [name for name, _ in sentence.links if name in tail] or match["names"].split(" or ")
