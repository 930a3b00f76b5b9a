"""Read the prices on the page of one OpenAI model, such as `/models/gpt-4.1.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.core.facts import Price
from monitor.reading import page
from sources.openai.price_list import METERS, MODALITIES, meter

MODEL_ID = re.compile(r"^Model ID: `([^`]+)`", re.MULTILINE)
METRIC = page.layout(metric="metric", price="price", unit="unit")
#: Other tables. The comparison repeats prices of other models under their display names.
NO_METRICS = (
    page.layout(endpoint="endpoint", route="route", support="support"),
    page.layout(model="model", input="input", under="quick comparison"),
    page.layout(tier="tier", tpm="tpm", under="rate limits"),
)


def model_prices(text: str, model: str) -> Iterator[Price]:
    """Yield the prices of the page's metrics. Raises Unreadable for an unknown metric or unit."""
    for row in page.tables(text, METRIC, skip=NO_METRICS):
        name = row["metric"].line.casefold()
        modality = row.heading.casefold().removesuffix(" tokens")
        if name not in {"input", "output", "training", *METERS} or modality not in MODALITIES:
            raise row["metric"].error(f"unknown metric under {row.heading!r}")
        per = page.unit(row["unit"].line)
        if per is None:
            raise row["unit"].error("unknown unit of a price")
        price = page.price(
            row["price"], model, meter(name, modality), per=per, currency="USD", quote=row.quote
        )
        if price:
            yield price
