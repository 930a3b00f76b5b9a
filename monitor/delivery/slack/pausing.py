"""Pause Slack channels that cannot be posted to, and try them again; never delete them.

A paused channel keeps its deliveries. It is tried once a day (target_health.PROBE_PAUSED_AFTER),
once an hour where its whole workspace refuses the token, and at once when Slack or a person says
that something changed. What was held then goes out as one message. Operators are alerted at the
first failure only."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, not_
from sqlmodel import Session, col, select

from monitor.delivery import target_health
from monitor.store.tables import SubscriptionRow

#: When the channels of a workspace that refuses its token are tried again (delivery reference 2.2).
PROBE_WORKSPACE_AFTER = timedelta(hours=1)

_address = col(SubscriptionRow.address)


def pause_workspace(session: Session, workspace: str, reason: str, now: datetime) -> None:
    """Hold all channels of a workspace. Those that are held already are tried again with them."""
    channels = session.scalars(
        select(SubscriptionRow).where(_is_of(workspace), SubscriptionRow.state != "disabled")
    ).all()
    for channel in channels:
        target_health.hold(session, channel.id, "paused", reason)
    target_health.set_probe(
        session,
        col(SubscriptionRow.id).in_([channel.id for channel in channels]),
        now + PROBE_WORKSPACE_AFTER,
    )


def try_paused(session: Session, workspace: str, channel: str | None, now: datetime) -> int:
    """Try the paused channel, or all of a workspace, after Slack said that something changed.

    Return how many are tried."""
    which = _is_of(workspace) if channel is None else is_channel(workspace, channel)
    paused = session.scalars(
        select(SubscriptionRow).where(which, SubscriptionRow.state == "paused")
    ).all()
    return target_health.try_again(session, paused, now)


def is_channel(workspace: str, channel: str, name: str = "") -> ColumnElement[bool]:
    """Return the condition that a subscription is that of a channel.

    Its address is the channel's id, or its name where it was made on the command line."""
    addresses = [channel, f"#{name}"] if name else [channel]
    if workspace:
        addresses = [f"{workspace}/{address}" for address in addresses]
    return and_(col(SubscriptionRow.type) == "slack", _address.in_(addresses))


def rename(session: Session, workspace: str, channel: str, new_id: str) -> None:
    """Follow a channel to its new id."""
    row = session.scalars(select(SubscriptionRow).where(is_channel(workspace, channel))).first()
    if row:
        row.address = f"{workspace}/{new_id}" if workspace else new_id
        session.add(row)


def _is_of(workspace: str) -> ColumnElement[bool]:
    """Return the condition that a subscription is a channel of a workspace.

    The channels of the token in the settings have no workspace in their address."""
    channel = and_(col(SubscriptionRow.type) == "slack", not_(_address.contains("://")))
    if workspace:
        return and_(channel, _address.startswith(f"{workspace}/", autoescape=True))
    return and_(channel, not_(_address.contains("/")))
