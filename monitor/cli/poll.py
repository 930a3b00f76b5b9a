"""``lastcall poll``: once, now, from a terminal or from cron."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.events import show
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, clock, declared, opened
from monitor.errors import SettingError, Unreadable
from monitor.polling.outcomes import OUTCOMES

if TYPE_CHECKING:
    from sqlmodel import Session

    from monitor.polling.outcomes import PollResult
    from monitor.reading.source import Source
    from monitor.settings.model import Settings
    from monitor.store.db import Store
    from monitor.store.source_state import SourceState

app = typer.Typer(**PLAIN)

#: How long deliveries may take after a poll, in seconds; the rest is for the next run, or for the
#: service.
DELIVERING = 60.0
FAILED = {outcome for outcome, effect in OUTCOMES.items() if effect.failed}


@app.command()
def poll(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="Their ids; all that are due if none is named."),
    ] = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Poll now, print what changed, and deliver what is owed.

    What is due is left to `lastcall run` while it runs; what is named is polled all the same.

    \b
    Exit code: 3 if a source that was named could not be read. Without names, failures are told
    and the next poll tries again, so that cron stays quiet.
    Example: lastcall poll openai.deprecations
    """
    from monitor.delivery.reminders import remind
    from monitor.reading.source import find
    from monitor.settings import load_settings
    from monitor.store import source_state as states

    how = output.form(as_json, as_jsonl, as_csv)
    settings = load_settings(db)
    with opened(db) as store:
        sources_by_id = declared(settings, store, sources or ())
        if not sources_by_id.keys() >= set(sources or ()):
            sources_by_id = declared(settings, store)  # to say which names are near
        ids = [find(source, sources_by_id).id for source in dict.fromkeys(sources or [])]
        with store.write() as session:
            states.register(session, sources_by_id, clock())
            rows = states.states(session, ids) if ids else _due(store, session, sources_by_id)
        ended = asyncio.run(_sweep(store, settings, sources_by_id, rows))
        changes = [event for polled in ended for event in polled.events if not event["baseline"]]
        changes += remind(store, sources_by_id, clock())
        show(how, changes)
        failed = [polled for polled in ended if polled.outcome in FAILED]
        output.say(
            f"{output.counted(len(ended), 'source')} polled, "
            f"{output.counted(len(changes), 'event')}"
            + (f", {len(failed)} failed" if failed else "")
        )
        if waits := [polled.due_at for polled in ended if polled.waiting and polled.due_at]:
            count = output.counted(sum(polled.waiting for polled in ended), "change")
            output.say(
                f"{count} to be looked at again before they are told, the first "
                f"{output.ago(min(waits), clock())}"
            )
        asyncio.run(_deliver(store, settings))
    if not ids:
        return
    if failed:
        raise Unreadable(
            failed[0].error if len(failed) == 1 else f"{len(failed)} of {len(ids)} sources failed"
        )
    if off := [polled for polled in ended if polled.outcome == "off"]:
        raise SettingError(f"{off[0].source_id}: {off[0].error}")


def _due(store: Store, session: Session, declared: Collection[str]) -> Sequence[SourceState]:
    """Return the due sources that no other process polls. A service on an SQLite file has them all;
    other processes lease theirs.
    """
    from monitor.store import source_state
    from monitor.store.service_lock import holder

    if pid := holder(store):
        output.say(
            f"`lastcall run` (process {pid}) polls what is due; name a source to poll it now"
        )
        return []
    now = clock()
    due = source_state.due(session, now, len(declared))
    leased = source_state.claim(session, [row.id for row in due if row.id in declared], now)
    return [row for row in due if row.id in leased]


async def _sweep(
    store: Store, settings: Settings, known: Mapping[str, Source], rows: Sequence[SourceState]
) -> list[PollResult]:
    from monitor.polling.fetch import Fetcher
    from monitor.polling.parser_pool import ParserPool
    from monitor.polling.poll import Poller, PollSettings
    from monitor.settings import provider_key
    from monitor.store.known_deviations import known_deviations

    with progress(len(rows)) as tell:
        async with Fetcher() as fetcher, ParserPool() as parser:
            polling = PollSettings(
                clock=clock,
                keys=provider_key,
                urls=settings.source_urls,
                deviations=known_deviations(settings.deviations_file),
                concurrency=settings.concurrency,
            )
            poller = Poller(store, fetcher, known, polling, parser=parser)
            return await poller.sweep(rows, lambda polled: tell(words(polled)))


async def _deliver(store: Store, settings: Settings) -> None:
    """Send what is due, as the service would, for at most DELIVERING seconds."""
    from monitor.delivery import admin

    with store.read() as session:
        waiting = admin.count_due(session, clock())
    if not waiting:
        return
    from monitor.delivery.publisher import Publisher

    tried, until = 0, time.monotonic() + DELIVERING
    async with Publisher.configured(store, settings, now=clock) as publisher:
        while time.monotonic() < until and (sent := await publisher.drain_once()):
            tried += sent
    with store.read() as session:
        left = admin.count_pending(session)
    output.say(
        f"{tried} tried of {waiting} due"
        + (
            f"; {left} still to deliver: `lastcall run` or the next poll does, `lastcall "
            "deliveries` lists"
            if left
            else ""
        )
    )


def words(polled: PollResult) -> str:
    """How one poll ended, on a line."""
    changes = [event for event in polled.events if not event["baseline"]]
    more = f", {output.counted(len(changes), 'event')}" if changes else ""
    more += (
        f", {output.counted(polled.waiting, 'change')} to be looked at again"
        if polled.waiting
        else ""
    )
    error = f": {polled.error.removeprefix(f'{polled.source_id}: ')}" if polled.error else ""
    return (
        f"{polled.source_id}: {polled.outcome}, {output.counted(polled.rows, 'row')}{more}{error}"
    )


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Hears a line for each step: a bar on a terminal, plain lines elsewhere. All of it on
    stderr.
    """
    if not sys.stderr.isatty():
        yield output.say
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("polling", total=total)

        def step(line: str) -> None:
            bar.console.print(output.clean(line), markup=False, highlight=False)
            bar.advance(task)

        yield step
