"""A thousand kill -9 at random moments and steps, half on SQLite and half on PostgreSQL; what was
lost or doubled.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.store import schema
from monitor.store.db import Store
from tests.bench.report import line, title
from tests.support.kill_trials import Parent, Trial

#: On each database, in trials of this many, so that a page and a log stay as small as a year's.
KILLS, TRIAL = 500, 100


def run() -> None:
    with tempfile.TemporaryDirectory(prefix="lastcall-kills-") as folder:
        parent = Parent(Path(folder))
        try:
            for kind, databases in (("SQLite", sqlite(Path(folder))), ("PostgreSQL", postgresql())):
                with databases as new:
                    measure(kind, parent, new)
        finally:
            parent.close()


def measure(kind: str, parent: Parent, new: Iterator[str]) -> None:
    title(f"Random kills of the service on {kind}")
    began, kills, events, copies, duplicates, in_flight = time.monotonic(), 0, 0, 0, 0, 0
    lost: list[str] = []
    for seed in range(KILLS // TRIAL):
        store = schema.ready(Store(next(new)))
        try:
            tally = asyncio.run(Trial(parent, store, seed).run(TRIAL))
        except AssertionError as error:
            lost.append(f"seed {seed}: {error}")
            continue
        finally:
            store.close()
        kills += tally.kills
        events += tally.events
        copies += tally.copies
        duplicates += tally.duplicates
        in_flight += tally.in_flight.total()
    line(
        "kills survived",
        kills,
        "",
        KILLS,
        at_least=True,
        beside=f"{time.monotonic() - began:.0f} s",
    )
    line("invariants broken", len(lost), "trials", 0, beside="; ".join(lost))
    line("events, each received by both endpoints", events, "")
    line("copies received", copies, "")
    line("duplicates", duplicates, "", in_flight, beside=f"{in_flight} in flight at a kill")


@contextmanager
def sqlite(folder: Path) -> Iterator[Iterator[str]]:
    yield (str(folder / f"{number}.db") for number in range(KILLS))


@contextmanager
def postgresql() -> Iterator[Iterator[str]]:
    from tests.conftest import server

    with server() as new:
        yield (new() for _ in range(KILLS))
