"""Z.ai (GLM): prices.

https://docs.z.ai/guides/overview/pricing.md: tables of models by name. The line above a table may
give its unit ("Prices per 1M tokens."); the other tables print it in the cell. Dollar signs come
escaped. "Free", "Limited-time Free", "-" and a lone backslash are no prices.

One price for all of a model is metered by its unit: ``tokens``, ``image``, ``video``. No page of
retirements is known. Other columns and a unit that facts.PER does not have are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from monitor.core.facts import Price
from monitor.reading import page
from monitor.reading.source import source

TOKENS = page.layout(
    model="model",
    input="input",
    cached_input="cached input",
    cache_storage="cached input storage",
    output="output",
)
MODELS = page.layout(model="model", price="price")
AGENTS = page.layout(agent="agent", price="price")
TOOLS = page.layout(tool="tool", price="cost|price")

UNITS = {"use": "request"}
NO_PRICE = ("limited-time free", "\\")
SURFACES = {"model": "api", "agent": "product", "tool": "tool"}
#: Meters of a single price, by its unit; that of any other unit is the unit.
METERS = {"1M tokens": "tokens", "request": "call"}
#: A price with the same price in another unit behind it.
APPROXIMATELY = re.compile(r"(?P<price>[^(]+) \((?P<note>equivalent to approximately [^)]+)\)")


@source(
    "https://docs.z.ai/guides/overview/pricing.md",
    every=timedelta(hours=12),
    facts=(Price,),
    markers=(b"Cached Input", b"GLM-"),
)
def pricing(body: bytes) -> Iterator[Price]:
    """Models, tools and agents, by the name the page prints."""
    for row in page.tables(body, TOKENS, MODELS, AGENTS, TOOLS):
        per = _unit_above(row)
        subject, *meters = row
        for meter in meters:
            cell, note = row[meter], ""
            if match := APPROXIMATELY.fullmatch(cell.line):
                cell, note = replace(cell, text=match["price"]), match["note"]
            surface = SURFACES[subject]
            price = page.price(
                cell,
                row[subject].line,
                meter,
                per=per,
                units=UNITS,
                no_price=NO_PRICE,
                surface=surface,
                note=note,
                quote=row.quote,
            )
            if price and row.layout is not TOKENS:
                price = replace(price, meter=METERS.get(price.per, price.per))
            if price:
                yield price


def _unit_above(row: page.Row) -> str:
    """Return the unit that the line above a table gives, or nothing."""
    above = re.fullmatch(r"Prices per (.+?)\.?", row.before)
    per = page.unit(above[1]) if above else ""
    if per is None:
        raise page.Unreadable(f"unknown unit {row.before!r} above {row.quote!r}")
    return per
