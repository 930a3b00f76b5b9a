"""The service: APScheduler rings the clocks, a query says what is due, and the polls and deliveries run beside it.

What is due is a column. A restart, a long stop, a clock that jumped or ``lastcall poll`` from cron need no rule of
their own: the next tick asks the same question.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import func, select

from monitor import __version__
from monitor.errors import StoreError
from monitor.fetch import Fetcher
from monitor.poll import Polled, Poller
from monitor.publish import Publisher
from monitor.publish.remind import EVERY as REMIND_EVERY
from monitor.publish.remind import remind
from monitor.settings import Settings, known_deviations, provider_key
from monitor.slack_app.serve import Routes, slack_app
from monitor.source import Source
from monitor.store import sources
from monitor.store.db import Store
from monitor.store.sources import State
from monitor.store.tables import DeliveryRow

log = logging.getLogger("lastcall")

DELIVERIES: Any = DeliveryRow.__table__  # type: ignore[attr-defined]

#: How often the service asks what is due, in seconds.
TICK = 1.0
#: How often it asks whether it is time for reminders, in seconds.
ASK = 60.0
#: How long polls and deliveries under way may take to end after SIGTERM, in seconds.
GRACE = 20.0


def clock() -> datetime:
    return datetime.now(UTC)


class Service:
    """One process that polls what is due and delivers what is owed.

    ``declared`` is asked again when something unknown is due: a feed that was added since.
    """

    def __init__(
        self, store: Store, poller: Poller, publisher: Publisher, declared: Callable[[], Mapping[str, Source]],
        *, at_once: int = 20,
    ):  # fmt: skip
        self.store = store
        self.poller = poller
        self.publisher = publisher
        self.declared = declared
        self.at_once = at_once
        self.stopping = asyncio.Event()
        self.ticked = time.monotonic()
        self.error = ""
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
                await self.poller.flush()
                there = len(self.poller.busy) + len(self._waiting)
                if there < self.at_once and not self.stopping.is_set():
                    for row in await asyncio.to_thread(self._due, self.at_once + there):
                        if row.id in self.poller.declared and row.id not in self.poller.busy:
                            self._waiting.setdefault(row.id, row)
                    self._hire()
                self._say("")
            except StoreError as error:  # the database may come back; the next tick asks again
                self._say(str(error))
            self.ticked = time.monotonic()

    def _hire(self) -> None:
        """Start one more worker if a source waits. Each worker does so too: there are as many as must wait at once."""
        if self._waiting and not self._coming and len(self._workers) < self.at_once:
            self._coming = True
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        self._coming = False
        while self._waiting and not self.stopping.is_set():
            row = self._waiting.pop(next(iter(self._waiting)))
            self._hire()
            await self._poll(row)

    def _due(self, limit: int) -> Sequence[State]:
        with self.store.read() as session:
            due = sources.due(session, self.poller.clock(), limit)
        if any(row.id not in self.poller.declared for row in due):
            self.poller.declared = self.declared()
        return due

    async def _poll(self, row: State) -> None:
        try:
            polled = await self.poller.poll(row)
        except StoreError as error:
            self._say(str(error))
        except Exception:
            log.exception("source=%s poll broke; this is a bug of Lastcall", row.id)
        else:
            _tell(polled)

    def _say(self, error: str) -> None:
        """Remember what is wrong with the database, and log it when it is new."""
        if error and error != self.error:
            log.error("%s", error)
        self.error = error

    async def remind(self) -> None:
        """Tell the reminders that are due: once an hour, by whichever of several services comes first."""
        try:
            told = await asyncio.to_thread(
                remind, self.store, self.poller.declared, self.poller.clock(), every=REMIND_EVERY
            )  # fmt: skip
        except StoreError as error:
            self._say(str(error))
        else:
            if told:
                self.publisher.wake()

    async def run(self) -> None:
        """Until ``stopping`` is set; then finish what is under way, at most GRACE seconds."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        scheduler.add_job(self.tick, "interval", seconds=TICK, max_instances=1, coalesce=True, misfire_grace_time=None)
        # After the first polls: what a stop has missed is told as the pages say it now.
        scheduler.add_job(self.remind, "interval", seconds=ASK, max_instances=1, coalesce=True, misfire_grace_time=None)
        scheduler.start()
        delivering = asyncio.create_task(self.publisher.run(self.stopping))
        stopped = asyncio.create_task(self.stopping.wait())
        try:
            await self.tick()
            await asyncio.wait((stopped, delivering), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.stopping.set()
            scheduler.remove_all_jobs()
            async with self._turn:  # a tick under way ends by itself; shutdown would cancel it
                scheduler.shutdown(wait=False)
            if self._workers:
                await asyncio.wait(self._workers, timeout=GRACE)
            await self.poller.flush()
            await asyncio.wait_for(delivering, GRACE)


def _tell(polled: Polled) -> None:
    level = logging.WARNING if polled.outcome in ("suspect", "unreadable", "unreachable") else logging.INFO
    if not log.isEnabledFor(level):
        return
    log.log(
        level, "source=%s outcome=%s rows=%d events=%d ms=%d%s", polled.source_id, polled.outcome, polled.rows,
        len(polled.events), polled.ms, f" error={polled.error!r}" if polled.error else "",
    )  # fmt: skip


async def serve(settings: Settings, store: Store, declared: Callable[[], Mapping[str, Source]]) -> None:
    """Run the service until SIGTERM or SIGINT."""
    deviations = known_deviations(settings)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    known = declared()
    with store.write() as session:
        sources.register(session, known, clock())
    publisher = Publisher.configured(store, settings, now=clock)
    fetching = Fetcher(overall=settings.concurrency)
    async with fetching as fetcher, publisher, slack_app(publisher, settings) as add_slack:
        poller = Poller(
            store, fetcher, known, clock=clock, keys=provider_key, urls=settings.source_urls,
            deviations=deviations, concurrency=settings.concurrency, wake=publisher.wake,
        )  # fmt: skip
        service = Service(store, poller, publisher, declared, at_once=settings.concurrency)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stopping.set)
        runner = await listen(service, settings.listen, add_slack) if settings.listen else None
        log.info("lastcall %s watches %d sources in %r", __version__, len(known), store)
        try:
            await service.run()
        finally:
            if runner:
                await runner.cleanup()
            log.info("stopped")


# --- health ------------------------------------------------------------------------------------------------


async def listen(service: Service, address: str, add: Routes = lambda _: None) -> web.AppRunner:
    """Serve /healthz and /metrics on ``host:port``, and what ``add`` adds."""
    app = web.Application()
    app["service"] = service
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    add(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, _, port = address.rpartition(":")
    await web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port)).start()
    return runner


async def healthz(request: web.Request) -> web.Response:
    """200 while the clock ticks and the database answers; a failing source is its operator's event, not ill health."""
    service: Service = request.app["service"]
    late = time.monotonic() - service.ticked
    error = service.error or (f"no tick for {late:.0f} s" if late > 60 else "")
    return web.json_response({"status": "error" if error else "ok", "error": error}, status=503 if error else 200)


async def metrics(request: web.Request) -> web.Response:
    """Ages and outcomes of sources and the depth of the queue, as Prometheus reads them."""
    service: Service = request.app["service"]
    text = await asyncio.to_thread(_metrics, service.store, service.poller.clock())
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


def _metrics(store: Store, now: datetime) -> str:
    with store.read() as session:
        rows = sources.rows(session)
        counted = select(DELIVERIES.c.state, func.count().label("rows")).group_by(DELIVERIES.c.state)
        queue = {line.state: line.rows for line in session.connection().execute(counted)}
    lines = ["# TYPE lastcall_source_age_seconds gauge"]
    lines += [
        f'lastcall_source_age_seconds{{source="{row.id}"}} {(now - row.good_at).total_seconds():.0f}'
        for row in rows
        if row.good_at
    ]
    lines += ["# TYPE lastcall_source_failures gauge"]
    lines += [f'lastcall_source_failures{{source="{row.id}",outcome="{row.outcome}"}} {row.failures}' for row in rows]
    lines += ["# TYPE lastcall_deliveries gauge"]
    lines += [f'lastcall_deliveries{{state="{state}"}} {count}' for state, count in sorted(queue.items())]
    return "\n".join(lines) + "\n"
