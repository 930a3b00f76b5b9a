"""What it costs to read in child processes where nothing changed, beside the same polls read in
this process.

The guards (monitor.core.guards.check) cost such a poll nothing: it ends at the digest, before there is
anything to guard."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from monitor.polling.fetch import Fetcher
from monitor.polling.parser_pool import InProcessParser, Parser, ParserPool
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.schema import ready
from tests.bench.bench_sources import declare
from tests.bench.polls import clock
from tests.bench.report import line, title
from tests.bench.site_process import running

COUNT = 500
ROUNDS = 10


def cpu(parser: Parser) -> float:
    """CPU seconds of this process so far, and of the children that read for it."""
    pids = parser.pids if isinstance(parser, ParserPool) else []
    texts = [Path(f"/proc/{pid}/schedstat").read_text() for pid in pids]
    return time.process_time() + sum(int(text.split()[0]) for text in texts) / 1e9


async def sweep(
    store: Store, fetcher: Fetcher, parser: Parser, declared: dict[str, Source]
) -> float:
    """CPU seconds of a poll of every source, children included."""
    poller = Poller(
        store, fetcher, declared, PollSettings(clock=clock, concurrency=20), parser=parser
    )
    with store.read() as session:
        rows = source_state.states(session, list(declared))
    began = cpu(parser)
    await poller.sweep(rows)
    return cpu(parser) - began


async def compared(directory: str, declared: dict[str, Source]) -> tuple[float, float]:
    """CPU seconds of a sweep in this process and in the sandbox: the least of several, taken in
    turn.
    """
    stores = [ready(Store(f"{directory}/{name}.db")) for name in ("plain", "boxed")]
    spent: list[list[float]] = [[], []]
    async with Fetcher(per_host=20) as fetcher, ParserPool() as box:
        parsers: list[Parser] = [InProcessParser(), box]
        for store, parser in zip(stores, parsers, strict=True):
            with store.write() as session:
                source_state.register(session, declared, clock())
            await sweep(store, fetcher, parser, declared)
        for _ in range(ROUNDS):
            for store, parser, figures in zip(stores, parsers, spent, strict=True):
                figures.append(await sweep(store, fetcher, parser, declared))
    for store in stores:
        store.close()
    return min(spent[0]), min(spent[1])


def run() -> None:
    title(f"{COUNT} unchanged sources of 60 KB, read in child processes and in this one")
    with running() as base:
        for kind, what in (
            ("same", "answered 304"),
            ("plain", "the same bytes"),
            ("frame", "only the frame changed"),
        ):
            with tempfile.TemporaryDirectory() as directory:
                plain, boxed = asyncio.run(compared(directory, declare(base, kind, COUNT)))
            beside = f"{boxed / COUNT * 1000:.3f} ms a source, {plain / COUNT * 1000:.3f} ms in this process"
            line(f"{what}: CPU as a multiple", boxed / plain, "times", 1.3, beside=beside)


if __name__ == "__main__":
    run()
