"""Amazon Bedrock, model lifecycle as HTML, until spring 2026: three tables.

The table of active models lacks the header of its column "EOL date". The others have no ids: an id
is taken from the first table where it has that very name, or else the name stands. Regions stand in
brackets after a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from monitor.core.facts import Retirement, Stage
from monitor.reading import page
from sources.bedrock.lifecycle import lifecycle
from sources.bedrock.words import MODEL_ID, extended_access, lifecycle_blocks, regions

ACTIVE = page.layout(
    name="model name",
    model="model id",
    region="regions supported",
    retires="eol date",
    ignore=("provider", "launch date", "input modalities", "output modalities"),
)
ENDED = page.layout(
    name="model version",
    legacy="legacy date",
    retires="eol date",
    replacement="recommended model version replacement",
    replacement_id="recommended model id",
)
LEGACY = page.layout(**ENDED.columns, extended="public extended access date")
#: The page's word and the stage of the models under a heading.
STATES: dict[str, tuple[str, Stage]] = {
    "active versions": ("Active", "active"),
    "legacy versions": ("Legacy", "legacy"),
    "end-of-life (eol) versions": ("EOL", "retired"),
}


# Seen on 2025-11-13; the Markdown of May 2026 is the first capture of another layout.
@lifecycle.earlier(
    mark="Regions supported|Recommended model version replacement", until="2026-05-31"
)
def lifecycle_2025(body: bytes) -> Iterator[Retirement]:
    """Yield the state of each model. "All Regions" of a model that still stands in the table of
    active ones are the Regions of that row.
    """
    blocks = list(map(_with_eol_date, lifecycle_blocks(body)))
    rows = list(page.tables(blocks, ACTIVE, LEGACY, ENDED))
    ids = {_plain(row["name"]): row["model"].line for row in rows if row.layout is ACTIVE}
    facts = [_retirement(row, ids) for row in rows]
    served = {fact.model: fact.region for fact in facts if fact.term == "Active"}
    ending = {fact.model for fact in facts if fact.term != "Active" and not fact.region}
    for fact in facts:
        if fact.model not in ending:
            yield fact
        elif fact.term != "Active":
            yield replace(fact, region=fact.region or served.get(fact.model, ""))


def _with_eol_date(block: page.Block) -> page.Block:
    """Return the table of active models with the name of its column "EOL date"."""
    if isinstance(block, page.Table) and "Launch date" in block.header:
        at = block.header.index("Launch date") + 1
        if all(len(row.cells) == len(block.header) + 1 for row in block.rows):
            return replace(block, header=(*block.header[:at], "EOL date", *block.header[at:]))
    return block


def _plain(name: page.Inline) -> str:
    """Return a model's name; "Claude Opus 4.0" of one table is "Claude Opus 4" of another."""
    return name.line.removesuffix(".0")


def _retirement(row: page.Row, ids: Mapping[str, str]) -> Retirement:
    heading = next((title for title in map(str.casefold, row.path) if title in STATES), "")
    if not heading:
        raise row["name"].error(f"no known state for a table under {row.path}")
    term, stage = STATES[heading]
    date, region = _split(row["retires"])
    retires = page.when(date, order="mdy")
    if row.layout is ACTIVE:
        if region:
            raise row["retires"].error("Regions beside a column for them")
        model = row["model"].line
        if not MODEL_ID.fullmatch(model):
            raise row["name"].error(f"no model id {model!r}")
        return Retirement(
            model=model,
            region=regions(row["region"]),
            term=term,
            stage=stage,
            retires=retires,
            quote=row.quote,
        )
    if not retires:
        raise row["retires"].error("no EOL date for a model that has left the Active state")
    legacy, legacy_region = _split(row["legacy"])
    extended = _split(row["extended"])[0] if "extended" in row else None
    return Retirement(
        model=ids.get(_plain(row["name"]), row["name"].line),
        region=region or legacy_region,
        term=term,
        stage=stage,
        deprecated=page.when(legacy, order="mdy"),
        retires=retires,
        replacements=_replacements(row["replacement_id"]),
        note=extended_access(page.when(extended, order="mdy") if extended else None),
        quote=row.quote,
    )


def _split(cell: page.Inline) -> tuple[page.Inline, str]:
    """Return the date of a cell, and the Regions in brackets after it."""
    match = re.fullmatch(r"(.+?) ?\((.+)\)", cell.line)
    if not match:
        return cell, ""
    return replace(cell, text=match[1]), regions(replace(cell, text=match[2]))


def _replacements(cell: page.Inline) -> tuple[str, ...]:
    """Return the recommended ids. A Region that one is to be used in ("in US East (N. Virginia)")
    stays in the quote.
    """
    parts = re.split(r",\s*(?:and )?|\s+(?:and|or)\s+", cell.line)
    ids = [re.sub(r" in US [\w .()]+$", "", part) for part in parts]
    for name in ids:
        if not MODEL_ID.fullmatch(name):
            raise cell.error(f"no model id {name!r}")
    return tuple(ids)
