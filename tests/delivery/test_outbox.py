"""The outbox on both databases: enqueue, claim, retry, cancel and replay."""

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
FAILED = Attempt(NOW, 7, 500, "HTTP 500")


def enqueue(store: Store, targets, count=1, first=1) -> int:
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


def target_row(store, name="a") -> SubscriptionRow:
    with store.read() as session:
        return session.exec(select(SubscriptionRow).where(SubscriptionRow.id == name)).one()


def attempts(store) -> list[AttemptRow]:
    with store.read() as session:
        return list(session.exec(select(AttemptRow).order_by(col(AttemptRow.id))))


def test_events_are_enqueued_by_filter_and_held_for_paused_targets(store):
    targets = [
        target("a", NOW),
        target("b", NOW, filters=["anthropic/*"]),
        target("c", NOW, state="paused"),
        target("d", NOW, state="disabled"),
    ]
    assert enqueue(store, targets, 2) == 6
    assert sorted((row.subscription_id, row.state) for row in rows(store)) == [
        ("a", "pending"),
        ("a", "pending"),
        ("c", "held"),
        ("c", "held"),
        ("d", "held"),
        ("d", "held"),
    ]
    assert [delivery.target.id for delivery in claim(store)] == ["a", "a"]


def test_a_delivery_is_rolled_back_with_the_transaction_of_its_event(store):
    with store.write() as session:
        session.add(target("a", NOW))
        added = event(1, NOW)
        session.add(added)
        session.flush()
        assert outbox.enqueue(session, [added], NOW) == 1
        session.rollback()
    assert rows(store) == []


def test_a_lease_keeps_others_off_until_it_runs_out(store):
    enqueue(store, [target("a", NOW)])
    (first,) = claim(store, "one")
    assert claim(store, "two", NOW + LEASE - timedelta(seconds=1)) == []
    (again,) = claim(store, "two", NOW + LEASE)
    assert (first.delivery_id, first.number, again.delivery_id, again.number) == (1, 1, 1, 2)
    assert again.event.id == first.event.id
    with (
        store.write() as session
    ):  # the first comes back late: what it says is on record, and changes nothing
        attempt_results.retry_later(session, [first], FAILED, "one", NOW + LEASE, lambda: 0.5)
    (row,) = rows(store)
    assert (row.state, row.lease_owner, row.next_at) == ("pending", "two", NOW)
    with store.write() as session:
        attempt_results.acknowledge(session, [(first, Attempt(NOW, 9, 200))], NOW + LEASE)
    assert states(store) == ["delivered"]
    assert [attempt.number for attempt in attempts(store)] == [1, 1]


def test_two_workers_never_claim_the_same_delivery(store):
    enqueue(store, [target(f"t{number}", NOW) for number in range(20)], 20)
    taken: list[int] = []
    lock = threading.Lock()

    def work(owner: str) -> None:
        idle = 0
        while idle < 3:
            got = claim(store, owner, limit=7)
            idle = 0 if got else idle + 1
            with lock:
                taken.extend(delivery.delivery_id for delivery in got)
            if got:
                with store.write() as session:
                    attempt_results.lock(session, {delivery.target.id for delivery in got})
                    attempt_results.acknowledge(
                        session, [(delivery, Attempt(NOW, 1, 200)) for delivery in got], NOW
                    )

    workers = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(taken) == len(set(taken)) == 400
    assert set(states(store)) == {"delivered"}


def test_targets_take_turns_however_many_deliveries_one_has(store):
    enqueue(store, [target("loud", NOW)], 50)
    enqueue(store, [target("quiet", NOW)], 1, first=100)
    got = claim(store, limit=3)
    assert sorted(delivery.target.id for delivery in got) == ["loud", "loud", "quiet"]
    assert [delivery.target.id for delivery in claim(store)] == ["loud"] * 2, (
        "four at a time, in all processes"
    )
    assert claim(store, "other") == []


def test_a_failing_target_gets_one_delivery_at_a_time(store):
    enqueue(store, [target("a", NOW, failing_since=NOW), target("b", NOW)], 3)
    assert [delivery.target.id for delivery in claim(store)].count("a") == 1
    assert claim(store) == []


def test_slack_has_one_message_at_a_time(store):
    enqueue(store, [target("s", NOW, type="slack", address="#a", failing_since=NOW)], 120)
    assert len(claim(store, limit=200)) == 100
    assert claim(store) == []


def test_a_delivery_is_dead_after_ten_attempts_in_75_hours(store):
    enqueue(store, [target("a", NOW)])
    at = NOW
    for number, wait in enumerate(SCHEDULE, 1):
        at += wait
        assert claim(store, at=at - timedelta(seconds=1)) == [] or number == 1
        (delivery,) = claim(store, at=at)
        assert delivery.number == number
        with store.write() as session:
            attempt_results.retry_later(session, [delivery], FAILED, "me", at, lambda: 0.5)
    assert at - NOW == timedelta(hours=75, minutes=35, seconds=5)
    assert (states(store), len(attempts(store)), target_row(store).failing_since) == (
        ["dead"],
        10,
        NOW,
    )
    assert claim(store, at=at + timedelta(days=9)) == []


@pytest.mark.parametrize(("random", "share"), [(0.0, 0.8), (0.999999, 1.2)])
def test_waits_vary_by_a_fifth(store, random, share):
    enqueue(store, [target("a", NOW)])
    with store.write() as session:
        attempt_results.retry_later(
            session, leases.claim(session, "me", NOW, 1), FAILED, "me", NOW, lambda: random
        )
    assert (rows(store)[0].next_at - NOW).total_seconds() == pytest.approx(5 * share, abs=0.01)


@pytest.mark.parametrize(("asked", "seconds"), [(120, 120), (1e9, 86400), (-5, 0), (0, 0)])
def test_retry_after_is_a_floor_for_the_whole_target(store, asked, seconds):
    enqueue(store, [target("a", NOW)], 2)
    first = claim(store, limit=1)
    with store.write() as session:
        attempt_results.retry_later(
            session, first, FAILED, "me", NOW, lambda: 0.5, retry_after=asked
        )
    floor = NOW + timedelta(seconds=seconds)
    assert target_row(store).quiet_until == floor
    assert rows(store)[0].next_at == max(floor, NOW + timedelta(seconds=5))
    if seconds:
        assert claim(store, at=floor - timedelta(seconds=1)) == []
    assert len(claim(store, at=floor)) == 1, "one probe, and not the burst"


def test_a_refused_target_keeps_its_deliveries(store):
    enqueue(store, [target("a", NOW), target("b", NOW)], 3)
    delivery = next(delivery for delivery in claim(store) if delivery.target.id == "a")
    with store.write() as session:
        attempt_results.refuse(session, [delivery], Attempt(NOW, 5, 410, "HTTP 410"), NOW)
    assert (target_row(store).state, target_row(store).reason) == ("disabled", "HTTP 410")
    assert [row.state for row in rows(store) if row.subscription_id == "a"] == ["held"] * 3
    assert enqueue(store, [], 1, first=50) == 2
    assert [row.state for row in rows(store) if row.subscription_id == "a"] == ["held"] * 4
    with store.write() as session:
        assert target_health.resume(session, "a", NOW) == 4
    got = [delivery for delivery in claim(store) if delivery.target.id == "a"]
    assert len(got) == 4
    assert {delivery.number for delivery in got} == {1}


def test_attempts_in_flight_are_recorded_after_their_target_was_held(store):
    enqueue(store, [target("a", NOW)], 3)
    arrived, failed, refused = claim(store)
    with store.write() as session:
        attempt_results.refuse(session, [refused], FAILED, NOW)
    with store.write() as session:
        attempt_results.acknowledge(session, [(arrived, Attempt(NOW, 1, 200))], NOW)
        attempt_results.retry_later(session, [failed], FAILED, "me", NOW, lambda: 0.5)
    assert states(store) == ["delivered", "held", "held"]


def test_release_frees_deliveries_that_were_not_tried(store):
    enqueue(store, [target("a", NOW)], 2)
    claim(store, "stops", limit=1)
    claim(store, "goes on", limit=1)
    with store.write() as session:
        assert leases.release(session, "stops") == 1
    (again,) = claim(store, "new")
    assert again.number == 1


def test_only_deliveries_that_were_not_sent_are_cancelled(store):
    enqueue(store, [target("a", NOW)], 3)
    with store.write() as session:
        (delivery,) = leases.claim(session, "me", NOW, 1)
        attempt_results.acknowledge(session, [(delivery, Attempt(NOW, 1, 200))], NOW)
        assert admin.cancel(session, [1, 2, 99]) == 1
    assert states(store) == ["delivered", "cancelled", "pending"]


def test_replay_sends_again_but_not_what_is_being_sent(store):
    enqueue(store, [target("a", NOW), target("p", NOW, state="paused")], 2)
    with store.write() as session:
        for delivery in leases.claim(session, "me", NOW, 9):
            attempt_results.acknowledge(session, [(delivery, Attempt(NOW, 1, 200))], NOW)
    assert claim(store) == []
    later = NOW + timedelta(days=1)
    with store.write() as session:
        assert admin.replay(session, later, since=later) == 0
        assert admin.replay(session, later, ids=[1]) == 1
    (delivery,) = claim(store, at=later)
    assert (delivery.delivery_id, delivery.number) == (1, 1)
    with store.write() as session:
        assert admin.replay(session, later, ids=[1]) == 0, "it is being sent"
        assert admin.replay(session, later, target_id="p", since=NOW) == 2
    assert [row.state for row in rows(store) if row.subscription_id == "p"] == ["held", "held"]
    with store.write() as session, pytest.raises(ValueError, match="what to replay"):
        admin.replay(session, later)


def test_polls_and_the_command_line_import_no_http_client():
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
