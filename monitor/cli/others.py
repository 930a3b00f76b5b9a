"""``lastcall email`` and ``lastcall apprise``: mailboxes, and services that Apprise knows, with the
same commands.
"""

from __future__ import annotations

import re
from typing import Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, opened

app = typer.Typer(**PLAIN)
Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="Its id (sub_...) or what was added.")
]
#: What a relay may be asked to deliver to; whether it exists, only the relay knows.
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,255}")


def common(kind: str) -> typer.Typer:
    """The group of one kind of target, with all its commands but ``add``."""
    group = typer.Typer(no_args_is_help=True, **PLAIN)

    @group.command(
        "list", help=f"List the targets and what they asked for.\n\nExample: lastcall {kind} list"
    )
    def list_targets(
        as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
    ) -> None:
        how = output.form(as_json, as_jsonl, as_csv)
        with opened(db) as store, store.read() as session:
            targets.show_all(how, targets.rows(session, kind))

    @group.command(help=f"Send a test message.\n\nExample: lastcall {kind} test sub_1f2e3d4c5b6a")
    def test(target: Target, db: Db = None) -> None:
        from monitor.settings import load_settings

        with targets.unlocked(db) as (store, vault):
            with store.read() as session:
                row = targets.find(session, kind, target, vault)
            targets.test(store, load_settings(db), row)

    @group.command(
        help=f"Deliver again, first what was held.\n\nExample: lastcall {kind} enable "
        "sub_1f2e3d4c5b6a"
    )
    def enable(target: Target, db: Db = None) -> None:
        from monitor.delivery import target_health

        with targets.unlocked(db) as (store, vault), store.write() as session:
            row = targets.find(session, kind, target, vault)
            due = target_health.resume(session, row.id, clock())
        print(f"{row.id}: enabled, {due} held deliveries are due")

    @group.command(
        help="Deliver no more; what is owed is held."
        f"\n\nExample: lastcall {kind} disable sub_1f2e3d4c5b6a"
    )
    def disable(target: Target, db: Db = None) -> None:
        from monitor.delivery import target_health

        with targets.unlocked(db) as (store, vault), store.write() as session:
            row = targets.find(session, kind, target, vault)
            held = target_health.hold(session, row.id, "disabled", "disabled by hand")
        print(f"{row.id}: disabled, {held} deliveries are held")

    @group.command(
        help="Forget a target with all it is owed."
        f"\n\nExample: lastcall {kind} remove sub_1f2e3d4c5b6a"
    )
    def remove(target: Target, db: Db = None) -> None:
        with targets.unlocked(db) as (store, vault):
            print(f"{targets.remove(store, kind, target, vault)}: removed")

    return group


email, apprise = common("email"), common("apprise")
app.add_typer(
    email, name="email", help="Tell mailboxes, through the SMTP relay of LASTCALL_SMTP_URL."
)
app.add_typer(apprise, name="apprise", help="Tell any service that Apprise knows, by its URL.")


@email.command("add")
@targets.asking
def add_email(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="One mailbox: ml-team@example.com.")
    ],
    wanted: targets.Wanted,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Tell a mailbox from now on. Doing it again replaces what was asked for, and wakes a paused
    one.

    Example: lastcall email add ml-team@example.com 'openai/*' --kinds retirement --digest daily
    """
    from monitor.settings import load_settings

    if not _MAILBOX.fullmatch(address):
        raise typer.BadParameter(f"{address!r} is no address of a mailbox")
    targets.tell("email", address, wanted, output.form(as_json), db)
    if not load_settings(db).smtp_url.get_secret_value():
        output.say("LASTCALL_SMTP_URL is not set; until it is, no mail is sent")


@apprise.command("add")
@targets.asking
def add_apprise(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="As Apprise has it: tgram://..., discord://...; a secret."
        ),
    ],
    wanted: targets.Wanted,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Tell a service from now on. Doing it again replaces what was asked for, and wakes a paused
    one.

    Apprise makes its own connections: LASTCALL_ALLOW_NETWORKS and the checks of addresses are not
    for them.

    Example: lastcall apprise add discord://ID/TOKEN 'openai/*'
    """
    from monitor.delivery.apprise import service

    try:
        service(url)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    targets.tell("apprise", url, wanted, output.form(as_json), db)
