"""Claim deliveries that are due: lease them to one worker, so that no other sends them too.

An attempt counts when it is claimed, because a worker that dies may have sent it. What the worker
left is claimed again when the lease runs out. Every function works in the caller's transaction."""

from __future__ import annotations

import hashlib
import json
from base64 import b32encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col

from monitor.delivery import queue
from monitor.delivery.queue import PendingDelivery
from monitor.store.db import SKEW
from monitor.store.event_log import EVENTS
from monitor.store.tables import DeliveryRow, EventRow, SubscriptionRow

#: Attempts at one webhook at the same time, in all processes.
PER_TARGET = 4
#: Due deliveries of a Slack channel that one claim takes, ...
PER_CHANNEL = 100
#: ... and with the rest of them (claim_rest), what one message takes: it shows what has room, and
#: counts the others.
PER_SLACK_MESSAGE = 1000
#: Events in one digest of a webhook or a mail; the others follow in the next.
PER_DIGEST = 100

#: The columns of a claimed delivery that are read.
_CLAIMED = tuple(
    queue.DELIVERIES.c[name]
    for name in ("id", "attempts", "event_id", "subscription_id", "message")
)

#: The columns of a target that choose its events. Sending needs all others, and reads them as plain
#: rows: the ORM takes ten times as long.
_CHOICE = (
    "filters",
    "kinds",
    "surfaces",
    "severity",
    "min_change",
    "within",
    "reminders",
    "operator",
)
SENDING = tuple(column for column in queue.TARGETS.c if column.name not in _CHOICE)


def claim(
    session: Session, owner: str, now: datetime, limit: int, per_target: int = PER_TARGET
) -> list[PendingDelivery]:
    """Lease at most ``limit`` due deliveries, healthy targets first and every target in turn.

    A target has at most ``per_target`` in flight, one while it fails, and a Slack channel or a
    digest one message. A digest counts as one. The deliveries of an ordered target go one after the
    other: while one waits for its next attempt, so do all behind it."""
    digests = _claim_digests(session, owner, now, limit)
    limit -= len({row.message for row in digests})
    chosen = choose(_waiting(session, now, per_target), limit, per_target)
    rows: Sequence[Row[Any]] = []
    if chosen:
        sqlite = queue.is_sqlite(session)
        parameters = {
            "chosen": queue.as_parameter(chosen, sqlite),
            "owner": owner,
            "until": now + queue.LEASE,
        }
        statement = _lease_statement(sqlite)
        rows = session.connection().execute(statement, _times(now) | parameters).all()
    return _load(session, [*digests, *rows])


#: Parameters of the statements here. Each statement is made once: that takes longer than to run it.
_NOW: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
_ODD: ColumnElement[datetime] = bindparam("odd", type_=DateTime(timezone=True))


def _times(now: datetime) -> dict[str, Any]:
    return {"now": now, "odd": now + queue.LEASE + SKEW}


def _free(deliveries: Any) -> ColumnElement[bool]:
    """Return queue.is_free as a condition on a table or an alias of it."""
    until = deliveries.c.lease_until
    return or_(until.is_(None), until <= _NOW, until > _ODD)


@cache
def _lease_statement(sqlite: bool) -> ReturningUpdate[tuple[Any, ...]]:
    """Return the statement that leases the chosen deliveries.

    PostgreSQL checks the conditions again once it has the lock, so that two workers never take the
    same row. SQLite has one writer at a time."""
    table = queue.DELIVERIES
    due = and_(
        queue.among(table.c.id, "chosen", sqlite),
        table.c.state == queue.PENDING,
        table.c.next_at <= _NOW,
    )
    locked = (
        select(table.c.id).where(due, _free(table)).with_for_update(skip_locked=True).cte("locked")
    )
    until: ColumnElement[datetime] = bindparam("until", type_=DateTime(timezone=True))
    leased = {
        "lease_owner": bindparam("owner"),
        "lease_until": until,
        "attempts": table.c.attempts + 1,
        "message": "",
    }
    statement: ReturningUpdate[tuple[Any, ...]] = (
        update(table)
        .where(table.c.id.in_(select(locked.c.id)))
        .values(**leased)
        .returning(*_CLAIMED)
    )
    return statement


@dataclass(frozen=True, slots=True)
class WaitingTarget:
    """A target with its first due deliveries: the ids of those that are free, and how many are in
    flight.
    """

    slack: bool
    failing: bool
    free: Sequence[int]
    in_flight: int


def choose(targets: Sequence[WaitingTarget], limit: int, per_target: int = PER_TARGET) -> list[int]:
    """Return which deliveries to take, at most ``limit``: healthy targets first, and every target
    in its turn.
    """
    places: list[tuple[bool, int, int]] = []
    for target in targets:
        if target.slack:
            room = 0 if target.in_flight else PER_CHANNEL
        else:
            room = (1 if target.failing else per_target) - target.in_flight
        places += [
            (target.failing, target.in_flight + place, delivery_id)
            for place, delivery_id in enumerate(target.free[: max(room, 0)])
        ]
    return [delivery_id for _, _, delivery_id in sorted(places)[: max(limit, 0)]]


def _waiting(session: Session, now: datetime, per_target: int) -> list[WaitingTarget]:
    """Return the targets that may be sent something, each with its first due deliveries.

    It takes a few steps in the index for each target, however many deliveries wait for it."""
    targets: list[WaitingTarget] = []
    for query in _waiting_queries(queue.is_sqlite(session), per_target):
        for is_slack, is_failing, ids in session.connection().execute(query, _times(now)):
            if signed := json.loads(ids or "[]"):  # the id of one in flight has a minus
                free = [number for number in signed if number > 0]
                targets.append(WaitingTarget(is_slack, is_failing, free, len(signed) - len(free)))
    return targets


@cache
def _waiting_queries(sqlite: bool, per_target: int) -> tuple[Select[*tuple[Any, ...]], ...]:
    """Return the queries behind ``_waiting``: one each for webhooks, Slack and ordered targets.

    Of an ordered target only the oldest pending delivery counts, due or not: it goes first."""
    delivery = queue.DELIVERIES.alias()
    pending = and_(
        delivery.c.subscription_id == queue.TARGETS.c.id, delivery.c.state == queue.PENDING
    )
    signed = case((_free(delivery), delivery.c.id), else_=-delivery.c.id).label("number")
    is_due = and_(pending, delivery.c.next_at <= _NOW)
    due = select(signed).where(is_due).order_by(delivery.c.next_at, delivery.c.id)
    oldest = select(func.min(delivery.c.id)).where(pending).scalar_subquery()
    head = select(signed).where(
        delivery.c.id == oldest.correlate(queue.TARGETS), delivery.c.next_at <= _NOW
    )
    # Most targets have nothing due, and those are not even rows of the answer.
    any_due = select(delivery.c.id).where(is_due).correlate(queue.TARGETS).exists()
    is_slack, is_ordered = queue.TARGETS.c.type == "slack", queue.TARGETS.c.ordered
    is_failing = queue.TARGETS.c.failing_since.is_not(None)
    may_be_sent = and_(_is_open(_NOW), ~_has_digest(), any_due)

    def query(which: ColumnElement[bool], first: Any) -> Select[*tuple[Any, ...]]:
        # A scalar, so that neither database can begin with the deliveries: that plan takes seconds.
        numbers = first.correlate(queue.TARGETS).subquery().c.number
        whole = func.json_group_array(numbers) if sqlite else cast(func.json_agg(numbers), Text)
        columns = (is_slack, is_failing, select(whole).scalar_subquery())
        return select(*columns).where(which, may_be_sent)

    return (
        query(and_(~is_slack, ~is_ordered), due.limit(per_target)),
        query(is_slack, due.limit(PER_CHANNEL)),
        query(and_(~is_slack, is_ordered), head),
    )


def _load(session: Session, claimed: Sequence[Any]) -> list[PendingDelivery]:
    """Return claimed rows with their events and targets, in the order of the log."""
    if not claimed:
        return []
    sqlite = queue.is_sqlite(session)
    event_query, target_query = _load_queries(sqlite)
    ids = queue.as_parameter({row.event_id for row in claimed}, sqlite)
    events = {event.id: event for event in session.scalars(event_query, {"events": ids})}
    ids = queue.as_parameter({row.subscription_id for row in claimed}, sqlite)
    rows: Any = session.connection().execute(target_query, {"targets": ids})
    targets: dict[str, SubscriptionRow] = {row.id: row for row in rows}
    return _in_log_order(
        PendingDelivery(
            row.id,
            row.attempts,
            events[row.event_id],
            targets[row.subscription_id],
            row.message,
        )
        for row in claimed
    )


def _in_log_order(deliveries: Iterable[PendingDelivery]) -> list[PendingDelivery]:
    return sorted(deliveries, key=lambda delivery: delivery.event.sequence or 0)


@cache
def _load_queries(sqlite: bool) -> tuple[Select[EventRow], Select[*tuple[Any, ...]]]:
    """Return the queries for events and for targets by their ids."""
    events = select(EventRow).where(queue.among(EVENTS.c.id, "events", sqlite))
    return events, select(*SENDING).where(queue.among(queue.TARGETS.c.id, "targets", sqlite))


def claim_rest(
    session: Session, owner: str, now: datetime, deliveries: Sequence[PendingDelivery]
) -> list[PendingDelivery]:
    """Return claimed deliveries with all others that are due in the same Slack channels.

    They go into the same message, however many they are: a channel that was paused for long gets
    one message, not one for each hundred events."""
    channels = {
        delivery.target.id: delivery.target
        for delivery in deliveries
        if delivery.target.type == "slack"
    }
    if not channels:
        return list(deliveries)
    free = or_(queue.lease_until.is_(None), queue.lease_until <= now)
    due = and_(queue.state == "pending", queue.next_at <= now, free)
    others = (
        select(queue.delivery_id)
        .where(queue.target_id.in_(channels), due)
        .order_by(queue.delivery_id)
        .limit(PER_SLACK_MESSAGE)
        .with_for_update(skip_locked=True)
    )
    leased = queue.setting(
        update(DeliveryRow).where(queue.delivery_id.in_(session.scalars(others).all())),
        **_lease(owner, now),
    )
    columns = (queue.delivery_id, col(DeliveryRow.attempts), col(DeliveryRow.event_id))
    rows = session.execute(leased.returning(*columns, queue.target_id)).all()
    is_theirs = col(EventRow.id).in_({row.event_id for row in rows})
    events = {event.id: event for event in session.scalars(select(EventRow).where(is_theirs))}
    rest = [
        PendingDelivery(row.id, row.attempts, events[row.event_id], channels[row.subscription_id])
        for row in rows
    ]
    return _in_log_order([*deliveries, *rest])


def _claim_digests(session: Session, owner: str, now: datetime, limit: int) -> list[Row[Any]]:
    """Lease one message for each of at most ``limit`` targets with digests, longest due first.

    Slack bundles anyway. What is due goes together, and after the first attempt stays together: the
    id of the message is that of its events, so that an attempt after a crash, or after one of them
    was cancelled, never has the same id and another body."""
    free = queue.is_free(now)
    target_ids = session.scalars(_digest_query(), _times(now) | {"limit": limit}).all()
    claimed: list[Row[Any]] = []
    for target_id in target_ids:
        due = and_(queue.target_id == target_id, queue.is_pending, free)
        first = (
            select(col(DeliveryRow.message))
            .where(due, queue.next_at <= now)
            .order_by(queue.next_at, queue.delivery_id)
            .limit(1)
        )
        message = session.scalar(first)
        if message is None:  # another worker has had it meanwhile
            continue
        together = and_(due, col(DeliveryRow.message) == message)
        if not message:
            together = and_(together, queue.next_at <= now)
        rows = session.execute(
            select(queue.delivery_id, col(DeliveryRow.event_id))
            .where(together)
            .order_by(queue.next_at, queue.delivery_id)
            .limit(PER_DIGEST)
        ).all()
        statement = update(DeliveryRow).where(queue.delivery_id.in_([row.id for row in rows]))
        statement = queue.setting(
            statement, message=digest_id(row.event_id for row in rows), **_lease(owner, now)
        )
        claimed += session.execute(statement.returning(*_CLAIMED)).all()
    return claimed


@cache
def _digest_query() -> Select[str]:
    """Return the query for the targets that are due a digest.

    It locks them, so that two workers never share a message between them."""
    pending = and_(queue.target_id == col(SubscriptionRow.id), queue.is_pending)
    due = select(func.min(queue.next_at)).where(pending, queue.next_at <= _NOW)
    oldest = due.correlate(SubscriptionRow).scalar_subquery()
    in_flight = (
        select(queue.delivery_id)
        .where(pending, ~_free(queue.DELIVERIES))
        .correlate(SubscriptionRow)
        .exists()
    )
    return (
        select(col(SubscriptionRow.id))
        .where(_has_digest(), _is_open(_NOW))
        .where(oldest.is_not(None), ~in_flight)
        .order_by(oldest)
        .limit(bindparam("limit", type_=Integer()))
        .with_for_update(skip_locked=True, key_share=True)
    )


def _lease(owner: str, now: datetime) -> dict[str, Any]:
    return {
        "lease_owner": owner,
        "lease_until": now + queue.LEASE,
        "attempts": col(DeliveryRow.attempts) + 1,
    }


def digest_id(event_ids: Iterable[str]) -> str:
    """Return the id of a digest: the same for the same events."""
    digest = hashlib.sha256(" ".join(sorted(event_ids)).encode()).digest()
    return "msg_" + b32encode(digest[:15]).decode().lower()


def _has_digest() -> ColumnElement[bool]:
    """Return the condition that a target gets what is due as one message with an id of its own."""
    return and_(col(SubscriptionRow.digest) != "", col(SubscriptionRow.type) != "slack")


def _is_open(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition that a target is enabled and did not ask to be left alone now."""
    quiet_until = col(SubscriptionRow.quiet_until)
    return and_(
        col(SubscriptionRow.state) == "enabled", or_(quiet_until.is_(None), quiet_until <= now)
    )


def release(session: Session, owner: str) -> int:
    """Give back what a worker claimed and did not send, as if it had not been claimed. Return how
    many deliveries that is; for a worker that stops.
    """
    mine = and_(queue.state == "pending", col(DeliveryRow.lease_owner) == owner)
    return queue.change(session, mine, attempts=col(DeliveryRow.attempts) - 1, **queue.NO_LEASE)
