"""``lastcall prices``: what a model costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.options import (
    PLAIN,
    AsCsv,
    AsJson,
    AsJsonl,
    At,
    Db,
    ModelName,
    clock,
    moment,
    opened,
)
from monitor.core.interpret import subject
from monitor.core.wording import date_words, stamp

if TYPE_CHECKING:
    from monitor.answers.versions import Version
    from monitor.core.facts import Price

app = typer.Typer(**PLAIN)

FIELDS = (
    *("provider", "model", "version", "region", "surface", "meter", "amount", "currency", "per"),
    *("tier", "context", "window", "starts", "ends", "canonical", "source", "first_seen", "ended"),
    "document",
)


@app.command()
def prices(
    model: ModelName,
    at: At = None,
    history: Annotated[
        bool, typer.Option("--history", help="Show every price that ever stood, with its time.")
    ] = False,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Show what a model costs: now, on a day, or through time.

    Example: lastcall prices claude-sonnet-5 --history
    """
    from monitor.answers import json_forms
    from monitor.answers.prices import prices as prices_of

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    if at and history:
        raise typer.BadParameter("give one of --at and --history")
    then = moment(at, now, end=True) if at else None
    with opened(db) as store, store.read() as session:
        versions = prices_of(session, model, at=then, history=history)
    if not output.machine(how, [json_forms.version_json(version) for version in versions], FIELDS):
        print_prices(versions, history=history)
    if not versions:
        output.say(f"no price of {model} is known" + (f" at {at}" if at else ""))


def print_prices(versions: Sequence[Version[Price]], *, history: bool = False) -> None:
    """Print a table of prices with those columns that are not empty."""
    columns: list[tuple[str, Callable[[Version[Price]], str]]] = [
        ("MODEL", lambda version: subject(version.fact)),
        ("METER", lambda version: version.fact.meter),
        ("PRICE", lambda version: f"{version.fact.amount:f} {version.fact.currency}"),
        ("PER", lambda version: version.fact.per),
        ("TIER", lambda version: version.fact.tier if version.fact.tier != "standard" else ""),
        ("CONTEXT", lambda version: version.fact.context),
        ("WINDOW", lambda version: version.fact.window),
        ("FROM", lambda version: date_words(version.fact.starts)),
        ("UNTIL", lambda version: date_words(version.fact.ends)),
        ("SOURCE", lambda version: version.source),
    ]
    if history:
        columns += [
            ("FIRST SEEN", lambda version: (stamp(version.first_seen) or "")[:10]),
            ("GONE", lambda version: (stamp(version.ended) or "")[:10]),
        ]
    filled = [(title, cell) for title, cell in columns if any(map(cell, versions))]
    rows = [[cell(version) for _, cell in filled] for version in versions]
    output.table([title for title, _ in filled], rows)
