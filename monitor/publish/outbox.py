"""The outbox: what is owed to whom, claimed with a lease, and what became of each try.

    pending --claim--> pending, leased --acknowledge--> delivered
       ^                     |--retry_later--> pending at a later time, or dead when the tries are spent
       |                     '--hold--> held (with everything else owed to that target)
       '--resume, replay-- held, dead, delivered, cancelled            cancel: pending, held --> cancelled

A try is counted when it is claimed, because a worker that dies may have sent it: what it left is claimed again when
the lease runs out. Every function works in the caller's transaction and changes the target before its deliveries.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b32encode
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from monitor.events import Draft, Severity
from monitor.publish import standing, timing
from monitor.publish.match import Wanted
from monitor.publish.standing import Standing
from monitor.store.db import SKEW
from monitor.store.log import append
from monitor.store.tables import (
    AcknowledgementRow,
    AttemptRow,
    DeliveryRow,
    EventRow,
    SubscriptionRow,
    SubscriptionState,
    ThreadRow,
)

#: The waits before each try, after the one before: the example of Standard Webhooks, 75.6 hours in all.
SCHEDULE = (
    timedelta(0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2),
    timedelta(hours=5), timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
#: Waits vary by this share, so that what failed together does not come back together.
JITTER = 0.2
#: A receiver may ask to be left alone for at most this long.
LONGEST_QUIET = timedelta(hours=24)
#: After a fault on this side everything is tried again this much later.
POSTPONED = timedelta(seconds=30)
#: Several times the deadline of a try: nobody else takes what is still being sent.
LEASE = timedelta(seconds=60)
#: A target that is paused is tried again by itself after this time (delivery reference 2.2).
PROBE = timedelta(hours=24)
#: Tries at one webhook at the same time, in all processes.
PER_TARGET = 4
#: Events in one Slack message; what limits it is its length (slack.message).
PER_MESSAGE = 100
#: Events in one digest of a webhook or a mail; what is owed beyond follows in the next.
PER_DIGEST = 100

_id, _state, _next_at = col(DeliveryRow.id), col(DeliveryRow.state), col(DeliveryRow.next_at)
_failures = col(SubscriptionRow.failures)
_target_id, _lease_until = col(DeliveryRow.subscription_id), col(DeliveryRow.lease_until)
#: Written out where it matters, since a partial index is not used for a parameter.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_is_pending = _state == _PENDING
_DELIVERIES: Any = DeliveryRow.__table__  # type: ignore[attr-defined]
_ATTEMPTS: Any = AttemptRow.__table__  # type: ignore[attr-defined]
_TARGETS: Any = SubscriptionRow.__table__  # type: ignore[attr-defined]
#: Targets as plain rows without their secrets: the ORM takes ten times as long to make a thousand of them.
_ASKING: Any = select(
    *(column for column in _TARGETS.c if column.name not in ("address", "sealed_address", "secret", "old_secrets"))
)
_NO_LEASE: dict[str, Any] = {"lease_owner": "", "lease_until": None}
#: What is read of a delivery that was claimed.
_CLAIMED = (_id, col(DeliveryRow.attempts), col(DeliveryRow.event_id), _target_id, col(DeliveryRow.message))


@dataclass(frozen=True, slots=True)
class Owed:
    """One claimed delivery with all that sending needs. ``number`` counts its tries, this one included.

    ``message`` is the id of the digest in which it travels, empty where it goes alone.
    """

    delivery_id: int
    number: int
    event: EventRow
    target: SubscriptionRow
    message: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """How one try went, for the record."""

    at: datetime
    ms: int = 0
    status: int = 0
    error: str = ""
    answer: str = ""


def enqueue(
    session: Session, events: Sequence[EventRow], now: datetime, only: Mapping[str, Collection[str]] | None = None
) -> int:
    """Owe each event to every target that wants it; called in the transaction that writes the events.

    ``only`` names the targets by the id of the event instead: a reminder goes to those that asked for that day.
    """
    asking: Sequence[Any] = session.connection().execute(_ASKING).all()
    targets = [(row, Wanted.of(row)) for row in asking]
    rows = [
        {
            "event_id": event.id,
            "subscription_id": target.id,
            "state": "pending" if target.state == "enabled" else "held",
            "created_at": now,
            "next_at": timing.when(target, event.severity, now),
        }
        for event in events
        for target, wants in targets
        if (wants.matches(event) if only is None else target.id in only.get(event.id, ()))
        and event.source_id != told_by(target.id)  # nobody is told of itself
    ]
    if rows:
        session.execute(insert(DeliveryRow), rows)
    return len(rows)


#: What says when and how a target is told, and not of what.
_MANNER = frozenset({"digest", "quiet_from", "quiet_to", "timezone", "threads"})


def ask(session: Session, target: SubscriptionRow, wanted: Mapping[str, Any], now: datetime) -> None:
    """Replace what a target asks for (asking.columns, or some of them); what it is owed is due accordingly."""
    for name, value in wanted.items():
        setattr(target, name, value)
    if wanted.keys() - _MANNER:
        target.asked_at = now
    session.add(target)
    session.flush()
    retime(session, target, now)


def retime(session: Session, target: SubscriptionRow, now: datetime) -> None:
    """After a change of digest, quiet hours or pause: when is due what the target is owed and was not tried yet.

    What was tried waits for its next try.
    """
    critical = select(col(EventRow.id)).where(col(EventRow.severity) == "critical")
    severe = col(DeliveryRow.event_id).in_(critical)
    fresh = col(DeliveryRow.attempts) == 0
    owed = and_(_target_id == target.id, _is_pending)
    later = timing.allowed(target, "", now)
    _change(session, and_(owed, fresh, severe), next_at=now)
    _change(session, and_(owed, fresh, ~severe), next_at=timing.when(target, "", now))
    _change(session, and_(owed, ~fresh, ~severe, _next_at < later), next_at=later)


def claim(session: Session, owner: str, now: datetime, limit: int, per_target: int = PER_TARGET) -> list[Owed]:
    """Lease at most ``limit`` due deliveries, healthy targets first and every target in turn.

    A target has at most ``per_target`` in flight, one while it fails, and a Slack channel or a digest one message. A
    digest counts as one. What is owed to an ordered target goes one after the other: while one waits for its next
    try, so do all behind it.
    """
    digests = _claim_digests(session, owner, now, limit)
    limit -= len({line.message for line in digests})
    free = _free(now)
    # PostgreSQL looks at the conditions again once it has the lock, so that two workers never take the same row;
    # SQLite has one writer at a time.
    chosen = choose(_waiting(session, now, per_target), limit, per_target)
    due = and_(_id.in_(chosen), _is_pending, _next_at <= now, free)
    locked = select(_id).where(due).with_for_update(skip_locked=True).cte("locked")
    taken = session.connection().execute(
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id.in_(select(locked.c.id)))
        .values(**_leased(owner, now), message="")
        .returning(*_CLAIMED)
    )
    return _owed(session, [*digests, *taken.all()])


@dataclass(frozen=True, slots=True)
class Waiting:
    """A target and its first due deliveries: those that wait, and how many are in flight."""

    slack: bool
    failing: bool
    free: Sequence[int]
    in_flight: int


def choose(waiting: Sequence[Waiting], limit: int, per_target: int = PER_TARGET) -> list[int]:
    """Which deliveries to take, at most ``limit``: of healthy targets first, and of every target in its turn."""
    places: list[tuple[bool, int, int]] = []
    for one in waiting:
        if one.slack:
            room = 0 if one.in_flight else PER_MESSAGE
        else:
            room = (1 if one.failing else per_target) - one.in_flight
        places += [
            (one.failing, one.in_flight + place, number) for place, number in enumerate(one.free[: max(room, 0)])
        ]
    return [number for _, _, number in sorted(places)[: max(limit, 0)]]


def _waiting(session: Session, now: datetime, per_target: int) -> list[Waiting]:
    """The targets that may be sent something, with the first due deliveries of each: a few steps in the index for
    each target, however much it is owed."""
    found: list[Waiting] = []
    for question in _questions(session.get_bind().dialect.name == "sqlite", per_target):
        for is_slack, failing_since, text in session.connection().execute(
            question, {"now": now, "odd": now + LEASE + SKEW}
        ):
            if signs := json.loads(text or "[]"):
                waits = [number for number in signs if number > 0]
                found.append(Waiting(is_slack, failing_since is not None, waits, len(signs) - len(waits)))
    return found


@cache
def _questions(sqlite: bool, per_target: int) -> tuple[Select[*tuple[Any, ...]], ...]:
    """The queries behind ``_waiting``; made once, which takes longer than to answer them.

    Of an ordered target only the oldest that is pending counts, due or not: it goes before all others.
    """
    now: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))
    one = _DELIVERIES.alias()
    pending = and_(one.c.subscription_id == _TARGETS.c.id, one.c.state == _PENDING)
    odd: ColumnElement[datetime] = bindparam("odd", type_=DateTime(timezone=True))  # as _free has it
    free = or_(one.c.lease_until.is_(None), one.c.lease_until <= now, one.c.lease_until > odd)
    signed = case((free, one.c.id), else_=-one.c.id).label("number")
    due = select(signed).where(pending, one.c.next_at <= now).order_by(one.c.next_at, one.c.id)
    oldest = select(func.min(one.c.id)).where(pending).scalar_subquery()
    head = select(signed).where(one.c.id == oldest.correlate(_TARGETS), one.c.next_at <= now)
    slack, ordered = _TARGETS.c.type == "slack", _TARGETS.c.ordered
    open_ = and_(_is_open(now), ~_digested())

    def question(which: ColumnElement[bool], first: Any) -> Select[*tuple[Any, ...]]:
        # A scalar, so that neither database can begin with the deliveries: that plan takes seconds.
        numbers = first.correlate(_TARGETS).subquery().c.number
        whole = func.json_group_array(numbers) if sqlite else cast(func.json_agg(numbers), Text)
        return select(slack, _TARGETS.c.failing_since, select(whole).scalar_subquery()).where(which, open_)

    return (
        question(and_(~slack, ~ordered), due.limit(per_target)),
        question(slack, due.limit(PER_MESSAGE)),
        question(and_(~slack, ordered), head),
    )


def _owed(session: Session, claimed: Sequence[Any]) -> list[Owed]:
    """The claimed deliveries with their events and targets, in the order of the log."""
    wanted = {line.event_id for line in claimed}
    events = {row.id: row for row in session.scalars(select(EventRow).where(col(EventRow.id).in_(wanted)))}
    owing = {line.subscription_id for line in claimed}
    found = session.scalars(select(SubscriptionRow).where(col(SubscriptionRow.id).in_(owing)))
    targets = {row.id: row for row in found}
    owed = [
        Owed(line.id, line.attempts, events[line.event_id], targets[line.subscription_id], line.message)
        for line in claimed
    ]
    return sorted(owed, key=lambda one: one.event.sequence or 0)


def _claim_digests(session: Session, owner: str, now: datetime, limit: int) -> list[Row[Any]]:
    """Lease one message for each of at most ``limit`` targets with digests, longest due first; Slack bundles anyway.

    What is due goes together, and after the first try stays together: its id says which events those are, so that a
    try after a crash, or after one of them was cancelled, never has the same id and another body.
    """
    free = _free(now)
    owed = and_(_target_id == col(SubscriptionRow.id), _is_pending)
    oldest = select(func.min(_next_at)).where(owed, _next_at <= now).correlate(SubscriptionRow).scalar_subquery()
    in_flight = select(_id).where(owed, ~free).correlate(SubscriptionRow).exists()
    # Locked, so that two workers never share a message between them.
    targets = session.scalars(
        select(col(SubscriptionRow.id))
        .where(_digested(), _is_open(now))
        .where(oldest.is_not(None), ~in_flight)
        .order_by(oldest)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    claimed: list[Row[Any]] = []
    for target_id in targets:
        due = and_(_target_id == target_id, _is_pending, free)
        first = select(col(DeliveryRow.message)).where(due, _next_at <= now).order_by(_next_at, _id).limit(1)
        message = session.scalar(first)
        if message is None:  # another worker has had it meanwhile
            continue
        together = and_(due, col(DeliveryRow.message) == message)
        if not message:
            together = and_(together, _next_at <= now)
        rows = session.execute(
            select(_id, col(DeliveryRow.event_id)).where(together).order_by(_next_at, _id).limit(PER_DIGEST)
        ).all()
        statement = update(DeliveryRow).where(_id.in_([line.id for line in rows]))
        statement = _set(statement, message=message_id(line.event_id for line in rows), **_leased(owner, now))
        claimed += session.execute(statement.returning(*_CLAIMED)).all()
    return claimed


def _leased(owner: str, now: datetime) -> dict[str, Any]:
    return {"lease_owner": owner, "lease_until": now + LEASE, "attempts": col(DeliveryRow.attempts) + 1}


def message_id(event_ids: Iterable[str]) -> str:
    """The id of a message about several events: the same for the same events."""
    digest = hashlib.sha256(" ".join(sorted(event_ids)).encode()).digest()
    return "msg_" + b32encode(digest[:15]).decode().lower()


def _digested() -> ColumnElement[bool]:
    """Whether a target gets what is due in one message with an id of its own."""
    return and_(col(SubscriptionRow.digest) != "", col(SubscriptionRow.type) != "slack")


def _is_open(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a target may be sent something now: it is enabled, and did not ask to be left alone."""
    quiet_until = col(SubscriptionRow.quiet_until)
    return and_(col(SubscriptionRow.state) == "enabled", or_(quiet_until.is_(None), quiet_until <= now))


def _free(now: datetime) -> ColumnElement[bool]:
    """Nobody's by now. A lease further ahead than any that is given was given by a clock that has been set back."""
    return or_(_lease_until.is_(None), _lease_until <= now, _lease_until > now + LEASE + SKEW)


def lock(session: Session, target_ids: Collection[str]) -> None:
    """Take several targets, always in the same order, so that two workers that record never wait for each other.

    To be called before changing the deliveries of more than one target. New deliveries can be added meanwhile.
    """
    rows = select(col(SubscriptionRow.id)).where(col(SubscriptionRow.id).in_(target_ids))
    session.execute(rows.order_by(col(SubscriptionRow.id)).with_for_update(key_share=True))


def acknowledge(session: Session, arrived: Sequence[tuple[Owed, Try]], now: datetime) -> None:
    """They arrived. True whoever holds the lease by now, and even if they were held or cancelled meanwhile."""
    owed = [one for one, _ in arrived]
    targets = {one.target.id: one.target for one in owed}
    these = col(SubscriptionRow.id).in_(targets)
    known = or_(_failures >= standing.TOLD_AFTER, col(SubscriptionRow.probe_at).is_not(None))
    told = session.scalars(select(col(SubscriptionRow.id)).where(these, known)).all()
    well = {"last_delivered_at": now, "failing_since": None, "failures": 0, "probe_at": None}
    session.execute(_set(update(SubscriptionRow).where(these), **well))
    _record(session, arrived)
    session.execute(_set(_these(owed), state="delivered", delivered_at=now, error="", **_NO_LEASE))
    for target_id in told:
        _tell(session, targets[target_id], "endpoint.recovered", "notice", "takes deliveries again", now)


def retry_later(
    session: Session,
    owed: Sequence[Owed],
    tried: Try,
    owner: str,
    now: datetime,
    random: Callable[[], float],
    retry_after: float | None = None,
) -> None:
    """They did not arrive: due again by the schedule, or dead. ``retry_after`` keeps everything from the target.

    A target that has only failed for days is disabled, one that fails again and again is left alone for a while
    (standing.Standing). Whoever operates it is told once of each.
    """
    target = owed[0].target
    where = col(SubscriptionRow.id) == target.id
    was = session.execute(select(_failures, col(SubscriptionRow.failing_since)).where(where)).one_or_none()
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
    first_spent = bool(spent) and not _is_spent_since(session, target.id, stands.failing_since or now)
    for one in owed:
        later: dict[str, Any] = {"state": "dead"}
        if one.number < len(SCHEDULE):
            due = max(now + _jittered(SCHEDULE[one.number], random), quiet)
            later = {"next_at": timing.allowed(one.target, one.event.severity, due)}
        session.execute(_set(_still(one, owner), error=tried.error, **later, **_NO_LEASE))
    if stands.is_given_up(now):
        days = (now - (stands.failing_since or now)).days
        _stop(session, target, _stopped(target), f"only failures for {days} days, the last: {tried.error}", now)
        return
    if stands.is_news:
        words = f"{stands.failures} tries in a row failed, the last with {owed[0].event.kind}: {tried.error}"
        _tell(session, target, "endpoint.failing", "action", words, now)
    if first_spent:
        words = f"{len(SCHEDULE)} tries are exhausted and delivery {spent[0].delivery_id} ({spent[0].event.kind}) is"
        _tell(session, target, "endpoint.failing", "critical", f"{words} dead: {tried.error}", now)


def postpone(session: Session, owed: Sequence[Owed], tried: Try, owner: str, now: datetime) -> None:
    """They could not be sent, and not by any fault of the target: on record, due again soon, the try not counted."""
    _record(session, [(one, tried) for one in owed])
    for one in owed:
        session.execute(
            _set(
                _still(one, owner), error=tried.error, next_at=now + POSTPONED,
                attempts=col(DeliveryRow.attempts) - 1, **_NO_LEASE,
            )
        )  # fmt: skip


def hold(session: Session, target_id: str, state: SubscriptionState, reason: str) -> int:
    """Pause or disable a target. What it is owed is kept; returns how many deliveries are held by this."""
    _set_target(session, target_id, state=state, reason=reason)
    return _change(
        session, and_(_target_id == target_id, _state == "pending"), state="held", error=reason, **_NO_LEASE
    )  # fmt: skip


def refuse(session: Session, owed: Sequence[Owed], tried: Try, now: datetime) -> None:
    """The target itself cannot be delivered to: the try is recorded, and the target held with all it is owed."""
    _record(session, [(one, tried) for one in owed])
    _stop(session, owed[0].target, _stopped(owed[0].target), tried.error, now)


def _stopped(target: SubscriptionRow) -> SubscriptionState:
    """A webhook is disabled until somebody enables it; anything else is paused and may come back by itself."""
    return "disabled" if target.type == "webhook" else "paused"


def _stop(session: Session, target: SubscriptionRow, state: SubscriptionState, reason: str, now: datetime) -> None:
    """Hold a target; whoever operates it is told, if it was enabled and not only tried again (publish.channels)."""
    enabled = and_(col(SubscriptionRow.id) == target.id, col(SubscriptionRow.state) == "enabled")
    is_news = session.scalar(select(col(SubscriptionRow.id)).where(enabled, col(SubscriptionRow.probe_at).is_(None)))
    held = hold(session, target.id, state, reason)
    if state == "paused":
        _set_target(session, target.id, probe_at=now + PROBE)
    if is_news:
        words = f"{state}, {held} deliveries are held: {reason}"
        _tell(session, target, "endpoint.disabled", "critical", words, now)


def _is_spent_since(session: Session, target_id: str, since: datetime) -> bool:
    """Whether a delivery died in this run of failures already: one is told of, not each."""
    dead = and_(_target_id == target_id, _state == "dead", _next_at >= since)
    return session.scalar(select(_id).where(dead).limit(1)) is not None


def _still(one: Owed, owner: str) -> Update:
    """Not if it was held or cancelled meanwhile, or the lease ran out and another worker has it."""
    return _these([one]).where(_state == "pending", col(DeliveryRow.lease_owner) == owner)


def _jittered(wait: timedelta, random: Callable[[], float]) -> timedelta:
    return wait * (1 - JITTER + 2 * JITTER * random())


def told_by(target_id: str) -> str:
    """The source of the events about a target."""
    return f"lastcall.{target_id}"


def _tell(
    session: Session, target: SubscriptionRow, kind: str, severity: Severity, words: str, now: datetime
) -> None:  # fmt: skip
    """Put an event about a target into the log, and owe it to the operator targets."""
    draft = Draft(kind, severity, None, f"{target.type} {target.id} ({_shown(target.address)}): {words}")
    told = append(session, [draft], source_id=told_by(target.id), url="", document="", now=now)
    enqueue(session, told, now)


def _shown(address: str) -> str:
    """Of an address what is no secret: a channel, or the host of a URL."""
    _, scheme, rest = address.partition("://")
    return rest.partition("/")[0].rpartition("@")[2] if scheme else address


def bury(session: Session, owed: Sequence[Owed], tried: Try, now: datetime) -> None:
    """The message itself is refused for good: the try is recorded, nothing is tried again, and the operator is told."""
    _record(session, [(one, tried) for one in owed])
    session.execute(_set(_these(owed), state="dead", error=tried.error, **_NO_LEASE))
    words = f"delivery {owed[0].delivery_id} ({owed[0].event.kind}) is dead, the message is refused: {tried.error}"
    _tell(session, owed[0].target, "endpoint.failing", "action", words, now)


def resume(session: Session, target_id: str, now: datetime) -> int:
    """Enable a target again; what was held for it is due, with all its tries. Returns how many deliveries."""
    _set_target(
        session, target_id, state="enabled", reason="", quiet_until=None, failing_since=None, failures=0, probe_at=None
    )
    held = and_(_target_id == target_id, _state == "held")
    due = _change(session, held, state="pending", attempts=0, next_at=now, error="", **_NO_LEASE)
    target = select(SubscriptionRow).where(col(SubscriptionRow.id) == target_id)
    retime(session, session.scalars(target.execution_options(populate_existing=True)).one(), now)
    return due


def clamp(session: Session, now: datetime) -> int:
    """Undo what a clock wrote that was ahead: deliveries that wait for that future are due. Returns how many.

    A lease from there counts for nothing (_free), and no receiver is left alone for longer than one may ask for.
    """
    far = now + LONGEST_QUIET + SKEW
    quiet = update(SubscriptionRow).where(col(SubscriptionRow.quiet_until) > far)
    session.execute(_set(quiet, quiet_until=None))
    longest = now + SCHEDULE[-1] * (1 + JITTER) + SKEW
    waits = or_(col(DeliveryRow.created_at) > now + SKEW, and_(col(DeliveryRow.attempts) > 0, _next_at > longest))
    created = case((col(DeliveryRow.created_at) > now, now), else_=col(DeliveryRow.created_at))
    return _change(session, and_(_is_pending, _next_at > now, waits), next_at=now, created_at=created)


def release(session: Session, owner: str) -> int:
    """Give back what was claimed and not sent, as if it had not been claimed; for a worker that stops."""
    mine = and_(_state == "pending", col(DeliveryRow.lease_owner) == owner)
    return _change(session, mine, attempts=col(DeliveryRow.attempts) - 1, **_NO_LEASE)


def cancel(session: Session, ids: Sequence[int]) -> int:
    """Never send what is pending or held. Returns how many deliveries that was."""
    return _change(session, and_(_id.in_(ids), _state.in_(["pending", "held"])), state="cancelled", **_NO_LEASE)


def replay(
    session: Session,
    now: datetime,
    ids: Sequence[int] | None = None,
    target_id: str | None = None,
    since: datetime | None = None,
    events: Select[Any] | None = None,
) -> int:
    """Send again, with the same webhook-id and all tries: by id, of a target, owed since a time, of some events (a
    query for their ids), or what all of them name together.

    Not what is being sent just now; what is owed to a paused target is held. Returns how many.
    """
    conditions = [_is_idle(now)]
    if ids is not None:
        conditions.append(_id.in_(ids))
    if target_id is not None:
        conditions.append(_target_id == target_id)
    if since is not None:
        conditions.append(col(DeliveryRow.created_at) >= since)
    if events is not None:
        conditions.append(col(DeliveryRow.event_id).in_(events))
    if len(conditions) == 1:
        raise ValueError("say what to replay: ids, a target, a time or events")
    return _again(session, and_(*conditions), now)


def replay_missing(
    session: Session, now: datetime, target_id: str, since: datetime, events: Select[Any] | None = None
) -> int:
    """Send a target what it wants of the log since a time and never got: held, dead, cancelled, or not owed yet.

    An event from before the target was made, or before it asked for this, is owed now. Not a reminder, which was for
    its day. Returns how many deliveries are due by this.
    """
    target = session.get_one(SubscriptionRow, target_id)
    asked = select(EventRow).where(col(EventRow.detected_at) >= since)
    if events is not None:
        asked = asked.where(col(EventRow.id).in_(events))
    lost = and_(_target_id == target_id, _is_idle(now), _state != "delivered")
    again = _again(session, and_(lost, col(DeliveryRow.event_id).in_(asked.with_only_columns(col(EventRow.id)))), now)
    known = select(col(DeliveryRow.event_id)).where(_target_id == target_id)
    never = asked.where(col(EventRow.id).not_in(known), col(EventRow.kind) != "retirement.reminder")
    wants = Wanted.of(target)
    owed = [event for event in session.scalars(never.order_by(col(EventRow.sequence))) if wants.matches(event)]
    return again + enqueue(session, owed, now, only={event.id: [target_id] for event in owed})


def _is_idle(now: datetime) -> ColumnElement[bool]:
    """Not being sent just now."""
    return or_(_free(now), _state != "pending")


def _again(session: Session, condition: ColumnElement[bool], now: datetime) -> int:
    enabled = select(col(SubscriptionRow.id)).where(col(SubscriptionRow.state) == "enabled")
    state = case((_target_id.in_(enabled), "pending"), else_="held")
    return _change(
        session, condition, state=state, attempts=0, next_at=now, delivered_at=None, error="", **_NO_LEASE
    )  # fmt: skip


def _these(owed: Sequence[Owed]) -> Update:
    return update(DeliveryRow).where(_id.in_([one.delivery_id for one in owed]))


def _set(statement: Update, **values: Any) -> Update:
    return statement.values(**values).execution_options(synchronize_session=False)


def _set_target(session: Session, target_id: str, **values: Any) -> None:
    session.execute(_set(update(SubscriptionRow).where(col(SubscriptionRow.id) == target_id), **values))


def _change(session: Session, condition: ColumnElement[bool], **values: Any) -> int:
    changed = session.execute(_set(update(DeliveryRow).where(condition), **values).returning(_id))
    return len(changed.all())


def _record(session: Session, tries: Sequence[tuple[Owed, Try]]) -> None:
    rows = [
        {
            "delivery_id": one.delivery_id, "number": one.number, "at": tried.at, "ms": tried.ms,
            "status": tried.status, "error": tried.error, "answer": tried.answer,
        }
        for one, tried in tries
    ]  # fmt: skip
    session.connection().execute(insert(_ATTEMPTS), rows)


# --- looking -----------------------------------------------------------------------------------------------


def count_due(session: Session, now: datetime) -> int:
    """How many deliveries could be claimed now. Asked after every `lastcall poll`: plain tables, no ORM."""
    owed, targets = _DELIVERIES.c, _TARGETS.c
    quiet = or_(targets.quiet_until.is_(None), targets.quiet_until <= now)
    enabled = select(targets.id).where(targets.state == "enabled", quiet)
    due = and_(owed.state == _PENDING, owed.next_at <= now, owed.subscription_id.in_(enabled))
    return int(session.connection().execute(select(func.count()).select_from(_DELIVERIES).where(due)).scalar_one())


def count_waiting(session: Session) -> int:
    """How many deliveries are still to be made, now or later."""
    return int(session.execute(select(func.count()).select_from(DeliveryRow).where(_is_pending)).scalar_one())


def owed(session: Session) -> dict[str, int]:
    """How many deliveries each target is owed, now, later, or once it is enabled again."""
    counted = select(_target_id, func.count()).where(_state.in_(["pending", "held"])).group_by(_target_id)
    return {str(target): count for target, count in session.execute(counted).all()}


def next_due(session: Session, target_id: str) -> datetime | None:
    """When the next of what a target is owed is due."""
    found: datetime | None = session.scalar(select(func.min(_next_at)).where(_target_id == target_id, _is_pending))
    return found


def _joined() -> Select[DeliveryRow, EventRow, SubscriptionRow]:
    return (
        select(DeliveryRow, EventRow, SubscriptionRow)
        .join(EventRow, col(EventRow.id) == col(DeliveryRow.event_id))
        .join(SubscriptionRow, col(SubscriptionRow.id) == _target_id)
    )


def states(session: Session, target_id: str) -> dict[str, int]:
    """How many deliveries of a target are in which state."""
    counted = select(_state, func.count()).where(_target_id == target_id).group_by(_state)
    return {str(state): count for state, count in session.execute(counted).all()}


def listed(
    session: Session, state: str | None, target_id: str | None, limit: int
) -> list[tuple[DeliveryRow, EventRow, SubscriptionRow]]:
    """Deliveries with their events and targets, newest first."""
    query = _joined().order_by(_id.desc()).limit(limit)
    if state:
        query = query.where(_state == state)
    if target_id:
        query = query.where(_target_id == target_id)
    return [(delivery, event, target) for delivery, event, target in session.execute(query).all()]


def delivery(session: Session, delivery_id: int) -> tuple[DeliveryRow, EventRow, SubscriptionRow] | None:
    """One delivery with its event and target."""
    query = _joined().where(_id == delivery_id)
    return next(((one, event, target) for one, event, target in session.execute(query)), None)


def tries(session: Session, delivery_id: int) -> Sequence[AttemptRow]:
    """Every try at a delivery, in their order."""
    query = select(AttemptRow).where(col(AttemptRow.delivery_id) == delivery_id)
    return session.scalars(query.order_by(col(AttemptRow.id))).all()


def forget(session: Session, target_id: str) -> None:
    """Delete a target with everything it is and was owed. Events stay."""
    owed = select(_id).where(_target_id == target_id)
    for statement in (
        delete(AttemptRow).where(col(AttemptRow.delivery_id).in_(owed)),
        delete(DeliveryRow).where(_target_id == target_id),
        delete(ThreadRow).where(col(ThreadRow.subscription_id) == target_id),
        delete(AcknowledgementRow).where(col(AcknowledgementRow.subscription_id) == target_id),
        delete(SubscriptionRow).where(col(SubscriptionRow.id) == target_id),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
