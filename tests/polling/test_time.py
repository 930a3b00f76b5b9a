"""Time: long stops, clocks that are set, calendars. The ids are those of the reference
(delivery.md, 3.4).
"""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

import ast
import asyncio
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from monitor import service as services
from monitor.core.ends import passed
from monitor.core.facts import Retirement, When
from monitor.delivery import admin, claim, outbox
from monitor.delivery.reminders import remind
from monitor.polling.fetch import Fetcher
from monitor.polling.http_rules import server_time
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.service import Every
from monitor.store import source_state
from monitor.store.db import SKEW, Store
from monitor.store.tables import DeliveryRow
from tests.support.cli import Run, database, run, template  # noqa: F401  fixtures
from tests.support.loopback_site import Page, Site
from tests.support.receivers import Receiver, event, serving, target
from tests.support.running_service import Clock, declare, queue, running, state, told, until

ROOT = Path(__file__).parents[2]
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)


# --- T3: a long stop
# ----------------------------------------------------------------------------------------


async def test_t3_after_three_days_each_source_is_polled_once_and_each_retry_sent_once(
    store: Store,
) -> None:
    ids, receiver, now = [f"acme.m{number}" for number in range(12)], Receiver(), Clock()()
    async with Site() as site, serving(receiver.handle) as address:
        declared = declare(site, *ids, every=timedelta(minutes=10))
        with store.write() as session:
            source_state.register(session, declared, now - 3 * DAY)
            session.add(target("hook", now, address=address, secret=receiver.secret))
            session.flush()
            for number in range(8):
                session.add(event(number, now - 3 * DAY))
                session.flush()
                session.add(
                    DeliveryRow(
                        event_id=f"evt_{number:032x}",
                        subscription_id="hook",
                        attempts=2,
                        created_at=now - 3 * DAY,
                        next_at=now - 3 * DAY + timedelta(minutes=5),
                    )
                )
        async with running(store, declared):
            await until(
                lambda: (
                    all(state(store, one).checked_at for one in ids)
                    and queue(store) == {"delivered": 8}
                )
            )
            await asyncio.sleep(1.2)  # another tick
    assert sorted(request.path for request in site.requests) == sorted(f"/{one}" for one in ids)
    assert len(receiver.got) == len(set(receiver.got)) == 8
    spread = [state(store, one).due_at for one in ids]
    assert max(spread) - min(spread) > timedelta(seconds=10)  # they do not stay together


# --- T4, T5: a clock that is set
# ----------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the service and of its scheduler."""
    clock = Clock()

    class Set(datetime):
        @classmethod
        def now(cls, tz: timezone | None = None) -> datetime:  # type: ignore[override]
            return clock().astimezone(tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Set)
    monkeypatch.setattr(services, "WATCH", 0.3)
    monkeypatch.setattr(services, "CLAMP", 2)
    return clock


async def test_t4_polling_goes_on_when_the_clock_is_set_back_by_an_hour(
    store: Store, clock: Clock
) -> None:
    async with Site() as site:
        declared = declare(site, "acme.often", every=timedelta(seconds=1)) | declare(
            site, "acme.seldom"
        )
        async with running(store, declared, clock):
            await until(lambda: len(site.requests) >= 3)
            clock.ahead = -HOUR
            asked = len(site.requests)
            await until(lambda: len(site.requests) >= asked + 4, seconds=15)
            await until(lambda: state(store, "acme.seldom").checked_at <= clock())
    seldom = state(store, "acme.seldom")
    assert [request.path for request in site.requests].count(
        "/acme.seldom"
    ) == 2  # clamped, and run once
    assert seldom.due_at - clock() < 1.1 * declared["acme.seldom"].every
    assert told(store) == []


def test_t4_no_lease_lasts_more_than_a_minute_longer(store: Store) -> None:
    now = Clock()()
    with store.write() as session:
        session.add(target("hook", now))
        session.add(event(1, now))
        session.flush()
        outbox.enqueue(session, [event(1, now)], now)
        assert len(claim.claim(session, "died", now, 10)) == 1
    for back, free in ((timedelta(seconds=50), False), (timedelta(seconds=70), True), (HOUR, True)):
        with store.write() as session:
            outbox.clamp(session, now - back)
            assert len(claim.claim(session, "other", now - back, 10)) == free
            session.rollback()
    with store.write() as session:
        source_state.register(session, ["acme.models"], now)
        assert source_state.claim(session, ["acme.models"], now) == {"acme.models"}
        source_state.record_off(session, "acme.models", now, now + HOUR, "")
        source_state.lease(session, {"acme.models": now + source_state.LEASE})
        assert source_state.clamp(session, now - HOUR) == 1
        assert source_state.claim(session, ["acme.models"], now - HOUR) == {"acme.models"}


def test_what_a_clock_ahead_wrote_is_put_right(store: Store) -> None:
    """Sources, deliveries and waits from a year ahead; what is in order stays as it is."""
    now = Clock()()
    later = now + YEAR
    with store.write() as session:
        source_state.register(session, ["acme.fine"], now)
        source_state.record_off(session, "acme.fine", now, now + HOUR, "")
        source_state.register(session, ["acme.ahead", "acme.new"], later)
        source_state.record_off(session, "acme.ahead", later, later + HOUR, "")
        for name, until_ in (("fine", now + HOUR), ("ahead", later)):
            session.add(target(name, now, quiet_until=until_))
        session.add_all(event(number, now) for number in (1, 2, 3))
        session.flush()
        for number, attempts, created, due in (
            (1, 0, later, later),
            (2, 3, now - HOUR, later),
            (3, 3, now - HOUR, now + 20 * HOUR),
        ):
            session.add(
                DeliveryRow(
                    event_id=f"evt_{number:032x}",
                    subscription_id="fine",
                    attempts=attempts,
                    created_at=created,
                    next_at=due,
                )
            )
    with store.write() as session:
        assert (source_state.clamp(session, now), outbox.clamp(session, now)) == (2, 2)
    assert [state(store, f"acme.{name}").due_at - now for name in ("fine", "ahead", "new")] == [
        HOUR,
        0 * HOUR,
        0 * HOUR,
    ]
    assert state(store, "acme.ahead").checked_at == now
    with store.read() as session:
        owed = [
            delivery.next_at - now for delivery, *_ in admin.list_deliveries(session, None, None, 9)
        ][::-1]
    assert owed == [0 * HOUR, 0 * HOUR, 20 * HOUR]
    with store.write() as session:
        assert (source_state.clamp(session, now - SKEW), outbox.clamp(session, now - SKEW)) == (
            0,
            0,
        )


def test_a_clock_set_forward_by_a_year_is_one_ring() -> None:
    """APScheduler asks its trigger for every ring up to now: its own would name thirty million."""
    scheduler, now = AsyncIOScheduler(timezone=UTC), Clock()()
    job = scheduler.add_job(print, Every(1), next_run_time=now)
    assert job._get_run_times(now + YEAR) == [now]
    assert job.trigger.get_next_fire_time(now, now + YEAR) == now + YEAR + timedelta(seconds=1)


def acme(site: Site, ends: datetime) -> Source:
    """A page on which two models retire."""
    facts = [
        Retirement(model=name, stage="deprecated", retires=When(f"{ends:%Y-%m-%d}"))
        for name in ("a", "b")
    ]
    site.pages["/models"] = Page(b"a page")
    return Source("acme.models", site.url("/models"), lambda body: facts, facts=(Retirement,))


async def test_t5_a_clock_that_is_a_year_ahead_retires_nothing(store: Store, clock: Clock) -> None:
    """The server's Date says what day it is. Back again, all is polled and told as if nothing had
    been.
    """
    server, ends = Clock(), Clock()() + 100 * DAY
    async with Site() as site, Fetcher() as fetcher:
        source = acme(site, ends)
        poller = Poller(store, fetcher, {source.id: source}, PollSettings(clock=clock))
        with store.write() as session:
            source_state.register(session, [source.id], clock())

        async def look(ours: timedelta, servers: timedelta, age: str = "") -> None:
            clock.ahead, server.ahead = ours, servers
            site.pages["/models"].headers = {
                "Date": format_datetime(server(), usegmt=True),
                "Age": age,
            }
            with store.write() as session:
                source_state.clamp(session, clock())
            await poller.sweep([state(store, source.id)])

        nothing = timedelta(0)
        await look(nothing, nothing)
        before = told(store)
        for ours, servers in (
            (YEAR, nothing),
            (nothing, nothing),
            (YEAR, 98 * DAY),
            (nothing, nothing),
        ):
            await look(ours, servers)
            assert told(store) == before
            assert state(store, source.id).checked_at <= clock()
        assert state(store, source.id).milestone_at.date() == (ends + DAY).date()  # not forgotten
        await look(
            102 * DAY, 98 * DAY, age=str(4 * 86_400)
        )  # a copy that a cache has kept for four days
        assert told(store) == [*before, *["retirement.completed"] * 2]
        await look(103 * DAY, 103 * DAY)
        assert told(store) == [*before, *["retirement.completed"] * 2]


async def test_a_server_whose_clock_is_years_behind_holds_nothing(
    store: Store, clock: Clock
) -> None:
    """Its dates would be of another decade by that clock, and the page held until a person comes."""
    now = Clock()()
    async with Site() as site, Fetcher() as fetcher:
        source = acme(site, now + 100 * DAY)
        site.pages["/models"].headers = {"Date": "Thu, 01 Jan 2015 00:00:00 GMT"}
        poller = Poller(store, fetcher, {source.id: source}, PollSettings(clock=clock))
        with store.write() as session:
            source_state.register(session, [source.id], clock())
        for _ in range(2):
            (result,) = await poller.sweep([state(store, source.id)])
            assert result.outcome in ("baseline", "unchanged"), result.error
            assert state(store, source.id).good_at >= now
        # The calendar of a server that lost its clock later is ours as well.
        clock.ahead = 102 * DAY
        await poller.sweep([state(store, source.id)])
        assert told(store) == ["retirement.completed"] * 2


@pytest.mark.parametrize("source_fails", [False, True])
async def test_t5_a_clock_that_is_a_year_ahead_reminds_of_nothing(
    store: Store, clock: Clock, source_fails: bool
) -> None:
    """An end in 375 days is not near, whether the pages can be read by such a clock or not. Back
    again, it is told.
    """
    server, ends = Clock(), Clock()() + YEAR + 10 * DAY
    async with Site() as site, Fetcher() as fetcher:
        source = acme(site, ends)
        poller = Poller(store, fetcher, {source.id: source}, PollSettings(clock=clock))
        with store.write() as session:
            source_state.register(session, [source.id], clock())
            session.add(target("a", clock() - YEAR))
        for ahead, there in (
            (timedelta(0), timedelta(0)),
            (YEAR, timedelta(0)),
            (364 * DAY, 364 * DAY),
        ):
            clock.ahead, server.ahead = ahead, there
            site.pages["/models"].headers = {"Date": format_datetime(server(), usegmt=True)}
            site.pages["/models"].status = 503 if source_fails and ahead == YEAR else 200
            with store.write() as session:
                source_state.clamp(session, clock())
            await poller.sweep([state(store, source.id)])
            said = [event["summary"] for event in remind(store, {source.id: source}, clock())]
            assert len(said) == (2 if there else 0), ahead


async def test_t5_a_service_lives_through_a_year_and_back(store: Store, clock: Clock) -> None:
    async with Site() as site, running(store, declare(site, "acme.models"), clock) as service:
        await until(lambda: state(store, "acme.models").checked_at is not None)
        for ahead in (YEAR, timedelta(0)):
            clock.ahead, asked = ahead, len(site.requests)
            await until(lambda asked=asked: len(site.requests) == asked + 1, seconds=15)
            ticked = service.ticked
            await until(lambda ticked=ticked: service.ticked > ticked, seconds=15)
    assert told(store) == []


@pytest.mark.parametrize(
    ("date", "age", "then"),
    [
        ("Thu, 26 Nov 2026 04:00:00 GMT", "", datetime(2026, 11, 26, 4, tzinfo=UTC)),
        ("Thu, 26 Nov 2026 04:00:00 GMT", "3600", datetime(2026, 11, 26, 5, tzinfo=UTC)),
        ("Thu, 26 Nov 2026 04:00:00", "-1", datetime(2026, 11, 26, 4, tzinfo=UTC)),
        ("26 Nov 9999 04:00:00 GMT", "999999999", None),
        ("yesterday", "", None),
        ("", "5", None),
    ],
)
def test_the_clock_of_a_server(date: str, age: str, then: datetime | None) -> None:
    assert server_time(date, age) == then


@pytest.fixture
def expired(tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate that is over, as every one is to a clock that is a year ahead."""
    key, now = ec.generate_private_key(ec.SECP256R1()), Clock()()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - YEAR, now - DAY
    )
    made = builder.sign(key, SHA256())
    path = tmp_path / "expired.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_t5_a_failure_of_tls_is_unreachable(store: Store, expired: ssl.SSLContext) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=expired)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/models"
    source = Source("acme.models", url, lambda body: [])
    with store.write() as session:
        source_state.register(session, [source.id], Clock()())
    async with server, Fetcher() as fetcher:
        poller = Poller(store, fetcher, {source.id: source}, PollSettings(clock=Clock()))
        (polled,) = await poller.sweep([state(store, source.id)])
    assert polled.outcome == "unreachable"
    assert "ertificate" in polled.error
    assert told(store) == []


# --- T6: calendars
# ------------------------------------------------------------------------------------------


@pytest.fixture(params=["Pacific/Apia", "America/New_York", "Pacific/Kiritimati"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's own time zone. Apia skipped 2011-12-30 whole; New York has daylight saving."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_t6_answers_do_not_depend_on_the_machines_zone(run: Run, zone: str) -> None:
    """gpt-mid ends on 2026-12-20, and it is noon of 2026-11-23 in UTC."""
    (soon,) = (line for line in run("upcoming", "--json").json if line["model"] == "gpt-mid")
    assert soon["days_left"] == 27
    assert run("check", "gpt-mid", "--within", "27d", code=1).out
    run("check", "gpt-mid", "--within", "26d")
    assert {event["detected_at"][-1] for event in run("events", "--jsonl").lines} == {"Z"}


@pytest.mark.parametrize(
    ("text", "last", "over"),
    [
        ("2028-02-29", "2028-02-29T23:59:59", "2028-03-01T00:00:00"),
        ("2028-02", "2028-02-29T23:59:59", "2028-03-01T00:00:00"),
        ("2027-02", "2027-02-28T23:59:59", "2027-03-01T00:00:00"),
        ("2026-03-08", "2026-03-08T23:59:59", "2026-03-09T00:00:00"),  # 23 hours long in New York
        ("2026-11-01", "2026-11-01T23:59:59", "2026-11-02T00:00:00"),  # and 25
        (
            "2011-12-30",
            "2011-12-30T23:59:59",
            "2011-12-31T00:00:00",
        ),  # a day that Apia did not have
        ("2026", "2026-12-31T23:59:59", "2027-01-01T00:00:00"),
    ],
)
def test_t6_a_day_is_over_when_it_is_over_in_utc(
    zone: str, text: str, last: str, over: str
) -> None:
    ends = When(text)
    assert not passed(ends, datetime.fromisoformat(last).replace(tzinfo=UTC))
    assert passed(ends, datetime.fromisoformat(over).replace(tzinfo=UTC))


def test_t6_times_are_stored_in_utc_wherever_they_come_from(store: Store, zone: str) -> None:
    """Twice the same hour by the clock of New York, an hour apart; and the machine's own zone."""
    first = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    for at in (first, first.replace(fold=1), datetime(2026, 3, 8, 12).astimezone()):
        with store.write() as session:
            source_state.register(session, [f"acme.m{at.timestamp():.0f}"], at)
        found = state(store, f"acme.m{at.timestamp():.0f}").due_at
        assert found == at.astimezone(UTC)
        assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "path", [*(ROOT / "monitor").rglob("*.py"), *(ROOT / "sources").glob("*.py")], ids=str
)
def test_no_time_is_made_without_a_zone(path: Path) -> None:
    """What ruff's DTZ finds, and that nobody has told it to look away."""
    text = path.read_text("utf-8")
    assert "noqa: DTZ" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, given = node.func.attr, len(node.args) + len(node.keywords)
            assert name not in ("utcnow", "utcfromtimestamp", "localtime", "mktime"), (
                f"{path}:{node.lineno}"
            )
            assert not (
                name == "now"
                and ast.unparse(node.func.value) in ("datetime", "dt.datetime")
                and not given
            ), f"{path}:{node.lineno}"
            assert not (name == "fromtimestamp" and given < 2), f"{path}:{node.lineno}"
