"""How targets stand: when their operators are told, when they are left alone, and when they are
given up.
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
TRY = Attempt(NOW, 7, 500, "HTTP 500")


def owe(store, targets, count=1, first=1, at=NOW, **values):
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


def fail(store, owed, at=NOW, **values):
    with store.write() as session:
        attempt_results.retry_later(session, owed, TRY, "me", at, lambda: 0.5, **values)


def arrive(store, owed, at=NOW):
    with store.write() as session:
        attempt_results.acknowledge(session, [(one, Attempt(at, 1, 200)) for one in owed], at)


def told(store) -> list[tuple[str, str]]:
    """Kind and words of the events about endpoints, in their order."""
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
    stands = TargetHealth(failures, NOW - timedelta(minutes=minutes))
    assert stands.pause(NOW) == (timedelta(seconds=pause) if pause else None)


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
    owe(store, [target("a", NOW), target("ops", NOW, operator=True)], 7)
    for number, one in enumerate([one for one in claim(store) if one.target.id == "a"], 1):
        fail(store, [one])
        assert len(told(store)) == (number >= 4)
    fail(store, [one for one in claim(store) if one.target.id == "a"])
    assert told(store) == [
        (
            "endpoint.failing",
            "4 tries in a row failed, the last with retirement.postponed: HTTP 500",
        )
    ]
    later = NOW + timedelta(minutes=1)
    for _ in range(2):
        arrive(store, [one for one in claim(store, later) if one.target.id == "a"][:1], later)
        later += LEASE
    assert [kind for kind, _ in told(store)] == ["endpoint.failing", "endpoint.recovered"]
    assert (row(store).failures, row(store).failing_since) == (0, None)
    assert len(states(store, "ops")) == 2


def test_nobody_is_told_of_itself(store):
    owe(
        store,
        [target("a", NOW, operator=True), target("b", NOW, operator=True)],
        kind="source.failing",
    )
    at = NOW
    for _ in range(4):
        fail(store, [one for one in claim(store, at) if one.target.id == "a"], at)
        at += timedelta(hours=3)
    assert [kind for kind, _ in told(store)] == ["endpoint.failing"]
    assert (len(states(store, "a")), len(states(store, "b"))) == (1, 2)


def test_a_dead_endpoint_costs_one_probe_at_a_time(store):
    """While the circuit is open nothing is lost, and nobody else's tries are spent."""
    owe(store, [target("a", NOW)], 50)
    at, probes = NOW, 0
    for minute in range(0, 600, 10):
        at = NOW + timedelta(minutes=minute)
        while owed := claim(store, at):
            probes += len(owed)
            for one in owed:
                fail(store, [one], at)
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
    owe(store, [target("a", NOW), target("ops", NOW, operator=True)])
    at, tries = NOW, []
    for wait in SCHEDULE:
        at += wait
        (owed,) = [one for one in claim(store, at) if one.target.id == "a"]
        tries.append(at)
        fail(store, [owed], at)
    assert tries[-1] - tries[0] == timedelta(hours=75, minutes=35, seconds=5)
    assert states(store) == ["dead"]
    assert [kind for kind, _ in told(store)] == ["endpoint.failing", "endpoint.failing"]
    assert (
        told(store)[-1][1]
        == "10 tries are exhausted and delivery 1 (retirement.postponed) is dead: HTTP 500"
    )
    assert row(store).state == "enabled"
    at = NOW + timedelta(days=5)
    owe(store, [], 2, first=50, at=at)
    fail(store, [one for one in claim(store, at) if one.target.id == "a"][:1], at)
    assert row(store).state == "disabled"
    assert row(store).reason == "only failures for 5 days, the last: HTTP 500"
    assert states(store) == ["dead", "held", "held"]
    owe(store, [], 1, first=60, at=at)
    assert states(store) == ["dead", "held", "held", "held"]
    assert told(store)[2:] == [
        ("endpoint.disabled", "disabled, 2 deliveries are held: " + row(store).reason)
    ]
    with store.write() as session:
        assert target_health.resume(session, "a", at) == 3
    assert (row(store).failures, len(claim(store, at))) == (0, 4 + 3 - 3), (
        "ops hears of three, a of what was held"
    )


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_one_death_of_a_run_is_told_not_each(store):
    owe(store, [target("a", NOW)], 3)
    for hours in range(0, 119, 4):
        at = NOW + timedelta(hours=hours)
        while owed := claim(store, at):
            for one in owed:
                fail(store, [one], at)
        with store.write() as session:
            session.get_one(SubscriptionRow, "a").quiet_until = None
    assert states(store) == ["dead"] * 3
    assert sum("exhausted" in words for _, words in told(store)) == 1


def test_refused_is_told_once_whoever_tries(store):
    owe(store, [target("a", NOW), target("ops", NOW, operator=True)], 2)
    for one in [one for one in claim(store) if one.target.id == "a"]:
        with store.write() as session:
            attempt_results.refuse(session, [one], Attempt(NOW, 5, 410, "HTTP 410"), NOW)
    assert told(store) == [("endpoint.disabled", "disabled, 2 deliveries are held: HTTP 410")]
    assert states(store, "ops") == ["pending"]


def test_a_fault_on_this_side_is_not_held_against_the_target(store):
    owe(store, [target("a", NOW)])
    for turn in range(12):
        at = NOW + turn * POSTPONED
        owed = claim(store, at)
        assert [one.number for one in owed] == [1]
        with store.write() as session:
            attempt_results.postpone(
                session, owed, Attempt(at, 3, 0, "the egress proxy answered HTTP 407"), "me", at
            )
        assert claim(store, at) == []
    assert (row(store).failures, row(store).failing_since, told(store)) == (0, None, [])
    with store.read() as session:
        (kept,) = session.exec(select(AttemptRow)).all()
        assert kept.at == at, "of the same fault the last"


def test_an_ordered_target_gets_one_after_the_other(store):
    owe(store, [target("a", NOW, ordered=True), target("b", NOW)], 3)
    first, *others = claim(store)
    assert [(one.target.id, one.event.sequence) for one in [first, *others]] == [
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
        (one,) = [one for one in claim(store, at) if one.target.id == "a"]
        got.append(one.event.sequence)
        arrive(store, [one], at)
    assert got == [1, 2, 3]


# Replay


def test_replay_by_what_the_events_are_about(store):
    from monitor.store.event_log import EventQuery, ids_of

    owe(store, [target("a", NOW)], 2)
    owe(
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
            admin.replay(session, NOW, events=ids_of(EventQuery(kind="price", baseline=None))) == 1
        )
        assert (
            admin.replay(session, NOW, events=ids_of(EventQuery(model="gpt-4o*", baseline=None)))
            == 2
        )
        assert (
            admin.replay(
                session, NOW, events=ids_of(EventQuery(provider="anthropic", baseline=None))
            )
            == 0
        )
    assert sorted(one.event.sequence for one in claim(store)) == [1, 2, 3]


def test_replay_of_what_is_missing(store):
    """What a target wants and never got: from before it was there, dead or cancelled; nothing that
    it has.
    """
    owe(store, [target("old", NOW)], 2)
    owe(
        store,
        [],
        1,
        first=10,
        model="claude-x",
        provider="anthropic",
        canonical="anthropic/claude-x",
    )
    owe(store, [], 1, first=11, kind="retirement.reminder")
    owe(store, [target("a", NOW, filters=["openai/*"])], 2, first=20)
    mine = [one for one in claim(store) if one.target.id == "a"]
    arrive(store, mine[:1])
    with store.write() as session:
        admin.cancel(session, [one.delivery_id for one in mine[1:]])
    with store.write() as session:
        assert admin.replay_missing(session, NOW, "a", NOW + timedelta(seconds=1)) == 0
        assert admin.replay_missing(session, NOW, "a", NOW) == 3
    got = claim(store)
    assert [one.event.id for one in got if one.target.id == "a"] == [
        event(n, NOW).id for n in (1, 2, 21)
    ]
    arrive(store, got)
    with store.write() as session:
        assert admin.replay_missing(session, NOW, "a", NOW) == 0
