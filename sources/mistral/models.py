"""Mistral, models: https://docs.mistral.ai/getting-started/models/

The page was built in three ways, all read here into the same ids:

- rendered since October 2025: one table of deprecated and retired models, dates as month/day/year,
  replacements as display names. Its live models are cards without ids and are not read; the API
  lists them.
- Markdown until October 2025: tables of models, of legacy models, and a list of what each alias
  points to.
- the TypeScript from which the site is rendered, see typescript.py.

``model`` is the API's dated id, or the display name where none is printed (weights that were never
served). An id may stand twice, with two names (``voxtral-mini-2507``), two versions
(``open-mistral-7b``) or by mistake; it is one fact. Of two different retirements the later
announced counts, then the sooner one, which is the safe one.

A renamed column is Unreadable. A typing error such as ``2525/06/06`` is passed on as printed, and
the core holds the document (monitor.core.diff.check).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from monitor.core.facts import Fact, Listing, Price, Retirement
from monitor.reading.page import (
    Inline,
    Text,
    Unreadable,
    blocks,
    decode,
    layout,
    tables,
    when,
)
from monitor.reading.source import source
from sources.mistral.typescript import MODEL_FILE, typescript
from sources.mistral.words import tokens

RENDERED = layout(
    name="model",
    model="api",
    deprecated="deprecation",
    retires="retirement",
    replacement="alternative",
    ignore=("version",),
)
MODELS = layout(
    name="model",
    model="api endpoints",
    context="max tokens",
    ignore=("weight availability", "available via api", "description", "version"),
)
LEGACY = layout(  # from 2025-06-23
    name="model",
    model="api endpoints",
    deprecated="deprecation date",
    retires="retirement date",
    replacement="alternative model",
    ignore=("weight availability", "version"),
)
LEGACY_SERVED = layout(  # 2025-06-18
    **{**LEGACY.columns, "deprecated": "deprecation on date"},
    ignore=("available via api", *LEGACY.ignore),
)
LEGACY_DESCRIBED = layout(  # until June 2025
    **LEGACY_SERVED.columns,
    announced="legacy date",
    ignore=(*LEGACY_SERVED.ignore, "description", "max tokens"),
)
_ALIAS = re.compile(r"([\w.-]+): currently points to ([\w.-]+?)(?:[.,]\s*(.*))?")


@source(
    "https://docs.mistral.ai/getting-started/models/",
    every=timedelta(hours=6),
    facts=(Retirement, Listing, Price),
    markers=(b"mistral-",),
    keeps_retired=True,
)
def models(body: bytes) -> Iterator[Fact]:
    """Models: ends, aliases and prices, as far as the layout prints them."""
    text = decode(body)
    yield from _merged(typescript(text) if MODEL_FILE.search(text) else _tables(text))


def _tables(text: str) -> Iterator[Fact]:
    page = blocks(text)
    served = False
    for row in tables(page, RENDERED, MODELS, LEGACY, LEGACY_SERVED, LEGACY_DESCRIBED):
        name = row["name"].line.rstrip(" ↗")
        ids = _ids(row["model"])
        served |= bool(ids)
        if row.layout is MODELS:
            for model in ids:
                yield Listing(
                    model=model, name=name, context_window=tokens(row["context"]), quote=row.quote
                )
            continue
        for model in ids or [name]:
            yield Retirement(
                model=model,
                stage="deprecated",
                announced=when(row["announced"]) if "announced" in row else None,
                deprecated=when(row["deprecated"], order="mdy"),
                retires=when(row["retires"], order="mdy"),
                replacements=row["replacement"].codes
                or tuple(filter(None, [row["replacement"].line])),
                note="" if ids else "no id of the API",
                quote=row.quote,
            )
    if not served:
        raise Unreadable("no model of any table has an id")
    for block in page:
        if isinstance(block, Text) and block.starts and "currently points to" in block.inline.line:
            match = _ALIAS.fullmatch(block.inline.line)
            if not match:
                raise block.inline.error("not the target of an alias")
            yield Listing(
                model=match[1], alias_of=match[2], note=match[3] or "", quote=block.inline.line
            )


def _ids(cell: Inline) -> list[str]:
    """The ids of a cell; an endpoint beside them ("via `audio/transcriptions`") is no model."""
    if cell.line in ("", "NA"):
        return []
    ids = [name for name in cell.codes or (cell.line,) if "/" not in name]
    if not ids or any(not re.fullmatch(r"[\w.-]+", name) for name in ids):
        raise cell.error("no model id")
    return ids


def _merged(facts: Iterable[Fact]) -> Iterator[Fact]:
    """One fact for each key, in the page's order. Two prices of one key stay two, for the core to
    refuse.
    """
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.key].append(fact)
    for same in found.values():
        ends = [fact for fact in same if isinstance(fact, Retirement)]
        listings = [fact for fact in same if isinstance(fact, Listing)]
        if ends:
            yield _one_end(ends)
        elif listings:
            yield _one_listing(listings)
        else:
            yield from same


def _one_end(ends: list[Retirement]) -> Retirement:
    ends.sort(key=lambda end: end.retires.text if end.retires else "9999")
    ends.sort(key=lambda end: end.deprecated.text if end.deprecated else "", reverse=True)
    others = [end for end in ends if end.value != ends[0].value]
    notes = [
        ends[0].note,
        *(
            f"also stated: {f'retires {end.retires}' if end.retires else 'no end'}"
            for end in others
        ),
    ]
    quotes = dict.fromkeys(end.quote for end in ends)
    return replace(ends[0], note="; ".join(filter(None, notes)), quote=" / ".join(quotes))


def _one_listing(listings: list[Listing]) -> Listing:
    """What the page says of one id in several places. An alias in two model files is that of the
    later model.
    """
    first = max(
        listings,
        key=lambda listing: (
            listing.alias_of != "",
            listing.created.text if listing.created else "",
        ),
    )
    for other in listings:
        first = replace(
            first,
            name=first.name or other.name,
            context_window=first.context_window or other.context_window,
            modalities=first.modalities or other.modalities,
            note=first.note or other.note,
        )
    return first
