"""Anthropic, prices: https://platform.claude.com/docs/en/about-claude/pricing.md

Models have display names. A name cell holds one or more of them and labels: "(deprecated)",
"through August 31, 2026", "for prompts over 100,000 tokens". Until May 2026 long prompts and fast
mode had other tables: history.py. A new table, and a label with figures that is no date or size,
are Unreadable."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.core.facts import Price
from monitor.reading import page
from monitor.reading.source import source

BASE = page.layout(
    model="model",
    input="base input tokens",
    cache_write="5m cache writes",
    cache_write_1h="1h cache writes",
    cached_input="cache hits*",
    output="output tokens",
)
BATCH = page.layout(model="model", input="batch input", output="batch output")
FAST = page.layout(model="model", input="input", output="output", under="fast mode")
#: Not prices of a model: multipliers, token counts of tools, marketplace units, session hours,
#: worked examples.
NO_PRICES = (
    page.layout(operation="cache operation", multiplier="multiplier"),
    page.layout(
        under="tool use pricing|specific tool pricing|agents pricing|agent use case|worked example"
    ),
    page.layout(
        under="cloud platform pricing|third-party platform|claude platform on aws|microsoft foundry"
    ),
)
NAME = r"Claude(?: [A-Z\d][\w.]*)+"
NAMED = re.compile(rf"({NAME}(?:(?: / |, and |, | and )(?:{NAME}|\d[\d.]*))*)(?: (.+))?")


@source(
    "https://platform.claude.com/docs/en/about-claude/pricing.md",
    facts=(Price,),
    markers=(b"Model pricing", b"/ MTok"),
)
def pricing(body: bytes) -> Iterator[Price]:
    """Base and cache prices, batch and fast mode."""
    for row in page.tables(body, BASE, BATCH, FAST, skip=NO_PRICES):
        tier = "batch" if row.layout is BATCH else "fast" if row.layout is FAST else "standard"
        yield from page.prices(row, named(row["model"]), tier=tier)


def named(cell: page.Inline) -> page.Offer:
    """Return the models of a cell, "Claude Opus 4 / 4.1 (deprecated)", and its labels."""
    match = NAMED.fullmatch(cell.line)
    if not match:
        raise cell.error("no model name")
    first, *others = re.split(r" / |, and |, | and ", match[1])
    family = first.rpartition(" ")[0]
    models = [name if name.startswith("Claude") else f"{family} {name}" for name in others]
    return page.offer(cell, [first, *models], match[2] or "")
