"""Vertex AI, prices of other makers' models: "Input: $5.00 / Output: $25.00 / 5m Cache Write:
$6.25", one a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from monitor.core.facts import Price
from monitor.reading import page

PRICE = re.compile(
    r"(?:(?P<life>5m|1h) )?(?P<batch>batch )?(?P<what>input|output|cache hit|cache write): "
    r"(?P<price>\$[\d.]+)"
    r"(?: / (?P<per>million tokens))?(?: \(or (?P<other>\$[\d.]+/page)\))?\s*",
    re.IGNORECASE,
)
METERS = {
    "input": "input",
    "output": "output",
    "cache hit": "cached_input",
    "cache write": "cache_write",
}
REGION = re.compile(r"(?:.* \()?(global|us|eu|[a-z]+-[a-z]+\d+)\)?", re.IGNORECASE)


def region_of(row: page.Row) -> str:
    """Return the region that the heading of a table names; nothing where all have the same prices.

    Raises Unreadable for another heading."""
    if row.heading == "Models with uniform pricing across all regions":
        return ""
    match = REGION.fullmatch(row.heading)
    if not match:
        raise page.Unreadable(f"no known region in the heading {row.heading!r}: {row.quote!r}")
    return match[1].casefold()


def labelled_prices(
    row: page.Row, column: str, offer: page.Offer, region: str, *, per: str = "1M tokens"
) -> Iterator[Price]:
    """Yield the prices of a cell. ``per`` is the unit of a price that is printed without one.

    Where a cell states a meter twice, the first holds: in May 2026 the cell of Claude Sonnet 4.6 in
    us-east5 goes on with prices of a long context that its own column contradicts."""
    cell, rest = row[column], row[column].line
    prices: dict[tuple[str, str, str], Price] = {}
    while rest:
        match = PRICE.match(rest)
        if not match:
            raise cell.error(f"no labelled price at {rest[:40]!r}")
        rest = rest[match.end() :]
        meter = METERS[match["what"].casefold()] + ("_1h" if match["life"] == "1h" else "")
        tier = "batch" if match["batch"] else "standard"
        unit = page.unit(match["per"]) if match["per"] else per
        # "$0.30 / million tokens (or $0.0003/page)" is one price, counted in two ways.
        for text in filter(None, (match["price"], match["other"])):
            price = page.price(
                replace(cell, text=text),
                offer.models[0],
                meter,
                per=unit or "",
                region=region,
                tier=tier,
                context=offer.context,
                note=offer.note,
                quote=row.quote,
            )
            if not price:
                continue
            first = prices.setdefault((meter, tier, price.per), price)
            if first.amount != price.amount:
                note = f"the same cell then says ${price.amount}"
                prices[meter, tier, price.per] = replace(first, note=note)
    yield from prices.values()
