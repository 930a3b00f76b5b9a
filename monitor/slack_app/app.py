"""Bolt: which request of Slack is answered by what. Each is acknowledged within a second, if need
be answered later.

Slack wants an answer within three seconds; what takes longer comes over the request's
``response_url``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import typer
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize

from monitor.core.facts import Json
from monitor.delivery.slack import blocks, mrkdwn, pausing
from monitor.delivery.slack.client import hook_client, web_client
from monitor.delivery.slack.send import Slack
from monitor.errors import DeliveryFailed, LastcallError
from monitor.slack_app import buttons, commands, words
from monitor.slack_app.commands import Answer, Place, answered
from monitor.store import slack_installs

if TYPE_CHECKING:
    from monitor.delivery.publisher import Publisher

#: How long an answer may take before the request is acknowledged without it, in seconds.
PATIENCE = 1.0

#: How the SDK tells that Slack did not answer.
UNREACHABLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError)

#: What the app hears of (deploy/slack-manifest.yaml), and by which method.
EVENTS = {
    "member_joined_channel": "_reachable",
    "channel_unarchive": "_reachable",
    "group_unarchive": "_reachable",
    "app_uninstalled": "_uninstalled",
    "tokens_revoked": "_uninstalled",
    "channel_id_changed": "_renamed",
}

#: Never verbose: at debug level bolt and the SDK log requests with their secrets.
LOG = logging.getLogger("lastcall.slack")


class SlackApp:
    """The handlers, on the store and connections of a publisher. ``bolt`` takes requests from
    wherever they come.
    """

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
        """The bot token of a workspace; that of the setting where it did not install the app by
        itself.

        Empty for one that took its token back: nothing of it is done with another workspace's.
        """
        with self.store.read() as session:
            if workspace and slack_installs.find(session, workspace):
                return slack_installs.token(session, self.publisher.vault, workspace)
        return self.publisher.settings.slack_token

    def workspace(self, body: Json) -> str:
        """Whose request it is; empty where the token of the setting is the only one it can be."""
        name = _workspace(body)
        with self.store.read() as session:
            return name if name and slack_installs.find(session, name) else ""

    async def _command(self, ack: Any, body: Json) -> None:
        try:
            asked = words.read(body.get("text") or "")
        except ValueError as error:
            await ack(
                **answered(
                    f"🤔 {mrkdwn.escape(str(error))}", "`/lastcall help` tells what there is."
                ).message
            )
            return
        where = {
            "channel": body["channel_id"],
            "name": body.get("channel_name", ""),
            "user": body.get("user_name", ""),
        }

        def carry_out() -> Answer:
            place = Place(self.workspace(body), **where)
            with self.store.write() as session:
                return commands.run(session, place, asked, self.now())

        if asked.verb == "test":
            await self._answer(ack, body, self._test(body, where))
        else:
            await self._answer(ack, body, asyncio.to_thread(carry_out))

    async def _test(self, body: Json, where: dict[str, str]) -> Answer:
        place = Place(await asyncio.to_thread(self.workspace, body), **where)
        token = await asyncio.to_thread(self.token, place.workspace)
        try:
            await self.slack.post(token, place.channel, blocks.lines_message([commands.TEST]))
        except (DeliveryFailed, *UNREACHABLE) as error:
            return answered(f"⛔ Nothing can be posted here: {mrkdwn.escape(str(error))}")
        return answered("✅ A test message was posted.")

    async def _acknowledge(self, ack: Any, body: Json) -> None:
        await self._answer(ack, body, self._hear(body, None))

    async def _snooze(self, ack: Any, body: Json) -> None:
        await self._answer(ack, body, self._hear(body, self.now() + buttons.SNOOZED))

    async def _hear(self, body: Json, until: datetime | None) -> Answer | None:
        """Remember it, and show in the message who it was. Nothing else is said."""

        def remember() -> Any:
            place, event_id = self._clicked(body)
            with self.store.write() as session:
                row = buttons.hear(session, place, event_id, self.now(), until)
                session.flush()
                return place, row, buttons.card(session, place, event_id, self.now())

        place, row, said = await asyncio.to_thread(remember)
        token = await asyncio.to_thread(self.token, place.workspace)
        if row:
            await self.slack.update(token, row, said)
            return None
        return answered("✅ Noted: no reminders of this one.")

    async def _history(self, ack: Any, body: Json) -> None:
        def read() -> Answer:
            with self.store.read() as session:
                return buttons.history(session, self._clicked(body)[1])

        await self._answer(ack, body, asyncio.to_thread(read))

    def _clicked(self, body: Json) -> tuple[Place, str]:
        user = body.get("user") or {}
        who = str(user.get("username") or user.get("name") or user.get("id") or "")
        return Place(self.workspace(body), body["channel"]["id"], "", who), body["actions"][0][
            "value"
        ]

    async def _reachable(self, body: Json, event: Json) -> None:
        """Something changed in a channel that may have been paused: what it is owed is tried
        again.
        """
        await self._change(body, str(event.get("channel") or ""), None)

    async def _uninstalled(self, body: Json, event: Json) -> None:
        """The app is gone from a workspace. A person's own token that is revoked is none of
        ours.
        """
        if event["type"] == "tokens_revoked" and not (event.get("tokens") or {}).get("bot"):
            return
        await self._change(body, None, f"slack: {event['type']}")

    async def _renamed(self, body: Json, event: Json) -> None:
        """A channel that became private or shared has another id (delivery reference 2.1, complaint
        d).
        """

        def rename() -> None:
            with self.store.write() as session:
                pausing.rename(
                    session, self.workspace(body), event["old_channel_id"], event["new_channel_id"]
                )

        await asyncio.to_thread(rename)

    async def _change(self, body: Json, channel: str | None, gone: str | None) -> None:
        def change() -> None:
            workspace = self.workspace(body)
            with self.store.write() as session:
                if gone:
                    slack_installs.disable(session, workspace, gone)
                    pausing.pause_workspace(session, workspace, gone, self.now())
                else:
                    pausing.try_paused(session, workspace, channel, self.now())

        await asyncio.to_thread(change)
        self.publisher.wake()

    async def _answer(self, ack: Any, body: Json, work: Awaitable[Answer | None]) -> None:
        """Acknowledge with the answer if it is there soon, else at once and answer later."""
        task = asyncio.ensure_future(_told(work))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        click = (
            body.get("type") == "block_actions"
        )  # Slack takes no answer to a click but over its response_url
        if done and not click and (answer := task.result()):
            await ack(**answer.message)
            return
        await ack()
        answer = await task
        if answer:
            await self._respond(str(body.get("response_url") or ""), answer)
        self.publisher.wake()

    async def _respond(self, url: str, answer: Answer) -> None:
        hook = hook_client(self.slack.http, url)
        try:
            self.slack.guard.url(url)
            async with asyncio.timeout(self.publisher.settings.deadline):
                await hook.send_dict(answer.message | {"replace_original": False})
        except (DeliveryFailed, *UNREACHABLE) as error:
            LOG.warning("an answer did not reach Slack: %s", type(error).__name__)


class Authorize(AsyncAuthorize):
    """Every request is one of ours that has a token; nobody asks Slack for it again before the
    answer.
    """

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
        return (
            AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)
            if token
            else None
        )


async def _told(work: Awaitable[Answer | None]) -> Answer | None:
    """An answer, or in words why there is none."""
    try:
        return await work
    except (LastcallError, ValueError, typer.BadParameter) as error:
        return answered(f"🤔 {mrkdwn.escape(' '.join(str(error).split()))}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return answered(f"⛔ Slack did not answer ({type(error).__name__}).")
    except Exception as error:
        LOG.exception("a request of Slack broke; this is a bug of Lastcall")
        return answered(f"⛔ A fault of Lastcall ({type(error).__name__}); its log tells more.")


def _workspace(body: Json) -> str:
    """The workspace of a payload: commands and events name it flat, clicks as objects.

    An event in a channel that workspaces share happened in one, and is told for the installation in
    another."""
    body = next(iter(body.get("authorizations") or ()), body)

    def of(kind: str) -> str:
        nested = body.get(kind)
        return str(
            (nested.get("id") if isinstance(nested, dict) else None) or body.get(f"{kind}_id") or ""
        )

    org_wide = str(body.get("is_enterprise_install", "")).lower() == "true"
    return slack_installs.workspace(of("enterprise"), of("team"), org_wide)
