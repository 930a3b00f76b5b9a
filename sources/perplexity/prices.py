"""Perplexity: prices in the sentences of its changelog, "`x` at \\$0.25 per million input tokens".

A price in another form, of an unknown meter or of no model is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from monitor.core.facts import Price
from sources.perplexity.stories import MODEL, Story

PRICE = re.compile(
    r"\$(?P<amount>\d+(?:\.\d+)?) per million (?P<meters>[a-z-]+(?: or [a-z-]+)*) tokens"
)
COSTS = re.compile(r"(?P<name>[A-Z][\w.-]*(?: [A-Z][\w.-]*)*) now costs\b")
METERS = {"input": "input", "cached-input": "cached_input", "output": "output"}


def prices(story: Story) -> Iterator[Price]:
    """Yield the prices of a story, each of the model that is named last before it."""
    for sentence in story.sentences:
        matches = list(PRICE.finditer(sentence.text))
        if len(matches) != sentence.text.count(" per million "):
            raise sentence.error("a price in a form that is not known")
        for match in matches:
            ahead = sentence.text[: match.start()]
            ids = [code for code in sentence.codes if code in ahead and MODEL.fullmatch(code)]
            costs = COSTS.search(ahead)
            if not ids and not costs:
                raise sentence.error("a price of no model")
            model = max(ids, key=ahead.rfind) if ids else costs["name"] if costs else ""
            for meter in match["meters"].split(" or "):
                if meter not in METERS:
                    raise sentence.error(f"unknown meter {meter!r}")
                yield Price(
                    model=model,
                    meter=METERS[meter],
                    amount=Decimal(match["amount"]),
                    per="1M tokens",
                    note="launch pricing" if "launch pricing" in ahead else "",
                    quote=sentence.text,
                )
