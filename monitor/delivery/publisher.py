"""The order of a delivery: claim, send, record. Nothing else knows it.

The clients of HTTP and Slack are imported when a Publisher is opened, so that what only owes
deliveries (poll) or checks a filter (the command line) does not pay for them."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from random import random as system_random
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from monitor.delivery import claim as leases
from monitor.delivery import outbox
from monitor.delivery.queue import Owed, Try
from monitor.delivery.slack import pausing
from monitor.delivery.webhook import signature
from monitor.delivery.webhook.envelope import Envelopes
from monitor.errors import DeliveryFailed, SettingError, StoreError
from monitor.logs import Line
from monitor.store import secrets as sealed
from monitor.store.db import retried
from monitor.store.secrets import Opened
from monitor.vault import Vault

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from monitor.delivery.address_guard import Networks
    from monitor.delivery.slack.blocks import Background
    from monitor.delivery.slack.send import Slack
    from monitor.settings.model import Settings
    from monitor.store.db import Store
    from monitor.store.tables import SubscriptionRow

log = logging.getLogger("lastcall.publish")

Outcome = tuple[Sequence[Owed], Try, DeliveryFailed | None]

#: How often the outbox is looked at without being told: other processes put deliveries there too,
#: in seconds.
LOOK = 1.0
#: A pause before the next claim, in which more tries end: one claim for all of them.
GATHER = 0.02
#: How often it is asked which paused targets are to be tried again.
PROBE = timedelta(minutes=1)
#: A try that takes longer than this, in seconds, gives its place to another: slow receivers do not
#: delay quick ones ...
SLOW = 0.5
#: ... until this many times the concurrency is in flight.
MOST_SLOW = 10
#: Who we are in a handshake (WebHook-Request-Origin of the CloudEvents webhook specification).
ORIGIN = "lastcall"
#: Targets whose secrets stay open in memory between deliveries.
KEPT = 2000
#: Characters of an answer that are kept with its try.
ANSWER_KEPT = 500
#: How long what is in flight may take once the service stops, in seconds.
STOP = 20.0


class Publisher:
    """Delivers what the outbox holds. ``async with Publisher(...) as publisher`` opens its
    connections.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        random: Callable[[], float] = system_random,
        vault: Vault | None = None,
        slack_token: str = "",
        slack_base_url: str = "",
        slack_buttons: bool = False,
        allow_networks: Networks = (),
        allow_http: bool = False,
        allow_high_ports: bool = False,
        egress_proxy: str = "",
        smtp_url: str = "",
        mail_from: str = "",
        listen: str = "",
        concurrency: int = 100,
        deadline: float = 15.0,
    ):
        self.store = store
        self.now = now
        self.random = random
        self.vault = vault or Vault()
        self.slack_token = slack_token
        self.slack_base_url = slack_base_url
        self.slack_buttons = slack_buttons
        self.allow_networks = allow_networks
        self.allow_http = allow_http
        self.allow_high_ports = allow_high_ports
        self.egress_proxy = egress_proxy
        self.smtp_url = smtp_url
        self.mail_from = mail_from
        self.listen = listen
        self.concurrency = concurrency
        self.deadline = deadline
        self._hidden = (slack_token, smtp_url, *_words(smtp_url), *_words(egress_proxy))
        self.owner = uuid.uuid4().hex
        #: Hears of each try: the target's type, how it went, and its milliseconds.
        self.tell: Callable[[str, str, int], None] = lambda kind, outcome, ms: None
        self._woken = asyncio.Event()
        self._ended: list[Outcome] = []
        self._envelopes = Envelopes()
        self._kept: dict[str, tuple[tuple[Any, ...], Opened]] = {}
        self._writing = asyncio.Lock()
        self._slack: Slack | None = None
        self._probed = datetime.min.replace(tzinfo=UTC)
        self._threads: ThreadPoolExecutor | None = None
        self._open = AsyncExitStack()

    @classmethod
    def configured(
        cls, store: Store, settings: Settings, *, now: Callable[[], datetime]
    ) -> Publisher:
        """Raises SettingError where a secret of the database cannot be opened."""
        return cls(
            store,
            now=now,
            vault=sealed.unlock(store, settings),
            slack_token=settings.slack_token.get_secret_value(),
            slack_base_url=settings.slack_base_url,
            slack_buttons=settings.slack_interactive,
            allow_networks=settings.allow_networks,
            allow_http=settings.allow_http,
            allow_high_ports=settings.allow_high_ports,
            egress_proxy=settings.egress_proxy.get_secret_value(),
            smtp_url=settings.smtp_url.get_secret_value(),
            mail_from=settings.mail_from,
            listen=settings.listen,
            concurrency=settings.concurrency,
        )

    async def __aenter__(self) -> Self:
        from monitor.delivery.address_guard import Guard
        from monitor.delivery.webhook import send as webhook

        self.guard = Guard(
            self.allow_networks,
            allow_http=self.allow_http,
            allow_high_ports=self.allow_high_ports,
            own=self.listen,
            proxy=self.egress_proxy,
        )
        self.webhooks = await self._open.enter_async_context(webhook.session(self.guard))
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._open.aclose()

    async def drain_once(self) -> int:
        """Try what is due now, once, and wait for it. Returns how many deliveries were tried."""
        owed = await self.claim(self.concurrency)
        await asyncio.gather(*(self.deliver(together) for together in messages(owed)))
        return len(owed)

    def wake(self) -> None:
        """There may be something new to deliver. Called in the event loop."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``, then finish what is in flight."""
        in_flight: dict[asyncio.Task[None], float] = {}  # and when each began

        def ended(task: asyncio.Task[None]) -> None:
            del in_flight[task]
            self.wake()

        try:
            while not stop.is_set():
                self._woken.clear()
                if self._ended and not self.store.trouble:
                    await self._record_ended()
                for together in messages(await self._claim_or_wait(self._room(in_flight.values()))):
                    task = asyncio.create_task(self.deliver(together))
                    in_flight[task] = time.monotonic()
                    task.add_done_callback(ended)
                await _either(stop, self._woken, LOOK)
                await asyncio.sleep(GATHER)
            if in_flight:
                await asyncio.wait(in_flight, timeout=STOP)
        finally:
            for task in in_flight:
                task.cancel()
            try:
                await asyncio.to_thread(self.release)
            except StoreError as error:
                log.warning(
                    "claimed deliveries are free again only when their leases run out: %s", error
                )

    def _room(self, began: Collection[float]) -> int:
        """How many more may be in flight beside those that began then."""
        quick = sum(at > time.monotonic() - SLOW for at in began)
        return min(self.concurrency - quick, MOST_SLOW * self.concurrency - len(began))

    async def claim(self, limit: int) -> list[Owed]:
        async with self._writing:
            return await asyncio.to_thread(retried, lambda: self._claim(limit))

    def _claim(self, limit: int) -> list[Owed]:
        with self.store.write() as session:
            now = self.now()
            if now - self._probed >= PROBE:
                self._probed = now
                pausing.probe(session, now)
            return pausing.together(
                session, self.owner, now, leases.claim(session, self.owner, now, limit)
            )

    async def _claim_or_wait(self, limit: int) -> list[Owed]:
        """A database that cannot be written to stops deliveries, not the service: what is sent must
        be recorded.
        """
        try:
            return await self.claim(limit) if limit > 0 and not self.store.trouble else []
        except StoreError as error:
            log.warning("nothing is delivered: %s", error)
            return []

    async def deliver(self, owed: Sequence[Owed]) -> None:
        """One try at one message, and its record. Never raises: one target's trouble is not
        another's.
        """
        began, started = self.now(), time.monotonic()
        failed: DeliveryFailed | None = None
        status, answer = 0, ""
        secrets = self._hidden
        try:
            opened = self._opened(owed[0].target)
            secrets += opened.hidden
            status, answer = await self.send(owed, opened)
        except DeliveryFailed as error:
            failed, status, answer = error, error.status or 0, error.answer
        except Exception as error:
            # A fault of ours in one message. Said by its place: its words may hold what must not be
            # recorded.
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error(
                "delivery %s: %s at %s:%s",
                owed[0].delivery_id,
                type(error).__name__,
                place.filename,
                place.lineno,
            )
            failed = DeliveryFailed(f"a fault in lastcall: {type(error).__name__}")
        tried = Try(
            at=began,
            ms=round((time.monotonic() - started) * 1000),
            status=status,
            error=_clean(str(failed), secrets) if failed else "",
            answer=_clean(answer, secrets)[:ANSWER_KEPT],  # cut last: half a secret is not found
        )
        outcome = "delivered" if not failed else "refused" if failed.permanent else "failed"
        log.log(
            logging.WARNING if failed else logging.INFO,
            Line(
                "delivery",
                deliveries=[one.delivery_id for one in owed],
                events=[one.event.id for one in owed],
                target=owed[0].target.id,
                type=owed[0].target.type,
                attempt=owed[0].number,
                outcome=outcome,
                status=status or None,
                ms=tried.ms,
                error=tried.error,
            ),
        )
        self.tell(owed[0].target.type, outcome, tried.ms)
        self._ended.append((owed, tried, failed))
        await self._record_ended()

    async def _record_ended(self) -> None:
        """Record all tries that have ended by now, together: a commit each would have them wait for
        one another.
        """
        async with self._writing:
            ended, self._ended = self._ended, []
            if not ended:
                return
            try:
                await asyncio.to_thread(retried, lambda: self.record(ended))
            except StoreError:
                if self.store.trouble:  # kept until it is over: what arrived is then not sent again
                    self._ended = [*ended, *self._ended]
                    return
                # one that cannot be recorded, as its target was removed, is not the others' trouble
                for one in ended:
                    await self._record_alone(one)

    async def _record_alone(self, one: Outcome) -> None:
        try:
            await asyncio.to_thread(self.record, [one])
        except StoreError as error:
            number = one[0][0].delivery_id
            log.warning(
                "delivery %s was tried and not recorded; it is tried again: %s", number, error
            )

    def _opened(self, target: SubscriptionRow) -> Opened:
        """What it takes to reach a target, opened once while what is sealed stays the same."""
        sealed_texts = (target.address, target.sealed_address, target.secret, target.old_secrets)
        kept = self._kept.get(target.id)
        if kept and kept[0] == sealed_texts:
            return kept[1]
        try:
            opened = sealed.opened(self.vault, target)
        except (SettingError, StoreError) as error:
            raise DeliveryFailed(str(error)) from None
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[target.id] = (sealed_texts, opened)
        return opened

    async def send(self, owed: Sequence[Owed], opened: Opened) -> tuple[int, str]:
        """Status and answer of one message to one target."""
        from monitor.delivery.webhook import send as webhook

        target, events, now = owed[0].target, [one.event for one in owed], self.now()
        if target.type == "slack":
            return await (await self.open_slack()).send(owed, opened.address)
        if target.type == "email":
            return await self._mail(opened.address, owed)
        if target.type == "apprise":
            return await self._apprise(opened.address, owed)
        keys = signature.signing(opened.secret, opened.old_secrets, now)
        message = self._envelopes.seal(target.format, events, owed[0].message)
        origin = ORIGIN if target.verify == "handshake" else ""
        return await webhook.send(
            self.webhooks, self.guard, opened.address, keys, message, now, self.deadline, origin
        )

    async def handshake(self, target: SubscriptionRow) -> None:
        """Ask an endpoint whether it wants messages from here. Raises DeliveryFailed if it does not
        say so.
        """
        from monitor.delivery.webhook import send as webhook

        url = self._opened(target).address
        await webhook.handshake(self.webhooks, self.guard, url, ORIGIN, self.deadline)

    async def _mail(self, address: str, owed: Sequence[Owed]) -> tuple[int, str]:
        from monitor.delivery import email

        if not self.smtp_url:
            raise DeliveryFailed("there is no mail server; set LASTCALL_SMTP_URL", ours=True)
        relay, events = (
            email.Relay.parse(self.smtp_url, self.mail_from),
            [one.event for one in owed],
        )
        message_id = f"{owed[0].message or events[0].id}.{owed[0].target.id}"
        around = await asyncio.to_thread(self._around, owed)
        return await email.send(
            relay, email.message(relay, address, events, around, message_id, self.now())
        )

    async def _apprise(self, url: str, owed: Sequence[Owed]) -> tuple[int, str]:
        """The library is large: only who has such a target pays for it."""
        from monitor.delivery import apprise, text_message

        if self._threads is None:
            self._threads = apprise.threads()
            self._open.callback(self._threads.shutdown, wait=False, cancel_futures=True)
        events, around, now = (
            [one.event for one in owed],
            await asyncio.to_thread(self._around, owed),
            self.now(),
        )
        return await apprise.send(
            self._threads,
            url,
            text_message.title(events, now),
            text_message.text(events, around, now),
        )

    def _around(self, owed: Sequence[Owed]) -> Mapping[str, Background]:
        from monitor.delivery.message_context import background

        with self.store.read() as session:
            return {
                one.event.id: background(session, one.event, one.target.id, self.now())
                for one in owed
            }

    async def open_slack(self) -> Slack:
        """The SDK is large: only who has a Slack target pays for it."""
        if self._slack is not None:
            return self._slack
        from monitor.delivery.slack import send as slack

        http = await self._open.enter_async_context(slack.session(self.guard))
        self._slack = slack.Slack(
            self.store,
            http,
            self.guard,
            self.vault,
            now=self.now,
            token=self.slack_token,
            base_url=self.slack_base_url,
            deadline=self.deadline,
            buttons=self.slack_buttons,
        )
        return self._slack

    def record(self, ended: Sequence[Outcome]) -> None:
        """What became of tries, in one short transaction."""
        arrived = [(one, tried) for owed, tried, failed in ended if failed is None for one in owed]
        with self.store.write() as session:
            outbox.lock(session, {owed[0].target.id for owed, _, _ in ended})
            if arrived:
                outbox.acknowledge(session, arrived, self.now())
            for owed, tried, failed in ended:
                if failed and failed.dead:
                    outbox.bury(session, owed, tried, self.now())
                elif failed and failed.permanent:
                    outbox.refuse(session, owed, tried, self.now())
                    if failed.workspace:
                        workspace = owed[0].target.address.rpartition("/")[0]
                        pausing.pause_workspace(session, workspace, tried.error, self.now())
                elif failed and failed.ours:
                    outbox.postpone(session, owed, tried, self.owner, self.now())
                elif failed:
                    outbox.retry_later(
                        session,
                        owed,
                        tried,
                        self.owner,
                        self.now(),
                        self.random,
                        failed.retry_after,
                    )

    def release(self) -> None:
        with self.store.write() as session:
            leases.release(session, self.owner)


def messages(owed: Sequence[Owed]) -> list[list[Owed]]:
    """What is sent together: all that is claimed for one Slack channel, a digest; else an event
    each.
    """
    together: dict[object, list[Owed]] = {}
    for one in owed:
        key = one.target.id if one.target.type == "slack" or one.message else one.delivery_id
        together.setdefault(key, []).append(one)
    return list(together.values())


def _words(url: str) -> tuple[str, ...]:
    """Of a URL of the settings what must not be recorded: who logs in, and with what."""
    login = url.partition("://")[2].rpartition("@")[0]
    return (login, *map(unquote, login.split(":", 1))) if login else ()


def _clean(text: str, secrets: Sequence[str]) -> str:
    """Text to record: a receiver may send back what it was sent, and bytes that a database
    refuses.
    """
    for secret in secrets if text else ():
        if len(secret) >= 8:
            text = text.replace(secret, "[secret]")
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


async def _either(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.create_task(event.wait()) for event in (stop, wake)]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()
