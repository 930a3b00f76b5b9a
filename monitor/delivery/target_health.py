"""The health of a target: when operators hear that it fails, when it is left alone, and when it is
disabled.

    4 failures in a row       operators get endpoint.failing, and later endpoint.recovered
    10 failures in a row,     the circuit is open: one attempt at a time, and before each a pause of
      over 5 minutes          a tenth of the time that the target has been failing, up to an hour
    5 days of failures only   it is stopped (endpoint.disabled), and its deliveries are held

One delivery that arrives ends all of it. A webhook that is stopped is disabled until somebody
enables it; any other target is paused, and tried again once a day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, select, update
from sqlmodel import Session, col

from monitor.delivery import queue
from monitor.delivery.operator_notices import notify_operators
from monitor.delivery.outbox import reschedule
from monitor.delivery.retry_schedule import jittered
from monitor.store.tables import SubscriptionRow, SubscriptionState

#: Failed attempts in a row, as Svix has it (OP_WEBHOOKS_SEND_FAILING_EVENT_AFTER).
REPORT_AFTER = 4
#: Both, so that a receiver that refuses a burst of messages still gets those behind it.
OPEN_AFTER, OPEN_FROM = 10, timedelta(minutes=5)
#: The pause, as a share of the time of failing. It is shorter than any wait of the retry schedule.
PAUSE_SHARE, LONGEST_PAUSE = 0.1, timedelta(hours=1)
#: Standard Webhooks asks for days; Svix has 120 hours, and wants two failures.
GIVEN_UP_AFTER, GIVEN_UP_FAILURES = timedelta(days=5), 2
#: A target that is paused is tried again after this time (delivery reference 2.2).
PROBE_PAUSED_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """The failures in a row and since when; neither for a healthy target. Pure."""

    failures: int = 0
    failing_since: datetime | None = None

    def after_failure(self, now: datetime) -> TargetHealth:
        """Return the health after one more failure."""
        return TargetHealth(self.failures + 1, self.failing_since or now)

    @property
    def is_newly_failing(self) -> bool:
        """Return whether the last failure is the one that operators hear of."""
        return self.failures == REPORT_AFTER

    def pause(self, now: datetime) -> timedelta | None:
        """Return how long nothing is sent, without jitter; None while the circuit is closed."""
        failing = now - (self.failing_since or now)
        if self.failures < OPEN_AFTER or failing < OPEN_FROM:
            return None
        return min(failing * PAUSE_SHARE, LONGEST_PAUSE)

    def is_given_up(self, now: datetime) -> bool:
        """Return whether the target has failed for so long that it is stopped."""
        failing = now - (self.failing_since or now)
        return self.failures >= GIVEN_UP_FAILURES and failing >= GIVEN_UP_AFTER


def read_health(session: Session, target_id: str) -> TargetHealth:
    """Return the health of a target; that of a healthy one if it was removed meanwhile."""
    query = select(col(SubscriptionRow.failures), col(SubscriptionRow.failing_since))
    row = session.execute(query.where(col(SubscriptionRow.id) == target_id)).one_or_none()
    return TargetHealth(row.failures, row.failing_since) if row else TargetHealth()


def record_failure(
    session: Session,
    target_id: str,
    health: TargetHealth,
    quiet_until: datetime | None,
    now: datetime,
    random: Callable[[], float],
) -> None:
    """Store the health of a target after a failure, and until when nothing is sent to it.

    ``quiet_until`` is what the target asked for. Another attempt may have set a later end."""
    columns: dict[str, Any] = {"failures": health.failures, "failing_since": health.failing_since}
    if pause := health.pause(now):
        quiet_until = max(quiet_until or now, now + jittered(pause, random))
    if quiet_until is not None:
        before = col(SubscriptionRow.quiet_until)
        columns["quiet_until"] = case((before > quiet_until, before), else_=quiet_until)
    set_target(session, target_id, **columns)


def stop(session: Session, target: SubscriptionRow, reason: str, now: datetime) -> None:
    """Disable a webhook, or pause any other target, with all its deliveries.

    Operators hear of it if the target was enabled, but not of a paused one that was tried again."""
    state: SubscriptionState = "disabled" if target.type == "webhook" else "paused"
    is_first = and_(
        col(SubscriptionRow.id) == target.id,
        col(SubscriptionRow.state) == "enabled",
        col(SubscriptionRow.probe_at).is_(None),
    )
    is_news = session.scalar(select(col(SubscriptionRow.id)).where(is_first))
    count = hold(session, target.id, state, reason)
    if state == "paused":
        set_target(session, target.id, probe_at=now + PROBE_PAUSED_AFTER)
    if is_news:
        text = f"{state}, {count} deliveries are held: {reason}"
        notify_operators(session, target, "endpoint.disabled", "critical", text, now)


def hold(session: Session, target_id: str, state: SubscriptionState, reason: str) -> int:
    """Pause or disable a target and keep its deliveries. Return how many are held by this."""
    set_target(session, target_id, state=state, reason=reason)
    pending = and_(queue.target_id == target_id, queue.state == "pending")
    return queue.change(session, pending, state="held", error=reason, **queue.NO_LEASE)


def resume(session: Session, target_id: str, now: datetime) -> int:
    """Enable a target again. What was held is due, with all its attempts; return how many."""
    set_target(
        session,
        target_id,
        state="enabled",
        reason="",
        quiet_until=None,
        failing_since=None,
        failures=0,
        probe_at=None,
    )
    on_hold = and_(queue.target_id == target_id, queue.state == "held")
    due = queue.change(
        session, on_hold, state="pending", attempts=0, next_at=now, error="", **queue.NO_LEASE
    )
    target = select(SubscriptionRow).where(col(SubscriptionRow.id) == target_id)
    target = target.execution_options(populate_existing=True)
    reschedule(session, session.scalars(target).one(), now)
    return due


def probe_paused(session: Session, now: datetime) -> int:
    """Try the paused targets whose time has come. Return how many those are."""
    due = and_(col(SubscriptionRow.state) == "paused", col(SubscriptionRow.probe_at) <= now)
    return try_again(session, session.scalars(select(SubscriptionRow).where(due)).all(), now)


def try_again(session: Session, targets: Sequence[SubscriptionRow], now: datetime) -> int:
    """Resume paused targets for now; return how many. ``probe_at`` stays until something arrives:
    operators hear of the first failure, and not of those of later tries.
    """
    for target in targets:
        resume(session, target.id, now)
    set_probe(session, col(SubscriptionRow.id).in_([target.id for target in targets]), now)
    return len(targets)


def set_probe(session: Session, which: ColumnElement[bool], at: datetime) -> None:
    """Set when paused targets are tried again."""
    session.execute(queue.setting(update(SubscriptionRow).where(which), probe_at=at))


def set_target(session: Session, target_id: str, **columns: Any) -> None:
    """Set columns of a target, past the session's objects."""
    target = update(SubscriptionRow).where(col(SubscriptionRow.id) == target_id)
    session.execute(queue.setting(target, **columns))
