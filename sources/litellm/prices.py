"""LiteLLM, the price list of its library: https://github.com/BerriAI/litellm

One object, ``[provider/]model`` to a flat entry, amounts in USD for one token (image, second, page
...). Many people keep it by hand, and it changes many times a day: prices weeks late, by a factor
of ten or a thousand wrong, day and month swapped, a hundred dates gone for an hour after a bad
merge. A hint, never evidence.

- ``sample_spec`` is documentation, with sentences where numbers belong. Mirrors add
  ``last_updated``.
- ``deprecation_date`` is the day of retirement, whatever its name says.
- Keys that are not known (keys.py) give no fact and are named in the note of the entry's facts.
- ``tiered_pricing`` gives tiers by prompt tokens (``range``) or, for searches, by results; the
  first tier of tokens is the plain price.
- An amount of 0 is unknown or free (``output_cost_per_token`` of an embedding model): no fact.

An amount that is no number and a date that is none are Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.facts import Fact, Price, Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.litellm.keys import SECOND_NAMES, is_known, meaning

NOT_MODELS = ("sample_spec", "last_updated")
SEARCHES = "search_context_cost_per_query"


@source(
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
    kind="hint",
    facts=(Price, Retirement),
    markers=(b'"litellm_provider"', b'"input_cost_per_token"'),
    max_bytes=20_000_000,
)
def prices(body: bytes) -> Iterator[Fact]:
    """Yield the prices of every entry, and its retirement where it has a date."""
    for model, entry in page.parsed_json(body).items():
        if model in NOT_MODELS:
            continue
        yield from _prices(model, entry)
        if day := entry.get("deprecation_date"):
            quote = f"{model}: deprecation_date {day}"
            yield Retirement(model=model, stage="deprecated", retires=page.when(day), quote=quote)


def _prices(model: str, entry: Mapping[str, Any]) -> Iterator[Price]:
    """Yield the prices of the entry itself, then those of its tiers, then searches by size."""
    tiers = entry.get("tiered_pricing", ())
    note = _unread(entry, tiers)
    yield from _part_prices(model, model, entry, "", note)
    for tier in tiers:
        context = _context(tier)
        if context is not None:
            # Without a context, the plain price stands in the entry itself, and there it counts.
            numbers = {key: tier[key] for key in tier if context or key not in entry}
            name = f"{model} ({context or 'first tier'})"
            yield from _part_prices(model, name, numbers, context, note)
    searches = entry.get(SEARCHES, {})
    for size in ("low", "medium", "high") if searches else ():
        meters = {f"search_context_size_{size}": ("web_search", "1K searches", 1000)}
        if not meters.keys() <= searches.keys():
            raise page.Unreadable(f"{model}: no price of searches of {size} size")
        yield from page.number_prices(searches, meters, model, model, context=size, note=note)


def _part_prices(
    model: str, name: str, numbers: Mapping[str, Any], context: str, note: str
) -> Iterator[Price]:
    """Yield the prices of an entry or a tier. ``context`` is the tier's."""
    for key in numbers:
        priced = meaning(key) if "cost" in key else None
        if priced and SECOND_NAMES.get(key) not in numbers:
            meters = {key: (priced.meter, priced.per, priced.times)}
            within = context or priced.context
            yield from page.number_prices(
                numbers, meters, model, name, tier=priced.tier, context=within, note=note
            )


def _unread(entry: Mapping[str, Any], tiers: Any) -> str:
    """Return the note that names the keys of prices that are not read."""
    costs = {key for part in (entry, *tiers) for key in part if "cost" in key}
    unread = sorted(key for key in costs if not is_known(key) and key != SEARCHES)
    unread += ["tiered_pricing"] if any(_context(tier) is None for tier in tiers) else []
    return f"prices not read: {', '.join(unread)}" if unread else ""


def _context(tier: Mapping[str, Any]) -> str | None:
    """Return when a tier applies: prompt tokens or results, from and to; None if by something
    else.
    """
    match tier:
        case {"range": [start, _]}:
            return page.above(start) if float(start) else ""
        case {"max_results_range": [start, end]}:
            return f"{start}-{end} results"
        case _:
            return None
