"""Slack channels that cannot be posted to: paused with all they are owed, tried again now and then,
never deleted.

A channel is tried once a day (outbox.PROBE), one whose whole workspace refuses its token once an
hour, and at once when Slack or a person says that something changed. What was held then goes out as
one message. Whoever operates Lastcall is told of the first failure and not of those of later tries:
``probe_at`` stays until something arrived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, not_, or_, update
from sqlmodel import Session, col, select

from monitor.delivery import outbox, queue
from monitor.delivery.queue import PendingDelivery
from monitor.store.tables import DeliveryRow, EventRow, SubscriptionRow

#: When a channel of a workspace that refuses its token is tried again by itself (delivery reference
#: 2.2).
WORKSPACE = timedelta(hours=1)
#: Events in one message at most; it tells as many as have room, and counts the rest.
PER_MESSAGE = 1000

_address = col(SubscriptionRow.address)


def pause_workspace(session: Session, workspace: str, reason: str, now: datetime) -> None:
    """Hold all channels of a workspace; those that are held already are tried again as soon as the
    others.
    """
    rows = session.scalars(
        select(SubscriptionRow).where(_of(workspace), SubscriptionRow.state != "disabled")
    ).all()
    for row in rows:
        outbox.hold(session, row.id, "paused", reason)
    _probe_at(session, col(SubscriptionRow.id).in_([row.id for row in rows]), now + WORKSPACE)


def probe(session: Session, now: datetime) -> int:
    """Try the paused targets, of any type, whose time has come; returns how many."""
    due = and_(col(SubscriptionRow.state) == "paused", col(SubscriptionRow.probe_at) <= now)
    rows = session.scalars(select(SubscriptionRow).where(due)).all()
    return _try(session, rows, now)


def changed(session: Session, workspace: str, channel: str | None, now: datetime) -> int:
    """Slack says that a channel, or a whole workspace, may be posted to again: try what is paused;
    returns how many.
    """
    of_it = _of(workspace) if channel is None else these(workspace, channel)
    rows = session.scalars(
        select(SubscriptionRow).where(of_it, SubscriptionRow.state == "paused")
    ).all()
    return _try(session, rows, now)


def together(
    session: Session, owner: str, now: datetime, owed: Sequence[PendingDelivery]
) -> list[PendingDelivery]:
    """What was claimed, and what else is due in the same channels: it goes into the same message,
    however many.
    """
    channels = {one.target.id: one.target for one in owed if one.target.type == "slack"}
    if not channels:
        return list(owed)
    free = or_(col(DeliveryRow.lease_until).is_(None), col(DeliveryRow.lease_until) <= now)
    due = and_(col(DeliveryRow.state) == "pending", col(DeliveryRow.next_at) <= now, free)
    more = (
        select(col(DeliveryRow.id))
        .where(col(DeliveryRow.subscription_id).in_(channels), due)
        .order_by(col(DeliveryRow.id))
        .limit(PER_MESSAGE)
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.id).in_(session.scalars(more).all()))
        .values(
            lease_owner=owner,
            lease_until=now + queue.LEASE,
            attempts=col(DeliveryRow.attempts) + 1,
        )
        .returning(
            col(DeliveryRow.id),
            col(DeliveryRow.attempts),
            col(DeliveryRow.event_id),
            col(DeliveryRow.subscription_id),
        )
        .execution_options(synchronize_session=False)
    ).all()
    wanted = {line.event_id for line in taken}
    events = {
        row.id: row for row in session.scalars(select(EventRow).where(col(EventRow.id).in_(wanted)))
    }
    rest = [
        PendingDelivery(
            line.id, line.attempts, events[line.event_id], channels[line.subscription_id]
        )
        for line in taken
    ]
    return sorted([*owed, *rest], key=lambda one: one.event.sequence or 0)


def these(workspace: str, channel: str, name: str = "") -> ColumnElement[bool]:
    """The subscription of a channel, by its id, or by its name where it was made on the command
    line.
    """
    addresses = [channel, f"#{name}"] if name else [channel]
    if workspace:
        addresses = [f"{workspace}/{address}" for address in addresses]
    return and_(col(SubscriptionRow.type) == "slack", _address.in_(addresses))


def moved(session: Session, workspace: str, channel: str, to: str) -> None:
    """A channel has another id now."""
    row = session.scalars(select(SubscriptionRow).where(these(workspace, channel))).first()
    if row:
        row.address = f"{workspace}/{to}" if workspace else to
        session.add(row)


def _of(workspace: str) -> ColumnElement[bool]:
    """The channels of a workspace; those of the token of the setting have none in their address."""
    channel = and_(col(SubscriptionRow.type) == "slack", not_(_address.contains("://")))
    if workspace:
        return and_(channel, _address.startswith(f"{workspace}/", autoescape=True))
    return and_(channel, not_(_address.contains("/")))


def _try(session: Session, rows: Sequence[SubscriptionRow], now: datetime) -> int:
    for row in rows:
        outbox.resume(session, row.id, now)
    _probe_at(session, col(SubscriptionRow.id).in_([row.id for row in rows]), now)
    return len(rows)


def _probe_at(session: Session, which: ColumnElement[bool], at: datetime) -> None:
    changed = update(SubscriptionRow).where(which).values(probe_at=at)
    session.execute(changed.execution_options(synchronize_session=False))
