"""Bolt's handlers: which request of Slack is answered by what.

Slack wants an answer within three seconds. Each request is acknowledged within one, and a reply
that takes longer comes over the request's ``response_url``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize

from monitor.core.facts import Json
from monitor.delivery.http_client import BROKEN
from monitor.delivery.slack import blocks, mrkdwn, pausing
from monitor.delivery.slack.client import hook_client, web_client
from monitor.delivery.slack.send import Slack
from monitor.errors import DeliveryFailed, LastcallError
from monitor.slack_app import buttons, commands
from monitor.slack_app.commands import Place, Reply, reply
from monitor.slack_app.parse_command import parse_command
from monitor.store import slack_installs
from monitor.store.tables import ThreadRow

if TYPE_CHECKING:
    from monitor.delivery.publisher import Publisher

#: How long a reply may take before the request is acknowledged without it, in seconds.
ACKNOWLEDGE_WITHIN = 1.0

#: The events that the app gets (deploy/slack-manifest.yaml), and the method of each.
EVENTS = {
    "member_joined_channel": "_try_channel",
    "channel_unarchive": "_try_channel",
    "group_unarchive": "_try_channel",
    "app_uninstalled": "_uninstall",
    "tokens_revoked": "_uninstall",
    "channel_id_changed": "_rename_channel",
}

#: Never verbose: at debug level bolt and the SDK log requests with their secrets.
LOG = logging.getLogger("lastcall.slack")


class SlackApp:
    """The handlers, on the store and connections of a publisher.

    ``bolt`` takes requests, over HTTP or Socket Mode."""

    def __init__(self, publisher: Publisher, slack: Slack):
        self.publisher = publisher
        self.slack = slack
        self.store = publisher.store
        self.now = publisher.now
        self.bolt = AsyncApp(
            name="lastcall",
            logger=LOG,
            client=web_client(slack.http, None, publisher.settings.slack_base_url),
            authorize=Authorize(self),  # type: ignore[arg-type]
            user_facing_authorize_error_message="⛔ Lastcall is not installed in this workspace, "
            "or not any more.",
            request_verification_enabled=False,  # http.py verifies, before anything is read
        )
        self.bolt.command("/lastcall")(self._command)
        for name in ("acknowledge", "snooze", "history"):
            self.bolt.action(name)(getattr(self, f"_{name}"))
        for name, listener in EVENTS.items():
            self.bolt.event(name)(getattr(self, listener))

    def token(self, workspace: str) -> str:
        """Return the bot token of a workspace, or the setting's if it did not install the app.

        It is empty for a workspace that revoked its token: another's must not be used there."""
        with self.store.read() as session:
            if workspace and slack_installs.find(session, workspace):
                return slack_installs.token(session, self.publisher.vault, workspace)
        return self.publisher.settings.slack_token

    def workspace(self, body: Json) -> str:
        """Return the workspace of a request; empty if it did not install the app."""
        name = _workspace(body)
        with self.store.read() as session:
            return name if name and slack_installs.find(session, name) else ""

    async def _command(self, ack: Any, body: Json) -> None:
        try:
            command = parse_command(body.get("text") or "")
        except ValueError as error:
            hint = "`/lastcall help` tells what there is."
            await ack(**reply(f"🤔 {mrkdwn.escape(str(error))}", hint).message)
            return

        def place() -> Place:
            name, user = body.get("channel_name", ""), body.get("user_name", "")
            return Place(self.workspace(body), body["channel_id"], name, user)

        def run() -> Reply:
            where = place()
            with self.store.write() as session:
                return commands.run(session, where, command, self.now())

        if command.verb == "test":
            await self._reply(ack, body, self._test(place))
        else:
            await self._reply(ack, body, asyncio.to_thread(run))

    async def _test(self, find_place: Callable[[], Place]) -> Reply:
        place = await asyncio.to_thread(find_place)
        token = await asyncio.to_thread(self.token, place.workspace)
        try:
            await self.slack.post(token, place.channel, blocks.lines_message([commands.TEST]))
        except (DeliveryFailed, *BROKEN) as error:
            return reply(f"⛔ Nothing can be posted here: {mrkdwn.escape(str(error))}")
        return reply("✅ A test message was posted.")

    async def _acknowledge(self, ack: Any, body: Json) -> None:
        await self._reply(ack, body, self._mute_reminders(body, None))

    async def _snooze(self, ack: Any, body: Json) -> None:
        await self._reply(ack, body, self._mute_reminders(body, self.now() + buttons.SNOOZE))

    async def _mute_reminders(self, body: Json, until: datetime | None) -> Reply | None:
        """Record an acknowledgement, and show it in the message. There is no other reply."""

        def record() -> tuple[Place, ThreadRow | None, blocks.Message]:
            place, event_id = self._clicked(body)
            with self.store.write() as session:
                thread = buttons.acknowledge(session, place, event_id, self.now(), until)
                session.flush()
                return place, thread, buttons.card(session, place, event_id, self.now())

        place, thread, message = await asyncio.to_thread(record)
        token = await asyncio.to_thread(self.token, place.workspace)
        if thread:
            await self.slack.update(token, thread, message)
            return None
        return reply("✅ Noted: no reminders of this one.")

    async def _history(self, ack: Any, body: Json) -> None:
        def read() -> Reply:
            with self.store.read() as session:
                return buttons.history(session, self._clicked(body)[1])

        await self._reply(ack, body, asyncio.to_thread(read))

    def _clicked(self, body: Json) -> tuple[Place, str]:
        """Return where a button was clicked, and the id of its event."""
        user = body.get("user") or {}
        name = str(user.get("username") or user.get("name") or user.get("id") or "")
        place = Place(self.workspace(body), body["channel"]["id"], "", name)
        return place, body["actions"][0]["value"]

    async def _try_channel(self, body: Json, event: Json) -> None:
        """Try the deliveries of a paused channel: something changed there."""

        def try_paused() -> None:
            workspace, channel = self.workspace(body), str(event.get("channel") or "")
            with self.store.write() as session:
                pausing.try_paused(session, workspace, channel, self.now())

        await asyncio.to_thread(try_paused)
        self.publisher.wake()

    async def _uninstall(self, body: Json, event: Json) -> None:
        """Pause the channels of a workspace that removed the app.

        A user token that is revoked is ignored; we use the bot token."""
        if event["type"] == "tokens_revoked" and not (event.get("tokens") or {}).get("bot"):
            return
        reason = f"slack: {event['type']}"

        def disable() -> None:
            workspace = self.workspace(body)
            with self.store.write() as session:
                slack_installs.disable(session, workspace, reason)
                pausing.pause_workspace(session, workspace, reason, self.now())

        await asyncio.to_thread(disable)
        self.publisher.wake()

    async def _rename_channel(self, body: Json, event: Json) -> None:
        """Follow a channel that became private or shared, and has another id (delivery reference
        2.1, complaint d).
        """

        def rename() -> None:
            with self.store.write() as session:
                pausing.rename(
                    session, self.workspace(body), event["old_channel_id"], event["new_channel_id"]
                )

        await asyncio.to_thread(rename)

    async def _reply(self, ack: Any, body: Json, work: Awaitable[Reply | None]) -> None:
        """Acknowledge with the reply if it is there soon; else at once, and reply later."""
        task = asyncio.ensure_future(_reply_or_reason(work))
        done, _ = await asyncio.wait({task}, timeout=ACKNOWLEDGE_WITHIN)
        # Slack takes a reply to a click only over its response_url.
        is_click = body.get("type") == "block_actions"
        if done and not is_click and (answer := task.result()):
            await ack(**answer.message)
            return
        await ack()
        answer = await task
        if answer:
            await self._respond(str(body.get("response_url") or ""), answer)
        self.publisher.wake()

    async def _respond(self, url: str, answer: Reply) -> None:
        hook = hook_client(self.slack.http, url)
        try:
            self.slack.guard.url(url)
            async with asyncio.timeout(self.publisher.settings.deadline):
                await hook.send_dict(answer.message | {"replace_original": False})
        except (DeliveryFailed, *BROKEN) as error:
            LOG.warning("an answer did not reach Slack: %s", type(error).__name__)


class Authorize(AsyncAuthorize):
    """Authorizes requests by our own tokens, without asking Slack before each answer."""

    def __init__(self, app: SlackApp):
        super().__init__()  # type: ignore[no-untyped-call]
        self.app = app

    async def __call__(
        self,
        *,
        context: Any,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        **_actor: Any,
    ) -> AuthorizeResult | None:
        name = slack_installs.workspace(enterprise_id, team_id, context.is_enterprise_install)
        token = await asyncio.to_thread(self.app.token, name)
        if not token:
            return None
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)


async def _reply_or_reason(work: Awaitable[Reply | None]) -> Reply | None:
    """Return a reply, or the reason why there is none."""
    try:
        return await work
    except (LastcallError, ValueError) as error:
        return reply(f"🤔 {mrkdwn.escape(' '.join(str(error).split()))}")
    except BROKEN as error:
        return reply(f"⛔ Slack did not answer ({type(error).__name__}).")
    except Exception as error:
        LOG.exception("a request of Slack broke; this is a bug of Lastcall")
        return reply(f"⛔ A fault of Lastcall ({type(error).__name__}); its log tells more.")


def _workspace(body: Json) -> str:
    """Return the workspace of a request: commands and events name it flat, clicks as objects.

    In a shared channel the event's workspace may differ from the workspace of the installation,
    which stands in ``authorizations``."""
    body = next(iter(body.get("authorizations") or ()), body)

    def id_of(kind: str) -> str:
        nested = body.get(kind)
        nested_id = nested.get("id") if isinstance(nested, dict) else None
        return str(nested_id or body.get(f"{kind}_id") or "")

    org_wide = str(body.get("is_enterprise_install", "")).lower() == "true"
    return slack_installs.workspace(id_of("enterprise"), id_of("team"), org_wide)
