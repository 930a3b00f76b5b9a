"""genai-prices of Pydantic: prices/data.json of https://github.com/pydantic/genai-prices

A list of hosts, each with models and rules that match ids; amounts in USD for 1M tokens
(``*_mtok``) or 1000 requests. A model is named ``host/id``, since one id stands under many hosts. A
hint: an entry may be a year old (``prices_checked`` says so where it stands; DeepSeek's off-peak
hours of 2025 were still there in 2026).

- ``prices`` is one object, or a list in which an entry may have a ``constraint``: from a day on, or
  hours of a day. The last entry that fits counts, so that one ends on the day before the next one
  starts.
- An amount is a number, or a ``base`` with ``tiers``, each for prompts of more tokens than its
  ``start``.
- An embedding model has no output price, a free model none at all. 0 is free: no fact.

An amount that is no number and an unknown constraint are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from monitor.core.facts import Price, When
from monitor.reading import page
from monitor.reading.source import source

METERS = {
    "input_mtok": ("input", "1M tokens", 1),
    "output_mtok": ("output", "1M tokens", 1),
    "cache_read_mtok": ("cached_input", "1M tokens", 1),
    "cache_write_mtok": ("cache_write", "1M tokens", 1),
    "input_audio_mtok": ("audio_input", "1M tokens", 1),
    "output_audio_mtok": ("audio_output", "1M tokens", 1),
    "cache_audio_read_mtok": ("audio_cached_input", "1M tokens", 1),
    "requests_kcount": ("request", "1K requests", 1),
}
CLOCK = re.compile(r"(\d\d:\d\d):00Z")


@source(
    "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/data.json",
    every=timedelta(hours=12),
    kind="hint",
    facts=(Price,),
    markers=(b'"input_mtok"', b'"api_pattern"'),
    max_bytes=20_000_000,
)
def data(body: bytes) -> Iterator[Price]:
    """Yield the prices of every model of every host."""
    for host in page.parsed_json(body):
        for model in host["models"]:
            name, prices = f"{host['id']}/{model['id']}", model["prices"]
            entries = prices if isinstance(prices, list) else [{"prices": prices}]
            if any(entry["prices"].keys() != entries[0]["prices"].keys() for entry in entries):
                raise page.Unreadable(
                    f"{name}: its dated entries name different prices; was one renamed?"
                )
            for number, entry in enumerate(entries, 1):
                ends = _day_before_next(entries[number:])
                yield from _prices(name, entry, ends, _note(model, entry["prices"]))


def _note(model: Mapping[str, Any], prices: Mapping[str, Any]) -> str:
    unread, checked = sorted(prices.keys() - METERS.keys()), model.get("prices_checked")
    notes = (
        f"checked {checked}" if checked else "",
        f"prices not read: {', '.join(unread)}" if unread else "",
    )
    return "; ".join(filter(None, notes))


def _day_before_next(later: Sequence[Mapping[str, Any]]) -> When | None:
    """Return the day before the next entry that holds from a day on, if one follows."""
    constraints = (entry.get("constraint") or {} for entry in later)
    days = [constraint["start_date"] for constraint in constraints if "start_date" in constraint]
    return When((date.fromisoformat(days[0]) - timedelta(days=1)).isoformat()) if days else None


def _prices(name: str, entry: Mapping[str, Any], ends: When | None, note: str) -> Iterator[Price]:
    starts, window = _constraint(name, entry.get("constraint") or {})
    condition = f"from {starts.text}" if starts else window
    quoted = f"{name} ({condition})" if condition else name
    for key, meter in METERS.items():
        for context, number in _amounts(entry["prices"].get(key)):
            terms: page.Terms = {
                "context": context,
                "window": window,
                "starts": starts,
                "ends": ends,
                "note": note,
                "quote": f"{quoted}: {key} {number} {context}".rstrip(),
            }
            yield from page.number_prices({key: number}, {key: meter}, name, quoted, **terms)


def _amounts(price: Any) -> Iterator[tuple[str, object]]:
    """Yield the contexts of a price, and the number for each."""
    if not isinstance(price, dict):
        yield "", price
        return
    yield "", price["base"]
    for tier in price["tiers"]:
        yield page.above(tier["start"]), tier["price"]


def _constraint(name: str, constraint: Mapping[str, Any]) -> tuple[When | None, str]:
    """Return the day from which an entry holds, or its hours: ``00:30:00Z`` to ``16:30:00Z`` is
    00:30-16:30 UTC.
    """
    if not constraint:
        return None, ""
    if constraint.keys() == {"start_date"}:
        return page.when(constraint["start_date"]), ""
    clocks = [CLOCK.fullmatch(constraint.get(key, "")) for key in ("start_time", "end_time")]
    if len(constraint) != 2 or not all(clocks):
        raise page.Unreadable(f"{name}: unknown constraint {constraint}")
    return None, f"{'-'.join(clock[1] for clock in clocks if clock)} UTC"
