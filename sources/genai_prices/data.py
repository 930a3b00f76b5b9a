"""genai-prices of Pydantic: prices/data.json of https://github.com/pydantic/genai-prices.

A list of hosts, each with models and rules that match ids; amounts in USD for 1M tokens
(``*_mtok``) or 1000 requests. A model is named ``host/id``, since one id stands under many hosts. A
hint: an entry may be a year old (``prices_checked`` says so where it stands; DeepSeek's off-peak
hours of 2025 were still there in 2026).

Odd, and read so:
- ``prices`` is one object, or a list in which an entry may have a ``constraint``: from a day on, or
  hours of a day. The last entry that fits counts, so that one ends on the day before the next one
  starts.
- An amount is a number, or a ``base`` with ``tiers``, each for prompts of more tokens than its
  ``start``.
- An embedding model has no output price, a free model none at all. 0 is free: no fact.

What would break it, as Unreadable: an amount that is no number, an unknown constraint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from monitor.core.facts import Price, When
from monitor.reading.page import Unreadable, above, amount, parsed_json, when
from monitor.reading.source import source

_M, _K = "1M tokens", "1K requests"
_METERS = {
    "input_mtok": ("input", _M),
    "output_mtok": ("output", _M),
    "cache_read_mtok": ("cached_input", _M),
    "cache_write_mtok": ("cache_write", _M),
    "input_audio_mtok": ("audio_input", _M),
    "output_audio_mtok": ("audio_output", _M),
    "cache_audio_read_mtok": ("audio_cached_input", _M),
    "requests_kcount": ("request", _K),
}
_CLOCK = re.compile(r"(\d\d:\d\d):00Z")


@source(
    "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/data.json",
    every=timedelta(hours=12),
    kind="hint",
    facts=(Price,),
    markers=(b'"input_mtok"', b'"api_pattern"'),
    max_bytes=20_000_000,
)
def data(body: bytes) -> Iterator[Price]:
    """The prices of every model of every host."""
    for host in parsed_json(body):
        for model in host["models"]:
            prices = model["prices"]
            entries = prices if isinstance(prices, list) else [{"prices": prices}]
            named = [entry["prices"].keys() for entry in entries]
            if any(keys != named[0] for keys in named):
                raise Unreadable(
                    f"{host['id']}/{model['id']}: its dated entries name different prices; was "
                    "one renamed?"
                )
            for number, entry in enumerate(entries, 1):
                ends = _superseded(entries[number:])
                yield from _prices(
                    f"{host['id']}/{model['id']}", entry, ends, _note(model, entry["prices"])
                )


def _note(model: dict[str, Any], prices: dict[str, Any]) -> str:
    unread = ", ".join(sorted(prices.keys() - _METERS.keys()))
    checked = model.get("prices_checked")
    return "; ".join(
        filter(
            None,
            (
                f"checked {checked}" if checked else "",
                f"prices not read: {unread}" if unread else "",
            ),
        )
    )


def _superseded(later: list[dict[str, Any]]) -> When | None:
    """The last day of an entry: the one before the next that holds from a day on. The last that
    fits a day counts.
    """
    days = [
        entry["constraint"]["start_date"]
        for entry in later
        if "start_date" in (entry.get("constraint") or {})
    ]
    return When((date.fromisoformat(days[0]) - timedelta(days=1)).isoformat()) if days else None


def _prices(name: str, entry: dict[str, Any], ends: When | None, note: str) -> Iterator[Price]:
    starts, window = _constraint(name, entry.get("constraint") or {})
    said = f" (from {starts.text})" if starts else f" ({window})" if window else ""
    for key, (meter, per) in _METERS.items():
        for context, number in _amounts(entry["prices"].get(key)):
            quote = f"{name}{said}: {key} {number}{f' {context}' if context else ''}"
            price = amount(number, 1, quote)
            if price is not None:
                yield Price(
                    model=name,
                    meter=meter,
                    amount=price,
                    per=per,
                    context=context,
                    window=window,
                    starts=starts,
                    ends=ends,
                    note=note,
                    quote=quote,
                )


def _amounts(price: Any) -> Iterator[tuple[str, object]]:
    """The contexts of a price, and the number for each."""
    if not isinstance(price, dict):
        yield "", price
        return
    yield "", price["base"]
    for tier in price["tiers"]:
        yield above(tier["start"]), tier["price"]


def _constraint(name: str, constraint: dict[str, Any]) -> tuple[When | None, str]:
    """The day from which an entry holds, or its hours: ``00:30:00Z`` to ``16:30:00Z`` is
    00:30-16:30 UTC.
    """
    if not constraint:
        return None, ""
    if constraint.keys() == {"start_date"}:
        return when(constraint["start_date"]), ""
    clocks = [_CLOCK.fullmatch(constraint.get(key, "")) for key in ("start_time", "end_time")]
    if len(constraint) != 2 or not all(clocks):
        raise Unreadable(f"{name}: unknown constraint {constraint}")
    return None, f"{'-'.join(clock[1] for clock in clocks if clock)} UTC"
