"""``lastcall deliveries``: what was owed to whom, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, ListByDefault, clock, moment, opened
from monitor.errors import NotFound

if TYPE_CHECKING:
    from sqlmodel import Session

app = typer.Typer(cls=ListByDefault, help="Show what is owed to whom, send it again, or cancel it.", **PLAIN)

Ids = Annotated[list[int] | None, typer.Argument(metavar="ID", help="Numbers of deliveries.")]
Target = Annotated[str | None, typer.Option("--target", metavar="TARGET", help="Id or address of a target.")]

FIELDS = (
    "id", "state", "event", "kind", "summary", "target", "address", "attempts", "created_at", "next_at",
    "delivered_at", "error",
)  # fmt: skip


@app.command("list")
def list_deliveries(
    state: Annotated[str | None, typer.Option("--state", help="pending, held, delivered, dead or cancelled.")] = None,
    target: Target = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """List deliveries, newest first.

    Example: lastcall deliveries --state dead
    """
    from monitor.publish import outbox
    from monitor.store.tables import DeliveryState

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    if state and state not in get_args(DeliveryState):
        raise typer.BadParameter(f"{state!r} is no state; there are {', '.join(get_args(DeliveryState))}")
    with opened(db) as store, store.read() as session:
        found = outbox.listed(session, state, _target(session, target) if target else None, limit)
        told = [
            {
                "id": row.id, "state": row.state, "event": event.id, "kind": event.kind, "summary": event.summary,
                "target": to.id, "address": targets.told(to)["address"], "attempts": row.attempts,
                "created_at": output.stamp(row.created_at),
                "next_at": output.stamp(row.next_at) if row.state == "pending" else None,
                "delivered_at": output.stamp(row.delivered_at), "error": row.error,
            }
            for row, event, to in found
        ]  # fmt: skip
    if output.machine(how, told, FIELDS):
        return
    output.table(
        ("ID", "STATE", "TO", "TRIES", "NEXT", "WHAT", "ERROR"),
        [
            (
                str(row.id), row.state, str(one["address"]), str(row.attempts),
                output.ago(row.next_at, now) if row.state == "pending" else "", event.summary, row.error,
            )
            for (row, event, _), one in zip(found, told, strict=True)
        ],
    )  # fmt: skip
    if not found:
        output.say("no deliveries")


@app.command()
def replay(
    ids: Ids = None,
    target: Target = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Owed since 2026-11-01, 30d, 12h, yesterday.")
    ] = None,
    db: Db = None,
) -> None:
    """Send again, with the same webhook-id: by id, of a target, since a time, or what all of them name together.

    Example: lastcall deliveries replay --target sub_1f2e3d4c5b6a --since 2d
    """
    from monitor.publish import outbox

    now = clock()
    if not (ids or target or since):
        raise typer.BadParameter("name deliveries, a --target or --since")
    begin = moment(since, now) if since else None
    with opened(db) as store, store.write() as session:
        to = _target(session, target) if target else None
        count = outbox.replay(session, now, ids or None, to, begin)
        if ids and not count:
            raise NotFound(
                f"no delivery {', '.join(map(str, ids))} can be sent again; `lastcall deliveries` lists them"
            )
    print(f"{count} deliveries are due again")


@app.command()
def cancel(ids: Annotated[list[int], typer.Argument(metavar="ID")], db: Db = None) -> None:
    """Never send what is pending or held.

    Example: lastcall deliveries cancel 17 18
    """
    from monitor.publish import outbox

    with opened(db) as store, store.write() as session:
        count = outbox.cancel(session, ids)
        if not count:
            raise NotFound(f"no delivery {', '.join(map(str, ids))} is pending or held")
    print(f"{count} deliveries are cancelled")


def _target(session: Session, named: str) -> str:
    """The id of a target of any type."""
    return targets.any_of(session, named).id
