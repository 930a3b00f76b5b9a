"""``lastcall subscriptions``: the options of every target: show, try and change them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated

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
from monitor.subscriptions.options import SubscriptionOptions
from monitor.subscriptions.targets import health, options_text, target_json

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from monitor.store.tables import SubscriptionRow

app = typer.Typer(
    cls=ListByDefault,
    help="Manage the options of all targets: show, try, change, mute.",
    no_args_is_help=True,
    **PLAIN,
)

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="The target's id (sub_...) or address.",
        autocompletion=targets.complete,
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
        unsent = admin.count_by_target(session)
    forms = [target_json(row) | {"owed": unsent.get(row.id, 0)} for row in rows]
    if output.machine(how, forms, (*targets.FIELDS, "owed")):
        return
    output.table(
        ("ID", "TYPE", "TO", "HEALTH", "WANTS", "LAST DELIVERED", "OWED"),
        [
            (
                row.id,
                row.type,
                form["address"],
                health(row, now),
                options_text(form),
                output.ago(row.last_delivered_at, now),
                str(form["owed"]),
            )
            for row, form in zip(rows, forms, strict=True)
        ],
    )
    if not rows:
        output.say("none yet; `lastcall slack subscribe` and `lastcall webhooks add` make one")


@app.command()
def show(target: Target, as_json: AsJson = False, db: Db = None) -> None:
    """Show one target: its options, its health, and its deliveries.

    Example: lastcall subscriptions show '#ml-platform'
    """
    from monitor.delivery import admin

    how, now = output.form(as_json), clock()
    with opened(db) as store, store.read() as session:
        row = targets.find_any(session, target)
        counts = admin.count_by_state(session, row.id)
        due = admin.next_due(session, row.id)
    form = target_json(row) | {
        "threads": row.threads,
        "deliveries": counts,
        "next_due": output.stamp(due),
    }
    if how == "json":
        output.document(form)
        return
    reminders = ", ".join(map(str, form["reminders"]))
    output.details(
        [
            ("id", row.id),
            (row.type, form["address"]),
            ("health", health(row, now)),
            ("wants", options_text(form)),
            ("reminders", f"{reminders} days before an end" if reminders else "none"),
            ("threads", row.threads if row.type == "slack" else ""),
            ("asked", output.ago(row.asked_at or row.created_at, now)),
            ("last delivered", output.ago(row.last_delivered_at, now)),
            ("deliveries", targets.counts_text(counts)),
            ("next due", output.ago(due, now) if due else ""),
        ]
    )


@app.command("test")
@targets.with_target_options
def try_filter(
    options: SubscriptionOptions,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From 2026-11-01, 30d (UTC).")
    ] = "90d",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST, help="Maximum number of rows, the newest.")
    ] = 50,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Print which past events would have been delivered to a target, or with these filters.

    Nothing is sent or stored. To try a target, name its id or address in the place of the filters.

    Example: lastcall subscriptions test 'openai/gpt-4*' --kinds retirement --since 30d
    """
    from monitor.store import event_log
    from monitor.store.tables import event_json

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    start = moment(since, now)
    newest: deque[Json] = deque(maxlen=limit)
    matched = compared = 0
    with opened(db) as store, store.read() as session:
        matches = targets.matcher(_target_to_try(session, options, now))
        for event in event_log.since(session, start):
            compared += 1
            if matches(event):
                matched += 1
                newest.append(event_json(event))
    show_events(how, list(reversed(newest)))
    shown = f"; the newest {limit} are shown" if matched > limit else ""
    output.say(
        f"{matched} of {output.counted(compared, 'event')} since {start:%Y-%m-%d %H:%M} UTC{shown}"
    )


def _target_to_try(
    session: Session, options: SubscriptionOptions, now: datetime
) -> SubscriptionRow:
    """Return the target that is named in the place of filters, or one that has these options."""
    from monitor.store.tables import SubscriptionRow

    first = options.filters[0] if options.filters else ""
    row = targets.find_or_none(session, None, first) if first else None
    if row is None:
        if first.startswith("sub_"):
            raise NotFound(f"no target {first!r}; `lastcall subscriptions` lists them")
        return SubscriptionRow(id="", type="", address="", created_at=now, **options.columns())
    if options != SubscriptionOptions(filters=(first,)):
        raise typer.BadParameter(
            f"{first} is a target, which has filters; give a target or filters, not both"
        )
    return row


@app.command("set")
@targets.with_target_options
def change(
    context: typer.Context,
    target: Target,
    options: SubscriptionOptions,
    everything: Annotated[
        bool, typer.Option("--everything", help="Remove the filters: all models.")
    ] = False,
    threads: targets.Threads = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Change options of a target. The others stay.

    Pass '' to clear an option: --kinds ''. Deliveries that were not tried yet are rescheduled.

    Example: lastcall subscriptions set '#ml-platform' --digest 'daily 17:00' --timezone
    Europe/Berlin"""
    from monitor.delivery import outbox

    how, now = output.form(as_json), clock()
    columns = options.columns(targets.given_options(context))
    if everything:
        columns["filters"] = []
    if threads is not None:
        columns["threads"] = targets.threads_option(threads)
    if not columns:
        raise typer.BadParameter("say what to change, for example --digest daily")
    with opened(db) as store, store.write() as session:
        row = targets.find_any(session, target)
        outbox.change_options(session, row, columns, now)
    form = target_json(row)
    if how == "json":
        output.document(form)
    else:
        print(f"{row.id}: {form['address']} hears of {options_text(form)}")


@app.command()
def mute(
    target: Target,
    time: Annotated[str, typer.Argument(metavar="TIME", help="For how long: 7d, 12h; or off.")],
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Send a target only critical events for a while. The rest follows afterwards.

    Example: lastcall subscriptions mute '#ml-platform' 7d
    """
    from monitor.delivery import outbox
    from monitor.subscriptions.options import mute_until

    how, now = output.form(as_json), clock()
    try:
        until = mute_until(time, now)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with opened(db) as store, store.write() as session:
        row = targets.find_any(session, target)
        row.muted_until = until
        session.flush()
        outbox.reschedule(session, row, now)
    form = target_json(row)
    if how == "json":
        output.document(form)
    else:
        print(f"{row.id}: {form['address']} is {health(row, now)}")
