"""The operator's part of the outbox: what is owed and how it went, sending again, cancelling and
forgetting.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, or_, select
from sqlmodel import Session, col

from monitor.delivery import queue
from monitor.delivery.outbox import enqueue
from monitor.store.tables import (
    AcknowledgementRow,
    AttemptRow,
    DeliveryRow,
    EventRow,
    SubscriptionRow,
    ThreadRow,
)
from monitor.subscriptions.filters import Wanted


def count_due(session: Session, now: datetime) -> int:
    """How many deliveries could be claimed now. Asked after every `lastcall poll`: plain tables, no
    ORM.
    """
    owed, targets = queue.DELIVERIES.c, queue.TARGETS.c
    quiet = or_(targets.quiet_until.is_(None), targets.quiet_until <= now)
    enabled = select(targets.id).where(targets.state == "enabled", quiet)
    due = and_(owed.state == queue.PENDING, owed.next_at <= now, owed.subscription_id.in_(enabled))
    counted = select(func.count()).select_from(queue.DELIVERIES).where(due)
    return int(session.connection().execute(counted).scalar_one())


def count_waiting(session: Session) -> int:
    """How many deliveries are still to be made, now or later."""
    return int(
        session.execute(
            select(func.count()).select_from(DeliveryRow).where(queue.is_pending)
        ).scalar_one()
    )


def owed(session: Session) -> dict[str, int]:
    """How many deliveries each target is owed, now, later, or once it is enabled again."""
    waits = queue.state.in_(["pending", "held"])
    counted = select(queue.target_id, func.count()).where(waits).group_by(queue.target_id)
    return {str(target): count for target, count in session.execute(counted).all()}


def next_due(session: Session, target_id: str) -> datetime | None:
    """When the next of what a target is owed is due."""
    query = select(func.min(queue.next_at)).where(queue.target_id == target_id, queue.is_pending)
    found: datetime | None = session.scalar(query)
    return found


def states(session: Session, target_id: str) -> dict[str, int]:
    """How many deliveries of a target are in which state."""
    counted = (
        select(queue.state, func.count()).where(queue.target_id == target_id).group_by(queue.state)
    )
    return {str(state): count for state, count in session.execute(counted).all()}


def listed(
    session: Session, state: str | None, target_id: str | None, limit: int
) -> list[tuple[DeliveryRow, EventRow, SubscriptionRow]]:
    """Deliveries with their events and targets, newest first."""
    query = _joined().order_by(queue.delivery_id.desc()).limit(limit)
    if state:
        query = query.where(queue.state == state)
    if target_id:
        query = query.where(queue.target_id == target_id)
    return [(delivery, event, target) for delivery, event, target in session.execute(query).all()]


def delivery(
    session: Session, delivery_id: int
) -> tuple[DeliveryRow, EventRow, SubscriptionRow] | None:
    """One delivery with its event and target."""
    query = _joined().where(queue.delivery_id == delivery_id)
    return next(((one, event, target) for one, event, target in session.execute(query)), None)


def _joined() -> Select[DeliveryRow, EventRow, SubscriptionRow]:
    return (
        select(DeliveryRow, EventRow, SubscriptionRow)
        .join(EventRow, col(EventRow.id) == col(DeliveryRow.event_id))
        .join(SubscriptionRow, col(SubscriptionRow.id) == queue.target_id)
    )


def tries(session: Session, delivery_id: int) -> Sequence[AttemptRow]:
    """Every try at a delivery, in their order."""
    query = select(AttemptRow).where(col(AttemptRow.delivery_id) == delivery_id)
    return session.scalars(query.order_by(col(AttemptRow.id))).all()


def cancel(session: Session, ids: Sequence[int]) -> int:
    """Never send what is pending or held. Returns how many deliveries that was."""
    unsent = and_(queue.delivery_id.in_(ids), queue.state.in_(["pending", "held"]))
    return queue.change(session, unsent, state="cancelled", **queue.NO_LEASE)


def replay(
    session: Session,
    now: datetime,
    ids: Sequence[int] | None = None,
    target_id: str | None = None,
    since: datetime | None = None,
    events: Select[Any] | None = None,
) -> int:
    """Send again, with the same webhook-id and all tries: by id, of a target, owed since a time, of
    some events (a query for their ids), or what all of them name together.

    Not what is being sent just now; what is owed to a paused target is held. Returns how many.
    """
    conditions = [_is_idle(now)]
    if ids is not None:
        conditions.append(queue.delivery_id.in_(ids))
    if target_id is not None:
        conditions.append(queue.target_id == target_id)
    if since is not None:
        conditions.append(col(DeliveryRow.created_at) >= since)
    if events is not None:
        conditions.append(col(DeliveryRow.event_id).in_(events))
    if len(conditions) == 1:
        raise ValueError("say what to replay: ids, a target, a time or events")
    return _again(session, and_(*conditions), now)


def replay_missing(
    session: Session,
    now: datetime,
    target_id: str,
    since: datetime,
    events: Select[Any] | None = None,
) -> int:
    """Send a target what it wants of the log since a time and never got: held, dead, cancelled, or
    not owed yet.

    An event from before the target was made, or before it asked for this, is owed now. Not a
    reminder, which was for its day. Returns how many deliveries are due by this."""
    target = session.get_one(SubscriptionRow, target_id)
    asked = select(EventRow).where(col(EventRow.detected_at) >= since)
    if events is not None:
        asked = asked.where(col(EventRow.id).in_(events))
    lost = and_(queue.target_id == target_id, _is_idle(now), queue.state != "delivered")
    again = _again(
        session,
        and_(lost, col(DeliveryRow.event_id).in_(asked.with_only_columns(col(EventRow.id)))),
        now,
    )
    known = select(col(DeliveryRow.event_id)).where(queue.target_id == target_id)
    never = asked.where(col(EventRow.id).not_in(known), col(EventRow.kind) != "retirement.reminder")
    wants = Wanted.of(target)
    owed = [
        event
        for event in session.scalars(never.order_by(col(EventRow.sequence)))
        if wants.matches(event)
    ]
    return again + enqueue(session, owed, now, only={event.id: [target_id] for event in owed})


def _is_idle(now: datetime) -> ColumnElement[bool]:
    """Not being sent just now."""
    return or_(queue.free(now), queue.state != "pending")


def _again(session: Session, condition: ColumnElement[bool], now: datetime) -> int:
    enabled = select(col(SubscriptionRow.id)).where(col(SubscriptionRow.state) == "enabled")
    state = case((queue.target_id.in_(enabled), "pending"), else_="held")
    return queue.change(
        session,
        condition,
        state=state,
        attempts=0,
        next_at=now,
        delivered_at=None,
        error="",
        **queue.NO_LEASE,
    )


def forget(session: Session, target_id: str) -> None:
    """Delete a target with everything it is and was owed. Events stay."""
    owed = select(queue.delivery_id).where(queue.target_id == target_id)
    for statement in (
        delete(AttemptRow).where(col(AttemptRow.delivery_id).in_(owed)),
        delete(DeliveryRow).where(queue.target_id == target_id),
        delete(ThreadRow).where(col(ThreadRow.subscription_id) == target_id),
        delete(AcknowledgementRow).where(col(AcknowledgementRow.subscription_id) == target_id),
        delete(SubscriptionRow).where(col(SubscriptionRow.id) == target_id),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
