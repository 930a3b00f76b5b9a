"""OpenAI, prices: https://developers.openai.com/api/docs/pricing.md

Real tables since summer 2026; before, MDX source, of which the rendered page showed only the newest
models (history.py). The price list keeps models that were shut down, so that a row proves nothing
about availability. A unit or tool that was never seen before is Unreadable, and so is a table of
prices with other columns than such a table ever had."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from monitor.core.facts import Price
from monitor.reading import page
from monitor.reading.source import source
from sources.openai.model_page import MODEL_ID, model_prices
from sources.openai.price_list import Line, columns, meter, prices

TOKENS = re.compile(
    r"(?:(?P<context>short|long) context[ :/-]*)?"
    r"(?P<meter>input|cached input|cache writes?|output|training)(?P<cost> / cost)?"
)
CONTEXTS = "model" + "".join(
    f" | {size} context {kind}"
    for size in ("short", "long")
    for kind in ("input", "cached input", "cache writes", "output")
)
#: The columns of every table of 2026, in any order; the first two since September and until then.
COLUMNS = columns(
    f"""
    {CONTEXTS}
    {re.sub(r" . (?:short|long) context cache writes", "", CONTEXTS)}
    model | modality | input | cached input | output / cost
    model | modality | input | cached input | output
    model | size | portrait | landscape | price per second
    model | use case | input | output | estimated cost
    model | training | input | cached input | output
    category | model | input | cached input | output
    tool | details | pricing
    """
)
#: Columns without a price of their own. An estimate is no price: the tokens beside it are what is
#: billed.
LABELS = re.compile("model|category|modality|size|use case|portrait|landscape|estimated cost")
#: OpenAI has one threshold between short and long context; the page's MDX of 2026-04-03 to 07-15
#: prints it (`gpt-5.4 (<272K context length)`) where its tables say "Short context".
SHORT, LONG = "<272k", ">=272k"


@source("https://developers.openai.com/api/docs/pricing.md", facts=(Price,), markers=(b"gpt-",))
def pricing(body: bytes) -> Iterable[Price]:
    """Prices of the list; also those of one model's own page (`/models/gpt-4.1.md`)."""
    text = page.decode(body)
    if match := MODEL_ID.search(text):
        return model_prices(text, match[1])
    return with_contexts(prices(page.blocks(text), COLUMNS, column_price))


def column_price(name: str, line: Line) -> Price | None:
    """Return the price in one column of a line, or None for a label or no price."""
    if LABELS.fullmatch(name):
        return None
    if name == "price per second":
        size = line.cells["size"]
        if not re.fullmatch(r"\d+p", size.line):
            raise size.error("unknown resolution")
        return line.price(name, "video", per="second", context=size.line)
    match = TOKENS.fullmatch(name)
    if not match:
        raise page.Unreadable(f"unknown column {name!r} of a price")
    context = {"short": "short", "long": LONG}.get(match["context"], "")
    price = line.price(name, meter(match["meter"], line.modality), context=context)
    if price and match["cost"] and price.per != "1M tokens":
        # `$0.034 / minute` is for all of it, not for the output.
        return replace(price, meter=line.modality)
    return price


def with_contexts(stated: Iterable[Price]) -> list[Price]:
    """Return the prices with their contexts. A model without a price for long context has one
    price, whatever the context.
    """
    facts = list(stated)
    long = {price.model for price in facts if price.context == LONG}
    return [
        replace(price, context=SHORT if price.model in long else "")
        if price.context == "short"
        else price
        for price in facts
    ]
