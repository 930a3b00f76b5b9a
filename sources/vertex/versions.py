"""Vertex AI, Google's own models:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions

Each family has a table, and the retired models have one. Until May 2026 there was also a table of
aliases, which is not read, because an id stood in both. A date is firm (``October 20, 2026``) or a
floor (``Not before X``, ``X or later``, ``No sooner than X``). These are not the dates of the
Gemini API. A row can leave on its day: ``gemini-2.0-flash-001`` became ``gemini-2.0-flash`` among
the retired.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.core.facts import Fact, Retirement, Stage, When
from monitor.reading.page import (
    Inline,
    Unreadable,
    codes,
    layout,
    tables,
    tables_and_headings,
    when,
)
from monitor.reading.source import source
from sources.vertex import DOCS

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
                stage="retired" if gone else stage_of(retires),
                retires=retires,
                replacements=replacements_of(row["replacement"]) if "replacement" in row else (),
                quote=row.quote,
            )
    if unreplaced and unreplaced - {"gemini models"} != _LATE:
        raise Unreadable(f"no column for the replacement under {', '.join(sorted(unreplaced))}")


def stage_of(retires: When | None) -> Stage:
    return "deprecated" if retires and retires.bound == "on" else "active"


def replacements_of(cell: Inline) -> tuple[str, ...]:
    """The ids of a cell, or the products it names in words ("Gemini 3.1 Flash-Lite or Gemma 4") as
    one item.
    """
    if cell.codes or not cell:
        return cell.codes
    parts = tuple(re.split(r",\s*|\s+or\s+", cell.line))
    return parts if all(re.fullmatch(r"[a-z][\w.@-]+", part) for part in parts) else (cell.line,)
