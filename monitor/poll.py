"""The order of one poll. This module alone knows it.

    row --fetch--> document --parse--> facts --decide--> changes, events
                       |                                      |
                       +---- one transaction: facts, events, deliveries, poll, validators ----+

A document that was not modified, or whose part that matters is the same as last time, ends at once; such polls are
written in batches. Each step is a function of its own, so that a test can break in before and after any of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from monitor.answer import told_at
from monitor.claims import Mark
from monitor.conflicts import BUILT_IN, Deviation, contradicted_by
from monitor.diff import Change, Pending, Snapshot, check, diff, fingerprint, look_again, patch, settle, snapshot
from monitor.errors import FetchFailed, LastcallError, StoreError, Unreadable
from monitor.events import Draft, completions, interpret, lasts, next_completion
from monitor.facts import Fact, Json, Notice, Price, Retirement
from monitor.fetch import Fetched, Validators, next_due
from monitor.identity import canonical
from monitor.publish import outbox
from monitor.source import REGISTRY, Source, officials
from monitor.store import conflicts, log, sources
from monitor.store import facts as versions
from monitor.store import marks as marked
from monitor.store.db import Result, Store, retried
from monitor.store.sources import State
from monitor.store.tables import SourceRow

#: After so many failed polls in a row the operator is told, once.
FAILING_AFTER = 3
#: Agreeing looks that release whatever a guard holds of a hint: two days at their cadence.
HINT_LOOKS = 8
#: How far our clock may be ahead of a server's and still say that a day is over.
AHEAD = timedelta(days=1)


class Getter(Protocol):
    """What a poll needs of monitor.fetch.Fetcher; a replay brings its own."""

    async def get(self, source: Source, validators: Validators, key: str | None, url: str | None = None) -> Fetched: ...


@dataclass(frozen=True)
class Polled:
    """How one poll ended. ``events`` are in their public form."""

    source_id: str
    outcome: str
    rows: int = 0
    events: list[Json] = field(default_factory=list)
    error: str = ""
    ms: int = 0


@dataclass(frozen=True)
class Decision:
    """What one look at a document means for the store."""

    outcome: str
    changes: list[Change] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    standing: Snapshot = field(default_factory=dict)
    doubt: str = ""
    held_looks: int = 0


def decide(
    source: Source,
    known: Snapshot,
    pending: Sequence[Pending],
    seen: Snapshot | None,
    now: datetime,
    *,
    returned: Collection[str] = (),
    ends: Mapping[str, Retirement] | None = None,
    marks: Mapping[str, Sequence[Mark]] | None = None,
    held_looks: int = 0,
    accepted: bool = False,
) -> Decision:
    """What to believe of a look: pure. ``seen`` is None for another look at the same page.

    ``returned``, ``ends`` and ``marks`` are what the store knows besides (events.interpret); ``held_looks`` counts
    the earlier looks that found these same facts held; ``accepted`` is an operator's word for it.
    """
    if seen is None:
        changes, waiting = look_again(known, pending, source.patience)
    elif not known:
        changes, waiting = diff({}, seen), []
        if (doubt := check({}, seen, now)) and not accepted:
            return Decision("suspect", doubt=doubt.reason, held_looks=held_looks + 1)
    else:
        doubt = check(known, seen, now)
        if doubt and source.kind == "hint":  # nobody is told of a hint, so nobody need be asked
            doubt = replace(doubt, looks=HINT_LOOKS)
        if doubt and not accepted and (doubt.looks is None or held_looks + 1 < doubt.looks):
            return Decision("suspect", doubt=doubt.reason, held_looks=held_looks + 1, pending=list(pending))
        # What was doubted and is now let in has been looked at often enough, or by a person.
        changes, waiting = (diff(known, seen), []) if doubt else settle(known, seen, pending, source.patience)
    standing = patch(known, changes)
    leaving = {wait.change.key for wait in waiting if wait.change.after is None}
    there = [fact for key, fact in standing.items() if key not in leaving]
    known_ends = _ends(standing.values(), ends or {})
    drafts = interpret(source, changes, now, returned, known_ends, marks) + (
        completions(there, now, known_ends) if source.kind == "official" else []
    )
    return Decision("accepted" if seen is not None else "unchanged", changes, waiting, drafts, standing)


def _ends(standing: Iterable[Fact], stored: Mapping[str, Retirement]) -> dict[str, Retirement]:
    """The ends of models by folded id: as this page states them now, for the others as the store knows them."""
    own: dict[str, Retirement] = {}
    for fact in standing:
        if isinstance(fact, Retirement) and fact.surface == "api":
            name = fact.model.casefold()
            own[name] = max(own.get(name, fact), fact, key=lasts)
    return {**stored, **own}


# --- steps -------------------------------------------------------------------------------------------------


async def fetch(getter: Getter, source: Source, row: State, key: str | None, url: str | None) -> Fetched:
    """Ask for the document, with the validators of the last accepted one."""
    return await getter.get(source, Validators(row.etag or None, row.last_modified or None), key, url)


def parse(source: Source, body: bytes) -> list[Fact]:
    """Read the facts of a document. Raises Unreadable."""
    return source.read(body)


def calendar(now: datetime, fetched: Fetched) -> datetime:
    """The time by which ends are over: ours, but never far ahead of that of the server which the page is from.

    A clock that is a year ahead would have everything retired today. A server without a clock (an archive) is no check.
    """
    told = told_at(fetched.date, fetched.age)
    return min(now, told + AHEAD) if told else now


def record(
    store: Store, source: Source, fetched: Fetched, facts: Sequence[Fact] | None, digest: str, now: datetime,
    due_at: datetime, *, accepted: bool = False, declared: Mapping[str, Source] = REGISTRY,
    deviations: Collection[Deviation] = BUILT_IN,
) -> Polled:  # fmt: skip
    """Decide on a look and write all of it in one transaction. ``facts`` is None for the same page again.

    What changed is compared with what the other ``declared`` sources say of the same models; ``deviations`` from them
    are known and raise no event. What the official ones say marks the claims of news (monitor.claims).
    """
    official = officials(declared)
    today = calendar(now, fetched)
    with store.write() as session:
        row = sources.locked(session, source.id)
        if facts is None and row.seen != digest:  # another process took over another document since the row was read
            return Polled(source.id, "unchanged", row.rows)
        known = versions.standing(session, source.id)
        first = row.baseline_at is None
        pending = [Pending.from_json(wait) for wait in row.pending]
        seen = None if facts is None else snapshot(facts)
        facts_seen = fingerprint(seen or {})
        fresh = [fact for key, fact in (seen or {}).items() if key not in known]
        gone = [wait.change.fact for wait in pending if wait.change.after is None]
        articles = [fact for fact in fresh if isinstance(fact, Notice)] if source.kind == "news" else []
        ending = [fact for fact in (seen or known).values() if isinstance(fact, Retirement)]
        decision = decide(
            source, known, pending, seen, today,
            returned=versions.returned(session, source.id, fresh),
            ends=versions.ends(session, source.provider, [*gone, *ending]),
            marks=marked.marks(session, official, articles, now),
            held_looks=row.held_looks if row.held_seen == facts_seen else 0, accepted=accepted,
        )  # fmt: skip
        row.checked_at, row.due_at, row.error, row.lease_until = now, due_at, decision.doubt, None
        document = row.document
        if fetched.body and (decision.outcome == "suspect" or decision.changes or decision.pending or first):
            document = sources.keep(session, fetched.body, url=fetched.url, content_type=fetched.content_type, now=now)
        if decision.outcome == "suspect":
            drafts = [] if row.held_seen else [_held(source, decision.doubt)]
            row.held, row.held_seen, row.held_looks = document, facts_seen, decision.held_looks
        else:
            said = [change.fact for change in decision.changes] + [draft.fact for draft in decision.drafts]
            told = marked.published(session, official, said, row.good_at or now) if source.id in official else []
            versions.apply(session, source.id, decision.changes, now, document)
            noted = _noted(known, seen or {})
            versions.note(session, source.id, noted)
            touched = _models([change.fact for change in decision.changes] + noted)
            drafts = decision.drafts + conflicts.compare(session, touched, declared, deviations, now)
            drafts += _recovered(source, row)
            row.good_at, row.failures, row.stale, row.rows = now, 0, False, len(decision.standing)
            row.baseline_at = row.baseline_at or now
            row.document, row.seen = document, digest or row.seen
            row.etag, row.last_modified = fetched.validators.etag or "", fetched.validators.last_modified or ""
            row.pending = [wait.to_json() for wait in decision.pending]
            row.held = row.held_seen = ""
            row.held_looks = 0
            row.milestone_at = next_completion(decision.standing, today)
            drafts += marked.corrections(session, official, told, now)
        row.outcome = decision.outcome
        written = log.append(
            session, drafts, source_id=source.id, url=source.url, document=document, now=now, baseline=first
        )
        outbox.enqueue(session, written, now)
        poll = _poll(source.id, now, decision.outcome, fetched, row.rows, len(written), document, decision.doubt)
        sources.record(session, [poll])
        return Polled(
            source.id, "baseline" if first and decision.outcome == "accepted" else decision.outcome, row.rows,
            [event.to_json() for event in written], decision.doubt, round(fetched.ms),
        )  # fmt: skip


def record_failure(
    store: Store, source: Source, error: LastcallError, outcome: str, now: datetime, due_at: datetime
) -> Polled:
    """Write a poll that brought no document, or one that could not be read. Nothing a subscriber sees changes."""
    status = error.status or 0 if isinstance(error, FetchFailed) else 200
    with store.write() as session:
        row = sources.locked(session, source.id)
        row.checked_at, row.due_at, row.outcome, row.error = now, due_at, outcome, str(error)
        row.failures, row.lease_until = row.failures + 1, None
        drafts = []
        if row.failures == FAILING_AFTER:
            words = f"{source.id}: {row.failures} polls in a row failed: {error}"
            drafts = [Draft("source.failing", "action", None, words)]
        drafts += _stale(source, row, now)
        written = log.append(session, drafts, source_id=source.id, url=source.url, document="", now=now)
        outbox.enqueue(session, written, now)
        poll = _poll(source.id, now, outcome, None, row.rows, len(written), "", str(error)) | {"status": status}
        sources.record(session, [poll])
        return Polled(source.id, outcome, row.rows, [event.to_json() for event in written], str(error))


def _noted(known: Snapshot, seen: Snapshot) -> list[Fact]:
    """Facts that stand as they did, but are contradicted by other rows of their page than before."""
    return [
        fact for key, fact in seen.items()
        if key in known and known[key].value == fact.value and contradicted_by(known[key]) != contradicted_by(fact)
    ]  # fmt: skip


def _models(facts: Iterable[Fact]) -> set[str]:
    """The canonical models that facts are about, as far as facts of their kind can contradict each other."""
    return {canonical(fact.provider, fact.model) for fact in facts if isinstance(fact, Retirement | Price)}


def _held(source: Source, doubt: str) -> Draft:
    words = f"{source.id}: a document is held: {doubt}; `lastcall sources show {source.id}` compares, `accept` releases"
    return Draft("source.suspect", "action", None, words)


def _stale(source: Source, row: SourceRow, now: datetime) -> list[Draft]:
    """Said once, with the first poll that fails after what is known has become old."""
    if row.stale or not row.good_at or now - row.good_at <= source.stale_after:
        return []
    row.stale = True
    words = f"{source.id}: nothing was accepted since {row.good_at:%Y-%m-%d %H:%M}Z"
    return [Draft("source.stale", "action", None, words)]


def _recovered(source: Source, row: SourceRow) -> list[Draft]:
    if row.failures < FAILING_AFTER and not row.held_seen and not row.stale:
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
        "source_id": source_id, "at": now, "outcome": outcome, "rows": rows, "events": events, "document": document,
        "error": error, "status": fetched.status if fetched else 0, "ms": round(fetched.ms) if fetched else 0,
        "size": len(fetched.body) if fetched else 0,
    }  # fmt: skip


# --- the poller --------------------------------------------------------------------------------------------


class Poller:
    """Polls sources, several at a time, each never twice at once.

    ``clock`` gives the time in UTC. ``keys`` gives the value of an API key by its name, or None. ``urls`` replaces
    the address of a source (a mirror, the demo). ``deviations`` are contradictions that are known. ``wake`` is called
    when something new is owed to somebody.
    """

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
        concurrency: int = 20,
        wake: Callable[[], None] = lambda: None,
    ):
        self.store = store
        self.getter = getter
        self.declared = declared
        self.clock = clock
        self.keys = keys
        self.urls = urls or {}
        self.deviations = deviations
        self.chance = chance
        self.wake = wake
        self.busy: set[str] = set()
        self._slots = asyncio.Semaphore(concurrency)
        self._reading = asyncio.Lock()  # one page in memory at a time: two at once are no faster under one GIL
        self._unchanged: list[dict[str, Any]] = []

    async def sweep(self, rows: Iterable[State], tell: Callable[[Polled], None] = lambda polled: None) -> list[Polled]:
        """Poll these sources and return how each ended; ``tell`` hears of each as it ends."""

        async def one(row: State) -> Polled:
            async with self._slots:
                polled = await self.poll(row)
            tell(polled)
            return polled

        known = [row for row in rows if row.id in self.declared and row.id not in self.busy]
        try:
            return list(await asyncio.gather(*(one(row) for row in known)))
        finally:
            await self.flush()

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
        due_at = next_due(now, source.every, fetched, 0, self.chance)
        digest = row.seen if fetched.not_modified else hashlib.sha256(source.look(fetched.body)).hexdigest()
        same = bool(row.seen) and digest == row.seen
        ended = row.milestone_at and row.milestone_at <= now
        waits = row.pending or row.held_seen or ended or row.failures or row.stale
        if same and not waits:
            self.note(row, fetched, now, due_at)
            return Polled(source.id, "unchanged", row.rows, ms=round(fetched.ms))
        facts = None
        if not same:
            try:
                async with self._reading:
                    facts = await asyncio.to_thread(parse, source, fetched.body)
            except Unreadable as error:
                return await self._failed(source, row, error, "unreadable", now)
        polled = await self._write(
            record, source, fetched, facts, digest, now, due_at, declared=self.declared, deviations=self.deviations
        )
        if polled.events:
            self.wake()
        return polled

    async def _failed(self, source: Source, row: State, error: LastcallError, outcome: str, now: datetime) -> Polled:
        due_at = next_due(now, source.every, error, row.failures + 1, self.chance)
        return await self._write(record_failure, source, error, outcome, now, due_at)

    async def _write(self, work: Callable[..., Result], *given: Any, **more: Any) -> Result:
        """What one of the functions that write returns, run beside the event loop (db.retried)."""
        return await asyncio.to_thread(retried, partial(work, self.store, *given, **more))

    def note(self, row: State, fetched: Fetched, now: datetime, due_at: datetime) -> None:
        """Remember a poll in which nothing changed, for the next flush."""
        tags = fetched.validators
        self._unchanged.append({
            "source": row.id, "known": row.seen, "at": now, "due": due_at,
            "tag": tags.etag or "", "modified": tags.last_modified or "",
        })  # fmt: skip

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
        sources.unchanged(session, noted)


def _write_off(store: Store, source: Source, now: datetime, why: str) -> None:
    with store.write() as session:
        sources.off(session, source.id, now, now + source.every, why)
