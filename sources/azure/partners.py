"""Azure, models of partners:
https://learn.microsoft.com/azure/ai-foundry/concepts/model-lifecycle-retirement

An older page. Models have the names that it prints. All rows have a retirement date, and a row
stays for months after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitor.core.facts import Retirement, Stage
from monitor.reading import page
from monitor.reading.source import source
from sources.azure.cells import document, names, replacements

PARTNERS = page.layout(
    model="model",
    legacy="legacy date*",
    deprecated="deprecation date*",
    retires="retirement date*",
    replacement="suggested replacement*",
)


@source(
    "https://learn.microsoft.com/azure/ai-foundry/concepts/model-lifecycle-retirement",
    facts=(Retirement,),
    markers=(b"Legacy date", b"Retirement date", b"Mistral"),
    focus=page.tables_and_headings,
)
def partners(body: bytes) -> Iterable[Retirement]:
    """Return every model, of rows about one offering the earliest date."""
    return page.merged(_partners(body), page.earliest_end)


def _partners(body: bytes) -> Iterator[Retirement]:
    for row in page.tables(document(body), PARTNERS):
        legacy, deprecated, retires = (
            page.when(row[role]) for role in ("legacy", "deprecated", "retires")
        )
        stage: Stage = "deprecated" if retires or deprecated else "legacy" if legacy else "active"
        for name in names(row["model"]):
            notes = (name.label, f"legacy from {legacy}" if legacy else "")
            yield Retirement(
                model=name.model,
                version=name.version,
                stage=stage,
                deprecated=deprecated,
                retires=retires,
                replacements=replacements(row["replacement"], name.model),
                note="; ".join(filter(None, notes)),
                quote=row.quote,
            )
