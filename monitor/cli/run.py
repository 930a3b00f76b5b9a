"""``lastcall run``, ``replay`` and ``demo``: the pipeline as a service, over an archive, and over a
recorded year.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.events import show
from monitor.cli.options import PLAIN, AsCsv, AsJson, AsJsonl, Db, declared, opened
from monitor.cli.poll import progress, words

if TYPE_CHECKING:
    from monitor.core.facts import Json
    from monitor.polling.outcomes import PollResult
    from monitor.replaying.replay import ReplayStep

app = typer.Typer(**PLAIN)


@app.command()
def run(
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Serve /healthz and /metrics there."),
    ] = None,
    db: Db = None,
) -> None:
    """Poll and deliver until SIGTERM. One process to an SQLite database; any number to a PostgreSQL
    one.

    Example: lastcall run --listen 127.0.0.1:8080
    """
    from monitor.logs import configure
    from monitor.service import serve
    from monitor.settings import load_settings, provider_key
    from monitor.settings.model import secrets
    from monitor.store import maintenance
    from monitor.store.db import Store
    from monitor.store.schema import ready
    from monitor.store.service_lock import alone

    if listen:
        os.environ["LASTCALL_LISTEN"] = listen  # so that it is checked as the setting is
    settings = load_settings(db)
    keys = [
        provider_key(source.access.key) or ""
        for source in declared(settings).values()
        if source.access
    ]
    configure(settings.log_level, settings.log_format, [*secrets(settings), *keys])
    with closing(Store(settings.database_url)) as store, alone(store):
        ready(store)
        maintenance.refuse_damage(store)
        asyncio.run(serve(settings, store, partial(declared, settings, store)))


@app.command()
def replay(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="DIR/<source id>/<YYYY-MM-DD>[.n].<ext>[.gz]")
    ],
    baseline: Annotated[
        bool, typer.Option(help="Also what the first look at a source found.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            "--faults",
            metavar="SEED",
            help="Put faults between the documents: the events stay the same.",
        ),
    ] = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Put archived documents through the whole pipeline, each date being the clock, and print the
    events.

    The same directory again changes nothing. With --faults, each document is followed by a poll or
    two of what a site does on a bad day (outages, error pages, cut, garbled and stale pages, half
    the rows), and served again.

    Example: lastcall replay archive --jsonl
    """
    from monitor.replaying.fault_injection import FaultInjector
    from monitor.replaying.replay import archive
    from monitor.replaying.replay import replay as play
    from monitor.settings import load_settings
    from monitor.store.known_deviations import known_deviations

    how, settings = output.form(as_json, as_jsonl, as_csv), load_settings(db)
    deviations = known_deviations(settings.deviations_file)
    events: list[Json] = []
    with opened(db) as store:
        sources = declared(settings, store)
        documents = archive(directory, sources)
        faults = FaultInjector(seed) if seed is not None else None
        steps = faults.between(documents) if faults else documents
        with progress(len(documents)) as step:

            def tell(served: ReplayStep, polled: PollResult) -> None:
                step(
                    f"{served.at:%Y-%m-%d} "
                    f"{f'({served.fault}) ' if served.fault else ''}{words(polled)}"
                )
                if faults:
                    faults.observe(polled)
                events.extend(event for event in polled.events if baseline or not event["baseline"])

            done = asyncio.run(play(store, steps, sources, deviations=deviations, report=tell))
    show(how, events)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(done.outcomes.items()))
    count = (
        f"{len(documents)} documents, {done.faults} faults"
        if faults
        else output.counted(done.documents, "document")
    )
    output.say(
        f"{count} ({outcomes or 'none new'}), {done.skipped} skipped, "
        f"{output.counted(done.events, 'event')}"
    )


@app.command()
def demo(db: Db = None) -> None:
    """Show the whole main job offline: a recorded year of changing pages, polled, told and
    delivered on loopback.

    Example: lastcall demo
    """
    from monitor.demo import run as year
    from monitor.settings import load_settings

    path = db or str(Path(tempfile.mkdtemp(prefix="lastcall-demo-")) / "demo.db")
    with opened(path) as store:
        counts = asyncio.run(
            year(store, declared(load_settings(path)), day=_day, event=_event, refused=_refused)
        )
    print()
    output.details((name.replace("_", " "), str(count)) for name, count in counts.items())
    program = (
        "lastcall" if shutil.which("lastcall") else f"{os.path.relpath(sys.executable)} -m monitor"
    )
    print("\nAsk the database that this left:")
    for command in (
        "events --limit 5",
        "upcoming",
        "show gpt-4o-realtime-preview",
        "deliveries --limit 3",
    ):
        print(f"  {program} --db {path} {command}")


def _day(at: datetime, title: str) -> None:
    print(f"\n{at:%Y-%m-%d}  {title}")


def _event(event: Json) -> None:
    print(f"  {event['severity']:<9}{event['kind']:<23}{output.clean(event['summary'])}")


def _refused(source_id: str, error: str) -> None:
    print(f"  {'refused':<9}{source_id}: {output.clean(error.removeprefix(source_id + ': '))}")
