"""kill -9 between any two steps of a poll or a delivery: no event lost, none twice, every delivery made."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from aiohttp import web
from sqlmodel import col, select, update

from monitor.demo.pages import openai_retirements
from monitor.store.db import Store
from monitor.store.log import Wanted, events
from monitor.store.tables import AttemptRow, DeliveryRow, SourceRow, SubscriptionRow
from monitor.vault import new_key
from tests.receivers import Receiver, serving
from tests.servers import Page, Site
from tests.support import TESTS

SOURCE = "openai.deprecations"
BEFORE = openai_retirements([("2026-11-01", "One", "2030-01-15", "gpt-one", "gpt-two")])
AFTER = openai_retirements(
    [
        ("2026-11-20", "Three", "2030-06-01", "gpt-three", "gpt-four"),
        ("2026-11-01", "One", "2030-03-15", "gpt-one", "gpt-two"),
    ]
)
TOLD = [("retirement.announced", "gpt-three"), ("retirement.postponed", "gpt-one")]

#: Each step with the row of the reference's crash table (delivery.md 3.4) that it is.
STEPS = {
    "K1 before the fetch": "monitor.poll:fetch:before",
    "K2 after the fetch": "monitor.poll:fetch:after",
    "K2 after the parse": "monitor.poll:parse:after",
    "K3 before the transaction": "monitor.poll:record:before",
    "K4 facts written": "monitor.store.facts:apply:after",
    "K5 events written": "monitor.store.log:append:after",
    "K5 deliveries written": "monitor.publish.outbox:enqueue:after",
    "K5 poll written, not committed": "monitor.store.sources:record:after",
    "K6 committed": "monitor.poll:record:after",
    "K7 claimed, not committed": "monitor.publish.outbox:claim:after",
    "K7 claimed, not sent": "monitor.publish:Publisher.send:before",
    "K9 sent, not recorded": "monitor.publish:Publisher.record:before",
    "K10 acknowledged, not committed": "monitor.publish.outbox:acknowledge:after",
    "K10 recorded": "monitor.publish:Publisher.record:after",
}
#: On PostgreSQL the steps around its transactions; the others do not differ.
POSTGRESQL = ("K5 deliveries written", "K6 committed", "K7 claimed, not sent", "K10 acknowledged, not committed")


class Child:
    """The service in a process, dying at a step."""

    def __init__(self, store: Store, site: Site):
        self.database = store.url.render_as_string(hide_password=False)
        self.environment = os.environ | {
            "LASTCALL_SOURCE_URLS": json.dumps({SOURCE: site.url("/deprecations.md")}),
            "LASTCALL_ALLOW_NETWORKS": "127.0.0.0/8",
            "LASTCALL_ALLOW_HTTP": "1",
            "LASTCALL_SECRET_KEYS": new_key(),
        }
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, step: str = "none") -> asyncio.subprocess.Process:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash_child", self.database, step,
            env=self.environment, cwd=TESTS.parent, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return self.process

    async def dies(self, step: str) -> None:
        process = await self.start(step)
        _, said = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == -signal.SIGKILL, said.decode()

    async def lives_until(self, done: Callable[[], bool]) -> None:
        process = await self.start()
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(done):  # noqa: ASYNC110  another process makes it true
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, said.decode()


def due(store: Store) -> None:
    with store.write() as session:
        session.execute(update(SourceRow).values(due_at=datetime.now(UTC)))


def baseline(store: Store) -> bool:
    with store.read() as session:
        row = session.get(SourceRow, SOURCE)
        return bool(row and row.baseline_at)


def delivered(store: Store) -> bool:
    with store.read() as session:
        return list(session.execute(select(DeliveryRow.state)).scalars()) == ["delivered", "delivered"]


async def crash(store: Store, step: str | None) -> None:
    """Baseline, then a changed page polled and delivered by a process that dies (at ``step``, or at the receiver)."""
    child: Child

    async def cut_off(_request: web.Request, number: int) -> web.StreamResponse:
        if step is None and number == 1 and child.process and child.process.returncode is None:
            child.process.kill()  # K8: the request is written, the answer is not read
            await asyncio.sleep(0.2)
        return web.Response(status=204)

    receiver = Receiver(answer=cut_off)
    async with Site() as site, serving(receiver.handle) as base:
        site.pages["/deprecations.md"] = Page(BEFORE)
        with store.write() as session:
            session.add(
                SubscriptionRow(
                    id="sub_1",
                    type="webhook",
                    address=f"{base}/hook",
                    secret=receiver.secret,
                    created_at=datetime.now(UTC),
                )
            )
        child = Child(store, site)
        await child.lives_until(lambda: baseline(store))
        site.pages["/deprecations.md"] = Page(AFTER)
        due(store)
        if step is None:
            process = await child.start()
            await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == -signal.SIGKILL
        else:
            await child.dies(step)
        due(store)
        await child.lives_until(lambda: delivered(store))

    with store.read() as session:
        told = [event for event in events(session, Wanted(limit=100)) if not event["kind"].startswith("source.")]
        attempts = session.execute(select(AttemptRow).order_by(col(AttemptRow.id))).scalars().all()
    assert sorted((event["kind"], event["model"]) for event in told) == TOLD  # none lost, none twice in the log
    bodies = {
        message_id: {body for other, body in receiver.got if other == message_id} for message_id, _ in receiver.got
    }
    assert bodies.keys() == {event["id"] for event in told}  # I3: each was received ...
    assert all(len(copies) == 1 for copies in bodies.values())  # ... and every copy is the same
    assert len(receiver.got) <= len(told) + 1 * (len(told) if step is None or "publish" in step else 0)
    assert all(attempt.status == 204 for attempt in attempts)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", STEPS)
async def test_killed_on_sqlite(store: Store, name: str) -> None:
    await crash(store, STEPS[name])


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("name", POSTGRESQL)
async def test_killed_on_postgresql(store: Store, name: str) -> None:
    await crash(store, STEPS[name])


async def test_killed_while_the_receiver_answers(store: Store) -> None:
    """K8."""
    await crash(store, None)
