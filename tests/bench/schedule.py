"""The clock: ten thousand sources due each minute, and the memory of a service with a thousand."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

from sqlmodel import select

from monitor.polling.fetch import NO_VALIDATORS, Fetched
from monitor.polling.outcomes import PollResult
from monitor.polling.poll import Poller
from monitor.reading.source import Source
from monitor.service import Service
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.schema import ready
from monitor.store.source_state import SourceState
from monitor.store.tables import SourceRow
from tests.bench.bench_sources import declare
from tests.bench.report import line, title
from tests.bench.site_process import running

DUE = 10_000
SECONDS = 20


class Nothing(Poller):
    """Polls nothing: what is left is the clock, the question what is due, and the moving of what
    was.
    """

    polled = 0

    async def poll(self, row: SourceState) -> PollResult:
        self.polled += 1
        now = self.clock()
        self.note(row, NOT_MODIFIED, now, now + timedelta(minutes=1))
        return PollResult(row.id, "unchanged")


NOT_MODIFIED = Fetched(304, b"", "", NO_VALIDATORS, 0, True, None, None, "")


class Silent:
    """Owes nobody anything."""

    async def run(self, stopping: asyncio.Event) -> None:
        await stopping.wait()


def clock() -> datetime:
    return datetime.now(UTC)


async def ticking(store: Store, declared: dict[str, Source]) -> tuple[float, int, int]:
    """Share of a core over SECONDS of ticks, polls made, and sources left overdue by more than two
    ticks.
    """
    with store.write() as session:
        source_state.register(session, declared, clock())
        spread = random.Random(1)
        for row in source_state.rows(session):
            row.due_at = clock() + timedelta(seconds=spread.uniform(0, 60))
    poller = Nothing(store, None, declared, clock=clock)  # type: ignore[arg-type]
    service = Service(store, poller, Silent(), lambda: declared, at_once=1000)  # type: ignore[arg-type]
    task = asyncio.create_task(service.run())
    await asyncio.sleep(2)  # the first imports and plans
    began, wall, polled = time.process_time(), time.perf_counter(), poller.polled
    await asyncio.sleep(SECONDS)
    share = (time.process_time() - began) / (time.perf_counter() - wall)
    done = poller.polled - polled
    with store.read() as session:
        late = session.execute(
            select(SourceRow.id).where(SourceRow.due_at < clock() - timedelta(seconds=3))
        ).all()
    service.stopping.set()
    await task
    return share, done, len(late)


def run() -> None:
    with tempfile.TemporaryDirectory() as directory:
        title(f"{DUE:,} sources due each minute, {SECONDS} s of it")
        store = ready(Store(f"{directory}/due.db"))
        share, done, late = asyncio.run(ticking(store, declare("http://127.0.0.1:9", count=DUE)))
        line(
            "share of a core for the schedule",
            share * 100,
            "%",
            1.0,
            beside=f"{done:,} polls begun",
        )
        line("sources overdue", late, "", 0)
        store.close()
        title("1,000 sources in the running service, 100 sweeps")
        with running() as base:
            command = [sys.executable, "-m", "tests.bench.memory", f"{directory}/memory.db", base]
            first, last = map(
                float,
                subprocess.run(
                    command, check=True, capture_output=True, env=os.environ
                ).stdout.split(),
            )
        line("memory after the first 10 sweeps", first, "MB", 130)
        line("memory after 100 sweeps", last, "MB", 130)
        line("growth", last - first, "MB", 5)


if __name__ == "__main__":
    run()
