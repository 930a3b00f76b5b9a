"""Gemini API, model list: https://ai.google.dev/api/models

The list is no proof that a model works: models that were shut down stay on it for months.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Listing
from monitor.reading import page
from monitor.reading.source import Access, source


@source(
    "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
    facts=(Listing,),
    access=Access(
        "GEMINI_API_KEY",
        header="x-goog-api-key",
        prefix="",
        next_page=page.next_page("pageToken", "nextPageToken"),
    ),
    markers=(b'"models"', b"models/gemini-"),
)
def models(body: bytes) -> Iterator[Listing]:
    """Yield every model of all pages of the list."""
    for model in page.listed(body, "models", more="nextPageToken"):
        name = model.get("displayName", "")
        yield Listing(
            model=model["name"].removeprefix("models/"),
            name=name,
            context_window=model["inputTokenLimit"],
            max_output=model["outputTokenLimit"],
            quote=f"{model['name']} ({name})",
        )
