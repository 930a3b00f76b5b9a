"""``lastcall deliveries``: list deliveries and their attempts, send again, and cancel."""

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
    parsed,
)
from monitor.errors import NotFound
from monitor.subscriptions.targets import target_json

if TYPE_CHECKING:
    from monitor.core.facts import Json
    from monitor.store.event_log import EventQuery
    from monitor.store.tables import AttemptRow, DeliveryRow, EventRow, SubscriptionRow

app = typer.Typer(cls=ListByDefault, help="Manage deliveries: show, send again, cancel.", **PLAIN)

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
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST, help="Maximum number of rows.")
    ] = 50,
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
        target_id = targets.find_any(session, target).id if target else None
        deliveries = admin.list_deliveries(session, state, target_id, limit)
        forms = [_delivery_json(*delivery) for delivery in deliveries]
    if output.machine(how, forms, FIELDS):
        return
    output.table(
        ("ID", "STATE", "TO", "TRIES", "NEXT", "WHAT", "ERROR"),
        [
            (
                str(row.id),
                row.state,
                str(form["address"]),
                str(row.attempts),
                output.ago(row.next_at, now) if row.state == "pending" else "",
                event.summary,
                row.error,
            )
            for (row, event, _), form in zip(deliveries, forms, strict=True)
        ],
    )
    if not deliveries:
        output.say("no deliveries")


def _delivery_json(row: DeliveryRow, event: EventRow, target: SubscriptionRow) -> Json:
    return {
        "id": row.id,
        "state": row.state,
        "event": event.id,
        "kind": event.kind,
        "summary": event.summary,
        "target": target.id,
        "address": target_json(target)["address"],
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
    """Show one delivery and every attempt: when, how long, and what came back.

    Example: lastcall deliveries show 17
    """
    from monitor.delivery import admin

    how, now = output.form(as_json), clock()
    with opened(db) as store, store.read() as session:
        delivery = admin.find_delivery(session, _row_id(number))
        if delivery is None:
            raise NotFound(f"no delivery {number}; `lastcall deliveries` lists them")
        form = _delivery_json(*delivery)
        attempts = [_attempt_json(row) for row in admin.attempts(session, number)]
    if how == "json":
        output.document(form | {"tries": attempts})
        return
    output.details(
        [
            ("id", str(number)),
            ("state", str(form["state"])),
            ("event", f"{form['event']} ({form['kind']})"),
            ("what", str(form["summary"])),
            ("to", f"{form['target']} {form['address']}"),
            ("next try", output.ago(delivery[0].next_at, now) if form["next_at"] else ""),
        ]
    )
    output.table(
        ("TRY", "AT", "MS", "STATUS", "ERROR", "ANSWER"),
        [[str(value) for value in attempt.values()] for attempt in attempts],
    )


def _attempt_json(row: AttemptRow) -> Json:
    return {
        "number": row.number,
        "at": output.stamp(row.at),
        "ms": row.ms,
        "status": row.status,
        "error": row.error,
        "answer": row.answer,
    }


@app.command()
def replay(
    ids: Ids = None,
    target: Target = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Made since 2026-11-01, 30d, 12h, yesterday."),
    ] = None,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing", help="Events that a --target wants --since a time, and never got."
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
    """Send deliveries again, with the same webhook-id.

    Name them by id, target, time or events. Several options narrow the choice.

    Example: lastcall deliveries replay --target sub_1f2e3d4c5b6a --since 2d --missing
    """
    from monitor.delivery import admin
    from monitor.store.event_log import ids_of

    now, query = clock(), _event_query(provider, model, kind)
    if missing and (ids or not (target and since)):
        raise typer.BadParameter("--missing needs a --target and --since, and takes no ids")
    if not (ids or target or since or query):
        raise typer.BadParameter(
            "name deliveries, a --target, --since, or events by --provider, --model or --kind"
        )
    start = moment(since, now) if since else None
    with opened(db) as store, store.write() as session:
        events = ids_of(session, query) if query else None
        target_id = targets.find_any(session, target).id if target else None
        if missing and target_id and start:
            count = admin.replay_missing(session, now, target_id, start, events)
        else:
            row_ids = [_row_id(number) for number in ids] if ids else None
            count = admin.replay(session, now, row_ids, target_id, start, events)
        if ids and not count:
            raise NotFound(
                f"no delivery {', '.join(map(str, ids))} can be sent again; `lastcall deliveries` "
                "lists them"
            )
    print(f"{output.are(count, 'delivery')} due again")


def _event_query(provider: str, model: str, kind: str) -> EventQuery | None:
    """Return the question for the events of these options; None without any."""
    from monitor.store.event_log import EventQuery

    if not (provider or model or kind):
        return None
    pattern = parsed(model).text if model else ""
    return EventQuery(provider=provider, model=pattern, kind=kind, baseline=None)


@app.command()
def cancel(ids: Annotated[list[int], typer.Argument(metavar="ID")], db: Db = None) -> None:
    """Cancel deliveries that are pending or held.

    Example: lastcall deliveries cancel 17 18
    """
    from monitor.delivery import admin

    with opened(db) as store, store.write() as session:
        count = admin.cancel(session, [_row_id(number) for number in ids])
        if not count:
            raise NotFound(f"no delivery {', '.join(map(str, ids))} is pending or held")
    print(f"{output.are(count, 'delivery')} cancelled")


def _row_id(number: int) -> int:
    """Return the number of a row, or 0 for a number that a database refuses. No row has 0."""
    return number if 0 < number < 2**63 else 0
