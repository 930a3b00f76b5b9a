"""OpenRouter: https://openrouter.ai/api/v1/models, the models it routes to, their prices and
expiration dates.

A public list without a key: ``{data}``, since July 2026 with ``links`` and ``total_count`` beside
it; with ``?output_modalities=all`` it has more rows. Prices are decimal strings in USD for one
token (one search for ``web_search``).

Odd, and read so:
- A row is its own model with its suffix: ``:free`` and ``:batch`` have their own dates and prices.
- ``~vendor/x-latest`` names move to another model. They are listed as aliases (``alias_target``,
  since August 2026) and have no price of their own: what looks like one jumps when the name is
  moved.
- ``expiration_date`` is null, a day (the guide for providers: 13:00 UTC of it), or one far away for
  "never": 2098-12-31, 9999-01-01. Dates come and go, for a day on the wrong model; many models
  leave without having had one.
- The price is that of the provider which is first at the moment, so that it moves daily by a factor
  of two and more without anybody changing a price list. Nothing here can tell that from news: the
  core has to be patient.
- ``overrides`` hold what applies above a count of prompt tokens (strictly more) or in hours of the
  day. Hours tile the whole day, and the price beside them is that of the moment: where there are
  hours, only they are read.
- ``context_length`` is the model's, ``top_provider`` that of the first provider: not read, it moves
  like the price.
- Only models that put out text or embeddings are priced by the token. ``prompt`` is for a minute,
  an hour or a second of a transcription, for a character of speech; pictures have tokens of
  OpenRouter's own. ``image`` is documented for one image, and is for one token at Gemini;
  ``image_token`` is not documented. A price without a known unit is no fact, nor is an override
  with a key that is neither a condition nor a price known here; both are named in the note of the
  listing. Five new keys came in six weeks: they are let be, unless a well-known one is missing from
  the whole list, which is how a renamed key looks.

What would break it, as Unreadable: one page of a paged list, a renamed key, a row without the two
token prices, an amount or a condition that is no number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.core.facts import Fact, Listing, Price, Retirement, When
from monitor.reading.page import Unreadable, above, amount, parsed_json, when
from monitor.reading.source import source

#: Key of a price: meter, unit, and how many of the priced thing the unit is.
_METERS = {
    "prompt": ("input", "1M tokens", 1_000_000),
    "completion": ("output", "1M tokens", 1_000_000),
    "internal_reasoning": ("reasoning", "1M tokens", 1_000_000),
    "input_cache_read": ("cached_input", "1M tokens", 1_000_000),
    "input_cache_write": ("cache_write", "1M tokens", 1_000_000),
    "input_cache_write_1h": ("cache_write_1h", "1M tokens", 1_000_000),
    "audio": ("audio_input", "1M tokens", 1_000_000),
    "input_audio_cache": ("audio_cached_input", "1M tokens", 1_000_000),
    "audio_output": ("audio_output", "1M tokens", 1_000_000),
    "image_output": ("image_output", "1M tokens", 1_000_000),
    "web_search": ("web_search", "1K searches", 1000),
    "request": ("request", "1K requests", 1000),
}
#: Prices that some row of every list has.
_COMMON = frozenset(
    {"input_cache_read", "input_cache_write", "web_search", "internal_reasoning", "audio"}
)
#: Prices in a unit that is not told, and the place of the conditional ones.
_UNTOLD = frozenset({"image", "image_token", "overrides"})
_CONDITIONS = frozenset({"min_prompt_tokens", "utc_start", "utc_end"})
#: No model is given a date this far ahead: it is a way to say "never".
_NEVER = 2090


@source(
    "https://openrouter.ai/api/v1/models",
    facts=(Listing, Price, Retirement),
    markers=(b'"canonical_slug"', b'"pricing"'),
    keeps_retired=True,  # a model without a date is still there: a date that leaves was taken back
    # the price is that of the first host of the moment and moves daily: two days at one price
    confirmations=8,
)
def models(body: bytes) -> Iterator[Fact]:
    """Each row as a listing, its prices, and a retirement where it has a date."""
    document = parsed_json(body)
    rows, links = document["data"], document.get("links") or {}
    if links.get("next") or document.get("total_count", len(rows)) != len(rows):
        raise Unreadable(
            f"{len(rows)} rows are not the whole list of {document.get('total_count')}"
        )
    keys = {key for row in rows for entry in _entries(row["pricing"]) for key in entry}
    unknown, missing = keys - _METERS.keys() - _CONDITIONS - _UNTOLD, _COMMON - keys
    if unknown and missing:
        raise Unreadable(
            f"no price for {sorted(missing)} and one for {sorted(unknown)}; was one renamed?"
        )
    for row in rows:
        yield _listing(row)
        if row["expiration_date"]:
            yield from _retirement(row)
        if _by_token(row) and not row["id"].startswith("~"):
            yield from _prices(row)


def _listing(row: dict[str, Any]) -> Listing:
    created = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=row["created"])
    kinds = row["architecture"]
    outputs = (f"{kind} output" for kind in sorted(kinds["output_modalities"]) if kind != "text")
    unread = ", ".join(_unread(row))
    return Listing(
        model=row["id"],
        name=row["name"],
        context_window=row["context_length"] or None,
        modalities=(*sorted(kinds["input_modalities"]), *outputs),
        created=When(created.strftime("%Y-%m-%d"), words=str(row["created"])),
        alias_of=row["alias_target"]["slug"] if row.get("alias_target") else "",
        note=f"prices not read: {unread}" if unread else "",
        quote=f"{row['id']} ({row['name']})",
    )


def _entries(pricing: dict[str, Any]) -> list[dict[str, Any]]:
    return [pricing, *(pricing.get("overrides") or ())]


def _by_token(row: dict[str, Any]) -> bool:
    return not {"text", "embeddings"}.isdisjoint(row["architecture"]["output_modalities"])


def _unread(row: dict[str, Any]) -> list[str]:
    """The keys of prices and conditions that give no fact."""
    pricing = row["pricing"]
    entries = [entry for entry in _entries(pricing) if entry is pricing or not _known(entry)]
    keys = {key for entry in entries for key, value in entry.items() if value != "0"}
    return sorted(
        keys - {"overrides"} - (_METERS.keys() | _CONDITIONS if _by_token(row) else set())
    )


def _known(override: dict[str, Any]) -> bool:
    return override.keys() <= _METERS.keys() | _UNTOLD | _CONDITIONS


def _retirement(row: dict[str, Any]) -> Iterator[Retirement]:
    retires = when(row["expiration_date"])
    if retires and retires.starts.year < _NEVER:
        quote = f"{row['id']}: expiration_date {row['expiration_date']}"
        yield Retirement(model=row["id"], stage="deprecated", retires=retires, quote=quote)


def _prices(row: dict[str, Any]) -> Iterator[Price]:
    """The plain prices, then the conditional ones: a later entry wins over an earlier one under the
    same condition.
    """
    pricing = row["pricing"]
    missing = {"prompt", "completion"} - pricing.keys()
    if missing:
        raise Unreadable(f"{row['id']}: no price for {' and '.join(sorted(missing))}")
    overrides = [entry for entry in _entries(pricing)[1:] if _known(entry)]
    for override in (
        overrides
    ):  # every one of 2026 does; only the price of writing to the cache may be left out
        left_out = {"prompt", "completion", "input_cache_read"} & pricing.keys() - override.keys()
        if left_out:
            raise Unreadable(
                f"{row['id']}: an override without a price for {' and '.join(sorted(left_out))}"
            )
    by_hours = {key for entry in overrides if "utc_start" in entry for key in entry}
    stated: dict[str, Price] = {}
    for entry in (pricing, *overrides):
        context, window, said = "", "", ""
        if entry is not pricing:
            context, window = _condition(row["id"], entry)
            said = f" ({', '.join(filter(None, (context, window)))})"
        for key, (meter, per, times) in _METERS.items():
            quote = f"{row['id']}{said}: {key} {entry.get(key)}"
            price = amount(entry.get(key), times, quote)
            if price is not None and not (entry is pricing and key in by_hours):
                fact = Price(
                    model=row["id"],
                    meter=meter,
                    amount=price,
                    per=per,
                    context=context,
                    window=window,
                    quote=quote,
                )
                stated[fact.key] = fact
    yield from stated.values()


def _condition(model: str, entry: dict[str, Any]) -> tuple[str, str]:
    """Context and window of an override. Clocks are HHMM numbers in UTC (30 is 00:30) and may cross
    midnight.
    """
    found = {key: entry[key] for key in sorted(entry.keys() & _CONDITIONS)}
    if list(found) not in (
        ["min_prompt_tokens"],
        ["utc_end", "utc_start"],
        sorted(_CONDITIONS),
    ) or not all(type(value) is int for value in found.values()):
        raise Unreadable(f"{model}: an override under no known condition: {entry}")
    context = above(found["min_prompt_tokens"]) if "min_prompt_tokens" in found else ""
    if "utc_start" not in found:
        return context, ""
    start, end = (
        f"{found[key] // 100:02}:{found[key] % 100:02}" for key in ("utc_start", "utc_end")
    )
    return context, f"{start}-{end} UTC"
