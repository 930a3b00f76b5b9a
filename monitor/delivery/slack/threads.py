"""Remember where the message of each retirement stands in a channel, so that later changes update
it and go to its thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from monitor.delivery.queue import setting
from monitor.store.tables import SubscriptionRow, ThreadRow

#: Slack takes one message a second in a channel. More than MANY in a MINUTE are noise: the rest
#: waits, and is one message.
SECOND, MINUTE, MANY = timedelta(seconds=1), timedelta(seconds=60), 10


def find_threads(session: Session, target_id: str) -> Sequence[ThreadRow]:
    """Return the messages of retirements in a channel."""
    return session.scalars(select(ThreadRow).where(ThreadRow.subscription_id == target_id)).all()


def save_threads(
    session: Session,
    target_id: str,
    event_id: str,
    posted: Mapping[str, tuple[str, str]],
    now: datetime,
) -> None:
    """Store channel and timestamp of posted messages, by subject. ``event_id`` is the last event
    that they show.
    """
    for subject, (channel, ts) in posted.items():
        where = (ThreadRow.subscription_id == target_id, ThreadRow.subject == subject)
        row = session.scalars(select(ThreadRow).where(*where)).first() or ThreadRow(
            subscription_id=target_id,
            subject=subject,
            event_id="",
            channel="",
            ts="",
            posted_at=now,
        )
        if row.ts != ts:
            row.channel, row.ts, row.posted_at = channel, ts, now
        row.event_id = event_id
        session.add(row)


def rest_channel(session: Session, target_id: str, until: datetime) -> None:
    """Send nothing to a channel until a time."""
    target = update(SubscriptionRow).where(col(SubscriptionRow.id) == target_id)
    session.execute(setting(target, quiet_until=until))


class Pace:
    """The times of the last messages to each channel, as far as this process sent them."""

    def __init__(self) -> None:
        self._sent: dict[str, deque[datetime]] = {}

    def rest_after(self, target_id: str, now: datetime) -> datetime:
        """Count a message to a channel. Return until when the channel rests."""
        sent = self._sent.setdefault(target_id, deque(maxlen=MANY))
        sent.append(now)
        return rest_until(sent, now)


def rest_until(sent: Sequence[datetime], now: datetime) -> datetime:
    """Return until when a channel rests after its last messages: a second, or a minute after the
    first of many.
    """
    if len(sent) == MANY and now - sent[0] < MINUTE:
        return sent[0] + MINUTE
    return now + SECOND
