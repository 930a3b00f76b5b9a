"""``lastcall webhooks``: endpoints that get signed POSTs, as Standard Webhooks asks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, opened
from monitor.errors import DeliveryFailed, NotFound
from monitor.subscriptions.options import SubscriptionOptions
from monitor.subscriptions.targets import new_id, options_text, target_json

if TYPE_CHECKING:
    from monitor.settings.model import Settings
    from monitor.store.db import Store
    from monitor.store.tables import SubscriptionRow

app = typer.Typer(
    no_args_is_help=True, help="Manage webhook targets: endpoints that get signed POSTs.", **PLAIN
)

Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="json (Standard Webhooks), cloudevents-binary or cloudevents-structured.",
    ),
]
Webhook = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="The webhook's id (sub_...) or URL.")
]


@app.command()
@targets.with_target_options
def add(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where to POST: https, at a public address.")
    ],
    options: SubscriptionOptions,
    form: Format = "json",
    asymmetric: Annotated[
        bool,
        typer.Option(
            "--asymmetric", help="Sign with a private key (v1a); the endpoint gets the public one."
        ),
    ] = False,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="Send one event at a time, in the order of the log.")
    ] = False,
    verify: Annotated[
        str,
        typer.Option(
            "--verify", metavar="HOW", help="handshake: ask the endpoint first, as in CloudEvents."
        ),
    ] = "",
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Add a webhook. Its signing secret is printed once, here.

    Example: lastcall webhooks add https://hooks.example.com/ai 'openai/*' --kinds retirement
    """
    from monitor.delivery.webhook.signature import new_private_key, new_secret
    from monitor.settings import load_settings
    from monitor.store import secrets
    from monitor.store.tables import SubscriptionRow

    how, settings = output.form(as_json), load_settings(db)
    targets.check_url(settings, url)
    if verify not in ("", "handshake"):
        raise typer.BadParameter(f"--verify {verify!r} is not known; there is handshake")
    columns = options.columns() | {"format": _format(form), "ordered": ordered, "verify": verify}
    if verify:
        columns |= {"state": "disabled", "reason": "not verified yet"}
    secret = new_private_key() if asymmetric else new_secret()
    with targets.unlocked(db) as (store, vault):
        with store.write() as session:
            if old := targets.find_or_none(session, "webhook", url):
                raise typer.BadParameter(f"{url} is there already, as {old.id}; remove it first")
            row = SubscriptionRow(
                id=new_id(), type="webhook", address=url, created_at=clock(), **columns
            )
            row.secret = secrets.seal_secret(vault, row, secret)
            session.add(row)
        refusal = _verify(store, settings, row) if verify else ""
    _print_added(how, row, url, secret)
    if refusal:
        raise DeliveryFailed(
            f"{row.id} is disabled: {refusal} (`lastcall webhooks verify {row.id}` asks again)"
        )


def _print_added(how: output.Form, row: SubscriptionRow, url: str, secret: str) -> None:
    """Print a new webhook, with the key that its receiver needs."""
    target, (name, key) = target_json(row), _receiver_key(secret)
    if how == "json":
        output.document(target | {name: key})
        return
    print(f"{target['id']}: {url} hears of {options_text(target)}")
    print(f"{name.replace('_', ' ')}: {key}")
    if name == "secret":
        output.say(
            "keep the secret: it is not shown again (`lastcall webhooks rotate` makes a new one)"
        )


def _receiver_key(secret: str) -> tuple[str, str]:
    """Return the name and the value of the key to verify with: public, or shared."""
    from monitor.delivery.webhook.signature import public_key

    public = public_key(secret)
    return ("public_key", public) if public else ("secret", secret)


@app.command("list")
def list_webhooks(
    as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
) -> None:
    """List the webhooks and their filters.

    Example: lastcall webhooks list --json
    """
    how = output.form(as_json, as_jsonl, as_csv)
    with opened(db) as store, store.read() as session:
        targets.print_targets(how, targets.rows(session, "webhook"))


@app.command("show")
def show_webhook(webhook: Webhook, as_json: AsJson = False, db: Db = None) -> None:
    """Show one webhook: its filters, its state, and its deliveries.

    Example: lastcall webhooks show sub_1f2e3d4c5b6a
    """
    from monitor.delivery import admin
    from monitor.delivery.webhook.signature import public_key
    from monitor.store import secrets

    how, now = output.form(as_json), clock()
    with targets.unlocked(db) as (store, vault), store.read() as session:
        row = targets.find(session, "webhook", webhook)
        counts = admin.count_by_state(session, row.id)
        public = public_key(secrets.unseal(vault, row).secret)
    target = target_json(row) | ({"public_key": public} if public else {})
    target |= {"deliveries": counts}
    if how == "json":
        output.document(target)
        return
    is_left_alone = row.quiet_until and row.quiet_until > now
    output.details(
        [
            ("id", row.id),
            ("url", row.address),
            ("state", row.state + (f": {row.reason}" if row.reason else "")),
            ("wants", options_text(target)),
            ("since", output.ago(row.created_at, now)),
            ("format", row.format or "standard"),
            ("public key", public),
            ("order", "one at a time" if row.ordered else ""),
            ("last delivered", output.ago(row.last_delivered_at, now)),
            ("failing since", output.ago(row.failing_since, now) if row.failing_since else ""),
            ("failures in a row", str(row.failures or "")),
            ("left alone until", output.ago(row.quiet_until, now) if is_left_alone else ""),
            ("deliveries", targets.counts_text(counts)),
        ]
    )


@app.command("test")
def send_test(webhook: Webhook, db: Db = None) -> None:
    """Send a signed test message to a webhook.

    Example: lastcall webhooks test sub_1f2e3d4c5b6a
    """
    from monitor.settings import load_settings

    with opened(db) as store:
        with store.read() as session:
            row = targets.find(session, "webhook", webhook)
        targets.send_test(store, load_settings(db), row)


@app.command()
def verify(webhook: Webhook, db: Db = None) -> None:
    """Ask a webhook whether it wants messages, and enable it if so.

    It gets a handshake if it was added with --verify; else a signed message of the type
    endpoint.verification.

    Example: lastcall webhooks verify sub_1f2e3d4c5b6a
    """
    from monitor.settings import load_settings

    with opened(db) as store:
        with store.read() as session:
            row = targets.find(session, "webhook", webhook)
        if refusal := _verify(store, load_settings(db), row):
            raise DeliveryFailed(f"{row.id} is {row.state}: {refusal}")
    print(f"{row.id}: verified and enabled")


def _verify(store: Store, settings: Settings, row: SubscriptionRow) -> str:
    """Ask a webhook and enable it, or return why not. ``row`` gets the state of afterwards."""
    import asyncio

    from monitor.delivery import target_health

    try:
        asyncio.run(_ask(store, settings, row))
    except DeliveryFailed as error:
        with store.write() as session:
            if row.verify:
                target_health.hold(session, row.id, "disabled", str(error))
                row.state, row.reason = "disabled", str(error)
        return str(error)
    with store.write() as session:
        target_health.resume(session, row.id, clock())
    row.state, row.reason = "enabled", ""
    return ""


async def _ask(store: Store, settings: Settings, row: SubscriptionRow) -> None:
    from monitor.delivery.publisher import Publisher

    if row.verify != "handshake":
        await targets.send_test_message(store, settings, row)
        return
    async with Publisher.configured(store, settings, now=clock) as publisher:
        await publisher.handshake(row)


@app.command()
def listen(
    secret: Annotated[
        str,
        typer.Option(
            "--secret",
            metavar="SECRET",
            envvar="LASTCALL_WEBHOOK_SECRET",
            show_envvar=False,
            help="The webhook's whsec_... or whpk_... [default: LASTCALL_WEBHOOK_SECRET].",
        ),
    ] = "",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1.")
    ] = 8787,
    once: Annotated[
        bool,
        typer.Option("--once", help="Stop after one message; exit code 1 if it does not verify."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each message as it came, one to a line.")
    ] = False,
) -> None:
    """Receive messages on this machine, verify them and print them: to try a webhook.

    Example: lastcall webhooks listen --secret whsec_...
    """
    import asyncio

    from monitor.cli import receiver

    _check_receiver_key(secret, port)
    try:
        verified = asyncio.run(
            receiver.listen(port, receiver.WebhookReceiver(secret, once=once, as_json=as_json))
        )
    except OSError as error:
        raise typer.BadParameter(
            f"port {port} of {receiver.HOST} cannot be used: {error.strerror or error}"
        ) from None
    if once and not verified:
        raise typer.Exit(1)


def _check_receiver_key(secret: str, port: int) -> None:
    """Check the key to verify with; a missing or wrong one is a usage error."""
    from monitor.cli import receiver
    from monitor.delivery.webhook.signature import check

    if not secret:
        url = f"http://{receiver.HOST}:{port}/"
        allow = f"LASTCALL_ALLOW_HTTP=true LASTCALL_ALLOW_NETWORKS={receiver.HOST}/32"
        raise typer.BadParameter(
            f"--secret is missing; `{allow} lastcall webhooks add {url}` prints one,"
            f" and `{allow} lastcall webhooks test {url}` then sends a message here"
        )
    try:
        check(secret)
    except ValueError as error:
        raise typer.BadParameter(f"--secret: {error}") from None


@app.command()
def rotate(
    webhook: Webhook,
    grace: Annotated[
        str,
        typer.Option(
            "--grace",
            metavar="TIME",
            help="Time in which the old secret signs too: 24h, 7d, 30m, 0.",
        ),
    ] = "24h",
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Give a webhook a new signing secret, and print it once, here. Both sign until the grace is
    over.

    Example: lastcall webhooks rotate sub_1f2e3d4c5b6a --grace 48h
    """
    from monitor.delivery.webhook.signature import (
        PRIVATE,
        new_private_key,
        new_secret,
        rotated,
    )
    from monitor.store import secrets

    how, overlap, now = output.form(as_json), _grace(grace), clock()
    with targets.unlocked(db) as (store, vault), store.write() as session:
        row = targets.find(session, "webhook", webhook)
        before = secrets.unseal(vault, row)
        secret = new_private_key() if before.secret.startswith(PRIVATE) else new_secret()
        old = rotated(before.secret, before.old_secrets, now, overlap)
        row.secret = secrets.seal_secret(vault, row, secret)
        row.old_secrets = secrets.seal_old_secrets(vault, row, old)
    (name, key), until = _receiver_key(secret), output.stamp(now + overlap)
    if how == "json":
        output.document({"id": row.id, name: key, "old_until": until})
        return
    print(f"{name.replace('_', ' ')}: {key}")
    output.say(f"the old one signs too until {until}" if overlap else "the old one signs no more")


def _grace(text: str) -> timedelta:
    from monitor.delivery.webhook.signature import LONGEST_GRACE

    match = re.fullmatch(r"(\d{1,6})([smhd]?)", text.strip().lower())
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
    overlap = timedelta(seconds=int(match[1]) * units[match[2]]) if match else None
    if overlap is None or overlap > LONGEST_GRACE:
        raise typer.BadParameter(
            f"--grace {text!r} is no time up to 7 days; write 24h, 7d, 30m or 0"
        )
    return overlap


def _format(word: str) -> str:
    from monitor.delivery.webhook.envelope import FORMATS

    formats = {form or "json": form for form in FORMATS}
    if word not in formats:
        raise typer.BadParameter(f"--format {word!r} is not known; there are {', '.join(formats)}")
    return formats[word]


@app.command()
def schema(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[TYPE]", help="Type of message: price.increased [default: all]."),
    ] = None,
) -> None:
    """Print the JSON Schema of a type of message, or of all types.

    Example: lastcall webhooks schema retirement.postponed
    """
    from monitor.delivery.webhook.schema import MESSAGES, message

    if kind is None:
        output.document({name: message(name) for name in MESSAGES})
        return
    if kind not in MESSAGES:
        raise NotFound(f"no type {kind!r}; there are {', '.join(MESSAGES)}")
    output.document(message(kind))


@app.command()
def enable(webhook: Webhook, db: Db = None) -> None:
    """Enable a webhook. Its held deliveries are sent first.

    Example: lastcall webhooks enable sub_1f2e3d4c5b6a
    """
    from monitor.delivery import target_health

    with opened(db) as store, store.write() as session:
        row = targets.find(session, "webhook", webhook)
        if row.verify:
            raise typer.BadParameter(
                f"{row.id} was added with --verify: `lastcall webhooks verify {row.id}` enables it"
            )
        due = target_health.resume(session, row.id, clock())
    print(f"{row.id}: enabled, {output.are(due, 'held delivery')} due")


@app.command()
def disable(webhook: Webhook, db: Db = None) -> None:
    """Disable a webhook. Its deliveries are held.

    Example: lastcall webhooks disable sub_1f2e3d4c5b6a
    """
    from monitor.delivery import target_health

    with opened(db) as store, store.write() as session:
        row = targets.find(session, "webhook", webhook)
        held = target_health.hold(session, row.id, "disabled", "disabled by hand")
    print(f"{row.id}: disabled, {output.are(held, 'delivery')} held")


@app.command()
def remove(webhook: Webhook, db: Db = None) -> None:
    """Remove a webhook with its deliveries.

    Example: lastcall webhooks remove sub_1f2e3d4c5b6a
    """
    with opened(db) as store:
        targets.remove(store, "webhook", webhook)
    print(f"{webhook}: removed")
