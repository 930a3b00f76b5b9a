"""Run the service: APScheduler rings the clocks, a query lists what is due, and polls and
deliveries run beside it.

When a source is due is a column. A restart, a long stop or ``lastcall poll`` from cron need no rule
of their own: the next tick asks the same query. On PostgreSQL several services may ask it: each
leases the sources that it polls.

Time is kept twice. The wall clock decides what is due and may be set; the monotonic clock notices
when it was set (_watch). While the database is in trouble nothing is fetched and nothing is sent,
since neither could be recorded."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor import __version__
from monitor.clock import clock
from monitor.delivery import outbox
from monitor.delivery.publisher import Publisher
from monitor.delivery.reminders import EVERY as REMIND_EVERY
from monitor.delivery.reminders import remind
from monitor.errors import StoreError
from monitor.logs import Line
from monitor.polling.fetch import Fetcher
from monitor.polling.outcomes import PollResult
from monitor.polling.parser_pool import ParserPool
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.settings import provider_key
from monitor.settings.model import Settings
from monitor.slack_app.serve import slack_app
from monitor.store import schema, source_state
from monitor.store.db import SKEW, Store
from monitor.store.known_deviations import known_deviations
from monitor.store.source_state import SourceState
from monitor.web import health
from monitor.web.metrics import Metrics

log = logging.getLogger("lastcall")

#: How often the service asks what is due, in seconds.
TICK = 1.0
#: How often the monotonic clock is asked whether the ticks come and the wall clock was left alone,
#: in seconds.
WATCH = 5.0
#: How often the service looks for records from the future, in seconds.
CLAMP = 60.0
#: Leases are renewed after a quarter of their time, in seconds.
RENEW = source_state.LEASE.total_seconds() / 4
#: How often the service checks whether reminders are due, in seconds.
REMIND = 60.0
#: How long polls and deliveries under way may take to end after SIGTERM, in seconds.
GRACE = 20.0


class Every(BaseTrigger):  # type: ignore[misc]
    """Ring an interval from now, whatever the wall clock did since.

    APScheduler's own interval trigger counts from the last ring: after a clock is set forward by a
    year it makes a list of thirty million missed seconds first."""

    def __init__(self, seconds: float):
        self.interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return now + self.interval


class Service:
    """Poll the sources that are due and send the pending deliveries, in one process.

    ``declared`` is called again when an unknown source is due: a feed that was added since.
    ``error`` is the trouble with the database, empty if there is none; ``ticked`` is when the last
    tick ended, by the monotonic clock."""

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
        self.metrics = Metrics(
            store, poller.settings.clock, lambda: getattr(poller.parser, "killed", 0)
        )
        self._renewed = self.ticked
        #: Sources that broke or are not declared, and until when they are left alone; None frees
        #: them now.
        self._postponed: dict[str, datetime | None] = {}
        self._ticking = asyncio.Lock()
        self._waiting: dict[str, SourceState] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._is_worker_starting = False

    @property
    def now(self) -> datetime:
        """Return the time of the wall clock."""
        return self.poller.settings.clock()

    @property
    def polling(self) -> bool:
        """Return whether polls are under way."""
        return bool(self._workers or self._waiting)

    async def tick(self) -> None:
        """Write the last polls of unchanged pages, then start the polls that are due."""
        async with self._ticking:
            try:
                if self.store.trouble:
                    await asyncio.to_thread(schema.probe, self.store)
                    log.info("%r can be written to again", self.store)
                await self.poller.flush()
                await self._renew()
                under_way = {*self.poller.busy, *self._waiting}
                if len(under_way) < self.at_once and not self.stopping.is_set():
                    # In the database these are due still, also where a poll ends meanwhile.
                    excluded = under_way | self.poller.unwritten
                    for row in await asyncio.to_thread(self._due, excluded):
                        self._waiting[row.id] = row
                    self._start_worker()
                self._set_error("")
            except StoreError as error:  # the database may come back; the next tick asks again
                self._set_error(str(error))
            self.ticked = time.monotonic()

    def _start_worker(self) -> None:
        """Start one more worker if a source waits. Each worker does so too, so that there are as
        many as polls at once.
        """
        is_full = self._is_worker_starting or len(self._workers) >= self.at_once
        if self._waiting and not is_full:
            self._is_worker_starting = True
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        self._is_worker_starting = False
        while self._waiting and not self.stopping.is_set() and not self.store.trouble:
            row = self._waiting.pop(next(iter(self._waiting)))
            self._start_worker()
            await self._poll(row)

    def _due(self, excluded: Set[str]) -> Sequence[SourceState]:
        """Return the sources that this process is to poll now, without those that are
        ``excluded``.

        SQLite has one service (store.service_lock), so it needs no leases."""
        now = self.now
        with self.store.read() as session:
            due = source_state.due(session, now, self.at_once + len(excluded))
        if any(row.id not in self.poller.declared for row in due):
            self.poller.declare(self.declared())
            # Sources that are declared no more would fill the queue.
            unknown = [row.id for row in due if row.id not in self.poller.declared]
            self._postponed |= dict.fromkeys(unknown, now + source_state.LEASE)
        ours = [row for row in due if row.id in self.poller.declared and row.id not in excluded]
        if not ours or self.store.sqlite:
            return ours
        with self.store.write() as session:
            leased = source_state.claim(session, [row.id for row in ours], now)
        return [row for row in ours if row.id in leased]

    async def _renew(self) -> None:
        """Write the leases of sources that are left alone, and renew those of sources that are
        polled or wait: a host's queue may take longer than a lease lasts.
        """
        if postponed := dict(self._postponed):
            await asyncio.to_thread(self._lease, postponed)
            # Keep those that were set while the others were written.
            self._postponed = {
                source_id: until
                for source_id, until in self._postponed.items()
                if postponed.get(source_id, "") != until
            }
        if not self.store.sqlite and time.monotonic() - self._renewed > RENEW:
            leased = dict.fromkeys(
                [*self.poller.busy, *self._waiting], self.now + source_state.LEASE
            )
            await asyncio.to_thread(self._lease, leased)
            self._renewed = time.monotonic()

    def _lease(self, until: Mapping[str, datetime | None]) -> None:
        with self.store.write() as session:
            source_state.lease(session, until)

    async def _poll(self, row: SourceState) -> None:
        try:
            result = await self.poller.poll(row)
        except StoreError as error:
            self._set_error(str(error))
            is_temporary = error.again or bool(self.store.trouble)
            self._postponed[row.id] = None if is_temporary else self.now + source_state.LEASE
        except Exception:
            log.exception("source=%s poll broke; this is a bug of Lastcall", row.id)
            # Not again at once: each poll is a request to the provider.
            self._postponed[row.id] = self.now + source_state.LEASE
        else:
            self.metrics.count_poll(result.outcome, result.ms)
            _log(result)

    def _set_error(self, error: str) -> None:
        """Remember what is wrong with the database, and log it when it is new."""
        if error and error != self.error:
            log.error("%s", error)
        self.error = error

    async def remind(self) -> None:
        """Write the reminders that are due: once an hour, by whichever of several services comes
        first.
        """
        try:
            reminders = await asyncio.to_thread(
                remind, self.store, self.poller.declared, self.now, every=REMIND_EVERY
            )
        except StoreError as error:
            self._set_error(str(error))
        else:
            if reminders:
                self.publisher.wake()

    async def run(self) -> None:
        """Run until ``stopping`` is set; then finish what is under way, in at most GRACE
        seconds.
        """
        scheduler = AsyncIOScheduler(timezone=UTC)
        options: dict[str, Any] = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        # Reminders come after the first polls: after a long stop they say what the pages say now.
        jobs = [
            scheduler.add_job(self.tick, Every(TICK), **options),
            scheduler.add_job(self.remind, Every(REMIND), **options),
        ]
        scheduler.start()
        delivering = asyncio.create_task(self.publisher.run(self.stopping))
        stopped = asyncio.create_task(self.stopping.wait())

        def ring() -> None:
            for job in jobs:
                job.modify(next_run_time=self.now)

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
            async with self._ticking:  # a tick under way ends by itself; shutdown would cancel it
                scheduler.shutdown(wait=False)
            if self._workers:
                await asyncio.wait(self._workers, timeout=GRACE)
            await self._finish_polls()
            await self._finish_deliveries(delivering)

    async def _finish_deliveries(self, delivering: asyncio.Task[None]) -> None:
        """Wait for deliveries under way. One that is broken off is sent again when its lease
        ends.
        """
        done, _ = await asyncio.wait((delivering,), timeout=GRACE)
        if done:
            delivering.result()
        else:
            log.warning("deliveries under way were broken off after %.0f s", GRACE)
            delivering.cancel()

    async def _finish_polls(self) -> None:
        """Write the last polls, and give back the leases of sources that were not polled."""
        try:
            await self.poller.flush()
            if self._waiting and not self.store.sqlite:
                await asyncio.to_thread(self._lease, dict.fromkeys(self._waiting))
        except StoreError as error:
            log.warning("the last polls could not be written and are done again: %s", error)

    async def _watch(self, ring: Callable[[], None]) -> None:
        """Ring again when the ticks stop, and correct what a wrong clock wrote.

        The scheduler waits for a time of the wall clock: after a clock is set back by an hour, it
        would be silent for an hour."""
        before, clamped = self._ahead(), time.monotonic()
        while True:
            await asyncio.sleep(WATCH)
            stepped, before = self._ahead() - before, self._ahead()
            if abs(stepped) > SKEW.total_seconds():
                log.warning("the clock was set by %+.0f s, or the machine slept", stepped)
            # Now and then as well: polls that were under way are recorded after the clock was set,
            # with the time they began at.
            if abs(stepped) > SKEW.total_seconds() or time.monotonic() - clamped > CLAMP:
                await self._clamp()
                clamped = time.monotonic()
            if time.monotonic() - self.ticked > 2 * TICK:
                ring()
            await self._check_schema()

    async def _check_schema(self) -> None:
        """Stop, as for any trouble of the database, once a newer Lastcall has changed it."""
        try:
            if not self.store.trouble:
                self.store.trouble = await asyncio.to_thread(schema.fault, self.store)
        except StoreError as error:
            self._set_error(str(error))

    def _ahead(self) -> float:
        """Return how far the wall clock is ahead of the monotonic one, in seconds: constant until
        the wall clock is set.
        """
        return self.now.timestamp() - time.monotonic()

    async def _clamp(self) -> None:
        try:
            polls, deliveries = await asyncio.to_thread(self._clamped)
        except StoreError as error:
            self._set_error(str(error))
            return
        if polls or deliveries:
            log.warning(
                "%d polls and %d deliveries were recorded in the future; they are due now",
                polls,
                deliveries,
            )

    def _clamped(self) -> tuple[int, int]:
        now = self.now
        with self.store.write() as session:
            return source_state.clamp(session, now), outbox.clamp(session, now)


def _log(result: PollResult) -> None:
    """Write one line for a poll, a warning where it failed."""
    is_failed = result.outcome in ("suspect", "unreadable", "unreachable")
    level = logging.WARNING if is_failed else logging.INFO
    if log.isEnabledFor(level):
        line = Line(
            "poll",
            source=result.source_id,
            outcome=result.outcome,
            rows=result.rows,
            events=[event["id"] for event in result.events],
            ms=result.ms,
            error=result.error,
        )
        log.log(level, line)


async def serve(
    settings: Settings, store: Store, declared: Callable[[], Mapping[str, Source]]
) -> None:
    """Run the service until SIGTERM or SIGINT."""
    deviations, sources = known_deviations(settings.deviations_file), declared()
    with store.write() as session:
        source_state.register(session, sources, clock())
    polling = PollSettings(
        clock=clock,
        keys=provider_key,
        urls=settings.source_urls,
        deviations=deviations,
        concurrency=settings.concurrency,
    )
    publisher = Publisher.configured(store, settings, now=clock)
    async with AsyncExitStack() as stack:
        fetcher = await stack.enter_async_context(Fetcher(overall=settings.concurrency))
        parser = await stack.enter_async_context(ParserPool())
        await stack.enter_async_context(publisher)
        add_slack = await stack.enter_async_context(slack_app(publisher, settings))
        poller = Poller(store, fetcher, sources, polling, parser=parser, wake=publisher.wake)
        service = Service(store, poller, publisher, declared, at_once=settings.concurrency)
        publisher.on_attempt = service.metrics.count_attempt
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, service.stopping.set)
        application = health.application(service)
        add_slack(application)
        await stack.enter_async_context(_listening(application, settings.listen))
        url = settings.heartbeat_url.get_secret_value()
        await stack.enter_async_context(_beating(service, publisher, url))
        log.info("lastcall %s watches %d sources in %r", __version__, len(sources), store)
        try:
            await service.run()
        finally:
            log.info("stopped")


@asynccontextmanager
async def _listening(application: web.Application, address: str) -> AsyncIterator[None]:
    """Serve the application at ``host:port``, if there is one."""
    runner = await health.listen(application, address) if address else None
    try:
        yield
    finally:
        if runner:
            await runner.cleanup()


@asynccontextmanager
async def _beating(service: Service, publisher: Publisher, url: str) -> AsyncIterator[None]:
    """Send heartbeats to a URL, if there is one."""
    beating = (
        asyncio.create_task(health.heartbeat(service, publisher.transports.guard, url))
        if url
        else None
    )
    try:
        yield
    finally:
        if beating:
            beating.cancel()
