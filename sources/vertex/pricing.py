"""Vertex AI, prices: https://cloud.google.com/vertex-ai/generative-ai/pricing

Models have display names only. A cell holds one price, one for each kind of endpoint, or a list of
labelled prices (labelled_prices.py); its column tells the context and the tier. The headers hold a
raw ``<``, and a table in the middle is never closed.

A column, a kind of row or a label of a price without a known meaning is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from monitor.core.facts import Price, When
from monitor.reading import page
from monitor.reading.source import source
from sources.vertex.labelled_prices import labelled_prices, region_of

SHORT = "price (/1m tokens) <= 200k input tokens*"
LONG = "price (/1m tokens) > 200k input tokens*"
TYPED = page.layout(model="model", type="type", low=SHORT, high=LONG)
CACHED = page.layout(
    **TYPED.columns,
    cached_low="price (/1m tokens) <= 200k cached input tokens*",
    cached_high="price (/1m tokens) > 200k cached input tokens*",
)
STORAGE = page.layout(**TYPED.columns, feature="feature")
LISTED = page.layout(
    model="model", short="high", low="price (/1m tokens) =< 200k input tokens", high=LONG
)
PLAIN = page.layout(model="model", all="pricing")
TUNING = page.layout(model="model", type="type", training="price (/1m training tokens)")
VIDEO = page.layout(
    model="model", feature="feature", output="output", context="output resolution", price="price"
)
TASKS = page.layout(
    ignore=("model", "feature", "description", "input", "output", "price"),
    under="imagen|lyria|embedding",
)
#: Tables that are not read, by their columns.
NOT_READ = tuple(
    page.layout(ignore=columns)
    for columns in (
        # Grounding, in sentences and for all models of a family together; Claude's web search
        ("feature", "pricing"),
        ("tool", "price"),
        # Examples of a router's bills
        ("5:1 i/o ratio customer preference|1:20 i/o ratio customer preference",),
        # Throughput bought ahead, by a unit of its own
        ("duration", "price per gsu"),
        # Gemini 1.0 to 2.0, retired by June 2026: rows of any width, prices "for reference only"
        ("model", "type", "price", "price with batch api"),
        ("model", "type", "storage (*", "price"),
        ("model", "feature", "type", "price ( =< 128k*"),
        # Other embeddings, code completion, translation: by characters, by requests or by modality,
        # under the names of groups
        ("model", "type", "price per 1,000 *"),
        ("open source model", "price per 1,000 *"),
        ("model", "type", "description", "price"),
        ("model", "method", "price per million characters"),
        ("model", "type", "price (/1m training characters)"),
    )
)
CONTEXTS = {"low": "<=200k", "high": ">200k", "cached_low": "<=200k", "cached_high": ">200k"}
LABELS = ("model", "type", "feature")


@source(
    "https://cloud.google.com/vertex-ai/generative-ai/pricing?hl=en",
    facts=(Price,),
    markers=(b"200K input tokens", b"Gemini"),
)
def pricing(body: bytes) -> Iterator[Price]:
    """Yield the prices by token of all makers' models, cache storage, tuning, and Veo by second.

    Imagen, Lyria and multimodal embeddings are not read: their tasks are told in sentences, and one
    row lacks its model."""
    blocks = page.blocks(body)
    later = _non_global_start(blocks)
    layouts = (TYPED, CACHED, STORAGE, LISTED, PLAIN, TUNING, VIDEO)
    for row in page.tables(blocks, *layouts, skip=(*NOT_READ, TASKS)):
        if row.layout is VIDEO:
            yield from _video(row)
            continue
        for column in row:
            if column in LABELS or row[column].line.casefold() in page.NOTHING:
                continue
            if row.layout is LISTED:
                yield from labelled_prices(row, column, _offer(row, column), region_of(row))
            elif row.layout is PLAIN:
                yield from labelled_prices(row, column, _offer(row, column), region="", per="")
            else:
                yield from _by_type(row, column, later)


NON_GLOBAL = "For non-global endpoints"
LATER = re.compile(rf"{NON_GLOBAL}, pricing will go into effect .+? on (\w+ \d+, \d{{4}})\.")


def _non_global_start(blocks: Sequence[page.Block]) -> When | None:
    """Return from when the starred prices of non-global endpoints hold, as a footnote says.

    Raises Unreadable for footnotes that differ, or that name no day."""
    lines = [block.inline.line for block in blocks if isinstance(block, page.Text)]
    footnotes = [line for line in lines if NON_GLOBAL in line]
    dates = {match[1] if (match := LATER.search(line)) else line for line in footnotes}
    if len(dates) > 1:
        raise page.Unreadable(f"footnotes on non-global endpoints differ: {sorted(dates)}")
    return page.when(dates.pop()) if dates else None


def _offer(row: page.Row, column: str) -> page.Offer:
    """Return the model of a row without footnote stars, and the label that stands after it."""
    cell = row["model"]
    match = re.fullmatch(r"(.+?)(?: \((Deprecated|Preview|Experimental)\))?[ *]*", cell.line)
    if not match:
        raise cell.error("a price without a model")
    return page.Offer((match[1],), context=CONTEXTS.get(column, ""), note=match[2] or "")


TYPES = tuple(
    map(
        re.compile,
        (
            r"(?:1m )?(?P<meter>input|output) ?(?P<kinds>[a-z/]*) tokens",
            r"(?P<meter>input) \((?P<kinds>[a-z, ]+)\)",
            r"(?P<kinds>text|audio|image|video) (?P<meter>input|output)"
            r"(?: \(response and reasoning\))?",
        ),
    )
)
KINDS = {"", "text", "image", "video", "audio"}
PER_HOUR = re.compile(r"(.+?) \(/M Tok/hr\)")
ENDPOINT = re.compile(
    r"(?P<price>\$[\d.]+)(?: \((?P<region>Global|Non-global)\)(?P<star>\*)?)?", re.IGNORECASE
)


def _by_type(row: page.Row, column: str, later: When | None) -> Iterator[Price]:
    """Yield the prices of a cell whose row tells what is priced, and whose column tells the context
    and the tier.
    """
    cell, offer = row[column], _offer(row, column)
    text, per, meters = cell.text, "1M tokens", ["training"]
    if row.layout is STORAGE:
        match = PER_HOUR.fullmatch(cell.line)
        if not match or row["feature"].line != "Context Cache Storage":
            raise cell.error("not a price of cache storage")
        text, per, meters = match[1], "1M tokens per hour", ["cache_storage"]
    elif row.layout is not TUNING:
        meters = _meters(row["type"], cached=column.startswith("cached"))
    tiers = _tiers(row, column)
    for line in text.split("\n"):
        if not (endpoint := ENDPOINT.fullmatch(line)):
            raise cell.error("not a price")
        for tier, meter in product(tiers, meters):
            terms: page.Terms = {
                "region": (endpoint["region"] or "").casefold(),
                "tier": tier,
                "context": offer.context,
                "starts": later if endpoint["star"] else None,
                "note": offer.note,
                "quote": row.quote,
            }
            if price := page.price(
                replace(cell, text=endpoint["price"]), offer.models[0], meter, per=per, **terms
            ):
                yield price


def _meters(cell: page.Inline, cached: bool) -> list[str]:
    """Return the meters of a row: plain where text is among what it prices, else one for each
    modality.
    """
    text = cell.line.casefold().strip("* ")
    match = next((match for pattern in TYPES if (match := pattern.fullmatch(text))), None)
    kinds = re.split(r", |/", match["kinds"]) if match else []
    if not match or not set(kinds) <= KINDS or (cached and match["meter"] != "input"):
        raise cell.error("unknown type of price")
    meter = f"cached_{match['meter']}" if cached else match["meter"]
    return [meter] if {"", "text"} & set(kinds) else [f"{kind}_{meter}" for kind in kinds]


def _tiers(row: page.Row, column: str) -> tuple[str, ...]:
    """Return the tiers a column is for, as its header says: "... tokens with Flex/Batch"."""
    match = re.fullmatch(r".*? tokens(?: with (.+))?\)?", row.headers[column])
    tiers = {None: ("standard",), "Priority": ("priority",), "Flex/Batch": ("flex", "batch")}
    if not match or match[1] not in tiers:
        raise row[column].error(f"no known tier in the header {row.headers[column]!r}")
    return tiers[match[1]]


VIDEO_METERS = {"video": "video_output", "video + audio": "video_audio_output"}


def _video(row: page.Row) -> Iterator[Price]:
    """Yield the prices of Veo by the second of each resolution. A video with sound is a meter of
    its own.
    """
    controls = row["feature"].line == "Advanced Controls"
    meter = "video_control" if controls else page.word(row["output"], VIDEO_METERS, "output")
    offer = _offer(row, "price")
    for resolution in row["context"].line.casefold().split(", "):
        terms: page.Terms = {"context": resolution, "note": offer.note, "quote": row.quote}
        if price := page.price(row["price"], offer.models[0], meter, **terms):
            yield price
