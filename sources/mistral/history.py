"""Mistral, models until October 2025: tables of models, of legacy models, and a list of aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from monitor.core.facts import Fact, Listing
from monitor.reading import page
from sources.mistral.models import models
from sources.mistral.rows import ids, merged, name, retirements, tokens, with_ids

MODELS = page.layout(
    name="model",
    model="api endpoints",
    context="max tokens",
    ignore=("weight availability", "available via api", "description", "version"),
)
LEGACY = page.layout(  # from 2025-06-23
    name="model",
    model="api endpoints",
    deprecated="deprecation date",
    retires="retirement date",
    replacement="alternative model",
    ignore=("weight availability", "version"),
)
LEGACY_SERVED = page.layout(  # 2025-06-18
    **{**LEGACY.columns, "deprecated": "deprecation on date"},
    ignore=("available via api", *LEGACY.ignore),
)
LEGACY_DESCRIBED = page.layout(  # until June 2025
    **LEGACY_SERVED.columns,
    announced="legacy date",
    ignore=(*LEGACY_SERVED.ignore, "description", "max tokens"),
)
ALIAS = re.compile(r"([\w.-]+): currently points to ([\w.-]+?)(?:[.,]\s*(.*))?")


@models.earlier(mark="API Endpoints", until="2025-10-19")
def models_in_markdown(body: bytes) -> Iterable[Fact]:
    """Return the models of all tables, and the aliases."""
    return merged(_models(page.blocks(body)))


def _models(blocks: Sequence[page.Block]) -> Iterator[Fact]:
    layouts = (MODELS, LEGACY, LEGACY_SERVED, LEGACY_DESCRIBED)
    for row in with_ids(page.tables(blocks, *layouts)):
        if row.layout is not MODELS:
            yield from retirements(row)
            continue
        for model in ids(row["model"]):
            yield Listing(
                model=model,
                name=name(row),
                context_window=tokens(row["context"]),
                quote=row.quote,
            )
    for block in blocks:
        if isinstance(block, page.Text) and block.starts:
            line = block.inline.line
            if match := ALIAS.fullmatch(line):
                model, target, note = match.groups("")
                yield Listing(model=model, alias_of=target, note=note, quote=line)
            elif "currently points to" in line:
                raise block.inline.error("not the target of an alias")
