"""``lastcall slack``: Slack channels, and the workspaces that installed the app."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, opened
from monitor.errors import SettingError
from monitor.subscriptions.options import SubscriptionOptions

if TYPE_CHECKING:
    from monitor.core.facts import Json
    from monitor.settings.model import Settings

app = typer.Typer(no_args_is_help=True, help="Manage Slack targets: channels.", **PLAIN)

Channel = Annotated[
    str,
    typer.Argument(
        metavar="CHANNEL",
        help="#name or id of a channel, TEAM/id in another workspace, or an incoming webhook's "
        "URL.",
    ),
]
WORKSPACE_FIELDS = ("team", "name", "state", "reason", "installed_at")
_CHANNEL = re.compile(r"([TE][A-Z0-9]{6,}/)?(#[^\s#@]{1,80}|[CGDU][A-Z0-9]{6,})")


@app.command()
def connect(as_json: AsJson = False) -> None:
    """Check the bot token (LASTCALL_SLACK_TOKEN), and show its workspace.

    Example: lastcall slack connect
    """
    from monitor.settings import load_settings

    how = output.form(as_json)
    settings = load_settings()
    if not settings.slack_token.get_secret_value():
        raise SettingError(
            "LASTCALL_SLACK_TOKEN is not set; give the bot token (xoxb-...) of your Slack app,"
            " or subscribe the URL of an incoming webhook, which needs none"
        )
    bot = asyncio.run(_auth_test(settings))
    if how == "json":
        output.document(bot)
        return
    output.details([("workspace", bot["team"]), ("bot", bot["user"]), ("url", bot["url"])])
    output.say(
        "the token works; invite the bot to each channel, then `lastcall slack subscribe "
        "'#channel' ...`"
    )


async def _auth_test(settings: Settings) -> Json:
    import aiohttp
    from slack_sdk.errors import SlackApiError

    from monitor.delivery.settings import DeliverySettings
    from monitor.delivery.slack.client import session, web_client

    delivery = DeliverySettings.of(settings)
    async with session(delivery.guard()) as http:
        client = web_client(http, delivery.slack_token, delivery.slack_base_url)
        try:
            answer = await client.auth_test()
        except SlackApiError as error:
            data = getattr(error.response, "data", None)
            reason = data.get("error", "") if isinstance(data, dict) else "not an answer of Slack"
            raise SettingError(f"LASTCALL_SLACK_TOKEN: Slack says {reason}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SettingError(f"Slack cannot be reached: {type(error).__name__}") from None
    return {
        name: str(answer.get(name) or "")
        for name in ("team", "team_id", "user", "user_id", "bot_id", "url")
    }


@app.command()
@targets.with_target_options
def subscribe(
    channel: Channel,
    options: SubscriptionOptions,
    threads: targets.Threads = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Subscribe a channel. Run it again to replace its options and to enable a paused channel.

    Example: lastcall slack subscribe '#ml-platform' 'openai/gpt-4*' 'anthropic/*' --kinds
    retirement,price"""
    from monitor.settings import load_settings

    how, settings = output.form(as_json), load_settings(db)
    if "://" in channel:
        targets.check_url(settings, channel)
    elif not _CHANNEL.fullmatch(channel):
        raise typer.BadParameter(
            f"{channel!r} is no channel; write '#name', its id, or an incoming webhook's URL"
        )
    options = replace(options, threads=targets.threads_option(threads or "updates"))
    targets.add_or_replace("slack", channel, options, how, db)
    if "/" not in channel and not settings.slack_token.get_secret_value():
        output.say("LASTCALL_SLACK_TOKEN is not set; until it is, this channel cannot be reached")


@app.command()
def unsubscribe(channel: Channel, db: Db = None) -> None:
    """Unsubscribe a channel, and delete its deliveries.

    Example: lastcall slack unsubscribe '#ml-platform'
    """
    with targets.unlocked(db) as (store, vault):
        print(f"{targets.remove(store, 'slack', channel, vault)}: removed")


@app.command("list")
def list_channels(
    as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
) -> None:
    """List the channels and their filters.

    Example: lastcall slack list
    """
    how = output.form(as_json, as_jsonl, as_csv)
    with opened(db) as store, store.read() as session:
        targets.print_targets(how, targets.rows(session, "slack"))


@app.command()
def workspaces(
    as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
) -> None:
    """List the workspaces that installed the app (/slack/install of the service).

    Example: lastcall slack workspaces
    """
    from sqlmodel import col, select

    from monitor.store.tables import InstallationRow

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    with opened(db) as store, store.read() as session:
        rows = session.exec(
            select(InstallationRow).order_by(col(InstallationRow.installed_at))
        ).all()
    forms = [
        {
            "team": row.team,
            "name": row.name,
            "state": row.state,
            "reason": row.reason,
            "installed_at": output.stamp(row.installed_at),
        }
        for row in rows
    ]
    if output.machine(how, forms, WORKSPACE_FIELDS):
        return
    output.table(
        ("TEAM", "NAME", "STATE", "REASON", "INSTALLED"),
        [
            (row.team, row.name, row.state, row.reason, output.ago(row.installed_at, now))
            for row in rows
        ],
    )
    if not rows:
        output.say("none yet; a workspace installs the app at /slack/install of the service")


@app.command("test")
def send_test(channel: Channel, db: Db = None) -> None:
    """Send a test message to a subscribed channel.

    Example: lastcall slack test '#ml-platform'
    """
    from monitor.settings import load_settings

    with targets.unlocked(db) as (store, vault):
        with store.read() as session:
            row = targets.find(session, "slack", channel, vault)
        targets.send_test(store, load_settings(db), row)
