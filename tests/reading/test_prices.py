"""A column's role is its meter, and a price has a unit or is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from monitor.core.facts import Price
from monitor.errors import Unreadable
from monitor.reading import page

PAGE = """
| Model | Size | Input | Output | Long input |
|---|---|---|---|---|
| a | big | $1 / MTok | - | $2 / MTok |
"""
SHAPE = page.layout(
    model="model", size="size", input="input", output="output", **{"input@>200k": "long input"}
)


def test_every_model_of_an_offer_has_every_price_of_the_row() -> None:
    [row] = page.tables(PAGE, SHAPE)
    offer = page.Offer(("a", "b"), "<=200k", note="preview")
    facts = list(page.prices(row, offer, labels=("model", "size"), tier="batch"))
    assert [(fact.model, fact.meter, fact.amount, fact.context) for fact in facts] == [
        ("a", "input", Decimal(1), "<=200k"),
        ("b", "input", Decimal(1), "<=200k"),
        ("a", "input", Decimal(2), ">200k"),
        ("b", "input", Decimal(2), ">200k"),
    ]
    assert {(fact.tier, fact.note, fact.quote) for fact in facts} == {
        ("batch", "preview", row.quote)
    }


def test_a_label_is_no_price() -> None:
    [row] = page.tables(PAGE, SHAPE)
    with pytest.raises(Unreadable, match="column 'Size': not a price: 'big'"):
        list(page.prices(row, page.Offer(("a",))))


def test_a_price_without_a_unit_is_refused() -> None:
    with pytest.raises(Unreadable, match="a price without a unit"):
        page.price(page.inline("$1"), "a", "input")
    assert page.price(page.inline("$1"), "a", "input", per="image") == Price(
        model="a", meter="input", amount=Decimal(1), per="image"
    )
    assert page.price(page.inline("Free"), "a", "input") is None


def test_numbers_without_a_unit_get_it_from_their_key() -> None:
    meters = {
        "prompt": ("input", "1M tokens", 1_000_000),
        "search": ("search", "1K searches", 1000),
    }
    facts = list(
        page.number_prices({"prompt": "0.000001", "search": 0}, meters, "a", "acme/a", tier="flex")
    )
    assert [(fact.meter, fact.amount, fact.tier, fact.quote) for fact in facts] == [
        ("input", Decimal("1.00"), "flex", "acme/a: prompt 0.000001")
    ]
    with pytest.raises(Unreadable, match="not an amount: acme/a: prompt cheap"):
        list(page.number_prices({"prompt": "cheap"}, meters, "a", "acme/a"))
