"""Operate the queue: list deliveries and attempts, send again, cancel, and remove a target."""

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
from monitor.subscriptions.filters import EventFilter


def count_due(session: Session, now: datetime) -> int:
    """Return how many deliveries could be claimed now.

    `lastcall poll` asks every time: plain tables, no ORM."""
    deliveries, targets = queue.DELIVERIES.c, queue.TARGETS.c
    quiet = or_(targets.quiet_until.is_(None), targets.quiet_until <= now)
    enabled = select(targets.id).where(targets.state == "enabled", quiet)
    due = and_(
        deliveries.state == queue.PENDING,
        deliveries.next_at <= now,
        deliveries.subscription_id.in_(enabled),
    )
    counted = select(func.count()).select_from(queue.DELIVERIES).where(due)
    return int(session.connection().execute(counted).scalar_one())


def count_pending(session: Session) -> int:
    """Return how many deliveries are still to be made, now or later."""
    counted = select(func.count()).select_from(DeliveryRow).where(queue.is_pending)
    return int(session.execute(counted).scalar_one())


def count_by_target(session: Session) -> dict[str, int]:
    """Return how many deliveries of each target are pending or held."""
    unsent = queue.state.in_(["pending", "held"])
    counted = select(queue.target_id, func.count()).where(unsent).group_by(queue.target_id)
    return {str(target_id): count for target_id, count in session.execute(counted).all()}


def count_by_state(session: Session, target_id: str) -> dict[str, int]:
    """Return how many deliveries of a target are in which state."""
    counted = (
        select(queue.state, func.count()).where(queue.target_id == target_id).group_by(queue.state)
    )
    return {str(state): count for state, count in session.execute(counted).all()}


def next_due(session: Session, target_id: str) -> datetime | None:
    """Return when the next pending delivery of a target is due."""
    query = select(func.min(queue.next_at)).where(queue.target_id == target_id, queue.is_pending)
    due: datetime | None = session.scalar(query)
    return due


def list_deliveries(
    session: Session, state: str | None, target_id: str | None, limit: int
) -> list[tuple[DeliveryRow, EventRow, SubscriptionRow]]:
    """Return deliveries with their events and targets, newest first."""
    query = _joined().order_by(queue.delivery_id.desc()).limit(limit)
    if state:
        query = query.where(queue.state == state)
    if target_id:
        query = query.where(queue.target_id == target_id)
    return [(delivery, event, target) for delivery, event, target in session.execute(query).all()]


def find_delivery(
    session: Session, delivery_id: int
) -> tuple[DeliveryRow, EventRow, SubscriptionRow] | None:
    """Return one delivery with its event and target; None if there is none of this number."""
    row = session.execute(_joined().where(queue.delivery_id == delivery_id)).first()
    return (row[0], row[1], row[2]) if row else None


def _joined() -> Select[DeliveryRow, EventRow, SubscriptionRow]:
    return (
        select(DeliveryRow, EventRow, SubscriptionRow)
        .join(EventRow, col(EventRow.id) == col(DeliveryRow.event_id))
        .join(SubscriptionRow, col(SubscriptionRow.id) == queue.target_id)
    )


def attempts(session: Session, delivery_id: int) -> Sequence[AttemptRow]:
    """Return every attempt at a delivery, in their order."""
    query = select(AttemptRow).where(col(AttemptRow.delivery_id) == delivery_id)
    return session.scalars(query.order_by(col(AttemptRow.id))).all()


def cancel(session: Session, ids: Sequence[int]) -> int:
    """Cancel deliveries that are pending or held. Return how many those are."""
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
    """Send deliveries again, with the same webhook-id and all their attempts. Return how many.

    They are named by id, by target, by the time since which they were made, by events (a query for
    their ids), or by several of these together. What is being sent just now stays out, and what
    belongs to a paused target is held."""
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
    return _send_again(session, and_(*conditions), now)


def replay_missing(
    session: Session,
    now: datetime,
    target_id: str,
    since: datetime,
    events: Select[Any] | None = None,
) -> int:
    """Send a target the events since a time that it wants and never got. Return how many.

    Its delivery is held, dead or cancelled, or there is none: the event is older than the target or
    than its filters. Reminders are left out: each was for its day."""
    target = session.get_one(SubscriptionRow, target_id)
    query = select(EventRow).where(col(EventRow.detected_at) >= since)
    if events is not None:
        query = query.where(col(EventRow.id).in_(events))
    lost = and_(queue.target_id == target_id, _is_idle(now), queue.state != "delivered")
    of_events = col(DeliveryRow.event_id).in_(query.with_only_columns(col(EventRow.id)))
    again = _send_again(session, and_(lost, of_events), now)
    enqueued = select(col(DeliveryRow.event_id)).where(queue.target_id == target_id)
    never = query.where(
        col(EventRow.id).not_in(enqueued), col(EventRow.kind) != "retirement.reminder"
    )
    event_filter = EventFilter.of(target)
    missing = [
        event
        for event in session.scalars(never.order_by(col(EventRow.sequence)))
        if event_filter.matches(event)
    ]
    only = {event.id: [target_id] for event in missing}
    return again + enqueue(session, missing, now, only=only)


def _is_idle(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a delivery is not being sent just now."""
    return or_(queue.is_free(now), queue.state != "pending")


def _send_again(session: Session, condition: ColumnElement[bool], now: datetime) -> int:
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


def remove_target(session: Session, target_id: str) -> None:
    """Delete a target with all its deliveries. Events stay."""
    deliveries = select(queue.delivery_id).where(queue.target_id == target_id)
    for statement in (
        delete(AttemptRow).where(col(AttemptRow.delivery_id).in_(deliveries)),
        delete(DeliveryRow).where(queue.target_id == target_id),
        delete(ThreadRow).where(col(ThreadRow.subscription_id) == target_id),
        delete(AcknowledgementRow).where(col(AcknowledgementRow.subscription_id) == target_id),
        delete(SubscriptionRow).where(col(SubscriptionRow.id) == target_id),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
