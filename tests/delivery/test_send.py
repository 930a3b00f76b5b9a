"""Deliveries to real receivers on loopback: every webhook is verified by the standardwebhooks
library.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from sqlmodel import col, select

from monitor.delivery import admin, claim, target_health
from monitor.delivery.queue import LEASE
from monitor.delivery.webhook import envelope, signature
from monitor.errors import StoreError
from monitor.store.tables import AttemptRow, DeliveryRow, SubscriptionRow
from tests.support.receivers import (
    Clock,
    FakeSlack,
    Receiver,
    enqueue,
    publisher,
    serving,
    target,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@asynccontextmanager
async def pending_for(store, clock, receiver, count=1, path="/hook", **values):
    """A publisher, and ``count`` events owed to the receiver."""
    async with serving(receiver.handle) as url:
        enqueue(
            store, clock, [target("a", clock(), address=url + path, secret=receiver.secret)], count
        )
        async with publisher(store, clock, **values) as sender:
            yield sender


def deliveries(store) -> list[DeliveryRow]:
    with store.read() as session:
        return list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.id))))


def attempts(store) -> list[AttemptRow]:
    with store.read() as session:
        return list(session.exec(select(AttemptRow).order_by(col(AttemptRow.id))))


def targets(store) -> dict[str, SubscriptionRow]:
    with store.read() as session:
        return {row.id: row for row in session.exec(select(SubscriptionRow))}


# Signatures


def test_secrets():
    secret = signature.new_secret()
    assert len(signature.key_of(secret)) == 32
    assert signature.key_of(secret.rstrip("=")) == signature.key_of(secret.removeprefix("whsec_"))
    for wrong in ("", "whsec_canary!", "whsec_" + base64.b64encode(b"short").decode()):
        with pytest.raises(ValueError, match="signing secret") as caught:
            signature.key_of(wrong)
        assert "canary" not in str(caught.value)


def test_the_body_is_the_public_form_and_the_same_every_time(store, clock):
    enqueue(store, clock, [target("a", clock())])
    bodies = set()
    for _ in range(2):
        with store.write() as session:
            (delivery,) = claim.claim(session, "me", clock(), 1)
            bodies.add(envelope.seal("", [delivery.event]).body)
        clock.pass_(LEASE)
    (body,) = bodies
    message = json.loads(body)
    assert list(message) == ["data", "timestamp", "type"]
    assert (message["type"], message["timestamp"]) == (
        "retirement.postponed",
        message["data"]["detected_at"],
    )
    assert message["data"]["source"] == "openai.deprecations"


# Webhooks


async def test_a_delivery(store, clock, receiver):
    async with pending_for(store, clock, receiver, 3) as sender:
        assert await sender.drain_once() == 3
        assert await sender.drain_once() == 0
    assert sorted(message_id for message_id, _ in receiver.got) == [
        f"evt_{number:032x}" for number in (1, 2, 3)
    ]
    sent = receiver.requests[0]
    assert sent["User-Agent"].startswith("lastcall/")
    assert sent["Content-Type"] == "application/json"
    assert [row.state for row in deliveries(store)] == ["delivered"] * 3
    assert [
        (attempt.number, attempt.status, attempt.answer, attempt.error)
        for attempt in attempts(store)
    ] == [(1, 200, "thanks", "")] * 3
    assert targets(store)["a"].last_delivered_at == clock()


async def test_retries_keep_id_and_body_and_sign_again(store, clock, receiver):
    receiver.statuses = [500, 502]
    async with pending_for(store, clock, receiver) as sender:
        assert await sender.drain_once() == 1
        assert await sender.drain_once() == 0
        clock.pass_(timedelta(seconds=5))
        assert await sender.drain_once() == 1
        clock.pass_(
            timedelta(minutes=4)
        )  # within what the verifier tolerates of the machine's time
        clock.pass_(timedelta(seconds=55))
        with store.write() as session:
            admin.replay(session, clock(), ids=[1])
        assert await sender.drain_once() == 1
    assert len(receiver.got) == 3
    assert len(set(receiver.got)) == 1
    assert len({sent["webhook-signature"] for sent in receiver.requests}) == 3
    assert [(attempt.status, attempt.error) for attempt in attempts(store)] == [
        (500, "HTTP 500"),
        (502, "HTTP 502"),
        (200, ""),
    ]
    assert targets(store)["a"].failing_since is None


@pytest.mark.parametrize("status", [204, 299])
async def test_any_2xx_is_success(store, clock, receiver, status):
    receiver.statuses = [status]
    async with pending_for(store, clock, receiver) as sender:
        await sender.drain_once()
    assert deliveries(store)[0].state == "delivered"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_failures(store, clock, receiver, status):
    receiver.statuses, receiver.headers = [status], {"Location": "/elsewhere"}
    async with pending_for(store, clock, receiver) as sender:
        await sender.drain_once()
    assert receiver.paths == ["/hook"]
    assert deliveries(store)[0].error == f"HTTP {status} (redirects are not followed)"


@pytest.mark.parametrize(
    ("status", "header", "quiet"),
    [
        (429, lambda _: "120", 120),
        (503, lambda at: format_datetime(at + timedelta(seconds=90), usegmt=True), 90),
        (429, lambda at: format_datetime(at - timedelta(days=1), usegmt=True), 0),
        (429, lambda _: "999999999999", 86400),
        (429, lambda _: "soon", None),
        (429, lambda _: "-1", None),
        (500, lambda _: "120", None),
    ],
)
async def test_retry_after(store, clock, receiver, status, header, quiet):
    receiver.statuses, receiver.headers = [status], {"Retry-After": header(clock())}
    async with pending_for(store, clock, receiver) as sender:
        await sender.drain_once()
        until = targets(store)["a"].quiet_until
        assert until == (None if quiet is None else clock() + timedelta(seconds=quiet))
        enqueue(store, clock, [], first=2)
        assert await sender.drain_once() == (0 if quiet else 1)


async def test_410_disables_a_webhook_and_keeps_its_deliveries(store, clock, receiver):
    receiver.statuses = [410]
    async with pending_for(store, clock, receiver) as sender:
        await sender.drain_once()
        enqueue(store, clock, [], 2, first=2)
        assert await sender.drain_once() == 0
        assert (targets(store)["a"].state, targets(store)["a"].reason) == ("disabled", "HTTP 410")
        assert [row.state for row in deliveries(store)] == ["held"] * 3
        with store.write() as session:
            target_health.resume(session, "a", clock())
        assert await sender.drain_once() == 3
    assert [row.state for row in deliveries(store)] == ["delivered"] * 3


async def hang(_request: web.Request, _number: int) -> web.StreamResponse:
    await asyncio.sleep(30)
    raise AssertionError


async def test_a_receiver_that_hangs_is_cut_at_the_deadline(store, clock, receiver):
    receiver.answer = hang
    async with pending_for(store, clock, receiver, deadline=0.3) as sender:
        await sender.drain_once()
    assert deliveries(store)[0].error == "no answer within 0.3 s"
    assert attempts(store)[0].ms >= 290


async def test_headers_byte_by_byte_are_cut_at_the_deadline(store, clock):
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for byte in b"HTTP/1.1 200 OK\r\n" * 100:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    enqueue(store, clock, [target("a", clock(), address=f"http://127.0.0.1:{port}/")])
    async with publisher(store, clock, deadline=0.3) as sender:
        await sender.drain_once()
    server.close()
    await asyncio.sleep(0.05)
    assert deliveries(store)[0].error == "no answer within 0.3 s"


async def endless(request: web.Request, _number: int) -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    while True:
        await response.write(b"x" * 4096)


async def trickle(request: web.Request, _number: int) -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    await response.write(b"slow")
    await asyncio.sleep(30)
    return response


async def bomb(_request: web.Request, _number: int) -> web.StreamResponse:
    return web.Response(
        body=gzip.compress(b"\0" * 50_000_000), headers={"Content-Encoding": "gzip"}
    )


@pytest.mark.parametrize("answer", [endless, trickle, bomb])
async def test_a_2xx_counts_whatever_follows(store, clock, receiver, answer):
    receiver.answer = answer
    async with pending_for(store, clock, receiver) as sender:
        started = asyncio.get_running_loop().time()
        await sender.drain_once()
        assert asyncio.get_running_loop().time() - started < 3
    assert deliveries(store)[0].state == "delivered"
    assert len(attempts(store)[0].answer) <= 500
    assert "\0" not in attempts(store)[0].answer


async def test_nobody_there_and_no_such_host(store, clock):
    async with serving(Receiver().handle) as closed:
        pass
    enqueue(
        store,
        clock,
        [
            target("a", clock(), address=closed),
            target("b", clock(), address="http://nowhere.invalid/"),
        ],
    )
    async with publisher(store, clock) as sender:
        assert await sender.drain_once() == 2
    assert all(row.error.startswith("cannot connect: ") for row in deliveries(store))


async def test_private_addresses_and_plain_http_are_not_delivered_to(store, clock, receiver):
    async with pending_for(store, clock, receiver, allow_networks=()) as sender:
        await sender.drain_once()
    assert "127.0.0.1 is not public" in deliveries(store)[0].error
    async with publisher(store, clock, allow_http=False) as sender:
        clock.pass_(timedelta(seconds=5))
        await sender.drain_once()
    assert "not https" in deliveries(store)[0].error
    assert receiver.paths == []


# Crashes: a step that does not come back, as kill -9 leaves it


class Killed(BaseException):
    pass


async def test_killed_after_the_claim(store, clock, receiver):
    async with pending_for(store, clock, receiver) as sender:
        await sender.claim(100)
    assert receiver.got == []
    await deliver_after_lease(store, clock, receiver)
    assert len(receiver.got) == 1
    assert [attempt.number for attempt in attempts(store)] == [2]


@pytest.mark.parametrize("step", ["send", "record"])
async def test_killed_between_sending_and_the_record(store, clock, receiver, step, monkeypatch):
    async with pending_for(store, clock, receiver) as sender:
        whole = getattr(sender, step)

        async def send(*arguments):
            await whole(*arguments)
            raise Killed

        def record(*_args):
            raise Killed

        monkeypatch.setattr(sender, step, send if step == "send" else record)
        with pytest.raises(Killed):
            await sender.drain_once()
    assert attempts(store) == []
    assert await deliver_after_lease(store, clock, receiver) == 1
    assert len(receiver.got) == 2
    assert len(set(receiver.got)) == 1


async def deliver_after_lease(store, clock, receiver) -> int:
    """Another process, on the same address, once the lease has run out."""
    async with serving(receiver.handle) as url:
        with store.write() as session:
            session.get_one(SubscriptionRow, "a").address = url
        async with publisher(store, clock) as sender:
            clock.pass_(LEASE - timedelta(seconds=1))
            assert await sender.drain_once() == 0
            clock.pass_(timedelta(seconds=1))
            return await sender.drain_once()


async def test_a_record_that_fails_is_tried_again(store, clock, receiver, monkeypatch, caplog):
    async with pending_for(store, clock, receiver) as sender:
        record = sender.record

        def full(*_args):
            raise StoreError("database or disk is full")

        monkeypatch.setattr(sender, "record", full)
        await sender.drain_once()
        assert "tried and not recorded" in caplog.text
        monkeypatch.setattr(sender, "record", record)
        clock.pass_(LEASE)
        await sender.drain_once()
    assert len(receiver.got) == 2
    assert deliveries(store)[0].state == "delivered"


async def test_a_bug_in_recording_loses_no_other_result(
    store, clock, receiver, monkeypatch, caplog
):
    """The result that cannot be recorded is named, and its delivery is sent again; no other is."""
    async with pending_for(store, clock, receiver, 3) as sender:
        record = sender.record

        def broken(results):
            if any(result.deliveries[0].delivery_id == 2 for result in results):
                raise TypeError("a secret of the request")
            record(results)

        monkeypatch.setattr(sender, "record", broken)
        await sender.drain_once()
        states = {row.id: row.state for row in deliveries(store)}
        assert states == {1: "delivered", 2: "pending", 3: "delivered"}
        assert "delivery 2 was tried and not recorded; it is tried again: TypeError" in caplog.text
        assert "secret of the request" not in caplog.text
        monkeypatch.setattr(sender, "record", record)
        clock.pass_(LEASE)
        await sender.drain_once()
    assert {row.state for row in deliveries(store)} == {"delivered"}
    assert len(receiver.got) == 4


# The service


async def test_run_delivers_what_comes_and_stops_in_order(store, clock, receiver):
    stop = asyncio.Event()
    async with pending_for(store, clock, receiver, 2) as sender:
        running = asyncio.create_task(sender.run(stop))
        await until(lambda: len(receiver.got) == 2)
        enqueue(store, clock, [], first=3)
        sender.wake()
        await until(lambda: len(receiver.got) == 3)
        slow = asyncio.Event()

        async def held_up(_request, _number):
            slow.set()
            await asyncio.sleep(0.3)
            return web.Response(text="done")

        receiver.answer = held_up
        enqueue(store, clock, [], first=4)
        sender.wake()
        await slow.wait()
        stop.set()
        await asyncio.wait_for(running, 5)
    assert [row.state for row in deliveries(store)] == ["delivered"] * 4


async def test_stopping_gives_back_what_it_cannot_finish(store, clock, receiver, monkeypatch):
    monkeypatch.setattr("monitor.delivery.publisher.STOP", 0.1)
    receiver.answer = hang
    stop = asyncio.Event()
    async with pending_for(store, clock, receiver) as sender:
        running = asyncio.create_task(sender.run(stop))
        await until(lambda: len(receiver.got) == 1)
        stop.set()
        await asyncio.wait_for(running, 5)
    (row,) = deliveries(store)
    assert (row.state, row.lease_until) == ("pending", None)


async def test_two_processes_send_everything_once(store, clock, receiver):
    stop = asyncio.Event()
    async with (
        serving(receiver.handle) as url,
        publisher(store, clock) as first,
        publisher(store, clock) as second,
    ):
        mine = [
            target(f"t{n}", clock(), address=f"{url}/{n}", secret=receiver.secret)
            for n in range(20)
        ]
        enqueue(store, clock, mine, 10)
        running = asyncio.gather(first.run(stop), second.run(stop))
        await until(lambda: len(receiver.got) >= 200)
        stop.set()
        await running
    assert len(receiver.got) == 200
    assert {row.state for row in deliveries(store)} == {"delivered"}
    assert len(attempts(store)) == 200


async def test_slow_receivers_do_not_delay_a_healthy_one(store, clock, receiver):
    slow = Receiver(answer=hang)
    async with serving(slow.handle) as url:
        slows = [
            target(f"s{n}", clock(), address=f"{url}/{n}", secret=slow.secret) for n in range(20)
        ]
        enqueue(store, clock, slows, 5)
        stop = asyncio.Event()
        async with pending_for(store, clock, receiver, 0) as sender:
            running = asyncio.create_task(sender.run(stop))
            await until(lambda: len(slow.got) >= 80)  # four each
            enqueue(store, clock, [], first=100)
            started = asyncio.get_running_loop().time()
            sender.wake()
            await until(lambda: receiver.got)
            assert asyncio.get_running_loop().time() - started < 1
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  receivers have no event to wait for
            await asyncio.sleep(0.01)


# Secrets


async def test_a_secret_at_the_end_of_what_is_kept_is_not_cut_and_kept(store, clock):
    async def echo(_request, _number):
        return web.Response(status=500, text="." * 480 + receiver.secret)

    receiver = Receiver(answer=echo)
    async with serving(receiver.handle) as url:
        enqueue(store, clock, [target("w", clock(), address=url, secret=receiver.secret)])
        async with publisher(store, clock) as sender:
            await sender.drain_once()
    assert attempts(store)[0].answer == "." * 480 + "[secret]"


async def test_secrets_are_nowhere(store, clock, caplog):
    """In no log at any level, attempt, error or repr: signing secret, token, URL of an incoming
    webhook.
    """
    caplog.set_level(logging.DEBUG)
    secret = "whsec_" + base64.b64encode(b"canary-signing-secret-0123456789").decode()

    async def echo(request, _number):
        return web.Response(status=500, text=f"you sent {secret} to {request.url}")

    receiver, fake = Receiver(secret, echo), FakeSlack()
    async with serving(receiver.handle) as url, serving(fake.handle) as slack_url:
        rows = [
            target("w", clock(), address=f"{url}/path-canary?key=query-canary", secret=secret),
            target(
                "x", clock(), address="https://x.invalid/path-canary", secret="whsec_broken-canary"
            ),
            target("t", clock(), type="slack", address="#a", secret=""),
            target(
                "h",
                clock(),
                type="slack",
                address=f"{slack_url}/services/secret-path-canary",
                secret="",
            ),
            target(
                "g",
                clock(),
                type="slack",
                address="http://127.0.0.1:9/services/gone-path-canary",
                secret="",
            ),
        ]
        enqueue(store, clock, rows)
        token = "xoxb-token-canary"
        async with publisher(
            store, clock, slack_token=token, slack_base_url=f"{slack_url}/api/"
        ) as sender:
            claimed = await sender.claim(100)
            assert len(claimed) == 5
            for delivery in claimed:
                await sender.deliver([delivery])
    assert fake.hits == 2
    recorded = [row.error + row.answer for row in attempts(store)] + [
        row.error for row in deliveries(store)
    ]
    recorded += [row.reason for row in targets(store).values()] + [
        repr(claimed),
        repr(targets(store)),
        repr(sender),
    ]
    own = [
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith("aiohttp.access")
    ]
    for canary in ("canary", secret.removeprefix("whsec_")):
        assert canary not in "".join(recorded + own)
    assert "[secret]" in "".join(recorded)
