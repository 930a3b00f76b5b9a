"""``lastcall email``: mailboxes, through an SMTP relay."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsJson, Db
from monitor.cli.target_commands import common
from monitor.subscriptions.options import SubscriptionOptions

app = typer.Typer(**PLAIN)
#: A mailbox that a relay can be asked for. Only the relay knows whether it exists.
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,255}")

email = common("email")
app.add_typer(
    email,
    name="email",
    help="Manage mail targets: mailboxes, through the SMTP relay of LASTCALL_SMTP_URL.",
)


@email.command("add")
@targets.with_target_options
def add_email(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="One mailbox: ml-team@example.com.")
    ],
    options: SubscriptionOptions,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Add a mailbox. Run it again to replace its options and to enable a paused mailbox.

    Example: lastcall email add ml-team@example.com 'openai/*' --kinds retirement --digest daily
    """
    from monitor.settings import load_settings

    if not _MAILBOX.fullmatch(address):
        raise typer.BadParameter(f"{address!r} is no address of a mailbox")
    targets.add_or_replace("email", address, options, output.form(as_json), db)
    if not load_settings(db).smtp_url.get_secret_value():
        output.say("LASTCALL_SMTP_URL is not set; until it is, no mail is sent")
