"""Azure, retirements:
https://learn.microsoft.com/azure/foundry/openai/concepts/model-retirement-schedule

Since 2026 each maker has a table, with a lifecycle word. Before, there were tables of Azure OpenAI
alone (by kind of model since June 2025), with prose in the date cells. The Markdown rendition is
asked for; the page's sources on GitHub and its HTML read alike.

"Deprecated" is closed to new customers and still answers, "Retired" fails. (The management API of
Azure calls the same two "Deprecating" and "Deprecated"; neither belongs on this page as the other.)
A model can go back from Deprecated to Legacy. A printed date may lie behind the day of the page: it
is kept, and proves nothing. Retired rows move to another page after some weeks.

- A cell with one date for Standard deployments and a later one for all other types gives two facts:
  surface ``standard`` beside ``api``, the surface of every plain row, so that ``api`` goes on when
  the exception is over.
- Fine-tuned models retire twice: surface ``fine-tuning-training``, then ``fine-tuning``
  (deployments of them). "At base model retirement" is no date, and stays in ``note``.
- Rows contradict each other (gpt-realtime-mini 2025-10-06 in 2026): the earlier date is the fact,
  whatever the order, and the other row stays in ``note``.

A lifecycle word, a column or a sentence in a date cell that is not known is Unreadable, and so are
tables of models with different columns on one page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Retirement, Stage, When
from monitor.reading import page
from monitor.reading.source import source
from sources.azure.cells import document, names, replacements, version
from sources.azure.dates import dates

COLUMNS = {
    "model": "model",
    "version": "version",
    "retires": "retirement date",
    "replacement": "replacement*|suggested*",
}
PLAIN = page.layout(**COLUMNS, short="replacement")  # until August 2025
STAGED = page.layout(term="lifecycle*", **COLUMNS)  # since
DATED = page.layout(term="lifecycle*", deprecated="deprecation date*", **COLUMNS)  # December 2025
SCHEDULES = (PLAIN, STAGED, DATED)
#: The headings above the tables without a lifecycle: one for all, then one for each kind of model,
#: never a maker's name.
BEFORE_STAGES = re.compile(r"current models|text|audio|image|video|embedding", re.IGNORECASE)
#: The models that take no new deployments, in 2025: version and name in one cell.
CLOSED = page.layout(
    model="model",
    deprecated="deprecation date*",
    retires="retirement date",
    replacement="replacement*|suggested*",
)
FINE_TUNED = page.layout(
    model="model",
    version="version",
    training="training retirement date",
    deployment="deployment retirement date",
)
SURFACES = {"training": "fine-tuning-training", "deployment": "fine-tuning"}
#: Which version a deployment without a pinned one gets: no retirement.
UPGRADES = page.layout(
    model="model",
    old="current default version",
    new="new default version",
    date="default upgrade date",
)

STAGES: dict[str, Stage] = {
    "preview": "active",
    "ga": "active",
    "generally available": "active",
    "legacy": "legacy",
    "deprecated": "deprecated",
    "retired": "retired",
}
#: Dates that depend on others.
RELATIVE = re.compile(
    r"at (?:base model|training) retirement|one year after training retirement", re.IGNORECASE
)


@source(
    "https://learn.microsoft.com/azure/foundry/openai/concepts/model-retirement-schedule?accept=text/markdown",
    facts=(Retirement,),
    markers=(b"text-embedding-",),
    focus=page.tables_and_headings,
)
def retirements(body: bytes) -> Iterable[Retirement]:
    """Return every model by version, of rows about one offering the earliest date."""
    rows = page.tables(document(body), *SCHEDULES, CLOSED, FINE_TUNED, skip=[UPGRADES])
    return page.merged(_retirements(_of_one_layout(rows)), page.earliest_end)


def _of_one_layout(rows: Iterable[page.Row]) -> Iterator[page.Row]:
    """Yield the rows. Raises Unreadable if two tables of models differ in their columns: a table
    that lacks a column fits another known layout.
    """
    above: page.Layout | None = None
    for row in rows:
        if row.layout in SCHEDULES:
            place = f"table {row.table} under {row.heading!r}"
            columns = list(row.headers.values())
            if above not in (None, row.layout):
                raise page.Unreadable(f"{place}: other columns than in the tables above: {columns}")
            headed = any(BEFORE_STAGES.match(heading) for heading in row.path)
            if row.layout is PLAIN and not headed:
                raise page.Unreadable(f"{place}: no column for the lifecycle: {columns}")
            above = row.layout
        yield row


def _retirements(rows: Iterable[page.Row]) -> Iterator[Retirement]:
    for row in rows:
        for name in names(row["model"]):
            fact = Retirement(
                model=name.model,
                version=name.version or version(row),
                stage="active",
                note=name.label,
                quote=row.quote,
            )
            if row.layout is FINE_TUNED:
                yield from _fine_tuned(row, fact)
            else:
                yield from _served(row, fact)


def _served(row: page.Row, fact: Retirement) -> Iterator[Retirement]:
    printed = dates(row["retires"])
    deprecated = page.when(row["deprecated"]) if "deprecated" in row else printed.deprecated
    term, stage = _stage(row, printed.retires, deprecated)
    fact = replace(
        page.noted(fact, printed.note),
        term=term,
        stage=stage,
        deprecated=deprecated,
        retires=printed.retires,
        replacements=replacements(row["replacement"], fact.model),
    )
    yield fact
    if printed.standard:
        yield replace(fact, surface="standard", retires=printed.standard)


def _fine_tuned(row: page.Row, fact: Retirement) -> Iterator[Retirement]:
    for role, surface in SURFACES.items():
        relative = RELATIVE.fullmatch(row[role].line)
        retires = None if relative else page.when(row[role])
        yield replace(
            fact,
            surface=surface,
            stage=_stage(row, retires, None)[1],
            retires=retires,
            note=row[role].line if relative else "",
        )


def _stage(row: page.Row, retires: When | None, deprecated: When | None) -> tuple[str, Stage]:
    """Return the lifecycle word of a row and its stage.

    Closed models have their word in the heading above. Without a word, the dates tell the stage."""
    if row.layout in (PLAIN, FINE_TUNED):
        firm = retires is not None and retires.bound != "not_before"
        return "", "deprecated" if firm or deprecated else "active"
    heading = page.Inline(row.heading.removesuffix(" models"), where=f"table {row.table}")
    word = heading if row.layout is CLOSED else row["term"]
    return word.line, page.word(word, STAGES, "lifecycle word")
