"""``lastcall upcoming``: retirements ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.options import (
    PLAIN,
    AsCsv,
    AsJson,
    AsJsonl,
    Db,
    ModelPattern,
    Provider,
    clock,
    horizon,
    opened,
    parsed,
)
from monitor.core.interpret import subject
from monitor.core.wording import date_words, with_age

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.answers.endings import Ending

app = typer.Typer(**PLAIN)

FIELDS = (
    *("provider", "model", "version", "region", "surface", "canonical", "stage", "retires"),
    *("days_left", "floor", "replacements", "source", "seen", "quote"),
)


@app.command()
def upcoming(
    within: Annotated[
        str | None,
        typer.Option("--within", metavar="TIME", help="No later than in 90d, 12h, or on a date."),
    ] = None,
    provider: Provider = None,
    model: ModelPattern = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Show retirements ahead, the soonest first. Dates that only promise "not before" stand apart.

    Example: lastcall upcoming --within 90d --provider openai
    """
    from monitor.answers import json_forms
    from monitor.answers.upcoming import upcoming as retirements_ahead

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    until = horizon(within, now) if within else None
    patterns = [parsed(model)] if model else []
    with opened(db) as store, store.read() as session:
        answer = retirements_ahead(
            session, now, until=until, provider=provider or "", patterns=patterns
        )
    endings = sorted(answer.endings, key=_order)
    if output.machine(how, [json_forms.ending_json(ending) for ending in endings], FIELDS):
        return
    _print(endings, now)
    if not endings:
        nothing_polled = "nothing was polled yet; `lastcall poll` does"
        output.say("no retirement is ahead" if answer.polled else nothing_polled)


def _order(ending: Ending) -> tuple[object, ...]:
    starts = ending.fact.retires and ending.fact.retires.starts
    return (ending.is_floor, starts, subject(ending.fact))


def _print(endings: list[Ending], now: datetime) -> None:
    dated = [ending for ending in endings if not ending.is_floor]
    floors = [ending for ending in endings if ending.is_floor]
    output.table(
        ("RETIRES", "DAYS", "MODEL", "STAGE", "REPLACEMENT", "SOURCE"),
        [
            (
                date_words(ending.fact.retires),
                "" if ending.days_ahead is None else str(ending.days_ahead),
                *_cells(ending, now),
            )
            for ending in dated
        ],
    )
    if floors:
        print(("\n" if dated else "") + "No date, only a promise of not before:")
        output.table(
            ("NOT BEFORE", "MODEL", "STAGE", "REPLACEMENT", "SOURCE"),
            [
                (
                    date_words(ending.fact.retires).removeprefix("not before "),
                    *_cells(ending, now),
                )
                for ending in floors
            ],
        )


def _cells(ending: Ending, now: datetime) -> tuple[str, str, str, str]:
    fact, version = ending.fact, ending.version
    source = with_age(version.source, version.seen, now)
    return (subject(fact), fact.stage, " or ".join(fact.replacements), source)
