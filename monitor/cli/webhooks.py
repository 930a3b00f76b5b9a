"""``lastcall webhooks``: endpoints that are told, signed as Standard Webhooks asks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, opened
from monitor.errors import DeliveryFailed, NotFound

if TYPE_CHECKING:
    from monitor.settings.model import Settings
    from monitor.store.db import Store
    from monitor.store.tables import SubscriptionRow

app = typer.Typer(no_args_is_help=True, help="Tell endpoints, with signed POSTs.", **PLAIN)

Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="json (Standard Webhooks), cloudevents-binary or cloudevents-structured.",
    ),
]
Target = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id (sub_...) or URL.")]


@app.command()
@targets.asking
def add(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where to POST; https, at a public address.")
    ],
    wanted: targets.Wanted,
    form: Format = "json",
    asymmetric: Annotated[
        bool,
        typer.Option(
            "--asymmetric", help="Sign with a private key (v1a); the endpoint gets the public one."
        ),
    ] = False,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="One at a time, in the order of the log.")
    ] = False,
    verify: Annotated[
        str,
        typer.Option(
            "--verify",
            metavar="HOW",
            help="handshake: ask the endpoint first, as CloudEvents has it.",
        ),
    ] = "",
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Tell an endpoint from now on. Its signing secret is printed once, here.

    Example: lastcall webhooks add https://hooks.example.com/ai 'openai/*' --kinds retirement
    """
    from monitor.delivery.webhook.signature import new_private_key, new_secret, public_key
    from monitor.settings import load_settings
    from monitor.store import secrets
    from monitor.store.tables import SubscriptionRow

    how, settings = output.form(as_json), load_settings(db)
    targets.check_url(settings, url)
    if verify not in ("", "handshake"):
        raise typer.BadParameter(f"--verify {verify!r} is not known; there is handshake")
    wanted |= {"format": _format(form), "ordered": ordered, "verify": verify}
    if verify:
        wanted |= {"state": "disabled", "reason": "not verified yet"}
    secret = new_private_key() if asymmetric else new_secret()
    with targets.unlocked(db) as (store, vault):
        with store.write() as session:
            if there := targets.there(session, "webhook", url):
                raise typer.BadParameter(f"{url} is there already, as {there.id}; remove it first")
            row = SubscriptionRow(
                id=targets.new_id(), type="webhook", address=url, created_at=clock(), **wanted
            )
            row.secret = secrets.seal_secret(vault, row, secret)
            session.add(row)
        refused = _verified(store, settings, row) if verify else ""
    one = targets.told(row)
    keys = {"public_key": public_key(secret)} if asymmetric else {"secret": secret}
    if how == "json":
        output.document(one | keys)
    else:
        print(f"{one['id']}: {url} hears of {targets.wants(one)}")
        for name, key in keys.items():
            print(f"{name.replace('_', ' ')}: {key}")
        if not asymmetric:
            output.say(
                "keep the secret: it is not shown again (`lastcall webhooks rotate` makes a new "
                "one)"
            )
    if refused:
        raise DeliveryFailed(
            f"{row.id} is disabled: {refused} (`lastcall webhooks verify {row.id}` asks again)"
        )


@app.command("list")
def list_webhooks(
    as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
) -> None:
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
    from monitor.delivery import admin
    from monitor.delivery.webhook.signature import public_key
    from monitor.store import secrets

    how, now = output.form(as_json), clock()
    with targets.unlocked(db) as (store, vault), store.read() as session:
        row = targets.find(session, "webhook", webhook)
        owed = admin.count_by_state(session, row.id)
        public = public_key(secrets.opened(vault, row).secret)
    one = targets.told(row) | ({"public_key": public} if public else {}) | {"deliveries": owed}
    if how == "json":
        output.document(one)
        return
    output.details(
        [
            ("id", row.id),
            ("url", row.address),
            ("state", row.state + (f": {row.reason}" if row.reason else "")),
            ("wants", targets.wants(one)),
            ("since", output.ago(row.created_at, now)),
            ("format", row.format or "standard"),
            ("public key", public),
            ("order", "one at a time" if row.ordered else ""),
            ("last delivered", output.ago(row.last_delivered_at, now)),
            ("failing since", output.ago(row.failing_since, now) if row.failing_since else ""),
            ("failures in a row", str(row.failures or "")),
            (
                "left alone until",
                output.ago(row.quiet_until, now)
                if row.quiet_until and row.quiet_until > now
                else "",
            ),
            ("deliveries", ", ".join(f"{count} {state}" for state, count in sorted(owed.items()))),
        ]
    )


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
def verify(webhook: Target, db: Db = None) -> None:
    """Ask an endpoint whether it wants what it will be sent, and enable it if so.

    By a handshake if it was added so; else by a signed message of the type endpoint.verification.

    Example: lastcall webhooks verify sub_1f2e3d4c5b6a
    """
    from monitor.settings import load_settings

    with opened(db) as store:
        with store.read() as session:
            row = targets.find(session, "webhook", webhook)
        if refused := _verified(store, load_settings(db), row):
            raise DeliveryFailed(f"{row.id} is {row.state}: {refused}")
    print(f"{row.id}: verified and enabled")


def _verified(store: Store, settings: Settings, row: SubscriptionRow) -> str:
    """Ask an endpoint; enable it, or leave it as it is and say why. The state in ``row`` is that of
    afterwards.
    """
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
        await targets.try_out(store, settings, row)
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
            help="Its whsec_... or whpk_...; or in LASTCALL_WEBHOOK_SECRET.",
        ),
    ] = "",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of 127.0.0.1.")] = 8787,
    once: Annotated[
        bool,
        typer.Option("--once", help="End after one message; exit code 1 if it does not verify."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each message as it came, one a line.")
    ] = False,
) -> None:
    """Receive on this machine: verify what comes and print it, to try an endpoint with.

    Example: lastcall webhooks listen --secret whsec_...
    """
    import asyncio

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
    try:
        verified = asyncio.run(
            receiver.listen(port, receiver.Receiver(secret, once=once, as_json=as_json))
        )
    except OSError as error:
        raise typer.BadParameter(
            f"port {port} of {receiver.HOST} cannot be used: {error.strerror or error}"
        ) from None
    if once and not verified:
        raise typer.Exit(1)


@app.command()
def rotate(
    webhook: Target,
    grace: Annotated[
        str,
        typer.Option(
            "--grace", metavar="TIME", help="How long the old secret signs too: 24h, 7d, 30m, 0."
        ),
    ] = "24h",
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Give an endpoint a new signing secret, printed once, here. Until the grace is over, both
    sign.

    Example: lastcall webhooks rotate sub_1f2e3d4c5b6a --grace 48h
    """
    from monitor.delivery.webhook.signature import (
        PRIVATE,
        new_private_key,
        new_secret,
        public_key,
        rotated,
    )
    from monitor.store import secrets

    how, overlap, now = output.form(as_json), _grace(grace), clock()
    with targets.unlocked(db) as (store, vault), store.write() as session:
        row = targets.find(session, "webhook", webhook)
        was = secrets.opened(vault, row)
        secret = new_private_key() if was.secret.startswith(PRIVATE) else new_secret()
        old = rotated(was.secret, was.old_secrets, now, overlap)
        row.secret, row.old_secrets = (
            secrets.seal_secret(vault, row, secret),
            secrets.seal_old(vault, row, old),
        )
    name, key = ("public_key", public_key(secret)) if public_key(secret) else ("secret", secret)
    until = output.stamp(now + overlap)
    if how == "json":
        output.document({"id": row.id, name: key, "old_until": until})
        return
    print(f"{name.replace('_', ' ')}: {key}")
    output.say(f"the old one signs too until {until}" if overlap else "the old one signs no more")


def _grace(text: str) -> timedelta:
    from monitor.delivery.webhook.signature import LONGEST_GRACE

    match = re.fullmatch(r"(\d{1,6})([smhd]?)", text.strip().lower())
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
    found = timedelta(seconds=int(match[1]) * units[match[2]]) if match else None
    if found is None or found > LONGEST_GRACE:
        raise typer.BadParameter(
            f"--grace {text!r} is no time up to 7 days; write 24h, 7d, 30m or 0"
        )
    return found


def _format(word: str) -> str:
    from monitor.delivery.webhook.envelope import FORMATS

    known = {form or "json": form for form in FORMATS}
    if word not in known:
        raise typer.BadParameter(f"--format {word!r} is not known; there are {', '.join(known)}")
    return known[word]


@app.command()
def schema(
    kind: Annotated[
        str | None, typer.Argument(metavar="[TYPE]", help="A type of message: price.increased.")
    ] = None,
) -> None:
    """Print the JSON Schema of a type of message; of all, by type, if none is named.

    Example: lastcall webhooks schema retirement.postponed
    """
    from monitor.delivery.webhook.schema import MESSAGES, message

    if kind is None:
        output.document({one: message(one) for one in MESSAGES})
        return
    if kind not in MESSAGES:
        raise NotFound(f"no type {kind!r}; there are {', '.join(MESSAGES)}")
    output.document(message(kind))


@app.command()
def enable(webhook: Target, db: Db = None) -> None:
    """Deliver to an endpoint again, first what was held for it.

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
    print(f"{row.id}: enabled, {due} held deliveries are due")


@app.command()
def disable(webhook: Target, db: Db = None) -> None:
    """Deliver to an endpoint no more; what it is owed is held.

    Example: lastcall webhooks disable sub_1f2e3d4c5b6a
    """
    from monitor.delivery import target_health

    with opened(db) as store, store.write() as session:
        row = targets.find(session, "webhook", webhook)
        held = target_health.hold(session, row.id, "disabled", "disabled by hand")
    print(f"{row.id}: disabled, {held} deliveries are held")


@app.command()
def remove(webhook: Target, db: Db = None) -> None:
    """Forget an endpoint with all it is owed.

    Example: lastcall webhooks remove sub_1f2e3d4c5b6a
    """
    with opened(db) as store:
        targets.remove(store, "webhook", webhook)
    print(f"{webhook}: removed")
