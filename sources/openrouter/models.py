"""OpenRouter, the models it routes to: https://openrouter.ai/api/v1/models

A public list without a key: ``{data}``, since July 2026 with ``links`` and ``total_count`` beside
it. With ``?output_modalities=all`` it has more rows. Prices are read in prices.py.

- A row is its own model with its suffix: ``:free`` and ``:batch`` have their own dates and prices.
- ``~vendor/x-latest`` names move to another model. They are listed as aliases (``alias_target``,
  since August 2026) and have no price of their own: what looks like one jumps when the name is
  moved.
- ``expiration_date`` is null, a day (the guide for providers: 13:00 UTC of it), or one far away for
  "never": 2098-12-31, 9999-01-01. Dates come and go, for a day on the wrong model; many models
  leave without having had one.
- The price is that of the provider which is first at the moment. It moves daily by a factor of two
  and more, although nobody changed a price list. Nothing here can tell that from news, so a change
  needs many confirmations: eight polls are two days at one price.
- ``context_length`` is the model's. ``top_provider``, that of the first provider, is not read,
  because it moves like the price.

One page of a paged list is Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.facts import Fact, Listing, Price, Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.openrouter.prices import is_priced_by_token, prices, refuse_renamed, unread_keys

#: A date this far ahead is a way to say "never".
NEVER = 2090


@source(
    "https://openrouter.ai/api/v1/models",
    facts=(Listing, Price, Retirement),
    markers=(b'"canonical_slug"', b'"pricing"'),
    keeps_retired=True,  # a model without a date is still there: a date that leaves was taken back
    confirmations=8,
)
def models(body: bytes) -> Iterator[Fact]:
    """Yield each row as a listing, its prices, and a retirement where it has a date."""
    document = page.parsed_json(body)
    rows, links = document["data"], document.get("links") or {}
    total = document.get("total_count", len(rows))
    if links.get("next") or total != len(rows):
        raise page.Unreadable(f"{len(rows)} rows are not the whole list of {total}")
    refuse_renamed(row["pricing"] for row in rows)
    for row in rows:
        yield _listing(row)
        yield from _retirement(row)
        if is_priced_by_token(row) and not row["id"].startswith("~"):
            yield from prices(row["id"], row["pricing"])


def _listing(row: Mapping[str, Any]) -> Listing:
    kinds = row["architecture"]
    outputs = (f"{kind} output" for kind in sorted(kinds["output_modalities"]) if kind != "text")
    unread = ", ".join(unread_keys(row))
    return Listing(
        model=row["id"],
        name=row["name"],
        context_window=row["context_length"] or None,
        modalities=(*sorted(kinds["input_modalities"]), *outputs),
        created=page.epoch_day(row["created"]),
        alias_of=row["alias_target"]["slug"] if row.get("alias_target") else "",
        note=f"prices not read: {unread}" if unread else "",
        quote=f"{row['id']} ({row['name']})",
    )


def _retirement(row: Mapping[str, Any]) -> Iterator[Retirement]:
    date = row["expiration_date"]
    retires = page.when(date) if date else None
    if retires and retires.starts.year < NEVER:
        quote = f"{row['id']}: expiration_date {date}"
        yield Retirement(model=row["id"], stage="deprecated", retires=retires, quote=quote)
