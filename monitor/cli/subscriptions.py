"""``lastcall subscriptions``: every target, what it asked for, and how to change that."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output, targets
from monitor.cli.events import show as show_events
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
from monitor.core.facts import Json
from monitor.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from monitor.store.tables import SubscriptionRow

app = typer.Typer(
    cls=ListByDefault,
    help="Show what every target asked for, try a filter, change, mute.",
    no_args_is_help=True,
    **PLAIN,
)

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", help="Its id (sub_...) or address.", autocompletion=targets.complete
    ),
]


@app.command("list")
def list_subscriptions(
    as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
) -> None:
    """List all targets: channels, endpoints, mail and the rest.

    Example: lastcall subscriptions --json
    """
    from monitor.delivery import admin

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    with opened(db) as store, store.read() as session:
        rows = targets.rows(session)
        owed = admin.count_by_target(session)
    told = [targets.told(row) | {"owed": owed.get(row.id, 0)} for row in rows]
    if output.machine(how, told, (*targets.FIELDS, "owed")):
        return
    output.table(
        ("ID", "TYPE", "TO", "HEALTH", "WANTS", "LAST DELIVERED", "OWED"),
        [
            (
                row.id,
                row.type,
                one["address"],
                targets.health(row, now),
                targets.wants(one),
                output.ago(row.last_delivered_at, now),
                str(one["owed"]),
            )
            for row, one in zip(rows, told, strict=True)
        ],
    )
    if not rows:
        output.say("none yet; `lastcall slack subscribe` and `lastcall webhooks add` make one")


@app.command()
def show(target: Target, as_json: AsJson = False, db: Db = None) -> None:
    """Show one target: what it asked for, its health, and what it is owed.

    Example: lastcall subscriptions show '#ml-platform'
    """
    from monitor.delivery import admin

    how, now = output.form(as_json), clock()
    with opened(db) as store, store.read() as session:
        row = targets.any_of(session, target)
        states = admin.count_by_state(session, row.id)
        due = admin.next_due(session, row.id)
    one = targets.told(row) | {
        "threads": row.threads,
        "deliveries": states,
        "next_due": output.stamp(due),
    }
    if how == "json":
        output.document(one)
        return
    reminders = ", ".join(map(str, one["reminders"]))
    output.details(
        [
            ("id", row.id),
            (row.type, one["address"]),
            ("health", targets.health(row, now)),
            ("wants", targets.wants(one)),
            ("reminders", f"{reminders} days before an end" if reminders else "none"),
            ("threads", row.threads if row.type == "slack" else ""),
            ("asked", output.ago(row.asked_at or row.created_at, now)),
            ("last delivered", output.ago(row.last_delivered_at, now)),
            (
                "deliveries",
                ", ".join(f"{count} {state}" for state, count in sorted(states.items())),
            ),
            ("next due", output.ago(due, now) if due else ""),
        ]
    )


@app.command("test")
@targets.asking
def try_filter(
    wanted: targets.Wanted,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From 2026-11-01, 30d (UTC).")
    ] = "90d",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST, help="Show at most so many, the newest.")
    ] = 50,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Print which past events would have been delivered: to a target that is there, or to one with
    these filters.

    Nothing is sent or stored. A target is named in place of the filters, by its id or address.

    Example: lastcall subscriptions test 'openai/gpt-4*' --kinds retirement --since 30d
    """
    from monitor.store import event_log
    from monitor.store.tables import event_json

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    start = moment(since, now)
    newest: deque[Json] = deque(maxlen=limit)
    matched = looked = 0
    with opened(db) as store, store.read() as session:
        matches = targets.matcher(_asked(session, wanted, now))
        for event in event_log.since(session, start):
            looked += 1
            if matches(event):
                matched += 1
                newest.append(event_json(event))
    show_events(how, list(reversed(newest)))
    shown = f"; the newest {limit} are shown" if matched > limit else ""
    output.say(
        f"{matched} of {output.counted(looked, 'event')} since {start:%Y-%m-%d %H:%M} UTC{shown}"
    )


def _asked(session: Session, wanted: targets.Wanted, now: datetime) -> SubscriptionRow:
    """A subscription that is there, if that was named, or one that only asks for this."""
    from monitor.store.tables import SubscriptionRow

    filters = wanted["filters"]
    named = targets.there(session, None, filters[0]) if filters else None
    if named is None:
        if filters and filters[0].startswith("sub_"):
            raise NotFound(f"no target {filters[0]!r}; `lastcall subscriptions` lists them")
        return SubscriptionRow(id="", type="", address="", created_at=now, **wanted)
    if wanted != targets.asked(filters=filters[:1]):
        raise typer.BadParameter(
            f"{filters[0]} is a target, which has filters; give a target or filters, not both"
        )
    return named


@app.command("set")
@targets.asking
def change(
    context: typer.Context,
    target: Target,
    wanted: targets.Wanted,
    everything: Annotated[
        bool, typer.Option("--everything", help="Take the filters away: all models.")
    ] = False,
    threads: targets.Threads = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Change what a target asks for: what is named is replaced, the rest stays.

    An empty word takes a limit away: --kinds ''. What is owed and was not tried yet comes when it
    would come now.

    Example: lastcall subscriptions set '#ml-platform' --digest 'daily 17:00' --timezone
    Europe/Berlin"""
    from monitor.delivery import outbox

    how, now = output.form(as_json), clock()
    changed: dict[str, Any] = {name: wanted[name] for name in targets.named(context)}
    changed |= {"filters": []} if everything else {}
    changed |= {"threads": targets.threading(threads)} if threads is not None else {}
    if not changed:
        raise typer.BadParameter("say what to change, for example --digest daily")
    with opened(db) as store, store.write() as session:
        row = targets.any_of(session, target)
        outbox.change_options(session, row, changed, now)
    one = targets.told(row)
    if how == "json":
        output.document(one)
    else:
        print(f"{row.id}: {one['address']} hears of {targets.wants(one)}")


@app.command()
def mute(
    target: Target,
    time: Annotated[str, typer.Argument(metavar="TIME", help="For how long: 7d, 12h; or off.")],
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Send a target only what is critical for a while; the rest comes afterwards.

    Example: lastcall subscriptions mute '#ml-platform' 7d
    """
    from monitor.delivery import outbox
    from monitor.subscriptions import options

    how, now = output.form(as_json), clock()
    try:
        until = options.muted(time, now)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with opened(db) as store, store.write() as session:
        row = targets.any_of(session, target)
        row.muted_until = until
        session.flush()
        outbox.reschedule(session, row, now)
    if how == "json":
        output.document(targets.told(row))
    else:
        print(f"{row.id}: {targets.told(row)['address']} is {targets.health(row, now)}")
