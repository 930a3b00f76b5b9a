"""Azure, models of partners:
https://learn.microsoft.com/azure/ai-foundry/concepts/model-lifecycle-retirement

An older page. Models have the names that it prints. All rows have a retirement date, and a row
stays for months after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitor.core.facts import Retirement
from monitor.reading.page import (
    layout,
    tables,
    tables_and_headings,
    when,
)
from monitor.reading.source import source
from sources.azure import DOCS
from sources.azure.rows import names, page_text, replacements_of, settled

_PARTNERS = layout(
    model="model",
    legacy="legacy date*",
    deprecated="deprecation date*",
    retires="retirement date*",
    replacement="suggested replacement*",
)


@source(
    f"{DOCS}/ai-foundry/concepts/model-lifecycle-retirement",
    facts=(Retirement,),
    markers=(b"Legacy date", b"Retirement date", b"Mistral"),
    focus=tables_and_headings,
)
def partners(body: bytes) -> Iterable[Retirement]:
    """Models of partners, by the name the page prints; all rows have an end, a row stays for months
    after it.
    """
    return settled(_partners(page_text(body)))


def _partners(page: str) -> Iterator[Retirement]:
    for row in tables(page, _PARTNERS):
        retires, deprecated, legacy = (
            when(row[role]) for role in ("retires", "deprecated", "legacy")
        )
        for name in names(row["model"]):
            yield Retirement(
                model=name.model,
                version=name.version,
                stage="deprecated" if retires or deprecated else "legacy" if legacy else "active",
                deprecated=deprecated,
                retires=retires,
                replacements=replacements_of(row["replacement"], name.model),
                note="; ".join(
                    filter(None, (name.label, f"legacy from {legacy}" if legacy else ""))
                ),
                quote=row.quote,
            )
