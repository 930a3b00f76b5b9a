"""The names an adapter reads a document with, in one namespace.

    from monitor.reading import page

    for row in page.tables(body, MODELS): ...

Everything here is exact, or raises Unreadable with the place and the text. docs/adapters.md lists
the names."""

from __future__ import annotations

from monitor.errors import Unreadable
from monitor.reading.blocks import Block, Heading, RawRow, Table, Text
from monitor.reading.cells import (
    NOTHING,
    Offer,
    codes,
    context,
    heading_date,
    names,
    offer,
    replacements,
    word,
)
from monitor.reading.changelog import feed_notices, first_sentence, model_ids, numbered
from monitor.reading.dates import when
from monitor.reading.document import blocks, decode, is_html
from monitor.reading.feeds import Entry, entries
from monitor.reading.focus import tables_and_headings
from monitor.reading.inline import Inline, clean, inline
from monitor.reading.json_values import epoch_day, parsed_json
from monitor.reading.merge import earliest_end, latest_announcement, merged, newest, noted
from monitor.reading.model_lists import listed, next_page
from monitor.reading.money import NO_PRICE, Money, above, amount, money, unit
from monitor.reading.prices import Terms, number_prices, price, prices
from monitor.reading.sections import Element, Section, elements, sections, sentences
from monitor.reading.tables import Layout, Row, layout, tables

__all__ = [
    "NOTHING",
    "NO_PRICE",
    "Block",
    "Element",
    "Entry",
    "Heading",
    "Inline",
    "Layout",
    "Money",
    "Offer",
    "RawRow",
    "Row",
    "Section",
    "Table",
    "Terms",
    "Text",
    "Unreadable",
    "above",
    "amount",
    "blocks",
    "clean",
    "codes",
    "context",
    "decode",
    "earliest_end",
    "elements",
    "entries",
    "epoch_day",
    "feed_notices",
    "first_sentence",
    "heading_date",
    "inline",
    "is_html",
    "latest_announcement",
    "layout",
    "listed",
    "merged",
    "model_ids",
    "money",
    "names",
    "newest",
    "next_page",
    "noted",
    "number_prices",
    "numbered",
    "offer",
    "parsed_json",
    "price",
    "prices",
    "replacements",
    "sections",
    "sentences",
    "tables",
    "tables_and_headings",
    "unit",
    "when",
    "word",
]
