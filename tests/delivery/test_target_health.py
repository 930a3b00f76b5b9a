"""The health of targets: when operators hear of it, when a target is left alone, and when it is
stopped.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from monitor.delivery import admin, attempt_results, outbox, target_health
from monitor.delivery import claim as leases
from monitor.delivery.queue import LEASE, Attempt
from monitor.delivery.retry_schedule import POSTPONED, SCHEDULE
from monitor.delivery.target_health import TargetHealth
from monitor.store.tables import AttemptRow, DeliveryRow, EventRow, SubscriptionRow
from tests.support.receivers import event, target

NOW = datetime(2026, 4, 3, 12, tzinfo=UTC)
FAILED = Attempt(NOW, 7, 500, "HTTP 500")


def enqueue(store, targets, count=1, first=1, at=NOW, **values):
    with store.write() as session:
        session.add_all(targets)
        session.flush()
        events = [event(number, at, **values) for number in range(first, first + count)]
        session.add_all(events)
        session.flush()
        return outbox.enqueue(session, events, at)


def claim(store, at=NOW, owner="me", limit=100):
    with store.write() as session:
        return leases.claim(session, owner, at, limit)


def claim_of(store, target_id, at=NOW):
    """Claim, and return the deliveries of one target."""
    return [delivery for delivery in claim(store, at) if delivery.target.id == target_id]


def fail(store, deliveries, at=NOW, **values):
    with store.write() as session:
        attempt_results.retry_later(session, deliveries, FAILED, "me", at, lambda: 0.5, **values)


def arrive(store, deliveries, at=NOW):
    with store.write() as session:
        attempt_results.acknowledge(
            session, [(delivery, Attempt(at, 1, 200)) for delivery in deliveries], at
        )


def notices(store) -> list[tuple[str, str]]:
    """Return kind and text of the events about endpoints, in their order."""
    with store.read() as session:
        query = select(EventRow).where(col(EventRow.kind).startswith("endpoint."))
        return [
            (row.kind, row.summary.partition(": ")[2])
            for row in session.exec(query.order_by(col(EventRow.sequence)))
        ]


def row(store, name="a") -> SubscriptionRow:
    with store.read() as session:
        return session.exec(select(SubscriptionRow).where(SubscriptionRow.id == name)).one()


def states(store, name="a") -> list[str]:
    with store.read() as session:
        query = select(DeliveryRow.state).where(DeliveryRow.subscription_id == name)
        return list(session.exec(query.order_by(col(DeliveryRow.id))))


@pytest.mark.parametrize(
    ("failures", "minutes", "pause"),
    [
        (0, 0, None),
        (9, 60, None),
        (1000, 4.9, None),
        (10, 5, 30),
        (10, 60, 360),
        (500, 599, 3594),
        (20, 9999, 3600),
    ],
)
def test_the_circuit_opens_and_its_pauses_grow_to_an_hour(failures, minutes, pause):
    health = TargetHealth(failures, NOW - timedelta(minutes=minutes))
    assert health.pause(NOW) == (timedelta(seconds=pause) if pause else None)


def test_no_pause_delays_the_schedule_of_a_single_delivery():
    passed = timedelta(0)
    for wait, following in itertools.pairwise(SCHEDULE):
        passed += wait
        pause = TargetHealth(1000, NOW - passed).pause(NOW) or timedelta(0)
        assert pause * 1.2 <= following * 0.8


@pytest.mark.parametrize(
    ("failures", "days", "over"),
    [(1, 9, False), (2, 4.99, False), (2, 5, True), (40, 5, True), (0, 9, False)],
)
def test_given_up_after_five_days_of_failures(failures, days, over):
    assert TargetHealth(failures, NOW - timedelta(days=days)).is_given_up(NOW) is over


def test_operators_hear_once_that_a_target_fails_and_once_that_it_recovered(store):
    enqueue(store, [target("a", NOW), target("ops", NOW, operator=True)], 7)
    for number, delivery in enumerate(claim_of(store, "a"), 1):
        fail(store, [delivery])
        assert len(notices(store)) == (number >= 4)
    fail(store, claim_of(store, "a"))
    assert notices(store) == [
        (
            "endpoint.failing",
            "4 tries in a row failed, the last with retirement.postponed: HTTP 500",
        )
    ]
    later = NOW + timedelta(minutes=1)
    for _ in range(2):
        arrive(store, claim_of(store, "a", later)[:1], later)
        later += LEASE
    assert [kind for kind, _ in notices(store)] == ["endpoint.failing", "endpoint.recovered"]
    assert (row(store).failures, row(store).failing_since) == (0, None)
    assert len(states(store, "ops")) == 2


def test_no_target_hears_of_its_own_failures(store):
    enqueue(
        store,
        [target("a", NOW, operator=True), target("b", NOW, operator=True)],
        kind="source.failing",
    )
    at = NOW
    for _ in range(4):
        fail(store, claim_of(store, "a", at), at)
        at += timedelta(hours=3)
    assert [kind for kind, _ in notices(store)] == ["endpoint.failing"]
    assert (len(states(store, "a")), len(states(store, "b"))) == (1, 2)


def test_a_dead_endpoint_costs_one_probe_at_a_time(store):
    """While the circuit is open nothing is lost, and nobody else's tries are spent."""
    enqueue(store, [target("a", NOW)], 50)
    at, probes = NOW, 0
    for minute in range(0, 600, 10):
        at = NOW + timedelta(minutes=minute)
        while deliveries := claim(store, at):
            probes += len(deliveries)
            for delivery in deliveries:
                fail(store, [delivery], at)
    assert probes < 60 + 4 * 50, "in ten hours, of 50 deliveries"
    assert states(store) == ["pending"] * 50
    at += timedelta(hours=1.3)
    (probe,) = claim(store, at)
    assert claim(store, at) == []
    arrive(store, [probe], at)
    assert len(claim(store, at)) == 4, "closed again: as many as any target has"


def test_failing_for_the_whole_schedule(store):
    """R8: tries by the schedule, then dead and told; disabled only after five days, and what comes
    then is held.
    """
    enqueue(store, [target("a", NOW), target("ops", NOW, operator=True)])
    at, tried_at = NOW, []
    for wait in SCHEDULE:
        at += wait
        (delivery,) = claim_of(store, "a", at)
        tried_at.append(at)
        fail(store, [delivery], at)
    assert tried_at[-1] - tried_at[0] == timedelta(hours=75, minutes=35, seconds=5)
    assert states(store) == ["dead"]
    assert [kind for kind, _ in notices(store)] == ["endpoint.failing", "endpoint.failing"]
    assert (
        notices(store)[-1][1]
        == "10 tries are exhausted and delivery 1 (retirement.postponed) is dead: HTTP 500"
    )
    assert row(store).state == "enabled"
    at = NOW + timedelta(days=5)
    enqueue(store, [], 2, first=50, at=at)
    fail(store, claim_of(store, "a", at)[:1], at)
    assert row(store).state == "disabled"
    assert row(store).reason == "only failures for 5 days, the last: HTTP 500"
    assert states(store) == ["dead", "held", "held"]
    enqueue(store, [], 1, first=60, at=at)
    assert states(store) == ["dead", "held", "held", "held"]
    assert notices(store)[2:] == [
        ("endpoint.disabled", "disabled, 2 deliveries are held: " + row(store).reason)
    ]
    with store.write() as session:
        assert target_health.resume(session, "a", at) == 3
    assert (row(store).failures, len(claim(store, at))) == (0, 4 + 3 - 3), (
        "ops hears of three, a of what was held"
    )


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_operators_hear_of_the_first_dead_delivery_and_not_of_each(store):
    enqueue(store, [target("a", NOW)], 3)
    for hours in range(0, 119, 4):
        at = NOW + timedelta(hours=hours)
        while deliveries := claim(store, at):
            for delivery in deliveries:
                fail(store, [delivery], at)
        with store.write() as session:
            session.get_one(SubscriptionRow, "a").quiet_until = None
    assert states(store) == ["dead"] * 3
    assert sum("exhausted" in words for _, words in notices(store)) == 1


def test_operators_hear_once_that_a_target_is_stopped(store):
    enqueue(store, [target("a", NOW), target("ops", NOW, operator=True)], 2)
    for delivery in claim_of(store, "a"):
        with store.write() as session:
            attempt_results.refuse(session, [delivery], Attempt(NOW, 5, 410, "HTTP 410"), NOW)
    assert notices(store) == [("endpoint.disabled", "disabled, 2 deliveries are held: HTTP 410")]
    assert states(store, "ops") == ["pending"]


def test_a_fault_on_our_side_is_not_held_against_the_target(store):
    enqueue(store, [target("a", NOW)])
    for turn in range(12):
        at = NOW + turn * POSTPONED
        deliveries = claim(store, at)
        assert [delivery.number for delivery in deliveries] == [1]
        with store.write() as session:
            attempt_results.postpone(
                session,
                deliveries,
                Attempt(at, 3, 0, "the egress proxy answered HTTP 407"),
                "me",
                at,
            )
        assert claim(store, at) == []
    assert (row(store).failures, row(store).failing_since, notices(store)) == (0, None, [])
    with store.read() as session:
        (attempt,) = session.exec(select(AttemptRow)).all()
        assert attempt.at == at, "of the same fault the last"


def test_an_ordered_target_gets_its_events_one_after_the_other(store):
    enqueue(store, [target("a", NOW, ordered=True), target("b", NOW)], 3)
    first, *rest = claim(store)
    assert [(delivery.target.id, delivery.event.sequence) for delivery in [first, *rest]] == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("b", 3),
    ]
    assert claim(store) == []
    fail(store, [first])
    assert claim(store, NOW + timedelta(seconds=4)) == [], "what is behind waits"
    at = NOW + timedelta(seconds=5)
    got = []
    for _ in range(3):
        (delivery,) = claim_of(store, "a", at)
        got.append(delivery.event.sequence)
        arrive(store, [delivery], at)
    assert got == [1, 2, 3]


# Replay


def test_replay_by_what_the_events_are_about(store):
    from monitor.store.event_log import EventQuery, ids_of

    enqueue(store, [target("a", NOW)], 2)
    enqueue(
        store,
        [],
        1,
        first=10,
        kind="price.increased",
        model="gpt-5",
        before={"amount": "1"},
        after={"amount": "2"},
    )
    arrive(store, claim(store))
    with store.write() as session:
        assert (
            admin.replay(
                session, NOW, events=ids_of(session, EventQuery(kind="price", baseline=None))
            )
            == 1
        )
        assert (
            admin.replay(
                session, NOW, events=ids_of(session, EventQuery(model="gpt-4o*", baseline=None))
            )
            == 2
        )
        assert (
            admin.replay(
                session,
                NOW,
                events=ids_of(session, EventQuery(provider="anthropic", baseline=None)),
            )
            == 0
        )
    assert sorted(delivery.event.sequence for delivery in claim(store)) == [1, 2, 3]


def test_replay_missing_sends_what_a_target_wants_and_never_got(store):
    """What a target wants and never got: from before it was there, dead or cancelled; nothing that
    it has.
    """
    enqueue(store, [target("old", NOW)], 2)
    enqueue(
        store,
        [],
        1,
        first=10,
        model="claude-x",
        provider="anthropic",
        canonical="anthropic/claude-x",
    )
    enqueue(store, [], 1, first=11, kind="retirement.reminder")
    enqueue(store, [target("a", NOW, filters=["openai/*"])], 2, first=20)
    mine = claim_of(store, "a")
    arrive(store, mine[:1])
    with store.write() as session:
        admin.cancel(session, [delivery.delivery_id for delivery in mine[1:]])
    with store.write() as session:
        assert admin.replay_missing(session, NOW, "a", NOW + timedelta(seconds=1)) == 0
        assert admin.replay_missing(session, NOW, "a", NOW) == 3
    got = claim(store)
    assert [delivery.event.id for delivery in got if delivery.target.id == "a"] == [
        event(n, NOW).id for n in (1, 2, 21)
    ]
    arrive(store, got)
    with store.write() as session:
        assert admin.replay_missing(session, NOW, "a", NOW) == 0
