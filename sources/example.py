"""Acme: https://acme.example/docs/deprecations

The smallest real adapter, to be copied (CONTRIBUTING.md says how). Acme does not exist:
`sources.load` leaves this module out, and only the tests run it.

The .md twin is read, not the HTML. Dates on models that are still available are promises ("Not
sooner than")."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Fact, Retirement, Stage
from monitor.reading.page import codes, layout, tables, when
from monitor.reading.source import source

MODELS = layout(
    model="model",
    state="state",
    announced="announced",
    retires="shutdown date",
    replacement="replacement",
)
#: Request parameters are retired in a table of their own; they are not models.
PARAMETERS = layout(parameter="parameter")

STAGES: dict[str, Stage] = {
    "available": "active",
    "deprecated": "deprecated",
    "shut down": "retired",
}


@source(
    "https://acme.example/docs/deprecations.md",
    every=timedelta(hours=6),
    facts=(Retirement,),
    markers=(b"# Deprecations",),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterator[Fact]:
    """One row a model; an id and its aliases share a cell. Models that were shut down stay on the
    page.
    """
    for row in tables(body, MODELS, skip=[PARAMETERS]):
        state, replacement = row["state"], row["replacement"]
        if state.line.casefold() not in STAGES:
            raise state.error("unknown state")
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                term=state.line,
                stage=STAGES[state.line.casefold()],
                announced=when(row["announced"]),
                retires=when(row["retires"]),
                replacements=() if replacement.line == "-" else tuple(codes(replacement)),
                quote=row.quote,
            )
