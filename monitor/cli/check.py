"""``lastcall check``: for CI. Whether any of these models is gone or going."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import lookup, output
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, Within, clock, horizon, opened
from monitor.core.ends import firm, over, passed
from monitor.core.facts import Json, Listing, Price, Retirement, When
from monitor.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

#: Surfaces whose end breaks no call of a model: the app of the same name, a product around it, a
#: parameter.
ELSEWHERE = frozenset({"chatgpt", "product", "parameter"})

app = typer.Typer(**PLAIN)

#: From the worst: a model is the first of these that any of its offerings is.
STATUSES = ("retired", "retiring", "floor", "ok", "unknown")


@app.command()
def check(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Ids or provider/model.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="A model a line, or a LiteLLM config; - is stdin."
        ),
    ] = None,
    within: Within = "60d",
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Fail if any of these models is retired or retires soon. Unknown models are told, never taken
    for safe.

    \b
    Exit code: 1 if any is retired or retires within the time, else 5 if any is unknown, else 0.
    Example: lastcall check gpt-4o claude-3-haiku-20240307 --within 90d
    """
    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    asked = list(models or [])
    if file:
        from monitor.answers import model_lists

        asked += [one.name for one in model_lists.read(file)]
    if not asked:
        raise typer.BadParameter("name a model, or a file of them with -f")
    limit = horizon(within, now)
    with opened(db) as store, store.read() as session:
        told = [_status(session, model, limit, now) for model in dict.fromkeys(asked)]
    if not output.machine(how, told, ("model", "status", "summary")):
        output.table(
            ("MODEL", "STATUS", "WHY"),
            [(row["model"], row["status"], row["summary"]) for row in told],
        )
    statuses = {row["status"] for row in told}
    if statuses & {"retired", "retiring"}:
        raise typer.Exit(1)
    if "unknown" in statuses:
        raise typer.Exit(NotFound.exit_code)


def _status(session: Session, model: str, limit: datetime, now: datetime) -> Json:
    """What is to be said of one model: its status, the offerings that make it so, and the words."""
    from monitor.store import fact_versions
    from monitor.store import model_lookup as stored

    fresh = fact_versions.freshness(session)
    found = stored.named(session, (Retirement, Listing, Price), model, official=True)
    if not found:
        return {
            "model": model,
            "status": "unknown",
            "summary": _unknown(session, model),
            "findings": [],
        }
    sorted_by: dict[str, list[Json]] = {status: [] for status in STATUSES}
    for one in found:
        if isinstance(one.fact, Retirement) and one.fact.surface not in ELSEWHERE:
            status = _of(one.fact, limit, now)
            sorted_by[status].append(
                lookup.ending_json(one, one.fact, now, fresh.get(one.source_id))
            )
    status = next((status for status in STATUSES if sorted_by[status]), "ok")
    findings = (
        [] if status == "ok" else sorted_by["retired"] + sorted_by["retiring"] + sorted_by["floor"]
    )
    words = "; ".join(_words(row, now) for row in findings) or "no end within the time is known"
    return {"model": model, "status": status, "summary": words, "findings": findings}


def _of(fact: Retirement, limit: datetime, now: datetime) -> str:
    if over(fact, now):
        return "retired"
    if fact.retires is None or fact.retires.starts > limit:
        return "ok"
    return "retiring" if firm(fact.retires) else "floor"


def _words(row: Json, now: datetime) -> str:
    end, left = lookup.date_words(row["retires"]), row["days_left"]
    gone = row["stage"] == "retired" or passed(When.from_json(row["retires"]), now)
    verb = "retired" if gone else "may retire" if row["floor"] else "retires"
    count = f" (in {output.counted(left, 'day')})" if left else ""
    instead = f", use {' or '.join(row['replacements'])}" if row["replacements"] else ""
    return f"{lookup.offering(row)} {verb} {end}{count}{instead}".replace("  ", " ").strip()


def _unknown(session: Session, model: str) -> str:
    return str(lookup.missing(session, model))
