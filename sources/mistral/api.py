"""Mistral, model list of the API: https://api.mistral.ai/v1/models

An alias is a row of its own, whose ``name`` is the id that it stands for. ``deprecation`` is its
only date; at that time a model is gone (for the documentation, its "retirement"). ``created`` is
the time of the answer and not read. A customer's own models are not the provider's.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Fact, Listing, Retirement
from monitor.reading import page
from monitor.reading.source import Access, source
from sources.mistral.rows import day


@source(
    "https://api.mistral.ai/v1/models",
    facts=(Listing, Retirement),
    access=Access(key="MISTRAL_API_KEY"),
    markers=(b'"data"', b"mistral"),
)
def api(body: bytes) -> Iterator[Fact]:
    """Yield every model, and its retirement where it has a date."""
    for item in page.listed(body):
        if item["type"] == "fine-tuned":
            continue
        model, name = item["id"], item["name"]
        quote = f"{model} ({name})"
        yield Listing(
            model=model,
            context_window=item["max_context_length"],
            alias_of=name if name not in (None, model) else "",
            quote=quote,
        )
        date, replacement = item["deprecation"], item["deprecation_replacement_model"]
        if date:
            yield Retirement(
                model=model,
                stage="deprecated",
                retires=day(date),
                replacements=(replacement,) if replacement else (),
                quote=f"{quote}: deprecation {date}, replacement {replacement or '-'}",
            )
