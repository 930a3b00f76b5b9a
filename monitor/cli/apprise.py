"""``lastcall apprise``: any service that Apprise can notify."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsJson, Db
from monitor.cli.target_commands import common

app = typer.Typer(**PLAIN)

apprise = common("apprise")
app.add_typer(apprise, name="apprise", help="Manage services that Apprise can notify, by URL.")


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
