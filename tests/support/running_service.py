"""The service over a loopback site and receiver: pages of model ids, a line each up to a #, and a
clock to be set.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from monitor.core.facts import Fact, Listing
from monitor.polling.fetch import Fetcher
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.service import Service
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.event_log import EventQuery, events
from monitor.store.tables import DeliveryRow, SourceRow
from tests.support.loopback_site import Page, Site
from tests.support.receivers import publisher


def read(body: bytes) -> Iterable[Fact]:
    return [Listing(model=line) for line in body.partition(b"#")[0].decode().split()]


def declare(site: Site, *ids: str, every: timedelta = timedelta(hours=6)) -> dict[str, Source]:
    """Sources of these ids, each with a page of two models."""
    for source_id in ids:
        site.pages.setdefault(f"/{source_id}", Page(b"one\ntwo\n"))
    return {
        source_id: Source(source_id, site.url(f"/{source_id}"), read, every=every, facts=(Listing,))
        for source_id in ids
    }


class Clock:
    """The machine's time, until it is set."""

    def __init__(self, ahead: timedelta = timedelta(0)):
        self.ahead = ahead

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def running(
    store: Store,
    declared: Mapping[str, Source],
    clock: Callable[[], datetime] | None = None,
    **options: Any,
) -> AsyncIterator[Service]:
    """The service with its real parts, until the end of the block."""
    clock = clock or Clock()
    with store.write() as session:
        source_state.register(session, declared, clock())
    async with Fetcher(per_host=100) as fetcher, publisher(store, clock) as delivers:
        poller = Poller(store, fetcher, declared, PollSettings(clock=clock), wake=delivers.wake)
        service = Service(store, poller, delivers, lambda: declared, **options)
        delivers.on_attempt = service.metrics.count_attempt
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            service.stopping.set()
            await task


async def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that the service does; asked in a thread, since it may ask the
    database.
    """
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110  the database makes it true
            await asyncio.sleep(0.02)


def due(store: Store, *ids: str) -> None:
    """Have these sources, or all, polled now."""
    with store.write() as session:
        for row in source_state.rows(session, ids or None):
            row.due_at = datetime.now(UTC) - timedelta(seconds=1)


def state(store: Store, source_id: str) -> SourceRow:
    with store.read() as session:
        return source_state.rows(session, [source_id])[0]


def told(store: Store) -> list[str]:
    """The kinds of what was told, oldest first."""
    with store.read() as session:
        return [event["kind"] for event in events(session, EventQuery(limit=1000))][::-1]


def queue(store: Store) -> dict[str, int]:
    with store.read() as session:
        counted = select(DeliveryRow.state, func.count()).group_by(DeliveryRow.state)  # type: ignore[call-overload]
        return dict(session.execute(counted).all())
