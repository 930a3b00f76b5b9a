"""The outbox: events become pending deliveries in the transaction that writes the events.

    pending --claim--> pending, leased --acknowledge--> delivered
       ^                     |--retry_later--> pending at a later time, or dead after the last
       |                     |                 attempt
       |                     '--hold--> held (with everything pending for that target)
       '--resume, replay-- held, dead, delivered, cancelled     cancel: pending, held -> cancelled

``claim`` leases deliveries, ``attempt_results`` records what became of them, ``target_health``
holds and resumes, ``admin`` lists, replays and cancels. Every function works in the caller's
transaction and changes the target before its deliveries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, and_, case, cast, or_, select, update
from sqlmodel import Session, col

from monitor.delivery import queue
from monitor.delivery.retry_schedule import LONGEST_QUIET, latest_attempt
from monitor.store.db import SKEW
from monitor.store.tables import DeliveryRow, EventRow, SubscriptionRow
from monitor.subscriptions import timing
from monitor.subscriptions.filters import COLUMNS, Audience, EventFilter, is_operators

_TIMES = ("digest", "quiet_from", "quiet_to", "timezone", "muted_until")
#: The target columns that enqueue needs, as plain rows: the ORM takes ten times as long to make a
#: thousand of them.
_TARGETS: Any = select(
    *(cast(queue.TARGETS.c[name], Text) for name in COLUMNS[:3]),
    *(queue.TARGETS.c[name] for name in (*COLUMNS[3:], "id", "state", *_TIMES)),
)
#: The columns that say when and how a target gets its messages, and not which.
_MANNER = frozenset({"digest", "quiet_from", "quiet_to", "timezone", "threads"})


def enqueue(
    session: Session,
    events: Sequence[EventRow],
    now: datetime,
    only: Mapping[str, Collection[str]] | None = None,
) -> int:
    """Add a delivery of each event to every target that wants it. Return how many were added.

    Call it in the transaction that writes the events. ``only`` names the targets by the id of the
    event instead: a reminder goes to the targets that want that day."""
    if not events:
        return 0
    query = _TARGETS
    if all(is_operators(event) for event in events):
        query = query.where(queue.TARGETS.c.operator)  # only operators hear of failing targets
    targets: Sequence[Any] = session.connection().execute(query).all()
    if only is None:
        audience = Audience(
            [EventFilter.from_columns(tuple(target[: len(COLUMNS)])) for target in targets]
        )
        recipients = {
            event.id: [targets[place] for place in audience.of(event)] for event in events
        }
    else:
        recipients = {
            event.id: [target for target in targets if target.id in only.get(event.id, ())]
            for event in events
        }
    rows = [
        {
            "event_id": event.id,
            "subscription_id": target.id,
            "state": "pending" if target.state == "enabled" else "held",
            "created_at": now,
            "next_at": timing.when(target, event.severity, now),
        }
        for event in events
        for target in recipients[event.id]
        if event.source_id != endpoint_source(target.id)  # no target hears of its own failures
    ]
    if rows:
        queue.insert_rows(session, queue.DELIVERIES, rows)
    return len(rows)


def endpoint_source(target_id: str) -> str:
    """Return the source id of the events about a target."""
    return f"lastcall.{target_id}"


def change_options(
    session: Session, target: SubscriptionRow, columns: Mapping[str, Any], now: datetime
) -> None:
    """Set options of a target by its columns, and reschedule its deliveries that were not tried."""
    for name, value in columns.items():
        setattr(target, name, value)
    if columns.keys() - _MANNER:
        target.asked_at = now
    session.add(target)
    session.flush()
    reschedule(session, target, now)


def reschedule(session: Session, target: SubscriptionRow, now: datetime) -> None:
    """Set when the pending deliveries of a target are due, after a change of digest, quiet hours or
    mute.

    A delivery that was tried keeps its next attempt, unless quiet hours or a mute move it."""
    critical = select(col(EventRow.id)).where(col(EventRow.severity) == "critical")
    is_critical = col(DeliveryRow.event_id).in_(critical)
    is_new = col(DeliveryRow.attempts) == 0
    pending = and_(queue.target_id == target.id, queue.is_pending)
    later = timing.allowed(target, "", now)
    queue.change(session, and_(pending, is_new, is_critical), next_at=now)
    queue.change(session, and_(pending, is_new, ~is_critical), next_at=timing.when(target, "", now))
    queue.change(
        session, and_(pending, ~is_new, ~is_critical, queue.next_at < later), next_at=later
    )


def clamp(session: Session, now: datetime) -> int:
    """Make due what a clock that was ahead has scheduled. Return how many deliveries that is.

    Leases need nothing: one from the future does not count (queue.is_free). A receiver is left
    alone for no longer than it may ask for."""
    far = now + LONGEST_QUIET + SKEW
    quiet = update(SubscriptionRow).where(col(SubscriptionRow.quiet_until) > far)
    session.execute(queue.setting(quiet, quiet_until=None))
    is_from_the_future = or_(
        col(DeliveryRow.created_at) > now + SKEW,
        and_(col(DeliveryRow.attempts) > 0, queue.next_at > latest_attempt(now) + SKEW),
    )
    created = case((col(DeliveryRow.created_at) > now, now), else_=col(DeliveryRow.created_at))
    return queue.change(
        session,
        and_(queue.is_pending, queue.next_at > now, is_from_the_future),
        next_at=now,
        created_at=created,
    )
