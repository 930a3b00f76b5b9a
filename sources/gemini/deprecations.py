"""Gemini API, deprecations: https://ai.google.dev/gemini-api/docs/deprecations

Each family has a table. Rows of models that were shut down are gray in the HTML only, so the HTML
is read and not its ``.md.txt`` twin. Since May 2026 a note makes all dates the *earliest possible*
ones. A page without the note (until March 2026) prints firm dates, and floors as "Earliest June
2026". No date of announcement is printed. An id may differ from the one of the API
(``embedding-2-preview``) and is kept as printed. A row leaves some time after its date, as those of
Gemini 1.x did, so a row that leaves was not withdrawn.

Another wording of the note on dates is Unreadable. A note without its words "earliest possible"
would go unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from monitor.core.facts import Fact, Retirement, Stage
from monitor.reading.page import (
    Inline,
    Unreadable,
    codes,
    decode,
    is_html,
    layout,
    tables,
    when,
)
from monitor.reading.source import source
from sources.gemini import DOCS

_SCHEDULE = layout(
    model="model*|agent*|managed agent*",
    released="release date",
    retires="shutdown date",
    replacement="recommended replacement",
)
_MARKUP = re.compile(r"(?:<[^>]*>|[*>\s])+")
_ALL_FLOORS = re.compile(
    r"dates listed in the table indicate the earliest possible dates", re.IGNORECASE
)


# Rows leave some time after their date (the Gemini 1.x rows did), so that one which leaves was not
# withdrawn.
@source(f"{DOCS}/deprecations?hl=en", facts=(Retirement,), markers=(b"Shutdown date", b"gemini-"))
def deprecations(body: bytes) -> Iterator[Fact]:
    """A gray row is shut down; any other with a firm date is deprecated, and with a floor or no
    date active.
    """
    text = decode(body)
    plain = _MARKUP.sub(" ", text)
    floors = _ALL_FLOORS.search(plain) is not None
    if not floors and "earliest possible" in plain:
        raise Unreadable("the note on the earliest possible dates is worded in a new way")
    page = text if is_html(text) else _text_tables(text)
    for row in tables(page, _SCHEDULE):
        gone = "row-gray" in row.classes
        retires = when(row["retires"])
        if retires and floors and not gone:
            retires = replace(retires, bound="not_before")
        stage: Stage = (
            "retired" if gone else "deprecated" if retires and retires.bound == "on" else "active"
        )
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                stage=stage,
                retires=retires,
                replacements=_replacements(row["replacement"]),
                quote=row.quote,
            )


def _replacements(cell: Inline) -> tuple[str, ...]:
    """The ids of a cell ("`a` or the GA models on ..." names one), or the product it names in
    words.
    """
    named = tuple(code for code in cell.codes if code)
    if named or not cell or cell.line.casefold() in ("-", "n/a"):
        return named
    if "`" in cell.line:
        raise cell.error("a code span that does not end")
    parts = tuple(re.split(r",\s*|\s+or\s+", cell.line))
    return parts if all(re.fullmatch(r"[\w.-]+", part) for part in parts) else (cell.line,)


_TEXT_HEADER = "Model Release date Shutdown date Recommended replacement"
_DAY = r"(?:[A-Z][a-z]+ (?:\d{1,2}, )?\d{4})"
_TEXT_ROW = re.compile(
    rf"([\w.-]+)(?: ({_DAY}))? ((?:Earliest )?{_DAY}|No shutdown date announced)(?: ([\w.-]+(?: "
    r"or .+)?))?"
)


def _text_tables(text: str) -> str:
    """Plain text of the page (archives hold it) as Markdown: its tables have one line a row and no
    separators.

    Markdown comes back as it is. A line of a table that is neither a row nor the divider raises
    Unreadable."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == _TEXT_HEADER:
            inside = True
            lines += [
                "| Model | Release date | Shutdown date | Recommended replacement |",
                "|---|---|---|---|",
            ]
        elif inside and line.strip() == "Preview models":
            lines.append("| Preview models ||||")
        elif inside and line.strip():
            match = _TEXT_ROW.fullmatch(line.strip())
            if not match:
                raise Unreadable(f"not a row of the table: {line!r}")
            lines.append(f"| {' | '.join(cell or '' for cell in match.groups())} |")
        else:
            inside = False
            lines.append(line)
    return "\n".join(lines)
