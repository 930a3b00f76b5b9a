"""``lastcall slack``: channels that are told."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, targets
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, opened
from monitor.errors import SettingError

if TYPE_CHECKING:
    from monitor.facts import Json
    from monitor.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Tell Slack channels.", **PLAIN)

Channel = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="#name or id of a channel, or the URL of an incoming webhook.")
]
_CHANNEL = re.compile(r"#[^\s#@]{1,80}|[CGDU][A-Z0-9]{6,}")


@app.command()
def connect(as_json: AsJson = False) -> None:
    """Ask Slack whether the bot token (LASTCALL_SLACK_TOKEN) works, and whose it is.

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
    found = asyncio.run(_auth_test(settings))
    if how == "json":
        output.document(found)
        return
    output.details([("workspace", found["team"]), ("bot", found["user"]), ("url", found["url"])])
    output.say("the token works; invite the bot to each channel, then `lastcall slack subscribe '#channel' ...`")


async def _auth_test(settings: Settings) -> Json:
    import aiohttp
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web.async_client import AsyncWebClient

    from monitor.publish.guard import Guard
    from monitor.publish.slack import session

    guard = Guard.of(settings)
    base = settings.slack_base_url or AsyncWebClient.BASE_URL
    async with session(guard) as http:
        client = AsyncWebClient(
            settings.slack_token.get_secret_value(), base_url=base, session=http, retry_handlers=[]
        )  # fmt: skip
        client.proxy = None
        try:
            answer = await client.auth_test()
        except SlackApiError as error:
            data = getattr(error.response, "data", None)
            said = data.get("error", "") if isinstance(data, dict) else "not an answer of Slack"
            raise SettingError(f"LASTCALL_SLACK_TOKEN: Slack says {said}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SettingError(f"Slack cannot be reached: {type(error).__name__}") from None
    return {name: str(answer.get(name) or "") for name in ("team", "team_id", "user", "user_id", "bot_id", "url")}


@app.command()
@targets.asking
def subscribe(
    channel: Channel,
    wanted: targets.Wanted,
    threads: targets.Threads = None,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Tell a channel from now on. Doing it again replaces what was asked for, and wakes a paused channel.

    Example: lastcall slack subscribe '#ml-platform' 'openai/gpt-4*' 'anthropic/*' --kinds retirement,price
    """
    from monitor.publish import outbox
    from monitor.settings import load_settings
    from monitor.store import sealed
    from monitor.store.tables import SubscriptionRow

    how, now, settings = output.form(as_json), clock(), load_settings(db)
    if "://" in channel:
        targets.check_url(settings, channel)
    elif not _CHANNEL.fullmatch(channel):
        raise typer.BadParameter(f"{channel!r} is no channel; write '#name', its id, or an incoming webhook's URL")
    how_threaded = targets.threading(threads or "updates")
    with targets.unlocked(db) as (store, vault), store.write() as session:
        row = targets.there(session, "slack", channel, vault)
        due = 0
        if row is None:
            row = SubscriptionRow(id=targets.new_id(), type="slack", address=channel, created_at=now)
            if "://" in channel:
                sealed.seal_address(vault, row, channel)
        elif row.state != "enabled":
            due = outbox.resume(session, row.id, now)
            session.refresh(row)
        outbox.ask(session, row, wanted | {"threads": how_threaded}, now)
    one = targets.told(row)
    if how == "json":
        output.document(one)
    else:
        print(f"{one['id']}: {one['address']} hears of {targets.wants(one)}")
    if due:
        output.say(f"{due} held deliveries are due again")
    if "://" not in channel and not settings.slack_token.get_secret_value():
        output.say("LASTCALL_SLACK_TOKEN is not set; until it is, this channel cannot be reached")


@app.command()
def unsubscribe(channel: Channel, db: Db = None) -> None:
    """Tell a channel no more, and forget what it is owed.

    Example: lastcall slack unsubscribe '#ml-platform'
    """
    with targets.unlocked(db) as (store, vault):
        print(f"{targets.remove(store, 'slack', channel, vault)}: removed")


@app.command("list")
def list_channels(as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None) -> None:
    """List the channels and what they asked for.

    Example: lastcall slack list
    """
    how = output.form(as_json, as_jsonl, as_csv)
    with opened(db) as store, store.read() as session:
        targets.show_all(how, targets.rows(session, "slack"))


@app.command("test")
def send_test(channel: Channel, db: Db = None) -> None:
    """Send a test message to a channel that is subscribed.

    Example: lastcall slack test '#ml-platform'
    """
    from monitor.settings import load_settings

    with targets.unlocked(db) as (store, vault):
        with store.read() as session:
            row = targets.find(session, "slack", channel, vault)
        targets.test(store, load_settings(db), row)
