"""The outbox on both databases: who is owed what, who may take it, and when it is due again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from monitor.delivery import admin, attempt_results, outbox, target_health
from monitor.delivery import claim as leases
from monitor.delivery.queue import LEASE, Attempt
from monitor.delivery.retry_schedule import SCHEDULE
from monitor.store.db import Store
from monitor.store.tables import AttemptRow, DeliveryRow, SubscriptionRow
from tests.support.receivers import event, target

NOW = datetime(2026, 4, 3, 12, tzinfo=UTC)
TRY = Attempt(NOW, 7, 500, "HTTP 500")


def owe(store: Store, targets, count=1, first=1) -> int:
    with store.write() as session:
        session.add_all(targets)
        session.flush()
        events = [event(number, NOW) for number in range(first, first + count)]
        session.add_all(events)
        session.flush()
        return outbox.enqueue(session, events, NOW)


def claim(store, owner="me", at=NOW, limit=100, **values):
    with store.write() as session:
        return leases.claim(session, owner, at, limit, **values)


def rows(store) -> list[DeliveryRow]:
    with store.read() as session:
        return list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.id))))


def states(store) -> list[str]:
    return [row.state for row in rows(store)]


def the_target(store, name="a") -> SubscriptionRow:
    with store.read() as session:
        return session.exec(select(SubscriptionRow).where(SubscriptionRow.id == name)).one()


def attempts(store) -> list[AttemptRow]:
    with store.read() as session:
        return list(session.exec(select(AttemptRow).order_by(col(AttemptRow.id))))


def test_enqueue_owes_what_was_asked_for_and_holds_it_for_the_paused(store):
    targets = [
        target("a", NOW),
        target("b", NOW, filters=["anthropic/*"]),
        target("c", NOW, state="paused"),
        target("d", NOW, state="disabled"),
    ]
    assert owe(store, targets, 2) == 6
    assert sorted((row.subscription_id, row.state) for row in rows(store)) == [
        ("a", "pending"),
        ("a", "pending"),
        ("c", "held"),
        ("c", "held"),
        ("d", "held"),
        ("d", "held"),
    ]
    assert [one.target.id for one in claim(store)] == ["a", "a"]


def test_what_is_owed_goes_with_its_transaction(store):
    with store.write() as session:
        session.add(target("a", NOW))
        found = event(1, NOW)
        session.add(found)
        session.flush()
        assert outbox.enqueue(session, [found], NOW) == 1
        session.rollback()
    assert rows(store) == []


def test_a_lease_keeps_others_off_until_it_runs_out(store):
    owe(store, [target("a", NOW)])
    (first,) = claim(store, "one")
    assert claim(store, "two", NOW + LEASE - timedelta(seconds=1)) == []
    (again,) = claim(store, "two", NOW + LEASE)
    assert (first.delivery_id, first.number, again.delivery_id, again.number) == (1, 1, 1, 2)
    assert again.event.id == first.event.id
    with (
        store.write() as session
    ):  # the first comes back late: what it says is on record, and changes nothing
        attempt_results.retry_later(session, [first], TRY, "one", NOW + LEASE, lambda: 0.5)
    (row,) = rows(store)
    assert (row.state, row.lease_owner, row.next_at) == ("pending", "two", NOW)
    with store.write() as session:
        attempt_results.acknowledge(session, [(first, Attempt(NOW, 9, 200))], NOW + LEASE)
    assert states(store) == ["delivered"]
    assert [one.number for one in attempts(store)] == [1, 1]


def test_two_workers_never_take_the_same(store):
    owe(store, [target(f"t{number}", NOW) for number in range(20)], 20)
    taken: list[int] = []
    lock = threading.Lock()

    def work(owner: str) -> None:
        idle = 0
        while idle < 3:
            got = claim(store, owner, limit=7)
            idle = 0 if got else idle + 1
            with lock:
                taken.extend(one.delivery_id for one in got)
            if got:
                with store.write() as session:
                    attempt_results.lock(session, {one.target.id for one in got})
                    attempt_results.acknowledge(
                        session, [(one, Attempt(NOW, 1, 200)) for one in got], NOW
                    )

    workers = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(taken) == len(set(taken)) == 400
    assert set(states(store)) == {"delivered"}


def test_every_target_in_its_turn(store):
    owe(store, [target("loud", NOW)], 50)
    owe(store, [target("quiet", NOW)], 1, first=100)
    got = claim(store, limit=3)
    assert sorted(one.target.id for one in got) == ["loud", "loud", "quiet"]
    assert [one.target.id for one in claim(store)] == ["loud"] * 2, (
        "four at a time, in all processes"
    )
    assert claim(store, "other") == []


def test_a_failing_target_is_probed_with_one(store):
    owe(store, [target("a", NOW, failing_since=NOW), target("b", NOW)], 3)
    assert [one.target.id for one in claim(store)].count("a") == 1
    assert claim(store) == []


def test_slack_has_one_message_at_a_time(store):
    owe(store, [target("s", NOW, type="slack", address="#a", failing_since=NOW)], 120)
    assert len(claim(store, limit=200)) == 100
    assert claim(store) == []


def test_the_schedule_to_the_end(store):
    owe(store, [target("a", NOW)])
    at = NOW
    for number, wait in enumerate(SCHEDULE, 1):
        at += wait
        assert claim(store, at=at - timedelta(seconds=1)) == [] or number == 1
        (owed,) = claim(store, at=at)
        assert owed.number == number
        with store.write() as session:
            attempt_results.retry_later(session, [owed], TRY, "me", at, lambda: 0.5)
    assert at - NOW == timedelta(hours=75, minutes=35, seconds=5)
    assert (states(store), len(attempts(store)), the_target(store).failing_since) == (
        ["dead"],
        10,
        NOW,
    )
    assert claim(store, at=at + timedelta(days=9)) == []


@pytest.mark.parametrize(("random", "share"), [(0.0, 0.8), (0.999999, 1.2)])
def test_jitter(store, random, share):
    owe(store, [target("a", NOW)])
    with store.write() as session:
        attempt_results.retry_later(
            session, leases.claim(session, "me", NOW, 1), TRY, "me", NOW, lambda: random
        )
    assert (rows(store)[0].next_at - NOW).total_seconds() == pytest.approx(5 * share, abs=0.01)


@pytest.mark.parametrize(("asked", "seconds"), [(120, 120), (1e9, 86400), (-5, 0), (0, 0)])
def test_retry_after_is_a_floor_for_the_whole_target(store, asked, seconds):
    owe(store, [target("a", NOW)], 2)
    first = claim(store, limit=1)
    with store.write() as session:
        attempt_results.retry_later(session, first, TRY, "me", NOW, lambda: 0.5, retry_after=asked)
    floor = NOW + timedelta(seconds=seconds)
    assert the_target(store).quiet_until == floor
    assert rows(store)[0].next_at == max(floor, NOW + timedelta(seconds=5))
    if seconds:
        assert claim(store, at=floor - timedelta(seconds=1)) == []
    assert len(claim(store, at=floor)) == 1, "one probe, and not the burst"


def test_a_refused_target_keeps_what_it_is_owed(store):
    owe(store, [target("a", NOW), target("b", NOW)], 3)
    owed = next(one for one in claim(store) if one.target.id == "a")
    with store.write() as session:
        attempt_results.refuse(session, [owed], Attempt(NOW, 5, 410, "HTTP 410"), NOW)
    assert (the_target(store).state, the_target(store).reason) == ("disabled", "HTTP 410")
    assert [row.state for row in rows(store) if row.subscription_id == "a"] == ["held"] * 3
    assert owe(store, [], 1, first=50) == 2
    assert [row.state for row in rows(store) if row.subscription_id == "a"] == ["held"] * 4
    with store.write() as session:
        assert target_health.resume(session, "a", NOW) == 4
    got = [one for one in claim(store) if one.target.id == "a"]
    assert len(got) == 4
    assert {one.number for one in got} == {1}


def test_what_was_in_flight_when_its_target_was_held(store):
    owe(store, [target("a", NOW)], 3)
    arrived, failed, refused = claim(store)
    with store.write() as session:
        attempt_results.refuse(session, [refused], TRY, NOW)
    with store.write() as session:
        attempt_results.acknowledge(session, [(arrived, Attempt(NOW, 1, 200))], NOW)
        attempt_results.retry_later(session, [failed], TRY, "me", NOW, lambda: 0.5)
    assert states(store) == ["delivered", "held", "held"]


def test_release_gives_back_what_was_not_tried(store):
    owe(store, [target("a", NOW)], 2)
    claim(store, "stops", limit=1)
    claim(store, "goes on", limit=1)
    with store.write() as session:
        assert leases.release(session, "stops") == 1
    (again,) = claim(store, "new")
    assert again.number == 1


def test_cancel(store):
    owe(store, [target("a", NOW)], 3)
    with store.write() as session:
        (one,) = leases.claim(session, "me", NOW, 1)
        attempt_results.acknowledge(session, [(one, Attempt(NOW, 1, 200))], NOW)
        assert admin.cancel(session, [1, 2, 99]) == 1
    assert states(store) == ["delivered", "cancelled", "pending"]


def test_replay(store):
    owe(store, [target("a", NOW), target("p", NOW, state="paused")], 2)
    with store.write() as session:
        for one in leases.claim(session, "me", NOW, 9):
            attempt_results.acknowledge(session, [(one, Attempt(NOW, 1, 200))], NOW)
    assert claim(store) == []
    later = NOW + timedelta(days=1)
    with store.write() as session:
        assert admin.replay(session, later, since=later) == 0
        assert admin.replay(session, later, ids=[1]) == 1
    (one,) = claim(store, at=later)
    assert (one.delivery_id, one.number) == (1, 1)
    with store.write() as session:
        assert admin.replay(session, later, ids=[1]) == 0, "it is being sent"
        assert admin.replay(session, later, target_id="p", since=NOW) == 2
    assert [row.state for row in rows(store) if row.subscription_id == "p"] == ["held", "held"]
    with store.write() as session, pytest.raises(ValueError, match="what to replay"):
        admin.replay(session, later)


def test_poll_and_command_line_pay_for_no_client():
    import subprocess
    import sys

    code = "import sys, monitor.delivery.outbox, monitor.subscriptions.filters, monitor.delivery.webhook.signature, monitor.settings\n"
    code += "print([name for name in ('aiohttp', 'slack_sdk') if name in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "[]\n"
    )
