"""The service: APScheduler rings the clocks, a query says what is due, and the polls and deliveries
run beside it.

What is due is a column. A restart, a long stop or ``lastcall poll`` from cron need no rule of their
own: the next tick asks the same question. On PostgreSQL several services may ask it: each leases
what it polls.

Time is kept twice. The wall clock says what is due and may be set; the monotonic one notices that
it was (_watch). While the database is in trouble nothing is fetched and nothing sent, since neither
could be recorded."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor import __version__
from monitor.delivery import outbox
from monitor.delivery.publisher import Publisher
from monitor.delivery.reminders import EVERY as REMIND_EVERY
from monitor.delivery.reminders import remind
from monitor.errors import StoreError
from monitor.logs import Line
from monitor.polling.fetch import Fetcher
from monitor.polling.parser_pool import Sandbox
from monitor.polling.poll import Polled, Poller
from monitor.reading.source import Source
from monitor.settings import provider_key
from monitor.settings.model import Settings
from monitor.slack_app.serve import slack_app
from monitor.store import schema, source_state
from monitor.store.db import SKEW, Store
from monitor.store.known_deviations import known_deviations
from monitor.store.source_state import State
from monitor.web import health

log = logging.getLogger("lastcall")

#: How often the service asks what is due, in seconds.
TICK = 1.0
#: How often the monotonic clock is asked whether the ticks come and the wall clock was left alone,
#: in seconds.
WATCH = 5.0
#: How often it is asked whether something was recorded in the future, in seconds.
CLAMP = 60.0
#: Leases are renewed after a quarter of their time, in seconds.
RENEW = source_state.LEASE.total_seconds() / 4
#: How often it asks whether it is time for reminders, in seconds.
ASK = 60.0
#: How long polls and deliveries under way may take to end after SIGTERM, in seconds.
GRACE = 20.0


def clock() -> datetime:
    return datetime.now(UTC)


class Every(BaseTrigger):  # type: ignore[misc]
    """Rings an interval from now, whatever the wall clock did since.

    APScheduler's own interval trigger counts from the last ring: a clock set forward by a year has
    it make a list of thirty million missed seconds first."""

    def __init__(self, seconds: float):
        self.interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return now + self.interval


class Service:
    """One process that polls what is due and delivers what is owed.

    ``declared`` is asked again when something unknown is due: a feed that was added since.
    """

    def __init__(
        self,
        store: Store,
        poller: Poller,
        publisher: Publisher,
        declared: Callable[[], Mapping[str, Source]],
        *,
        at_once: int = 20,
    ):
        self.store = store
        self.poller = poller
        self.publisher = publisher
        self.declared = declared
        self.at_once = at_once
        self.stopping = asyncio.Event()
        self.ticked = time.monotonic()
        self.error = ""
        self.metrics = health.Metrics(
            store, poller.clock, lambda: getattr(poller.reader, "killed", 0)
        )
        self._renewed = self.ticked
        self._left: dict[
            str, datetime | None
        ] = {}  # what broke or is not declared, and until when it is left alone
        self._turn = asyncio.Lock()
        self._waiting: dict[str, State] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._coming = False  # a worker that was started and has not begun

    @property
    def polling(self) -> bool:
        """Whether polls are under way."""
        return bool(self._workers or self._waiting)

    async def tick(self) -> None:
        """Write what the last polls found unchanged, then start those that are due."""
        async with self._turn:
            try:
                if self.store.trouble:
                    await asyncio.to_thread(schema.probe, self.store)
                    log.info("%r can be written to again", self.store)
                await self.poller.flush()
                await self._renew()
                there = len(self.poller.busy) + len(self._waiting)
                if there < self.at_once and not self.stopping.is_set():
                    for row in await asyncio.to_thread(self._due, self.at_once + there):
                        self._waiting.setdefault(row.id, row)
                    self._hire()
                self._say("")
            except StoreError as error:  # the database may come back; the next tick asks again
                self._say(str(error))
            self.ticked = time.monotonic()

    def _hire(self) -> None:
        """Start one more worker if a source waits. Each worker does so too: there are as many as
        must wait at once.
        """
        if self._waiting and not self._coming and len(self._workers) < self.at_once:
            self._coming = True
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        self._coming = False
        while self._waiting and not self.stopping.is_set() and not self.store.trouble:
            row = self._waiting.pop(next(iter(self._waiting)))
            self._hire()
            await self._poll(row)

    def _due(self, limit: int) -> Sequence[State]:
        """What this process is to poll now. SQLite has one service (store.lock), so that it needs
        no leases.
        """
        now = self.poller.clock()
        with self.store.read() as session:
            due = source_state.due(session, now, limit)
        if any(row.id not in self.poller.declared for row in due):
            self.poller.declared = self.declared()
            gone = [
                row.id for row in due if row.id not in self.poller.declared
            ]  # else they would fill the queue
            self._left |= dict.fromkeys(gone, now + source_state.LEASE)
        ours = [
            row for row in due if row.id in self.poller.declared and row.id not in self.poller.busy
        ]
        if not ours or self.store.sqlite:
            return ours
        with self.store.write() as session:
            leased = source_state.claim(session, [row.id for row in ours], now)
        return [row for row in ours if row.id in leased]

    async def _renew(self) -> None:
        """Leave what broke alone, or free it; and keep the leases on what is polled or waits for
        it, since a host's queue may be longer than a lease is."""
        if left := dict(self._left):
            await asyncio.to_thread(self._lease, left)
            self._left = {
                broke: until for broke, until in self._left.items() if left.get(broke, "") != until
            }
        if not self.store.sqlite and time.monotonic() - self._renewed > RENEW:
            until = self.poller.clock() + source_state.LEASE
            await asyncio.to_thread(
                self._lease, dict.fromkeys([*self.poller.busy, *self._waiting], until)
            )
            self._renewed = time.monotonic()

    def _lease(self, until: Mapping[str, datetime | None]) -> None:
        with self.store.write() as session:
            source_state.lease(session, until)

    async def _poll(self, row: State) -> None:
        try:
            polled = await self.poller.poll(row)
        except StoreError as error:
            self._say(str(error))
            self._left[row.id] = (
                None
                if error.again or self.store.trouble
                else self.poller.clock() + source_state.LEASE
            )
        except Exception:
            log.exception("source=%s poll broke; this is a bug of Lastcall", row.id)
            self._left[row.id] = (
                self.poller.clock() + source_state.LEASE
            )  # not every second: the provider is asked each time
        else:
            self.metrics.polled(polled.outcome, polled.ms)
            _tell(polled)

    def _say(self, error: str) -> None:
        """Remember what is wrong with the database, and log it when it is new."""
        if error and error != self.error:
            log.error("%s", error)
        self.error = error

    async def remind(self) -> None:
        """Tell the reminders that are due: once an hour, by whichever of several services comes
        first.
        """
        try:
            told = await asyncio.to_thread(
                remind, self.store, self.poller.declared, self.poller.clock(), every=REMIND_EVERY
            )
        except StoreError as error:
            self._say(str(error))
        else:
            if told:
                self.publisher.wake()

    async def run(self) -> None:
        """Until ``stopping`` is set; then finish what is under way, at most GRACE seconds."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        often: dict[str, Any] = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        # Reminders after the first polls: what a stop has missed is told as the pages say it now.
        rings = [
            scheduler.add_job(self.tick, Every(TICK), **often),
            scheduler.add_job(self.remind, Every(ASK), **often),
        ]
        scheduler.start()
        delivering = asyncio.create_task(self.publisher.run(self.stopping))
        stopped = asyncio.create_task(self.stopping.wait())

        def ring() -> None:
            for job in rings:
                job.modify(next_run_time=self.poller.clock())

        watching = asyncio.create_task(self._watch(ring))
        try:
            await self._clamp()
            await self.tick()
            await asyncio.wait((stopped, delivering, watching), return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # it never ends by itself: this raises
        finally:
            self.stopping.set()
            watching.cancel()
            scheduler.remove_all_jobs()
            async with self._turn:  # a tick under way ends by itself; shutdown would cancel it
                scheduler.shutdown(wait=False)
            if self._workers:
                await asyncio.wait(self._workers, timeout=GRACE)
            await self._finish()
            await self._delivered(delivering)

    async def _delivered(self, delivering: asyncio.Task[None]) -> None:
        """Wait for deliveries under way; what is broken off is sent again when its lease runs
        out.
        """
        done, _ = await asyncio.wait((delivering,), timeout=GRACE)
        if done:
            delivering.result()
        else:
            log.warning("deliveries under way were broken off after %.0f s", GRACE)
            delivering.cancel()

    async def _finish(self) -> None:
        """Write what the last polls found, and leave to others what was leased and not polled."""
        try:
            await self.poller.flush()
            if self._waiting and not self.store.sqlite:
                await asyncio.to_thread(self._lease, dict.fromkeys(self._waiting))
        except StoreError as error:
            log.warning("what the last polls found unchanged is polled again: %s", error)

    async def _watch(self, ring: Callable[[], None]) -> None:
        """Ring again when the ticks stop, and put right what a wrong clock wrote.

        The scheduler waits for a time of the wall clock: set back by an hour, it would be silent
        for an hour."""
        before, clamped = self._ahead(), time.monotonic()
        while True:
            await asyncio.sleep(WATCH)
            stepped, before = self._ahead() - before, self._ahead()
            if abs(stepped) > SKEW.total_seconds():
                log.warning("the clock was set by %+.0f s, or the machine slept", stepped)
            # And now and then: polls that were under way are recorded after it was set, with the
            # time they began at.
            if abs(stepped) > SKEW.total_seconds() or time.monotonic() - clamped > CLAMP:
                await self._clamp()
                clamped = time.monotonic()
            if time.monotonic() - self.ticked > 2 * TICK:
                ring()
            await self._look_after()

    async def _look_after(self) -> None:
        """Stop, as for any trouble of the database, once a newer Lastcall has changed it."""
        try:
            if not self.store.trouble:
                self.store.trouble = await asyncio.to_thread(schema.fault, self.store)
        except StoreError as error:
            self._say(str(error))

    def _ahead(self) -> float:
        """How far the wall clock is ahead of the monotonic one, in seconds: constant until somebody
        sets it.
        """
        return self.poller.clock().timestamp() - time.monotonic()

    async def _clamp(self) -> None:
        try:
            polls, deliveries = await asyncio.to_thread(self._clamped)
        except StoreError as error:
            self._say(str(error))
            return
        if polls or deliveries:
            log.warning(
                "%d polls and %d deliveries were recorded in the future; they are due now",
                polls,
                deliveries,
            )

    def _clamped(self) -> tuple[int, int]:
        now = self.poller.clock()
        with self.store.write() as session:
            return source_state.clamp(session, now), outbox.clamp(session, now)


def _tell(polled: Polled) -> None:
    level = (
        logging.WARNING
        if polled.outcome in ("suspect", "unreadable", "unreachable")
        else logging.INFO
    )
    if log.isEnabledFor(level):
        events = [event["id"] for event in polled.events]
        log.log(
            level,
            Line(
                "poll",
                source=polled.source_id,
                outcome=polled.outcome,
                rows=polled.rows,
                events=events,
                ms=polled.ms,
                error=polled.error,
            ),
        )


async def serve(
    settings: Settings, store: Store, declared: Callable[[], Mapping[str, Source]]
) -> None:
    """Run the service until SIGTERM or SIGINT."""
    deviations = known_deviations(settings.deviations_file)
    known, url = declared(), settings.heartbeat_url.get_secret_value()
    with store.write() as session:
        source_state.register(session, known, clock())
    publisher = Publisher.configured(store, settings, now=clock)
    fetching, slack = Fetcher(overall=settings.concurrency), slack_app(publisher, settings)
    async with fetching as fetcher, Sandbox() as reader, publisher, slack as add_slack:
        poller = Poller(
            store,
            fetcher,
            known,
            clock=clock,
            keys=provider_key,
            urls=settings.source_urls,
            deviations=deviations,
            concurrency=settings.concurrency,
            wake=publisher.wake,
            reader=reader,
        )
        service = Service(store, poller, publisher, declared, at_once=settings.concurrency)
        publisher.on_attempt = service.metrics.tried
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stopping.set)
        served = health.application(service)
        add_slack(served)
        runner = await health.listen(served, settings.listen) if settings.listen else None
        beating = (
            asyncio.create_task(health.heartbeat(service, publisher.transports.guard, url))
            if url
            else None
        )
        log.info("lastcall %s watches %d sources in %r", __version__, len(known), store)
        try:
            await service.run()
        finally:
            if beating:
                beating.cancel()
            if runner:
                await runner.cleanup()
            log.info("stopped")
