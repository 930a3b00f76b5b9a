"""Gemini API, prices: a cell with several amounts, each with its own unit and condition.

"$1.25, prompts <= 200k tokens $2.50, prompts > 200k tokens" is two amounts. "$0.30 (text / image /
video) $1.00 (audio)" is two as well, of the plain meter and of the meter for audio. The functions
get all text in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from monitor.core.facts import When
from monitor.reading import page

DATE = r"[a-z]+ \d{1,2}, \d{4}"
AMOUNT = re.compile(
    r"(?P<usd>\d[\d,]*(?:\.\d+)?)"
    r"(?:\s*(?:/|\bper\b)\s*(?P<per>[\w,./ ]+?))?"
    r"(?:,? prompts (?P<context>(?:<=|>) ?\d+k)(?: tokens?)?)?"
    r"(?:\s*\((?P<label>[\w ,/]+)\))?"
    rf"(?: through (?P<ends>{DATE}))?(?: starting (?P<starts>{DATE}))?"
    r"(?: \(\w+ output not supported\))?"
    r"[\s.,)]*(?P<lead>equivalent to|or|and)?\s*\(?"
)


@dataclass(frozen=True)
class Amount:
    """One amount of a cell with all that is printed about it.

    ``label`` is the words in brackets after it, ``per`` its unit as printed."""

    usd: Decimal
    per: str
    context: str
    label: str
    starts: When | None
    ends: When | None


def amounts(cell: page.Inline, text: str) -> list[Amount]:
    """Return the amounts of a cell. Each begins at its dollar sign and ends with the word before
    the next one.
    """
    before, *parts = text.split("$")
    if before.strip() not in ("", "same as standard") or not parts:
        raise cell.error("not a price")
    result: list[Amount] = []
    for part in reversed(parts):
        match = AMOUNT.fullmatch(part)
        if not match:
            raise cell.error(f"no price form known for '${part.strip()}'")
        words = match.groupdict("")
        label = words["label"]
        if words["lead"] == "or" and result and not label:
            label = result[-1].label  # "$3.00 or $0.005/min (audio)": the label is of both
        starts, ends = (
            page.when(words[name]) if words[name] else None for name in ("starts", "ends")
        )
        usd = Decimal(words["usd"].replace(",", ""))
        context = words["context"].replace(" ", "")
        result.append(Amount(usd, words["per"], context, label, starts, ends))
    return result[::-1]


MODALITIES = {
    "text": "text",
    "thinking": "text",
    "image": "image",
    "images": "image",
    "audio": "audio",
    "video": "video",
}
UNITS = {"10s audio": "10 seconds"}
RESOLUTION = re.compile(r"\d+p|\dk")
SIZED = re.compile(r"((?:[\d.]+k/)*[\d.]+k) image")


def terms(
    cell: page.Inline, amount: Amount, meter: str, row_label: str, column_unit: str
) -> Iterator[tuple[str, str, str]]:
    """Yield the meter, context and unit of each price that one amount states.

    "(text / image / video)" is the plain meter, "(audio / video)" is a meter each; "per 1K/2K
    image" and "(720p and 1080p)" are a context each. ``row_label`` and ``column_unit`` hold where
    the amount has none of its own."""
    sizes = SIZED.fullmatch(amount.per)
    per = "image" if sizes else page.unit(amount.per, UNITS) if amount.per else column_unit
    if not per:
        raise cell.error(f"unknown unit {amount.per!r}")
    if amount.label in ("storage price", "storage") or per == "1M tokens per hour":
        yield "cache_storage", amount.context, per
        return
    contexts = sizes[1].split("/") if sizes else [amount.context]
    labels = split_label(amount.label)
    if labels and all(RESOLUTION.fullmatch(label) for label in labels):
        contexts, labels = labels, []
    if amount.label == "input caching":
        labels = []
    if not labels:
        implied = {"image": "image", "10 seconds": "audio"}.get(per) if per != column_unit else ""
        labels = split_label(implied or row_label)
    kinds = modalities(cell, labels)
    if kinds == ["image"] and per == "1M tokens" and amount.usd < Decimal("0.01"):
        per = "image"  # "$0.0006 (image)*" of a token column: its footnote gives it for an image
    meters = [meter] if not kinds or "text" in kinds else [f"{kind}_{meter}" for kind in kinds]
    yield from ((name, context, per) for name in meters for context in contexts)


def split_label(label: str) -> list[str]:
    """Return the parts of "audio / video", "720p and 1080p"."""
    return [part for part in re.split(r"\s*(?:/|,|\band\b)\s*", label) if part]


def modalities(cell: page.Inline, labels: list[str]) -> list[str]:
    """Return the modalities that labels name, each once. Raises Unreadable for another label."""
    unknown = [label for label in labels if label not in MODALITIES]
    if unknown:
        raise cell.error(f"unknown label {unknown[0]!r}")
    return list(dict.fromkeys(MODALITIES[label] for label in labels))


GROUNDING = re.compile(
    r"(?:(?P<free>[^$]+?),? then )?\$(?P<usd>\d+(?:\.\d+)?)"
    r" (?:/|per) (?P<per>1(?:,000|k) [a-z ]+?)(?: for text and image-based grounding)?\.?"
)


def grounding(cell: page.Inline, text: str) -> Amount:
    """Return the price of searches: "1,500 RPD (free), then $35 / 1,000 grounded prompts".

    The label is what is free."""
    if match := GROUNDING.fullmatch(text):
        requests = re.sub("grounded prompts|grounding requests", "requests", match["per"])
        if per := page.unit(requests):
            return Amount(Decimal(match["usd"]), per, "", match["free"] or "", None, None)
    raise cell.error("not a price of grounding")
