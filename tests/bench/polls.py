"""Polls in which nothing changed: CPU a source in the service and in a whole process, beside a bare
aiohttp loop.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from sqlmodel import update

from monitor.delivery.publisher import Publisher
from monitor.polling.fetch import Fetcher
from monitor.polling.parser_pool import ParserPool
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.service import Service
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.schema import ready
from monitor.store.tables import SourceRow
from tests.bench.bench_sources import declare
from tests.bench.report import line, title
from tests.bench.site_process import running

COUNT = 500
ROUNDS = 5


def clock() -> datetime:
    return datetime.now(UTC)


async def bare(declared: dict[str, Source], etags: dict[str, str]) -> float:
    """CPU seconds of the same conditional GETs with nothing around them."""
    limit = asyncio.Semaphore(20)

    async with aiohttp.ClientSession() as session:

        async def one(source: Source) -> None:
            async with (
                limit,
                session.get(
                    source.url, headers={"If-None-Match": etags.get(source.id, "")}
                ) as response,
            ):
                await response.read()

        spent = []
        for _ in range(ROUNDS + 1):
            began = time.process_time()
            await asyncio.gather(*(one(source) for source in declared.values()))
            spent.append(time.process_time() - began)
        return min(spent[1:])


async def service(store: Store, declared: dict[str, Source], rounds: int = ROUNDS) -> list[float]:
    """CPU seconds of each sweep over all sources, started by the service's own ticks."""
    with store.write() as session:
        source_state.register(session, declared, clock())
    spent = []
    async with (
        Fetcher(per_host=20) as fetcher,
        ParserPool() as parser,
        Publisher(store, now=clock) as publisher,
    ):
        poller = Poller(
            store, fetcher, declared, PollSettings(clock=clock, concurrency=20), parser=parser
        )
        running_service = Service(store, poller, publisher, lambda: declared, at_once=100)
        for _ in range(rounds + 1):
            with store.write() as session:
                session.execute(update(SourceRow).values(due_at=clock() - timedelta(seconds=1)))
            began = time.process_time()
            for _ in range(1000):
                await running_service.tick()
                if not running_service.polling:
                    break
                await asyncio.sleep(0.01)
            spent.append(time.process_time() - began)
    return spent[1:]


def whole_process(directory: Path, base: str) -> float:
    """CPU seconds of one ``lastcall poll`` over sources that have not changed, start of Python
    included.
    """
    database = str(directory / "process.db")
    environment = os.environ | {
        "LASTCALL_EXTRA_SOURCES": "tests.bench.bench_sources",
        "BENCH_SITE": base,
        "LASTCALL_DATABASE_URL": database,
    }
    names = [f"bench.s{number}" for number in range(COUNT)]
    command = [sys.executable, "-m", "monitor", "poll", *names]
    spent = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent[1:])


def run() -> None:
    with tempfile.TemporaryDirectory() as directory, running() as base:
        title(f"{COUNT} unchanged sources of 60 KB, answered 304")
        same = declare(base, "same")
        store = ready(Store(f"{directory}/same.db"))
        spent = min(asyncio.run(service(store, same)))
        with store.read() as session:
            etags = {row.id: row.etag for row in source_state.rows(session)}
        floor = asyncio.run(bare(same, etags))
        line("CPU a source in the running service", spent / COUNT * 1000, "ms", 1.0)
        line(
            "CPU a source, bare aiohttp",
            floor / COUNT * 1000,
            "ms",
            beside=f"ratio {spent / floor:.1f}",
        )
        line("CPU of a whole `lastcall poll`", whole_process(Path(directory), base), "s", 0.9)
        store.close()
        title(f"{COUNT} sources of 60 KB of which only the frame changes")
        store = ready(Store(f"{directory}/frame.db"))
        frame = declare(base, "frame")
        spent = min(asyncio.run(service(store, frame)))
        floor = asyncio.run(bare(frame, {}))
        line("CPU a source in the running service", spent / COUNT * 1000, "ms", 1.5)
        line(
            "CPU a source, bare aiohttp",
            floor / COUNT * 1000,
            "ms",
            beside=f"ratio {spent / floor:.1f}",
        )
        store.close()


if __name__ == "__main__":
    run()
