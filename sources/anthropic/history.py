"""Anthropic's pages as they were: prices of long prompts and fast mode until May 2026, and the
overview of early 2025."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Listing, Price
from monitor.reading import page
from sources.anthropic.overview import columns, first, overview, platform_id, transposed
from sources.anthropic.pricing import BASE, BATCH, FAST, NO_PRICES, named, pricing

# --- prices ---

FAST_BY_SIZE = page.layout(
    size="context window", input="input", output="output", under="fast mode"
)  # 2026-02-08
FAST_ALONE = page.layout(input="input", output="output", under="fast mode")  # 02-21 to 05-01
LONG = page.layout(
    model="model", low="≤*", high=">*", under="long context", fill=("model",)
)  # from 2026-02-06
LONG_ALONE = page.layout(low="≤*", high=">*", under="long context")  # until January 2026
LONG_BY_METER = page.layout(  # from 2026-03-13
    under="long context",
    **{
        "model": "model",
        "input@<=200k": "≤ 200k input tokens input",
        "output@<=200k": "≤ 200k input tokens output",
        "input@>200k": "> 200k input tokens input",
        "output@>200k": "> 200k input tokens output",
    },
)
#: Models in the paragraph above a table that has no column for them: "Claude Sonnet 4 and Sonnet
#: 4.5".
IN_PROSE = re.compile(r"\b(?:Opus|Sonnet|Haiku) \d+(?:\.\d+)?")
LABELLED = re.compile(r"(Input|Output): (.+)")


@pricing.earlier(mark=r"≤ 200[kK] input tokens|^\| *Input *\| *Output *\|$", until="2026-05-31")
def long_context(body: bytes) -> Iterator[Price]:
    """The same tables, and those of long prompts and fast mode, some without a column of models."""
    layouts = (BASE, BATCH, FAST, FAST_BY_SIZE, FAST_ALONE, LONG, LONG_ALONE, LONG_BY_METER)
    for row in page.tables(body, *layouts, skip=NO_PRICES):
        offer = named(row["model"]) if "model" in row else _in_prose(row)
        if row.layout in (LONG, LONG_ALONE):
            yield from _labelled(row, offer)
        else:
            fast = row.layout.under == FAST.under
            tier = "batch" if row.layout is BATCH else "fast" if fast else "standard"
            yield from page.prices(row, offer, labels=("model", "size"), tier=tier)


def _in_prose(row: page.Row) -> page.Offer:
    models = tuple(dict.fromkeys(f"Claude {name}" for name in IN_PROSE.findall(row.before)))
    if not models:
        raise page.Unreadable(
            f"table under {row.heading!r}: no model in the paragraph above it: {row.before!r}"
        )
    return page.Offer(models, page.context(row["size"]) if "size" in row else "")


def _labelled(row: page.Row, offer: page.Offer) -> Iterator[Price]:
    """Yield the prices of cells such as "Output: $22.50 / MTok" under a size of the prompt."""
    for role in ("low", "high"):
        match = LABELLED.fullmatch(row[role].line)
        if not match:
            raise row[role].error("neither an input nor an output price")
        cell = replace(row[role], text=match[2])
        context = page.context(page.Inline(row.headers[role], where=cell.where))
        for model in offer.models:
            price = page.price(
                cell,
                model,
                match[1].lower(),
                context=context,
                starts=offer.starts,
                ends=offer.ends,
                note=offer.note,
                quote=row.quote,
            )
            if price:
                yield price


# --- the overview of early 2025 ---

NAMES = page.layout(
    model="model", api="anthropic api", bedrock="aws bedrock", vertex="gcp vertex ai"
)
ALIASES = page.layout(alias="alias", model="model id")
#: The overview repeated the prices of the pricing page.
PRICES = page.layout(model="model", input="base input tokens", output="output tokens")
API = ("api model name",)
DATED_ID = re.compile(r"claude-[a-z\d-]+?-\d{8}")
ID_AND_ALIAS = re.compile(r"(\S+)(?: \((\S+)\))?")
#: The HTML wraps sizes in buttons that open a tooltip; the buttons of a page are otherwise no text
#: of it.
BUTTON = re.compile(rb"</?button\b[^>]*>")


@overview.earlier(mark=r"API model name|Anthropic API *[<|]", until="2025-11-30")
def names_and_aliases(body: bytes) -> Iterable[Listing]:
    """The overview with tables of names on the platforms and of aliases beside its columns."""
    document = page.blocks(BUTTON.sub(b"", body))
    return page.merged(_listings(document), first)


def _listings(document: list[page.Block]) -> Iterator[Listing]:
    across = [block for block in document if isinstance(block, page.Table) and transposed(block)]
    for table in across:
        for column in columns(table):
            api = column.cell(API)
            several = len(api.codes) > 1 or " " in api.line
            for model in DATED_ID.findall(api.line) if several else page.codes(api):
                yield column.listing(model, api)
    others = [block for block in document if block not in across]
    for row in page.tables(others, NAMES, ALIASES, skip=[PRICES]):
        if row.layout is ALIASES:
            yield Listing(model=row["alias"].line, alias_of=row["model"].line, quote=row.quote)
        else:
            yield from _platforms(row)


def _platforms(row: page.Row) -> Iterator[Listing]:
    match = ID_AND_ALIAS.fullmatch(row["api"].line)
    if not match:
        raise row["api"].error("no id and alias")
    model, alias = match.groups()
    own = Listing(model=model, name=row["model"].line, quote=row.quote)
    yield own
    if alias:
        yield replace(own, model=alias, alias_of=model)
    for surface in ("bedrock", "vertex"):
        if found := platform_id(row[surface], surface, model):
            yield replace(own, model=found, surface=surface, alias_of=model)
