"""A service with a thousand sources, swept a hundred times, in a process whose memory is then
told.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from sqlmodel import update

from monitor.delivery.publisher import Publisher
from monitor.polling.fetch import Fetcher
from monitor.polling.parser_pool import ParserPool
from monitor.polling.poll import Poller, PollSettings
from monitor.service import Service
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.schema import ready
from monitor.store.tables import SourceRow
from sources import load
from tests.bench.bench_sources import declare
from tests.bench.polls import clock


def resident() -> float:
    """Resident memory of this process, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def sweeps(database: str, base: str) -> None:
    store = ready(Store(database))
    declared = declare(base, "same", 500) | {
        f"frame.{source_id}": source for source_id, source in declare(base, "frame", 500).items()
    }
    declared = {
        source_id: source.__class__(**source.__dict__ | {"id": source_id})
        for source_id, source in declared.items()
    }
    load()  # the real adapters are in memory too
    with store.write() as session:
        source_state.register(session, declared, clock())
    async with (
        Fetcher(per_host=20) as fetcher,
        ParserPool() as parser,
        Publisher(store, now=clock) as publisher,
    ):
        poller = Poller(
            store, fetcher, declared, PollSettings(clock=clock, concurrency=20), parser=parser
        )
        service = Service(store, poller, publisher, lambda: declared, at_once=100)
        for sweep in range(100):
            with store.write() as session:
                session.execute(update(SourceRow).values(due_at=clock() - timedelta(seconds=1)))
            while True:
                await service.tick()
                if not service.polling:
                    break
                await asyncio.sleep(0.01)
            if sweep in (9, 99):
                print(resident(), flush=True)


if __name__ == "__main__":
    asyncio.run(sweeps(sys.argv[1], sys.argv[2]))
