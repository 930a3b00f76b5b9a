"""Make prices of cells and of JSON numbers. A price without a unit is refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypedDict, Unpack

from monitor.core.facts import Price, When
from monitor.reading.cells import Offer
from monitor.reading.inline import Inline
from monitor.reading.money import amount, money
from monitor.reading.tables import Row


class Terms(TypedDict, total=False):
    """The fields of a Price beside its model, meter and amount."""

    version: str
    region: str
    surface: str
    tier: str
    context: str
    window: str
    starts: When | None
    ends: When | None
    note: str
    quote: str


def price(
    cell: Inline,
    model: str,
    meter: str,
    *,
    per: str = "",
    currency: str = "",
    units: Mapping[str, str] | None = None,
    no_price: Collection[str] = (),
    **terms: Unpack[Terms],
) -> Price | None:
    """Return the one price of a cell, or None where the cell says that there is none.

    ``per`` and ``currency`` are what the header or the page says where the cell does not.
    ``units`` and ``no_price`` are the page's own spellings. Raises Unreadable as ``money`` does,
    and for a price without a unit."""
    paid = money(cell, per=per, currency=currency, units=units, no_price=no_price)
    if paid is None:
        return None
    if not paid.per:
        raise cell.error("a price without a unit")
    return Price(
        model=model,
        meter=meter,
        amount=paid.amount,
        currency=paid.currency,
        per=paid.per,
        **terms,
    )


def prices(
    row: Row,
    offer: Offer,
    *,
    labels: Collection[str] = ("model",),
    per: str = "",
    currency: str = "",
    **terms: Unpack[Terms],
) -> Iterator[Price]:
    """Yield the prices of a row: each column's role is its meter, but for those in ``labels``.

    A role ``input@>200k`` is the meter ``input`` in the context ``>200k``. Every model of the offer
    has every price."""
    for role, cell in row.items():
        if role in labels:
            continue
        meter, _, context = role.partition("@")
        common: Terms = {
            "context": context or offer.context,
            "starts": offer.starts,
            "ends": offer.ends,
            "note": offer.note,
            "quote": row.quote,
            **terms,
        }
        for model in offer.models:
            if paid := price(cell, model, meter, per=per, currency=currency, **common):
                yield paid


def number_prices(
    numbers: Mapping[str, object],
    meters: Mapping[str, tuple[str, str, int]],
    model: str,
    name: str,
    **terms: Unpack[Terms],
) -> Iterator[Price]:
    """Yield the prices of a JSON object whose values are bare amounts in USD.

    ``meters`` gives meter, unit and factor of each key: ``{"prompt": ("input", "1M tokens",
    1_000_000)}``. Keys that are missing, null or zero are no price. ``name`` begins the quote:
    "acme/model-1: prompt 0.000001"."""
    for key, (meter, per, times) in meters.items():
        quote = f"{name}: {key} {numbers.get(key)}"
        value = amount(numbers.get(key), times, quote)
        if value is not None:
            common: Terms = {"quote": quote, **terms}
            yield Price(model=model, meter=meter, amount=value, per=per, **common)
