"""Replay archived documents through the whole pipeline, in the order of their dates.

Layout: ``DIR/<source id>/<YYYY-MM-DD>[.n][.anything].<ext>[.gz]``. The date is the clock. An
archived page stands for the time when it was up, so each document is polled until its changes are
confirmed. A document that is older than the last poll of its source is skipped: time does not run
backwards, and the same directory again changes nothing. Hidden folders are skipped."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from monitor.core.contradictions import BUILT_IN, Deviation
from monitor.errors import NotFound
from monitor.polling.fetch import NO_VALIDATORS, Fetched, Validators
from monitor.polling.outcomes import PollResult
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.tables import SourceRow

#: The polls of one document before it is left unconfirmed: more than any change or guard of
#: monitor.core.diff needs.
MAX_POLLS = 200

_NAME = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)(?:\.(?P<number>\d+))?\.(?P<rest>.+)")


class ReplayStep(Protocol):
    """Describe what a source serves: from when, for how many polls at most, and which fault that
    is, in a word (empty: none).
    """

    @property
    def source_id(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def polls(self) -> int: ...
    @property
    def fault(self) -> str: ...

    def read(self) -> bytes:
        """Return the body. Raises FetchFailed where there is none."""


@dataclass(frozen=True)
class ArchivedDocument:
    """Hold one document of an archive and the time it stands for."""

    source_id: str
    path: Path
    at: datetime
    polls: int = MAX_POLLS
    fault: str = ""

    @property
    def make(self) -> str:
        """Return the part of the name after date and number, for example ``html2md.md``."""
        return self.path.name.removesuffix(".gz").partition(".")[2].lstrip("0123456789.")

    def read(self) -> bytes:
        body = self.path.read_bytes()
        return gzip.decompress(body) if self.path.suffix == ".gz" else body


@dataclass
class ReplayResult:
    """Count what a replay did. ``outcomes`` counts the documents by the outcome of their last
    poll.
    """

    documents: int = 0
    faults: int = 0
    skipped: int = 0
    events: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def archive(directory: Path, declared: Mapping[str, Source]) -> list[ArchivedDocument]:
    """Return the documents below a directory, oldest first.

    Raises NotFound for a folder that is no source, and for a date that does not exist."""
    if not directory.is_dir():
        raise NotFound(f"no directory {str(directory)!r}")
    documents: list[ArchivedDocument] = []
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()):
        if folder.name.startswith("."):  # .git and the like
            continue
        if folder.name not in declared:
            raise NotFound(f"{folder}: no source {folder.name!r}; `lastcall sources` lists them")
        documents += _documents(folder)
    if not documents:
        raise NotFound(
            f"{directory}: no documents; the layout is DIR/<source id>/<YYYY-MM-DD>.<ext>"
        )
    return sorted(documents, key=lambda document: (document.at, document.source_id))


def _documents(folder: Path) -> Iterable[ArchivedDocument]:
    """Return the documents of one source. Those of one day follow each other, a second apart, by
    their number.
    """
    names = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    names.sort(key=lambda pair: (pair[0]["date"], int(pair[0]["number"] or 1), pair[1].name))
    seconds: dict[str, int] = {}
    for match, path in names:
        if path.name.endswith(".headers.json"):  # response headers beside a capture
            continue
        date = match["date"]
        seconds[date] = seconds.get(date, -1) + 1
        at = _day(path, date) + timedelta(seconds=seconds[date])
        yield ArchivedDocument(folder.name, path, at)


def _day(path: Path, date: str) -> datetime:
    try:
        return datetime.fromisoformat(date).replace(tzinfo=UTC)
    except ValueError:
        raise NotFound(f"{path}: there is no day {date}") from None


class ArchiveFetcher:
    """Take the place of the network: every poll gets the document of the current step."""

    step: ReplayStep

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched:
        return Fetched(
            status=200,
            body=self.step.read(),
            content_type="",
            validators=NO_VALIDATORS,
            ms=0,
            not_modified=False,
            retry_after=None,
            max_age=None,
            url=source.url,
        )


async def replay(
    store: Store,
    steps: Iterable[ReplayStep],
    declared: Mapping[str, Source],
    *,
    deviations: Collection[Deviation] = BUILT_IN,
    report: Callable[[ReplayStep, PollResult], None] = lambda step, result: None,
) -> ReplayResult:
    """Poll every document until nothing of it waits.

    ``report`` gets the last poll of each step, and every poll that wrote events."""
    fetcher, counts = ArchiveFetcher(), ReplayResult()
    settings = PollSettings(
        clock=lambda: fetcher.step.at,
        keys=lambda name: "an archived answer needs no key",
        deviations=deviations,
        archived=True,
        chance=lambda: 0.5,
    )
    poller = Poller(store, fetcher, declared, settings)
    for step in steps:
        row = _register(store, declared[step.source_id], step.at)
        if row.checked_at and row.checked_at >= step.at:
            counts.skipped += 1
            continue
        fetcher.step = step
        if step.fault:
            counts.faults += 1
        else:
            counts.documents += 1
        outcome = await _poll_step(store, poller, row, step, counts, report)
        counts.outcomes[outcome] += 1
    return counts


async def _poll_step(
    store: Store,
    poller: Poller,
    row: SourceRow,
    step: ReplayStep,
    counts: ReplayResult,
    report: Callable[[ReplayStep, PollResult], None],
) -> str:
    """Poll one step until nothing of it waits, at most ``step.polls`` times; return its last
    outcome.
    """
    result = PollResult(step.source_id, "")
    for number in range(1, step.polls + 1):
        result = await poller.poll(row)
        await poller.flush()
        counts.events += len(result.events)
        row = _register(store, poller.declared[step.source_id], step.at)
        if number == step.polls or _is_done(row, result, step.at):
            break
        if result.events:
            report(step, result)
    report(step, result)
    return result.outcome


def _is_done(row: SourceRow, result: PollResult, now: datetime) -> bool:
    """Return whether another poll of the same document would change nothing."""
    if result.stuck or result.outcome == "unreadable":
        return True
    is_overdue = row.milestone_at is not None and row.milestone_at <= now
    return result.outcome != "suspect" and not row.pending and not is_overdue


def _register(store: Store, source: Source, now: datetime) -> SourceRow:
    with store.write() as session:
        source_state.register(session, {source.id: source}, now)
        return source_state.rows(session, [source.id])[0]
