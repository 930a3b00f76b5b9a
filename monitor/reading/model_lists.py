"""Read the model lists of APIs, which may come in pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from monitor.errors import Unreadable
from monitor.reading.json_values import parsed_json


def listed(body: bytes, key: str = "data", *, more: str = "") -> Iterator[dict[str, Any]]:
    """Yield the items under ``key`` of one page, or of an array of all pages.

    ``more`` is the field that says that another page follows: a list whose last page says so is
    refused, since the models of the missing pages would look delisted."""
    document = parsed_json(body)
    pages = document if isinstance(document, list) else [document]
    if more and pages[-1].get(more):
        raise Unreadable(f"page {len(pages)} of a paged list, and more follow")
    for page in pages:
        yield from page[key]


def next_page(
    parameter: str, field: str, *, more: str = ""
) -> Callable[[bytes], dict[str, str] | None]:
    """Return the ``next_page`` of an Access: the query of the page after this one, or None.

    ``parameter`` takes the value of ``field``. ``more`` is the field that says whether another page
    follows; without it, ``field`` itself is empty on the last page."""

    def query(body: bytes) -> dict[str, str] | None:
        page = json.loads(body)
        follows = page[more] if more else page.get(field)
        return {parameter: page[field]} if follows else None

    return query
