"""Mistral, model list of the API: https://api.mistral.ai/v1/models

An alias is a row of its own, whose ``name`` is the id that it stands for. ``deprecation`` is its
only date; at that time a model is gone (for the documentation, its "retirement"). ``created`` is
the time of the answer and not read. A customer's own models are not the provider's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Fact, Listing, Retirement
from monitor.reading.page import (
    parsed_json,
)
from monitor.reading.source import Access, source
from sources.mistral.words import day


@source(
    "https://api.mistral.ai/v1/models",
    every=timedelta(hours=6),
    facts=(Listing, Retirement),
    access=Access(key="MISTRAL_API_KEY"),
    markers=(b'"data"', b"mistral"),
)
def api(body: bytes) -> Iterator[Fact]:
    """Models as the API lists them: an alias is a row of its own, whose ``name`` is the id that it
    stands for.

    ``deprecation`` is its only date; at that time a model is gone (for the documentation, its
    "retirement"). ``created`` is the time of the answer and not read. A customer's own models are
    not the provider's."""
    document = parsed_json(body)
    for item in document["data"]:
        if item["type"] == "fine-tuned":
            continue
        quote = f"{item['id']} ({item['name']})"
        yield Listing(
            model=item["id"],
            context_window=item["max_context_length"],
            quote=quote,
            alias_of=item["name"] if item["name"] not in (None, item["id"]) else "",
        )
        gone, replacement = item["deprecation"], item["deprecation_replacement_model"]
        if gone:
            yield Retirement(
                model=item["id"],
                stage="deprecated",
                retires=day(gone),
                replacements=(replacement,) if replacement else (),
                quote=f"{quote}: deprecation {gone}, replacement {replacement or '-'}",
            )
