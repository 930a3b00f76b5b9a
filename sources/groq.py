"""Groq: https://console.groq.com/docs/deprecations, the ``.md`` twin.

One section an announcement, newest first, its table and the sentence that dates the announcement.
Rows stay for ever; replacements of past rows are rewritten without a word. Odd, and read so:

- Dates run month, day, year, with two digits of the year, once without zeros (1/6/25). The date in
  a heading is that of the shutdown, and once contradicts its table: the table is right.
- Several replacements stand in one cell with "or", or with nothing, between them; a dash is none.
- A model announced twice (deepseek-r1-distill-llama-70b-specdec in spring 2025) has the end of the
  later announcement, and the earlier one in its note.

What would break it: another column, a replacement that is no list of ids, or "we emailed" without a
day or month."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Retirement, When
from monitor.reading.page import (
    Inline,
    Row,
    Section,
    Unreadable,
    blocks,
    codes,
    decode,
    inline,
    layout,
    sections,
    sentences,
    tables,
    when,
)
from monitor.reading.source import source

_MODELS = layout(
    model="deprecated model|model id",
    retires="shutdown date",
    replacement="recommended replacement*",
)

#: "On June 17, 2026, we emailed users", "In November 2024, we emailed"; "On January 6th, we
#: deprecated" is no such.
_ANNOUNCED = re.compile(
    r"\b(?:on|in) ([A-Z][a-z]+ (?:\d{1,2}, )?\d{4}),.*?\b(?:emailed|announced|notified)\b",
    re.IGNORECASE,
)
#: A sentence that has such a date.
_TOLD = re.compile(r"\bwe\b.*\b(?:emailed|announced|notified)\b")
_SCOPE = re.compile(r"This deprecation applies to [^.]+\.")
#: A table of the page as text: cells on lines of their own, with tabs between them.
_TEXT_HEADER = re.compile(
    r"^Deprecated Model\tShutdown Date\tRecommended Replacement Model ID$", re.MULTILINE
)
_TEXT_ROW = re.compile(r"^(\S+)\n\n(\S[^\t\n]*)\t\n(\S.*)$", re.MULTILINE)


@source(
    "https://console.groq.com/docs/deprecations.md",
    facts=(Retirement,),
    markers=(b"Deprecation History", b"Shutdown Date"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterable[Retirement]:
    """Every model Groq ended since October 2024, or will."""
    page = blocks(_markdown(decode(body)))
    told = {section.heading.line: section for section in sections(page)}
    found: dict[str, Retirement] = {}
    for row in tables(page, _MODELS):
        if row.nth > 1:
            raise row["model"].error("a table without an announcement of its own")
        for model in codes(row["model"]):
            if row.heading not in told:
                raise row["model"].error("a table without an announcement")
            fact = _retirement(model, row, told[row.heading])
            found[model] = _later(found[model], fact) if model in found else fact
    return found.values()


def _retirement(model: str, row: Row, section: Section) -> Retirement:
    said = " ".join(text.inline.line for text in section.texts)
    scope = _SCOPE.search(said)
    return Retirement(
        model=model,
        stage="deprecated",
        announced=_announced(section),
        retires=when(row["retires"], order="mdy"),
        replacements=tuple(_replacements(row["replacement"])),
        note=scope[0] if scope else "",
        quote=row.quote,
    )


def _announced(section: Section) -> When | None:
    for text in section.texts:
        for sentence in sentences(text.inline):
            if match := _ANNOUNCED.search(sentence.text):
                return when(inline(match[1], section.heading.line))
            if _TOLD.search(sentence.text):
                raise sentence.error(
                    f"no readable date of the announcement under {section.heading.line!r}"
                )
    return None


def _later(one: Retirement, other: Retirement) -> Retirement:
    """Of two announcements the later one, with the earlier in its note; the page has the later one
    above.
    """
    days = [fact.announced.text if fact.announced else "" for fact in (one, other)]
    wins, loses = (other, one) if days[1] > days[0] else (one, other)
    return replace(
        wins, note=" ".join(filter(None, (wins.note, f"Announced before: {loses.retires}.")))
    )


def _replacements(cell: Inline) -> Iterator[str]:
    """Ids with "or", a comma or a space between them, without remarks in brackets."""
    plain = re.sub(r"\s*\([^)]*\)", "", cell.line)
    if plain in ("", "-"):
        return
    yield from codes(Inline(re.sub(r"(?:,| or\b| and\b)? ", ", ", plain), where=cell.where))


def _markdown(text: str) -> str:
    """The page as text with its tables put back into Markdown; any other page as it is."""
    if not _TEXT_HEADER.search(text):
        return text
    heads = re.sub(r"^([A-Z]\w+ \w+, \w+: )", r"### \1", text, flags=re.MULTILINE)
    titled = _TEXT_HEADER.sub(
        "| Deprecated Model | Shutdown Date | Recommended Replacement Model ID |\n| --- | --- | "
        "--- |",
        heads,
    )
    page = _TEXT_ROW.sub(r"| \1 | \2 | \3 |", titled)
    if broken := next((line for line in page.splitlines() if "\t" in line), ""):
        raise Unreadable(f"a row of a table is not known: {broken!r}")
    return page
