"""Deliver the outbox: claim, send, record. Only this module knows the order of a delivery.

The clients of HTTP and Slack are imported when a Publisher is opened, so that a process that only
enqueues deliveries (poll) or checks a filter (the command line) does not pay for them."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from random import random as system_random
from typing import TYPE_CHECKING, Self

from monitor.delivery import attempt_results, target_health
from monitor.delivery import claim as leases
from monitor.delivery.attempt_results import AttemptResult
from monitor.delivery.queue import Attempt, PendingDelivery
from monitor.delivery.redaction import redact
from monitor.delivery.secret_cache import SecretCache
from monitor.delivery.settings import DeliverySettings
from monitor.delivery.transports import Transports
from monitor.errors import DeliveryFailed, StoreError
from monitor.logs import Line
from monitor.store import secrets
from monitor.store.db import retried
from monitor.store.secrets import Credentials
from monitor.vault import Vault

if TYPE_CHECKING:
    from monitor.settings.model import Settings
    from monitor.store.db import Store
    from monitor.store.tables import SubscriptionRow

log = logging.getLogger("lastcall.publish")

#: How often the outbox is asked without a wake-up, in seconds: other processes enqueue too.
IDLE = 1.0
#: A pause before the next claim, in seconds, in which more attempts end: one claim for all of them.
GATHER = 0.02
#: How often paused targets that are due are tried again.
PROBE_EVERY = timedelta(minutes=1)
#: An attempt that takes longer than this, in seconds, gives its place to another: slow receivers do
#: not delay quick ones ...
SLOW = 0.5
#: ... until this many times the concurrency is in flight.
MOST_SLOW = 10
#: Characters of an answer that are kept with its attempt.
ANSWER_KEPT = 500
#: How long attempts in flight may take once the service stops, in seconds.
STOP = 20.0


class Publisher:
    """Delivers what the outbox holds.

    ``async with Publisher(...) as publisher`` opens its connections. ``on_attempt`` is called after
    each attempt, with the target's type, the outcome and its milliseconds."""

    def __init__(
        self,
        store: Store,
        settings: DeliverySettings | None = None,
        *,
        now: Callable[[], datetime],
        random: Callable[[], float] = system_random,
        vault: Vault | None = None,
    ):
        self.store = store
        self.settings = settings or DeliverySettings()
        self.now = now
        self.random = random
        self.vault = vault or Vault()
        self.transports = Transports(store, self.settings, self.vault, now)
        self.owner = uuid.uuid4().hex
        self.on_attempt: Callable[[str, str, int], None] = lambda kind, outcome, ms: None
        self._secrets = SecretCache(self.vault)
        self._woken = asyncio.Event()
        self._ended: list[AttemptResult] = []
        self._writing = asyncio.Lock()
        self._probed = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def configured(
        cls, store: Store, settings: Settings, *, now: Callable[[], datetime]
    ) -> Publisher:
        """Return a publisher of these settings, with the keys of the database.

        Raise SettingError where a secret of the database cannot be opened."""
        vault = secrets.unlock(store, settings)
        return cls(store, DeliverySettings.of(settings), now=now, vault=vault)

    async def __aenter__(self) -> Self:
        await self.transports.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.transports.__aexit__(*error)

    def wake(self) -> None:
        """Look for new deliveries now. Call it in the event loop."""
        self._woken.set()

    async def drain_once(self) -> int:
        """Try what is due now, once, and wait for it. Return how many deliveries were tried."""
        deliveries = await self.claim(self.settings.concurrency)
        await asyncio.gather(*(self.deliver(message) for message in messages(deliveries)))
        return len(deliveries)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``, then finish what is in flight, at most STOP seconds."""
        in_flight: dict[asyncio.Task[None], float] = {}  # and when each began

        def ended(task: asyncio.Task[None]) -> None:
            del in_flight[task]
            self.wake()

        try:
            while not stop.is_set():
                self._woken.clear()
                if self._ended and not self.store.trouble:
                    await self._record_ended()
                room = self._room(in_flight.values())
                for message in messages(await self._claim_or_wait(room)):
                    task = asyncio.create_task(self.deliver(message))
                    in_flight[task] = time.monotonic()
                    task.add_done_callback(ended)
                await _first_of(stop, self._woken, IDLE)
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
        """Return how many more attempts may start beside those in flight, which began then."""
        quick = sum(at > time.monotonic() - SLOW for at in began)
        concurrency = self.settings.concurrency
        return min(concurrency - quick, MOST_SLOW * concurrency - len(began))

    async def claim(self, limit: int) -> list[PendingDelivery]:
        """Lease at most ``limit`` due deliveries, and all others that go into the same messages."""
        async with self._writing:
            return await asyncio.to_thread(retried, lambda: self._claim(limit))

    def _claim(self, limit: int) -> list[PendingDelivery]:
        with self.store.write() as session:
            now = self.now()
            if now - self._probed >= PROBE_EVERY:
                self._probed = now
                target_health.probe_paused(session, now)
            claimed = leases.claim(session, self.owner, now, limit)
            return leases.claim_rest(session, self.owner, now, claimed)

    async def _claim_or_wait(self, limit: int) -> list[PendingDelivery]:
        """Claim, or nothing while the database cannot be written to: what is sent must be
        recorded.
        """
        try:
            return await self.claim(limit) if limit > 0 and not self.store.trouble else []
        except StoreError as error:
            log.warning("nothing is delivered: %s", error)
            return []

    async def deliver(self, deliveries: Sequence[PendingDelivery]) -> None:
        """Make one attempt at one message, and record it. Never raises: the trouble of one target
        is not another's.
        """
        target, failure = deliveries[0].target, None
        status, answer, hidden = 0, "", self.settings.secrets
        began, started = self.now(), time.monotonic()
        try:
            opened = self._secrets.open(target)
            hidden += opened.redactions
            status, answer = await self.send(deliveries, opened)
        except DeliveryFailed as error:
            failure, status, answer = error, error.status or 0, error.answer
        except Exception as error:
            failure = _our_fault(deliveries[0], error)
        attempt = Attempt(
            at=began,
            ms=round((time.monotonic() - started) * 1000),
            status=status,
            error=redact(str(failure), hidden) if failure else "",
            answer=redact(answer, hidden)[:ANSWER_KEPT],  # cut last: half a secret is not found
        )
        outcome = "delivered" if not failure else "refused" if failure.stops else "failed"
        _log_attempt(deliveries, attempt, outcome)
        self.on_attempt(target.type, outcome, attempt.ms)
        self._ended.append(AttemptResult(deliveries, attempt, failure))
        await self._record_ended()

    async def send(
        self, deliveries: Sequence[PendingDelivery], opened: Credentials
    ) -> tuple[int, str]:
        """Send one message to one target. Return the status and the answer."""
        return await self.transports.send(deliveries, opened)

    async def handshake(self, target: SubscriptionRow) -> None:
        """Ask an endpoint whether it wants messages from here. Raise DeliveryFailed if not."""
        await self.transports.handshake(self._secrets.open(target))

    async def _record_ended(self) -> None:
        """Record all attempts that have ended by now, together: with a commit each they would wait
        for one another.
        """
        async with self._writing:
            ended, self._ended = self._ended, []
            if not ended:
                return
            try:
                await asyncio.to_thread(retried, lambda: self.record(ended))
            except Exception as error:
                if isinstance(error, StoreError) and self.store.trouble:
                    # Kept until the trouble is over: what arrived is then not sent again.
                    self._ended = [*ended, *self._ended]
                    return
                # One result that cannot be recorded, as its target was removed, is not the others'
                # trouble.
                for result in ended:
                    await self._record_alone(result)

    async def _record_alone(self, result: AttemptResult) -> None:
        """Record one attempt. If that fails, the delivery is tried again when its lease ends."""
        try:
            await asyncio.to_thread(self.record, [result])
        except Exception as error:
            number = result.deliveries[0].delivery_id
            log.log(
                logging.WARNING if isinstance(error, StoreError) else logging.ERROR,
                "delivery %s was tried and not recorded; it is tried again: %s",
                number,
                error if isinstance(error, StoreError) else _place_of(error),
            )

    def record(self, results: Sequence[AttemptResult]) -> None:
        """Record attempts in one short transaction."""
        with self.store.write() as session:
            attempt_results.record(session, results, self.owner, self.now(), self.random)

    def release(self) -> None:
        """Give back what was claimed and not sent."""
        with self.store.write() as session:
            leases.release(session, self.owner)


def messages(deliveries: Sequence[PendingDelivery]) -> list[list[PendingDelivery]]:
    """Return the deliveries of each message: all of one Slack channel, all of a digest, or one."""
    together: dict[object, list[PendingDelivery]] = {}
    for delivery in deliveries:
        is_shared = delivery.target.type == "slack" or delivery.message_id
        key = delivery.target.id if is_shared else delivery.delivery_id
        together.setdefault(key, []).append(delivery)
    return list(together.values())


def _our_fault(delivery: PendingDelivery, error: Exception) -> DeliveryFailed:
    """Log a bug in sending, and return it as a failure of this attempt."""
    log.error("delivery %s: %s", delivery.delivery_id, _place_of(error))
    return DeliveryFailed(f"a fault in lastcall: {type(error).__name__}")


def _place_of(error: Exception) -> str:
    """Describe an error by its type and place: its text may hold what must not be logged."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {place.filename}:{place.lineno}"


def _log_attempt(deliveries: Sequence[PendingDelivery], attempt: Attempt, outcome: str) -> None:
    log.log(
        logging.INFO if outcome == "delivered" else logging.WARNING,
        Line(
            "delivery",
            deliveries=[delivery.delivery_id for delivery in deliveries],
            events=[delivery.event.id for delivery in deliveries],
            target=deliveries[0].target.id,
            type=deliveries[0].target.type,
            attempt=deliveries[0].number,
            outcome=outcome,
            status=attempt.status or None,
            ms=attempt.ms,
            error=attempt.error,
        ),
    )


async def _first_of(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    """Wait for either event, at most so long."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, wake)]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()
