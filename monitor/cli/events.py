"""``lastcall events``: the log, newest first."""

from __future__ import annotations

from collections.abc import Sequence
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
    ModelPattern,
    Provider,
    clock,
    moment,
    opened,
    parsed,
    severity,
)
from monitor.core.facts import Json
from monitor.core.wording import counted

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
    """Read a word or glob for kinds of events, as in the closed list of kinds."""
    import fnmatch

    from monitor.core.interpret import KINDS

    word = glob.strip().lower()
    if not fnmatch.filter(KINDS, word if "*" in word else f"{word}*"):
        raise typer.BadParameter(f"{glob!r} is no kind of event; there are {', '.join(KINDS)}")
    return word


@app.command()
def events(
    provider: Provider = None,
    model: ModelPattern = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="GLOB", help="Only these kinds: retirement, price.*."),
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
        str | None,
        typer.Option("--until", metavar="TIME", help="Until such a time; a day is included."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Only events of this source, for example openai.pricing."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST, help="Maximum number of events.")
    ] = 50,
    baseline: Annotated[
        bool, typer.Option(help="Also show what the first poll of a source found.")
    ] = False,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Show what changed, the newest first.

    Example: lastcall events --provider openai --kind 'retirement.*' --since 30d
    """
    from monitor.answers.events import events as newest_events
    from monitor.store.event_log import EventQuery

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    query = EventQuery(
        provider=provider or "",
        model=parsed(model).text if model else "",
        kind=kinds(kind) if kind else "",
        severity=severity(least) if least else "",
        source=source or "",
        since=moment(since, now) if since else None,
        until=moment(until, now, end=True) if until else None,
        baseline=None if baseline else False,
        limit=limit,
    )
    with opened(db) as store, store.read() as session:
        answer = newest_events(session, query)
    show(how, answer.events)
    if not answer.events:
        hidden = f"{counted(answer.hidden, 'baseline event')} hidden; --baseline shows them"
        output.say(hidden if answer.hidden else "no events")


def show(how: output.Form, events: Sequence[Json]) -> None:
    """Print events in a form."""
    if not output.machine(how, events, FIELDS):
        print_events(events)


def print_events(events: Sequence[Json]) -> None:
    """Print a table of events."""
    output.table(
        ("SEEN", "#", "SEVERITY", "KIND", "WHAT"),
        [
            (
                event["detected_at"][:10],
                str(event["sequence"]),
                event["severity"],
                event["kind"],
                event["summary"],
            )
            for event in events
        ],
    )
