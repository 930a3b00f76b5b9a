"""Send one message to one target, over the transport of its type.

Slack's SDK, the mail client and Apprise are large: each is imported when the first target needs it,
so that the command line and a service without such targets do not pay for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Self

from monitor.delivery.queue import PendingDelivery
from monitor.delivery.settings import DeliverySettings
from monitor.delivery.webhook import signature
from monitor.delivery.webhook.envelope import Envelopes
from monitor.errors import DeliveryFailed
from monitor.store.secrets import Credentials
from monitor.vault import Vault

if TYPE_CHECKING:
    from monitor.delivery.apprise import AppriseThreads
    from monitor.delivery.message_context import MessageContext
    from monitor.delivery.slack.send import Slack
    from monitor.store.db import Store


class Transports:
    """The connections of a publisher. ``async with`` opens and closes them."""

    def __init__(
        self,
        store: Store,
        settings: DeliverySettings,
        vault: Vault,
        now: Callable[[], datetime],
    ):
        self.store = store
        self.settings = settings
        self.vault = vault
        self.now = now
        self._envelopes = Envelopes()
        self._slack: Slack | None = None
        self._apprise: AppriseThreads | None = None
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        from monitor.delivery import http_client

        self.guard = self.settings.guard()
        self.http = await self._open.enter_async_context(http_client.session(self.guard))
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._open.aclose()

    async def send(
        self, deliveries: Sequence[PendingDelivery], opened: Credentials
    ) -> tuple[int, str]:
        """Send deliveries to their target in one message. Return the status and the answer.

        Raise DeliveryFailed if the message did not arrive."""
        match deliveries[0].target.type:
            case "slack":
                return await (await self.open_slack()).send(deliveries, opened.address)
            case "email":
                return await self._send_mail(deliveries, opened.address)
            case "apprise":
                return await self._send_apprise(deliveries, opened.address)
            case _:
                return await self._send_webhook(deliveries, opened)

    async def handshake(self, opened: Credentials) -> None:
        """Ask an endpoint whether it wants messages from here. Raise DeliveryFailed if not."""
        from monitor.delivery.webhook import send as webhook

        await webhook.handshake(self.http, self.guard, opened.address, self.settings.deadline)

    async def open_slack(self) -> Slack:
        """Return the connection to Slack, opened at the first call."""
        if self._slack is None:
            from monitor.delivery.slack import client
            from monitor.delivery.slack.send import Slack

            http = await self._open.enter_async_context(client.session(self.guard))
            self._slack = Slack(self.store, http, self.guard, self.vault, self.settings, self.now)
        return self._slack

    async def _send_webhook(
        self, deliveries: Sequence[PendingDelivery], opened: Credentials
    ) -> tuple[int, str]:
        from monitor.delivery.webhook import send as webhook

        target, now = deliveries[0].target, self.now()
        keys = signature.signing(opened.secret, opened.old_secrets, now)
        endpoint = webhook.Endpoint(opened.address, keys, target.verify == "handshake")
        events = [delivery.event for delivery in deliveries]
        message = self._envelopes.seal(target.format, events, deliveries[0].message_id)
        return await webhook.send(
            self.http, self.guard, endpoint, message, now, self.settings.deadline
        )

    async def _send_mail(
        self, deliveries: Sequence[PendingDelivery], address: str
    ) -> tuple[int, str]:
        from monitor.delivery import email

        if not self.settings.smtp_url:
            raise DeliveryFailed(
                "there is no mail server; set LASTCALL_SMTP_URL", effect="postpone"
            )
        relay = email.Relay.parse(self.settings.smtp_url, self.settings.mail_from)
        events = [delivery.event for delivery in deliveries]
        message_id = f"{deliveries[0].message_id or events[0].id}.{deliveries[0].target.id}"
        contexts = await asyncio.to_thread(self._contexts, deliveries)
        mail = email.message(relay, address, events, contexts, message_id, self.now())
        return await email.send(relay, mail)

    async def _send_apprise(
        self, deliveries: Sequence[PendingDelivery], url: str
    ) -> tuple[int, str]:
        from monitor.delivery import apprise, text_message

        if self._apprise is None:
            self._apprise = apprise.AppriseThreads()
            self._open.callback(self._apprise.close)
        events, now = [delivery.event for delivery in deliveries], self.now()
        contexts = await asyncio.to_thread(self._contexts, deliveries)
        title, text = text_message.title(events, now), text_message.text(events, contexts, now)
        return await self._apprise.send(url, title, text)

    def _contexts(self, deliveries: Sequence[PendingDelivery]) -> Mapping[str, MessageContext]:
        """Return what the store knows around each event, by its id."""
        from monitor.delivery.message_context import context_of

        with self.store.read() as session:
            return {
                delivery.event.id: context_of(
                    session, delivery.event, delivery.target.id, self.now()
                )
                for delivery in deliveries
            }
