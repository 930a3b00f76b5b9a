"""Anthropic, the model list of its API: https://api.anthropic.com/v1/models

Retired models leave it within days, which makes it the best sign that they are gone. Its pages
follow each other by ``after_id`` (API reference, "List Models"). A first page alone is
Unreadable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from monitor.core.facts import Listing, When
from monitor.reading import page
from monitor.reading.source import Access, source


@source(
    "https://api.anthropic.com/v1/models",
    facts=(Listing,),
    access=Access(
        key="ANTHROPIC_API_KEY",
        header="x-api-key",
        prefix="",
        headers=(("anthropic-version", "2023-06-01"),),
        next_page=page.next_page("after_id", "last_id", more="has_more"),
    ),
    markers=(b'"has_more"', b"claude-"),
)
def models(body: bytes) -> Iterator[Listing]:
    """Each model of the API, with its sizes."""
    for item in page.listed(body, more="has_more"):
        if item["type"] != "model":
            raise page.Unreadable(f"an item that is no model: {item['type']!r} {item['id']!r}")
        yield Listing(
            model=item["id"],
            name=item["display_name"],
            context_window=item.get("max_input_tokens"),
            max_output=item.get("max_tokens"),
            modalities=_modalities(item.get("capabilities")),
            created=_created(item["created_at"]),
            quote=json.dumps(item, ensure_ascii=False)[:500],
        )


def _modalities(capabilities: Any) -> tuple[str, ...]:
    """Return what a model takes in; the objects of 2025 do not say."""
    if not capabilities:
        return ()
    fields = {"image": "image_input", "pdf": "pdf_input"}
    return ("text", *(name for name, field in fields.items() if capabilities[field]["supported"]))


def _created(stamp: str) -> When | None:
    """Return the release. The API reference gives it an epoch value where it is not known."""
    return None if stamp.startswith("1970-") else page.when(stamp)
