"""The order of one poll. This module alone knows it.

    row --fetch--> document --parse--> facts --decide--> changes, events
                       |                                      |
                       +---- one transaction: facts, events, deliveries, poll, validators ----+

A document that was not modified, or that says the same in every part that its adapter reads, ends
at once; such polls are written in batches. Each step is a function of its own, so that a test can
break in before and after any of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from monitor.core.contradictions import BUILT_IN, Deviation
from monitor.errors import FetchFailed, LastcallError, StoreError, Unreadable
from monitor.polling.fetch import Fetched, Validators
from monitor.polling.outcomes import Outcome, PollResult
from monitor.polling.parser_pool import InProcessParser, ParsedPage, Parser
from monitor.polling.record import (
    Document,
    PollRules,
    record,
    record_failure,
    record_off,
    record_unchanged,
)
from monitor.polling.schedule import CONFIRM_AFTER, PollTimes, next_due, page_time
from monitor.reading.source import Source
from monitor.store.db import Result, Store, retried
from monitor.store.source_state import SourceState, UnchangedPoll


class AnyFetcher(Protocol):
    """Fetch documents for polls: monitor.polling.fetch.Fetcher, or the archive of a replay."""

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched: ...


def no_key(name: str) -> str | None:
    """Return no API key."""
    return None


@dataclass(frozen=True)
class PollSettings:
    """Hold what all polls of a process share.

    ``clock`` returns the time in UTC. ``keys`` returns the value of an API key by its name, or
    None. ``urls`` replaces the address of a source (a mirror, the demo). ``deviations`` are
    contradictions that are known. ``archived``: the clock is that of an archive
    (monitor.replaying.replay). ``concurrency`` is the number of polls at once."""

    clock: Callable[[], datetime]
    keys: Callable[[str], str | None] = no_key
    urls: Mapping[str, str] = field(default_factory=dict)
    deviations: Collection[Deviation] = BUILT_IN
    archived: bool = False
    concurrency: int = 20
    chance: Callable[[], float] = random.random


# --- steps


async def fetch(
    fetcher: AnyFetcher, source: Source, row: SourceState, key: str | None, url: str | None
) -> Fetched:
    """Request the document, with the validators of the last accepted one. Raises FetchFailed."""
    validators = Validators(row.etag or None, row.last_modified or None)
    return await fetcher.get(source, validators, key, url)


async def parse(parser: Parser, source: Source, row: SourceState, fetched: Fetched) -> ParsedPage:
    """Parse a document, unless it is the accepted one. Raises Unreadable."""
    if fetched.not_modified:
        return ParsedPage(row.seen)
    return await parser.parse(source, fetched.body, row.seen, row.document)


# --- the poller


class Poller:
    """Poll sources, several at a time, and no source twice at once.

    ``declared`` are the sources by id. ``wake`` is called when there are new deliveries. Without a
    ``parser``, documents are parsed in this process."""

    def __init__(
        self,
        store: Store,
        fetcher: AnyFetcher,
        declared: Mapping[str, Source],
        settings: PollSettings,
        *,
        parser: Parser | None = None,
        wake: Callable[[], None] = lambda: None,
    ):
        self.store = store
        self.fetcher = fetcher
        self.settings = settings
        self.parser = parser or InProcessParser()
        self.wake = wake
        self.busy: set[str] = set()
        self.declare(declared)
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._unchanged: list[UnchangedPoll] = []

    def declare(self, declared: Mapping[str, Source]) -> None:
        """Poll these sources from now on."""
        self.rules = PollRules(declared, self.settings.deviations, self.settings.archived)

    @property
    def declared(self) -> Mapping[str, Source]:
        return self.rules.declared

    @property
    def unwritten(self) -> set[str]:
        """Return the sources of polls that ended and wait for the next flush."""
        return {poll["source"] for poll in self._unchanged}

    async def sweep(
        self,
        rows: Iterable[SourceState],
        report: Callable[[PollResult], None] = lambda result: None,
    ) -> list[PollResult]:
        """Poll these sources and return the results; ``report`` gets each as its poll ends."""

        async def poll(row: SourceState) -> PollResult:
            async with self._slots:
                result = await self.poll(row)
            report(result)
            return result

        free = [row for row in rows if row.id in self.declared and row.id not in self.busy]
        ended = await asyncio.gather(*(poll(row) for row in free), return_exceptions=True)
        await self.flush()
        # Raise after all polls have ended: none is left half done.
        if errors := [error for error in ended if isinstance(error, BaseException)]:
            raise errors[0]
        return [result for result in ended if isinstance(result, PollResult)]

    async def poll(self, row: SourceState) -> PollResult:
        """Poll one source. Expected failures are an outcome, not an exception."""
        self.busy.add(row.id)
        try:
            return await self._poll(self.declared[row.id], row)
        finally:
            self.busy.discard(row.id)

    async def _poll(self, source: Source, row: SourceState) -> PollResult:
        now = self.settings.clock()
        if source.broken:
            error = Unreadable(f"{source.id}: {source.broken}")
            return await self._fail(source, row, error, "unreadable", now)
        key = self.settings.keys(source.access.key) if source.access else None
        if source.access and not key:
            reason = f"{source.access.key} is not set"
            await self._write(record_off, source, now, reason)
            return PollResult(source.id, "off", row.rows, error=reason)
        try:
            url = self.settings.urls.get(source.id)
            fetched = await fetch(self.fetcher, source, row, key, url)
        except FetchFailed as error:
            return await self._fail(source, row, error, "unreachable", now)
        try:
            parsed = await parse(self.parser, source, row, fetched)
        except Unreadable as error:
            return await self._fail(source, row, error, "unreadable", now)
        due_at = next_due(now, source.every, fetched, 0, self.settings.chance)
        if parsed.facts is None and not _needs_record(row, now):
            self._note_unchanged(row, fetched, now, due_at)
            return PollResult(source.id, "unchanged", row.rows, ms=round(fetched.ms))
        confirm_at = next_due(
            now, min(source.every, CONFIRM_AFTER), fetched, 0, self.settings.chance
        )
        times = PollTimes(now, due_at, confirm_at)
        result = await self._write(record, source, Document(fetched, parsed), times, self.rules)
        if result.events:
            self.wake()
        return result

    async def _fail(
        self,
        source: Source,
        row: SourceState,
        error: LastcallError,
        outcome: Outcome,
        now: datetime,
    ) -> PollResult:
        due_at = next_due(now, source.every, error, row.failures + 1, self.settings.chance)
        times = PollTimes(now, due_at)
        return await self._write(record_failure, source, error, outcome, times, self.rules)

    async def _write(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run one of the functions that write in a thread, again where it met another
        transaction.
        """
        return await asyncio.to_thread(retried, partial(work, self.store, *arguments))

    def _note_unchanged(
        self, row: SourceState, fetched: Fetched, now: datetime, due_at: datetime
    ) -> None:
        """Remember a poll in which nothing changed, for the next flush."""
        validators = fetched.validators
        self._unchanged.append(
            {
                "source": row.id,
                "digest": row.seen,
                "at": now,
                "good": page_time(now, fetched, row.good_at),
                "due": due_at,
                "tag": validators.etag or "",
                "modified": validators.last_modified or "",
            }
        )

    async def flush(self) -> None:
        """Write the polls that changed nothing; those that cannot be written now, with the next
        ones.

        Polls that a crash loses are done again."""
        polls, self._unchanged = self._unchanged, []
        if polls:
            try:
                await self._write(record_unchanged, polls)
            except StoreError:
                self._unchanged = polls + self._unchanged
                raise


def _needs_record(row: SourceState, now: datetime) -> bool:
    """Return whether a poll of an unchanged page has more to write than that it was read."""
    is_milestone = row.milestone_at is not None and row.milestone_at <= now
    return bool(row.pending or row.held_seen or is_milestone or row.failures or row.stale)
