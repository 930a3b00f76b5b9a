"""Faults of receivers, and what becomes of deliveries: R1 to R12 and K14 of delivery.md 3.4.

R2 and the times of R7 are in test_send.py, R4 in test_address_guard.py, R8 in
test_target_health.py, R11 in test_webhook.py."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
import warnings
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp.connector
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlmodel import col, select

from monitor.delivery import claim
from monitor.store.tables import AttemptRow, DeliveryRow, EventRow, SubscriptionRow
from monitor.vault import Vault, new_key, parse
from tests.support.fixtures import TESTS
from tests.support.receivers import (
    Clock,
    Proxy,
    Receiver,
    enqueue,
    publisher,
    serving,
    target,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def deliveries(store) -> list[DeliveryRow]:
    with store.read() as session:
        return list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.id))))


def target_row(store, name="a") -> SubscriptionRow:
    with store.read() as session:
        return session.exec(select(SubscriptionRow).where(SubscriptionRow.id == name)).one()


def notices(store) -> list[str]:
    with store.read() as session:
        query = select(EventRow.kind).where(col(EventRow.kind).startswith("endpoint."))
        return list(session.exec(query.order_by(col(EventRow.sequence))))


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  receivers have no event to wait for
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(sender):
    """A publisher that delivers beside the test, and is stopped at its end."""
    stop = asyncio.Event()
    task = asyncio.create_task(sender.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def hang(_request: web.Request, _number: int) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_200_that_hang_do_not_delay_a_healthy_one(store, clock):
    """R1: each fails at the deadline and frees its place, and meanwhile others have theirs."""
    slow, healthy = Receiver(answer=hang), Receiver()
    async with serving(slow.handle) as slow_url, serving(healthy.handle) as url:
        rows = [
            target(f"s{n}", clock(), address=f"{slow_url}/{n}", secret=slow.secret)
            for n in range(200)
        ]
        enqueue(store, clock, rows)
        async with publisher(store, clock, deadline=6.0) as sender, running(sender):
            await until(lambda: len(slow.got) > 150)
            healthy_row = target(
                "h", clock(), address=url, secret=healthy.secret, filters=["anthropic/*"]
            )
            enqueue(store, clock, [healthy_row], first=2, provider="anthropic")
            sender.wake()
            await until(lambda: healthy.got)
            assert not any(row.error for row in deliveries(store)), "while all of them still hang"
            await until(
                lambda: all(row.error or row.state == "delivered" for row in deliveries(store))
            )
    assert {row.error for row in deliveries(store)} == {"no answer within 6 s", ""}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_redirect_is_not_followed_to_the_metadata_address(
    store, clock, status, monkeypatch
):
    """R3: no socket is opened for anything but the receiver."""
    checked: list[tuple[object, ...]] = []
    receiver = Receiver()
    receiver.statuses, receiver.headers = (
        [status],
        {"Location": "http://169.254.169.254/latest/meta-data/"},
    )
    async with serving(receiver.handle) as url:
        enqueue(store, clock, [target("a", clock(), address=url, secret=receiver.secret)])
        async with publisher(store, clock) as sender:
            whole = sender.transports.guard.refusal
            monkeypatch.setattr(
                sender.transports.guard, "refusal", lambda *at: checked.append(at) or whole(*at)
            )
            await sender.drain_once()
    assert {address for address, _ in checked} == {"127.0.0.1"}
    assert deliveries(store)[0].error == f"HTTP {status} (redirects are not followed)"


# R5: TLS


def key_and_certificate(name, days, signer=None, issuer=None, authority=False):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(signer or key, hashes.SHA256())
    )
    return key, certificate


def pem(directory, key, certificate):
    path = directory / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(
    ("name", "days", "trusted", "newest", "error"),
    [
        ("hooks.example", 30, True, None, ""),
        ("hooks.example", -1, True, None, "tls: certificate has expired"),
        ("other.example", 30, True, None, "tls: Hostname mismatch"),
        ("hooks.example", 30, False, None, "tls: self-signed certificate"),
        ("hooks.example", 30, True, ssl.TLSVersion.TLSv1, "tls: "),
    ],
    ids=["right", "expired", "another host", "self-signed", "TLS 1.0"],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_tls(store, clock, tmp_path, monkeypatch, name, days, trusted, newest, error):
    """R5: the certificate is that of the name, though the address is looked at; a fault of it is
    retried.
    """
    root_key, root = key_and_certificate("root.example", 30, authority=True)
    certificate = (
        key_and_certificate(name, days, root_key, root.subject)
        if trusted
        else key_and_certificate(name, days)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem(tmp_path, *certificate))
    if newest:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is old is the point
            context.minimum_version = context.maximum_version = newest
        context.set_ciphers("ALL:@SECLEVEL=0")
    trusting = ssl.create_default_context(
        cadata=root.public_bytes(serialization.Encoding.PEM).decode()
    )
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    whole = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: whole("127.0.0.1", *rest, **more)
    )
    server_names: list[str | None] = []
    context.sni_callback = lambda _socket, server_name, _context: server_names.append(server_name)
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        url = f"https://hooks.example:{runner.addresses[0][1]}/"
        enqueue(store, clock, [target("a", clock(), address=url, secret=receiver.secret)])
        async with publisher(store, clock, allow_http=False) as sender:
            await sender.drain_once()
    finally:
        await runner.cleanup()
    (row,) = deliveries(store)
    assert row.error.startswith(error)
    assert (row.state, len(receiver.got)) == (("pending", 0) if error else ("delivered", 1))
    assert set(server_names) <= {"hooks.example"}


# R6, R7, R9


async def test_410_is_told_to_operators_once(store, clock):
    """R6."""
    receiver = Receiver()
    receiver.statuses = [410] * 3
    async with serving(receiver.handle) as url:
        rows = [
            target("a", clock(), address=url, secret=receiver.secret),
            target("ops", clock(), operator=True),
        ]
        enqueue(store, clock, rows, 3)
        async with publisher(store, clock) as sender:
            for delivery in await sender.claim(2):
                await sender.deliver([delivery])
        enqueue(store, clock, [], first=9)
    assert notices(store) == ["endpoint.disabled"]
    assert [row.state for row in deliveries(store) if row.subscription_id == "a"] == ["held"] * 4


async def test_after_retry_after_one_probe_goes_before_the_burst(store, clock):
    """R7: silent for as long as it asked, then one, and the rest once that has arrived."""
    receiver = Receiver()
    receiver.statuses, receiver.headers = [429], {"Retry-After": "120"}
    async with serving(receiver.handle) as url:
        enqueue(store, clock, [target("a", clock(), address=url, secret=receiver.secret)])
        async with publisher(store, clock) as sender:
            assert await sender.drain_once() == 1
            enqueue(store, clock, [], 6, first=2)
            clock.pass_(timedelta(seconds=119))
            assert await sender.drain_once() == 0
            clock.pass_(timedelta(seconds=1))
            assert [await sender.drain_once() for _ in range(4)] == [1, 4, 2, 0]


async def test_one_kind_that_fails_does_not_block_the_others(store, clock):
    """R9: 200 for one type, 500 for another: nothing waits behind it, and nothing is disabled."""

    async def picky(request, _number):
        return web.Response(
            status=500 if b'"type":"price.increased"' in await request.read() else 200
        )

    receiver = Receiver(answer=picky)
    price = {"before": {"amount": "1"}, "after": {"amount": "2"}, "kind": "price.increased"}
    async with serving(receiver.handle) as url:
        enqueue(store, clock, [target("a", clock(), address=url, secret=receiver.secret)], 0)
        async with publisher(store, clock) as sender:
            for day in range(8):
                enqueue(store, clock, [], 3, first=10 * day, **price)
                enqueue(store, clock, [], 3, first=10 * day + 5)
                while await sender.drain_once():
                    pass
                with store.write() as session:  # time goes on, and the verifier's does not
                    for row in session.exec(
                        select(DeliveryRow).where(DeliveryRow.state == "pending")
                    ):
                        row.next_at -= timedelta(days=1)
                    for row in session.exec(select(SubscriptionRow)):
                        row.failing_since = row.failing_since and row.failing_since - timedelta(
                            days=1
                        )
    assert target_row(store).state == "enabled"
    good = [row for row in deliveries(store) if row.state == "delivered"]
    assert len(good) == 24


async def test_a_receiver_that_restarts_in_a_burst_gets_everything(store, clock):
    """R10: duplicates no more than were in flight, each with one id and one body."""
    receiver = Receiver()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    @asynccontextmanager
    async def up():
        app = web.Application()
        app.router.add_post("/", receiver.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        try:
            yield
        finally:
            await runner.cleanup()

    enqueue(
        store,
        clock,
        [target("a", clock(), address=f"http://127.0.0.1:{port}/", secret=receiver.secret)],
        300,
    )
    async with publisher(store, clock) as sender, running(sender):
        for some in (60, 120):
            async with up():
                await until(lambda some=some: len(receiver.got) >= some)
            await until(lambda: target_row(store).failing_since)
            clock.pass_(timedelta(seconds=40))
        async with up():
            for _ in range(6):
                clock.pass_(timedelta(seconds=10))  # less in all than the verifier's tolerance
                sender.wake()
                await asyncio.sleep(0.2)
            await until(lambda: {row.state for row in deliveries(store)} == {"delivered"})
    assert len(set(receiver.got)) == 300
    assert len(receiver.got) <= 300 + 2 * claim.PER_TARGET


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_third_of_the_endpoints_is_dead(store, clock):
    """R12, scaled down (tests/bench/deliveries.py has it whole): the healthy ones do not notice."""
    receiver, dead = Receiver(), Receiver(answer=hang)
    async with serving(receiver.handle) as url, serving(dead.handle) as dead_url:
        async with serving(Receiver().handle) as closed:
            pass
        rows = [
            target(
                f"t{n}",
                clock(),
                address=f"{[dead_url, closed, url, url][n % 4]}/{n}",
                secret=[dead, receiver][n % 4 > 0].secret,
            )
            for n in range(100)
        ]
        enqueue(store, clock, rows, 0)
        async with publisher(store, clock, deadline=8.0) as sender, running(sender):
            for round_ in range(1, 6):
                enqueue(store, clock, [], first=round_)
                sender.wake()
                await until(lambda due=50 * round_: len(receiver.got) == due)
                assert not any(row.error.startswith("no answer") for row in deliveries(store)), (
                    "they still hang"
                )
    assert {row.state for row in deliveries(store)} == {"delivered", "pending"}


# The egress proxy


@pytest.mark.parametrize(
    ("status", "error", "counted"),
    [
        (0, "the egress proxy cannot be reached: the connection was closed in CONNECT", False),
        (407, "the egress proxy answered HTTP 407", False),
        (500, "the egress proxy answered HTTP 500", False),
        (403, "the egress proxy answered HTTP 403", True),
        (502, "the egress proxy answered HTTP 502", True),
    ],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_fault_of_the_proxy_is_not_the_targets(store, clock, status, error, counted):
    proxy = Proxy(status)
    slack = target("s", clock(), type="slack", address="C012AB3CD")
    enqueue(store, clock, [target("a", clock(), address="https://hooks.example/x"), slack])
    async with (
        proxy.serving() as url,
        publisher(
            store, clock, egress_proxy=url, allow_networks=(), slack_token="xoxb-1"
        ) as sender,
    ):
        await sender.drain_once()
    assert sorted(proxy.asked) == ["CONNECT hooks.example:443", "CONNECT slack.com:443"]
    assert [(row.state, row.attempts, row.error) for row in deliveries(store)] == [
        ("pending", int(counted), error)
    ] * 2
    assert {target_row(store, name).failures for name in "as"} == {int(counted)}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_http_has_no_tunnel_and_a_login_is_the_proxys_all_the_same(store, clock):
    enqueue(store, clock, [target("a", clock(), address="http://hooks.example/x")])
    async with (
        Proxy(407).serving() as url,
        publisher(store, clock, egress_proxy=url, allow_networks=()) as sender,
    ):
        await sender.drain_once()
    (row,) = deliveries(store)
    assert (row.attempts, row.error) == (0, "the egress proxy answered HTTP 407")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_proxy_that_is_down_and_addresses_through_it(store, clock):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    rows = [
        target("a", clock(), address="https://hooks.example/x"),
        target("b", clock(), address="https://169.254.169.254/latest"),
        target("c", clock(), address="https://0xa9fea9fe/latest"),
    ]
    enqueue(store, clock, rows)
    async with publisher(store, clock, egress_proxy=url, allow_networks=()) as sender:
        await sender.drain_once()
    by_target = {row.subscription_id: row for row in deliveries(store)}
    assert by_target["a"].error.startswith("the egress proxy cannot be reached")
    assert by_target["a"].attempts == 0
    assert "169.254.169.254 is not public" in by_target["b"].error
    assert "169.254.169.254 is not public" in by_target["c"].error


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_delivery_through_the_proxy(store, clock):
    receiver = Receiver()
    async with serving(receiver.handle) as url:
        proxy = Proxy(port=int(url.rpartition(":")[2]))
        enqueue(
            store,
            clock,
            [target("a", clock(), address="http://hooks.example/x", secret=receiver.secret)],
        )
        async with (
            proxy.serving() as proxy_url,
            publisher(store, clock, egress_proxy=proxy_url, allow_networks=()) as sender,
        ):
            await sender.drain_once()
    assert proxy.asked == ["POST http://hooks.example/x"]
    assert (len(receiver.got), deliveries(store)[0].state) == (1, "delivered")


# K14

SERVE = """
import asyncio, sys
from monitor.service import serve
from monitor.settings import load_settings
from monitor.store.db import Store
settings = load_settings(sys.argv[1])
sys.exit(asyncio.run(serve(settings, Store(settings.database_url), dict)))
"""


async def test_sigterm_under_load_loses_nothing_and_sends_nothing_twice(store):
    """K14: it stops claiming, finishes what is in flight, gives back the rest, and ends with 0."""

    async def slow(_request, _number):
        await asyncio.sleep(0.05)
        return web.Response()

    receiver, clock = Receiver(answer=slow), lambda: datetime.now(UTC)
    key = new_key()
    environment = os.environ | {
        "LASTCALL_ALLOW_NETWORKS": "127.0.0.0/8",
        "LASTCALL_ALLOW_HTTP": "1",
        "LASTCALL_SECRET_KEYS": key,
    }
    async with serving(receiver.handle) as url:
        rows = [
            target(f"t{n}", clock(), address=f"{url}/{n}", secret=receiver.secret)
            for n in range(10)
        ]
        enqueue(store, clock, rows, 40)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SERVE,
            store.url.render_as_string(hide_password=False),
            env=environment,
            cwd=TESTS.parent,
            stderr=asyncio.subprocess.PIPE,
        )
        await until(lambda: len(receiver.got) > 50)
        process.send_signal(signal.SIGTERM)
        _, output = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0, output.decode()
        stopped_at = len(receiver.got)
        assert stopped_at < 400
        assert [row.id for row in deliveries(store) if row.lease_until] == []
        async with publisher(store, clock, vault=Vault(parse(key))) as sender:
            while await sender.drain_once():
                pass
    assert (len(receiver.got), len(set(zip(receiver.got, receiver.paths, strict=True)))) == (
        400,
        400,
    )
    assert {row.state for row in deliveries(store)} == {"delivered"}
    with store.read() as session:
        assert len(session.exec(select(AttemptRow)).all()) == 400
