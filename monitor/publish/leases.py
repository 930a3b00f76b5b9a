"""Claiming: which deliveries a worker may send now, leased to it so that nobody else takes them.

A try is counted when it is claimed, because a worker that dies may have sent it: what it left is claimed again when
the lease runs out. Every function works in the caller's transaction.
"""

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
from sqlmodel import Session, col

from monitor.publish import ledger
from monitor.publish.ledger import Owed
from monitor.store.db import SKEW
from monitor.store.tables import DeliveryRow, EventRow, SubscriptionRow

#: Tries at one webhook at the same time, in all processes.
PER_TARGET = 4
#: Events in one Slack message; what limits it is its length (slack.message).
PER_MESSAGE = 100
#: Events in one digest of a webhook or a mail; what is owed beyond follows in the next.
PER_DIGEST = 100

#: What is read of a delivery that was claimed.
_CLAIMED = tuple(ledger.DELIVERIES.c[name] for name in ("id", "attempts", "event_id", "subscription_id", "message"))


def claim(session: Session, owner: str, now: datetime, limit: int, per_target: int = PER_TARGET) -> list[Owed]:
    """Lease at most ``limit`` due deliveries, healthy targets first and every target in turn.

    A target has at most ``per_target`` in flight, one while it fails, and a Slack channel or a digest one message. A
    digest counts as one. What is owed to an ordered target goes one after the other: while one waits for its next
    try, so do all behind it.
    """
    digests = _claim_digests(session, owner, now, limit)
    limit -= len({line.message for line in digests})
    free = ledger.free(now)
    # PostgreSQL looks at the conditions again once it has the lock, so that two workers never take the same row;
    # SQLite has one writer at a time.
    chosen = choose(_waiting(session, now, per_target), limit, per_target)
    due = and_(ledger.delivery_id.in_(chosen), ledger.is_pending, ledger.next_at <= now, free)
    locked = select(ledger.delivery_id).where(due).with_for_update(skip_locked=True).cte("locked")
    taken = session.connection().execute(
        update(ledger.DELIVERIES)
        .where(ledger.DELIVERIES.c.id.in_(select(locked.c.id)))
        .values(**_leased(owner, now), message="")
        .returning(*_CLAIMED)
    )
    return _owed(session, [*digests, *taken.all()])


@dataclass(frozen=True, slots=True)
class Waiting:
    """A target and its first due deliveries: those that wait, and how many are in flight."""

    slack: bool
    failing: bool
    free: Sequence[int]
    in_flight: int


def choose(waiting: Sequence[Waiting], limit: int, per_target: int = PER_TARGET) -> list[int]:
    """Which deliveries to take, at most ``limit``: of healthy targets first, and of every target in its turn."""
    places: list[tuple[bool, int, int]] = []
    for one in waiting:
        if one.slack:
            room = 0 if one.in_flight else PER_MESSAGE
        else:
            room = (1 if one.failing else per_target) - one.in_flight
        places += [
            (one.failing, one.in_flight + place, number) for place, number in enumerate(one.free[: max(room, 0)])
        ]
    return [number for _, _, number in sorted(places)[: max(limit, 0)]]


def _waiting(session: Session, now: datetime, per_target: int) -> list[Waiting]:
    """The targets that may be sent something, with the first due deliveries of each: a few steps in the index for
    each target, however much it is owed."""
    found: list[Waiting] = []
    for question in _questions(session.get_bind().dialect.name == "sqlite", per_target):
        for is_slack, failing_since, text in session.connection().execute(
            question, {"now": now, "odd": now + ledger.LEASE + SKEW}
        ):
            if signs := json.loads(text or "[]"):
                waits = [number for number in signs if number > 0]
                found.append(Waiting(is_slack, failing_since is not None, waits, len(signs) - len(waits)))
    return found


@cache
def _questions(sqlite: bool, per_target: int) -> tuple[Select[*tuple[Any, ...]], ...]:
    """The queries behind ``_waiting``; made once, which takes longer than to answer them.

    Of an ordered target only the oldest that is pending counts, due or not: it goes before all others.
    """
    now: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
    one = ledger.DELIVERIES.alias()
    pending = and_(one.c.subscription_id == ledger.TARGETS.c.id, one.c.state == ledger.PENDING)
    odd: ColumnElement[datetime] = bindparam("odd", type_=DateTime(timezone=True))  # as ledger.free has it
    free = or_(one.c.lease_until.is_(None), one.c.lease_until <= now, one.c.lease_until > odd)
    signed = case((free, one.c.id), else_=-one.c.id).label("number")
    due = select(signed).where(pending, one.c.next_at <= now).order_by(one.c.next_at, one.c.id)
    oldest = select(func.min(one.c.id)).where(pending).scalar_subquery()
    head = select(signed).where(one.c.id == oldest.correlate(ledger.TARGETS), one.c.next_at <= now)
    slack, ordered = ledger.TARGETS.c.type == "slack", ledger.TARGETS.c.ordered
    open_ = and_(_is_open(now), ~_digested())

    def question(which: ColumnElement[bool], first: Any) -> Select[*tuple[Any, ...]]:
        # A scalar, so that neither database can begin with the deliveries: that plan takes seconds.
        numbers = first.correlate(ledger.TARGETS).subquery().c.number
        whole = func.json_group_array(numbers) if sqlite else cast(func.json_agg(numbers), Text)
        return select(slack, ledger.TARGETS.c.failing_since, select(whole).scalar_subquery()).where(which, open_)

    return (
        question(and_(~slack, ~ordered), due.limit(per_target)),
        question(slack, due.limit(PER_MESSAGE)),
        question(and_(~slack, ordered), head),
    )


def _owed(session: Session, claimed: Sequence[Any]) -> list[Owed]:
    """The claimed deliveries with their events and targets, in the order of the log."""
    wanted = {line.event_id for line in claimed}
    events = {row.id: row for row in session.scalars(select(EventRow).where(col(EventRow.id).in_(wanted)))}
    owing = {line.subscription_id for line in claimed}
    found = session.scalars(select(SubscriptionRow).where(col(SubscriptionRow.id).in_(owing)))
    targets = {row.id: row for row in found}
    owed = [
        Owed(line.id, line.attempts, events[line.event_id], targets[line.subscription_id], line.message)
        for line in claimed
    ]
    return sorted(owed, key=lambda one: one.event.sequence or 0)


def _claim_digests(session: Session, owner: str, now: datetime, limit: int) -> list[Row[Any]]:
    """Lease one message for each of at most ``limit`` targets with digests, longest due first; Slack bundles anyway.

    What is due goes together, and after the first try stays together: its id says which events those are, so that a
    try after a crash, or after one of them was cancelled, never has the same id and another body.
    """
    free = ledger.free(now)
    owed = and_(ledger.target_id == col(SubscriptionRow.id), ledger.is_pending)
    oldest = (
        select(func.min(ledger.next_at)).where(owed, ledger.next_at <= now).correlate(SubscriptionRow).scalar_subquery()
    )
    in_flight = select(ledger.delivery_id).where(owed, ~free).correlate(SubscriptionRow).exists()
    # Locked, so that two workers never share a message between them.
    targets = session.scalars(
        select(col(SubscriptionRow.id))
        .where(_digested(), _is_open(now))
        .where(oldest.is_not(None), ~in_flight)
        .order_by(oldest)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    claimed: list[Row[Any]] = []
    for target_id in targets:
        due = and_(ledger.target_id == target_id, ledger.is_pending, free)
        first = (
            select(col(DeliveryRow.message))
            .where(due, ledger.next_at <= now)
            .order_by(ledger.next_at, ledger.delivery_id)
            .limit(1)
        )
        message = session.scalar(first)
        if message is None:  # another worker has had it meanwhile
            continue
        together = and_(due, col(DeliveryRow.message) == message)
        if not message:
            together = and_(together, ledger.next_at <= now)
        rows = session.execute(
            select(ledger.delivery_id, col(DeliveryRow.event_id))
            .where(together)
            .order_by(ledger.next_at, ledger.delivery_id)
            .limit(PER_DIGEST)
        ).all()
        statement = update(DeliveryRow).where(ledger.delivery_id.in_([line.id for line in rows]))
        statement = ledger.setting(statement, message=message_id(line.event_id for line in rows), **_leased(owner, now))
        claimed += session.execute(statement.returning(*_CLAIMED)).all()
    return claimed


def _leased(owner: str, now: datetime) -> dict[str, Any]:
    return {"lease_owner": owner, "lease_until": now + ledger.LEASE, "attempts": col(DeliveryRow.attempts) + 1}


def message_id(event_ids: Iterable[str]) -> str:
    """The id of a message about several events: the same for the same events."""
    digest = hashlib.sha256(" ".join(sorted(event_ids)).encode()).digest()
    return "msg_" + b32encode(digest[:15]).decode().lower()


def _digested() -> ColumnElement[bool]:
    """Whether a target gets what is due in one message with an id of its own."""
    return and_(col(SubscriptionRow.digest) != "", col(SubscriptionRow.type) != "slack")


def _is_open(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a target may be sent something now: it is enabled, and did not ask to be left alone."""
    quiet_until = col(SubscriptionRow.quiet_until)
    return and_(col(SubscriptionRow.state) == "enabled", or_(quiet_until.is_(None), quiet_until <= now))


def release(session: Session, owner: str) -> int:
    """Give back what was claimed and not sent, as if it had not been claimed; for a worker that stops."""
    mine = and_(ledger.state == "pending", col(DeliveryRow.lease_owner) == owner)
    return ledger.change(session, mine, attempts=col(DeliveryRow.attempts) - 1, **ledger.NO_LEASE)
