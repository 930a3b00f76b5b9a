"""``lastcall email``: mailboxes, through an SMTP relay."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsJson, Db
from monitor.cli.target_commands import common

app = typer.Typer(**PLAIN)
#: What a relay may be asked to deliver to; whether it exists, only the relay knows.
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,255}")

email = common("email")
app.add_typer(
    email,
    name="email",
    help="Manage mailboxes, reached through the SMTP relay of LASTCALL_SMTP_URL.",
)


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
