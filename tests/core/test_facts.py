"""Facts: identity, value, and the public JSON that scripts hold on to."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from monitor.core.facts import FACTS, Fact, Listing, Notice, Price, Retirement, When, from_json
from tests.support.strategies import facts, words

#: The examples of the interface, in its order of fields.
RETIREMENT = (
    '{"fact":"retirement","provider":"openai","model":"gpt-4-0314","version":"","region":"",'
    '"surface":"api","term":"",'
    '"stage":"deprecated","announced":{"text":"2025-09-26","bound":"on","words":"2025-09-26"},'
    '"deprecated":null,'
    '"retires":{"text":"2026-03-26","bound":"on","words":"2026\\u201103\\u201126"},'
    '"replacements":["gpt-5","gpt-4.1"],'
    '"note":"","quote":"..."}'
)
PRICE = (
    '{"fact":"price","provider":"openai","model":"gpt-4.1","version":"","region":"",'
    '"surface":"api","meter":"input",'
    '"amount":"2.00","currency":"USD","per":"1M tokens","tier":"standard","context":"",'
    '"window":"","starts":null,'
    '"ends":null,"note":"","quote":"..."}'
)


def compact(fact: Fact) -> str:
    return json.dumps(fact.to_json(), separators=(",", ":"))


def test_a_retirement_as_the_interface_prints_it() -> None:
    fact = Retirement(
        provider="openai",
        model="gpt-4-0314",
        stage="deprecated",
        announced=When("2025-09-26", words="2025-09-26"),
        retires=When("2026-03-26", words="2026\u201103\u201126"),
        replacements=("gpt-5", "gpt-4.1"),
        quote="...",
    )
    assert compact(fact) == RETIREMENT
    assert from_json(json.loads(RETIREMENT)) == fact


def test_a_price_as_the_interface_prints_it() -> None:
    fact = Price(
        provider="openai",
        model="gpt-4.1",
        meter="input",
        amount=Decimal("2.00"),
        per="1M tokens",
        quote="...",
    )
    assert compact(fact) == PRICE
    assert from_json(json.loads(PRICE)) == fact


def test_listings_and_notices_have_the_same_head_and_tail() -> None:
    for fact in (Listing(model="a"), Notice(title="A")):
        names = list(fact.to_json())
        assert names[:6] == ["fact", "provider", "model", "version", "region", "surface"]
        assert names[-2:] == ["note", "quote"]
    assert list(FACTS) == ["listing", "retirement", "price", "notice"]


@given(facts())
def test_json_gives_the_fact_back(fact: Fact) -> None:
    again = from_json(json.loads(json.dumps(fact.to_json())))
    assert again == fact
    assert (again.key, again.value) == (fact.key, fact.value)
    assert again.to_json() == fact.to_json()  # words of dates too, which equality leaves out


@given(facts(), words)
def test_wording_is_neither_identity_nor_value(fact: Fact, other: str) -> None:
    changes: dict[str, Any] = {"quote": other, "note": other}
    for name, value in fact.to_json().items():
        if isinstance(value, dict):
            changes[name] = replace(getattr(fact, name), words=other)
    for name in ("name", "term", "link", "summary"):
        if hasattr(fact, name):
            changes[name] = other
    reworded = replace(fact, **changes)
    assert (reworded.key, reworded.value) == (fact.key, fact.value)


@given(facts())
def test_the_provider_is_no_part_of_the_key(fact: Fact) -> None:
    assert fact.stamped("acme").provider == "acme"
    assert (fact.stamped("acme").key, fact.stamped("acme").value) == (fact.key, fact.value)


@given(facts(), facts())
def test_facts_of_one_key_are_of_one_offering(one: Fact, other: Fact) -> None:
    assert json.loads(one.key)[:5] == [one.fact, one.model, one.version, one.region, one.surface]
    if one.key == other.key:
        assert type(one) is type(other)


def test_the_key_keeps_apart_what_a_join_would_not() -> None:
    assert Listing(model="a", version="b-c").key != Listing(model="a-b", version="c").key
    assert Listing(model='a", "b').key != Listing(model="a", version="b").key
    assert Listing(model="café").key == '["listing", "café", "", "", "api"]'


def test_all_of_a_price_but_its_amount_is_its_key() -> None:
    price = Price(model="a", meter="input", amount=Decimal(1), per="1M tokens")
    others: dict[str, Any] = {
        "model": "b",
        "version": "1",
        "region": "eu",
        "surface": "batch",
        "meter": "output",
        "currency": "EUR",
        "per": "image",
        "tier": "batch",
        "context": ">200k",
        "window": "off-peak",
        "starts": When("2026-08"),
        "ends": When("2026-08", "by"),
    }
    keys = {replace(price, **{name: value}).key for name, value in others.items()}
    assert len(keys | {price.key}) == len(others) + 1
    assert replace(price, amount=Decimal(2)).key == price.key
    assert replace(price, amount=Decimal("1.00")).value == price.value


def test_a_date_and_its_floor_are_two_values() -> None:
    firm = Retirement(model="a", stage="deprecated", retires=When("2026-08-16"))
    floor = replace(firm, retires=When("2026-08-16", "not_before"))
    assert firm.key == floor.key
    assert firm.value != floor.value
    assert str(floor.retires) == "not before 2026-08-16"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-13",
        "2026-00",
        "2026-02-30",
        "2026-Q5",
        "26-08-16",
        "2026-8-16",
        "2026-08-16T19:00",
        "2026-08-16T19:00:00Z",
        "2026-08-16T24:00Z",
        "0000",
        "2026-08-16 ",
        "August 2026",
    ],
)
def test_a_date_that_does_not_exist_cannot_be_built(text: str) -> None:
    with pytest.raises(ValueError):
        When(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("per", "furlong"),
        ("per", ""),
        ("amount", Decimal(-1)),
        ("amount", Decimal("NaN")),
        ("amount", Decimal("Inf")),
    ],
)
def test_a_price_that_is_none_cannot_be_built(field: str, value: Any) -> None:
    good: dict[str, Any] = {"model": "a", "meter": "input", "amount": Decimal(1), "per": "image"}
    assert Price(**good).amount == 1
    with pytest.raises(ValueError):
        Price(**{**good, field: value})


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"fact": "rumour", "model": "a"},
        {"fact": "listing"},
        {"fact": "retirement", "model": "a"},
        {"fact": "price", "model": "a", "meter": "input", "amount": "a lot", "per": "image"},
        {"fact": "price", "model": "a", "meter": "input", "amount": "1", "per": "furlong"},
        {"fact": "listing", "model": "a", "created": {"text": "soon", "bound": "on", "words": ""}},
        {"fact": "listing", "model": "a", "created": {"text": "2026"}},
    ],
)
def test_other_json_is_refused(data: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, ArithmeticError)):
        from_json(data)


def test_an_amount_is_printed_plainly() -> None:
    """Never in exponents: 1E-7 would be lost on those who read text."""
    tiny = Price(model="a", meter="input", amount=Decimal("0.0000001"), per="1M tokens")
    assert tiny.to_json()["amount"] == "0.0000001"
