"""Record what became of attempts: delivered, tried again later, dead, or the target stopped.

Every function works in the caller's transaction and changes the target before its deliveries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from monitor.delivery import queue, retry_schedule, target_health
from monitor.delivery.operator_notices import notify_operators
from monitor.delivery.queue import Attempt, PendingDelivery
from monitor.delivery.slack import pausing
from monitor.errors import DeliveryFailed
from monitor.store.tables import AttemptRow, DeliveryRow
from monitor.subscriptions import timing

_ATTEMPTS: Any = AttemptRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """One attempt at one message: its deliveries, its record, and the failure if it failed."""

    deliveries: Sequence[PendingDelivery]
    attempt: Attempt
    failure: DeliveryFailed | None = None


def record(
    session: Session,
    results: Sequence[AttemptResult],
    owner: str,
    now: datetime,
    random: Callable[[], float],
) -> None:
    """Record many attempts together, each by the effect of its failure (errors.DeliveryFailed)."""
    lock(session, {result.deliveries[0].target.id for result in results})
    arrived = [
        (delivery, result.attempt)
        for result in results
        if result.failure is None
        for delivery in result.deliveries
    ]
    if arrived:
        acknowledge(session, arrived, now)
    for result in results:
        deliveries, attempt, failure = result.deliveries, result.attempt, result.failure
        if failure is None:
            continue
        match failure.effect:
            case "retry":
                wait = failure.retry_after
                retry_later(session, deliveries, attempt, owner, now, random, wait)
            case "stop_target":
                refuse(session, deliveries, attempt, now)
            case "stop_workspace":
                refuse(session, deliveries, attempt, now)
                workspace = deliveries[0].target.address.rpartition("/")[0]
                pausing.pause_workspace(session, workspace, attempt.error, now)
            case "bury":
                bury(session, deliveries, attempt, now)
            case "postpone":
                postpone(session, deliveries, attempt, owner, now)


def lock(session: Session, target_ids: Collection[str]) -> None:
    """Lock targets, always in the same order, so that two workers never wait for each other.

    Call it before changing the deliveries of more than one target. New deliveries can be added
    meanwhile."""
    sqlite = queue.is_sqlite(session)
    parameters = {"targets": queue.as_parameter(target_ids, sqlite)}
    session.connection().execute(_lock_statement(sqlite), parameters)


@cache
def _lock_statement(sqlite: bool) -> Select[str]:
    targets = queue.TARGETS.c.id
    rows: Select[str] = (
        select(targets).where(queue.among(targets, "targets", sqlite)).order_by(targets)
    )
    return rows.with_for_update(key_share=True)


def acknowledge(
    session: Session, arrived: Sequence[tuple[PendingDelivery, Attempt]], now: datetime
) -> None:
    """Mark deliveries as delivered, even if the lease was lost or the delivery was held or
    cancelled meanwhile.
    """
    deliveries = [delivery for delivery, _ in arrived]
    targets = {delivery.target.id: delivery.target for delivery in deliveries}
    sqlite = queue.is_sqlite(session)
    recovering, set_healthy, set_delivered = _acknowledge_statements(sqlite)
    parameters = {"targets": queue.as_parameter(targets, sqlite)}
    connection = session.connection()
    recovered = connection.execute(recovering, parameters).scalars().all()
    connection.execute(set_healthy, parameters | {"now": now})
    _record(session, arrived)
    ids = queue.as_parameter([delivery.delivery_id for delivery in deliveries], sqlite)
    connection.execute(set_delivered, {"ids": ids, "now": now})
    for target_id in recovered:
        notify_operators(
            session,
            targets[target_id],
            "endpoint.recovered",
            "notice",
            "takes deliveries again",
            now,
        )


@cache
def _acknowledge_statements(sqlite: bool) -> tuple[Select[str], Update, Update]:
    """Return the query for the targets that recover by this, and the updates of targets and
    deliveries. They are made once, for any number of rows.
    """
    targets, deliveries = queue.TARGETS, queue.DELIVERIES
    these = queue.among(targets.c.id, "targets", sqlite)
    now: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
    was_reported = or_(
        targets.c.failures >= target_health.REPORT_AFTER, targets.c.probe_at.is_not(None)
    )
    healthy = {"last_delivered_at": now, "failing_since": None, "failures": 0, "probe_at": None}
    delivered = {"state": "delivered", "delivered_at": now, "error": "", **queue.NO_LEASE}
    return (
        select(targets.c.id).where(these, was_reported),
        update(targets).where(these).values(**healthy),
        update(deliveries).where(queue.among(deliveries.c.id, "ids", sqlite)).values(**delivered),
    )


def retry_later(
    session: Session,
    deliveries: Sequence[PendingDelivery],
    attempt: Attempt,
    owner: str,
    now: datetime,
    random: Callable[[], float],
    retry_after: float | None = None,
) -> None:
    """Schedule the next attempt of deliveries that failed, or mark them dead after the last one.

    ``retry_after`` (seconds) keeps every delivery from the target for so long, and the health of
    the target may do the same, or stop it (target_health). Operators hear of each once."""
    target = deliveries[0].target
    health = target_health.read_health(session, target.id).after_failure(now)
    _record(session, [(delivery, attempt) for delivery in deliveries])
    quiet_until = None if retry_after is None else retry_schedule.quiet_until(retry_after, now)
    target_health.record_failure(session, target.id, health, quiet_until, now, random)
    exhausted = [delivery for delivery in deliveries if retry_schedule.is_last(delivery.number)]
    is_first_dead = bool(exhausted) and not _has_dead_since(
        session, target.id, health.failing_since or now
    )
    for delivery in deliveries:
        later: dict[str, Any] = {"state": "dead"}
        if not retry_schedule.is_last(delivery.number):
            due = retry_schedule.next_attempt(delivery.number, now, random)
            due = max(due, quiet_until or now)
            later = {"next_at": timing.allowed(delivery.target, delivery.event.severity, due)}
        _set_if_leased(session, delivery, owner, error=attempt.error, **later)
    if health.is_given_up(now):
        days = (now - (health.failing_since or now)).days
        reason = f"only failures for {days} days, the last: {attempt.error}"
        target_health.stop(session, target, reason, now)
        return
    if health.is_newly_failing:
        text = (
            f"{health.failures} tries in a row failed, "
            f"the last with {deliveries[0].event.kind}: {attempt.error}"
        )
        notify_operators(session, target, "endpoint.failing", "action", text, now)
    if is_first_dead:
        text = (
            f"{len(retry_schedule.SCHEDULE)} tries are exhausted and delivery "
            f"{exhausted[0].delivery_id} ({exhausted[0].event.kind}) is dead: {attempt.error}"
        )
        notify_operators(session, target, "endpoint.failing", "critical", text, now)


def _has_dead_since(session: Session, target_id: str, since: datetime) -> bool:
    """Return whether a delivery died in this run of failures already: operators hear of one."""
    dead = and_(queue.target_id == target_id, queue.state == "dead", queue.next_at >= since)
    return session.scalar(select(queue.delivery_id).where(dead).limit(1)) is not None


def postpone(
    session: Session,
    deliveries: Sequence[PendingDelivery],
    attempt: Attempt,
    owner: str,
    now: datetime,
) -> None:
    """Try deliveries again soon that could not be sent, by no fault of the target.

    The attempt does not count. The same fault may last for days: only its last record is kept."""
    for delivery in deliveries:
        is_same = and_(
            _ATTEMPTS.c.delivery_id == delivery.delivery_id,
            _ATTEMPTS.c.number == delivery.number,
            _ATTEMPTS.c.error == attempt.error,
        )
        session.connection().execute(delete(_ATTEMPTS).where(is_same))
    _record(session, [(delivery, attempt) for delivery in deliveries])
    for delivery in deliveries:
        _set_if_leased(
            session,
            delivery,
            owner,
            error=attempt.error,
            next_at=now + retry_schedule.POSTPONED,
            attempts=col(DeliveryRow.attempts) - 1,
        )


def refuse(
    session: Session, deliveries: Sequence[PendingDelivery], attempt: Attempt, now: datetime
) -> None:
    """Stop a target that cannot be delivered to, and hold all its deliveries."""
    _record(session, [(delivery, attempt) for delivery in deliveries])
    target_health.stop(session, deliveries[0].target, attempt.error, now)


def bury(
    session: Session, deliveries: Sequence[PendingDelivery], attempt: Attempt, now: datetime
) -> None:
    """Mark deliveries dead whose message is refused for good. Operators hear of it."""
    _record(session, [(delivery, attempt) for delivery in deliveries])
    session.execute(
        queue.setting(
            queue.update_of(deliveries), state="dead", error=attempt.error, **queue.NO_LEASE
        )
    )
    text = (
        f"delivery {deliveries[0].delivery_id} ({deliveries[0].event.kind}) is dead, "
        f"the message is refused: {attempt.error}"
    )
    notify_operators(session, deliveries[0].target, "endpoint.failing", "action", text, now)


def _set_if_leased(session: Session, delivery: PendingDelivery, owner: str, **columns: Any) -> None:
    """Set columns of a delivery and free it.

    It stays as it is if it was held or cancelled meanwhile, or if the lease ran out and another
    worker has it."""
    leased = queue.update_of([delivery]).where(
        queue.state == "pending", col(DeliveryRow.lease_owner) == owner
    )
    session.execute(queue.setting(leased, **columns, **queue.NO_LEASE))


def _record(session: Session, attempts: Sequence[tuple[PendingDelivery, Attempt]]) -> None:
    rows = [
        {
            "delivery_id": delivery.delivery_id,
            "number": delivery.number,
            "at": attempt.at,
            "ms": attempt.ms,
            "status": attempt.status,
            "error": attempt.error,
            "answer": attempt.answer,
        }
        for delivery, attempt in attempts
    ]
    queue.insert_rows(session, _ATTEMPTS, rows)
