"""The outbox: what is owed to whom, and what became of each try.

    pending --claim--> pending, leased --acknowledge--> delivered
       ^                     |--retry_later--> pending at a later time, or dead when the tries are
       spent
       |                     '--hold--> held (with everything else owed to that target) '--resume,
       replay-- held, dead, delivered, cancelled            cancel: pending, held --> cancelled

Claims are in leases.py, replay, cancel and all that only looks in operate.py. Every function works
in the caller's transaction and changes the target before its deliveries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    case,
    cast,
    delete,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from monitor.core.interpret import Draft
from monitor.core.severity import Severity
from monitor.delivery import queue, target_health
from monitor.delivery.queue import Owed, Try
from monitor.delivery.target_health import Standing
from monitor.store.db import SKEW
from monitor.store.event_log import append
from monitor.store.tables import (
    AttemptRow,
    DeliveryRow,
    EventRow,
    SubscriptionRow,
    SubscriptionState,
)
from monitor.subscriptions import timing
from monitor.subscriptions.filters import Audience, Wanted, is_operators

#: The waits before each try, after the one before: the example of Standard Webhooks, 75.6 hours in
#: all.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: Waits vary by this share, so that what failed together does not come back together.
JITTER = 0.2
#: A receiver may ask to be left alone for at most this long.
LONGEST_QUIET = timedelta(hours=24)
#: After a fault on this side everything is tried again this much later.
POSTPONED = timedelta(seconds=30)
#: A target that is paused is tried again by itself after this time (delivery reference 2.2).
PROBE = timedelta(hours=24)

_failures = col(SubscriptionRow.failures)
_ATTEMPTS: Any = AttemptRow.__table__  # type: ignore[attr-defined]
_TIMED = ("digest", "quiet_from", "quiet_to", "timezone", "muted_until")
_LISTS, _PLAIN = ("filters", "kinds", "surfaces"), ("severity", "min_change", "within", "operator")
#: Of targets what enqueue reads, as plain rows: the ORM takes ten times as long to make a thousand
#: of them.
_ASKING: Any = select(
    *(cast(queue.TARGETS.c[name], Text) for name in _LISTS),
    *(queue.TARGETS.c[name] for name in (*_PLAIN, "id", "state", *_TIMED)),
)


def enqueue(
    session: Session,
    events: Sequence[EventRow],
    now: datetime,
    only: Mapping[str, Collection[str]] | None = None,
) -> int:
    """Owe each event to every target that wants it; called in the transaction that writes the
    events.

    ``only`` names the targets by the id of the event instead: a reminder goes to those that asked
    for that day."""
    if not events:
        return 0
    query = _ASKING
    if all(
        is_operators(event) for event in events
    ):  # a target that fails is none of the others' business
        query = query.where(queue.TARGETS.c.operator)
    asking: Sequence[Any] = session.connection().execute(query).all()
    audience = Audience(
        [Wanted.read(*target[: len(_LISTS + _PLAIN)]) for target in asking] if only is None else ()
    )
    rows = [
        {
            "event_id": event.id,
            "subscription_id": target.id,
            "state": "pending" if target.state == "enabled" else "held",
            "created_at": now,
            "next_at": timing.when(target, event.severity, now),
        }
        for event in events
        for target in (
            [asking[place] for place in audience.of(event)]
            if only is None
            else [target for target in asking if target.id in only.get(event.id, ())]
        )
        if event.source_id != told_by(target.id)  # nobody is told of itself
    ]
    if rows:
        queue.add(session, queue.DELIVERIES, rows)
    return len(rows)


#: What says when and how a target is told, and not of what.
_MANNER = frozenset({"digest", "quiet_from", "quiet_to", "timezone", "threads"})


def ask(
    session: Session, target: SubscriptionRow, wanted: Mapping[str, Any], now: datetime
) -> None:
    """Replace what a target asks for (asking.columns, or some of them); what it is owed is due
    accordingly.
    """
    for name, value in wanted.items():
        setattr(target, name, value)
    if wanted.keys() - _MANNER:
        target.asked_at = now
    session.add(target)
    session.flush()
    retime(session, target, now)


def retime(session: Session, target: SubscriptionRow, now: datetime) -> None:
    """After a change of digest, quiet hours or pause: when is due what the target is owed and was
    not tried yet.

    What was tried waits for its next try.
    """
    critical = select(col(EventRow.id)).where(col(EventRow.severity) == "critical")
    severe = col(DeliveryRow.event_id).in_(critical)
    fresh = col(DeliveryRow.attempts) == 0
    owed = and_(queue.target_id == target.id, queue.is_pending)
    later = timing.allowed(target, "", now)
    queue.change(session, and_(owed, fresh, severe), next_at=now)
    queue.change(session, and_(owed, fresh, ~severe), next_at=timing.when(target, "", now))
    queue.change(session, and_(owed, ~fresh, ~severe, queue.next_at < later), next_at=later)


def lock(session: Session, target_ids: Collection[str]) -> None:
    """Take several targets, always in the same order, so that two workers that record never wait
    for each other.

    To be called before changing the deliveries of more than one target. New deliveries can be added
    meanwhile."""
    sqlite = queue.is_sqlite(session)
    session.connection().execute(_locking(sqlite), {"targets": queue.listed(target_ids, sqlite)})


@cache
def _locking(sqlite: bool) -> Select[str]:
    targets = queue.TARGETS.c.id
    rows: Select[str] = (
        select(targets).where(queue.among(targets, "targets", sqlite)).order_by(targets)
    )
    return rows.with_for_update(key_share=True)


def acknowledge(session: Session, arrived: Sequence[tuple[Owed, Try]], now: datetime) -> None:
    """They arrived. True whoever holds the lease by now, and even if they were held or cancelled
    meanwhile.
    """
    owed = [one for one, _ in arrived]
    targets = {one.target.id: one.target for one in owed}
    sqlite = queue.is_sqlite(session)
    known, well, delivered = _acknowledging(sqlite)
    these = {"targets": queue.listed(targets, sqlite)}
    connection = session.connection()
    told = connection.execute(known, these).scalars().all()
    connection.execute(well, these | {"now": now})
    _record(session, arrived)
    connection.execute(
        delivered, {"ids": queue.listed([one.delivery_id for one in owed], sqlite), "now": now}
    )
    for target_id in told:
        _tell(
            session,
            targets[target_id],
            "endpoint.recovered",
            "notice",
            "takes deliveries again",
            now,
        )


@cache
def _acknowledging(sqlite: bool) -> tuple[Select[str], Update, Update]:
    """Which targets recover by this, that they are well, and that deliveries arrived; made once for
    any number.
    """
    targets, deliveries = queue.TARGETS, queue.DELIVERIES
    these = queue.among(targets.c.id, "targets", sqlite)
    now: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
    known = or_(targets.c.failures >= target_health.TOLD_AFTER, targets.c.probe_at.is_not(None))
    well = {"last_delivered_at": now, "failing_since": None, "failures": 0, "probe_at": None}
    arrived = {"state": "delivered", "delivered_at": now, "error": "", **queue.NO_LEASE}
    return (
        select(targets.c.id).where(these, known),
        update(targets).where(these).values(**well),
        update(deliveries).where(queue.among(deliveries.c.id, "ids", sqlite)).values(**arrived),
    )


def retry_later(
    session: Session,
    owed: Sequence[Owed],
    tried: Try,
    owner: str,
    now: datetime,
    random: Callable[[], float],
    retry_after: float | None = None,
) -> None:
    """They did not arrive: due again by the schedule, or dead. ``retry_after`` keeps everything
    from the target.

    A target that has only failed for days is disabled, one that fails again and again is left alone
    for a while (standing.Standing). Whoever operates it is told once of each."""
    target = owed[0].target
    where = col(SubscriptionRow.id) == target.id
    was = session.execute(
        select(_failures, col(SubscriptionRow.failing_since)).where(where)
    ).one_or_none()
    stands = Standing(was.failures if was else 0, was.failing_since if was else None).failed(now)
    _record(session, [(one, tried) for one in owed])
    until = quiet = now
    if retry_after is not None:
        until = quiet = now + min(timedelta(seconds=max(retry_after, 0)), LONGEST_QUIET)
    if pause := stands.pause(now):
        until = max(until, now + _jittered(pause, random))
    changed: dict[str, Any] = {"failures": stands.failures, "failing_since": stands.failing_since}
    if until > now or retry_after is not None:
        floor = col(SubscriptionRow.quiet_until)
        changed["quiet_until"] = case((floor > until, floor), else_=until)
    _set_target(session, target.id, **changed)
    spent = [one for one in owed if one.number >= len(SCHEDULE)]
    first_spent = bool(spent) and not _is_spent_since(
        session, target.id, stands.failing_since or now
    )
    for one in owed:
        later: dict[str, Any] = {"state": "dead"}
        if one.number < len(SCHEDULE):
            due = max(now + _jittered(SCHEDULE[one.number], random), quiet)
            later = {"next_at": timing.allowed(one.target, one.event.severity, due)}
        session.execute(
            queue.setting(_still(one, owner), error=tried.error, **later, **queue.NO_LEASE)
        )
    if stands.is_given_up(now):
        days = (now - (stands.failing_since or now)).days
        _stop(
            session,
            target,
            _stopped(target),
            f"only failures for {days} days, the last: {tried.error}",
            now,
        )
        return
    if stands.is_news:
        words = (
            f"{stands.failures} tries in a row failed, "
            f"the last with {owed[0].event.kind}: {tried.error}"
        )
        _tell(session, target, "endpoint.failing", "action", words, now)
    if first_spent:
        words = (
            f"{len(SCHEDULE)} tries are exhausted and delivery "
            f"{spent[0].delivery_id} ({spent[0].event.kind}) is"
        )
        _tell(session, target, "endpoint.failing", "critical", f"{words} dead: {tried.error}", now)


def postpone(session: Session, owed: Sequence[Owed], tried: Try, owner: str, now: datetime) -> None:
    """They could not be sent, and not by any fault of the target: due again soon, the try not
    counted.

    Of the same fault again and again only the last is kept on record: it may last for days.
    """
    for one in owed:
        same = and_(_ATTEMPTS.c.delivery_id == one.delivery_id, _ATTEMPTS.c.number == one.number)
        session.connection().execute(
            delete(_ATTEMPTS).where(same, _ATTEMPTS.c.error == tried.error)
        )
    _record(session, [(one, tried) for one in owed])
    for one in owed:
        session.execute(
            queue.setting(
                _still(one, owner),
                error=tried.error,
                next_at=now + POSTPONED,
                attempts=col(DeliveryRow.attempts) - 1,
                **queue.NO_LEASE,
            )
        )


def hold(session: Session, target_id: str, state: SubscriptionState, reason: str) -> int:
    """Pause or disable a target. What it is owed is kept; returns how many deliveries are held by
    this.
    """
    _set_target(session, target_id, state=state, reason=reason)
    pending = and_(queue.target_id == target_id, queue.state == "pending")
    return queue.change(session, pending, state="held", error=reason, **queue.NO_LEASE)


def refuse(session: Session, owed: Sequence[Owed], tried: Try, now: datetime) -> None:
    """The target itself cannot be delivered to: the try is recorded, and the target held with all
    it is owed.
    """
    _record(session, [(one, tried) for one in owed])
    _stop(session, owed[0].target, _stopped(owed[0].target), tried.error, now)


def _stopped(target: SubscriptionRow) -> SubscriptionState:
    """A webhook is disabled until somebody enables it; anything else is paused and may come back by
    itself.
    """
    return "disabled" if target.type == "webhook" else "paused"


def _stop(
    session: Session, target: SubscriptionRow, state: SubscriptionState, reason: str, now: datetime
) -> None:
    """Hold a target; whoever operates it is told, if it was enabled and not only tried again
    (publish.channels).
    """
    enabled = and_(col(SubscriptionRow.id) == target.id, col(SubscriptionRow.state) == "enabled")
    is_news = session.scalar(
        select(col(SubscriptionRow.id)).where(enabled, col(SubscriptionRow.probe_at).is_(None))
    )
    held = hold(session, target.id, state, reason)
    if state == "paused":
        _set_target(session, target.id, probe_at=now + PROBE)
    if is_news:
        words = f"{state}, {held} deliveries are held: {reason}"
        _tell(session, target, "endpoint.disabled", "critical", words, now)


def _is_spent_since(session: Session, target_id: str, since: datetime) -> bool:
    """Whether a delivery died in this run of failures already: one is told of, not each."""
    dead = and_(queue.target_id == target_id, queue.state == "dead", queue.next_at >= since)
    return session.scalar(select(queue.delivery_id).where(dead).limit(1)) is not None


def _still(one: Owed, owner: str) -> Update:
    """Not if it was held or cancelled meanwhile, or the lease ran out and another worker has it."""
    return queue.these([one]).where(queue.state == "pending", col(DeliveryRow.lease_owner) == owner)


def _jittered(wait: timedelta, random: Callable[[], float]) -> timedelta:
    return wait * (1 - JITTER + 2 * JITTER * random())


def told_by(target_id: str) -> str:
    """The source of the events about a target."""
    return f"lastcall.{target_id}"


def _tell(
    session: Session,
    target: SubscriptionRow,
    kind: str,
    severity: Severity,
    words: str,
    now: datetime,
) -> None:
    """Put an event about a target into the log, and owe it to the operator targets."""
    draft = Draft(
        kind, severity, None, f"{target.type} {target.id} ({_shown(target.address)}): {words}"
    )
    told = append(session, [draft], source_id=told_by(target.id), url="", document="", now=now)
    enqueue(session, told, now)


def _shown(address: str) -> str:
    """Of an address what is no secret: a channel, or the host of a URL."""
    _, scheme, rest = address.partition("://")
    return rest.partition("/")[0].rpartition("@")[2] if scheme else address


def bury(session: Session, owed: Sequence[Owed], tried: Try, now: datetime) -> None:
    """The message itself is refused for good: the try is recorded, nothing is tried again, and the
    operator is told.
    """
    _record(session, [(one, tried) for one in owed])
    session.execute(
        queue.setting(queue.these(owed), state="dead", error=tried.error, **queue.NO_LEASE)
    )
    words = (
        f"delivery {owed[0].delivery_id} ({owed[0].event.kind}) is dead, "
        f"the message is refused: {tried.error}"
    )
    _tell(session, owed[0].target, "endpoint.failing", "action", words, now)


def resume(session: Session, target_id: str, now: datetime) -> int:
    """Enable a target again; what was held for it is due, with all its tries. Returns how many
    deliveries.
    """
    _set_target(
        session,
        target_id,
        state="enabled",
        reason="",
        quiet_until=None,
        failing_since=None,
        failures=0,
        probe_at=None,
    )
    held = and_(queue.target_id == target_id, queue.state == "held")
    due = queue.change(
        session, held, state="pending", attempts=0, next_at=now, error="", **queue.NO_LEASE
    )
    target = select(SubscriptionRow).where(col(SubscriptionRow.id) == target_id)
    retime(session, session.scalars(target.execution_options(populate_existing=True)).one(), now)
    return due


def clamp(session: Session, now: datetime) -> int:
    """Undo what a clock wrote that was ahead: deliveries that wait for that future are due. Returns
    how many.

    A lease from there counts for nothing (ledger.free), and no receiver is left alone for longer
    than one may ask for."""
    far = now + LONGEST_QUIET + SKEW
    quiet = update(SubscriptionRow).where(col(SubscriptionRow.quiet_until) > far)
    session.execute(queue.setting(quiet, quiet_until=None))
    longest = now + SCHEDULE[-1] * (1 + JITTER) + SKEW
    waits = or_(
        col(DeliveryRow.created_at) > now + SKEW,
        and_(col(DeliveryRow.attempts) > 0, queue.next_at > longest),
    )
    created = case((col(DeliveryRow.created_at) > now, now), else_=col(DeliveryRow.created_at))
    return queue.change(
        session,
        and_(queue.is_pending, queue.next_at > now, waits),
        next_at=now,
        created_at=created,
    )


def _set_target(session: Session, target_id: str, **values: Any) -> None:
    session.execute(
        queue.setting(update(SubscriptionRow).where(col(SubscriptionRow.id) == target_id), **values)
    )


def _record(session: Session, tries: Sequence[tuple[Owed, Try]]) -> None:
    rows = [
        {
            "delivery_id": one.delivery_id,
            "number": one.number,
            "at": tried.at,
            "ms": tried.ms,
            "status": tried.status,
            "error": tried.error,
            "answer": tried.answer,
        }
        for one, tried in tries
    ]
    queue.add(session, _ATTEMPTS, rows)
