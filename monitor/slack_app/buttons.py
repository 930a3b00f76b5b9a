"""Carry out the buttons under a retirement: acknowledge, snooze, history."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, select

from monitor.core.names import stored_names
from monitor.delivery.event_subject import subject
from monitor.delivery.message_context import context_of, retirement_date
from monitor.delivery.slack import card as cards
from monitor.delivery.slack.blocks import Message
from monitor.delivery.slack.mrkdwn import fit
from monitor.errors import NotFound
from monitor.slack_app.commands import Place, Reply, find_subscription, reply
from monitor.store import event_log
from monitor.store.tables import AcknowledgementRow, EventRow, SubscriptionRow, ThreadRow

SNOOZE = timedelta(days=7)
#: Events in a history.
EVENTS = 10


def acknowledge(
    session: Session, place: Place, event_id: str, now: datetime, until: datetime | None
) -> ThreadRow | None:
    """Mute the reminders of a retirement in a channel: until its date changes, or ``until`` a time.

    The date is the one that the message shows. Return where that message stands, if it is known."""
    event, row = _event(session, event_id), _subscription(session, place)
    where = (
        AcknowledgementRow.subscription_id == row.id,
        AcknowledgementRow.subject == subject(event),
    )
    acknowledgement = session.scalars(select(AcknowledgementRow).where(*where)).first()
    if acknowledgement is None:
        acknowledgement = AcknowledgementRow(
            subscription_id=row.id, subject=subject(event), retires="", at=now
        )
    acknowledgement.retires, acknowledgement.by = retirement_date(event), place.user
    acknowledgement.at, acknowledgement.until = now, until
    session.add(acknowledgement)
    thread = (ThreadRow.subscription_id == row.id, ThreadRow.subject == subject(event))
    return session.scalars(select(ThreadRow).where(*thread)).first()


def card(session: Session, place: Place, event_id: str, now: datetime) -> Message:
    """Return the message about a retirement as it is now."""
    event, row = _event(session, event_id), _subscription(session, place)
    return cards.card([event], now, context_of(session, event, row.id, now), buttons=True)


def history(session: Session, event_id: str) -> Reply:
    """Return the events about the model of an event, newest first."""
    event = _event(session, event_id)
    names = [event.folded, *stored_names(f"{event.provider}/{event.model}")]
    lines = [
        f"• {other['detected_at'][:10]}: {fit(other['summary'], 300)}"
        for other in event_log.about(session, names, EVENTS)
    ]
    return reply(f"*History of {fit(event.model, 200)}*", *lines)


def _event(session: Session, event_id: str) -> EventRow:
    event = event_log.event(session, event_id)
    if event is None:
        raise NotFound("That event is not in the log any more.")
    return event


def _subscription(session: Session, place: Place) -> SubscriptionRow:
    row = find_subscription(session, place)
    if row is None:
        raise NotFound("This channel is not subscribed any more.")
    return row
