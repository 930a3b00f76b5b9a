"""``lastcall deliveries``: what was owed to whom, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from monitor.cli import output, targets
from monitor.cli.options import (
    MOST,
    PLAIN,
    AsCsv,
    AsJson,
    AsJsonl,
    Db,
    ListByDefault,
    clock,
    moment,
    opened,
)
from monitor.errors import NotFound

if TYPE_CHECKING:
    from sqlmodel import Session

    from monitor.core.facts import Json
    from monitor.store.tables import DeliveryRow, EventRow, SubscriptionRow

app = typer.Typer(
    cls=ListByDefault, help="Show what is owed to whom, send it again, or cancel it.", **PLAIN
)

Ids = Annotated[list[int] | None, typer.Argument(metavar="ID", help="Numbers of deliveries.")]
Target = Annotated[
    str | None, typer.Option("--target", metavar="TARGET", help="Id or address of a target.")
]

FIELDS = (
    "id",
    "state",
    "event",
    "kind",
    "summary",
    "target",
    "address",
    "attempts",
    "created_at",
    "next_at",
    "delivered_at",
    "error",
)


@app.command("list")
def list_deliveries(
    state: Annotated[
        str | None, typer.Option("--state", help="pending, held, delivered, dead or cancelled.")
    ] = None,
    target: Target = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="At most so many.")] = 50,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """List deliveries, newest first.

    Example: lastcall deliveries --state dead
    """
    from monitor.delivery import admin
    from monitor.store.tables import DeliveryState

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    if state and state not in get_args(DeliveryState):
        raise typer.BadParameter(
            f"{state!r} is no state; there are {', '.join(get_args(DeliveryState))}"
        )
    with opened(db) as store, store.read() as session:
        found = admin.list_deliveries(
            session, state, _target(session, target) if target else None, limit
        )
        told = [_told(row, event, to) for row, event, to in found]
    if output.machine(how, told, FIELDS):
        return
    output.table(
        ("ID", "STATE", "TO", "TRIES", "NEXT", "WHAT", "ERROR"),
        [
            (
                str(row.id),
                row.state,
                str(one["address"]),
                str(row.attempts),
                output.ago(row.next_at, now) if row.state == "pending" else "",
                event.summary,
                row.error,
            )
            for (row, event, _), one in zip(found, told, strict=True)
        ],
    )
    if not found:
        output.say("no deliveries")


def _told(row: DeliveryRow, event: EventRow, to: SubscriptionRow) -> Json:
    return {
        "id": row.id,
        "state": row.state,
        "event": event.id,
        "kind": event.kind,
        "summary": event.summary,
        "target": to.id,
        "address": targets.told(to)["address"],
        "attempts": row.attempts,
        "created_at": output.stamp(row.created_at),
        "next_at": output.stamp(row.next_at) if row.state == "pending" else None,
        "delivered_at": output.stamp(row.delivered_at),
        "error": row.error,
    }


@app.command("show")
def show_delivery(
    number: Annotated[int, typer.Argument(metavar="ID", help="The number of a delivery.")],
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Show one delivery with every try at it: when, how long, and what came back.

    Example: lastcall deliveries show 17
    """
    from monitor.delivery import admin

    how, now = output.form(as_json), clock()
    with opened(db) as store, store.read() as session:
        if not (found := admin.find_delivery(session, _row(number))):
            raise NotFound(f"no delivery {number}; `lastcall deliveries` lists them")
        one = _told(*found)
        tries = [
            {
                "number": row.number,
                "at": output.stamp(row.at),
                "ms": row.ms,
                "status": row.status,
                "error": row.error,
                "answer": row.answer,
            }
            for row in admin.attempts(session, number)
        ]
    if how == "json":
        output.document(one | {"tries": tries})
        return
    next_at = output.ago(found[0].next_at, now) if one["next_at"] else ""
    output.details(
        [
            ("id", str(number)),
            ("state", str(one["state"])),
            ("event", f"{one['event']} ({one['kind']})"),
            ("what", str(one["summary"])),
            ("to", f"{one['target']} {one['address']}"),
            ("next try", next_at),
        ]
    )
    output.table(
        ("TRY", "AT", "MS", "STATUS", "ERROR", "ANSWER"),
        [[str(value) for value in each.values()] for each in tries],
    )


@app.command()
def replay(
    ids: Ids = None,
    target: Target = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Owed since 2026-11-01, 30d, 12h, yesterday."),
    ] = None,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing", help="What a --target wants of the log --since then and never got."
        ),
    ] = False,
    provider: Annotated[str, typer.Option("--provider", help="Events of this provider.")] = "",
    model: Annotated[
        str, typer.Option("--model", metavar="GLOB", help="Events of these models.")
    ] = "",
    kind: Annotated[
        str, typer.Option("--kind", metavar="GLOB", help="Events of this kind: price.*")
    ] = "",
    db: Db = None,
) -> None:
    """Send again, with the same webhook-id: by id, of a target, since a time, by what the events
    are about, or what all of them name together.

    Example: lastcall deliveries replay --target sub_1f2e3d4c5b6a --since 2d --missing
    """
    from monitor.delivery import admin
    from monitor.store.event_log import EventQuery, ids_of

    now = clock()
    about = (
        EventQuery(provider=provider, model=model, kind=kind, baseline=None)
        if provider or model or kind
        else None
    )
    if missing and (ids or not (target and since)):
        raise typer.BadParameter("--missing needs a --target and --since, and takes no ids")
    if not (ids or target or since or about):
        raise typer.BadParameter(
            "name deliveries, a --target, --since, or events by --provider, --model or --kind"
        )
    begin, events = moment(since, now) if since else None, ids_of(about) if about else None
    with opened(db) as store, store.write() as session:
        to = _target(session, target) if target else None
        if missing and to and begin:
            count = admin.replay_missing(session, now, to, begin, events)
        else:
            count = admin.replay(
                session, now, [_row(one) for one in ids] if ids else None, to, begin, events
            )
        if ids and not count:
            raise NotFound(
                f"no delivery {', '.join(map(str, ids))} can be sent again; `lastcall deliveries` "
                "lists them"
            )
    print(f"{count} deliveries are due again")


@app.command()
def cancel(ids: Annotated[list[int], typer.Argument(metavar="ID")], db: Db = None) -> None:
    """Never send what is pending or held.

    Example: lastcall deliveries cancel 17 18
    """
    from monitor.delivery import admin

    with opened(db) as store, store.write() as session:
        count = admin.cancel(session, [_row(one) for one in ids])
        if not count:
            raise NotFound(f"no delivery {', '.join(map(str, ids))} is pending or held")
    print(f"{count} deliveries are cancelled")


def _target(session: Session, named: str) -> str:
    """The id of a target of any type."""
    return targets.any_of(session, named).id


def _row(number: int) -> int:
    """The number of a row; 0, which none has, for what is too large to be one: a database refuses
    to look for it.
    """
    return number if 0 < number < 2**63 else 0
