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

from monitor.core.facts import Retirement, Stage
from monitor.reading import page
from monitor.reading.source import source

SCHEDULE = page.layout(
    model="model*|agent*|managed agent*",
    released="release date",
    retires="shutdown date",
    replacement="recommended replacement",
)
MARKUP = re.compile(r"(?:<[^>]*>|[*>\s])+")
NO_DATE = ("no shutdown date announced",)
NOTE = re.compile(r"dates listed in the table indicate the earliest possible dates", re.IGNORECASE)


@source(
    "https://ai.google.dev/gemini-api/docs/deprecations?hl=en",
    facts=(Retirement,),
    markers=(b"Shutdown date", b"gemini-"),
)
def deprecations(body: bytes) -> Iterator[Retirement]:
    """Yield every model. A gray row is retired.

    Another row with a firm date is deprecated, and one with a floor or without a date is active."""
    text = page.decode(body)
    floors = _dates_are_floors(text)
    for row in page.tables(text if page.is_html(text) else with_tables(text), SCHEDULE):
        gray = "row-gray" in row.classes
        retires = page.when(row["retires"], no_date=NO_DATE)
        if retires and floors and not gray:
            retires = replace(retires, bound="not_before")
        firm = retires is not None and retires.bound == "on"
        stage: Stage = "retired" if gray else "deprecated" if firm else "active"
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                stage=stage,
                retires=retires,
                replacements=page.replacements(row["replacement"]),
                quote=row.quote,
            )


def _dates_are_floors(text: str) -> bool:
    """Return whether the note on the earliest possible dates stands on the page."""
    plain = MARKUP.sub(" ", text)
    if NOTE.search(plain):
        return True
    if "earliest possible" in plain:
        raise page.Unreadable("the note on the earliest possible dates is worded in a new way")
    return False


# --- the page as plain text, as archives hold it

HEADER = ("Model", "Release date", "Shutdown date", "Recommended replacement")
DAY = r"(?:[A-Z][a-z]+ (?:\d{1,2}, )?\d{4})"
ROW = re.compile(
    rf"([\w.-]+)(?: ({DAY}))? ((?:Earliest )?{DAY}|No shutdown date announced)"
    r"(?: ([\w.-]+(?: or .+)?))?"
)


def with_tables(text: str) -> str:
    """Return plain text as Markdown: its tables have one line a row and no separators.

    Markdown comes back as it is. Raises Unreadable for a line of a table that is neither a row nor
    the divider."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == " ".join(HEADER):
            inside = True
            lines += [f"| {' | '.join(HEADER)} |", "|---|---|---|---|"]
        elif inside and line.strip() == "Preview models":
            lines.append("| Preview models ||||")
        elif inside and line.strip():
            match = ROW.fullmatch(line.strip())
            if not match:
                raise page.Unreadable(f"not a row of the table: {line!r}")
            lines.append(f"| {' | '.join(cell or '' for cell in match.groups())} |")
        else:
            inside = False
            lines.append(line)
    return "\n".join(lines)
