"""Gemini API, prices: https://ai.google.dev/gemini-api/docs/pricing

Each model has an H2, its ids in code spans below, and a table for each tier. A cell holds several
prices, each with its own unit and condition. ``model`` is the id, the one name that all layouts
share with the provider's other pages; the heading's name is used where no id is printed. The
layouts of 2025 are in history.py.

A new kind of row, a new tier and a new condition of a price are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from monitor.core.facts import Fact, Price, When
from monitor.reading.page import (
    NO_PRICE,
    Block,
    Heading,
    Inline,
    Row,
    Table,
    Text,
    Unreadable,
    blocks,
    layout,
    tables,
    unit,
    when,
)
from monitor.reading.source import source
from sources.gemini import DOCS
from sources.gemini.history import PREVIEW, Part, split_row, with_headings, with_tables

_PRICES = layout(kind="", paid="paid tier, per *")
#: The tables under these say how tools and agents are billed, in sentences; their prices stand in
#: the models' tables.
_NOT_MODELS = re.compile(r"pricing for (?:tools|agents)|notes", re.IGNORECASE)
_TIERS = ("standard", "batch", "flex", "priority")


@source(f"{DOCS}/pricing.md.txt?hl=en", facts=(Price,), markers=(b"Paid Tier",))
def pricing(body: bytes) -> Iterator[Fact]:
    """The paid tier. The free one has limits but no prices, and unknown is not zero."""
    for name, section in _models(with_headings(with_tables(blocks(body)))):
        ids, tiers = _ids(section) or (_display_name(name),), _tiers(section)
        stage = "preview" if name.endswith(PREVIEW) else ""
        for row in tables(section, _PRICES):
            headed = row.heading.casefold() if len(row.path) > 1 else ""
            tier = headed or "".join(tiers[row.nth - 1 : row.nth])
            if tier not in _TIERS:
                raise row["kind"].error(f"no known tier for table {row.nth} under {row.heading!r}")
            yield from _row_prices(row, tier, ids, stage)


def _models(page: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Each model's heading, and its blocks with it. A table before the first H2 is of no known
    model.
    """
    parts: list[tuple[str, list[Block]]] = []
    for block in page:
        if isinstance(block, Heading) and block.level == 2:
            parts.append((block.inline.line, [block]))
        elif parts:
            parts[-1][1].append(block)
        elif isinstance(block, Table):
            raise Unreadable(f"table {block.number} stands under no model's heading")
    return ((name, section) for name, section in parts if not _NOT_MODELS.fullmatch(name))


def _ids(section: Sequence[Block]) -> tuple[str, ...]:
    """The ids of the line under the heading: code spans with nothing but "," and "and" between
    them.
    """
    for block in section:
        if isinstance(block, Text) and (spans := block.inline.codes):
            rest = block.inline.line
            for span in spans:
                rest = rest.replace(span, "", 1)
            if not re.sub(r",|\band\b|\s", "", rest):
                return spans
    return ()


def _display_name(heading: str) -> str:
    """A heading without its labels: "Gemini 3 Pro Image (Nano Banana Pro) 🍌" is Gemini 3 Pro
    Image.
    """
    return re.sub(r"\s*(?:\([^)]*\)|[^\w\s.()-])\s*", " ", heading).strip()


def _tiers(section: Sequence[Block]) -> tuple[str, ...]:
    """The tiers of a model's tables where no heading names them: the tabs above, or else their
    usual order.

    The page's script shows tables as tabs; in text only a line of links is left of them, or nothing
    at all."""
    for block in section:
        if isinstance(block, Text):
            tabs = tuple(name.casefold() for name, _ in block.inline.links)
            if tabs and set(tabs) <= set(_TIERS):
                if len(tabs) != sum(isinstance(other, Table) for other in section):
                    raise block.inline.error("tabs and tables differ in number")
                return tabs
    return _TIERS


_KINDS = (  # what a row prices; groups: variant, modality, meter, label
    re.compile(
        r"(?P<modality>text|image|audio|video)? ?(?P<meter>input|output) price(?: "
        r"\((?P<label>[^)]*)\))?"
    ),
    re.compile(r"(?P<meter>context caching)(?: price)?(?: \((?P<label>storage)\))?"),
    re.compile(r"(?P<meter>tuning) price"),
    re.compile(r"(?P<modality>image) generation pricing"),
    re.compile(
        r"(?:(?P<variant>.+) )?(?P<modality>image|video)(?: with audio)? price(?: \(default\))?"
    ),
    re.compile(r"(?P<variant>lyria .+?)(?: \((?:\d+s|full song)\))?"),
)
_METERS = {
    "input": "input",
    "output": "output",
    "context caching": "cached_input",
    "tuning": "training",
}
_GROUNDING = re.compile(r"grounding with google (?P<service>search|maps|web and image search)")
_GROUNDING_PRICE = re.compile(
    r"(?:(?P<free>[^$]+?),? then )?\$(?P<amount>\d+(?:\.\d+)?) (?:/|per) (?P<per>1(?:,000|k) [a-z "
    r"]+?)"
    r"(?: for text and image-based grounding)?\.?"
)


def _row_prices(row: Row, tier: str, ids: Sequence[str], stage: str) -> Iterator[Price]:
    kind, paid = (
        row["kind"].line.casefold().rstrip("* "),
        row["paid"].line.casefold().replace("*", "").strip(),
    )
    if kind == "used to improve our products" or re.sub(r" \([^)]*\)$", "", paid) in NO_PRICE:
        return
    if grounding := _GROUNDING.fullmatch(kind):
        match = _GROUNDING_PRICE.fullmatch(paid)
        per = (
            unit(re.sub("grounded prompts|grounding requests", "requests", match["per"]))
            if match
            else None
        )
        if not match or not per:
            raise row["paid"].error("not a price of grounding")
        # "Web and Image Search" is what the image models' search was called for some months of 2026
        meter = "google_maps" if grounding["service"] == "maps" else "google_search"
        for model in ids:
            yield Price(
                model=model,
                meter=meter,
                amount=Decimal(match["amount"]),
                per=per,
                tier=tier,
                note=_note(match["free"], stage),
                quote=row.quote,
            )
        return
    for part in split_row(kind, paid, ids):
        yield from _part_prices(row, part, tier, stage)


def _note(*words: str | None) -> str:
    return "; ".join(word for word in words if word)


def _part_prices(row: Row, part: Part, tier: str, stage: str) -> Iterator[Price]:
    found = next(
        (match.groupdict() for pattern in _KINDS if (match := pattern.fullmatch(part.kind))), None
    )
    head = re.fullmatch(r"Paid Tier, per (.+) in USD", row.headers["paid"], re.IGNORECASE)
    usual = unit(head[1]) if head else None
    if not found:
        raise row["kind"].error("unknown kind of price")
    if not usual:
        raise row["paid"].error(f"unknown unit in the header {row.headers['paid']!r}")
    models = (
        _of_variant(row["kind"], found["variant"], part.ids) if found.get("variant") else part.ids
    )
    modality = found.get("modality") or ("audio" if found.get("variant") else "")
    meter = _METERS[found.get("meter") or "output"]
    label = (found.get("label") or "").replace("including thinking tokens", "")
    for item in _items(row["paid"], part.paid):
        for name, context, per in _terms(row["paid"], item, meter, modality or label, usual):
            for model in models:
                yield Price(
                    model=model,
                    meter=name,
                    amount=item.amount,
                    per=per,
                    tier=tier,
                    context=f"{part.context} {context}".strip(),
                    starts=item.starts,
                    ends=item.ends,
                    note=_note(item.label, part.note, stage),
                    quote=row.quote,
                )


_VARIANTS = {"fast", "ultra", "lite", "clip", "pro"}


def _of_variant(cell: Inline, name: str, ids: Sequence[str]) -> list[str]:
    """The one id that a row such as "Veo 3.1 Fast" prices: that with "fast" in it; "Standard" has
    no such word.
    """
    wanted = _VARIANTS & set(name.split())
    fitting = [model for model in ids if _VARIANTS & set(model.split("-")) == wanted]
    if len(fitting) != 1:
        raise cell.error(f"not one of the ids {', '.join(ids)}")
    return fitting


@dataclass(frozen=True)
class _Item:
    """One amount of a cell with everything printed about it. ``label`` is the words in brackets
    after it.
    """

    amount: Decimal
    per: str
    context: str
    label: str
    starts: When | None
    ends: When | None


_DATE = r"[a-z]+ \d{1,2}, \d{4}"
_ITEM = re.compile(
    r"(?P<amount>\d[\d,]*(?:\.\d+)?)"
    r"(?:\s*(?:/|\bper\b)\s*(?P<per>[\w,./ ]+?))?"
    r"(?:,? prompts (?P<context>(?:<=|>) ?\d+k)(?: tokens?)?)?"
    r"(?:\s*\((?P<label>[\w ,/]+)\))?"
    rf"(?: through (?P<ends>{_DATE}))?(?: starting (?P<starts>{_DATE}))?"
    r"(?: \(\w+ output not supported\))?"
    r"[\s.,)]*(?P<lead>equivalent to|or|and)?\s*\(?"
)


def _items(cell: Inline, paid: str) -> list[_Item]:
    """The prices of a cell. Each begins at its dollar sign; the word before the next one ends
    it.
    """
    before, *parts = paid.split("$")
    if before.strip() not in ("", "same as standard") or not parts:
        raise cell.error("not a price")
    items: list[_Item] = []
    for part in reversed(parts):
        match = _ITEM.fullmatch(part)
        if not match:
            raise cell.error(f"no price form known for '${part.strip()}'")
        said = match.groupdict("")
        if said["lead"] == "or" and items and not said["label"]:
            said["label"] = items[-1].label  # "$3.00 or $0.005/min (audio)": the label is of both
        starts, ends = (when(said[name]) if said[name] else None for name in ("starts", "ends"))
        amount = Decimal(said["amount"].replace(",", ""))
        items.append(
            _Item(
                amount, said["per"], said["context"].replace(" ", ""), said["label"], starts, ends
            )
        )
    return items[::-1]


_MODALITIES = {
    "text": "text",
    "thinking": "text",
    "image": "image",
    "images": "image",
    "audio": "audio",
    "video": "video",
}
_RESOLUTION = re.compile(r"\d+p|\dk")
_SIZED = re.compile(r"((?:[\d.]+k/)*[\d.]+k) image")


def _terms(
    cell: Inline, item: _Item, meter: str, usual_label: str, usual: str
) -> Iterator[tuple[str, str, str]]:
    """The meter, context and unit of each price that one amount states.

    "(text / image / video)" is the plain meter, "(audio / video)" one meter each; "per 1K/2K image"
    and "(720p and 1080p)" are one context each."""
    sizes = _SIZED.fullmatch(item.per)
    per = "image" if sizes else unit(item.per) if item.per else usual
    if not per:
        raise cell.error(f"unknown unit {item.per!r}")
    contexts = sizes[1].split("/") if sizes else [item.context]
    if item.label in ("storage price", "storage") or per == "1M tokens per hour":
        yield "cache_storage", item.context, per
        return
    parts = _parts(item.label)
    if parts and all(_RESOLUTION.fullmatch(part) for part in parts):
        contexts, parts = parts, []
    if item.label == "input caching":
        parts = []
    if not parts:
        implied = {"image": "image", "10 seconds": "audio"}.get(per, "") if per != usual else ""
        parts = _parts(implied or usual_label)
    unknown = [part for part in parts if part not in _MODALITIES]
    if unknown:
        raise cell.error(f"unknown label {unknown[0]!r}")
    kinds = {_MODALITIES[part]: None for part in parts}
    if kinds.keys() == {"image"} and per == "1M tokens" and item.amount < Decimal("0.01"):
        per = "image"  # "$0.0006 (image)*" of a token column: its footnote gives it for an image
    names = [meter] if not kinds or "text" in kinds else [f"{kind}_{meter}" for kind in kinds]
    for name in names:
        for context in contexts:
            yield name, context, per


def _parts(label: str) -> list[str]:
    return [part for part in re.split(r"\s*(?:/|,|\band\b)\s*", label) if part]
