"""xAI, model list: https://api.x.ai/v1/models

It has ids alone in 2025, prices since 2026-05-23 and aliases since 2026-06-16. Prices are whole
numbers in units of 1e-10 USD, for a token or an image; those ending in ``_long_context`` hold above
``long_context_threshold``. It has no date of retirement: that a model leaves is the only sign.
Models of video have no price here.

A field with "price" in its name that is not known is Unreadable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from monitor.core.facts import Fact, Listing, Price
from monitor.reading import page
from monitor.reading.source import Access, source

#: Fields with an amount for a token.
TOKENS = {
    "prompt_text_token_price": "input",
    "cached_prompt_text_token_price": "cached_input",
    "completion_text_token_price": "output",
    "prompt_image_token_price": "image_input",
}
LONG = "_long_context"
IMAGE = "image_price"
#: The fields of a price by quality and resolution.
BY_QUALITY = {"price_per_image", "quality", "resolution"}


@source(
    "https://api.x.ai/v1/models",
    facts=(Listing, Price),
    access=Access(key="XAI_API_KEY"),
    markers=(b'"data"', b"grok-"),
)
def models(body: bytes) -> Iterator[Fact]:
    """Yield the models of the API with their aliases, contexts and prices."""
    items = list(page.listed(body))
    names = {item["id"] for item in items}
    for item in items:
        name = item["id"]
        yield Listing(
            model=name,
            context_window=item.get("context_length"),
            created=page.epoch_day(item["created"]),
            quote=json.dumps(item)[:500],
        )
        for alias in item.get("aliases") or ():
            # A name that is listed for itself is no alias, whatever another model says.
            if alias not in names:
                quote = f'"{alias}" among the aliases of "{name}"'
                yield Listing(model=alias, alias_of=name, quote=quote)
        yield from _prices(name, item)


def _prices(name: str, item: Mapping[str, Any]) -> Iterator[Price]:
    for field, value in item.items():
        base, quote = field.removesuffix(LONG), f'"{field}": {value}'
        if base in TOKENS and value:
            amount, context = _usd(value, 10**6), _context(item, field)
            meter, per = TOKENS[base], "1M tokens"
            yield Price(
                model=name, meter=meter, amount=amount, per=per, context=context, quote=quote
            )
        elif field == IMAGE and value:
            yield _image(name, value, "", quote)
        elif "price" in field and base not in TOKENS and field != IMAGE:
            raise page.Unreadable(f"unknown price of {name}: {field!r}: {value!r}")
    for row in item.get("pricing") or ():
        if unknown := row.keys() - BY_QUALITY:
            raise page.Unreadable(f"unknown price of {name}: {sorted(unknown)} in {row}")
        quality = f"{row['quality']} {row['resolution']}"
        yield _image(name, row["price_per_image"], quality, json.dumps(row))


def _image(model: str, value: object, context: str, quote: str) -> Price:
    return Price(
        model=model,
        meter="image_output",
        amount=_usd(value, 1),
        per="image",
        context=context,
        quote=quote,
    )


def _usd(value: object, count: int) -> Decimal:
    """Return an amount in 1e-10 USD as USD for so many."""
    if not isinstance(value, int) or value < 0:
        raise page.Unreadable(f"not a price in 1e-10 USD: {value}")
    return (Decimal(value * count).scaleb(-10)).normalize()


def _context(item: Mapping[str, Any], field: str) -> str:
    """Return the prompts that a price is for: empty where a field has no second price for long
    ones.
    """
    if not item.get(field.removesuffix(LONG) + LONG):
        return ""
    thousands, rest = divmod(item["long_context_threshold"], 1000)
    if rest:
        raise page.Unreadable(f"a threshold of {item['long_context_threshold']} tokens")
    return f"{'>' if field.endswith(LONG) else '<='}{thousands}k"
