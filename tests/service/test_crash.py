"""kill -9 between any two steps of a poll or a delivery: no event lost, none twice, every delivery
made.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from sqlalchemy import inspect
from sqlmodel import SQLModel, col, select
from standardwebhooks.webhooks import Webhook

from monitor import vault
from monitor.delivery.webhook import signature
from monitor.delivery.webhook.signature import new_secret
from monitor.demo.pages import openai_retirements
from monitor.settings.model import Settings
from monitor.store import maintenance, schema
from monitor.store import secrets as sealed
from monitor.store.db import Store
from monitor.store.event_log import EventQuery, events
from monitor.store.tables import AttemptRow, DeliveryRow, SourceRow, SubscriptionRow
from tests.support.kill_trials import SOURCE, Parent, Service, let_leases_end, look_again
from tests.support.loopback_site import Page, Site
from tests.support.receivers import Receiver, serving, target

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
    "K1 before the fetch": "monitor.polling.poll:fetch:before",
    "K2 after the fetch": "monitor.polling.poll:fetch:after",
    "K2 after the parse": "monitor.polling.poll:parse:after",
    "K3 before the transaction": "monitor.polling.poll:record:before",
    "K4 facts written": "monitor.store.fact_versions:apply:after",
    "K5 events written": "monitor.store.event_log:append:after",
    "K5 deliveries written": "monitor.delivery.outbox:enqueue:after",
    "K5 poll written, not committed": "monitor.store.source_state:record:after",
    "K6 committed": "monitor.polling.poll:record:after",
    "K7 claimed, not committed": "monitor.delivery.claim:claim:after",
    "K7 claimed, not sent": "monitor.delivery.publisher:Publisher.send:before",
    "K9 sent, not recorded": "monitor.delivery.publisher:Publisher.record:before",
    "K10 acknowledged, not committed": "monitor.delivery.attempt_results:acknowledge:after",
    "K10 recorded": "monitor.delivery.publisher:Publisher.record:after",
}
#: On PostgreSQL the steps around its transactions; the others do not differ.
POSTGRESQL = (
    "K4 facts written",
    "K5 deliveries written",
    "K6 committed",
    "K7 claimed, not sent",
    "K9 sent, not recorded",
    "K10 acknowledged, not committed",
)


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parent]:
    parent = Parent(tmp_path_factory.mktemp("crash"))
    yield parent
    parent.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path) -> Iterator[Store]:
    """A store without tables."""
    sqlite = request.param == "sqlite"
    store = Store(str(tmp_path / "empty.db") if sqlite else request.getfixturevalue("postgres")())
    yield store
    store.close()


def baseline(store: Store) -> bool:
    with store.read() as session:
        row = session.get(SourceRow, SOURCE)
        return bool(row and row.baseline_at)


def looked_once(store: Store) -> bool:
    """Whether changes wait for their second look."""
    with store.read() as session:
        row = session.get(SourceRow, SOURCE)
        return bool(row and row.pending)


def delivered(store: Store) -> bool:
    with store.read() as session:
        return list(session.execute(select(DeliveryRow.state)).scalars()) == [
            "delivered",
            "delivered",
        ]


async def crash(parent: Parent, store: Store, step: str | None) -> None:
    """A changed page, looked at again and delivered by a process that dies (at ``step``, or at the
    receiver).
    """

    async def cut_off(_request: web.Request, number: int) -> web.StreamResponse:
        if step is None and number == 1:
            os.kill(
                parent.running, signal.SIGKILL
            )  # K8: the request is written, the answer is not read
            await asyncio.sleep(0.2)
        return web.Response(status=204)

    receiver = Receiver(answer=cut_off)
    async with Site() as site, serving(receiver.handle) as base:
        site.pages["/deprecations.md"] = Page(BEFORE)
        with store.write() as session:
            session.add(
                target("sub_1", datetime.now(UTC), address=f"{base}/hook", secret=receiver.secret)
            )
        service = Service(parent, store, site)
        await service.lives_until(lambda: baseline(store))
        site.pages["/deprecations.md"] = Page(AFTER)
        look_again(store)
        await service.lives_until(lambda: looked_once(store))
        site.pages["/deprecations.md"] = Page(
            AFTER + b"\n"
        )  # says the same in other bytes, which are read again
        look_again(store)
        if step is None:
            await service.dies(
                "monitor.delivery.publisher:Publisher.record:before:1"
            )  # if the kill should come too late
        else:
            await service.dies(f"{step}:1")
        claimed = let_leases_end(store)
        await service.lives_until(lambda: delivered(store))

    with store.read() as session:
        told = [
            event
            for event in events(session, EventQuery(limit=100))
            if not event["kind"].startswith("source.")
        ]
        attempts = session.execute(select(AttemptRow).order_by(col(AttemptRow.id))).scalars().all()
    assert (
        sorted((event["kind"], event["model"]) for event in told) == TOLD
    )  # none lost, none twice in the log
    bodies = {
        message_id: {body for other, body in receiver.got if other == message_id}
        for message_id, _ in receiver.got
    }
    assert bodies.keys() == {event["id"] for event in told}  # I3: each was received ...
    assert all(len(copies) == 1 for copies in bodies.values())  # ... and every copy is the same
    assert len(receiver.got) <= len(told) + len(claimed)  # again only what was in flight
    assert all(attempt.status == 204 for attempt in attempts)
    assert {attempt.number for attempt in attempts} == (
        {1, 2} if 0 < len(claimed) < 2 else {2} if claimed else {1}
    )


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", STEPS)
async def test_killed_on_sqlite(parent: Parent, store: Store, name: str) -> None:
    await crash(parent, store, STEPS[name])


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("name", POSTGRESQL)
async def test_killed_on_postgresql(parent: Parent, store: Store, name: str) -> None:
    await crash(parent, store, STEPS[name])


async def test_killed_while_the_receiver_answers(parent: Parent, store: Store) -> None:
    """K8."""
    await crash(parent, store, None)


# --- rotation of keys, migration
# -----------------------------------------------------------------------------


def test_killed_while_secrets_are_sealed_anew(parent: Parent, store: Store) -> None:
    """K12: whatever statement it dies at, each secret opens with the old key or with the new
    one.
    """
    old, new = vault.new_key(), vault.new_key()
    secrets = {f"sub_{number}": f"secret of {number}, canary" for number in range(3)}
    with store.write() as session:
        session.add_all(
            target(name, datetime.now(UTC), secret=secret) for name, secret in secrets.items()
        )
    sealed.unlock(store, Settings(database_url="unused", secret_keys=old))  # type: ignore[arg-type]
    both = f"{new},{old}"
    keys = sealed.find_vault(store, Settings(database_url="unused", secret_keys=both))  # type: ignore[arg-type]
    for _ in dying(parent, "rotate", store, both):
        with store.read() as session:
            opened = {
                row.id: sealed.unseal(keys, row).secret
                for row in session.scalars(select(SubscriptionRow))
            }
        assert opened == secrets
    assert sealed.status(store) == {keys.first: 3}


def test_killed_while_a_webhook_gets_another_secret(parent: Parent, empty: Store) -> None:
    """K12: what is signed verifies with the secret that the endpoint had, whether or not it heard
    of the new one.
    """
    key, now = vault.new_key(), datetime.now(UTC)
    keys = sealed.find_vault(empty, Settings(database_url="unused", secret_keys=key))  # type: ignore[arg-type]
    known = new_secret()
    schema.ready(empty)
    with empty.write() as session:
        session.add(target("sub_1", now, secret=known))
    for _ in dying(parent, "rotate webhook", empty, key):
        with empty.read() as session:
            opened = sealed.unseal(keys, session.get_one(SubscriptionRow, "sub_1"))
        signs = signature.signing(opened.secret, opened.old_secrets, now)
        sent = signature.headers(signs, "evt_1", int(now.timestamp()), b"{}")
        Webhook(known).verify(b"{}", sent)
    assert opened.secret != known
    assert opened.secret in parent.words()


def dying(parent: Parent, task: str, store: Store, keys: str) -> Iterator[int]:
    """A task that dies at its first statement, then at its second, and so on until it gets to its
    end.
    """
    for number in itertools.count(1):
        parent.start(
            task,
            store,
            {"LASTCALL_SECRET_KEYS": keys},
            f"sql:{('after', 'before')[number % 2]}:{number}",
        )
        code = parent.wait()
        assert code in (0, -signal.SIGKILL), parent.words()
        yield number
        if code == 0:
            return


@pytest.mark.parametrize(
    "step", ["sql:after:1", "sql:after:9", "sql:before:25", "sql:after:40", "sql:before:70"]
)
def test_killed_while_the_schema_is_made(parent: Parent, empty: Store, step: str) -> None:
    """K13: the next start goes on, and the database is whole."""
    parent.start("migrate", empty, {}, step)
    assert parent.wait() == -signal.SIGKILL, parent.words()
    schema.ready(empty)
    assert set(inspect(empty.engine).get_table_names()) == {
        *SQLModel.metadata.tables,
        "alembic_version",
    }
    assert maintenance.faults(empty) == []
