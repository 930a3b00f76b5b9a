"""Services of Apprise: its own ``json://`` against a receiver on loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest
from aiohttp import web
from sqlmodel import col, select

from monitor.delivery import outbox
from monitor.store import secrets
from monitor.store.db import Store
from monitor.store.tables import AttemptRow, DeliveryRow, SubscriptionRow
from monitor.vault import Vault, new_key, parse
from tests.support.cli import Run, database, run, template  # noqa: F401  fixtures
from tests.support.receivers import Clock, event, publisher, serving, target

#: One of its plugins has it from a library of its own.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Service:
    """What takes the POSTs of ``json://``; answers with ``statuses`` in turn, then 200."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.wait = 0.0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(await request.json())
        await asyncio.sleep(self.wait)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def owe(store: Store, vault: Vault, clock: Clock, url: str, **values) -> None:
    with store.write() as session:
        row = target("sub_any", clock(), type="apprise", secret="", **values)
        secrets.seal_address(vault, row, url)
        session.add(row)
        session.flush()
        events = [event(1, clock()), event(2, clock())]
        session.add_all(events)
        session.flush()
        outbox.enqueue(session, events, clock())


def shape(base: str) -> str:
    return base.replace("http://", "json://user:canary-of-apprise@") + "/canary-of-a-path"


async def test_what_is_owed_arrives_in_words(store: Store, clock: Clock) -> None:
    service, vault = Service(), Vault(parse(new_key()))
    service.statuses = [500]
    async with serving(service.handle) as base:
        owe(store, vault, clock, shape(base))
        async with publisher(store, clock, vault=vault) as sender:
            assert await sender.drain_once() == 2
            clock.pass_(timedelta(minutes=1))
            assert await sender.drain_once() == 1
    assert len(service.got) == 3
    assert service.got[0]["title"].startswith(
        "action: gpt-4o-realtime-preview now retires on 2026-05-07"
    )
    assert "Use instead: gpt-realtime" in service.got[0]["message"]
    with store.read() as session:
        assert set(session.scalars(select(DeliveryRow.state))) == {"delivered"}
        tries = list(session.exec(select(AttemptRow).order_by(col(AttemptRow.id))))
        row = session.get_one(SubscriptionRow, "sub_any")
    assert {one.error for one in tries} == {
        "",
        "apprise: the service did not take the message, or cannot be reached",
    }
    assert "canary" not in row.address + row.sealed_address + repr(row) + repr(tries)


async def test_a_digest_is_one_message(store: Store, clock: Clock) -> None:
    service, vault = Service(), Vault(parse(new_key()))
    async with serving(service.handle) as base:
        owe(store, vault, clock, shape(base), digest="hourly")
        clock.pass_(timedelta(hours=1))
        async with publisher(store, clock, vault=vault) as sender:
            assert await sender.drain_once() == 2
    assert len(service.got) == 1
    assert service.got[0]["title"].endswith("(and 1 more)")


async def test_a_service_that_does_not_answer_is_tried_again(
    store, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor.delivery import apprise

    monkeypatch.setattr(apprise.send, "__defaults__", (0.2,))
    service, vault = Service(), Vault(parse(new_key()))
    service.wait = 1
    async with serving(service.handle) as base:
        owe(store, vault, clock, shape(base))
        async with publisher(store, clock, vault=vault) as sender:
            await sender.drain_once()
    with store.read() as session:
        assert {(one.error, one.status) for one in session.exec(select(AttemptRow))} == {
            ("apprise: no answer within 0.2 s", 0)
        }
        assert set(session.scalars(select(DeliveryRow.state))) == {"pending"}


def test_the_command_never_shows_the_url(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    url = "tgram://123456789:canary-of-telegram/canary-of-a-chat"
    said = [
        run("apprise", "add", url, "openai/*"),
        run("apprise", "list"),
        run("apprise", "list", "--json"),
    ]
    assert said[0].out.startswith("sub_")
    assert "tgram://..." in said[0].out
    said.append(run("apprise", "disable", url))
    said.append(run("apprise", "add", url, "anthropic/*", "--json"))
    assert (said[-1].json["state"], said[-1].json["filters"]) == ("enabled", ["anthropic/*"])
    said.append(run("apprise", "remove", url))
    said.append(run("apprise", "remove", "tgram://...", code=5))
    assert "canary" not in "".join(one.out + one.err for one in said)
    bad = run("apprise", "add", "nowhere://canary", code=2)
    assert "no URL of a service that Apprise knows" in bad.err
    assert "canary" not in bad.err


def test_who_has_no_such_target_does_not_pay_for_the_library() -> None:
    program = "import sys, monitor.delivery.publisher, monitor.cli.apprise, monitor.service; print('apprise' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
        == "False\n"
    )
