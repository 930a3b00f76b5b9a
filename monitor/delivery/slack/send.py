"""One try at Slack messages, through the SDK with its own retries off: the outbox owns every retry.

The SDK's default handlers post twice when a connection is reset after the post, and stumble over a
Retry-After that is a date. A target is a channel (``C012AB3CD``, ``#name``, or ``team/channel``
where the app is installed in several workspaces) or the URL of an incoming webhook, which is a
secret itself and knows no threads.

A retirement has one message in a channel. Later changes update it in place and are told in its
thread; a change that is urgent (blocks.urgent) is shown in the channel as well. What is due
together about several things is one message."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from sqlalchemy import update
from sqlmodel import Session, col, select

from monitor.core.facts import Json
from monitor.delivery.address_guard import Guard
from monitor.delivery.message_context import background
from monitor.delivery.slack import blocks
from monitor.delivery.slack.blocks import Background, Message
from monitor.delivery.webhook.send import CONNECT, DEADLINE, is_proxys, reason, retry_after
from monitor.errors import DeliveryFailed, StoreError
from monitor.store import slack_installs
from monitor.store.tables import EventRow, SubscriptionRow, ThreadRow

if TYPE_CHECKING:
    from monitor.delivery.queue import PendingDelivery
    from monitor.store.db import Store
    from monitor.vault import Vault

#: Never verbose: at debug level the SDK logs the URL of an incoming webhook.
_LOG = logging.getLogger("lastcall.slack")
_LOG.setLevel(logging.WARNING)

#: The channel cannot be posted to until somebody does something: it is paused, never deleted. These
#: lists are from the errors of chat.postMessage and of incoming webhooks (delivery reference 2.2).
PAUSE = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "channel_is_archived",
        "not_in_channel",
        "no_permission",
        "missing_scope",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "ekm_access_denied",
        "posting_to_general_channel_denied",
        "action_prohibited",
        "no_service",
        "no_service_id",
        "no_active_hooks",
        "invalid_token",
        "user_not_found",
        "access_denied",
        "team_access_not_granted",
    }
)
#: The token is of no use: every channel of its workspace is paused.
PAUSE_WORKSPACE = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "no_team",
        "team_disabled",
        "team_not_found",
        "org_login_required",
        "not_allowed_token_type",
    }
)
#: Slack holds that the message is ill-formed; nothing was posted, and plain text is sent instead.
ILL_FORMED = frozenset(
    {
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_blocks",
        "invalid_blocks_format",
        "no_text",
        "too_many_attachments",
        "invalid_payload",
        "invalid_metadata_format",
        "metadata_too_large",
    }
)
#: The message that was to be updated or answered is not there any more, or not to be changed.
GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
    }
)

#: Slack takes one message a second in a channel. More than MANY in a MINUTE are noise: the rest
#: waits, and is one.
SECOND, MINUTE, MANY = timedelta(seconds=1), timedelta(seconds=60), 10
#: Messages that are searched for one that may have been posted, and how much earlier than the event
#: they may be.
SEARCHED, EARLIER = 200, timedelta(seconds=60)
#: How long the messages of retirements may be updated that a list has told of, in seconds.
RENEWING = 15.0


class SlackFailed(DeliveryFailed):
    """An error that Slack answered with; ``code`` is its name, or empty where the answer was none
    of Slack's.
    """

    code = ""


def session(guard: Guard) -> aiohttp.ClientSession:
    """The session of the SDK: behind the same guard as webhooks, and no redirect is followed."""

    async def no_redirects(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await handler(request)
        if 300 <= response.status < 400:
            response.close()
            raise DeliveryFailed(
                f"HTTP {response.status} (redirects are not followed)", status=response.status
            )
        return response

    return aiohttp.ClientSession(
        connector=guard.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=guard.proxy or None,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT),
        middlewares=(no_redirects,),
    )


def client(http: aiohttp.ClientSession, token: str | None, base_url: str = "") -> AsyncWebClient:
    """The SDK's client without its retries, its own sessions and a proxy from the environment."""
    made = AsyncWebClient(
        token,
        base_url=base_url or AsyncWebClient.BASE_URL,
        session=http,
        retry_handlers=[],
        logger=_LOG,
    )
    made.proxy = None
    return made


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds for one message: a token, the threads of the channel, and what is around
    its events.
    """

    token: str
    channel: str
    threads: dict[str, ThreadRow]
    around: dict[str, Background]


@dataclass(slots=True)
class Done:
    """What was posted: the last answer, and the messages to remember by their subjects."""

    status: int = 200
    answer: str = ""
    threads: dict[str, tuple[str, str]] = field(default_factory=dict)


class Slack:
    """Posts messages. ``base_url`` is another Slack, for tests and the demo. ``buttons``: there is
    who hears clicks.
    """

    def __init__(
        self,
        store: Store,
        http: aiohttp.ClientSession,
        guard: Guard,
        vault: Vault,
        *,
        now: Callable[[], datetime],
        token: str = "",
        base_url: str = "",
        deadline: float = DEADLINE,
        buttons: bool = False,
    ):
        self.store = store
        self.http = http
        self.guard = guard
        self.now = now
        self.vault = vault
        self.token = token
        self.base_url = base_url
        self.deadline = deadline
        self.buttons = buttons
        self._sent: dict[str, deque[datetime]] = {}

    async def send(self, owed: Sequence[PendingDelivery], address: str) -> tuple[int, str]:
        """Status and answer of what was told of all that is owed to one target; else
        DeliveryFailed.
        """
        target, now, channel = owed[0].target, self.now(), None
        known = await asyncio.to_thread(self._look, owed, address, now)
        try:
            async with asyncio.timeout(self.deadline):
                if "://" in address:
                    done = await self._hook(address, owed, known, now)
                else:
                    channel = Channel(self, owed, known, now)
                    done = await channel.tell()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise DeliveryFailed(reason(error, self.deadline), ours=is_proxys(error)) from None
        except DeliveryFailed as error:
            error.answer = error.answer.replace(
                known.token or "\0", "[secret]"
            )  # it may send back what it was sent
            raise
        if channel:
            await channel.renew()
        if owed[0].delivery_id:
            await asyncio.to_thread(self._remember, target.id, owed[-1].event, done)
        return done.status, done.answer

    async def post(self, token: str, channel: str, said: Message) -> None:
        """A message that is no delivery. Raises DeliveryFailed, or what the SDK raises where Slack
        does not answer.
        """
        call = partial(
            _called,
            client(self.http, token, self.base_url).chat_postMessage,
            self.now(),
            channel=channel,
        )
        async with asyncio.timeout(self.deadline):
            await _worded(said, call)

    async def update(self, token: str, row: ThreadRow, said: Message) -> None:
        """Put another text and other blocks into a message that was posted."""
        api = client(self.http, token, self.base_url)
        async with asyncio.timeout(self.deadline):
            await _worded(
                said,
                lambda **words: _called(
                    api.chat_update, self.now(), channel=row.channel, ts=row.ts, **words
                ),
            )

    def _look(self, owed: Sequence[PendingDelivery], address: str, now: datetime) -> Known:
        team, _, channel = ("", "", address) if "://" in address else address.rpartition("/")
        with self.store.read() as session:
            token = slack_installs.token(session, self.vault, team) if team else self.token
            rows = session.scalars(
                select(ThreadRow).where(ThreadRow.subscription_id == owed[0].target.id)
            ).all()
            threads = {row.subject: row for row in rows}
            latest = {blocks.subject(one.event): one.event for one in owed}
            latest.pop("", None)
            shown = {
                subject: event
                for subject, event in latest.items()
                if subject in threads or len(latest) == 1
            }
            around = {
                subject: background(session, event, owed[0].target.id, now)
                for subject, event in shown.items()
            }
        if not channel.startswith(("C", "G", "D")):
            channel = next((row.channel for row in rows), channel)
        return Known(token, channel, threads, around)

    async def _hook(
        self, url: str, owed: Sequence[PendingDelivery], known: Known, now: datetime
    ) -> Done:
        hook = AsyncWebhookClient(
            str(self.guard.url(url)), session=self.http, retry_handlers=[], logger=_LOG
        )
        hook.proxy = None  # the SDK takes one from the environment

        async def post(**words: Any) -> Any:
            said = await hook.send(**words, unfurl_links=False, unfurl_media=False)
            if said.status_code != 200 or said.body.strip() != "ok":
                raise _failure(
                    said.status_code, said.body.strip(), said.body, said.headers, now, hook=True
                )
            return said

        return Done(
            (
                await _worded(message([one.event for one in owed], now, known.around), post)
            ).status_code,
            "ok",
        )

    def _remember(self, target_id: str, event: EventRow, done: Done) -> None:
        """Keep the messages that were posted, and leave the channel in peace for as long as it
        takes.
        """
        now = self.now()
        sent = self._sent.setdefault(target_id, deque(maxlen=MANY))
        sent.append(now)
        try:
            with self.store.write() as session:
                for subject, (channel, ts) in done.threads.items():
                    _keep(session, target_id, subject, event.id, channel, ts, now)
                session.execute(
                    update(SubscriptionRow)
                    .where(col(SubscriptionRow.id) == target_id)
                    .values(quiet_until=pause(sent, now))
                    .execution_options(synchronize_session=False)
                )
        except StoreError as error:
            _LOG.warning(
                "%s: what was posted is not remembered, later changes get a message of their own: "
                "%s",
                target_id,
                error,
            )


def pause(sent: Sequence[datetime], now: datetime) -> datetime:
    """Until when a channel is left in peace, by the times of the last messages to it: a second, or
    a minute of many.
    """
    if len(sent) == MANY and now - sent[0] < MINUTE:
        return sent[0] + MINUTE
    return now + SECOND


def _keep(
    session: Session,
    target_id: str,
    subject: str,
    event_id: str,
    channel: str,
    ts: str,
    now: datetime,
) -> None:
    where = (ThreadRow.subscription_id == target_id, ThreadRow.subject == subject)
    row = session.scalars(select(ThreadRow).where(*where)).first()
    row = row or ThreadRow(
        subscription_id=target_id, subject=subject, event_id="", channel="", ts="", posted_at=now
    )
    if row.ts != ts:
        row.channel, row.ts, row.posted_at = channel, ts, now
    row.event_id = event_id
    session.add(row)


def message(
    events: Sequence[EventRow], now: datetime, around: dict[str, Background], buttons: bool = False
) -> Message:
    """A card about one thing, or a list."""
    subjects = {blocks.subject(event) for event in events}
    if len(events) == 1 or (len(subjects) == 1 and "" not in subjects):
        return blocks.card(events, now, around.get(subjects.pop(), blocks.NOTHING), buttons)
    return blocks.bundle(events, now)


class Channel:
    """What is told to one channel in one try."""

    def __init__(self, slack: Slack, owed: Sequence[PendingDelivery], known: Known, now: datetime):
        if not known.token:
            team = workspace(owed[0].target.address)
            where = (
                f"the app is not installed in {team}"
                if team
                else "there is no token; set LASTCALL_SLACK_TOKEN"
            )
            raise DeliveryFailed(f"slack: {where}", permanent=True)
        self.slack = slack
        self.owed = owed
        self.known = known
        self.now = now
        self.target = owed[0].target
        self.subjects = {blocks.subject(one.event) for one in owed}
        self.only = next(iter(self.subjects)) if len(self.subjects) == 1 else ""
        self.api = client(slack.http, known.token, slack.base_url)
        self.threads = known.threads if self.target.threads != "off" else {}
        self.done = Done()

    async def tell(self) -> Done:
        owed = self.owed
        if max(one.number for one in owed) > 1:
            owed = await self._not_there()
        events = [one.event for one in owed]
        if not events:
            self.done.answer = "was posted by an earlier try"
            return self.done
        if row := self.threads.get(self.only):
            await self._continue(row, events)
        else:
            await self._post(events)
        return self.done

    async def renew(self) -> None:
        """Update the messages of the retirements that were told of in a list, as many as there is
        time for.

        After the list, which has arrived: what fails here is no failed delivery.
        """
        if self.only:
            return
        try:
            async with asyncio.timeout(RENEWING):
                for subject in sorted(self.subjects & self.threads.keys()):
                    events = [
                        one.event for one in self.owed if blocks.subject(one.event) == subject
                    ]
                    await self._renew(self.threads[subject], events)
        except (DeliveryFailed, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            _LOG.warning(
                "%s: not every message about what a list told is updated: %s", self.target.id, error
            )

    async def _post(self, events: Sequence[EventRow]) -> None:
        """A message of its own. If it is about one retirement, it is that one's from now on."""
        said = message(events, self.now, self.known.around, self.slack.buttons)
        posted = await self._say(said)
        if self.only:
            self.done.threads[self.only] = (str(posted.get("channel")), str(posted.get("ts")))

    async def _continue(self, row: ThreadRow, events: Sequence[EventRow]) -> None:
        """Update the message of a retirement, which may be done twice, and tell the change in its
        thread.
        """
        try:
            await self._update(row, events)
            shown = self.target.threads == "all" or any(
                blocks.urgent(event, self.now) for event in events
            )
            await self._say(blocks.reply(events, self.now), thread_ts=row.ts, reply_broadcast=shown)
        except SlackFailed as error:
            if error.code not in GONE:
                raise
            await self._post(events)
        else:
            self.done.threads[row.subject] = (row.channel, row.ts)

    async def _renew(self, row: ThreadRow, events: Sequence[EventRow]) -> None:
        try:
            await self._update(row, events)
        except SlackFailed as error:
            if error.code not in GONE:
                raise

    async def _update(self, row: ThreadRow, events: Sequence[EventRow]) -> None:
        said = message(events, self.now, self.known.around, self.slack.buttons)
        await self._words(said, self.api.chat_update, channel=row.channel, ts=row.ts)

    async def _say(self, said: Message, **where: Any) -> Any:
        ids = [one.delivery_id for one in self.owed]
        payload = {
            "delivery_id": ids[0],
            "event_id": self.owed[0].event.id,
            "target": self.target.id,
            "deliveries": ids,
        }
        metadata = {"event_type": "lastcall_event", "event_payload": payload}
        channel = self.known.channel
        answer = await self._words(
            said,
            self.api.chat_postMessage,
            channel=channel,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
            **where,
        )
        self.done.status = answer.status_code
        self.done.answer = json.dumps({"ts": answer.get("ts"), "channel": answer.get("channel")})
        return answer

    async def _words(
        self, said: Message, method: Callable[..., Awaitable[Any]], **where: Any
    ) -> Any:
        return await _worded(said, lambda **words: _called(method, self.now, **where, **words))

    async def _not_there(self) -> list[PendingDelivery]:
        """What an earlier try did not post, as far as the channel's history may be read; else all
        of it.
        """
        oldest = (min(one.event.detected_at for one in self.owed) - EARLIER).timestamp()
        where = {
            "channel": self.known.channel,
            "oldest": f"{oldest:.6f}",
            "include_all_metadata": True,
            "limit": SEARCHED,
        }
        rows = [
            self.known.threads[subject] for subject in self.subjects & self.known.threads.keys()
        ]
        if self.only and any(row.event_id == self.owed[-1].event.id for row in rows):
            return []
        calls = [partial(_called, self.api.conversations_history, self.now, **where)]
        calls += [
            partial(_called, self.api.conversations_replies, self.now, ts=row.ts, **where)
            for row in rows
        ]
        mine, found = {one.delivery_id for one in self.owed}, set[int]()
        for posted in [posted for call in calls for posted in await _messages(call)]:
            payload = (posted.get("metadata") or {}).get("event_payload") or {}
            there = (
                mine & set(payload.get("deliveries") or ())
                if payload.get("target") == self.target.id
                else set()
            )
            found |= there
            if there and self.only and posted.get("thread_ts", posted["ts"]) == posted["ts"]:
                self.done.threads[self.only] = (self.known.channel, posted["ts"])
        return [one for one in self.owed if one.delivery_id not in found]


async def _messages(call: Callable[[], Awaitable[Any]]) -> Sequence[Json]:
    """The messages of a channel or thread; none where they may not be read, which needs a scope of
    its own.
    """
    try:
        found: Sequence[Json] = (await call()).get("messages") or ()
    except SlackFailed as error:
        if error.permanent or error.code in GONE:
            return ()
        raise
    return found


async def _worded(said: Message, call: Callable[..., Awaitable[Any]]) -> Any:
    """Blocks, or where Slack finds fault with them the text alone. If it refuses that too, the
    message is at fault.
    """
    text, shown = said
    try:
        return await call(text=text, blocks=shown)
    except SlackFailed as error:
        if error.code not in ILL_FORMED:
            raise
        _LOG.warning("Slack refused blocks (%s); the text is sent alone", error.code)
    try:
        return await call(text=text)
    except SlackFailed as error:
        error.dead = error.code in ILL_FORMED
        raise


async def _called(method: Callable[..., Awaitable[Any]], now: datetime, **arguments: Any) -> Any:
    """A call of Slack's API, with its failures as ours."""
    try:
        return await method(**arguments)
    except SlackApiError as error:
        response: Any = (
            error.response
        )  # the SDK's, or aiohttp's own where the body was not the JSON it said it was
        data = getattr(response, "data", None)
        code = data.get("error", "") if isinstance(data, dict) else ""
        status = getattr(response, "status_code", None) or getattr(response, "status", 0) or 0
        raise _failure(
            status, code, json.dumps(data) if data else "", response.headers, now
        ) from None
    except AttributeError:  # the SDK's, where the body is JSON but no object, or text
        raise SlackFailed("slack: not an answer of Slack") from None


def _failure(
    status: int, code: str, answer: str, headers: Any, now: datetime, *, hook: bool = False
) -> SlackFailed:
    """The class of a failure (delivery reference 2.2): whatever is not known to need a person is
    tried again.
    """
    known = 0 < len(code) <= 60 and code.replace("_", "").isalnum()
    floor = headers.get("Retry-After") or headers.get("retry-after")
    failed = SlackFailed(
        f"slack: {code}" if known else f"slack: HTTP {status}, not an answer of Slack",
        permanent=code in PAUSE | PAUSE_WORKSPACE or status == 410,
        workspace=code in PAUSE_WORKSPACE and not hook,
        retry_after=retry_after(floor, now) if status in (429, 503) else None,
        status=status,
        answer=answer,
    )
    failed.code = code if known else ""
    return failed


def workspace(address: str) -> str | None:
    """Whose token a target is reached with: a team's, that of the setting (empty), or none at
    all.
    """
    return None if "://" in address else address.rpartition("/")[0]
