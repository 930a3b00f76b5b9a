"""Send deliveries to a Slack channel: one attempt at one message.

A target is a channel (``C012AB3CD``, ``#name``, or ``team/channel`` where the app is installed in
several workspaces) or the URL of an incoming webhook, which is a secret itself and has no threads.

A retirement has one message in a channel. Later changes update it in place and go to its thread; an
urgent change (event_subject.is_urgent) is shown in the channel as well. Changes of several subjects
that are due together are one message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp

from monitor.delivery.address_guard import Guard
from monitor.delivery.event_subject import is_urgent, subject
from monitor.delivery.http_client import BROKEN, broken_connection
from monitor.delivery.message_context import NO_CONTEXT, MessageContext, context_of
from monitor.delivery.settings import DeliverySettings
from monitor.delivery.slack import threads
from monitor.delivery.slack.blocks import Message
from monitor.delivery.slack.card import card, reply
from monitor.delivery.slack.change_list import change_list
from monitor.delivery.slack.client import hook_client, log, post_with_fallback, web_client
from monitor.delivery.slack.earlier_posts import find_earlier_posts, metadata
from monitor.delivery.slack.errors import GONE, SlackFailed, call, slack_failure
from monitor.errors import DeliveryFailed, StoreError
from monitor.store import slack_installs
from monitor.store.tables import EventRow, ThreadRow

if TYPE_CHECKING:
    from monitor.delivery.queue import PendingDelivery
    from monitor.store.db import Store
    from monitor.vault import Vault

#: How long the cards of retirements may be updated that a list has told of, in seconds.
UPDATE_DEADLINE = 15.0


@dataclass(frozen=True, slots=True)
class ChannelState:
    """The token of a channel, and by subject its cards and the contexts of the retirements that a
    message shows.
    """

    token: str
    channel: str
    threads: Mapping[str, ThreadRow]
    contexts: Mapping[str, MessageContext]


@dataclass(slots=True)
class Posted:
    """The last answer, and the cards that were posted, as channel and timestamp by subject."""

    status: int = 200
    answer: str = ""
    threads: dict[str, tuple[str, str]] = field(default_factory=dict)


class Slack:
    """Posts messages to Slack, through one session."""

    def __init__(
        self,
        store: Store,
        http: aiohttp.ClientSession,
        guard: Guard,
        vault: Vault,
        settings: DeliverySettings,
        now: Callable[[], datetime],
    ):
        self.store = store
        self.http = http
        self.guard = guard
        self.vault = vault
        self.settings = settings
        self.now = now
        self._pace = threads.Pace()

    async def send(self, deliveries: Sequence[PendingDelivery], address: str) -> tuple[int, str]:
        """Send deliveries to their channel in one message. Return the status and the answer.

        Raise DeliveryFailed if the message did not arrive."""
        now, attempt = self.now(), None
        state = await asyncio.to_thread(self._read_state, deliveries, address, now)
        try:
            async with asyncio.timeout(self.settings.deadline):
                if "://" in address:
                    posted = await self._post_to_hook(address, deliveries, state, now)
                else:
                    attempt = ChannelAttempt(self, deliveries, state, now)
                    posted = await attempt.send()
        except BROKEN as error:
            raise broken_connection(error, self.settings.deadline) from None
        except DeliveryFailed as error:
            # An answer may repeat the request.
            error.answer = error.answer.replace(state.token or "\0", "[secret]")
            raise
        if attempt:
            await attempt.update_listed_cards()
        if deliveries[0].delivery_id:
            await asyncio.to_thread(
                self._remember, deliveries[0].target.id, deliveries[-1].event, posted
            )
        return posted.status, posted.answer

    async def post(self, token: str, channel: str, message: Message) -> None:
        """Post a message that is no delivery. Raise DeliveryFailed, or what the SDK raises where
        Slack does not answer.
        """
        api = web_client(self.http, token, self.settings.slack_base_url)
        post = partial(call, api.chat_postMessage, self.now(), channel=channel)
        async with asyncio.timeout(self.settings.deadline):
            await post_with_fallback(message, post)

    async def update(self, token: str, thread: ThreadRow, message: Message) -> None:
        """Replace the text and the blocks of a message that was posted."""
        api = web_client(self.http, token, self.settings.slack_base_url)
        update = partial(call, api.chat_update, self.now(), channel=thread.channel, ts=thread.ts)
        async with asyncio.timeout(self.settings.deadline):
            await post_with_fallback(message, update)

    def _read_state(
        self, deliveries: Sequence[PendingDelivery], address: str, now: datetime
    ) -> ChannelState:
        target_id = deliveries[0].target.id
        team, _, channel = ("", "", address) if "://" in address else address.rpartition("/")
        latest = {subject(delivery.event): delivery.event for delivery in deliveries}
        latest.pop("", None)
        with self.store.read() as session:
            token = (
                slack_installs.token(session, self.vault, team)
                if team
                else self.settings.slack_token
            )
            rows = threads.find_threads(session, target_id)
            by_subject = {row.subject: row for row in rows}
            contexts = {
                key: context_of(session, event, target_id, now)
                for key, event in latest.items()
                if key in by_subject or len(latest) == 1
            }
        if not channel.startswith(("C", "G", "D")):  # a name: the API updates only by the id
            channel = next((row.channel for row in rows), channel)
        return ChannelState(token, channel, by_subject, contexts)

    async def _post_to_hook(
        self,
        url: str,
        deliveries: Sequence[PendingDelivery],
        state: ChannelState,
        now: datetime,
    ) -> Posted:
        hook = hook_client(self.http, str(self.guard.url(url)))

        async def post(**content: Any) -> Any:
            answer = await hook.send(**content, unfurl_links=False, unfurl_media=False)
            body = answer.body.strip()
            if answer.status_code != 200 or body != "ok":
                raise slack_failure(
                    answer.status_code, body, answer.body, answer.headers, now, hook=True
                )
            return answer

        events = [delivery.event for delivery in deliveries]
        answer = await post_with_fallback(build_message(events, now, state.contexts), post)
        return Posted(answer.status_code, "ok")

    def _remember(self, target_id: str, event: EventRow, posted: Posted) -> None:
        """Store the cards that were posted, and let the channel rest."""
        now = self.now()
        until = self._pace.rest_after(target_id, now)
        try:
            with self.store.write() as session:
                threads.save_threads(session, target_id, event.id, posted.threads, now)
                threads.rest_channel(session, target_id, until)
        except StoreError as error:
            log.warning(
                "%s: what was posted is not remembered, later changes get a message of their own: "
                "%s",
                target_id,
                error,
            )


def build_message(
    events: Sequence[EventRow],
    now: datetime,
    contexts: Mapping[str, MessageContext],
    buttons: bool = False,
) -> Message:
    """Return a card about one subject, or a list."""
    subjects = {subject(event) for event in events}
    if len(events) == 1 or (len(subjects) == 1 and "" not in subjects):
        return card(events, now, contexts.get(subjects.pop(), NO_CONTEXT), buttons)
    return change_list(events, now)


class ChannelAttempt:
    """One attempt at the deliveries of one channel."""

    def __init__(
        self,
        slack: Slack,
        deliveries: Sequence[PendingDelivery],
        state: ChannelState,
        now: datetime,
    ):
        if not state.token:
            team = workspace(deliveries[0].target.address)
            reason = (
                f"the app is not installed in {team}"
                if team
                else "there is no token; set LASTCALL_SLACK_TOKEN"
            )
            raise DeliveryFailed(f"slack: {reason}", effect="stop_target")
        self.deliveries = deliveries
        self.state = state
        self.now = now
        self.buttons = slack.settings.slack_buttons
        self.target = deliveries[0].target
        self.subjects = {subject(delivery.event) for delivery in deliveries}
        self.only_subject = next(iter(self.subjects)) if len(self.subjects) == 1 else ""
        self.api = web_client(slack.http, state.token, slack.settings.slack_base_url)
        self.threads = state.threads if self.target.threads != "off" else {}
        self.posted = Posted()

    async def send(self) -> Posted:
        """Post, or update the card and answer in its thread; but not what was posted already."""
        deliveries = self.deliveries
        if max(delivery.number for delivery in deliveries) > 1:
            deliveries = await self._not_posted()
        events = [delivery.event for delivery in deliveries]
        if not events:
            self.posted.answer = "was posted by an earlier try"
        elif thread := self.threads.get(self.only_subject):
            await self._continue(thread, events)
        else:
            await self._post_new(events)
        return self.posted

    async def update_listed_cards(self) -> None:
        """Update the cards of the retirements that a list told of, as many as there is time for.

        The list has arrived: what fails here is no failed delivery."""
        if self.only_subject:
            return
        try:
            async with asyncio.timeout(UPDATE_DEADLINE):
                for key in sorted(self.subjects & self.threads.keys()):
                    events = [
                        delivery.event
                        for delivery in self.deliveries
                        if subject(delivery.event) == key
                    ]
                    try:
                        await self._update(self.threads[key], events)
                    except SlackFailed as error:
                        if error.code not in GONE:
                            raise
        except (DeliveryFailed, *BROKEN) as error:
            log.warning(
                "%s: not every message about what a list told is updated: %s", self.target.id, error
            )

    async def _post_new(self, events: Sequence[EventRow]) -> None:
        """Post a message of its own. If all events are about one retirement, it is its card: later
        changes go to its thread.
        """
        message = build_message(events, self.now, self.state.contexts, self.buttons)
        answer = await self._post(message)
        if self.only_subject:
            self.posted.threads[self.only_subject] = (
                str(answer.get("channel")),
                str(answer.get("ts")),
            )

    async def _continue(self, thread: ThreadRow, events: Sequence[EventRow]) -> None:
        """Update the card of a retirement, which may be done twice, and answer in its thread."""
        try:
            await self._update(thread, events)
            broadcast = self.target.threads == "all" or any(
                is_urgent(event, self.now) for event in events
            )
            message = reply(events, self.now)
            await self._post(message, thread_ts=thread.ts, reply_broadcast=broadcast)
        except SlackFailed as error:
            if error.code not in GONE:
                raise
            await self._post_new(events)
        else:
            self.posted.threads[thread.subject] = (thread.channel, thread.ts)

    async def _update(self, thread: ThreadRow, events: Sequence[EventRow]) -> None:
        message = build_message(events, self.now, self.state.contexts, self.buttons)
        update = partial(call, self.api.chat_update, self.now, channel=thread.channel, ts=thread.ts)
        await post_with_fallback(message, update)

    async def _post(self, message: Message, **thread: Any) -> Any:
        post = partial(
            call,
            self.api.chat_postMessage,
            self.now,
            channel=self.state.channel,
            metadata=metadata(self.deliveries),
            unfurl_links=False,
            unfurl_media=False,
            **thread,
        )
        answer = await post_with_fallback(message, post)
        self.posted.status = answer.status_code
        self.posted.answer = json.dumps({"ts": answer.get("ts"), "channel": answer.get("channel")})
        return answer

    async def _not_posted(self) -> list[PendingDelivery]:
        """Return the deliveries that an earlier attempt did not post, as far as we may know."""
        state = self.state
        rows = [state.threads[key] for key in self.subjects & state.threads.keys()]
        last = self.deliveries[-1].event.id
        if self.only_subject and any(row.event_id == last for row in rows):
            return []
        earlier = await find_earlier_posts(self.api, state.channel, self.deliveries, rows, self.now)
        if self.only_subject and earlier.message_ts:
            self.posted.threads[self.only_subject] = (state.channel, earlier.message_ts)
        return [
            delivery
            for delivery in self.deliveries
            if delivery.delivery_id not in earlier.delivery_ids
        ]


def workspace(address: str) -> str | None:
    """Return whose token a channel is reached with: a team's, or that of the setting (empty). An
    incoming webhook needs none: None.
    """
    return None if "://" in address else address.rpartition("/")[0]
