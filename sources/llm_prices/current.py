"""llm-prices of Simon Willison: https://www.llm-prices.com/current-v1.json

``prices``, one object a model with amounts in USD for 1M tokens. The files it is built from
(data/<vendor>.json of the repository) hold ``models`` with a ``price_history``; both are read. A
hint, kept by one person.

Odd, and read so:
- A price for long prompts is a model of its own: ``grok-4.5-200k``, "Grok 4.5 >200k", beside
  ``grok-4.5``. The sign in the name is the context, and the size leaves the id. An id that stands
  twice is told apart by that sign too.
- ``from_date`` and ``to_date`` are null for "now" and "not known".

What would break it, as Unreadable: a model without input or output, an amount that is no number;
one id twice at different prices without a sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from monitor.core.facts import Price, When
from monitor.reading.page import amount, parsed_json, when
from monitor.reading.source import source

_SIZE = re.compile(r"(?:(?P<upto>≤|<=)|>) ?(?P<size>\d+k)\b", re.IGNORECASE)


@source(
    "https://www.llm-prices.com/current-v1.json",
    every=timedelta(hours=12),
    kind="hint",
    facts=(Price,),
    markers=(b'"input"', b'"output"', b'"vendor"'),
)
def current(body: bytes) -> Iterator[Price]:
    """The prices of each model, by context, and by the days of their validity where those are
    told.
    """
    document = parsed_json(body)
    if "models" not in document:
        for row in document["prices"]:
            yield from _prices(row, row, None, None)
        return
    for row in document["models"]:
        for past in row["price_history"]:
            starts, ends = (
                when(past[key]) if past[key] else None for key in ("from_date", "to_date")
            )
            yield from _prices(row, past, starts, ends)


def _offering(name: str, title: str) -> tuple[str, str]:
    """The id without a size, and the context that the title gives."""
    sign = _SIZE.search(title)
    if not sign:
        return name, ""
    size = sign["size"].lower()
    return name.removesuffix(f"-{size}"), f"{'<=' if sign['upto'] else '>'}{size}"


def _prices(
    row: dict[str, Any], prices: dict[str, Any], starts: When | None, ends: When | None
) -> Iterator[Price]:
    model, context = _offering(row["id"], row["name"])
    numbers = {
        "input": prices["input"],
        "output": prices["output"],
        "cached_input": prices.get("input_cached"),
    }
    for meter, number in numbers.items():
        quote = f"{row['name']}: {meter} {number}"
        price = amount(number, 1, quote)
        if price is not None:
            yield Price(
                model=model,
                meter=meter,
                amount=price,
                per="1M tokens",
                context=context,
                starts=starts,
                ends=ends,
                quote=quote,
            )
