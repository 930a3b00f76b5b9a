"""DeepSeek, prices: https://api-docs.deepseek.com/quick_start/pricing/

One table with a column for each model. It has no header row (in HTML not even <th>), and labels
span rows and columns, so that in Markdown the rows that follow have fewer cells: the prices are the
last cells of a row, as many as there are models. A rise comes in three stages: a footnote, then a
second table (with a row for each model) and the moment from which it holds, then the first table
with peak and off-peak rows. The hours of the peak stand in a footnote alone, and were narrowed
there without any number changing: footnotes about prices are notices.

The CDN has answered 200 with another page, or an empty one, for the address without its slash. A
price row with another label and a table without all three meters are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from monitor.core.facts import Notice, Price, When
from monitor.reading.page import (
    Heading,
    Inline,
    Table,
    Text,
    Unreadable,
    blocks,
    inline,
    money,
    when,
)
from monitor.reading.source import source
from sources.deepseek import DOCS

_METERS = {
    "1M INPUT TOKENS (CACHE HIT)": "cached_input",
    "1M INPUT TOKENS (CACHE MISS)": "input",
    "1M OUTPUT TOKENS": "output",
}
_WINDOWS = {"PEAK": "peak", "OFF-PEAK": "off-peak"}
MODEL = re.compile(r"deepseek-[a-z0-9]+(?:[.-][a-z0-9]+)*")
_FOOTNOTE = re.compile(r"\s*\(\d\)")

_STARTS = re.compile(r"take effect (?:at|on|from) (?P<moment>.+?), as follows:?$")
_HOURS = re.compile(r"[Pp]eak hours(?: are|:) (?P<hours>.+?)(?= \(all other|\]|\.(?: |$))")


@source(
    f"{DOCS}/quick_start/pricing/",
    facts=(Price, Notice),
    markers=(b"MODEL", b"1M INPUT TOKENS", b"deepseek-v"),
)
def pricing(body: bytes) -> Iterator[Price | Notice]:
    """Prices now, those that are announced, and what the footnotes say of prices."""
    now: list[_Said] = []
    later: list[tuple[_Said, When]] = []
    notes: list[str] = []
    before = inline("")
    footnotes = False
    for block in blocks(body):
        if isinstance(block, Heading):
            footnotes = False
        elif isinstance(block, Text):
            before = block.inline
            if footnotes and re.search(r"\b(?:pric|peak)", before.line, re.IGNORECASE):
                notes.append(_FOOTNOTE.sub("", before.line, count=1).strip())
        elif _across(block):
            footnotes = True
            now += _prices(block)
        else:
            starts = _starts(block, before)
            later += [(said, starts) for said in _prices(block)]
    hours = next((match["hours"] for note in notes if (match := _HOURS.search(note))), "")
    ends = {said.model: starts for said, starts in later}
    for said in now:
        yield from said.price(hours, None, ends.get(said.model))
    for said, starts in later:
        yield from said.price(hours, starts, None)
    for note in notes:
        match = _HOURS.search(note)
        title = f"Peak hours: {match['hours']}" if match else first_sentence(note)
        yield Notice(title=title, link=f"{DOCS}/quick_start/pricing", summary=note, quote=note)


def first_sentence(text: str) -> str:
    """The first sentence, as the title of what has no heading."""
    return re.split(r"(?<=[.:;!?]) ", text)[0]


@dataclass(frozen=True)
class _Said:
    """One cell of a price table, and what it is the price of."""

    model: str
    meter: str
    window: str
    cell: Inline
    quote: str

    def price(self, hours: str, starts: When | None, ends: When | None) -> Iterator[Price]:
        if amount := money(self.cell, per="1M tokens"):
            yield Price(
                model=self.model,
                meter=self.meter,
                amount=amount.amount,
                currency=amount.currency,
                per=amount.per,
                window=self.window,
                starts=starts,
                ends=ends,
                note=f"peak hours: {hours}" if self.window and hours else "",
                quote=self.quote,
            )


def _lines(table: Table) -> list[list[Inline]]:
    """The rows that are not empty, with the header as the first; Markdown has an empty header
    instead.
    """
    rows = [tuple(Inline(title) for title in table.header), *(row.cells for row in table.rows)]
    places = (f"table {table.number}, row {number}" for number in range(len(rows)))
    return [
        [replace(cell, where=where) for cell in row]
        for row, where in zip(rows, places, strict=True)
        if any(row)
    ]


def _heads(table: Table) -> list[str]:
    """The first row after the word MODEL: models, or what is priced."""
    lines = _lines(table)
    if not lines or lines[0][0].line != "MODEL":
        raise Unreadable(f"table {table.number}: does not begin with its models")
    return [cell.line for cell in lines[0] if cell and cell.line != "MODEL"]


def _across(table: Table) -> bool:
    """Whether a table has a column for each model, rather than one for each meter."""
    heads = _heads(table)
    models, meters = all(map(MODEL.fullmatch, heads)), all(head in _METERS for head in heads)
    if models == meters:  # neither, or nothing at all
        raise Unreadable(f"table {table.number}: neither models nor meters: {heads}")
    return models


def _prices(table: Table) -> list[_Said]:
    """Every price of a table. Raises Unreadable if a model, a meter or a time of day lacks
    another's rows.
    """
    heads, across = _heads(table), _across(table)
    found: list[_Said] = []
    model = meter = ""
    for cells in _lines(table)[1:]:
        labels = list(
            dict.fromkeys(_FOOTNOTE.sub("", cell.line) for cell in cells[: -len(heads)] if cell)
        )
        values = cells[-len(heads) :]
        priced = labels[:1] == ["PRICING"] or any("$" in value.line for value in values)
        rest = labels[1:] if labels[:1] == ["PRICING"] else labels
        if across and rest and rest[0] in _METERS:
            meter, priced, rest = _METERS[rest[0]], True, rest[1:]
        elif not across and rest and MODEL.fullmatch(rest[0]):
            model, priced, rest = rest[0], True, rest[1:]
        window = _WINDOWS.get(rest[0], "") if rest else ""
        if across and not (priced or window):  # context, features and what else a model has
            meter = ""
            continue
        if rest != [word for word, name in _WINDOWS.items() if name == window] or not (
            meter if across else model
        ):
            raise cells[0].error(f"no price row known: {labels}")
        if len(heads) != len(values):
            raise cells[0].error(f"{len(values)} prices under {len(heads)} columns")
        for head, cell in zip(heads, values, strict=True):
            about = (head, meter) if across else (model, _METERS[head])
            found.append(_Said(*about, window, cell, " | ".join(cell.line for cell in cells)))
    told = [(said.model, said.meter, said.window) for said in found]
    names, windows = ({said.model for said in found}, {said.window for said in found})
    if sorted(told) != sorted(product(names, _METERS.values(), windows)):
        raise Unreadable(f"table {table.number}: a price row is missing or printed twice")
    return found


def _starts(table: Table, before: Inline) -> When:
    match = _STARTS.search(before.line)
    starts = when(inline(match["moment"], f"before table {table.number}")) if match else None
    if starts is None:
        raise Unreadable(
            f"table {table.number}: future prices without the time they start: {before.line!r}"
        )
    return starts
