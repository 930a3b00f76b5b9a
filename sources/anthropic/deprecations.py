"""Anthropic, deprecations: https://platform.claude.com/docs/en/about-claude/model-deprecations.md

The page says everything twice: in a status table (with floors, "Not sooner than", for active
models) and in dated history tables, which keep models long after the status table dropped them.
Both are one fact for each id; where both give a date of retirement, the status table wins. The HTML
of 2025 (Mintlify) has the same tables. A new table and a new state are Unreadable."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

from monitor.core.facts import Retirement, Stage, When
from monitor.reading import page
from monitor.reading.source import source

STATUS = page.layout(
    model="api model name",
    state="current state",
    deprecated="deprecated",
    retires="tentative retirement date|retirement date|retired",
)
HISTORY = page.layout(
    model="deprecated model", retires="retirement date", replacement="recommended replacement"
)
PARAMETERS = page.layout(
    parameter="parameter",
    state="status",
    replacement="recommended replacement",
    ignore=("behavior",),
)

#: The four states that the page defines under "Overview".
STAGES: dict[str, Stage] = {
    "active": "active",
    "legacy": "legacy",
    "deprecated": "deprecated",
    "retired": "retired",
}
#: A state and the remark in brackets that may follow: "Deprecated (Claude Opus 4.7 and later)".
STATE = re.compile(r"(\w+)(?: \((.+)\))?")
#: The note under a heading of the history: "This model was retired August 5, 2026."
RETIRED = re.compile(r"(?:This model was|These models were) retired\b")


@source(
    "https://platform.claude.com/docs/en/about-claude/model-deprecations.md",
    every=timedelta(hours=3),
    facts=(Retirement,),
    markers=(b"Model status", b"claude-"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterator[Retirement]:
    """Model deprecations, and then the deprecated request parameters."""
    document = page.blocks(body)
    status: dict[str, page.Row] = {}
    history: dict[str, list[page.Row]] = defaultdict(list)
    parameters: list[page.Row] = []
    for row in page.tables(document, STATUS, HISTORY, PARAMETERS):
        if row.layout is PARAMETERS:
            parameters.append(row)
            continue
        for model in page.codes(row["model"]):
            if row.layout is HISTORY:
                history[model].append(row)
            elif model in status:
                raise row["model"].error("a second row of the status table for one id")
            else:
                status[model] = row
    gone = {
        section.heading.line
        for section in page.sections(document)
        if any(RETIRED.match(text.inline.line) for text in section.texts)
    }
    for model in {**status, **history}:
        yield _retirement(model, status.get(model), history.get(model, []), gone)
    for row in parameters:
        yield from _parameters(row)


def _retirement(
    model: str, state: page.Row | None, past: Sequence[page.Row], gone: set[str]
) -> Retirement:
    """Return one id's retirement, from its status row and its rows of the history."""
    past = sorted(past, key=lambda row: _announced(row).text)
    last = past[-1] if past else None
    announced = _announced(last) if last else None
    retires = page.when(last["retires"]) if last else None
    deprecated = announced  # the status table has the same day, for as long as it keeps the row
    stage: Stage = "retired" if last and last.heading in gone else "deprecated"
    term = remark = ""
    if state:
        stage, term, remark = _state(state["state"])
        deprecated = page.when(state["deprecated"])
        retires = page.when(state["retires"]) or retires
    fact = Retirement(
        model=model,
        stage=stage,
        term=term,
        deprecated=deprecated,
        retires=retires,
        announced=announced or deprecated,
        replacements=page.replacements(last["replacement"]) if last else (),
        note=remark,
        quote=" / ".join(row.quote for row in (state, last) if row),
    )
    earlier = (
        f"announced before on {_announced(row)} for {row['retires'].line}" for row in past[:-1]
    )
    return page.noted(fact, *earlier)


def _announced(row: page.Row) -> When:
    """Return the date in the heading of a history table: "2026-06-05: Claude Opus 4.1 model"."""
    announced = page.heading_date(row)
    if not announced:
        raise row["model"].error(f"no date in the heading {row.heading!r}")
    return announced


def _state(cell: page.Inline) -> tuple[Stage, str, str]:
    """Return stage, printed word and remark of a state."""
    match = STATE.fullmatch(cell.line)
    if not match or match[1].casefold() not in STAGES:
        raise cell.error("unknown state")
    return STAGES[match[1].casefold()], match[1], match[2] or ""


def _parameters(row: page.Row) -> Iterator[Retirement]:
    stage, term, note = _state(row["state"])
    for parameter in page.codes(row["parameter"]):
        yield Retirement(
            model=parameter,
            surface="parameter",
            stage=stage,
            term=term,
            note=note,
            quote=row.quote,
            replacements=row["replacement"].codes,
        )
