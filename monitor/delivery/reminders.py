"""Remind of retirements: write the reminders that are due into the log, and enqueue them.

It runs after a poll from the command line, and about once an hour in the service. To run it again
adds nothing: the log holds each reminder once (interpret.Draft.once), and its deliveries were
enqueued in the transaction that wrote it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from monitor.core.ends import coming_day
from monitor.core.facts import Json, Retirement, When
from monitor.core.interpret import Draft, reminder
from monitor.core.origin import Origin
from monitor.core.reminders import USUAL, End, Mute, Reminder, Subscriber, due
from monitor.core.settle import Pending
from monitor.delivery import outbox
from monitor.store import event_log, fact_versions
from monitor.store.db import Store
from monitor.store.fact_versions import FactVersion
from monitor.store.tables import AcknowledgementRow, DutyRow, EventRow, SourceRow, SubscriptionRow
from monitor.subscriptions.filters import EventFilter

DUTY = "reminders"
#: How often the service looks for reminders that are due.
EVERY = timedelta(hours=1)
#: A page that was not polled for this long (the service was down) may state another day by now: it
#: is polled first.
FRESH = timedelta(hours=24)
#: So may a page that could not be read for this long; or our clock is far ahead of its server's.
READ_WITHIN = timedelta(days=30)
_DAY = timedelta(days=1)


def remind(
    store: Store, declared: Mapping[str, Origin], now: datetime, *, every: timedelta | None = None
) -> list[Json]:
    """Write and enqueue the reminders that are due. Return their events in public form.

    With ``every``, do nothing if any process did this so short a time ago."""
    with store.write() as session:
        if not _begin(session, now, every):
            return []
        muted = _muted(session)
        log_lines = _LogLines(session, declared, now)
        requests = [
            _request(target, muted.get(target.id, {}), log_lines)
            for target in session.scalars(select(SubscriptionRow))
        ]
        if not requests:
            return []
        first_mark = max((mark for request in requests for mark in request.marks), default=0)
        ends = _ends(session, declared, now, first_mark)
        events: list[EventRow] = []
        recipients: dict[str, Collection[str]] = {}
        for reminded, target_ids in due(ends, requests, now, log_lines.contains).items():
            draft, origin = log_lines.draft(reminded), log_lines.origin(reminded)
            written = event_log.append(session, [draft], origin)
            events += written
            recipients |= {event.id: target_ids for event in written}
        outbox.enqueue(session, events, now, only=recipients)
        return [event.to_json() for event in events]


@dataclass
class _LogLines:
    """Reminders as lines of the log: whether a line is there, and what it would be."""

    session: Session
    declared: Mapping[str, Origin]
    now: datetime
    events: dict[Reminder, EventRow] = field(default_factory=dict)

    def draft(self, reminded: Reminder) -> Draft:
        """Return the draft of a reminder, with the replacements of its model."""
        end = reminded.end
        others = fact_versions.retirements(self.session, end.fact.provider, [end.fact])
        return reminder(end.fact, end.retires, reminded.mark, self.now, others)

    def origin(self, reminded: Reminder) -> event_log.Provenance:
        """Return where the retirement is stated, for the log."""
        source, document = self.declared[reminded.end.source_id], reminded.end.document
        return event_log.Provenance(source.id, self.now, source.url, document)

    def contains(self, reminded: Reminder) -> bool:
        """Return whether the log holds a reminder."""
        end = reminded.end
        draft = reminder(end.fact, end.retires, reminded.mark, self.now, {})
        return event_log.contains(self.session, draft, end.source_id)

    def event(self, reminded: Reminder) -> EventRow:
        """Return the event of a reminder, to compare it with filters."""
        if reminded not in self.events:
            line = event_log.line(self.draft(reminded), self.origin(reminded))
            self.events[reminded] = EventRow(id="", says="", **line)
        return self.events[reminded]


def _begin(session: Session, now: datetime, every: timedelta | None) -> bool:
    """Return whether it is time, and record that it was done now. One process does it at a time."""
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


def _ends(session: Session, declared: Mapping[str, Origin], now: datetime, days: int) -> list[End]:
    """Return the retirements in so many days that official pages state.

    A page counts if it was polled and read lately, and a retirement unless the last poll found it
    changed."""
    rows = {
        row.id: row
        for row in session.scalars(select(SourceRow).where(SourceRow.kind == "official"))
    }
    doubted = {row.id: set(_doubted(row)) for row in rows.values() if row.pending}
    # The day is compared as text, which may have a time: a day more on either side, and coming_day
    # decides.
    near = fact_versions.retiring_between((now - _DAY).date(), (now + (days + 1) * _DAY).date())
    coming: list[tuple[FactVersion, Retirement, When]] = []
    for version in fact_versions.matching(session, [Retirement], near, official=True):
        row, fact = rows[version.source_id], version.fact
        if row.id not in declared or not _is_fresh(row, now):
            continue
        if fact.key in doubted.get(row.id, ()):
            continue
        if isinstance(fact, Retirement) and (end := coming_day(fact, now)):
            coming.append((version, fact, end))
    before = fact_versions.histories(session, [version for version, _, _ in coming])
    return [
        End(
            fact,
            end,
            version.source_id,
            _stated_since(version, before[version.source_id, fact.key], end),
            version.document,
        )
        for version, fact, end in coming
    ]


def _is_fresh(row: SourceRow, now: datetime) -> bool:
    polled, read = row.checked_at, row.good_at
    if polled is None or read is None:
        return False
    return polled > now - FRESH and read > now - READ_WITHIN


def _doubted(row: SourceRow) -> Iterator[str]:
    """Yield the retirements that the last poll of a page found otherwise, or not at all."""
    for pending in row.pending:
        change = Pending.from_json(pending).change
        before, after = change.before, change.after
        if isinstance(before, Retirement) and not (
            isinstance(after, Retirement)
            and (after.stage, after.retires) == (before.stage, before.retires)
        ):
            yield before.key


def _stated_since(version: FactVersion, versions: Sequence[FactVersion], end: When) -> datetime:
    """Return since when a page states this date without a break, whatever else changed."""
    since = version.first_seen
    for earlier in reversed(versions):
        if (
            not isinstance(earlier.fact, Retirement)
            or earlier.fact.retires != end
            or earlier.ended not in (None, since)
        ):
            break
        since = earlier.first_seen
    return since


def _muted(session: Session) -> dict[str, dict[str, Mute]]:
    """Return the acknowledgements of each target, by the subject of the retirement."""
    muted: dict[str, dict[str, Mute]] = defaultdict(dict)
    for row in session.scalars(select(AcknowledgementRow)):
        muted[row.subscription_id][row.subject] = Mute(row.retires, row.until)
    return muted


def _request(
    target: SubscriptionRow, muted: Mapping[str, Mute], log_lines: _LogLines
) -> Subscriber:
    """Return what a target wants of reminders."""
    event_filter = EventFilter.of(target)
    marks = USUAL if target.reminders is None else tuple(target.reminders)
    return Subscriber(
        target.id,
        target.asked_at or target.created_at,
        lambda reminded: event_filter.matches(log_lines.event(reminded)),
        marks,
        muted,
    )
