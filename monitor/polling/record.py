"""Record one poll: decide on its page and write all of it in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlmodel import Session

from monitor.core.contradictions import BUILT_IN, Deviation, renoted
from monitor.core.diff import Snapshot, fingerprint, snapshot
from monitor.core.facts import Fact, Notice, Price, Retirement
from monitor.core.interpret import Draft, next_completion
from monitor.core.names import canonical
from monitor.core.settle import RETURN_POLLS, PastValue, Pending, remembered
from monitor.delivery import outbox
from monitor.errors import FetchFailed, LastcallError, NotFound
from monitor.polling.decide import Decision, Memory, Page, decide
from monitor.polling.fetch import Fetched
from monitor.polling.outcomes import OUTCOMES, Outcome, PollResult
from monitor.polling.parser_pool import ParsedPage
from monitor.polling.schedule import PollTimes, count_from, is_full_interval, page_time
from monitor.reading.source import REGISTRY, Source, officials
from monitor.store import event_log, fact_versions, news_verdicts, open_contradictions, source_state
from monitor.store.db import Store
from monitor.store.source_state import UnchangedPoll
from monitor.store.tables import EventRow, SourceRow

#: After this many failed polls in a row the operator is alerted, once.
FAILING_AFTER = 3


@dataclass(frozen=True)
class Document:
    """Hold a fetched document with what a parser read in it."""

    fetched: Fetched
    parsed: ParsedPage


@dataclass(frozen=True)
class PollRules:
    """Hold what polls are recorded by.

    What changed is compared with what the other ``declared`` sources state about the same models;
    ``deviations`` between them are known and raise no event. ``archived``: the clock is that of an
    archive, and every poll counts as a full interval. ``approved``: an operator accepted the
    page."""

    declared: Mapping[str, Source] = field(default_factory=lambda: REGISTRY)
    deviations: Collection[Deviation] = BUILT_IN
    archived: bool = False
    approved: bool = False

    @cached_property
    def official(self) -> frozenset[str]:
        """Return the ids of the official sources."""
        return officials(self.declared)


@dataclass(frozen=True)
class _Poll:
    """Hold one poll inside its transaction. ``today`` is the time at which its page is read."""

    session: Session
    source: Source
    row: SourceRow
    times: PollTimes
    today: datetime
    rules: PollRules

    @property
    def now(self) -> datetime:
        return self.times.now

    @property
    def official(self) -> frozenset[str]:
        return self.rules.official


def record(
    store: Store, source: Source, document: Document, times: PollTimes, rules: PollRules
) -> PollResult:
    """Decide on a document and write all that follows in one transaction.

    Raises NotFound if an operator approved a page that is no longer held."""
    facts = None if document.parsed.facts is None else snapshot(document.parsed.facts)
    with store.write() as session:
        row = source_state.lock(session, source.id)
        if facts is None and row.seen != document.parsed.digest:
            # Another process accepted another document since this one was requested.
            return PollResult(source.id, "unchanged", row.rows)
        today = page_time(times.now, document.fetched, row.good_at)
        poll = _Poll(session, source, row, times, today, rules)
        memory = _remember(poll, facts)
        page = _count(poll, facts)
        is_first = row.baseline_at is None
        decision = decide(source, page, memory, today)
        digest = _keep_document(poll, document.fetched, decision)
        row.checked_at, row.lease_until = times.now, None
        row.due_at = times.next_at(confirm=decision.confirm)
        row.error = decision.doubt.reason if decision.doubt else ""
        if OUTCOMES[decision.outcome].believed:
            drafts = _accept(poll, document, memory, page, decision, digest)
        else:
            drafts = _hold(poll, memory, page, decision, digest)
        row.outcome = decision.outcome
        fetched = document.fetched
        line = _line(
            poll, status=fetched.status, ms=fetched.ms, size=len(fetched.body), digest=digest
        )
        events = _write(poll, drafts, line, baseline=is_first)
        return PollResult(
            source.id,
            "baseline" if is_first and decision.outcome == "accepted" else decision.outcome,
            row.rows,
            [event.to_json() for event in events],
            row.error,
            round(fetched.ms),
            len(row.pending),
            row.due_at,
            stuck=decision.doubt is not None and decision.doubt.polls is None,
        )


def record_failure(
    store: Store,
    source: Source,
    error: LastcallError,
    outcome: Outcome,
    times: PollTimes,
    rules: PollRules,
) -> PollResult:
    """Write a poll that brought no document, or one that could not be parsed.

    Nothing that subscribers see changes."""
    with store.write() as session:
        row = source_state.lock(session, source.id)
        poll = _Poll(session, source, row, times, times.now, rules)
        row.checked_at, row.due_at, row.lease_until = times.now, times.due_at, None
        row.outcome, row.error = outcome, str(error)
        row.failures += 1
        drafts = []
        if row.failures == FAILING_AFTER:
            text = f"{source.id}: {row.failures} polls in a row failed: {error}"
            drafts = [Draft("source.failing", "action", None, text)]
        drafts += _stale(poll)
        status = error.status or 0 if isinstance(error, FetchFailed) else 200
        events = _write(poll, drafts, _line(poll, status=status))
        return PollResult(
            source.id, outcome, row.rows, [event.to_json() for event in events], str(error)
        )


def record_unchanged(store: Store, polls: Sequence[UnchangedPoll]) -> None:
    """Write polls in which nothing changed."""
    with store.write() as session:
        source_state.record_unchanged(session, polls)


def record_off(store: Store, source: Source, now: datetime, reason: str) -> None:
    """Write that a source could not be requested, since its key is missing."""
    with store.write() as session:
        source_state.record_off(session, source.id, now, now + source.every, reason)


# --- before the decision


def _remember(poll: _Poll, facts: Snapshot | None) -> Memory:
    """Ask the store for all that the decision needs."""
    session, source, row = poll.session, poll.source, poll.row
    declared = poll.rules.declared
    current = fact_versions.current(session, source.id)
    pending = [Pending.from_json(wait) for wait in row.pending]
    new = [fact for key, fact in (facts or {}).items() if key not in current]
    removed = [wait.change.fact for wait in pending if wait.change.after is None]
    retiring = [fact for fact in (facts or current).values() if isinstance(fact, Retirement)]
    articles = [fact for fact in new if isinstance(fact, Notice)] if source.kind == "news" else []
    return Memory(
        current,
        pending,
        [PastValue.from_json(value) for value in row.recent],
        fact_versions.returned(session, source.id, new),
        fact_versions.retirements(session, source.provider, [*removed, *retiring]),
        news_verdicts.verdicts(session, poll.official, articles, poll.now),
        lambda doubted: fact_versions.agreed_elsewhere(session, source, doubted, declared),
    )


def _count(poll: _Poll, facts: Snapshot | None) -> Page:
    """Return the page with how this poll counts. Raises NotFound if an operator approved another
    page.
    """
    source, row, rules = poll.source, poll.row, poll.rules
    is_held = row.held_seen == fingerprint(facts or {})
    if rules.approved and not is_held:
        raise NotFound(
            f"{source.id}: another document is held by now, or none; `lastcall sources show` "
            "compares"
        )
    held_polls = row.held_looks if is_held else 0
    # A held page's polls are counted separately: accepted pages may come between them.
    if rules.archived or not is_held or is_full_interval(row.held_at, poll.now, source.every):
        held_polls += 1
    full_interval = rules.archived or is_full_interval(row.looked_at, poll.now, source.every)
    return Page(facts, full_interval, held_polls, rules.approved)


def _keep_document(poll: _Poll, fetched: Fetched, decision: Decision) -> str:
    """Store the document if it says anything new; return the SHA-256 of the stored document."""
    is_new = (
        decision.outcome == "suspect"
        or decision.changes
        or decision.pending
        or poll.row.baseline_at is None
    )
    if not (fetched.body and is_new):
        return poll.row.document
    return source_state.keep_document(
        poll.session,
        fetched.body,
        url=fetched.url,
        content_type=fetched.content_type,
        now=poll.now,
    )


# --- after the decision


def _accept(
    poll: _Poll,
    document: Document,
    memory: Memory,
    page: Page,
    decision: Decision,
    digest: str,
) -> list[Draft]:
    """Write the changes and all that belongs to an accepted page; return the drafts of events."""
    session, source, row, rules = poll.session, poll.source, poll.row, poll.rules
    changed = [change.fact for change in decision.changes]
    # The articles are read before the facts change, and compared after.
    articles = []
    if source.id in poll.official:
        reported = changed + [draft.fact for draft in decision.drafts if draft.fact]
        articles = news_verdicts.affected_articles(
            session, poll.official, reported, row.good_at or poll.now
        )
    fact_versions.apply(session, source.id, decision.changes, poll.now, digest)
    contradicted = renoted(memory.current, page.facts or {})
    fact_versions.write_notes(session, source.id, contradicted)
    drafts = decision.drafts + open_contradictions.compare(
        session, _models(changed + contradicted), rules.declared, rules.deviations, poll.now
    )
    drafts += _recovered(poll)
    _write_state(poll, document, page, decision, digest)
    return drafts + news_verdicts.corrections(session, poll.official, articles, poll.now)


def _write_state(
    poll: _Poll, document: Document, page: Page, decision: Decision, digest: str
) -> None:
    """Write the state of a source after an accepted page. No page is held any more."""
    row, validators = poll.row, document.fetched.validators
    recent = [value.to_json() for value in decision.recent]
    if row.held_seen:
        # A page that comes and goes is reported as held once (_hold).
        recent.append(PastValue(_held_key(row.held_seen), poll.today, RETURN_POLLS).to_json())
    row.looked_at = count_from(row.looked_at, poll.now, full_interval=page.full_interval)
    row.good_at, row.failures, row.stale = poll.today, 0, False
    row.rows = len(decision.current)
    row.baseline_at = row.baseline_at or poll.now
    row.document, row.seen = digest, document.parsed.digest or row.seen
    row.etag, row.last_modified = validators.etag or "", validators.last_modified or ""
    row.pending = [wait.to_json() for wait in decision.pending]
    row.recent = recent
    row.held = row.held_seen = ""
    row.held_looks, row.held_at = 0, None
    row.milestone_at = (
        poll.now if decision.overdue else next_completion(decision.current, poll.today)
    )


def _hold(poll: _Poll, memory: Memory, page: Page, decision: Decision, digest: str) -> list[Draft]:
    """Hold a suspect page: nothing changes for subscribers. Return the drafts of events."""
    source, row, doubt = poll.source, poll.row, decision.doubt
    seen = fingerprint(page.facts or {})
    is_counted = row.held_seen != seen or page.held_polls > row.held_looks
    drafts = []
    # A page that was held lately alternates with a good one: the operator is alerted once, unless
    # it stays.
    is_back = _held_key(seen) in remembered(memory.recent, poll.today)
    if page.held_polls >= RETURN_POLLS or not is_back:
        if doubt and not _held_is_reported(poll):
            text = (
                f"{source.id}: a document is held: {doubt.reason}; {doubt.release};"
                f" `lastcall sources show {source.id}` compares, `accept` takes it over"
            )
            drafts = [Draft("source.suspect", "action", None, text)]
        drafts += _stale(poll)
    row.held, row.held_seen, row.held_looks = digest, seen, page.held_polls
    row.held_at = count_from(row.held_at, poll.now, full_interval=is_counted)
    return drafts


def _models(facts: Iterable[Fact]) -> set[str]:
    """Return the canonical models of facts of the kinds that can contradict each other."""
    return {
        canonical(fact.provider, fact.model)
        for fact in facts
        if isinstance(fact, Retirement | Price)
    }


# --- events about the source itself


def _held_key(fingerprint: str) -> str:
    """Return what is remembered of a page that was held (settle.PastValue)."""
    return f"held {fingerprint[:16]}"


def _held_is_reported(poll: _Poll) -> bool:
    """Return whether the operator was last told that a document is held, and not that the source
    recovered.
    """
    kinds = ("source.suspect", "source.recovered")
    return event_log.last_kind(poll.session, poll.source.id, kinds) == "source.suspect"


def _stale(poll: _Poll) -> list[Draft]:
    """Report, once, that the last accepted page is old. An archive has no such alert."""
    source, row = poll.source, poll.row
    if poll.rules.archived or row.stale or not row.good_at:
        return []
    if poll.now - row.good_at <= source.stale_after:
        return []
    row.stale = True
    text = f"{source.id}: nothing was accepted since {row.good_at:%Y-%m-%d %H:%M}Z"
    return [Draft("source.stale", "action", None, text)]


def _recovered(poll: _Poll) -> list[Draft]:
    """Report that a source is read again, if the operator was alerted about it."""
    row = poll.row
    if row.failures < FAILING_AFTER and not row.stale and not _held_is_reported(poll):
        return []
    return [Draft("source.recovered", "notice", None, f"{poll.source.id}: read again")]


# --- the log and the history of polls


def _write(
    poll: _Poll, drafts: Sequence[Draft], line: dict[str, Any], *, baseline: bool = False
) -> list[EventRow]:
    """Write the ``line`` of a poll in the history of polls, its events, and their deliveries."""
    poll_id = source_state.record(poll.session, line)
    provenance = event_log.Provenance(
        poll.source.id, poll.now, poll.source.url, line["document"], poll_id
    )
    events = event_log.append(poll.session, drafts, provenance, baseline=baseline)
    if events:
        source_state.count_events(poll.session, poll_id, len(events))
    outbox.enqueue(poll.session, events, poll.now)
    return events


def _line(
    poll: _Poll, *, status: int, ms: float = 0, size: int = 0, digest: str = ""
) -> dict[str, Any]:
    """Return the line of a poll in the history of polls, without the number of its events."""
    row = poll.row
    return {
        "source_id": poll.source.id,
        "at": poll.now,
        "outcome": row.outcome,
        "rows": row.rows,
        "events": 0,
        "document": digest,
        "error": row.error,
        "status": status,
        "ms": round(ms),
        "size": size,
    }
