"""The order of one poll. This module alone knows it.

    row --fetch--> document --parse--> facts --decide--> changes, events
                       |                                      |
                       +---- one transaction: facts, events, deliveries, poll, validators ----+

A document that was not modified, or whose part that matters is the same as last time, ends at once;
such polls are written in batches. Each step is a function of its own, so that a test can break in
before and after any of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from sqlmodel import Session

from monitor.core.claims import Mark
from monitor.core.contradictions import BUILT_IN, Deviation, contradicted_by
from monitor.core.diff import (
    RETURN_LOOKS,
    Change,
    Doubt,
    Pending,
    Said,
    Settled,
    Snapshot,
    check,
    diff,
    fingerprint,
    patch,
    remembered,
    same_page,
    settle,
    snapshot,
)
from monitor.core.ends import available_until, passed
from monitor.core.facts import Fact, Json, Notice, Price, Retirement
from monitor.core.interpret import Draft, completions, interpret, next_completion
from monitor.core.names import canonical
from monitor.delivery import outbox
from monitor.errors import FetchFailed, LastcallError, NotFound, StoreError, Unreadable
from monitor.polling.fetch import Fetched, Validators, next_due
from monitor.polling.http_rules import flavour, told_at
from monitor.polling.outcomes import OUTCOMES, Outcome
from monitor.polling.parser_pool import InProcess, Look, Reader
from monitor.reading.source import REGISTRY, Source, officials
from monitor.store import event_log, open_contradictions, source_state
from monitor.store import fact_versions as versions
from monitor.store import news_verdicts as marked
from monitor.store.db import Result, Store, retried
from monitor.store.source_state import State
from monitor.store.tables import SourceRow

#: After so many failed polls in a row the operator is told, once.
FAILING_AFTER = 3
#: Agreeing looks that release whatever a guard holds of a hint: two days at their cadence.
HINT_LOOKS = 8
#: How soon a change that needs nothing but another look gets it, where a source is polled less
#: often.
SOON = timedelta(minutes=15)
#: The share of a source's cadence after which a look counts as a whole interval later; polls are
#: spread by a tenth.
APART = 0.8
#: How far our clock may be ahead of a server's and still say that a day is over.
AHEAD = timedelta(days=1)


class Getter(Protocol):
    """What a poll needs of monitor.polling.fetch.Fetcher; a replay brings its own."""

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched: ...


@dataclass(frozen=True)
class Polled:
    """How one poll ended. ``events`` are in their public form; ``waiting`` changes need another
    look at ``due_at``.

    ``stuck``: what is held waits for a person, and no further look releases it.
    """

    source_id: str
    outcome: str
    rows: int = 0
    events: list[Json] = field(default_factory=list)
    error: str = ""
    ms: int = 0
    waiting: int = 0
    due_at: datetime | None = None
    stuck: bool = False


@dataclass(frozen=True)
class Decision:
    """What one look at a document means for the store.

    ``soon``: a change waits for nothing but another look. ``untold``: an end that is over is told
    at the next look."""

    outcome: Outcome
    changes: list[Change] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    recent: list[Said] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    standing: Snapshot = field(default_factory=dict)
    doubt: Doubt | None = None
    soon: bool = False
    untold: bool = False


def decide(
    source: Source,
    known: Snapshot,
    pending: Sequence[Pending],
    seen: Snapshot | None,
    now: datetime,
    *,
    recent: Sequence[Said] = (),
    spaced: bool = True,
    returned: Collection[str] = (),
    ends: Mapping[str, Retirement] | None = None,
    marks: Mapping[str, Sequence[Mark]] | None = None,
    agreed: Callable[[Sequence[Fact]], Collection[str]] = lambda facts: (),
    held_looks: int = 1,
    accepted: bool = False,
) -> Decision:
    """What to believe of a look: pure. ``seen`` is None for another look at the same page.

    ``recent`` is what settle remembers, ``spaced`` whether this look comes a whole interval after
    the last that did. ``returned``, ``ends``, ``marks`` and ``agreed`` are what the store knows
    besides (events.interpret, diff.check); ``held_looks`` counts the spaced looks that found these
    same facts, this one included, since they are held; ``accepted`` is an operator's word."""
    doubt = None if seen is None or accepted else doubted(source, known, seen, now, agreed)
    if doubt and (not known or doubt.looks is None or held_looks < doubt.looks):
        return Decision("suspect", doubt=doubt)
    if seen is not None and not known:
        settled = Settled(diff({}, seen), [], [])
    else:  # what was doubted and is now let in has been looked at often enough, or by a person
        found = same_page(known, pending) if seen is None else seen
        settled = settle(
            known,
            found,
            pending,
            recent,
            now,
            spaced=spaced,
            every=source.every,
            patience=source.confirmations,
            trusted=accepted or doubt is not None,
            feed=flavour(source.url, source.kind, source.access is not None) == "feed",
        )
    standing = patch(known, settled.changes)
    # Nor is an end told right after a look at which it was put off: one of the two looks is a stale
    # page.
    settled_now = {change.key for change in settled.changes}
    before = [wait for wait in pending if wait.change.key not in settled_now]
    unsure = {
        wait.change.key for wait in (*before, *settled.pending) if not _over(wait.change.after, now)
    }
    there = [fact for key, fact in standing.items() if key not in unsure]
    known_ends = _ends(standing.values(), ends or {})
    drafts = interpret(source, settled.changes, now, returned, known_ends, marks) + (
        completions(there, now, known_ends) if source.kind == "official" else []
    )
    return Decision(
        "unchanged" if seen is None else "accepted",
        *settled,
        drafts,
        standing,
        # One look comes soon after a spaced one, or after a quiet time: what says something else at
        # every look waits.
        soon=(spaced or not pending) and any(wait.soon for wait in settled.pending),
        untold=source.kind == "official" and any(_over(standing.get(key), now) for key in unsure),
    )


def doubted(
    source: Source,
    known: Snapshot,
    seen: Snapshot,
    now: datetime,
    agreed: Callable[[Sequence[Fact]], Collection[str]] = lambda facts: (),
) -> Doubt | None:
    """Why this document of this source should not be taken over yet, or None (diff.check)."""
    doubt = check(known, seen, now, agreed)
    if (
        doubt and known and source.kind == "hint"
    ):  # nobody is told of a hint, so nobody need be asked
        return replace(doubt, looks=HINT_LOOKS)
    return doubt


def _over(after: Fact | None, now: datetime) -> bool:
    """Whether an end has come also by what waits to be believed: not if the row is gone, or the end
    is put off.
    """
    return isinstance(after, Retirement) and passed(after.retires, now)


def _ends(standing: Iterable[Fact], stored: Mapping[str, Retirement]) -> dict[str, Retirement]:
    """The ends of models by folded id: as this page states them now, for the others as the store
    knows them.
    """
    own: dict[str, Retirement] = {}
    for fact in standing:
        if isinstance(fact, Retirement) and fact.surface == "api":
            name = fact.model.casefold()
            own[name] = max(own.get(name, fact), fact, key=available_until)
    return {**stored, **own}


# --- steps
# -------------------------------------------------------------------------------------------------


async def fetch(
    getter: Getter, source: Source, row: State, key: str | None, url: str | None
) -> Fetched:
    """Ask for the document, with the validators of the last accepted one."""
    return await getter.get(
        source, Validators(row.etag or None, row.last_modified or None), key, url
    )


async def parse(reader: Reader, source: Source, row: State, fetched: Fetched) -> Look:
    """Read a document, if it is not the accepted one. Raises Unreadable."""
    return (
        Look(row.seen)
        if fetched.not_modified
        else await reader.read(source, fetched.body, row.seen, row.document)
    )


def calendar(now: datetime, fetched: Fetched) -> datetime:
    """The time by which ends are over: ours, but never far ahead of that of the server which the
    page is from.

    A clock that is a year ahead would have everything retired today. A server without a clock (an
    archive) is no check."""
    told = told_at(fetched.date, fetched.age)
    return min(now, told + AHEAD) if told else now


def record(
    store: Store,
    source: Source,
    fetched: Fetched,
    facts: Sequence[Fact] | None,
    digest: str,
    now: datetime,
    due_at: datetime,
    *,
    soon_at: datetime | None = None,
    stands_still: bool = False,
    accepted: bool = False,
    declared: Mapping[str, Source] = REGISTRY,
    deviations: Collection[Deviation] = BUILT_IN,
) -> Polled:
    """Decide on a look and write all of it in one transaction. ``facts`` is None for the same page
    again.

    It is due again at ``due_at``, or at ``soon_at`` if a change waits for nothing but another look.
    ``stands_still``: the clock is that of an archive, and every look counts as a whole interval.
    Raises NotFound if a person ``accepted`` what is no longer held. What changed is compared with
    what the other ``declared`` sources say of the same models; ``deviations`` from them are known
    and raise no event. What the official ones say marks the claims of news
    (monitor.core.claims)."""
    official = officials(declared)
    today = calendar(now, fetched)
    with store.write() as session:
        row = source_state.locked(session, source.id)
        if (
            facts is None and row.seen != digest
        ):  # another process took over another document since the row was read
            return Polled(source.id, "unchanged", row.rows)
        known = versions.standing(session, source.id)
        first = row.baseline_at is None
        pending = [Pending.from_json(wait) for wait in row.pending]
        recent = [Said.from_json(said) for said in row.recent]
        spaced = stands_still or _apart(row.looked_at, now, source.every)
        seen = None if facts is None else snapshot(facts)
        facts_seen = fingerprint(seen or {})
        if accepted and row.held_seen != facts_seen:
            raise NotFound(
                f"{source.id}: another document is held by now, or none; `lastcall sources show` "
                "compares"
            )
        held_again = row.held_seen == facts_seen
        held_spaced = stands_still or not held_again or _apart(row.held_at, now, source.every)
        held_looks = held_spaced + (row.held_looks if held_again else 0)
        fresh = [fact for key, fact in (seen or {}).items() if key not in known]
        gone = [wait.change.fact for wait in pending if wait.change.after is None]
        articles = (
            [fact for fact in fresh if isinstance(fact, Notice)] if source.kind == "news" else []
        )
        ending = [fact for fact in (seen or known).values() if isinstance(fact, Retirement)]
        decision = decide(
            source,
            known,
            pending,
            seen,
            today,
            recent=recent,
            spaced=spaced,
            returned=versions.returned(session, source.id, fresh),
            ends=versions.ends(session, source.provider, [*gone, *ending]),
            marks=marked.marks(session, official, articles, now),
            agreed=lambda doubted: versions.agreed(session, source, doubted, declared),
            held_looks=held_looks,
            accepted=accepted,
        )
        error = decision.doubt.reason if decision.doubt else ""
        row.checked_at, row.error, row.lease_until = now, error, None
        row.due_at = min(due_at, soon_at) if decision.soon and soon_at else due_at
        document = row.document
        if fetched.body and (
            decision.outcome == "suspect" or decision.changes or decision.pending or first
        ):
            document = source_state.keep(
                session, fetched.body, url=fetched.url, content_type=fetched.content_type, now=now
            )
        if not OUTCOMES[decision.outcome].believed:
            drafts = []
            if held_looks >= RETURN_LOOKS or _holding(facts_seen) not in remembered(
                recent, today
            ):  # else it flaps
                told_held = _told_held(session, source)
                drafts = [_held(source, decision.doubt)] if decision.doubt and not told_held else []
                drafts += [] if stands_still else _stale(source, row, now)
            row.held, row.held_seen, row.held_looks = document, facts_seen, held_looks
            row.held_at = _counted(row.held_at, now, held_spaced)
        else:
            said = [change.fact for change in decision.changes] + [
                draft.fact for draft in decision.drafts
            ]
            told = (
                marked.published(session, official, said, row.good_at or now)
                if source.id in official
                else []
            )
            versions.apply(session, source.id, decision.changes, now, document)
            noted = _noted(known, seen or {})
            versions.note(session, source.id, noted)
            touched = _models([change.fact for change in decision.changes] + noted)
            drafts = decision.drafts + open_contradictions.compare(
                session, touched, declared, deviations, now
            )
            drafts += _recovered(source, row, _told_held(session, source))
            was_held = [Said(_holding(row.held_seen), today, RETURN_LOOKS)] if row.held_seen else []
            row.looked_at = _counted(row.looked_at, now, spaced)
            row.good_at, row.failures, row.stale, row.rows = today, 0, False, len(decision.standing)
            row.baseline_at = row.baseline_at or now
            row.document, row.seen = document, digest or row.seen
            row.etag, row.last_modified = (
                fetched.validators.etag or "",
                fetched.validators.last_modified or "",
            )
            row.pending = [wait.to_json() for wait in decision.pending]
            row.recent = [said.to_json() for said in decision.recent + was_held]
            row.held = row.held_seen = ""
            row.held_looks, row.held_at = 0, None
            row.milestone_at = now if decision.untold else next_completion(decision.standing, today)
            drafts += marked.corrections(session, official, told, now)
        row.outcome = decision.outcome
        written = event_log.append(
            session,
            drafts,
            source_id=source.id,
            url=source.url,
            document=document,
            now=now,
            baseline=first,
        )
        outbox.enqueue(session, written, now)
        poll = _poll(
            source.id, now, decision.outcome, fetched, row.rows, len(written), document, error
        )
        source_state.record(session, [poll])
        return Polled(
            source.id,
            "baseline" if first and decision.outcome == "accepted" else decision.outcome,
            row.rows,
            [event.to_json() for event in written],
            error,
            round(fetched.ms),
            len(row.pending),
            row.due_at,
            stuck=decision.doubt is not None and decision.doubt.looks is None,
        )


def record_failure(
    store: Store,
    source: Source,
    error: LastcallError,
    outcome: str,
    now: datetime,
    due_at: datetime,
    *,
    stands_still: bool = False,
) -> Polled:
    """Write a poll that brought no document, or one that could not be read. Nothing a subscriber
    sees changes.
    """
    status = error.status or 0 if isinstance(error, FetchFailed) else 200
    with store.write() as session:
        row = source_state.locked(session, source.id)
        row.checked_at, row.due_at, row.outcome, row.error = now, due_at, outcome, str(error)
        row.failures, row.lease_until = row.failures + 1, None
        drafts = []
        if row.failures == FAILING_AFTER:
            words = f"{source.id}: {row.failures} polls in a row failed: {error}"
            drafts = [Draft("source.failing", "action", None, words)]
        drafts += [] if stands_still else _stale(source, row, now)
        written = event_log.append(
            session, drafts, source_id=source.id, url=source.url, document="", now=now
        )
        outbox.enqueue(session, written, now)
        poll = _poll(source.id, now, outcome, None, row.rows, len(written), "", str(error)) | {
            "status": status
        }
        source_state.record(session, [poll])
        return Polled(
            source.id, outcome, row.rows, [event.to_json() for event in written], str(error)
        )


def _apart(looked_at: datetime | None, now: datetime, every: timedelta) -> bool:
    """Whether a look counts as a whole interval after the last that did."""
    return looked_at is None or now - looked_at >= every * APART


def _counted(looked_at: datetime | None, now: datetime, spaced: bool) -> datetime:
    """From when the next interval counts. A clock that was set back begins it anew."""
    return now if spaced or looked_at is None else min(looked_at, now)


def _noted(known: Snapshot, seen: Snapshot) -> list[Fact]:
    """Facts that stand as they did, but are contradicted by other rows of their page than
    before.
    """
    return [
        fact
        for key, fact in seen.items()
        if key in known
        and known[key].value == fact.value
        and contradicted_by(known[key]) != contradicted_by(fact)
    ]


def _models(facts: Iterable[Fact]) -> set[str]:
    """The canonical models that facts are about, as far as facts of their kind can contradict each
    other.
    """
    return {
        canonical(fact.provider, fact.model)
        for fact in facts
        if isinstance(fact, Retirement | Price)
    }


def _held(source: Source, doubt: Doubt) -> Draft:
    words = (
        f"{source.id}: a document is held: {doubt.reason}; {doubt.release};"
        f" `lastcall sources show {source.id}` compares, `accept` takes it over"
    )
    return Draft("source.suspect", "action", None, words)


def _stale(source: Source, row: SourceRow, now: datetime) -> list[Draft]:
    """Said once, with the first poll that fails or is held after what is known has become old."""
    if row.stale or not row.good_at or now - row.good_at <= source.stale_after:
        return []
    row.stale = True
    words = f"{source.id}: nothing was accepted since {row.good_at:%Y-%m-%d %H:%M}Z"
    return [Draft("source.stale", "action", None, words)]


def _told_held(session: Session, source: Source) -> bool:
    """Whether the operator last heard that a document is held. One that comes and goes is told of
    once, as news is.
    """
    return (
        event_log.last_kind(session, source.id, ("source.suspect", "source.recovered"))
        == "source.suspect"
    )


def _holding(facts_seen: str) -> str:
    """What is remembered of a document that was held (diff.Said)."""
    return f"held {facts_seen[:16]}"


def _recovered(source: Source, row: SourceRow, held: bool) -> list[Draft]:
    if row.failures < FAILING_AFTER and not held and not row.stale:
        return []
    return [Draft("source.recovered", "notice", None, f"{source.id}: read again")]


def _poll(
    source_id: str,
    now: datetime,
    outcome: str,
    fetched: Fetched | None,
    rows: int,
    events: int,
    document: str,
    error: str,
) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "at": now,
        "outcome": outcome,
        "rows": rows,
        "events": events,
        "document": document,
        "error": error,
        "status": fetched.status if fetched else 0,
        "ms": round(fetched.ms) if fetched else 0,
        "size": len(fetched.body) if fetched else 0,
    }


# --- the poller
# --------------------------------------------------------------------------------------------


class Poller:
    """Polls sources, several at a time, each never twice at once.

    ``clock`` gives the time in UTC. ``keys`` gives the value of an API key by its name, or None.
    ``urls`` replaces the address of a source (a mirror, the demo). ``deviations`` are
    contradictions that are known. ``stands_still`` says that the clock is an archive's
    (monitor.replaying.replay). ``wake`` is called when something new is owed to somebody.
    ``reader`` reads the documents, in this process if none is given."""

    def __init__(
        self,
        store: Store,
        getter: Getter,
        declared: Mapping[str, Source],
        *,
        clock: Callable[[], datetime],
        keys: Callable[[str], str | None] = lambda name: None,
        urls: Mapping[str, str] | None = None,
        deviations: Collection[Deviation] = BUILT_IN,
        chance: Callable[[], float] = random.random,
        stands_still: bool = False,
        concurrency: int = 20,
        wake: Callable[[], None] = lambda: None,
        reader: Reader | None = None,
    ):
        self.store = store
        self.getter = getter
        self.declared = declared
        self.clock = clock
        self.keys = keys
        self.urls = urls or {}
        self.deviations = deviations
        self.chance = chance
        self.stands_still = stands_still
        self.wake = wake
        self.reader = reader or InProcess()
        self.busy: set[str] = set()
        self._slots = asyncio.Semaphore(concurrency)
        self._unchanged: list[dict[str, Any]] = []

    async def sweep(
        self, rows: Iterable[State], tell: Callable[[Polled], None] = lambda polled: None
    ) -> list[Polled]:
        """Poll these sources and return how each ended; ``tell`` hears of each as it ends."""

        async def one(row: State) -> Polled:
            async with self._slots:
                polled = await self.poll(row)
            tell(polled)
            return polled

        known = [row for row in rows if row.id in self.declared and row.id not in self.busy]
        ended = await asyncio.gather(*(one(row) for row in known), return_exceptions=True)
        await self.flush()
        if broke := [error for error in ended if isinstance(error, BaseException)]:
            raise broke[0]  # after all the others: none is left behind, half polled
        return [polled for polled in ended if isinstance(polled, Polled)]

    async def poll(self, row: State) -> Polled:
        """One poll of one source. Expected failures are an outcome, not an exception."""
        source = self.declared[row.id]
        self.busy.add(row.id)
        try:
            return await self._poll(source, row)
        finally:
            self.busy.discard(row.id)

    async def _poll(self, source: Source, row: State) -> Polled:
        now = self.clock()
        key = self.keys(source.access.key) if source.access else None
        if source.access and not key:
            why = f"{source.access.key} is not set"
            await self._write(_write_off, source, now, why)
            return Polled(source.id, "off", row.rows, error=why)
        try:
            fetched = await fetch(self.getter, source, row, key, self.urls.get(source.id))
        except FetchFailed as error:
            return await self._failed(source, row, error, "unreachable", now)
        try:
            look = await parse(self.reader, source, row, fetched)
        except Unreadable as error:
            return await self._failed(source, row, error, "unreadable", now)
        due_at = next_due(now, source.every, fetched, 0, self.chance)
        ended = row.milestone_at and row.milestone_at <= now
        waits = row.pending or row.held_seen or ended or row.failures or row.stale
        if look.facts is None and not waits:
            self.note(row, fetched, now, due_at)
            return Polled(source.id, "unchanged", row.rows, ms=round(fetched.ms))
        polled = await self._write(
            record,
            source,
            fetched,
            look.facts,
            look.digest,
            now,
            due_at,
            soon_at=next_due(now, min(source.every, SOON), fetched, 0, self.chance),
            stands_still=self.stands_still,
            declared=self.declared,
            deviations=self.deviations,
        )
        if polled.events:
            self.wake()
        return polled

    async def _failed(
        self, source: Source, row: State, error: LastcallError, outcome: str, now: datetime
    ) -> Polled:
        due_at = next_due(now, source.every, error, row.failures + 1, self.chance)
        return await self._write(
            record_failure, source, error, outcome, now, due_at, stands_still=self.stands_still
        )

    async def _write(self, work: Callable[..., Result], *given: Any, **more: Any) -> Result:
        """What one of the functions that write returns, run beside the event loop (db.retried)."""
        return await asyncio.to_thread(retried, partial(work, self.store, *given, **more))

    def note(self, row: State, fetched: Fetched, now: datetime, due_at: datetime) -> None:
        """Remember a poll in which nothing changed, for the next flush."""
        tags = fetched.validators
        self._unchanged.append(
            {
                "source": row.id,
                "known": row.seen,
                "at": now,
                "good": calendar(now, fetched),
                "due": due_at,
                "tag": tags.etag or "",
                "modified": tags.last_modified or "",
            }
        )

    async def flush(self) -> None:
        """Write the polls that changed nothing; what cannot be written now, with the next ones.

        What a crash loses of them is polled again.
        """
        noted, self._unchanged = self._unchanged, []
        if noted:
            try:
                await self._write(_write_unchanged, noted)
            except StoreError:
                self._unchanged = noted + self._unchanged
                raise


def _write_unchanged(store: Store, noted: Sequence[dict[str, Any]]) -> None:
    with store.write() as session:
        source_state.unchanged(session, noted)


def _write_off(store: Store, source: Source, now: datetime, why: str) -> None:
    with store.write() as session:
        source_state.off(session, source.id, now, now + source.every, why)
