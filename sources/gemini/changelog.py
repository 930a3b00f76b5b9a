"""Gemini API, changelog: https://ai.google.dev/gemini-api/docs/changelog

Each day is a heading, and each list item below it is an entry. The title is the entry's first
sentence, so that an entry stays the same notice when a model is added to its list later.

A heading that is no date is Unreadable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Fact, Notice
from monitor.reading.page import (
    Text,
    sections,
    when,
)
from monitor.reading.source import source
from sources.gemini import DOCS

_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)")
_GROUP = re.compile(r"[\w ]{1,30}:")  # "Model updates:" above a list, until mid 2025
_MODEL_ID = re.compile(r"[a-z][a-z0-9.]*(?:-[a-z0-9.]+)+")


@source(f"{DOCS}/changelog?hl=en", facts=(Notice,), markers=(b"Gemini API",))
def changelog(body: bytes) -> Iterator[Fact]:
    """One notice for each list item of a day, with its nested items and further paragraphs.

    Its title is the first sentence, so that a list of models which grows later stays the same
    notice."""
    for section in sections(body):
        if section.level == 1:
            continue
        published = when(replace(section.heading, where="heading"))
        if not published:
            raise section.heading.error("a heading without a date")
        link = "{0}/changelog#{2}-{3}-{1}".format(DOCS, *published.text.split("-"))
        used: Counter[str] = Counter()
        told: set[str] = set()
        for entry in _entries(section.texts):
            first, summary = entry[0].inline.line, " ".join(text.inline.line for text in entry)
            if summary in told:
                continue  # February 19, 2025 says the same under "Model updates" and "API updates"
            told.add(summary)
            sentence = _SENTENCE.match(first)
            title = sentence[1] if sentence else first
            used[title] += 1
            named = (
                code for text in entry for code in text.inline.codes if _MODEL_ID.fullmatch(code)
            )
            yield Notice(
                title=title if used[title] == 1 else f"{title} ({used[title]})",
                link=link,
                published=published,
                summary=summary,
                models=tuple(dict.fromkeys(named)),
                quote=first,
            )


def _entries(texts: Iterable[Text]) -> list[list[Text]]:
    """The texts of a day by list item. A day without a list is one entry."""
    found: list[list[Text]] = []
    for text in texts:
        if text.depth == 0 and _GROUP.fullmatch(text.inline.line):
            continue
        if (text.starts and text.depth == 1) or not found:
            found.append([])
        found[-1].append(text)
    return found
