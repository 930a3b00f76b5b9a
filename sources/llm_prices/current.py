"""llm-prices of Simon Willison: https://www.llm-prices.com/current-v1.json

A hint, kept by one person: ``prices``, one object a model with amounts in USD for 1M tokens. The
files behind it (data/<vendor>.json) hold ``models`` with a ``price_history``; both are read.

- A price for long prompts is a model of its own: ``grok-4.5-200k``, "Grok 4.5 >200k", beside
  ``grok-4.5``. The sign in the name is the context, and the size leaves the id. Two models of one
  id differ by that sign, too.
- ``from_date`` and ``to_date`` are null for "now" and "not known".

Unreadable: a model without input or output, an amount that is no number, and one id twice at
different prices without a sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from monitor.core.facts import Price, When
from monitor.reading import page
from monitor.reading.source import source

METERS = {meter: (meter, "1M tokens", 1) for meter in ("input", "output", "cached_input")}
SIZE = re.compile(r"(?:(?P<upto>≤|<=)|>) ?(?P<size>\d+k)\b", re.IGNORECASE)


@source(
    "https://www.llm-prices.com/current-v1.json",
    every=timedelta(hours=12),
    kind="hint",
    facts=(Price,),
    markers=(b'"input"', b'"output"', b'"vendor"'),
)
def current(body: bytes) -> Iterator[Price]:
    """Yield the prices of each model, by context, and by their days where those are printed."""
    document = page.parsed_json(body)
    if "models" not in document:
        for row in document["prices"]:
            yield from _prices(row, row)
        return
    for row in document["models"]:
        for period in row["price_history"]:
            starts, ends = (
                page.when(period[key]) if period[key] else None for key in ("from_date", "to_date")
            )
            yield from _prices(row, period, starts, ends)


def _prices(
    row: Mapping[str, Any],
    period: Mapping[str, Any],
    starts: When | None = None,
    ends: When | None = None,
) -> Iterator[Price]:
    model, context = _model_and_context(row["id"], row["name"])
    numbers = {
        "input": period["input"],
        "output": period["output"],
        "cached_input": period.get("input_cached"),
    }
    return page.number_prices(
        numbers, METERS, model, row["name"], context=context, starts=starts, ends=ends
    )


def _model_and_context(name: str, title: str) -> tuple[str, str]:
    """Return the id without a size, and the context that the title gives."""
    sign = SIZE.search(title)
    if not sign:
        return name, ""
    size = sign["size"].lower()
    return name.removesuffix(f"-{size}"), f"{'<=' if sign['upto'] else '>'}{size}"
