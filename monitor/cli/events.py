"""``lastcall events``: the log, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import output
from monitor.cli.options import (
    MOST,
    PLAIN,
    AsCsv,
    AsJson,
    AsJsonl,
    Db,
    Provider,
    clock,
    moment,
    opened,
    severity,
)
from monitor.core.facts import Json

app = typer.Typer(**PLAIN)

FIELDS = (
    "sequence",
    "detected_at",
    "severity",
    "kind",
    "provider",
    "model",
    "version",
    "region",
    "surface",
    "canonical",
    "effective",
    "summary",
    "source",
    "url",
    "document",
    "baseline",
    "id",
)


def kinds(glob: str) -> str:
    """A word or glob for kinds of events, checked against the closed list."""
    import fnmatch

    from monitor.core.interpret import KINDS

    word = glob.strip().lower()
    if not fnmatch.filter(KINDS, word if "*" in word else f"{word}*"):
        raise typer.BadParameter(f"{glob!r} is no kind of event; there are {', '.join(KINDS)}")
    return word


@app.command()
def events(
    provider: Provider = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="GLOB", help="A model: gpt-4o*, */gpt-4o*.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="GLOB", help="A kind: retirement, price.*.")
    ] = None,
    least: Annotated[
        str | None,
        typer.Option(
            "--severity", metavar="LEVEL", help="At least info, notice, action or critical."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="From 2026-11-01, 30d, 12h, yesterday (UTC)."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Up to the same; a day ends it.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Seen by this source.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="At most so many.")] = 50,
    baseline: Annotated[
        bool, typer.Option(help="Also what the first look at a source found.")
    ] = False,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Show what changed, newest first.

    Example: lastcall events --provider openai --kind 'retirement.*' --since 30d
    """
    from monitor.store import event_log, source_state

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    wanted = event_log.EventQuery(
        provider=provider or "",
        model=model or "",
        kind=kinds(kind) if kind else "",
        severity=severity(least) if least else "",
        source=source or "",
        since=moment(since, now) if since else None,
        until=moment(until, now, end=True) if until else None,
        baseline=None if baseline else False,
        limit=limit,
    )
    with opened(db) as store, store.read() as session:
        found = event_log.events(session, wanted)
        if not found and source and not source_state.rows(session, [source]):
            from monitor.errors import NotFound

            raise NotFound(f"no source {source!r} was ever polled; `lastcall sources` lists them")
        hidden = 0 if found or baseline else event_log.hidden(session, wanted)
    show(how, found)
    if not found:
        say = (
            f"{output.counted(hidden, 'baseline event')} hidden; --baseline shows them"
            if hidden
            else "no events"
        )
        output.say(say)


def show(how: output.Form, found: list[Json]) -> None:
    """Events in the form that was asked for."""
    if not output.machine(how, found, FIELDS):
        output.table(
            ("SEEN", "#", "SEVERITY", "KIND", "WHAT"),
            [
                (
                    row["detected_at"][:10],
                    str(row["sequence"]),
                    row["severity"],
                    row["kind"],
                    row["summary"],
                )
                for row in found
            ],
        )
