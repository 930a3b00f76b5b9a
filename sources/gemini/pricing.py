"""Gemini API, prices: https://ai.google.dev/gemini-api/docs/pricing

``model`` is the id, the one name that all layouts share with the provider's other pages. The paid
tier is read. The free one has limits but no prices, and unknown is not zero. Models, tables and
rows are read in price_rows.py, for the layouts of 2025 in history.py as well.

A new kind of row, a new tier and a new condition of a price are Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Price
from monitor.reading import page
from monitor.reading.source import source
from sources.gemini.price_rows import page_prices


@source(
    "https://ai.google.dev/gemini-api/docs/pricing.md.txt?hl=en",
    facts=(Price,),
    markers=(b"Paid Tier",),
)
def pricing(body: bytes) -> Iterator[Price]:
    """Yield the prices of every model."""
    return page_prices(page.blocks(body))
