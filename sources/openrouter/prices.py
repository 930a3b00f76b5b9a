"""OpenRouter, prices: decimal strings in USD for one token (one search for ``web_search``).

- Only models that put out text or embeddings are priced by the token. ``prompt`` is for a minute,
  an hour or a second of a transcription, for a character of speech; pictures have tokens of
  OpenRouter's own. ``image`` is documented for one image, and is for one token at Gemini;
  ``image_token`` is not documented. A price without a known unit is no fact.
- ``overrides`` hold what applies above a count of prompt tokens (strictly more) or in hours of the
  day. Hours tile the whole day, and the price beside them is that of the moment: where there are
  hours, only they are read. An override with a key that is neither a condition nor a price known
  here is no fact.
- Five new keys came in six weeks. They are named in the note of the listing, unless a well-known
  one is missing from the whole list, which is how a renamed key looks.

A renamed key, a row without the two token prices, and an amount or a condition that is no number
are Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.core.facts import Price
from monitor.reading import page

M, K = "1M tokens", 1000
#: Key of a price: meter, unit, and how many of the priced thing the unit is.
METERS = {
    "prompt": ("input", M, K * K),
    "completion": ("output", M, K * K),
    "internal_reasoning": ("reasoning", M, K * K),
    "input_cache_read": ("cached_input", M, K * K),
    "input_cache_write": ("cache_write", M, K * K),
    "input_cache_write_1h": ("cache_write_1h", M, K * K),
    "audio": ("audio_input", M, K * K),
    "input_audio_cache": ("audio_cached_input", M, K * K),
    "audio_output": ("audio_output", M, K * K),
    "image_output": ("image_output", M, K * K),
    "web_search": ("web_search", "1K searches", K),
    "request": ("request", "1K requests", K),
}
#: Prices that some row of every list has.
COMMON = {"input_cache_read", "input_cache_write", "web_search", "internal_reasoning", "audio"}
#: Prices in a unit that is not documented, and the place of the conditional ones.
NOT_READ = {"image", "image_token", "overrides"}
CONDITIONS = {"min_prompt_tokens", "utc_start", "utc_end"}
KNOWN = {*METERS, *NOT_READ, *CONDITIONS}
#: Prices that every override of 2026 has, if the plain price has them. The price of writing to the
#: cache may be left out.
REPEATED = {"prompt", "completion", "input_cache_read"}


def refuse_renamed(pricings: Iterable[Mapping[str, Any]]) -> None:
    """Raise Unreadable if the list has an unknown key and lacks a common one."""
    keys = {key for pricing in pricings for entry in _entries(pricing) for key in entry}
    unknown, missing = keys - KNOWN, COMMON - keys
    if unknown and missing:
        raise page.Unreadable(
            f"no price for {sorted(missing)} and one for {sorted(unknown)}; was one renamed?"
        )


def is_priced_by_token(row: Mapping[str, Any]) -> bool:
    """Return whether a model puts out text or embeddings."""
    return not {"text", "embeddings"}.isdisjoint(row["architecture"]["output_modalities"])


def unread_keys(row: Mapping[str, Any]) -> list[str]:
    """Return the keys of prices and conditions that give no fact."""
    plain, *overrides = _entries(row["pricing"])
    entries = [plain, *(entry for entry in overrides if not entry.keys() <= KNOWN)]
    keys = {key for entry in entries for key, value in entry.items() if value != "0"}
    read = METERS.keys() | CONDITIONS if is_priced_by_token(row) else set()
    return sorted(keys - {"overrides"} - read)


def prices(model: str, pricing: Mapping[str, Any]) -> Iterable[Price]:
    """Return the plain prices, then the conditional ones.

    A later entry wins over an earlier one under the same condition."""
    if missing := {"prompt", "completion"} - pricing.keys():
        raise page.Unreadable(f"{model}: no price for {' and '.join(sorted(missing))}")
    overrides = [entry for entry in _entries(pricing)[1:] if entry.keys() <= KNOWN]
    for entry in overrides:
        if missing := REPEATED & pricing.keys() - entry.keys():
            keys = " and ".join(sorted(missing))
            raise page.Unreadable(f"{model}: an override without a price for {keys}")
    by_hours = {key for entry in overrides if "utc_start" in entry for key in entry}
    plain = {key: value for key, value in pricing.items() if key not in by_hours}
    by_key = {price.key: price for price in page.number_prices(plain, METERS, model, model)}
    for entry in overrides:
        context, window = _condition(model, entry)
        name = f"{model} ({', '.join(filter(None, (context, window)))})"
        for price in page.number_prices(entry, METERS, model, name, context=context, window=window):
            by_key[price.key] = price
    return by_key.values()


def _entries(pricing: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [pricing, *(pricing.get("overrides") or ())]


def _condition(model: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return the context and the window of an override.

    Clocks are HHMM numbers in UTC (30 is 00:30) and may cross midnight."""
    values = {key: entry[key] for key in sorted(entry.keys() & CONDITIONS)}
    forms = (["min_prompt_tokens"], ["utc_end", "utc_start"], sorted(CONDITIONS))
    if list(values) not in forms or not all(type(value) is int for value in values.values()):
        raise page.Unreadable(f"{model}: an override under no known condition: {entry}")
    tokens = values.get("min_prompt_tokens")
    context = page.above(tokens) if tokens is not None else ""
    if "utc_start" not in values:
        return context, ""
    start, end = (
        f"{clock // 100:02}:{clock % 100:02}" for clock in (values["utc_start"], values["utc_end"])
    )
    return context, f"{start}-{end} UTC"
