"""Archived documents through the whole pipeline, in the order of their dates.

Layout: ``DIR/<source id>/<YYYY-MM-DD>[.n][.anything].<ext>[.gz]``. The date is the clock. An
archived page stands for the time it was up, so each document is polled until it has settled. What
is older than the last look at its source is skipped: time does not run backwards, and the same
directory again changes nothing."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from monitor.core.contradictions import BUILT_IN, Deviation
from monitor.errors import NotFound
from monitor.polling.fetch import NO_VALIDATORS, Fetched, Validators
from monitor.polling.poll import Polled, Poller
from monitor.reading.source import Source
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.tables import SourceRow

#: Looks at one document before it is left unsettled: more than any change or guard of
#: monitor.core.diff asks for.
MOST_LOOKS = 200

_NAME = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)(?:\.(?P<n>\d+))?\.(?P<rest>.+)")


class Step(Protocol):
    """What a source serves: when, for how many looks at most, and whether that is a fault (which,
    in a word).
    """

    @property
    def source_id(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def looks(self) -> int: ...
    @property
    def fault(self) -> str: ...

    def read(self) -> bytes:
        """The body. Raises FetchFailed where there is none."""


@dataclass(frozen=True)
class Archived:
    """One document of an archive and the time it stands for."""

    source_id: str
    path: Path
    at: datetime
    looks: int = MOST_LOOKS
    fault: str = ""

    @property
    def make(self) -> str:
        """What the name says of the document beside its date: ``html2md.md``."""
        return self.path.name.removesuffix(".gz").partition(".")[2].lstrip("0123456789.")

    def read(self) -> bytes:
        body = self.path.read_bytes()
        return gzip.decompress(body) if self.path.suffix == ".gz" else body


@dataclass
class Replayed:
    """What a replay did: documents by outcome of their last look, and how many events it wrote."""

    documents: int = 0
    faults: int = 0
    skipped: int = 0
    events: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)


def archive(directory: Path, declared: Mapping[str, Source]) -> list[Archived]:
    """The documents below a directory, oldest first. Raises NotFound for folders that are no
    source.
    """
    if not directory.is_dir():
        raise NotFound(f"no directory {str(directory)!r}")
    found: list[Archived] = []
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()):
        if folder.name not in declared:
            raise NotFound(f"{folder}: no source {folder.name!r}; `lastcall sources` lists them")
        found += _dated(folder)
    if not found:
        raise NotFound(
            f"{directory}: no documents; the layout is DIR/<source id>/<YYYY-MM-DD>.<ext>"
        )
    return sorted(found, key=lambda document: (document.at, document.source_id))


def _dated(folder: Path) -> Iterable[Archived]:
    """The documents of one source. Those of one day follow each other, a second apart, by their
    number.
    """
    named = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    days: dict[str, int] = {}
    for match, path in sorted(
        named, key=lambda pair: (pair[0]["date"], int(pair[0]["n"] or 1), pair[1].name)
    ):
        if path.name.endswith(".headers.json"):  # response headers beside a capture
            continue
        nth = days[match["date"]] = days.get(match["date"], -1) + 1
        day = datetime.fromisoformat(match["date"]).replace(tzinfo=UTC)
        yield Archived(folder.name, path, day + timedelta(seconds=nth))


class _Reader:
    """Stands where the network stands in a live poll: every look finds the document of the
    moment.
    """

    step: Step

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
    steps: Iterable[Step],
    declared: Mapping[str, Source],
    *,
    deviations: Collection[Deviation] = BUILT_IN,
    tell: Callable[[Step, Polled], None] = lambda step, polled: None,
) -> Replayed:
    """Poll every document until it has settled; ``tell`` hears of the last look, and of each that
    wrote something.
    """
    reader, done = _Reader(), Replayed()
    now = datetime.now(UTC)
    poller = Poller(
        store,
        reader,
        declared,
        clock=lambda: now,
        keys=lambda name: "an archived answer needs no key",
        deviations=deviations,
        chance=lambda: 0.5,
        stands_still=True,
    )
    for step in steps:
        now = step.at
        row = _row(store, declared, step.source_id, now)
        if row.checked_at and row.checked_at >= now:
            done.skipped += 1
            continue
        reader.step = step
        done.documents += not step.fault
        done.faults += bool(step.fault)
        polled = Polled(step.source_id, "")
        for _ in range(step.looks):
            polled = await poller.poll(row)
            await poller.flush()
            done.events += len(polled.events)
            row = _row(store, declared, step.source_id, now)
            untold = row.milestone_at is not None and row.milestone_at <= now
            settled = polled.outcome != "suspect" and not row.pending and not untold
            if settled or polled.stuck or polled.outcome == "unreadable":
                break
            if polled.events:
                tell(step, polled)
        tell(step, polled)
        done.outcomes[polled.outcome] = done.outcomes.get(polled.outcome, 0) + 1
    return done


def _row(store: Store, declared: Mapping[str, Source], source_id: str, now: datetime) -> SourceRow:
    with store.write() as session:
        source_state.register(session, {source_id: declared[source_id]}, now)
        return source_state.rows(session, [source_id])[0]
