"""Vertex AI, prices: https://cloud.google.com/vertex-ai/generative-ai/pricing

Models have display names only. A cell holds one price, one for each kind of endpoint, or a list of
labelled prices; its column tells the context and the tier. The headers hold a raw ``<``, and a
table in the middle is never closed.

A column, a kind of row or a label of a price without a known meaning is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.core.facts import Fact, Price, When
from monitor.reading.page import (
    Block,
    Inline,
    Money,
    Row,
    Text,
    Unreadable,
    blocks,
    layout,
    money,
    tables,
    unit,
    when,
)
from monitor.reading.source import source

_SHORT, _LONG = (
    "price (/1m tokens) <= 200k input tokens*",
    "price (/1m tokens) > 200k input tokens*",
)
_TYPED = layout(model="model", type="type", low=_SHORT, high=_LONG)
_CACHED = layout(
    model="model",
    type="type",
    low=_SHORT,
    high=_LONG,
    cached_low="price (/1m tokens) <= 200k cached input tokens*",
    cached_high="price (/1m tokens) > 200k cached input tokens*",
)
_STORAGE = layout(model="model", feature="feature", type="type", low=_SHORT, high=_LONG)
_LISTED = layout(
    model="model", short="high", low="price (/1m tokens) =< 200k input tokens", high=_LONG
)
_PLAIN = layout(model="model", all="pricing")
_TUNING = layout(model="model", type="type", training="price (/1m training tokens)")
_VIDEO = layout(
    model="model", feature="feature", output="output", context="output resolution", price="price"
)

_NOT_READ = (
    layout(
        feature="feature", price="pricing"
    ),  # grounding, in sentences; for all models of a family together
    layout(tool="tool", price="price"),  # the same for Claude's web search
    # Examples of a router's bills
    layout(share="5:1 i/o ratio customer preference|1:20 i/o ratio customer preference"),
    layout(
        duration="duration", price="price per gsu"
    ),  # throughput bought ahead, by a unit of its own
    # Gemini 1.0 to 2.0, retired by June 2026: rows of any width, and prices by modality "for
    # reference only"
    layout(model="model", type="type", price="price", batch="price with batch api"),
    layout(model="model", type="type", storage="storage (*", price="price"),
    layout(model="model", feature="feature", type="type", price="price ( =< 128k*"),
    # Imagen, Lyria, multimodalembedding: tasks told in sentences, one row without its model
    layout(
        model="model",
        feature="feature",
        description="description",
        input="input",
        output="output",
        price="price",
        under="imagen|lyria|embedding",
    ),
    # Other embeddings, code completion, translation: by characters, by requests or by modality,
    # under group names
    layout(model="model", type="type", price="price per 1,000 *"),
    layout(model="open source model", price="price per 1,000 *"),
    layout(model="model", type="type", description="description", price="price"),
    layout(model="model", method="method", price="price per million characters"),
    layout(model="model", type="type", price="price (/1m training characters)"),
)

_CONTEXTS = {"low": "<=200k", "high": ">200k", "cached_low": "<=200k", "cached_high": ">200k"}


@source(
    "https://cloud.google.com/vertex-ai/generative-ai/pricing?hl=en",
    facts=(Price,),
    markers=(b"200K input tokens", b"Gemini"),
)
def pricing(body: bytes) -> Iterator[Fact]:
    """Prices by token of all makers' models, cache storage and tuning; and Veo's by second."""
    page = blocks(body)
    later = _non_global(page)
    for row in tables(
        page, _TYPED, _CACHED, _STORAGE, _LISTED, _PLAIN, _TUNING, _VIDEO, skip=_NOT_READ
    ):
        if row.layout is _VIDEO:
            yield from _video(row)
        elif row.layout is _LISTED or row.layout is _PLAIN:
            for column in [role for role in row if role != "model"]:
                yield from _labelled(row, column)
        else:
            for column in [role for role in row if role not in ("model", "type", "feature")]:
                yield from _by_type(row, column, later)


_LATER = re.compile(
    r"For non-global endpoints, pricing will go into effect .+? on (\w+ \d+, \d{4})\."
)


def _non_global(page: Sequence[Block]) -> When | None:
    """From when the starred prices of non-global endpoints hold, as a footnote says; None where
    there is none.
    """
    told = [
        text.inline
        for text in page
        if isinstance(text, Text) and "For non-global endpoints" in text.inline.line
    ]
    dates = {match[1] if (match := _LATER.search(text.line)) else text.line for text in told}
    if len(dates) > 1:
        raise Unreadable(f"footnotes on non-global endpoints differ: {sorted(dates)}")
    return when(dates.pop()) if dates else None


def _name(row: Row) -> tuple[str, str]:
    """A model's name without footnote stars, and the label that stood after it."""
    match = re.fullmatch(
        r"(.+?)(?: \((Deprecated|Preview|Experimental)\))?[ *]*", row["model"].line
    )
    if not match:
        raise row["model"].error("a price without a model")
    return match[1], match[2] or ""


_TYPES = (
    re.compile(r"(?:1m )?(?P<meter>input|output) ?(?P<kinds>[a-z/]*) tokens"),
    re.compile(r"(?P<meter>input) \((?P<kinds>[a-z, ]+)\)"),
    re.compile(
        r"(?P<kinds>text|audio|image|video) (?P<meter>input|output)(?: \(response and reasoning\))?"
    ),
)
_KINDS = {"", "text", "image", "video", "audio"}
_PER_HOUR = re.compile(r"(.+?) \(/M Tok/hr\)")
_ENDPOINT = re.compile(
    r"(?P<price>\$[\d.]+)(?: \((?P<region>Global|Non-global)\)(?P<star>\*)?)?", re.IGNORECASE
)


def _by_type(row: Row, column: str, later: When | None) -> Iterator[Price]:
    """The prices of a cell whose row says what is priced, and whose column says the context and the
    tier.
    """
    cell, (model, label) = row[column], _name(row)
    if cell.line.casefold() in ("", "n/a", "na"):
        return
    text, per = cell.text, "1M tokens"
    if row.layout is _STORAGE:
        match = _PER_HOUR.fullmatch(cell.line)
        if not match or row["feature"].line != "Context Cache Storage":
            raise cell.error("not a price of cache storage")
        text, per, meters = match[1], "1M tokens per hour", ["cache_storage"]
    elif row.layout is _TUNING:
        meters = ["training"]
    else:
        meters = _meters(row["type"], cached=column.startswith("cached"))
    tiers = _tiers(row, column)
    for line in text.split("\n"):
        match = _ENDPOINT.fullmatch(line)
        price = money(match["price"], per=per) if match else None
        if not match or not price:
            raise cell.error("not a price")
        region = (match["region"] or "").casefold()
        for tier in tiers:
            for meter in meters:
                yield Price(
                    model=model,
                    region=region,
                    meter=meter,
                    amount=price.amount,
                    per=price.per,
                    tier=tier,
                    context=_CONTEXTS.get(column, ""),
                    starts=later if match["star"] else None,
                    note=label,
                    quote=row.quote,
                )


def _meters(cell: Inline, cached: bool) -> list[str]:
    """The meters of a row: plain where text is among what it prices, else one for each modality."""
    text = cell.line.casefold().strip("* ")
    match = next((match for pattern in _TYPES if (match := pattern.fullmatch(text))), None)
    kinds = re.split(r", |/", match["kinds"]) if match else []
    if not match or not set(kinds) <= _KINDS or (cached and match["meter"] != "input"):
        raise cell.error("unknown type of price")
    meter = f"cached_{match['meter']}" if cached else match["meter"]
    return [meter] if {"", "text"} & set(kinds) else [f"{kind}_{meter}" for kind in kinds]


def _tiers(row: Row, column: str) -> tuple[str, ...]:
    """The tiers a column is for, as its header says: "... tokens with Flex/Batch"."""
    named = re.fullmatch(r".*? tokens(?: with (.+))?\)?", row.headers[column])
    tiers = {None: ("standard",), "Priority": ("priority",), "Flex/Batch": ("flex", "batch")}
    if not named or named[1] not in tiers:
        raise row[column].error(f"no known tier in the header {row.headers[column]!r}")
    return tiers[named[1]]


_LABELLED = re.compile(
    r"(?:(?P<life>5m|1h) )?(?P<batch>batch )?(?P<what>input|output|cache hit|cache write): "
    r"(?P<price>\$[\d.]+)"
    r"(?: / (?P<per>million tokens))?(?: \(or (?P<other>\$[\d.]+/page)\))?\s*",
    re.IGNORECASE,
)
_LABELS = {
    "input": "input",
    "output": "output",
    "cache hit": "cached_input",
    "cache write": "cache_write",
}
_REGION = re.compile(r"(?:.* \()?(global|us|eu|[a-z]+-[a-z]+\d+)\)?", re.IGNORECASE)


def _labelled(row: Row, column: str) -> Iterator[Price]:
    """The prices of a cell such as "Input: $5.00 / Output: $25.00 / 5m Cache Write: $6.25", one a
    line.

    Where a cell states a meter twice, the first holds: in May 2026 that of Claude Sonnet 4.6 in
    us-east5 goes on with prices of a long context that its own column contradicts."""
    cell, (model, label) = row[column], _name(row)
    if cell.line.casefold() in ("", "n/a"):
        return
    region, rest = _region(row, column), cell.line
    told: dict[tuple[str, str, str], Price] = {}
    while rest:
        match = _LABELLED.match(rest)
        if not match:
            raise cell.error(f"no labelled price at {rest[:40]!r}")
        rest = rest[match.end() :]
        meter = _LABELS[match["what"].casefold()] + ("_1h" if match["life"] == "1h" else "")
        tier = "batch" if match["batch"] else "standard"
        for price in _amounts(cell, match, "" if column == "all" else "1M tokens"):
            fact = Price(
                model=model,
                region=region,
                meter=meter,
                amount=price.amount,
                per=price.per,
                tier=tier,
                context=_CONTEXTS.get(column, ""),
                note=label,
                quote=row.quote,
            )
            first = told.setdefault((meter, tier, price.per), fact)
            if first.amount != fact.amount:
                told[meter, tier, price.per] = replace(
                    first, note=f"the same cell then says ${fact.amount}"
                )
    yield from told.values()


def _amounts(cell: Inline, match: re.Match[str], usual: str) -> Iterator[Money]:
    """A price with its unit, and the other way to count it: "$0.30 / million tokens (or
    $0.0003/page)".
    """
    per = unit(match["per"]) if match["per"] else usual
    for text in (match["price"], match["other"]):
        price = money(text, per=per or "") if text else None
        if price and not price.per:
            raise cell.error("a price without a unit")
        if price:
            yield price


def _region(row: Row, column: str) -> str:
    """The region that the heading of a Claude table names; none where prices are the same in all,
    or not split.
    """
    if column == "all" or row.heading == "Models with uniform pricing across all regions":
        return ""
    match = _REGION.fullmatch(row.heading)
    if not match:
        raise row[column].error(f"no known region in the heading {row.heading!r}")
    return match[1].casefold()


def _video(row: Row) -> Iterator[Price]:
    """Veo, by the second of each resolution; a video with sound is a meter of its own."""
    meters = {"video": "video_output", "video + audio": "video_audio_output"}
    price, meter = money(row["price"]), meters.get(row["output"].line.casefold())
    if row["feature"].line == "Advanced Controls":
        meter = "video_control"
    if not meter or not price or not price.per:
        raise row["price"].error("not a price of a video")
    model, label = _name(row)
    for resolution in row["context"].line.casefold().split(", "):
        yield Price(
            model=model,
            meter=meter,
            amount=price.amount,
            per=price.per,
            context=resolution,
            note=label,
            quote=row.quote,
        )
