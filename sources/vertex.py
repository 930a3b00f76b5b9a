"""Vertex AI, now Gemini Enterprise Agent Platform: three lists of retirements, prices and release
notes.

Versions: Google's own models, a table for each family and one of the retired; until May 2026 also a
table of aliases, which is not read (an id stood in both). A date is firm (``October 20, 2026``) or
a floor (``Not before X``, ``X or later``, ``No sooner than X``). These are not the dates of the
Gemini API.

Partner models: no table but a sentence under each model's heading, with the id further down. The
heading's name changes ("on Google Cloud" was added in July 2026), the id does not. Open models: one
table of ids.

Prices: display names only. A cell holds one price, one for each kind of endpoint, or a list of
labelled prices; its column says the context and the tier. The headers hold a raw ``<``, and a table
in the middle is never closed.

Release notes: each item of the feed (each H2 of the page) is a day, with several notices that begin
with their kind. No capture of the feed could be had. Its address follows the pattern of other
products' feeds.

What would break it, as Unreadable: a new form of date; another sentence on a partner model; a price
column, kind of row or label without a known meaning; a new kind of release note at the start of a
day."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from monitor.core.facts import Fact, Notice, Price, Retirement, Stage, When
from monitor.reading.page import (
    Block,
    Heading,
    Inline,
    Money,
    Row,
    Table,
    Text,
    Unreadable,
    blocks,
    codes,
    decode,
    entries,
    inline,
    layout,
    money,
    tables,
    tables_and_headings,
    unit,
    when,
)
from monitor.reading.source import source

DOCS = "https://docs.cloud.google.com/gemini-enterprise-agent-platform"

# --- retirements
# -------------------------------------------------------------------------------------------

_VERSIONS = layout(model="model id", released="release date", retires="retirement date")
_REPLACED = layout(
    model="model id",
    released="release date",
    retires="retirement date",
    replacement="replacement model",
)
_RETIRED = layout(
    model="model id",
    released="release date",
    retires="retirement date",
    replacement="recommended upgrade|replacement model",
    under="^retired models",
)
#: A column for the replacement came in July 2026, under a new H2: on the 9th these had none yet (on
#: the 1st the Gemini models neither), on the 17th all had one.
_UNDER_OLD_H2 = "Latest stable models"
_LATE = {"gemini image models", "veo models", "embeddings models"}
_ALIASES = layout(alias="auto-updated alias", model="stable version reference")


@source(
    f"{DOCS}/models/model-versions?hl=en",
    facts=(Retirement,),
    markers=(b"Retirement date", b"gemini-"),
    focus=tables_and_headings,
)
def versions(body: bytes) -> Iterator[Fact]:
    """Google's models. Those in the table of the retired are gone; another with a firm date is
    deprecated.

    A row can leave when its day has come: ``gemini-2.0-flash-001`` became ``gemini-2.0-flash``
    among the retired."""
    unreplaced: set[str] = set()
    for row in tables(body, _VERSIONS, _REPLACED, _RETIRED, skip=[_ALIASES]):
        if row.layout is _VERSIONS and _UNDER_OLD_H2 not in row.path:
            unreplaced.add(row.heading.casefold())
        gone = any(heading.casefold().startswith("retired models") for heading in row.path)
        if gone and row.layout is not _RETIRED:
            raise row["model"].error("a retired model without the column of its upgrade")
        retires = when(row["retires"])
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                term="Retired" if gone else "",
                stage="retired" if gone else _stage(retires),
                retires=retires,
                replacements=_replacements(row["replacement"]) if "replacement" in row else (),
                quote=row.quote,
            )
    if unreplaced and unreplaced - {"gemini models"} != _LATE:
        raise Unreadable(f"no column for the replacement under {', '.join(sorted(unreplaced))}")


def _stage(retires: When | None) -> Stage:
    return "deprecated" if retires and retires.bound == "on" else "active"


def _replacements(cell: Inline) -> tuple[str, ...]:
    """The ids of a cell, or the products it names in words ("Gemini 3.1 Flash-Lite or Gemma 4") as
    one item.
    """
    if cell.codes or not cell:
        return cell.codes
    parts = tuple(re.split(r",\s*|\s+or\s+", cell.line))
    return parts if all(re.fullmatch(r"[a-z][\w.@-]+", part) for part in parts) else (cell.line,)


_OPEN = layout(
    model="model id",
    deprecated="deprecation date",
    retires="retirement date",
    replacement="self-deploy alternative",
)


@source(
    f"{DOCS}/models/deprecations/open-models?hl=en",
    facts=(Retirement,),
    markers=(b"Deprecation date", b"-maas"),
    focus=tables_and_headings,
)
def open_models(body: bytes) -> Iterator[Fact]:
    """Open models served by Google. On its deprecation date a model's end is announced, and it
    still works.
    """
    for row in tables(body, _OPEN):
        deprecated, retires = when(row["deprecated"]), when(row["retires"])
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated" if deprecated else _stage(retires),
                deprecated=deprecated,
                retires=retires,
                replacements=_replacements(row["replacement"]),
                quote=row.quote,
            )


_END = re.compile(
    r".*? is (deprecated) as of (.+?) and will be shut down on (\w+ \d+, \d{4}) ?\..*"
)


@source(
    f"{DOCS}/models/deprecations/partner-models?hl=en",
    facts=(Retirement,),
    markers=(b"deprecated as of",),
    keeps_retired=True,
)
def partners(body: bytes) -> Iterator[Fact]:
    """Partners' models: the one sentence with the dates, and the id below the label "Model ID",
    under each H2.
    """
    for heading, section in _sections(blocks(body)):
        said = [text for block in section for text in _texts(block)]
        ends = [match for text in said if (match := _END.fullmatch(text.line))]
        labels = [number for number, text in enumerate(said) if text.line == "Model ID"]
        if len(ends) != 1 or len(labels) != 1 or labels[0] + 1 == len(said):
            raise heading.error(
                f"{len(ends)} sentences on its end and {len(labels)} ids stand under the heading"
            )
        [model] = codes(replace(said[labels[0] + 1], where=f"id under {heading.line!r}"))
        term, deprecated, retires = ends[0].groups()
        yield Retirement(
            model=model,
            term=term,
            stage="deprecated",
            deprecated=when(deprecated),
            retires=when(retires),
            note=heading.line,
            quote=ends[0][0],
        )


def _sections(page: Sequence[Block]) -> Iterator[tuple[Inline, list[Block]]]:
    """Each H2 with all that follows it. What stands before the first is an introduction."""
    starts = [
        number
        for number, block in enumerate(page)
        if isinstance(block, Heading) and block.level == 2
    ]
    for start, end in pairwise([*starts, len(page)]):
        if isinstance(heading := page[start], Heading) and heading.inline.line != "What's next":
            yield heading.inline, list(page[start + 1 : end])


def _texts(block: Block) -> list[Inline]:
    """What a block says, in order: the card of a model is a list of labels and values, or a table
    of them.
    """
    if isinstance(block, Table):
        return [inline(title) for title in block.header] + [
            cell for row in block.rows for cell in row.cells
        ]
    return [block.inline]


# --- prices
# ------------------------------------------------------------------------------------------------

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


# --- release notes
# -----------------------------------------------------------------------------------------

_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)")
_KIND = re.compile(
    r"feature|change|changed|announcement|deprecated|breaking|issue|fixed|security|libraries",
    re.IGNORECASE,
)
#: Ids among the code spans, which are also endpoints, flags and regions (us-central1).
_MODEL_ID = re.compile(r"(?![a-z]+-[a-z]+\d\d?$)[a-z][a-z0-9.]*(?:-[a-z0-9.]+)+(?:@[\w.]+)?")


@source(
    "https://cloud.google.com/feeds/gemini-enterprise-agent-platform-release-notes.xml",
    every=timedelta(hours=1),
    facts=(Notice,),
    markers=(b"elease notes",),
)
def release_notes(body: bytes) -> Iterator[Fact]:
    """One notice for each entry of a day. Its title is the bold line, the heading or the first
    sentence it begins with.

    Entries are added to a day later on, so that neither their number nor their place may count.
    """
    for day, link, page in _days(body):
        published = when(replace(day, where="day"))
        if not published:
            raise day.error("an item without a date")
        used: Counter[str] = Counter()
        for kind, said in _notices(day, page):
            first, summary = said[0].line, " ".join(text.line for text in said)
            sentence = _SENTENCE.match(first)
            title = (sentence[1] if sentence else first).rstrip(".")
            used[title] += 1
            named = (code for text in said for code in text.codes if _MODEL_ID.fullmatch(code))
            yield Notice(
                title=title if used[title] == 1 else f"{title} ({used[title]})",
                link=link,
                published=published,
                summary=summary,
                models=tuple(dict.fromkeys(named)),
                note=kind,
                quote=first,
            )


def _days(body: bytes) -> Iterator[tuple[Inline, str, Sequence[Block]]]:
    """The days of the Atom feed, or of the page itself: what they are called, where they stand,
    what they hold.
    """
    text = decode(body)
    if text.lstrip().startswith(("<?xml", "<feed")):
        for entry in entries(body, dated=True):
            yield inline(entry.title), entry.link, blocks(entry.markup)
    else:
        for heading, section in _sections(blocks(text)):
            anchor = re.sub(r"\W+", "_", heading.line)
            yield heading, f"{DOCS}/release-notes#{anchor}", section


def _notices(day: Inline, page: Sequence[Block]) -> Iterator[tuple[str, list[Inline]]]:
    """The entries of a day: each begins with its kind, a heading in the feed and a paragraph on the
    page.
    """
    found: list[tuple[str, list[Inline]]] = []
    for block in page:
        said = _texts(block)
        if not isinstance(block, Table) and _KIND.fullmatch(said[0].line):
            found.append((said[0].line, []))
        elif not found:
            raise day.error(f"no known kind of release note: {said[0].line!r}")
        else:
            found[-1][1].extend(said)
    for kind, texts in found:
        if not texts:
            raise day.error(f"an entry {kind!r} without text")
        yield kind, texts
