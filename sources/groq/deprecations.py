"""Groq: https://console.groq.com/docs/deprecations, the ``.md`` twin.

One section an announcement, newest first, its table and the sentence that dates the announcement.
Rows stay for ever; replacements of past rows are rewritten without a word. Odd, and read so:

- Dates run month, day, year, with two digits of the year, once without zeros (1/6/25). The date in
  a heading is that of the shutdown, and once contradicts its table: the table is right.
- Several replacements stand in one cell with "or", or with nothing, between them; a dash is none.
- A model announced twice (deepseek-r1-distill-llama-70b-specdec in spring 2025) has the end of the
  later announcement, and the earlier one in its note.

Another column, a replacement that is no list of ids, and "we emailed" without a day or month are
Unreadable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Retirement, When
from monitor.reading import page
from monitor.reading.source import source

MODELS = page.layout(
    model="deprecated model|model id",
    retires="shutdown date",
    replacement="recommended replacement*",
)
#: "On June 17, 2026, we emailed users", "In November 2024, we emailed"; "On January 6th, we
#: deprecated" is no such.
ANNOUNCED = re.compile(
    r"\b(?:on|in) ([A-Z][a-z]+ (?:\d{1,2}, )?\d{4}),.*?\b(?:emailed|announced|notified)\b",
    re.IGNORECASE,
)
#: A sentence that has such a date.
ANNOUNCES = re.compile(r"\bwe\b.*\b(?:emailed|announced|notified)\b")
SCOPE = re.compile(r"This deprecation applies to [^.]+\.")


@source(
    "https://console.groq.com/docs/deprecations.md",
    facts=(Retirement,),
    markers=(b"Deprecation History", b"Shutdown Date"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterable[Retirement]:
    """Every model Groq ended since October 2024, or will."""
    return announcements(page.decode(body))


def announcements(markdown: str) -> list[Retirement]:
    """Return one fact for each model, by its latest announcement."""
    return page.merged(_rows(page.blocks(markdown)), page.latest_announcement)


def _rows(document: list[page.Block]) -> Iterator[Retirement]:
    sections = {section.heading.line: section for section in page.sections(document)}
    for row in page.tables(document, MODELS):
        if row.nth > 1 or row.heading not in sections:
            raise row["model"].error("a table without an announcement of its own")
        texts = [text.inline for text in sections[row.heading].texts]
        scope = SCOPE.search(" ".join(text.line for text in texts))
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated",
                announced=_announced(texts, row.heading),
                retires=page.when(row["retires"], order="mdy"),
                replacements=_replacements(row["replacement"]),
                note=scope[0] if scope else "",
                quote=row.quote,
            )


def _announced(texts: Iterable[page.Inline], heading: str) -> When | None:
    for text in texts:
        for sentence in page.sentences(text):
            if match := ANNOUNCED.search(sentence.text):
                return page.when(page.inline(match[1], heading))
            if ANNOUNCES.search(sentence.text):
                raise sentence.error(f"no readable date of the announcement under {heading!r}")
    return None


def _replacements(cell: page.Inline) -> tuple[str, ...]:
    """Return ids with "or", a comma or a space between them, without remarks in brackets."""
    plain = re.sub(r"\s*\([^)]*\)", "", cell.line)
    ids = replace(cell, text=re.sub(r"(?:,| or\b| and\b)? ", ", ", plain), codes=())
    return page.replacements(ids, products=False)
