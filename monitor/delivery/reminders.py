"""Reminders of retirements: what is due is put into the log and owed, in one transaction.

Done after a poll from the command line, and about once an hour by the service. Done again it adds
nothing: the log holds each reminder once (events.Draft.once), and what it holds was owed in the
transaction that wrote it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from monitor.core.diff import Pending
from monitor.core.ends import coming_day
from monitor.core.facts import Json, Retirement, When
from monitor.core.interpret import Draft, reminder
from monitor.core.reminders import USUAL, Asked, End, Heard, Reminder, due
from monitor.delivery import outbox
from monitor.reading.source import Source
from monitor.store import event_log, fact_versions
from monitor.store.db import Store
from monitor.store.fact_versions import Known
from monitor.store.tables import AcknowledgementRow, DutyRow, EventRow, SourceRow, SubscriptionRow
from monitor.subscriptions.filters import Wanted

DUTY = "reminders"
#: How often the service looks for reminders that are due.
EVERY = timedelta(hours=1)
#: A page that was not looked at for this long (the service was down) may say another day by now: it
#: is looked at first.
FRESH = timedelta(hours=24)
#: So may one that could not be read for so long; or it was read, and our clock is far ahead of its
#: server's.
KNOWN = timedelta(days=30)
_DAY = timedelta(days=1)


def remind(
    store: Store, declared: Mapping[str, Source], now: datetime, *, every: timedelta | None = None
) -> list[Json]:
    """Tell the reminders that are due, and return their events in public form.

    With ``every``, only where this was last done so long ago, by whatever process.
    """
    with store.write() as session:
        if not _begin(session, now, every):
            return []
        heard = _heard(session)
        lines = _Lines(session, declared, now)
        asked = [
            _asked(row, heard.get(row.id, {}), lines)
            for row in session.scalars(select(SubscriptionRow))
        ]
        ahead = max((mark for one in asked for mark in one.marks), default=0)
        found = due(_ends(session, declared, now, ahead) if asked else (), asked, now, lines.told)
        told: list[EventRow] = []
        recipients: dict[str, Collection[str]] = {}
        for one, ids in found.items():
            written = event_log.append(session, [lines.draft(one)], **lines.origin(one))
            told += written
            recipients |= {event.id: ids for event in written}
        outbox.enqueue(session, told, now, only=recipients)
        return [event.to_json() for event in told]


@dataclass
class _Lines:
    """Reminders as lines of the log: whether one is there, and what it would say."""

    session: Session
    declared: Mapping[str, Source]
    now: datetime
    made: dict[Reminder, EventRow] = field(default_factory=dict)

    def draft(self, one: Reminder) -> Draft:
        fact = one.end.fact
        return reminder(
            fact,
            one.end.retires,
            one.mark,
            self.now,
            fact_versions.ends(self.session, fact.provider, [fact]),
        )

    def origin(self, one: Reminder) -> dict[str, Any]:
        """Where the end is stated, for the log."""
        source = self.declared[one.end.source_id]
        return {
            "source_id": source.id,
            "url": source.url,
            "document": one.end.document,
            "now": self.now,
        }

    def told(self, one: Reminder) -> bool:
        draft = reminder(one.end.fact, one.end.retires, one.mark, self.now, {})
        return event_log.is_said(self.session, draft, one.end.source_id)

    def event(self, one: Reminder) -> EventRow:
        """The event, to compare with what is asked for."""
        if one not in self.made:
            line = event_log.line(self.draft(one), **self.origin(one))
            self.made[one] = EventRow(id="", says="", **line)
        return self.made[one]


def _begin(session: Session, now: datetime, every: timedelta | None) -> bool:
    """Whether it is time; one process does it at a time."""
    duty = select(DutyRow).where(DutyRow.name == DUTY).with_for_update()
    row = session.scalars(duty).first()
    if row is None:
        try:
            with session.begin_nested():
                session.add(DutyRow(name=DUTY, done_at=now))
        except IntegrityError:  # another process was first, just now
            return False
    elif every:
        if now - every < row.done_at <= now:
            return False
        row.done_at = now
    return True


def _ends(session: Session, declared: Mapping[str, Source], now: datetime, ahead: int) -> list[End]:
    """The ends in so many days on pages that were looked at lately, and read not long ago, and that
    no look has found changed."""
    rows = {
        row.id: row
        for row in session.scalars(select(SourceRow).where(SourceRow.kind == "official"))
    }
    doubted = {row.id: set(_doubted(row)) for row in rows.values() if row.pending}
    # Days are compared as text, which may have a time: take a day more on either side, and let
    # coming_day decide.
    near = fact_versions.ending((now - _DAY).date(), (now + (ahead + 1) * _DAY).date())
    found: list[tuple[Known, Retirement, When]] = []
    for one in fact_versions.known(session, [Retirement], near, official=True):
        row = rows[one.source_id]
        looked, read = row.checked_at, row.good_at
        fresh = (
            looked is not None and read is not None and looked > now - FRESH and read > now - KNOWN
        )
        if not fresh or row.id not in declared or one.fact.key in doubted.get(row.id, ()):
            continue
        if isinstance(one.fact, Retirement) and (end := coming_day(one.fact, now)):
            found.append((one, one.fact, end))
    before = fact_versions.histories(session, [one for one, _, _ in found])
    return [
        End(
            fact,
            end,
            one.source_id,
            _since(one, before[one.source_id, fact.key], end),
            one.document,
        )
        for one, fact, end in found
    ]


def _doubted(row: SourceRow) -> Iterator[str]:
    """The retirements that the page stated otherwise, or not at all, when it was last looked at."""
    for wait in row.pending:
        change = Pending.from_json(wait).change
        before, after = change.before, change.after
        if isinstance(before, Retirement) and not (
            isinstance(after, Retirement)
            and (after.stage, after.retires) == (before.stage, before.retires)
        ):
            yield before.key


def _since(one: Known, versions: Sequence[Known], end: When) -> datetime:
    """Since when the page states this date without a break, through changes of everything else."""
    since = one.first_seen
    for version in reversed(versions):
        if (
            not isinstance(version.fact, Retirement)
            or version.fact.retires != end
            or version.ended not in (None, since)
        ):
            break
        since = version.first_seen
    return since


def _heard(session: Session) -> dict[str, dict[str, Heard]]:
    found: dict[str, dict[str, Heard]] = defaultdict(dict)
    for row in session.scalars(select(AcknowledgementRow)):
        found[row.subscription_id][row.subject] = Heard(row.retires, row.until)
    return found


def _asked(row: SubscriptionRow, heard: Mapping[str, Heard], lines: _Lines) -> Asked:
    wanted = Wanted.of(row)
    marks = USUAL if row.reminders is None else tuple(row.reminders)
    return Asked(
        row.id,
        row.asked_at or row.created_at,
        lambda one: wanted.matches(lines.event(one)),
        marks,
        heard,
    )
