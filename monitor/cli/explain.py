"""``lastcall explain``: the evidence behind an event."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import lookup, output
from monitor.cli.options import PLAIN, AsJson, Db, clock, opened
from monitor.core.facts import Json
from monitor.errors import NotFound

if TYPE_CHECKING:
    from monitor.store.tables import PollRow

app = typer.Typer(**PLAIN)


@app.command()
def explain(
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="An id (evt_...) or a sequence number.")
    ],
    document: Annotated[
        bool, typer.Option("--document", help="Print the kept document itself, byte for byte.")
    ] = False,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Show why an event was raised: quote, URL, document, before and after, and the poll that saw
    it.

    Example: lastcall explain 412
    """
    from monitor.store import event_log, source_state

    how, now = output.form(as_json), clock()
    with opened(db) as store, store.read() as session:
        row = (
            event_log.event(session, event)
            if not event.isdigit() or (event.isascii() and len(event) < 19)
            else None
        )
        if row is None:
            raise NotFound(f"no event {event!r}; `lastcall events` lists them")
        kept = source_state.document_details(session, row.document) if row.document else None
        body = source_state.document(session, row.document) if document and row.document else None
        poll = source_state.poll_of(session, row)
        marks = lookup.marks_of(session, row.after, now)
    if document:
        if body is None:
            raise NotFound(f"no document is kept for {row.id}")
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    told = row.to_json()
    polled: Json | None = None
    if poll:
        polled = {
            "at": output.stamp(poll.at),
            "outcome": poll.outcome,
            "status": poll.status,
            "ms": poll.ms,
            "size": poll.size,
            "rows": poll.rows,
            "events": poll.events,
        }
    page: Json | None = None
    if kept:
        page = {
            "url": kept.url,
            "content_type": kept.content_type,
            "size": kept.size,
            "fetched_at": output.stamp(kept.fetched_at),
        }
    if how == "json":
        output.document(told | {"poll": polled, "kept": page, "claims": marks})
        return
    print(output.clean(told["summary"]))
    output.details(
        [
            ("event", f"{row.id} (#{row.sequence}), {row.kind}, {row.severity}"),
            ("effective", lookup.date_words(told["effective"])),
            ("quote", row.quote),
            (
                "and quote",
                (row.before or {}).get("quote", "") if row.kind.startswith("conflict.") else "",
            ),
            ("url", row.url),
            ("source", row.source_id),
            ("seen", f"{told['detected_at']} ({output.ago(row.detected_at, now)})"),
            ("baseline", "yes: it stood there at the first look" if row.baseline else ""),
            (
                "document",
                f"{told['document']} ({kept.size} bytes, --document prints it)"
                if kept
                else told["document"],
            ),
            ("poll", _polled(poll) if poll else ""),
            *(
                ("claim now", f"{mark['claim']}: {mark['verdict']}, {mark['why']}")
                for mark in marks
            ),
            ("corrects", row.corrects or ""),
        ]
    )
    _sides(row.before, row.after)


def _polled(poll: PollRow) -> str:
    return f"{poll.outcome}, HTTP {poll.status}, {poll.ms} ms, {output.counted(poll.rows, 'row')}"


def _sides(before: Json | None, after: Json | None) -> None:
    """The fields that tell before and after apart; of one side alone, those that say something."""
    named = [name for name in (after or before or {}) if name not in ("fact", "quote", "provider")]
    pairs = [
        (name, _plain((before or {}).get(name)), _plain((after or {}).get(name))) for name in named
    ]
    if before and after:
        pairs = [(name, old, new) for name, old, new in pairs if old != new]
    output.table(("FIELD", "BEFORE", "AFTER"), [pair for pair in pairs if pair[1] or pair[2]])


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case dict():
            return lookup.date_words(value)
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
