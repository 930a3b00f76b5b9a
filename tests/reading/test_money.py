"""Money as pages print it. Every row of a table names the page that prints it so."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.facts import PER
from monitor.errors import Unreadable
from monitor.reading.inline import Inline
from monitor.reading.money import NO_PRICE, UNITS, Money, above, amount, money, unit

PRICES = [
    ("$5 / MTok", "5", "USD", "1M tokens", "Anthropic pricing"),
    ("\\$3 / MTok", "3", "USD", "1M tokens", "Anthropic pricing, March 2026: escaped"),
    ("$2 / MTok<sup>3</sup>", "2", "USD", "1M tokens", "Anthropic pricing: a footnote"),
    ("$0.034 / minute", "0.034", "USD", "minute", "OpenAI pricing"),
    ("$100.00 / hour", "100.00", "USD", "hour", "OpenAI pricing"),
    ("$1.00 / 1K searches", "1.00", "USD", "1K searches", "Cohere"),
    ("$10 per 1,000 requests", "10", "USD", "1K requests", "Perplexity"),
    (
        "$1.00 / 1,000,000 tokens per hour",
        "1.00",
        "USD",
        "1M tokens per hour",
        "Gemini pricing: storage",
    ),
    ("$0.04 per image", "0.04", "USD", "image", "Gemini pricing"),
    ("$1,234.50 / hour", "1234.50", "USD", "hour", "thousands"),
    ("$0.00", "0.00", "USD", "", "zero is an amount, other than Free"),
    ("$.05", ".05", "USD", "", "no digit before the point"),
    ("US$0.5 / page", "0.5", "USD", "page", "Alibaba"),
    ("0.5 USD / page", "0.5", "USD", "page", "currency behind"),
    ("€1.25", "1.25", "EUR", "", "Mistral"),
    ("¥2", "2", "CNY", "", "DeepSeek in Chinese"),
    ("$0.25*", "0.25", "USD", "", "Vertex pricing: a footnote star"),
    ("**$0.25**", "0.25", "USD", "", "bold"),
]


@pytest.mark.parametrize(("printed", "amount", "currency", "per", "page"), PRICES)
def test_a_price(printed: str, amount: str, currency: str, per: str, page: str) -> None:
    assert money(printed) == Money(Decimal(amount), currency, per), page


def test_header_and_page_complete_a_price_and_the_cell_overrules_them() -> None:
    assert money("0.75", currency="USD", per="1M tokens") == Money(
        Decimal("0.75"), "USD", "1M tokens"
    )
    assert money("€0.75 / page", currency="USD", per="1M tokens") == Money(
        Decimal("0.75"), "EUR", "page"
    )


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "—",
        "-",
        "Free",
        "Free of charge",
        "N/A",
        "Contact us",
        "Not available",
        "null",
    ],
)
def test_no_price_is_not_zero(printed: str) -> None:
    assert money(printed, currency="USD") is None


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("2.00", "an amount without a currency"),
        ("$5 / Mtoken", "unknown unit"),
        ("$5 / MTok4", "unknown unit"),  # Anthropic's overview: a footnote that lost its mark
        ("$5 / furlong", "unknown unit"),
        ("$-1", "not a price"),  # OpenRouter's pseudo-models
        (
            "$2.00, prompts <= 200k tokens $4.00, prompts > 200k tokens",
            "not a price",
        ),  # Gemini: the adapter splits it
        ("$0.30 (text) $1.00 (audio)", "not a price"),
        ("$0.20$1.50", "not a price"),  # xAI: neighbours run together
        ("$1,5", "not a price"),
        ("$1.2.3", "not a price"),
        ("1e-06 USD", "not a price"),
        ("a lot", "not a price"),
    ],
)
def test_any_other_price_is_refused(printed: str, message: str) -> None:
    with pytest.raises(Unreadable, match=f"table 1, row 4: {message}"):
        money(Inline(printed, where="table 1, row 4"))


@given(
    st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=6),
    st.sampled_from(["$", "€", "£", "¥"]),
)
def test_an_amount_is_never_rounded(amount: Decimal, symbol: str) -> None:
    for form in (
        f"{symbol}{amount:f}",
        f"{symbol}{amount:,f} / MTok",
        f"**{symbol}{amount:f}**<sup>2</sup>",
    ):
        result = money(form)
        assert result is not None
        assert str(result.amount) == f"{amount:f}"


def test_every_unit_is_of_the_closed_list() -> None:
    assert set(UNITS.values()) <= PER


@pytest.mark.parametrize(
    ("printed", "named"),
    [
        ("MTok", "1M tokens"),  # Anthropic
        ("M Tokens", "1M tokens"),  # Mistral
        ("1M tokens", "1M tokens"),
        ("1,000,000 tokens per hour", "1M tokens per hour"),  # Gemini
        ("1000 Pages", "1K pages"),  # Mistral
        ("Min", "minute"),  # Mistral
        ("M Chars", "1M characters"),  # Mistral
        ("second", "second"),  # Gemini video
        ("GB / day", "GB per day"),  # OpenAI
        ("Song", "song"),  # Gemini
        ("1\u00a0image", None),
        ("furlong", None),
        ("", None),
    ],
)
def test_unit(printed: str, named: str | None) -> None:
    assert unit(printed) == named


def test_an_adapter_brings_the_spellings_of_its_page() -> None:
    """A private adapter needs no release of Lastcall for the words of its page."""
    units = {"furlong": "request"}
    assert unit("Furlong", units) == "request"
    assert unit("MTok", units) == "1M tokens"
    assert money("$5 / furlong", units=units) == Money(Decimal(5), "USD", "request")
    with pytest.raises(Unreadable):
        money("Ask us")
    assert money("Ask us", no_price={"ask us"}) is None


def test_words_for_no_price_are_folded_as_cells_are() -> None:
    assert all(money(word, currency="USD") is None for word in NO_PRICE)


# --- numbers of JSON
# ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "times", "text"),
    [
        ("0.00000100000000000000015", 1_000_000, "1.00"),  # OpenRouter, 2026-08-01
        ("0.000001", 1_000_000, "1.00"),
        ("0.0000006000000000000001", 1_000_000, "0.60"),
        ("2.8e-08", 1_000_000, "0.028"),
        ("1.5000020000000002e-05", 1_000_000, "15.00002"),
        ("0.0000718562874251497", 1_000_000, "71.8562874251"),
        (15, 1, "15.00"),
        ("1250.0", 1, "1250.00"),
    ],
)
def test_a_bare_number_without_its_noise(number: str | int, times: int, text: str) -> None:
    assert f"{amount(number, times, ''):f}" == text


@pytest.mark.parametrize("number", [None, 0, "0", "0.0", "-1", "-1000000.0"])
def test_a_bare_number_that_is_no_price(number: object) -> None:
    assert amount(number, 1, "") is None


@pytest.mark.parametrize(
    "number", [True, 1.5, [1], {}, "free", "", "NaN", "Infinity", "-Infinity", "1e999999", "1e-99"]
)
def test_anything_else_is_no_bare_number(number: object) -> None:
    with pytest.raises(Unreadable, match=r"not an amount: acme: input"):
        amount(number, 1, "acme: input")


def test_context_above() -> None:
    assert [above(200_000), above("128000.0"), above(131_072)] == [">200k", ">128k", ">131072"]
