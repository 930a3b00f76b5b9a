"""OpenAI, deprecations: https://developers.openai.com/api/docs/deprecations.md

The announcement is the date in the nearest dated heading above a table, the replacement is the last
column, and past rows stay for years. Since November 2026 the page has columns for status and notice
date instead. `Date | Update` tables are milestones of a product. An unknown status and another
column are Unreadable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from monitor.core.facts import Retirement, Stage
from monitor.reading import page
from monitor.reading.source import source

DATED = page.layout(
    retires="shutdown date",
    model="model / system|model snapshot|model family / snapshot|deprecated model|legacy model|"
    "system",
    replacement="recommended replacement|substitute model|recommended replacement base model",
    spill="model",  # conversions lose the escape of the pipe between an id and its aliases
)
STATUS = page.layout(
    retires="shutdown date",
    model="affected *",
    term="status",
    replacement="recommended replacement",
    announced="notice date",
    spill="model",
)
MILESTONES = page.layout(date="date", update="update")

#: The three states the page of November 2026 defines.
STAGES: dict[str, Stage] = {"active": "active", "deprecated": "deprecated", "shutdown": "retired"}
NO_REPLACEMENT = {"view transition guide"}
FINE_TUNING = re.compile(r"(?:[\d-]+: )?fine-tuning ", re.IGNORECASE)


@source(
    "https://developers.openai.com/api/docs/deprecations.md",
    facts=(Retirement,),
    markers=(b"Shutdown date",),
    focus=page.tables_and_headings,
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterable[Retirement]:
    """Every model, endpoint and product with a shutdown date.

    Of two statements about one id the later announcement wins, of two on one day the upper one.
    That an announcement moves from "Upcoming" to "Past" says nothing: only the status word
    "Shutdown" makes retired."""
    return page.merged(_statements(body), page.latest_announcement)


def _statements(body: bytes) -> Iterator[Retirement]:
    for row in page.tables(body, DATED, STATUS, skip=[MILESTONES]):
        of_status = row.layout is STATUS
        for name in page.names(row["model"]):
            yield Retirement(
                model=name,
                surface=_surface(name, row),
                term=row["term"].line if of_status else "",
                stage=_stage(row),
                announced=page.when(row["announced"]) if of_status else page.heading_date(row),
                retires=page.when(row["retires"]),
                replacements=page.replacements(row["replacement"], nothing=NO_REPLACEMENT),
                quote=row.quote,
            )


def _stage(row: page.Row) -> Stage:
    if row.layout is STATUS:
        return page.word(row["term"], STAGES, "status")
    # The table of 2023-06-13 promises only a floor, under the header "Legacy model".
    return "legacy" if row.headers["model"].casefold() == "legacy model" else "deprecated"


def _surface(name: str, row: page.Row) -> str:
    """Return the kind of thing that is shut down: `/v1/edits`, `OpenAI-Beta: realtime=v1` and
    `Videos API` are no models.
    """
    if re.match(r"/?v\d+/", name):
        return "endpoint"
    if "=" in name:
        return "parameter"
    if " " in name:
        return "product"
    tuned = name.startswith("ft-") or "fine-tun" in row["model"].line
    return "fine-tuning" if tuned or any(map(FINE_TUNING.match, row.path)) else "api"
