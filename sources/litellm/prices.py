"""LiteLLM: the price list its library ships, https://github.com/BerriAI/litellm.

One object, ``[provider/]model`` to a flat entry, amounts in USD for one token (image, second, page
...). It is kept by hand by many people and changes many times a day: prices weeks late, by a factor
of ten or a thousand wrong, day and month swapped, a hundred dates gone for an hour after a bad
merge. A hint, never evidence.

Odd, and read so:
- ``sample_spec`` is documentation, with sentences where numbers belong. Mirrors add
  ``last_updated``.
- A key says meter, unit, context and tier in one word:
  ``input_cost_per_token_above_200k_tokens_priority``. Keys that are not known here (several new
  ones a month) and those in other money (DBU, credits) give no fact; the first kind is named in the
  note of the entry's facts.
- ``deprecation_date`` is the day of the end, whatever its name says.
- ``tiered_pricing`` gives tiers by prompt tokens (``range``) or, for searches, by results; the
  first tier of tokens is the plain price.
- An amount of 0 is unknown or free (``output_cost_per_token`` of an embedding model): no fact.

What would break it, as Unreadable: an amount that is no number, a date that is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from monitor.core.facts import Fact, Price, Retirement
from monitor.reading.page import above, amount, parsed_json, when
from monitor.reading.source import source

_M, _MC, _MP = (("1M tokens", 1_000_000), ("1M characters", 1_000_000), ("1M pixels", 1_000_000))
_ONE_IMAGE, _SECOND, _PAGES = (("image", 1), ("second", 1), ("1K pages", 1000))

#: A key without what follows for context and tier: meter, unit, and how many of the priced thing
#: the unit is.
_BASES = {
    "input_cost_per_token": ("input", *_M),
    "output_cost_per_token": ("output", *_M),
    "output_cost_per_reasoning_token": ("reasoning", *_M),
    "cache_read_input_token_cost": ("cached_input", *_M),
    "input_cost_per_token_cache_hit": ("cached_input", *_M),
    "cache_creation_input_token_cost": ("cache_write", *_M),
    "cache_creation_input_token_cost_above_1hr": ("cache_write_1h", *_M),
    "input_cost_per_audio_token": ("audio_input", *_M),
    "output_cost_per_audio_token": ("audio_output", *_M),
    "cache_read_input_audio_token_cost": ("audio_cached_input", *_M),
    "cache_read_input_token_cost_per_audio_token": ("audio_cached_input", *_M),
    "cache_creation_input_audio_token_cost": ("audio_cache_write", *_M),
    "input_cost_per_image_token": ("image_input", *_M),
    "output_cost_per_image_token": ("image_output", *_M),
    "cache_read_input_image_token_cost": ("image_cached_input", *_M),
    "output_cost_per_video_token": ("video_output", *_M),
    "citation_cost_per_token": ("citation", *_M),
    "input_cost_per_character": ("input", *_MC),
    "output_cost_per_character": ("output", *_MC),
    "input_cost_per_pixel": ("image_input", *_MP),
    "output_cost_per_pixel": ("image_output", *_MP),
    "input_cost_per_image": ("image_input", *_ONE_IMAGE),
    "output_cost_per_image": ("image_output", *_ONE_IMAGE),
    "input_cost_per_second": ("input", *_SECOND),
    "output_cost_per_second": ("output", *_SECOND),
    "input_cost_per_audio_per_second": ("audio_input", *_SECOND),
    "input_cost_per_video_per_second": ("video_input", *_SECOND),
    "output_cost_per_video_per_second": ("video_output", *_SECOND),
    "input_cost_per_query": ("query", "1K requests", 1000),
    "input_cost_per_request": ("request", "1K requests", 1000),
    "ocr_cost_per_page": ("ocr", *_PAGES),
    "annotation_cost_per_page": ("annotation", *_PAGES),
    "code_interpreter_cost_per_session": ("code_interpreter", "session", 1),
}
_KEY = re.compile(
    r"(?P<base>\w+?)"
    r"(?:_above_(?:(?P<tokens>\d+)k_tokens|(?P<seconds>\d+s)_interval|(?P<width>\d+)_and_(?P<height>\d+)_pixels))?"
    r"(?P<premium>(?:_and)?_premium_image)?(?:_(?P<lines>\d+p))?(?:_(?P<tier>batches|batch_requests|priority|flex))?"
)
_TIERS = {
    None: "standard",
    "batches": "batch",
    "batch_requests": "batch",
    "priority": "priority",
    "flex": "flex",
}
#: Two spellings of one price: the first is passed over where the entry has the second.
_SECOND_NAMES = {
    "input_cost_per_token_cache_hit": "cache_read_input_token_cost",
    "cache_read_input_token_cost_per_audio_token": "cache_read_input_audio_token_cost",
    "input_cost_per_token_batch_requests": "input_cost_per_token_batches",
}
#: Amounts in Databricks units and in credits of a vendor.
_NOT_MONEY = re.compile(r"(?:in|out)put_dbu?_cost_per_token|\w+_per_credit")


@source(
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
    kind="hint",
    facts=(Price, Retirement),
    markers=(b'"litellm_provider"', b'"input_cost_per_token"'),
    max_bytes=20_000_000,
)
def prices(body: bytes) -> Iterator[Fact]:
    """Every entry's prices, and its end where one is told."""
    for model, entry in parsed_json(body).items():
        if model not in ("sample_spec", "last_updated"):
            yield from _prices(model, entry)
            if day := entry.get("deprecation_date"):
                quote = f"{model}: deprecation_date {day}"
                yield Retirement(model=model, stage="deprecated", retires=when(day), quote=quote)


def _prices(model: str, entry: dict[str, Any]) -> Iterator[Price]:
    """The prices of the entry itself, then those of its tiers, then searches by size."""
    tiers = entry.get("tiered_pricing", ())
    unread = sorted(
        {key for part in (entry, *tiers) for key in part if "cost" in key and not _understood(key)}
    )
    unread += ["tiered_pricing"] if any(_context(tier) is None for tier in tiers) else []
    note = f"prices not read: {', '.join(unread)}" if unread else ""
    for part in (entry, *tiers):
        within = "" if part is entry else _context(part)
        for key, value in part.items():
            reading = _reading(key) if "cost" in key and within is not None else None
            if not reading or _SECOND_NAMES.get(key) in part:
                continue
            if part is not entry and not within and key in entry:
                continue  # the plain price stands in the entry itself, and there it counts
            meter, per, times, tier, context = reading
            quote = (
                f"{model}: {key} {value}"
                if part is entry
                else f"{model} ({within or 'first tier'}): {key} {value}"
            )
            price = amount(value, times, quote)
            if price is not None:
                yield Price(
                    model=model,
                    meter=meter,
                    amount=price,
                    per=per,
                    tier=tier,
                    context=within or context,
                    note=note,
                    quote=quote,
                )
    searches = entry.get("search_context_cost_per_query", {})
    for size in ("low", "medium", "high") if searches else ():
        key = f"search_context_size_{size}"
        quote = f"{model}: {key} {searches[key]}"
        price = amount(searches[key], 1000, quote)
        if price is not None:
            yield Price(
                model=model,
                meter="web_search",
                amount=price,
                per="1K searches",
                context=size,
                note=note,
                quote=quote,
            )


@cache
def _reading(key: str) -> tuple[str, str, int, str, str] | None:
    """Meter, unit, factor, tier and context of a key; None for one that is not known."""
    match = _KEY.fullmatch(key)
    if not match or match["base"] not in _BASES:
        return None
    over = (
        f">{match['tokens']}k"
        if match["tokens"]
        else f">{match['seconds']}"
        if match["seconds"]
        else f">{match['width']}x{match['height']}"
        if match["width"]
        else ""
    )
    parts = ("premium" if match["premium"] else "", match["lines"], over)
    return (*_BASES[match["base"]], _TIERS[match["tier"]], " ".join(filter(None, parts)))


def _understood(key: str) -> bool:
    return (
        bool(_reading(key))
        or key == "search_context_cost_per_query"
        or _NOT_MONEY.fullmatch(key) is not None
    )


def _context(tier: dict[str, Any]) -> str | None:
    """When a tier of ``tiered_pricing`` applies: prompt tokens or results, from and to; None if by
    something else.
    """
    match tier:
        case {"range": [start, _]}:
            return above(start) if float(start) else ""
        case {"max_results_range": [start, end]}:
            return f"{start}-{end} results"
        case _:
            return None
