"""Claiming: which deliveries a worker may send now, leased to it so that nobody else takes them.

A try is counted when it is claimed, because a worker that dies may have sent it: what it left is
claimed again when the lease runs out. Every function works in the caller's transaction."""

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

#: Tries at one webhook at the same time, in all processes.
PER_TARGET = 4
#: Events in one Slack message; what limits it is its length (slack.message).
PER_MESSAGE = 100
#: Events in one digest of a webhook or a mail; what is owed beyond follows in the next.
PER_DIGEST = 100

#: What is read of a delivery that was claimed.
_CLAIMED = tuple(
    queue.DELIVERIES.c[name]
    for name in ("id", "attempts", "event_id", "subscription_id", "message")
)

#: What is read of the target of a delivery, as plain rows: the ORM takes ten times as long.
_WANTS = (
    "filters",
    "kinds",
    "surfaces",
    "severity",
    "min_change",
    "within",
    "reminders",
    "operator",
)
SENDING = tuple(column for column in queue.TARGETS.c if column.name not in _WANTS)


def claim(
    session: Session, owner: str, now: datetime, limit: int, per_target: int = PER_TARGET
) -> list[PendingDelivery]:
    """Lease at most ``limit`` due deliveries, healthy targets first and every target in turn.

    A target has at most ``per_target`` in flight, one while it fails, and a Slack channel or a
    digest one message. A digest counts as one. What is owed to an ordered target goes one after the
    other: while one waits for its next try, so do all behind it."""
    digests = _claim_digests(session, owner, now, limit)
    limit -= len({line.message for line in digests})
    chosen = choose(_waiting(session, now, per_target), limit, per_target)
    taken: Sequence[Row[Any]] = []
    if chosen:
        sqlite = queue.is_sqlite(session)
        asked = {
            "chosen": queue.listed(chosen, sqlite),
            "owner": owner,
            "until": now + queue.LEASE,
        }
        taken = session.connection().execute(_taking(sqlite), _times(now) | asked).all()
    return _owed(session, [*digests, *taken])


#: Parameters of the statements here, which are made once: that takes longer than to answer them.
_NOW: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
_ODD: ColumnElement[datetime] = bindparam("odd", type_=DateTime(timezone=True))


def _times(now: datetime) -> dict[str, Any]:
    return {"now": now, "odd": now + queue.LEASE + SKEW}


def _free(deliveries: Any) -> ColumnElement[bool]:
    """As ledger.free, of a table or an alias of it."""
    until = deliveries.c.lease_until
    return or_(until.is_(None), until <= _NOW, until > _ODD)


@cache
def _taking(sqlite: bool) -> ReturningUpdate[tuple[Any, ...]]:
    """The statement that leases what was chosen.

    PostgreSQL looks at the conditions again once it has the lock, so that two workers never take
    the same row; SQLite has one writer at a time."""
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
    changed: ReturningUpdate[tuple[Any, ...]] = (
        update(table)
        .where(table.c.id.in_(select(locked.c.id)))
        .values(**leased)
        .returning(*_CLAIMED)
    )
    return changed


@dataclass(frozen=True, slots=True)
class Waiting:
    """A target and its first due deliveries: those that wait, and how many are in flight."""

    slack: bool
    failing: bool
    free: Sequence[int]
    in_flight: int


def choose(waiting: Sequence[Waiting], limit: int, per_target: int = PER_TARGET) -> list[int]:
    """Which deliveries to take, at most ``limit``: of healthy targets first, and of every target in
    its turn.
    """
    places: list[tuple[bool, int, int]] = []
    for one in waiting:
        if one.slack:
            room = 0 if one.in_flight else PER_MESSAGE
        else:
            room = (1 if one.failing else per_target) - one.in_flight
        places += [
            (one.failing, one.in_flight + place, number)
            for place, number in enumerate(one.free[: max(room, 0)])
        ]
    return [number for _, _, number in sorted(places)[: max(limit, 0)]]


def _waiting(session: Session, now: datetime, per_target: int) -> list[Waiting]:
    """The targets that may be sent something, with the first due deliveries of each: a few steps in
    the index for each target, however much it is owed."""
    found: list[Waiting] = []
    for question in _questions(queue.is_sqlite(session), per_target):
        for is_slack, is_failing, text in session.connection().execute(question, _times(now)):
            if signs := json.loads(text or "[]"):
                waits = [number for number in signs if number > 0]
                found.append(Waiting(is_slack, is_failing, waits, len(signs) - len(waits)))
    return found


@cache
def _questions(sqlite: bool, per_target: int) -> tuple[Select[*tuple[Any, ...]], ...]:
    """The queries behind ``_waiting``.

    Of an ordered target only the oldest that is pending counts, due or not: it goes before all
    others."""
    one = queue.DELIVERIES.alias()
    pending = and_(one.c.subscription_id == queue.TARGETS.c.id, one.c.state == queue.PENDING)
    signed = case((_free(one), one.c.id), else_=-one.c.id).label("number")
    due = select(signed).where(pending, one.c.next_at <= _NOW).order_by(one.c.next_at, one.c.id)
    oldest = select(func.min(one.c.id)).where(pending).scalar_subquery()
    head = select(signed).where(one.c.id == oldest.correlate(queue.TARGETS), one.c.next_at <= _NOW)
    # Most targets have nothing due, and those are not even rows of the answer.
    any_due = (
        select(one.c.id).where(pending, one.c.next_at <= _NOW).correlate(queue.TARGETS).exists()
    )
    slack, ordered, failing = (
        queue.TARGETS.c.type == "slack",
        queue.TARGETS.c.ordered,
        queue.TARGETS.c.failing_since,
    )
    open_ = and_(_is_open(_NOW), ~_digested(), any_due)

    def question(which: ColumnElement[bool], first: Any) -> Select[*tuple[Any, ...]]:
        # A scalar, so that neither database can begin with the deliveries: that plan takes seconds.
        numbers = first.correlate(queue.TARGETS).subquery().c.number
        whole = func.json_group_array(numbers) if sqlite else cast(func.json_agg(numbers), Text)
        return select(slack, failing.is_not(None), select(whole).scalar_subquery()).where(
            which, open_
        )

    return (
        question(and_(~slack, ~ordered), due.limit(per_target)),
        question(slack, due.limit(PER_MESSAGE)),
        question(and_(~slack, ordered), head),
    )


def _owed(session: Session, claimed: Sequence[Any]) -> list[PendingDelivery]:
    """The claimed deliveries with their events and targets, in the order of the log."""
    if not claimed:
        return []
    sqlite = queue.is_sqlite(session)
    told, owing = _loading(sqlite)
    wanted = queue.listed({line.event_id for line in claimed}, sqlite)
    events = {row.id: row for row in session.scalars(told, {"events": wanted})}
    wanted = queue.listed({line.subscription_id for line in claimed}, sqlite)
    found: Any = session.connection().execute(owing, {"targets": wanted})
    targets: dict[str, SubscriptionRow] = {row.id: row for row in found}
    owed = [
        PendingDelivery(
            line.id,
            line.attempts,
            events[line.event_id],
            targets[line.subscription_id],
            line.message,
        )
        for line in claimed
    ]
    return sorted(owed, key=lambda one: one.event.sequence or 0)


@cache
def _loading(sqlite: bool) -> tuple[Select[EventRow], Select[*tuple[Any, ...]]]:
    """The queries for events and targets by their ids."""
    events = select(EventRow).where(queue.among(EVENTS.c.id, "events", sqlite))
    return events, select(*SENDING).where(queue.among(queue.TARGETS.c.id, "targets", sqlite))


def _claim_digests(session: Session, owner: str, now: datetime, limit: int) -> list[Row[Any]]:
    """Lease one message for each of at most ``limit`` targets with digests, longest due first;
    Slack bundles anyway.

    What is due goes together, and after the first try stays together: its id says which events
    those are, so that a try after a crash, or after one of them was cancelled, never has the same
    id and another body."""
    free = queue.free(now)
    targets = session.scalars(_digesting(), _times(now) | {"limit": limit}).all()
    claimed: list[Row[Any]] = []
    for target_id in targets:
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
        statement = update(DeliveryRow).where(queue.delivery_id.in_([line.id for line in rows]))
        statement = queue.setting(
            statement, message=message_id(line.event_id for line in rows), **_leased(owner, now)
        )
        claimed += session.execute(statement.returning(*_CLAIMED)).all()
    return claimed


@cache
def _digesting() -> Select[str]:
    """The query for the targets that are due a digest.

    They are locked, so that two workers never share a message between them.
    """
    owed = and_(queue.target_id == col(SubscriptionRow.id), queue.is_pending)
    due = select(func.min(queue.next_at)).where(owed, queue.next_at <= _NOW)
    oldest = due.correlate(SubscriptionRow).scalar_subquery()
    in_flight = (
        select(queue.delivery_id)
        .where(owed, ~_free(queue.DELIVERIES))
        .correlate(SubscriptionRow)
        .exists()
    )
    return (
        select(col(SubscriptionRow.id))
        .where(_digested(), _is_open(_NOW))
        .where(oldest.is_not(None), ~in_flight)
        .order_by(oldest)
        .limit(bindparam("limit", type_=Integer()))
        .with_for_update(skip_locked=True, key_share=True)
    )


def _leased(owner: str, now: datetime) -> dict[str, Any]:
    return {
        "lease_owner": owner,
        "lease_until": now + queue.LEASE,
        "attempts": col(DeliveryRow.attempts) + 1,
    }


def message_id(event_ids: Iterable[str]) -> str:
    """The id of a message about several events: the same for the same events."""
    digest = hashlib.sha256(" ".join(sorted(event_ids)).encode()).digest()
    return "msg_" + b32encode(digest[:15]).decode().lower()


def _digested() -> ColumnElement[bool]:
    """Whether a target gets what is due in one message with an id of its own."""
    return and_(col(SubscriptionRow.digest) != "", col(SubscriptionRow.type) != "slack")


def _is_open(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a target may be sent something now: it is enabled, and did not ask to be left
    alone.
    """
    quiet_until = col(SubscriptionRow.quiet_until)
    return and_(
        col(SubscriptionRow.state) == "enabled", or_(quiet_until.is_(None), quiet_until <= now)
    )


def release(session: Session, owner: str) -> int:
    """Give back what was claimed and not sent, as if it had not been claimed; for a worker that
    stops.
    """
    mine = and_(queue.state == "pending", col(DeliveryRow.lease_owner) == owner)
    return queue.change(session, mine, attempts=col(DeliveryRow.attempts) - 1, **queue.NO_LEASE)
