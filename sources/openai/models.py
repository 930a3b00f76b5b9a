"""OpenAI, the model list of its API: https://api.openai.com/v1/models

The models an account can see, in random order, and their `shutdown_date` (in the API since
2026-08-14). The account's own fine-tunes (`ft:...`, `ada:ft-...`) are nobody else's news and are
left out. Models stay listed for weeks after their shutdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from monitor.core.facts import Listing, Retirement
from monitor.reading import page
from monitor.reading.source import Access, source


@source(
    "https://api.openai.com/v1/models",
    facts=(Listing, Retirement),
    access=Access(key="OPENAI_API_KEY"),
    markers=(b'"data"', b"gpt-"),
)
def models(body: bytes) -> Iterator[Listing | Retirement]:
    """Each model, and its retirement where it has a date."""
    for item in page.listed(body):
        name, quote = item["id"], json.dumps(item, ensure_ascii=False)
        if re.search(r"^ft:|:ft-", name):
            continue
        yield Listing(model=name, created=page.epoch_day(item["created"]), quote=quote)
        if item.get("shutdown_date"):
            retires = page.when(item["shutdown_date"])
            yield Retirement(model=name, stage="deprecated", retires=retires, quote=quote)
