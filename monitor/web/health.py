"""What a person or a machine asks of a running service: /healthz, /metrics, and a heartbeat to
somebody outside.

/healthz is red only for what a person must mend: the database, the disk, the clock of the service.
A source that fails is an event to its operator (source.failing), not ill health."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from monitor import __version__
from monitor.delivery.address_guard import Guard
from monitor.delivery.http_client import session
from monitor.errors import DeliveryFailed, SettingError, StoreError
from monitor.polling.outcomes import OUTCOMES
from monitor.store import schema, source_state
from monitor.store.db import Store
from monitor.store.tables import DeliveryRow

if TYPE_CHECKING:
    from monitor.service import Service

log = logging.getLogger("lastcall.health")

DELIVERIES: Any = DeliveryRow.__table__  # type: ignore[attr-defined]
#: Without a tick for so long the service hangs, in seconds: a tick may wait for the database for
#: half of it.
LATE = 60.0
#: How often somebody outside is told that all is well, and how long that may take, in seconds.
BEAT = 60.0
BEAT_DEADLINE = 10.0
#: Upper bounds of the histograms, in seconds: a poll has 30, a try 15.
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)


async def fault(service: Service) -> str:
    """What a person must mend, in one line; empty if all is well."""
    if error := service.error or service.store.trouble:
        return error
    if (late := time.monotonic() - service.ticked) > LATE:
        return f"no tick for {late:.0f} s: the service hangs; restart it"
    try:
        return await asyncio.to_thread(schema.fault, service.store)
    except StoreError as error:
        return str(error)


def application(service: Service) -> web.Application:
    """The web application of a service; more routes may be added before it is served."""

    async def healthz(_request: web.Request) -> web.Response:
        error = await fault(service)
        return web.json_response(
            {"status": "error" if error else "ok", "error": error}, status=503 if error else 200
        )

    async def metrics(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(generate_latest, service.metrics.registry)
        return web.Response(
            body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    return app


async def listen(app: web.Application, address: str) -> web.AppRunner:
    """Serve an application on ``host:port``. Raises SettingError where that cannot be had."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, _, port = address.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port)).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingError(
            f"LASTCALL_LISTEN: cannot listen on {address}: {os.strerror(error.errno or 0)}"
        ) from None
    return runner


class Metrics:
    """What the process counts, and what the database knows when it is asked, in one registry."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], killed: Callable[[], int] = lambda: 0
    ):
        """``killed`` counts the processes that ended while they read a page (reader.Sandbox)."""
        self.registry = CollectorRegistry()
        polls = Counter("lastcall_polls", "Polls by outcome.", ["outcome"], registry=self.registry)
        self._polls = {outcome: polls.labels(outcome) for outcome in ("baseline", *OUTCOMES)}
        self._poll_seconds = self._histogram(
            "lastcall_poll_duration_seconds", "Polls, from request to answer."
        )
        self._tries = Counter(
            "lastcall_delivery_attempts",
            "Tries at deliveries.",
            ["type", "outcome"],
            registry=self.registry,
        )
        self._try_seconds = self._histogram(
            "lastcall_delivery_duration_seconds", "Tries at deliveries."
        )
        build = Gauge(
            "lastcall_build_info",
            "The version that runs.",
            ["version", "schema"],
            registry=self.registry,
        )
        build.labels(__version__, schema.HEAD).set(1)
        kills = Gauge(
            "lastcall_parse_kills",
            "Processes that ended while they read a page.",
            registry=self.registry,
        )
        kills.set_function(killed)
        self.registry.register(_Stored(store, now))

    def _histogram(self, name: str, words: str) -> Histogram:
        return Histogram(name, words, buckets=BOUNDS, registry=self.registry)

    def polled(self, outcome: str, ms: int) -> None:
        """Count a poll. One that failed has no time of its own: it ends with its deadline."""
        self._polls[outcome].inc()
        if ms:
            self._poll_seconds.observe(ms / 1000)

    def tried(self, kind: str, outcome: str, ms: int) -> None:
        """Count a try at a message to a target of this kind: delivered, failed, or refused for
        good.
        """
        self._tries.labels(kind, outcome).inc()
        self._try_seconds.observe(ms / 1000)


class _Stored(Collector):
    """What the database knows. Its labels are sources, outcomes and states: as many as there are,
    and no more.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]):
        self.store = store
        self.now = now

    def describe(self) -> Iterator[Metric]:
        return iter(())  # without it, the database would be asked when this is registered

    def collect(self) -> Iterator[Metric]:
        working = GaugeMetricFamily("lastcall_database_up", "Whether the database answers.")
        try:
            found = list(self._found())
        except StoreError:
            working.add_metric([], 0)
            yield working
            return
        working.add_metric([], 1)
        yield working
        yield from found

    def _found(self) -> Iterator[Metric]:
        now = self.now()
        with self.store.read() as reading:
            rows = [row for row in source_state.rows(reading) if row.enabled]
            counted = select(DELIVERIES.c.state, func.count().label("rows")).group_by(
                DELIVERIES.c.state
            )
            queue = {line.state: line.rows for line in reading.connection().execute(counted)}
            pending = select(func.min(DELIVERIES.c.created_at)).where(
                DELIVERIES.c.state == "pending"
            )
            oldest = reading.connection().execute(pending).scalar()
        age = GaugeMetricFamily(
            "lastcall_source_age_seconds", "Since a source was last read well.", labels=["source"]
        )
        failures = GaugeMetricFamily(
            "lastcall_source_failures", "Polls that failed in a row.", labels=["source"]
        )
        stale = GaugeMetricFamily(
            "lastcall_sources_stale", "Sources whose operator was told that they are stale."
        )
        held = GaugeMetricFamily(
            "lastcall_documents_held", "Documents that wait for a person or for agreeing looks."
        )
        for row in rows:
            if row.good_at:
                age.add_metric([row.id], (now - row.good_at).total_seconds())
            failures.add_metric([row.id], row.failures)
        stale.add_metric([], sum(row.stale for row in rows))
        held.add_metric([], sum(bool(row.held) for row in rows))
        depth = GaugeMetricFamily("lastcall_deliveries", "Deliveries by state.", labels=["state"])
        for state, count in sorted(queue.items()):
            depth.add_metric([state], count)
        waited = GaugeMetricFamily(
            "lastcall_delivery_oldest_pending_seconds", "Age of the oldest pending delivery."
        )
        waited.add_metric([], max((now - oldest).total_seconds(), 0) if oldest else 0)
        yield from (age, failures, stale, held, depth, waited)


async def heartbeat(service: Service, guard: Guard, url: str) -> None:
    """GET ``url`` once a minute while all is well, behind the guard of webhooks. Never logs it: it
    may be a secret.
    """
    async with session(guard) as http:
        while True:
            if not await fault(service):
                try:
                    async with (
                        asyncio.timeout(BEAT_DEADLINE),
                        http.get(guard.url(url), allow_redirects=False) as answer,
                    ):
                        if answer.status >= 300:
                            log.warning("the heartbeat was answered %d", answer.status)
                except (
                    ClientError,
                    DeliveryFailed,
                    OSError,
                    ValueError,
                ) as error:  # TimeoutError is an OSError
                    log.warning("the heartbeat did not arrive: %s", type(error).__name__)
            await asyncio.sleep(BEAT)
