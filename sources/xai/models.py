"""xAI, model list: https://api.x.ai/v1/models

It has ids alone in 2025, prices since 2026-05-23 and aliases since 2026-06-16. Prices are whole
numbers in units of 1e-10 USD, for a token or an image; those ending in ``_long_context`` hold above
``long_context_threshold``. It has no date of retirement: that a model leaves is the only sign.

A field with "price" in its name that is not known is Unreadable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from monitor.core.facts import Fact, Listing, Price, When
from monitor.reading.page import (
    Unreadable,
    parsed_json,
)
from monitor.reading.source import Access, source

#: Fields with an amount for a token, in 1e-10 USD.
_TOKENS = {
    "prompt_text_token_price": "input",
    "cached_prompt_text_token_price": "cached_input",
    "completion_text_token_price": "output",
    "prompt_image_token_price": "image_input",
}
_LONG = "_long_context"
_FIELDS = {*_TOKENS, *(field + _LONG for field in _TOKENS), "image_price"}


@source(
    "https://api.x.ai/v1/models",
    facts=(Listing, Price),
    access=Access(key="XAI_API_KEY"),
    markers=(b'"data"', b"grok-"),
)
def models(body: bytes) -> Iterator[Fact]:
    """The models of the API with their aliases, contexts and prices; those of video have no price
    here.
    """
    items: list[dict[str, Any]] = parsed_json(body)["data"]
    names = {item["id"] for item in items}
    for item in items:
        name = item["id"]
        day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=item["created"])
        yield Listing(
            model=name,
            context_window=item.get("context_length"),
            created=When(day.strftime("%Y-%m-%d"), words=str(item["created"])),
            quote=json.dumps(item)[:500],
        )
        for alias in item.get("aliases") or ():
            if (
                alias not in names
            ):  # a name that is listed for itself is no alias, whatever another model says
                yield Listing(
                    model=alias, alias_of=name, quote=f'"{alias}" among the aliases of "{name}"'
                )
        yield from _prices(item)


def _prices(item: dict[str, Any]) -> Iterator[Price]:
    name = item["id"]
    for field, said in item.items():
        if "price" in field and field not in _FIELDS:
            raise Unreadable(f"unknown price of {name}: {field!r}: {said!r}")
        if field not in _FIELDS or not _is_price(said):
            continue
        base = field.removesuffix(_LONG)
        if field == "image_price":
            yield _image(name, said, "", f'"{field}": {said}')
        else:
            yield Price(
                model=name,
                meter=_TOKENS[base],
                amount=_usd(said, 10**6),
                per="1M tokens",
                context=_context(item, field),
                quote=f'"{field}": {said}',
            )
    for row in item.get("pricing") or ():
        if unknown := row.keys() - {"price_per_image", "quality", "resolution"}:
            raise Unreadable(f"unknown price of {name}: {sorted(unknown)} in {row}")
        yield _image(
            name, row["price_per_image"], f"{row['quality']} {row['resolution']}", json.dumps(row)
        )


def _image(model: str, said: object, context: str, quote: str) -> Price:
    return Price(
        model=model,
        meter="image_output",
        amount=_usd(said, 1),
        per="image",
        context=context,
        quote=quote,
    )


def _is_price(said: object) -> bool:
    """Whether a field holds a price: null is unknown, and zero is what a model has that does not
    take images.
    """
    return said is not None and said != 0


def _usd(said: object, count: int) -> Decimal:
    """An amount in 1e-10 USD as USD for so many."""
    if not isinstance(said, int) or said < 0:
        raise Unreadable(f"not a price in 1e-10 USD: {said}")
    return (Decimal(said * count).scaleb(-10)).normalize()


def _context(item: dict[str, Any], field: str) -> str:
    """The prompts a price is for: empty where the field has no second price for long ones."""
    if not _is_price(item.get(field.removesuffix(_LONG) + _LONG)):
        return ""
    thousands, rest = divmod(item["long_context_threshold"], 1000)
    if rest:
        raise Unreadable(f"{item['id']}: a threshold of {item['long_context_threshold']} tokens")
    return f"{'>' if field.endswith(_LONG) else '<='}{thousands}k"
