"""DeepSeek, prices: https://api-docs.deepseek.com/quick_start/pricing/

One table with a column for each model (price_tables.py). A rise comes in three stages: a footnote,
then a second table and the moment from which it holds, then the first table with peak and off-peak
rows. The hours of the peak stand in a footnote alone, and were narrowed there without any number
changing: footnotes about prices are notices.

The CDN has answered 200 with another page, or an empty one, for the address without its slash.
Future prices without the time they start are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.core.facts import Notice, Price, When
from monitor.reading import page
from monitor.reading.source import source
from sources.deepseek.price_tables import FOOTNOTE, PricedCell, has_model_columns, priced_cells
from sources.deepseek.words import title_of

STARTS = re.compile(r"take effect (?:at|on|from) (?P<moment>.+?), as follows:?$")
HOURS = re.compile(r"[Pp]eak hours(?: are|:) (?P<hours>.+?)(?= \(all other|\]|\.(?: |$))")
ABOUT_PRICES = re.compile(r"\b(?:pric|peak)", re.IGNORECASE)


@source(
    "https://api-docs.deepseek.com/quick_start/pricing/",
    facts=(Price, Notice),
    markers=(b"MODEL", b"1M INPUT TOKENS", b"deepseek-v"),
)
def pricing(body: bytes) -> Iterator[Price | Notice]:
    """Yield the prices now, those that are announced, and the footnotes about prices."""
    now: list[PricedCell] = []
    later: list[tuple[PricedCell, When]] = []
    footnotes: list[str] = []
    before, below_prices = page.inline(""), False
    for block in page.blocks(body):
        if isinstance(block, page.Heading):
            below_prices = False
        elif isinstance(block, page.Text):
            before = block.inline
            if below_prices and ABOUT_PRICES.search(before.line):
                footnotes.append(FOOTNOTE.sub("", before.line, count=1).strip())
        elif has_model_columns(block):
            below_prices = True
            now += priced_cells(block)
        else:
            starts = _starts(block, before)
            later += [(cell, starts) for cell in priced_cells(block)]
    hours = next(filter(None, map(_hours, footnotes)), "")
    ends = {cell.model: starts for cell, starts in later}
    for cell in now:
        yield from _price(cell, hours, None, ends.get(cell.model))
    for cell, starts in later:
        yield from _price(cell, hours, starts, None)
    for note in footnotes:
        title = f"Peak hours: {_hours(note)}" if _hours(note) else title_of(note)
        yield Notice(
            title=title,
            link="https://api-docs.deepseek.com/quick_start/pricing",
            summary=note,
            quote=note,
        )


def _starts(table: page.Table, before: page.Inline) -> When:
    """Return the moment from which the prices of a table hold, as the paragraph above it says."""
    match = STARTS.search(before.line)
    place = f"before table {table.number}"
    starts = page.when(page.inline(match["moment"], place)) if match else None
    if starts is None:
        raise page.Unreadable(
            f"table {table.number}: future prices without the time they start: {before.line!r}"
        )
    return starts


def _hours(footnote: str) -> str:
    match = HOURS.search(footnote)
    return match["hours"] if match else ""


def _price(cell: PricedCell, hours: str, starts: When | None, ends: When | None) -> Iterator[Price]:
    price = page.price(
        cell.text,
        cell.model,
        cell.meter,
        per="1M tokens",
        window=cell.window,
        starts=starts,
        ends=ends,
        note=f"peak hours: {hours}" if cell.window and hours else "",
        quote=cell.quote,
    )
    if price:
        yield price
