"""Acme: https://acme.example/docs/deprecations

The smallest real adapter, to be copied (CONTRIBUTING.md says how). Acme does not exist:
`sources.load` leaves this package out, and only the tests run it.

The .md twin is read, not the HTML. Dates on models that are still available are promises ("Not
sooner than")."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Retirement, Stage
from monitor.reading import page
from monitor.reading.source import source

MODELS = page.layout(
    model="model",
    state="state",
    announced="announced",
    retires="shutdown date",
    replacement="replacement",
)
#: Request parameters are retired in a table of their own; they are not models.
PARAMETERS = page.layout(parameter="parameter")

STAGES: dict[str, Stage] = {
    "available": "active",
    "deprecated": "deprecated",
    "shut down": "retired",
}


@source(
    "https://acme.example/docs/deprecations.md",
    facts=(Retirement,),
    markers=(b"# Deprecations",),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterator[Retirement]:
    """Every model. An id and its aliases share a row, and shut-down models stay on the page."""
    for row in page.tables(body, MODELS, skip=[PARAMETERS]):
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                term=row["state"].line,
                stage=page.word(row["state"], STAGES),
                announced=page.when(row["announced"]),
                retires=page.when(row["retires"]),
                replacements=page.replacements(row["replacement"]),
                quote=row.quote,
            )
