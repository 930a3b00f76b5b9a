"""``lastcall sources check``: what every source says at this moment, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.options import AsCsv, AsJson, AsJsonl, Db, clock, declared
from monitor.cli.poll import progress
from monitor.errors import StoreError, Unreadable

if TYPE_CHECKING:
    from monitor.polling.dry_run import Look
    from monitor.reading.source import Source
    from monitor.settings.model import Settings
    from monitor.store.tables import SourceRow

FIELDS = (
    "id",
    "kind",
    "url",
    "verdict",
    "why",
    "status",
    "content_type",
    "size",
    "rows",
    "ms",
    "good_at",
)


def check(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="Their ids; all that are enabled if none is named."),
    ] = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Fetch and read every source now and say what came back. Nothing is recorded, and no database
    is needed.

    \b
    Exit code: 3 if one could not be fetched or read.
    Example: lastcall sources check
    """
    from monitor.reading.source import find
    from monitor.settings import load_settings

    how = output.form(as_json, as_jsonl, as_csv)
    settings = load_settings(db)
    known, states = _known(settings)
    if sources:
        wanted = [find(source, known) for source in sorted(set(sources))]
    else:
        disabled = {row.id for row in states.values() if not row.enabled}
        wanted = [known[source] for source in sorted(known.keys() - disabled)]
        if left := known.keys() & disabled:
            output.say(f"left out, being disabled: {', '.join(sorted(left))}")
    looks = asyncio.run(look(settings, wanted))
    _show(how, looks, known, states)
    failed = [one for one in looks if one.verdict in ("unreadable", "unreachable")]
    if len(failed) == 1:
        raise Unreadable(f"{failed[0].source_id}: {failed[0].why}")
    if failed:
        raise Unreadable(
            f"{len(failed)} of {output.counted(len(looks), 'source')} could not be fetched or read"
        )


async def look(settings: Settings, wanted: Sequence[Source]) -> list[Look]:
    """What these sources say now, told on stderr as it comes."""
    from monitor.polling.dry_run import survey
    from monitor.polling.fetch import Fetcher
    from monitor.polling.parser_pool import Sandbox
    from monitor.settings import provider_key

    with progress(len(wanted)) as step:
        async with Fetcher() as fetcher, Sandbox() as reader:
            return await survey(
                fetcher,
                reader,
                wanted,
                keys=provider_key,
                urls=settings.source_urls,
                tell=lambda one: step(
                    f"{one.source_id}: {one.verdict}{f': {one.why}' if one.why else ''}"
                ),
            )


def _known(settings: Settings) -> tuple[Mapping[str, Source], dict[str, SourceRow]]:
    """The declared sources, and what a database knows of them if there is one. None is made."""
    from monitor.store import source_state
    from monitor.store.db import Store, database_url
    from monitor.store.schema import current

    url = database_url(settings.database_url)
    if url.drivername == "sqlite" and not Path(url.database or "").is_file():
        return declared(settings), {}
    store = Store(settings.database_url)
    try:
        if not current(store):
            return declared(settings), {}
        with store.read() as session:
            states = {row.id: row for row in source_state.rows(session)}
        return declared(settings, store), states
    except StoreError as error:
        output.say(f"without ages and added feeds: {error}")
        return declared(settings), {}
    finally:
        store.close()


def _show(
    how: output.Form,
    looks: Sequence[Look],
    known: Mapping[str, Source],
    states: Mapping[str, SourceRow],
) -> None:
    good = {
        one.source_id: states[one.source_id].good_at for one in looks if one.source_id in states
    }
    told = [
        {
            "id": one.source_id,
            "kind": known[one.source_id].kind,
            "url": known[one.source_id].url,
            "verdict": one.verdict,
            "why": one.why,
            "status": one.status,
            "content_type": one.content_type,
            "size": one.size,
            "rows": one.rows,
            "ms": one.ms,
            "good_at": output.stamp(good.get(one.source_id)),
        }
        for one in looks
    ]
    if output.machine(how, told, FIELDS):
        return
    now = clock()
    output.table(
        ("SOURCE", "VERDICT", "STATUS", "TYPE", "SIZE", "ROWS", "LAST GOOD", "REMARK"),
        [
            (
                one.source_id,
                one.verdict,
                str(one.status or ""),
                one.content_type,
                f"{one.size:,}" if one.size else "",
                str(one.rows or ""),
                output.ago(good[one.source_id], now) if one.source_id in good else "",
                one.why,
            )
            for one in looks
        ],
    )
