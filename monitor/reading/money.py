"""Money as text: amounts, currencies and units. Exact, or Unreadable, never a guess."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation

from monitor.core.facts import PER
from monitor.errors import Unreadable
from monitor.reading.inline import Inline, clean, inline


@dataclass(frozen=True)
class Money:
    """An amount with its currency and unit.

    ``per`` is one of facts.PER, or empty where no unit is printed.
    """

    amount: Decimal
    currency: str
    per: str


#: Words that are not a price. None of them is zero: a free tier has no price, and a price that is
#: missing is unknown.
NO_PRICE = frozenset(
    {
        "",
        "-",
        "--",
        "---",
        "n/a",
        "na",
        "none",
        "null",
        "free",
        "free of charge",
        "not available",
        "not supported",
        "not applicable",
        "contact us",
        "contact sales",
        "coming soon",
        "included",
    }
)

_CURRENCIES = {
    "$": "USD",
    "us$": "USD",
    "usd": "USD",
    "€": "EUR",
    "eur": "EUR",
    "¥": "CNY",
    "cny": "CNY",
    "rmb": "CNY",
    "£": "GBP",
    "gbp": "GBP",
}
_AMOUNT = re.compile(
    r"(?P<before>us\$|\$|€|¥|£|usd|eur|cny)?\s*(?P<amount>\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)\s*(?P<after>usd|eur|cny|rmb)?"
    r"\s*(?:(?:/|per|for)\s*(?P<per>[^$€¥£]+))?",
)
#: Spellings of units, in lower case, and the unit of the closed list (facts.PER) of each.
UNITS: Mapping[str, str] = {
    **{name.casefold(): name for name in PER},
    **dict.fromkeys(
        ("mtok", "m tokens", "million tokens", "1m", "1 million tokens", "1,000,000 tokens"),
        "1M tokens",
    ),
    **dict.fromkeys(("1,000 tokens", "thousand tokens"), "1K tokens"),
    **dict.fromkeys(("1,000,000 tokens per hour", "1m tokens / hour"), "1M tokens per hour"),
    **dict.fromkeys(("1,000 pages", "1000 pages"), "1K pages"),
    **dict.fromkeys(("1k calls", "1,000 requests", "1,000 calls"), "1K requests"),
    **dict.fromkeys(("1,000 search queries", "1,000 searches"), "1K searches"),
    **dict.fromkeys(("gb / day", "gb-day"), "GB per day"),
    "m chars": "1M characters",
    "images": "image",
    "sec": "second",
    "min": "minute",
    "call": "request",
}


def unit(text: str, units: Mapping[str, str] | None = None) -> str | None:
    """Return the unit of the closed list (facts.PER) that these words name, or None.

    ``units`` are spellings of this page alone, in lower case, beside UNITS.
    """
    words = clean(text).casefold().strip(" .")
    return (units or {}).get(words) or UNITS.get(words)


def money(
    cell: Inline | str,
    *,
    per: str = "",
    currency: str = "",
    units: Mapping[str, str] | None = None,
    no_price: Collection[str] = (),
) -> Money | None:
    """Return the price that a cell states, or None for "no price" ("-", "Free", "Contact us").

    ``per`` and ``currency`` are those of the header or the page, where the cell prints none.
    ``units`` and ``no_price`` are spellings of this page alone, in lower case, beside UNITS and
    NO_PRICE: an adapter brings those that its page uses.

    Raises Unreadable, with the place and the text, for an unknown unit, a number without a
    currency, two prices in one cell, or anything else.
    """
    cell = cell if isinstance(cell, Inline) else inline(cell)
    text = cell.line.casefold().strip(" .*")
    if text in NO_PRICE or text in no_price:
        return None
    match = _AMOUNT.fullmatch(text)
    if not match:
        raise cell.error("not a price")
    symbol = match["before"] or match["after"]
    currency = _CURRENCIES[symbol] if symbol else currency
    if not currency:
        raise cell.error("an amount without a currency")
    if match["per"]:
        printed = unit(match["per"], units)
        if printed is None:
            raise cell.error("unknown unit of a price")
        per = printed
    return Money(Decimal(match["amount"].replace(",", "")), currency, per)


# --- numbers of JSON
# ----------------------------------------------------------------------------------------

#: A computed float carries noise from its 16th figure on, and no price needs the 12th.
_FIGURES = Context(prec=12)
_CENTS = Decimal("0.01")


def amount(number: object, times: int, quote: str) -> Decimal | None:
    """Return a price from a bare number of JSON (text or int), multiplied into our unit.

    The result is rounded to 12 significant figures, so that OpenRouter's
    ``0.00000100000000000000015`` of one day equals the ``0.000001`` of another. It has at least two
    decimals. Returns None for null, 0 and less: free, not filled in yet (models.dev), or "depends
    on the route" (-1 at OpenRouter). Raises Unreadable, with ``quote``, for anything else.
    """
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise Unreadable(f"not an amount: {quote}")
    try:
        printed = Decimal(number)
    except InvalidOperation:
        raise Unreadable(f"not an amount: {quote}") from None
    if not printed.is_finite() or abs(printed.adjusted()) > 20:
        raise Unreadable(f"not an amount: {quote}")
    if printed <= 0:
        return None
    rounded = _FIGURES.multiply(printed, times).normalize(_FIGURES)
    return rounded if rounded.as_tuple().exponent < -2 else rounded.quantize(_CENTS)  # type: ignore[operator]


def above(tokens: int | str) -> str:
    """Return the context of a price for prompts of more tokens than this: ``>200k``."""
    count = int(Decimal(tokens))
    return f">{count // 1000}k" if count % 1000 == 0 else f">{count}"
