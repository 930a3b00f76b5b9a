"""Vertex AI, Google's own models:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions

Each family has a table, and the retired models have one. Until May 2026 there was also a table of
aliases, which is not read, because an id stood in both. A date is firm (``October 20, 2026``) or a
floor (``Not before X``, ``X or later``, ``No sooner than X``). These are not the dates of the
Gemini API. A row can leave on its day: ``gemini-2.0-flash-001`` became ``gemini-2.0-flash`` among
the retired.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.vertex.words import DOCS, stage_by_date

VERSIONS = page.layout(model="model id", released="release date", retires="retirement date")
REPLACED = page.layout(**VERSIONS.columns, replacement="replacement model")
RETIRED = page.layout(
    **VERSIONS.columns,
    replacement="recommended upgrade|replacement model",
    under="^retired models",
)
ALIASES = page.layout(alias="auto-updated alias", model="stable version reference")
NO_DATE = ("no retirement date announced",)

#: The column for the replacement came in July 2026, under a new H2. On the 9th these tables had
#: none yet (on the 1st the Gemini models neither), on the 17th all had one.
OLD_H2 = "Latest stable models"
LATE = {"gemini image models", "veo models", "embeddings models"}


@source(
    f"{DOCS}/models/model-versions?hl=en",
    facts=(Retirement,),
    markers=(b"Retirement date", b"gemini-"),
    focus=page.tables_and_headings,
)
def versions(body: bytes) -> Iterator[Retirement]:
    """Yield every model. Those in the table of the retired are retired.

    Another with a firm date is deprecated, and one with a floor or without a date is active."""
    without_replacement: set[str] = set()
    for row in page.tables(body, VERSIONS, REPLACED, RETIRED, skip=[ALIASES]):
        if row.layout is VERSIONS and OLD_H2 not in row.path:
            without_replacement.add(row.heading.casefold())
        gone = any(heading.casefold().startswith("retired models") for heading in row.path)
        if gone and row.layout is not RETIRED:
            raise row["model"].error("a retired model without the column of its upgrade")
        retires = page.when(row["retires"], no_date=NO_DATE)
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                term="Retired" if gone else "",
                stage="retired" if gone else stage_by_date(retires),
                retires=retires,
                replacements=page.replacements(row["replacement"]) if "replacement" in row else (),
                quote=row.quote,
            )
    if without_replacement and without_replacement - {"gemini models"} != LATE:
        tables = ", ".join(sorted(without_replacement))
        raise page.Unreadable(f"no column for the replacement under {tables}")
