"""The service as its operators have it: one or several of them, what they are told, /healthz,
/metrics, the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select
from typer.testing import CliRunner

from monitor import logs
from monitor import service as services
from monitor.cli import app
from monitor.delivery.address_guard import Guard
from monitor.errors import FetchFailed, SettingError
from monitor.logs import Line
from monitor.polling.fetch import NO_VALIDATORS, Fetched, Fetcher, Validators
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Access, Source
from monitor.service import Service
from monitor.settings.model import Settings, secrets
from monitor.store import event_log as events
from monitor.store import schema, source_state
from monitor.store.db import Store
from monitor.store.tables import DeliveryRow, PollRow
from monitor.web import health
from sources import load
from tests.support.loopback_site import Page, Site
from tests.support.receivers import LOOPBACK, Receiver, event, serving, target
from tests.support.running_service import (
    Clock,
    declare,
    due,
    queue,
    read,
    running,
    state,
    told,
    until,
)

ROOT = Path(__file__).parents[2]
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# --- T1, T2: several of them
# --------------------------------------------------------------------------------


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source of Lastcall moved to a port of this machine where nobody listens."""
    for source in load().values():
        if source.access:
            monkeypatch.delenv(source.access.key, raising=False)
    monkeypatch.setenv(
        "LASTCALL_SOURCE_URLS", json.dumps(dict.fromkeys(load(), "http://127.0.0.1:9/"))
    )
    monkeypatch.setenv("LASTCALL_ALLOW_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("LASTCALL_ALLOW_HTTP", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


async def started(path: Path, line: bytes = b"watches") -> asyncio.subprocess.Process:
    """``lastcall run`` in a process of its own, once it has said this."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor", "--db", str(path), "run", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    async with asyncio.timeout(60):
        while line not in await process.stderr.readline():
            assert not process.stderr.at_eof()
    return process


async def test_t1_a_second_service_on_one_file_is_refused_with_the_pid_of_the_first(
    tmp_path: Path, away: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, receiver, now = tmp_path / "lastcall.db", Receiver(), Clock()()
    with contextlib.closing(schema.ready(Store(str(path)))) as store:
        async with serving(receiver.handle) as address:
            with store.write() as session:
                session.add(target("hook", now, address=address, secret=receiver.secret))
                session.add(event(1, now))
                session.flush()
                session.add(
                    DeliveryRow(
                        event_id=event(1, now).id,
                        subscription_id="hook",
                        created_at=now,
                        next_at=now,
                    )
                )
            first = await started(path)

            def command(*words: str) -> Any:
                return CliRunner().invoke(app, ["--db", str(path), *words], prog_name="lastcall")

            ran = await asyncio.to_thread(command, "run")
            assert ran.exit_code == 4
            assert f"process {first.pid} runs the service on it; stop that one first" in ran.stderr
            assert len(ran.stderr.splitlines()) == 1
            await until(lambda: queue(store).get("delivered", 0) >= 1)
            await until(lambda: all(row.checked_at or row.outcome == "off" for row in rows(store)))
            due(store)
            polled = await asyncio.to_thread(command, "poll")  # from cron, beside it
            assert (polled.exit_code, polled.stdout) == (0, "")
            assert f"`lastcall run` (process {first.pid}) polls what is due" in polled.stderr
            assert "0 sources polled" in polled.stderr
            first.send_signal(signal.SIGKILL)
            await first.wait()
            second = await started(path)  # the lock went with its process
            second.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(second.wait(), 30) == 0
        with store.read() as session:
            ids = [row.event_id for row in session.execute(select(DeliveryRow)).scalars()]
    assert [number for number, _ in receiver.got].count(event(1, now).id) == 1
    assert event(1, now).id in ids


def rows(store: Store) -> list[Any]:
    with store.read() as session:
        return source_state.rows(session)


class Counting:
    """Answers at once, and counts who was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched:
        self.asked[source.id] += 1
        await asyncio.sleep(0.005)
        return Fetched(304, b"", "", NO_VALIDATORS, 5, True, None, None, source.url)


class Nobody:
    """Owes nobody anything."""

    async def run(self, stopping: asyncio.Event) -> None:
        await stopping.wait()


async def test_t2_three_services_poll_each_of_a_thousand_slots_once(
    postgres: Any, postgres_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TICK", 0.05)
    url, getter = postgres(postgres_template), Counting()
    declared = {
        f"acme.m{number}": Source(f"acme.m{number}", "https://acme.example/", read)
        for number in range(1000)
    }
    stores = [Store(url) for _ in range(3)]
    with stores[0].write() as session:
        source_state.register(session, declared, Clock()())
        for row in source_state.rows(session):
            row.seen = "the same page"
    watching = [
        Service(
            store,
            Poller(store, getter, declared, PollSettings(clock=Clock())),
            Nobody(),
            lambda: declared,
            at_once=100,
        )  # type: ignore[arg-type]
        for store in stores
    ]
    tasks = [asyncio.create_task(service.run()) for service in watching]
    await until(lambda: all(row.checked_at for row in rows(stores[0])), 60)
    for service in watching:
        service.stopping.set()
    await asyncio.gather(*tasks)
    assert set(getter.asked.values()) == {1}
    assert len(getter.asked) == 1000
    assert {(row.outcome, row.lease_until) for row in rows(stores[0])} == {("unchanged", None)}
    share = [
        service.metrics.registry.get_sample_value("lastcall_polls_total", {"outcome": "unchanged"})
        for service in watching
    ]
    assert sum(share) == 1000
    assert all(share), "each of them took a part"
    for store in stores:
        store.close()


def test_the_lease_of_a_process_that_died_runs_out(store: Store) -> None:
    with store.write() as session:
        source_state.register(session, ["acme.a", "acme.b"], START)
    for at, ids, mine in (
        (START, ["acme.a"], {"acme.a"}),
        (START, ["acme.a", "acme.b"], {"acme.b"}),
        (START + source_state.LEASE - timedelta(seconds=1), ["acme.a", "acme.b"], set()),
        (START + source_state.LEASE, ["acme.a", "acme.b"], {"acme.a", "acme.b"}),
    ):
        with store.write() as session:
            assert {row.id for row in source_state.due(session, at, 9)} >= mine
            assert source_state.claim(session, ids, at) == mine
            assert source_state.due(session, at, 9) == [] or mine == {"acme.a"}


# --- what operators are told
# --------------------------------------------------------------------------------


class Down:
    """A page that stands there, or a server that does not."""

    def __init__(self) -> None:
        self.down = False

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched:
        if self.down:
            raise FetchFailed(f"{source.id}: answered 503", status=503)
        return Fetched(200, b"one", "text/plain", NO_VALIDATORS, 5, False, None, None, source.url)


@pytest.mark.parametrize("every", [timedelta(minutes=15), timedelta(hours=6), timedelta(hours=12)])
async def test_s19_a_week_without_a_source(store: Store, every: timedelta) -> None:
    """Told once that it fails, once that it is stale, once that it is back; asked at least every
    six hours.
    """
    site, now, times = Down(), START, []
    source = Source("acme.models", "https://acme.example/", read, every=every)
    with store.write() as session:
        source_state.register(session, [source.id], now)
        session.add(target("people", START))
        session.add(target("operator", START, operator=True))
    poller = Poller(store, site, {source.id: source}, PollSettings(clock=lambda: now))
    await poller.sweep([state(store, source.id)])
    site.down = True
    while now < START + 7 * DAY:
        now = state(store, source.id).due_at
        times.append(now)
        await poller.sweep([state(store, source.id)])
    assert told(store) == ["source.failing", "source.stale"]
    stale = next(at for at, kind in happened(store) if kind == "source.stale")
    assert source.stale_after < stale - START <= source.stale_after + max(6 * HOUR, 1.1 * every)
    assert max(after - before for before, after in itertools.pairwise(times)) <= 6 * HOUR
    site.down = False
    for _ in range(3):
        now = state(store, source.id).due_at
        await poller.sweep([state(store, source.id)])
    assert told(store) == ["source.failing", "source.stale", "source.recovered"]
    assert not state(store, source.id).stale
    with store.read() as session:
        owed = [row.subscription_id for row in session.execute(select(DeliveryRow)).scalars()]
    assert owed == ["operator"] * 3


def happened(store: Store) -> list[tuple[datetime, str]]:
    with store.read() as session:
        found = events.events(session, events.EventQuery(limit=1000))
    return [(datetime.fromisoformat(event["detected_at"]), event["kind"]) for event in found][::-1]


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("120", 0, 0),
        ("9000", 9000, 9000),
        ("-5", 0, 0),
        ("1000000000", 86_400, 86_400),
        ("soon", 0, 0),
        ("a date in three hours", 3 * 3600 - 60, 3 * 3600),
        ("a date of yesterday", 0, 0),
    ],
)
async def test_s8_asked_to_wait_and_then_the_same_again(
    store: Store, asked: str, least: int, most: int
) -> None:
    """No event; and asked again after what the server asked for, but not before the interval nor
    after a day.
    """
    now = Clock()()
    dates = {"a date in three hours": now + 3 * HOUR, "a date of yesterday": now - DAY}
    header = format_datetime(dates[asked], usegmt=True) if asked in dates else asked
    async with Site() as site, Fetcher() as fetcher:
        declared = declare(site, "acme.models", every=HOUR)
        poller = Poller(
            store, fetcher, declared, PollSettings(clock=lambda: now, chance=lambda: 0.5)
        )
        with store.write() as session:
            source_state.register(session, declared, now)
        good = site.pages["/acme.models"]
        for page in (good, Page(b"slower", status=429, headers={"Retry-After": header}), good):
            site.pages["/acme.models"] = page
            (polled,) = await poller.sweep([state(store, "acme.models")])
            if page is not good:
                assert polled.outcome == "unreachable"
                wait = (state(store, "acme.models").due_at - now).total_seconds()
                assert (
                    max(2 * 3600, least) <= wait <= max(2 * 3600, most)
                )  # the back-off after one failure: twice
    assert polled.outcome == "unchanged"
    assert told(store) == []


async def test_a_source_whose_poll_ends_during_a_tick_is_not_polled_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has it as due until the next flush: on a slow machine, it was polled twice."""
    async with Site() as site, Fetcher() as fetcher:
        declared = declare(site, "acme.models")
        poller = Poller(store, fetcher, declared, PollSettings(clock=Clock()))
        service = Service(store, poller, None, lambda: declared)  # type: ignore[arg-type]
        with store.write() as session:
            source_state.register(session, declared, Clock()())
        await poller.sweep([state(store, "acme.models")])
        due(store, "acme.models")
        flush = poller.flush

        async def flush_slowly() -> None:
            await flush()
            monkeypatch.setattr(poller, "flush", flush)
            assert (await poller.poll(state(store, "acme.models"))).outcome == "unchanged"

        monkeypatch.setattr(poller, "flush", flush_slowly)
        await service.tick()
        await until(lambda: not service.polling)
        assert len(site.requests) == 2


# --- /healthz, /metrics
# -------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def served(service: Service) -> AsyncIterator[str]:
    runner = await health.listen(health.application(service), "127.0.0.1:0")
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def get(url: str) -> tuple[int, str]:
    async with ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.text()


async def test_healthz_is_red_only_for_what_a_person_must_mend(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Site() as site:
        declared = declare(site, "acme.models", "acme.broken")
        site.pages["/acme.broken"] = Page(b"no", status=500)
        async with running(store, declared) as service, served(service) as base:
            await until(lambda: state(store, "acme.broken").failures > 0)
            assert await get(f"{base}/healthz") == (200, '{"status": "ok", "error": ""}')
            monkeypatch.setattr(health, "LATE", -1.0)
            status, body = await get(f"{base}/healthz")
            assert status == 503
            assert re.fullmatch(
                r"no tick for \d+ s: the service hangs; restart it", json.loads(body)["error"]
            )
            monkeypatch.undo()
            service.store.trouble = "database x: database or disk is full (make room)"
            status, body = await get(f"{base}/healthz")
            assert (status, json.loads(body)) == (
                503,
                {"status": "error", "error": service.store.trouble},
            )
            await until(lambda: not service.store.trouble)  # the next tick finds that it is not so
            assert (await get(f"{base}/healthz"))[0] == 200


async def test_metrics_tell_ages_outcomes_durations_and_the_queue(store: Store) -> None:
    receiver, now = Receiver(), Clock()()
    receiver.statuses = [500]
    async with Site() as site, serving(receiver.handle) as address:
        declared = declare(site, "acme.models", "acme.broken", "acme.held")
        site.pages["/acme.broken"] = Page(b"no", status=500)
        with store.write() as session:
            session.add(target("hook", now, address=address, secret=receiver.secret))
            session.add(target("paused", now, state="paused"))
            session.add_all(event(number, now) for number in (1, 2))
            session.flush()
            for name, delivery in (("hook", "pending"), ("paused", "held")):
                session.add(
                    DeliveryRow(
                        event_id=event(1, now).id,
                        subscription_id=name,
                        created_at=now - HOUR,
                        next_at=now,
                        state=delivery,
                    )
                )
        async with running(store, declared) as service, served(service) as base:
            await until(lambda: state(store, "acme.broken").failures > 0 and len(receiver.got) == 1)
            await until(lambda: all(row.checked_at for row in rows(store)))
            with store.write() as session:
                source_state.lock(session, "acme.held").held = "a document"
            status, body = await get(f"{base}/metrics")
    assert status == 200
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert found["lastcall_database_up",] == 1
    assert 0 <= found["lastcall_source_age_seconds", ("source", "acme.models")] < 60
    assert (
        "lastcall_source_age_seconds",
        ("source", "acme.broken"),
    ) not in found  # never read: no age
    assert found["lastcall_source_failures", ("source", "acme.broken")] >= 1
    assert found["lastcall_sources_stale",] == found["lastcall_parse_kills",] == 0
    assert found["lastcall_documents_held",] == 1
    assert found["lastcall_polls_total", ("outcome", "unreachable")] >= 1
    assert found["lastcall_polls_total", ("outcome", "baseline")] == 2
    assert found["lastcall_poll_duration_seconds_count",] >= 2
    assert found["lastcall_deliveries", ("state", "held")] == 1
    assert found["lastcall_deliveries", ("state", "pending")] == 1
    assert 3500 < found["lastcall_delivery_oldest_pending_seconds",] < 3700
    assert (
        found["lastcall_delivery_attempts_total", ("outcome", "failed"), ("type", "webhook")] == 1
    )
    assert found["lastcall_delivery_duration_seconds_count",] == 1
    assert any(name == "lastcall_build_info" for name, *_ in found)
    labels = {name for key in found for name, _ in key[1:]}
    assert labels <= {"source", "outcome", "state", "type", "le", "version", "schema"}


async def test_metrics_answer_without_a_database(tmp_path: Path) -> None:
    store = schema.ready(Store(str(tmp_path / "lastcall.db")))
    service = Service(store, Poller(store, Down(), {}, PollSettings(clock=Clock())), None, dict)  # type: ignore[arg-type]
    (tmp_path / "lastcall.db").rename(tmp_path / "away.db")
    async with served(service) as base:
        status, body = await get(f"{base}/metrics")
    assert status == 200
    assert "lastcall_database_up 0.0" in body.splitlines()
    store.close()


# --- the heartbeat, the log
# ---------------------------------------------------------------------------------


async def test_the_heartbeat_is_heard_while_all_is_well_and_never_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "BEAT", 0.05)
    paths: list[str] = []

    async def beat(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=200 if len(paths) < 3 else 500)

    async with (
        Site() as site,
        serving(beat) as base,
        running(store, declare(site, "acme.models")) as service,
    ):
        url = f"{base}/ping/heartbeat-canary"
        beating = asyncio.create_task(
            health.heartbeat(service, Guard(LOOPBACK, allow_http=True), url)
        )
        await until(lambda: len(paths) >= 4)
        service.error = "the database is full"
        await asyncio.sleep(0.1)
        heard = len(paths)
        await asyncio.sleep(0.3)
        assert len(paths) == heard
        beating.cancel()
        refused = asyncio.create_task(
            health.heartbeat(service, Guard(), url)
        )  # loopback is not public
        service.error = ""
        await until(lambda: "did not arrive" in caplog.text)
        refused.cancel()
    assert set(paths) == {"/ping/heartbeat-canary"}
    assert "the heartbeat was answered 500" in caplog.text
    assert "canary" not in caplog.text


def test_a_line_is_its_fields(capfd: pytest.CaptureFixture[str]) -> None:
    line = Line(
        "poll",
        source="acme.models",
        outcome="unreadable",
        events=["evt_1", "evt_2"],
        ms=0,
        none=None,
        error='a "b"\n',
    )
    assert (
        str(line)
        == r'poll source=acme.models outcome=unreadable events=evt_1,evt_2 ms=0 error="a \"b\"\n"'
    )
    logs.configure("INFO", "text", ["hunter2hunter2"])
    logging.getLogger("lastcall.x").info(line)
    logging.getLogger("lastcall").debug("not this")
    logging.getLogger("aiohttp").info("nor what a library says")
    logging.getLogger("lastcall").warning("the password is %s", "hunter2hunter2")
    first, second = capfd.readouterr().err.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO lastcall\.x poll source=acme\.models .+",
        first,
    )
    assert second.endswith("WARNING lastcall the password is [secret]")


def test_lines_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json", ["hunter2hunter2"])
    logging.getLogger("lastcall").info(Line("delivery", deliveries=[7, 8], target="sub_1", ms=12))
    try:
        raise ValueError("hunter2hunter2")
    except ValueError:
        logging.getLogger("lastcall").exception("it broke: %d", 1)
    first, second = map(json.loads, capfd.readouterr().err.splitlines())
    at = datetime.fromisoformat(first.pop("at"))
    assert at.utcoffset() == timedelta(0)
    assert first == {
        "level": "INFO",
        "logger": "lastcall",
        "message": "delivery",
        "deliveries": [7, 8],
        "target": "sub_1",
        "ms": 12,
    }
    assert second["message"] == "it broke: 1"
    assert second["exception"].endswith("ValueError: [secret]")


async def test_no_secret_is_in_the_log_of_polls_and_deliveries(
    store: Store, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers that say back what they were asked with, in every place; at the level that says
    most.
    """
    key, mirror, password, slack = (
        f"canary-{name}-0123456789" for name in ("key", "mirror", "password", "slack")
    )
    canaries = [key, mirror, password, slack, "canary-hook-0123456789"]
    echo = f"HTTP/1.1 500 {key} {mirror}\r\nX-Key: {key}\r\nContent-Length: {len(key)}\r\n\r\n{key}".encode()
    receiver = Receiver()
    receiver.statuses = [500, 404, 410]
    now = Clock()()
    settings = Settings(
        database_url=f"postgresql://lastcall:{password}@127.0.0.1/x",
        slack_token=slack,
        log_level="DEBUG",
        source_urls={"acme.mirror": f"http://127.0.0.1:9/?token={mirror}"},
    )
    logs.configure(settings.log_level, settings.log_format, [*secrets(settings), key])
    async with Site() as site, serving(receiver.handle) as address:
        names = (
            "acme.echo",
            "acme.cut",
            "acme.redirect",
            "acme.gone",
            "acme.mirror",
            "acme.unreadable",
        )
        declared = {
            name: replace(source, access=Access("ACME_API_KEY"))
            for name, source in declare(site, *names).items()
        }
        site.faults["/acme.echo"] = [echo]
        site.faults["/acme.cut"] = [f"HTTP/1.1 {key}\r\n\r\n".encode()]
        site.faults["/acme.redirect"] = [
            f"HTTP/1.1 302 Found\r\nLocation: http://{key}:x@[::{mirror}\r\n\r\n".encode()
        ]
        site.pages["/acme.unreadable"] = Page(key.encode() + b"\xff")
        with store.write() as session:
            source_state.register(session, declared, now)
            session.add(
                target(
                    "hook", now, address=f"{address}/canary-hook-0123456789", secret=receiver.secret
                )
            )
            session.flush()
            for number in range(3):
                session.add(event(number, now))
                session.flush()
                session.add(
                    DeliveryRow(
                        event_id=event(number, now).id,
                        subscription_id="hook",
                        created_at=now,
                        next_at=now,
                    )
                )
        async with running(store, declared) as service:
            service.poller.settings = replace(
                service.poller.settings, keys=lambda name: key, urls=settings.source_urls
            )
            await until(
                lambda: all(row.checked_at for row in rows(store)) and len(receiver.got) >= 3
            )
            due(store)
            await asyncio.sleep(1.5)
    said = capfd.readouterr().err
    lines = said.splitlines()
    assert {name for name in names if f"poll source={name} outcome=" in said} == set(names)
    assert len(
        [
            line
            for line in lines
            if re.search(r" delivery deliveries=\d+ events=evt_\w+ target=hook ", line)
        ]
    ) == len(receiver.got)
    assert not [line for line in lines for canary in (*canaries, receiver.secret) if canary in line]
    with store.read() as session:
        assert not [
            error for error in session.execute(select(PollRow.error)).scalars() if key in error
        ]


async def test_sources_that_nobody_declares_any_more_keep_no_others_waiting(store: Store) -> None:
    """They are overdue for longer than any other, and were the whole queue."""
    async with Site() as site:
        declared = declare(site, "acme.models")
        with store.write() as session:
            source_state.register(session, [f"gone.{number}" for number in range(8)], START)
        async with running(store, declared, at_once=2):
            await until(lambda: state(store, "acme.models").checked_at is not None, seconds=15)


async def test_a_port_that_is_taken_is_a_setting_to_mend(store: Store) -> None:
    async with Site() as site, running(store, {}) as service:
        taken = site.url("").split("/")[2]
        with pytest.raises(
            SettingError, match=f"LASTCALL_LISTEN: cannot listen on {taken}: Address already in use"
        ):
            await health.listen(health.application(service), taken)
