"""``lastcall webhooks``: endpoints that are told, signed as Standard Webhooks asks."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, opened

app = typer.Typer(no_args_is_help=True, help="Tell endpoints, with signed POSTs.", **PLAIN)

Target = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id (sub_...) or URL.")]


@app.command()
@targets.asking
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to POST; https, at a public address.")],
    wanted: targets.Wanted,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Tell an endpoint from now on. Its signing secret is printed once, here.

    Example: lastcall webhooks add https://hooks.example.com/ai 'openai/*' --kinds retirement
    """
    from monitor.publish.signature import new_secret
    from monitor.settings import load_settings
    from monitor.store import sealed
    from monitor.store.tables import SubscriptionRow

    how = output.form(as_json)
    targets.check_url(load_settings(db), url)
    secret = new_secret()
    with targets.unlocked(db) as (store, vault), store.write() as session:
        if there := targets.there(session, "webhook", url):
            raise typer.BadParameter(f"{url} is there already, as {there.id}; remove it first")
        row = SubscriptionRow(id=targets.new_id(), type="webhook", address=url, created_at=clock(), **wanted)
        row.secret = sealed.seal_secret(vault, row, secret)
        session.add(row)
    one = targets.told(row)
    if how == "json":
        output.document(one | {"secret": secret})
        return
    print(f"{one['id']}: {url} hears of {targets.wants(one)}")
    print(f"secret: {secret}")
    output.say("keep the secret: it is not shown again (`lastcall webhooks rotate` makes a new one)")


@app.command("list")
def list_webhooks(as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None) -> None:
    """List the endpoints and what they asked for.

    Example: lastcall webhooks list --json
    """
    how = output.form(as_json, as_jsonl, as_csv)
    with opened(db) as store, store.read() as session:
        targets.show_all(how, targets.rows(session, "webhook"))


@app.command("show")
def show_webhook(webhook: Target, as_json: AsJson = False, db: Db = None) -> None:
    """Show one endpoint: what it asked for, its state, and what it is owed.

    Example: lastcall webhooks show sub_1f2e3d4c5b6a
    """
    from monitor.publish import outbox

    how, now = output.form(as_json), clock()
    with opened(db) as store, store.read() as session:
        row = targets.find(session, "webhook", webhook)
        owed = outbox.states(session, row.id)
    one = targets.told(row) | {"deliveries": owed}
    if how == "json":
        output.document(one)
        return
    output.details([
        ("id", row.id),
        ("url", row.address),
        ("state", row.state + (f": {row.reason}" if row.reason else "")),
        ("wants", targets.wants(one)),
        ("since", output.ago(row.created_at, now)),
        ("last delivered", output.ago(row.last_delivered_at, now)),
        ("failing since", output.ago(row.failing_since, now) if row.failing_since else ""),
        ("deliveries", ", ".join(f"{count} {state}" for state, count in sorted(owed.items()))),
    ])  # fmt: skip


@app.command("test")
def send_test(webhook: Target, db: Db = None) -> None:
    """Send a signed test message to an endpoint.

    Example: lastcall webhooks test sub_1f2e3d4c5b6a
    """
    from monitor.settings import load_settings

    with opened(db) as store:
        with store.read() as session:
            row = targets.find(session, "webhook", webhook)
        targets.test(store, load_settings(db), row)


@app.command()
def rotate(webhook: Target, as_json: AsJson = False, db: Db = None) -> None:
    """Give an endpoint a new signing secret, printed once, here.

    Example: lastcall webhooks rotate sub_1f2e3d4c5b6a
    """
    from monitor.publish.signature import new_secret
    from monitor.store import sealed

    how, secret = output.form(as_json), new_secret()
    with targets.unlocked(db) as (store, vault), store.write() as session:
        row = targets.find(session, "webhook", webhook)
        row.secret = sealed.seal_secret(vault, row, secret)
    if how == "json":
        output.document({"id": row.id, "secret": secret})
    else:
        print(f"secret: {secret}")


@app.command()
def enable(webhook: Target, db: Db = None) -> None:
    """Deliver to an endpoint again, first what was held for it.

    Example: lastcall webhooks enable sub_1f2e3d4c5b6a
    """
    from monitor.publish import outbox

    with opened(db) as store, store.write() as session:
        row = targets.find(session, "webhook", webhook)
        due = outbox.resume(session, row.id, clock())
    print(f"{row.id}: enabled, {due} held deliveries are due")


@app.command()
def disable(webhook: Target, db: Db = None) -> None:
    """Deliver to an endpoint no more; what it is owed is held.

    Example: lastcall webhooks disable sub_1f2e3d4c5b6a
    """
    from monitor.publish import outbox

    with opened(db) as store, store.write() as session:
        row = targets.find(session, "webhook", webhook)
        held = outbox.hold(session, row.id, "disabled", "disabled by hand")
    print(f"{row.id}: disabled, {held} deliveries are held")


@app.command()
def remove(webhook: Target, db: Db = None) -> None:
    """Forget an endpoint with all it is owed.

    Example: lastcall webhooks remove sub_1f2e3d4c5b6a
    """
    with opened(db) as store:
        targets.remove(store, "webhook", webhook)
    print(f"{webhook}: removed")
