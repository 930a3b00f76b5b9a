"""``lastcall sources check``: fetch and read every source now, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.options import AsCsv, AsJson, AsJsonl, Db, clock, declared
from monitor.cli.poll import progress
from monitor.core.wording import ago, counted, stamp
from monitor.errors import StoreError, Unreadable

if TYPE_CHECKING:
    from monitor.polling.dry_run import SourceCheck
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
        typer.Argument(metavar="SOURCE", help="Ids of sources; by default all that are enabled."),
    ] = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Fetch and read every source now, and show the results. Nothing is stored, and no database is
    needed.

    \b
    Exit code: 3 if one could not be fetched or read.
    Example: lastcall sources check
    """
    from monitor.reading.source import find
    from monitor.settings import load_settings

    how = output.form(as_json, as_jsonl, as_csv)
    settings = load_settings(db)
    declarations, states = _declared(settings)
    if sources:
        chosen = [find(source, declarations) for source in sorted(set(sources))]
    else:
        disabled = {row.id for row in states.values() if not row.enabled}
        chosen = [declarations[source] for source in sorted(declarations.keys() - disabled)]
        if left_out := declarations.keys() & disabled:
            output.say(f"disabled, so not checked: {', '.join(sorted(left_out))}")
    results = asyncio.run(check_now(settings, chosen))
    _show(how, results, declarations, states)
    failed = [result for result in results if result.verdict in ("unreadable", "unreachable")]
    if len(failed) == 1:
        raise Unreadable(f"{failed[0].source_id}: {failed[0].why}")
    if failed:
        raise Unreadable(
            f"{len(failed)} of {counted(len(results), 'source')} could not be fetched or read"
        )


async def check_now(settings: Settings, sources: Sequence[Source]) -> list[SourceCheck]:
    """Fetch and read these sources, and report each on stderr as it comes."""
    from monitor.polling.dry_run import check_sources
    from monitor.polling.fetch import Fetcher
    from monitor.polling.parser_pool import ParserPool
    from monitor.settings import provider_key

    with progress(len(sources)) as step:

        def report(result: SourceCheck) -> None:
            why = f": {result.why}" if result.why else ""
            step(f"{result.source_id}: {result.verdict}{why}")

        async with Fetcher() as fetcher, ParserPool() as parser:
            return await check_sources(
                fetcher,
                parser,
                sources,
                keys=provider_key,
                urls=settings.source_urls,
                report=report,
            )


def _declared(settings: Settings) -> tuple[Mapping[str, Source], dict[str, SourceRow]]:
    """Return the declared sources, and their states if there is a database. None is created."""
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
    results: Sequence[SourceCheck],
    declarations: Mapping[str, Source],
    states: Mapping[str, SourceRow],
) -> None:
    good_at = {source_id: row.good_at for source_id, row in states.items()}
    rows = [
        {
            "id": result.source_id,
            "kind": declarations[result.source_id].kind,
            "url": declarations[result.source_id].url,
            "verdict": result.verdict,
            "why": result.why,
            "status": result.status,
            "content_type": result.content_type,
            "size": result.size,
            "rows": result.rows,
            "ms": result.ms,
            "good_at": stamp(good_at.get(result.source_id)),
        }
        for result in results
    ]
    if output.machine(how, rows, FIELDS):
        return
    now = clock()
    output.table(
        ("SOURCE", "VERDICT", "STATUS", "TYPE", "SIZE", "ROWS", "LAST GOOD", "REMARK"),
        [
            (
                result.source_id,
                result.verdict,
                str(result.status or ""),
                result.content_type,
                f"{result.size:,}" if result.size else "",
                str(result.rows or ""),
                ago(good_at[result.source_id], now) if result.source_id in good_at else "",
                result.why,
            )
            for result in results
        ],
    )
