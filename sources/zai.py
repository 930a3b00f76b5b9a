"""Z.ai (GLM): prices.

https://docs.z.ai/guides/overview/pricing.md: tables of models by name. The line above a table may
give its unit ("Prices per 1M tokens."); the other tables print it in the cell. Dollar signs come
escaped. "Free", "Limited-time Free", "-" and a lone backslash are no prices.

One price for all of a model is metered by its unit: ``tokens``, ``image``, ``video``. No page of
retirements is known.

What would break it, as Unreadable: other columns, or a unit that facts.PER does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from monitor.core.facts import Price
from monitor.reading.page import Inline, Money, Row, Unreadable, layout, money, tables, unit
from monitor.reading.source import source

_TOKENS = layout(
    model="model",
    input="input",
    cached_input="cached input",
    cache_storage="cached input storage",
    output="output",
)
_MODELS = layout(model="model", price="price")
_AGENTS = layout(agent="agent", price="price")
_TOOLS = layout(tool="tool", price="cost|price")

_SURFACES = {"model": "api", "agent": "product", "tool": "tool"}
#: Meters of a single price, by its unit.
_METERS = {"1M tokens": "tokens", "request": "call"}
_APPROXIMATELY = re.compile(r"(?P<price>[^(]+) \((?P<note>equivalent to approximately [^)]+)\)")


@source(
    "https://docs.z.ai/guides/overview/pricing.md",
    every=timedelta(hours=12),
    facts=(Price,),
    markers=(b"Cached Input", b"GLM-"),
)
def pricing(body: bytes) -> Iterator[Price]:
    """Models, tools and agents, by the name the page prints."""
    for row in tables(body, _TOKENS, _MODELS, _AGENTS, _TOOLS):
        above = re.fullmatch(r"Prices per (.+?)\.?", row.before)
        per = unit(above[1]) if above else ""
        if per is None:
            raise Unreadable(f"unknown unit {row.before!r} above {row.quote!r}")
        subject, *priced = row
        for role in priced:
            said, note = _approximately(row[role])
            paid = money(said, per=per)
            if paid:
                if not paid.per:
                    raise said.error("unknown unit of a price")
                meter = role if row.layout is _TOKENS else _METERS.get(paid.per, paid.per)
                yield _price(row, row[subject].line, _SURFACES[subject], meter, paid, note)


def _price(row: Row, model: str, surface: str, meter: str, paid: Money, note: str) -> Price:
    return Price(
        model=model,
        surface=surface,
        meter=meter,
        amount=paid.amount,
        currency=paid.currency,
        per=paid.per,
        note=note,
        quote=row.quote,
    )


def _approximately(cell: Inline) -> tuple[Inline, str]:
    """A price without the same price in another unit behind it, and that as a note."""
    match = _APPROXIMATELY.fullmatch(cell.line)
    return (replace(cell, text=match["price"]), match["note"]) if match else (cell, "")
