"""Services of Apprise: its own ``json://`` against a receiver on loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from aiohttp import web
from sqlmodel import col, select

from monitor.delivery import apprise, outbox
from monitor.delivery.queue import LEASE
from monitor.errors import DeliveryFailed
from monitor.store import secrets
from monitor.store.db import Store
from monitor.store.tables import AttemptRow, DeliveryRow, SubscriptionRow
from monitor.vault import Vault, new_key, parse
from tests.support.cli import Run, database, run, template  # noqa: F401  fixtures
from tests.support.receivers import Clock, event, publisher, serving, target

#: One of its plugins has it from a library of its own.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Service:
    """Takes the POSTs of ``json://``; answers with ``statuses`` in turn, then 200."""

    def __init__(self) -> None:
        self.posts: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.posts.append(await request.json())
        await self.answers.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def enqueue(store: Store, vault: Vault, clock: Clock, url: str, **values) -> None:
    with store.write() as session:
        row = target("sub_any", clock(), type="apprise", secret="", **values)
        secrets.seal_address(vault, row, url)
        session.add(row)
        session.flush()
        events = [event(1, clock()), event(2, clock())]
        session.add_all(events)
        session.flush()
        outbox.enqueue(session, events, clock())


def url_of(base: str) -> str:
    return base.replace("http://", "json://user:canary-of-apprise@") + "/canary-of-a-path"


async def test_what_is_owed_arrives_in_words(store: Store, clock: Clock) -> None:
    service, vault = Service(), Vault(parse(new_key()))
    service.statuses = [500]
    async with serving(service.handle) as base:
        enqueue(store, vault, clock, url_of(base))
        async with publisher(store, clock, vault=vault) as sender:
            assert await sender.drain_once() == 2
            clock.pass_(timedelta(minutes=1))
            assert await sender.drain_once() == 1
    assert len(service.posts) == 3
    assert service.posts[0]["title"].startswith(
        "action: gpt-4o-realtime-preview now retires on 2026-05-07"
    )
    assert "Use instead: gpt-realtime" in service.posts[0]["message"]
    with store.read() as session:
        assert set(session.scalars(select(DeliveryRow.state))) == {"delivered"}
        attempts = list(session.exec(select(AttemptRow).order_by(col(AttemptRow.id))))
        row = session.get_one(SubscriptionRow, "sub_any")
    assert {attempt.error for attempt in attempts} == {
        "",
        "apprise: the service did not take the message, or cannot be reached",
    }
    assert "canary" not in row.address + row.sealed_address + repr(row) + repr(attempts)


async def test_a_digest_is_one_message(store: Store, clock: Clock) -> None:
    service, vault = Service(), Vault(parse(new_key()))
    async with serving(service.handle) as base:
        enqueue(store, vault, clock, url_of(base), digest="hourly")
        clock.pass_(timedelta(hours=1))
        async with publisher(store, clock, vault=vault) as sender:
            assert await sender.drain_once() == 2
    assert len(service.posts) == 1
    assert service.posts[0]["title"].endswith("(and 1 more)")


async def test_a_service_that_does_not_answer_is_tried_again(
    store, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = apprise.AppriseThreads(deadline=0.2)
    monkeypatch.setattr(apprise, "AppriseThreads", lambda: threads)
    service, vault = Service(), Vault(parse(new_key()))
    service.answers.clear()
    async with serving(service.handle) as base:
        enqueue(store, vault, clock, url_of(base))
        async with publisher(store, clock, vault=vault) as sender:
            await sender.drain_once()
        service.answers.set()
    with store.read() as session:
        assert {(row.error, row.status) for row in session.exec(select(AttemptRow))} == {
            ("apprise: no answer within 0.2 s", 0)
        }
        assert set(session.scalars(select(DeliveryRow.state))) == {"pending"}


class SlowService:
    """Stands for a service of Apprise that answers when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.titles: list[str] = []
        self.begun = threading.Semaphore(0)
        self.answers = threading.Event()
        monkeypatch.setattr(apprise, "_notify", self.notify)

    def notify(self, _url: str, title: str, _text: str) -> bool:
        self.titles.append(title)
        self.begun.release()
        self.answers.wait(30)
        return True


def skip(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Move the clock of the event loop forward: every timer before that is due."""
    loop = asyncio.get_running_loop()
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + seconds)


async def turns(count: int = 20) -> None:
    """Let the event loop go on, without waiting for any time."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_waiting_for_a_thread_is_no_failure_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = SlowService(monkeypatch)
    threads = apprise.AppriseThreads(count=1, deadline=1e6, patience=1e6)
    first = asyncio.create_task(threads.send("json://x", "first", ""))
    assert await asyncio.to_thread(service.begun.acquire, timeout=30)
    threads.deadline = 30
    second = asyncio.create_task(threads.send("json://x", "second", ""))
    await turns()
    skip(monkeypatch, 1000)
    await turns()
    assert not second.done(), "its deadline has not begun"
    service.answers.set()
    assert [await first, await second] == [(0, ""), (0, "")]
    assert service.titles == ["first", "second"]
    threads.close()


async def test_what_waits_too_long_for_a_thread_is_postponed_and_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message would else outlive its lease, and be sent by two."""
    assert LEASE.total_seconds() > apprise.PATIENCE + apprise.DEADLINE
    service = SlowService(monkeypatch)
    threads = apprise.AppriseThreads(count=1, deadline=1e6, patience=25)
    first = asyncio.create_task(threads.send("json://x", "first", ""))
    assert await asyncio.to_thread(service.begun.acquire, timeout=30)
    second = asyncio.create_task(threads.send("json://x", "second", ""))
    await turns()
    skip(monkeypatch, 26)
    with pytest.raises(DeliveryFailed, match="all threads are busy") as failure:
        await second
    assert failure.value.effect == "postpone"
    service.answers.set()
    await first
    threads.close()
    assert service.titles == ["first"]


async def test_a_thread_that_hangs_is_not_free_for_the_next_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its deadline is over, the thread goes on: the next message waits for it, and is sent once."""
    service = SlowService(monkeypatch)
    threads = apprise.AppriseThreads(count=1, deadline=30, patience=1e6)
    first = asyncio.create_task(threads.send("json://x", "first", ""))
    assert await asyncio.to_thread(service.begun.acquire, timeout=30)
    skip(monkeypatch, 31)
    with pytest.raises(DeliveryFailed, match="no answer within 30 s"):
        await first
    second = asyncio.create_task(threads.send("json://x", "second", ""))
    await turns()
    skip(monkeypatch, 31)
    await turns()
    assert not second.done()
    service.answers.set()
    assert await second == (0, "")
    assert service.titles == ["first", "second"]
    threads.close()


def test_the_command_never_shows_the_url(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    url = "tgram://123456789:canary-of-telegram/canary-of-a-chat"
    results = [
        run("apprise", "add", url, "openai/*"),
        run("apprise", "list"),
        run("apprise", "list", "--json"),
    ]
    assert results[0].out.startswith("sub_")
    assert "tgram://..." in results[0].out
    results.append(run("apprise", "disable", url))
    results.append(run("apprise", "add", url, "anthropic/*", "--json"))
    target_json = results[-1].json
    assert (target_json["state"], target_json["filters"]) == ("enabled", ["anthropic/*"])
    results.append(run("apprise", "remove", url))
    results.append(run("apprise", "remove", "tgram://...", code=5))
    assert "canary" not in "".join(result.out + result.err for result in results)
    bad = run("apprise", "add", "nowhere://canary", code=2)
    assert "no URL of a service that Apprise knows" in bad.err
    assert "canary" not in bad.err


def test_who_has_no_such_target_does_not_pay_for_the_library() -> None:
    program = "import sys, monitor.delivery.publisher, monitor.cli.apprise, monitor.service; print('apprise' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
        == "False\n"
    )
