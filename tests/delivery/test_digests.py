"""When a target gets an event: digests, quiet hours and mutes, also where clocks change; and digests
as messages.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from monitor.delivery import admin, attempt_results, outbox
from monitor.delivery import claim as leases
from monitor.delivery.queue import LEASE, Attempt
from monitor.store.db import Store
from monitor.store.tables import DeliveryRow, SubscriptionRow
from monitor.subscriptions import timing
from tests.support.receivers import Receiver, event, publisher, serving, target

NOW = datetime(2026, 4, 3, 12, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(now: str, severity: str = "notice", **columns) -> str:
    at_due = timing.when(target("t", NOW, **columns), severity, at(now))
    assert at_due.tzinfo is UTC
    return at_due.isoformat(timespec="minutes").removesuffix("+00:00")


@pytest.mark.parametrize(
    ("now", "columns", "then"),
    [
        ("2026-06-01T12:30", {}, "2026-06-01T12:30"),
        ("2026-06-01T12:30", {"digest": "hourly"}, "2026-06-01T13:00"),
        ("2026-06-01T13:00", {"digest": "hourly"}, "2026-06-01T13:00"),
        ("2026-06-01T12:30", {"digest": "daily"}, "2026-06-02T09:00"),
        ("2026-06-01T08:30", {"digest": "daily"}, "2026-06-01T09:00"),
        ("2026-06-01T08:30", {"digest": "daily", "timezone": "Europe/Berlin"}, "2026-06-02T07:00"),
        (
            "2026-06-01T08:30",
            {"digest": "daily 17:00", "timezone": "America/New_York"},
            "2026-06-01T21:00",
        ),
        # The day of a digest is that of the target, not that of UTC.
        (
            "2026-06-01T23:30",
            {"digest": "daily 08:00", "timezone": "Asia/Tokyo"},
            "2026-06-02T23:00",
        ),
        # On 29 March at 02:00 Berlin's clocks show 03:00; on 25 October at 03:00 they show 02:00
        # again.
        (
            "2026-03-28T12:00",
            {"digest": "daily 09:00", "timezone": "Europe/Berlin"},
            "2026-03-29T07:00",
        ),
        (
            "2026-10-24T12:00",
            {"digest": "daily 09:00", "timezone": "Europe/Berlin"},
            "2026-10-25T08:00",
        ),
        (
            "2026-03-28T12:00",
            {"digest": "daily 02:30", "timezone": "Europe/Berlin"},
            "2026-03-29T01:00",
        ),
        (
            "2026-10-24T12:00",
            {"digest": "daily 02:30", "timezone": "Europe/Berlin"},
            "2026-10-25T00:30",
        ),
        (
            "2026-10-25T01:00",
            {"digest": "daily 02:30", "timezone": "Europe/Berlin"},
            "2026-10-26T01:30",
        ),
    ],
)
def test_a_digest_is_due_at_its_time_of_day_in_the_zone_of_the_target(now, columns, then):
    assert due(now, **columns) == then
    assert due(now, "critical", **columns) == now


NIGHT = {"quiet_from": "22:00", "quiet_to": "07:00", "timezone": "Europe/Berlin"}
NOON = {"quiet_from": "12:00", "quiet_to": "13:30", "timezone": "UTC"}
LEAP = {"quiet_from": "02:30", "quiet_to": "06:00", "timezone": "Europe/Berlin"}
LEAPT = {"quiet_from": "22:00", "quiet_to": "02:30", "timezone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("now", "columns", "then"),
    [
        ("2026-06-01T19:59", NIGHT, "2026-06-01T19:59"),
        ("2026-06-01T20:00", NIGHT, "2026-06-02T05:00"),
        ("2026-06-02T04:59", NIGHT, "2026-06-02T05:00"),
        ("2026-06-02T05:00", NIGHT, "2026-06-02T05:00"),
        ("2026-06-01T12:00", NOON, "2026-06-01T13:30"),
        ("2026-06-01T13:30", NOON, "2026-06-01T13:30"),
        # Nights of eight and of ten hours.
        ("2026-03-28T21:30", NIGHT, "2026-03-29T05:00"),
        ("2026-10-24T20:30", NIGHT, "2026-10-25T06:00"),
        # 02:30 is left out in March: quiet from the leap on, or until it.
        ("2026-03-29T00:59", LEAP, "2026-03-29T00:59"),
        ("2026-03-29T01:00", LEAP, "2026-03-29T04:00"),
        ("2026-03-28T23:00", LEAPT, "2026-03-29T01:00"),
        ("2026-03-29T01:00", LEAPT, "2026-03-29T01:00"),
        # 02:30 comes twice in October: what began stays, what ended does not come back.
        ("2026-10-25T00:29", LEAP, "2026-10-25T00:29"),
        ("2026-10-25T01:15", LEAP, "2026-10-25T05:00"),
        ("2026-10-25T00:29", LEAPT, "2026-10-25T00:30"),
        ("2026-10-25T01:15", LEAPT, "2026-10-25T01:15"),
    ],
)
def test_quiet_hours_are_kept_on_every_night(now, columns, then):
    assert due(now, **columns) == then
    assert due(now, "critical", **columns) == now


def test_a_digest_in_quiet_hours_comes_at_their_end_and_a_pause_ends_before_either():
    assert due("2026-06-01T12:00", digest="daily 23:00", **NIGHT) == "2026-06-02T05:00"
    muted = {"muted_until": at("2026-06-05T21:15")}
    assert due("2026-06-01T12:00", **muted) == "2026-06-05T21:15"
    assert due("2026-06-01T12:00", digest="hourly", **muted) == "2026-06-05T22:00"
    assert due("2026-06-01T12:00", **muted, **NIGHT) == "2026-06-06T05:00"
    assert due("2026-06-01T12:00", "critical", **muted, **NIGHT) == "2026-06-01T12:00"
    assert due("2026-06-06T12:00", **muted) == "2026-06-06T12:00"


CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0, tzinfo=None))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
)


MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(
    lambda minutes: at("2025-01-01T00:00") + timedelta(minutes=minutes)
)


@given(MOMENTS, CLOCKS, CLOCKS, ZONES, st.booleans())
def test_nothing_is_due_in_quiet_hours_or_more_than_two_days_late(now, first, last, zone, daily):
    if first == last:
        return
    columns = {"quiet_from": f"{first:%H:%M}", "quiet_to": f"{last:%H:%M}", "timezone": zone}
    row = target("t", NOW, digest=f"daily {last:%H:%M}" if daily else "", **columns)
    then = timing.when(row, "notice", now)
    assert timedelta(0) <= then - now < timedelta(hours=50)
    assert timing.allowed(row, "notice", then) == then
    assert timing.when(row, "notice", then) == then


def test_a_time_that_clocks_leave_out_is_the_leap():
    assert timing.instant(date(2026, 3, 29), time(2, 59), BERLIN) == at("2026-03-29T01:00")
    assert timing.instant(date(2026, 3, 29), time(3), BERLIN) == at("2026-03-29T01:00")


# --- the outbox
# --------------------------------------------------------------------------------------------


def enqueue(store: Store, first: int, count: int, now: datetime, **values) -> None:
    with store.write() as session:
        events = [event(number, now, **values) for number in range(first, first + count)]
        session.add_all(events)
        session.flush()
        outbox.enqueue(session, events, now)


def claim(store: Store, now: datetime, owner: str = "me", limit: int = 100):
    with store.write() as session:
        return leases.claim(session, owner, now, limit)


def dues(store: Store) -> list[datetime]:
    with store.read() as session:
        return [
            row.next_at for row in session.exec(select(DeliveryRow).order_by(col(DeliveryRow.id)))
        ]


def numbers(deliveries) -> list[int]:
    return [delivery.event.sequence for delivery in deliveries]


@pytest.fixture
def hourly(store: Store) -> Store:
    with store.write() as session:
        session.add(target("a", NOW, digest="hourly"))
    return store


def test_the_due_events_of_a_digest_are_one_message_with_one_id(hourly):
    enqueue(hourly, 1, 3, NOW)
    assert claim(hourly, NOW + timedelta(minutes=29)) == []
    deliveries = claim(hourly, NOW + timedelta(minutes=30))
    assert numbers(deliveries) == [1, 2, 3]
    (message,) = {delivery.message_id for delivery in deliveries}
    assert message == leases.digest_id(delivery.event.id for delivery in reversed(deliveries))
    assert claim(hourly, NOW + timedelta(minutes=30), "you") == []
    # After a crash the same set under the same id, whatever came meanwhile; that follows by itself.
    enqueue(hourly, 4, 1, NOW + timedelta(minutes=20))
    later = NOW + timedelta(minutes=30) + LEASE
    again = claim(hourly, later, "you")
    assert (numbers(again), {delivery.message_id for delivery in again}, again[0].number) == (
        [1, 2, 3],
        {message},
        2,
    )
    with hourly.write() as session:
        attempt_results.retry_later(session, again, Attempt(later), "you", later, lambda: 0.1)
    new = claim(hourly, later)
    assert numbers(new) == [4]
    assert new[0].message_id not in ("", message)
    with hourly.write() as session:
        attempt_results.acknowledge(
            session, [(delivery, Attempt(later, 1, 200)) for delivery in new], later
        )
    third = claim(hourly, later + timedelta(hours=1))
    assert (numbers(third), {delivery.message_id for delivery in third}) == ([1, 2, 3], {message})


def test_critical_events_do_not_wait_for_the_digest(hourly):
    enqueue(hourly, 1, 2, NOW)
    enqueue(hourly, 3, 1, NOW, severity="critical")
    assert numbers(claim(hourly, NOW)) == [3]
    assert dues(hourly) == [NOW + timedelta(minutes=30)] * 2 + [NOW]


def test_a_digest_that_lost_an_event_is_another_message(hourly):
    enqueue(hourly, 1, 3, NOW)
    then = NOW + timedelta(minutes=30)
    first = claim(hourly, then)
    with hourly.write() as session:
        leases.release(session, "me")
        admin.cancel(session, [first[1].delivery_id])
    again = claim(hourly, then)
    assert numbers(again) == [1, 3]
    assert {delivery.message_id for delivery in again}.isdisjoint(
        {delivery.message_id for delivery in first}
    )


def test_a_long_digest_follows_in_parts(hourly, monkeypatch):
    monkeypatch.setattr(leases, "PER_DIGEST", 2)
    enqueue(hourly, 1, 3, NOW)
    then = NOW + timedelta(hours=1)
    first = claim(hourly, then)
    assert (numbers(first), claim(hourly, then)) == ([1, 2], [])
    with hourly.write() as session:
        attempt_results.acknowledge(
            session, [(delivery, Attempt(then, 1, 200)) for delivery in first], then
        )
    assert numbers(claim(hourly, then)) == [3]


def test_changed_options_reschedule_pending_deliveries(hourly):
    enqueue(hourly, 1, 1, NOW)
    enqueue(hourly, 2, 1, NOW, severity="critical")

    def change(**values) -> list[datetime]:
        with hourly.write() as session:
            row = session.exec(select(SubscriptionRow)).one()
            for name, value in values.items():
                setattr(row, name, value)
            session.flush()
            outbox.reschedule(session, row, NOW)
        return dues(hourly)

    week = NOW + timedelta(days=7)
    assert change(digest="", muted_until=week) == [week, NOW]
    assert change(muted_until=None) == [NOW, NOW]
    assert change(quiet_from="12:00", quiet_to="13:30") == [NOW + timedelta(hours=1), NOW]
    deliveries = claim(hourly, NOW + timedelta(hours=1))
    assert [(delivery.event.sequence, delivery.message_id) for delivery in deliveries] == [
        (1, ""),
        (2, ""),
    ]


def test_the_next_attempt_waits_for_the_end_of_quiet_hours(store):
    with store.write() as session:
        session.add(target("a", NOW, quiet_from="12:45", quiet_to="18:00"))
    enqueue(store, 1, 1, NOW)
    enqueue(store, 2, 1, NOW, severity="critical")
    deliveries = claim(store, NOW)
    later = NOW + timedelta(minutes=14)
    with store.write() as session:
        for number in range(1, 3):
            attempt_results.retry_later(
                session,
                [deliveries[number - 1]],
                Attempt(later),
                "me",
                later,
                lambda: 0.5,
                retry_after=120,
            )
    assert dues(store) == [NOW.replace(hour=18, minute=0), later + timedelta(minutes=2)]


async def test_an_endpoint_gets_one_signed_message_for_a_digest(store):
    receiver = Receiver()
    receiver.statuses = [500]
    clock = [datetime.now(UTC).replace(microsecond=0)]
    async with serving(receiver.handle) as base:
        with store.write() as session:
            hook = target("a", NOW, address=f"{base}/x", secret=receiver.secret, digest="hourly")
            session.add(hook)
            session.add(target("b", NOW, address=f"{base}/y", secret=receiver.secret))
        enqueue(store, 1, 3, NOW)
        async with publisher(store, lambda: clock[0]) as sender:
            assert await sender.drain_once() == 6
            clock[0] += timedelta(seconds=6)
            await sender.drain_once()
    digests = [
        (message_id, body)
        for (message_id, body), path in zip(receiver.got, receiver.paths, strict=True)
        if path == "/x"
    ]
    alone = [
        body for (_, body), path in zip(receiver.got, receiver.paths, strict=True) if path == "/y"
    ]
    (id_, body), *rest = digests
    assert rest in ([], [(id_, body)])
    message = json.loads(body)
    assert (message["type"], message["timestamp"]) == (
        "digest",
        message["data"]["events"][-1]["detected_at"],
    )
    assert [form["sequence"] for form in message["data"]["events"]] == [1, 2, 3]
    assert {json.loads(single)["type"] for single in alone} == {"retirement.postponed"}
