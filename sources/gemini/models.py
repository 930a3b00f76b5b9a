"""Gemini API, model list: https://ai.google.dev/api/models

The list is no proof that a model works: models that were shut down stay on it for months.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from monitor.core.facts import Fact, Listing
from monitor.reading.page import (
    Unreadable,
    parsed_json,
)
from monitor.reading.source import Access, source


def _next_page(body: bytes) -> dict[str, str] | None:
    token = json.loads(body).get("nextPageToken")
    return {"pageToken": token} if token else None


@source(
    "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
    facts=(Listing,),
    access=Access("GEMINI_API_KEY", header="x-goog-api-key", prefix="", next_page=_next_page),
    markers=(b'"models"', b"models/gemini-"),
)
def models(body: bytes) -> Iterator[Fact]:
    """The model list, one page body or an array of all of them.

    A first page alone is refused: what stands on the others would look delisted. The list is no
    proof that a model works: shut-down ones stay on it for months."""
    document = parsed_json(body)
    pages = document if isinstance(document, list) else [document]
    if pages[-1].get("nextPageToken"):
        raise Unreadable(f"page {len(pages)} of a paged list, and the next is missing")
    for page in pages:
        for model in page["models"]:
            yield Listing(
                model=model["name"].removeprefix("models/"),
                name=model.get("displayName", ""),
                context_window=model["inputTokenLimit"],
                max_output=model["outputTokenLimit"],
                quote=f"{model['name']} ({model.get('displayName', '')})",
            )
