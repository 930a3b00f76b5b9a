"""Gemini API, changelog: https://ai.google.dev/gemini-api/docs/changelog

Each day is a heading, and each list item below it is an entry. The title is the entry's first
sentence, so that an entry stays the same notice when a model is added to its list later. February
19, 2025 says the same under "Model updates" and "API updates".

A heading that is no date is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Notice
from monitor.reading import page
from monitor.reading.source import source

PAGE = "https://ai.google.dev/gemini-api/docs/changelog"
GROUP = re.compile(r"[\w ]{1,30}:")  # "Model updates:" above a list, until mid 2025
MODEL_ID = re.compile(r"[a-z][a-z0-9.]*(?:-[a-z0-9.]+)+")


@source(f"{PAGE}?hl=en", facts=(Notice,), markers=(b"Gemini API",))
def changelog(body: bytes) -> Iterator[Notice]:
    """Yield a notice for each list item of a day, with its nested items and further paragraphs."""
    return page.numbered(_notices(body))


def _notices(body: bytes) -> Iterator[Notice]:
    for section in page.sections(body):
        if section.level == 1:
            continue
        published = page.when(replace(section.heading, where="heading"))
        if not published:
            raise section.heading.error("a heading without a date")
        year, month, day = published.text.split("-")
        link = f"{PAGE}#{month}-{day}-{year}"
        entries: dict[str, list[page.Inline]] = {}
        for entry in _entries(section.texts):
            entries.setdefault(" ".join(text.line for text in entry), entry)
        for summary, entry in entries.items():
            yield Notice(
                title=page.first_sentence(entry[0].line),
                link=link,
                published=published,
                summary=summary,
                models=page.model_ids(entry, MODEL_ID),
                quote=entry[0].line,
            )


def _entries(texts: Iterable[page.Text]) -> list[list[page.Inline]]:
    """Return the texts of a day by list item. A day without a list is one entry."""
    entries: list[list[page.Inline]] = []
    for text in texts:
        if text.depth == 0 and GROUP.fullmatch(text.inline.line):
            continue
        if (text.starts and text.depth == 1) or not entries:
            entries.append([])
        entries[-1].append(text.inline)
    return entries
