"""What the buttons under a retirement do: acknowledge, snooze, history."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, select

from monitor.delivery.event_subject import subject
from monitor.delivery.message_context import context_of, retirement_date
from monitor.delivery.slack import card as cards
from monitor.delivery.slack.blocks import Message
from monitor.delivery.slack.mrkdwn import fit
from monitor.errors import NotFound
from monitor.slack_app.commands import Answer, Place, answered, subscription
from monitor.store import event_log, model_lookup
from monitor.store.tables import AcknowledgementRow, EventRow, SubscriptionRow, ThreadRow

SNOOZED = timedelta(days=7)
#: Events in a history.
EVENTS = 10


def hear(
    session: Session, place: Place, event_id: str, now: datetime, until: datetime | None
) -> ThreadRow | None:
    """The channel has heard enough: no reminders until the date changes, or ``until``. The message,
    if one is there.

    What is acknowledged is the date that the message shows.
    """
    event, row = _event(session, event_id), _subscription(session, place)
    where = (
        AcknowledgementRow.subscription_id == row.id,
        AcknowledgementRow.subject == subject(event),
    )
    heard = session.scalars(select(AcknowledgementRow).where(*where)).first() or AcknowledgementRow(
        subscription_id=row.id, subject=subject(event), retires="", at=now
    )
    heard.retires, heard.by, heard.at, heard.until = retirement_date(event), place.user, now, until
    session.add(heard)
    thread = (ThreadRow.subscription_id == row.id, ThreadRow.subject == subject(event))
    return session.scalars(select(ThreadRow).where(*thread)).first()


def card(session: Session, place: Place, event_id: str, now: datetime) -> Message:
    """The message as it is to be shown now."""
    event, row = _event(session, event_id), _subscription(session, place)
    return cards.card([event], now, context_of(session, event, row.id, now), buttons=True)


def history(session: Session, event_id: str) -> Answer:
    """What the log holds about the model of an event, newest first."""
    event = _event(session, event_id)
    events = event_log.about(
        session, [event.folded, *model_lookup.names(f"{event.provider}/{event.model}")], EVENTS
    )
    lines = [f"• {one['detected_at'][:10]}: {fit(one['summary'], 300)}" for one in events]
    return answered(f"*History of {fit(event.model, 200)}*", *lines)


def _event(session: Session, event_id: str) -> EventRow:
    event = event_log.event(session, event_id)
    if event is None:
        raise NotFound("That event is not in the log any more.")
    return event


def _subscription(session: Session, place: Place) -> SubscriptionRow:
    row = subscription(session, place)
    if row is None:
        raise NotFound("This channel is not subscribed any more.")
    return row
