"""``lastcall apprise``: any service that Apprise can notify."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsJson, Db
from monitor.cli.target_commands import common
from monitor.subscriptions.options import SubscriptionOptions

app = typer.Typer(**PLAIN)

apprise = common("apprise")
app.add_typer(
    apprise, name="apprise", help="Manage Apprise targets: any service that Apprise can notify."
)


@apprise.command("add")
@targets.with_target_options
def add_apprise(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="An Apprise URL, which is a secret: tgram://..., discord://..."
        ),
    ],
    options: SubscriptionOptions,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Add a service. Run it again to replace its options and to enable a paused service.

    Apprise makes its own connections: LASTCALL_ALLOW_NETWORKS does not apply to them.

    Example: lastcall apprise add discord://ID/TOKEN 'openai/*'
    """
    from monitor.delivery.apprise import service

    try:
        service(url)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    targets.add_or_replace("apprise", url, options, output.form(as_json), db)
