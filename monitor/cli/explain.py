"""``lastcall explain``: the evidence behind an event."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.options import PLAIN, AsJson, Db, all_sources, clock, opened
from monitor.core.facts import Json, When
from monitor.core.wording import ago, counted, date_words, stamp

if TYPE_CHECKING:
    from monitor.answers.explain import Explanation

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
    from monitor.answers import explain as answers
    from monitor.answers import json_forms

    how, now = output.form(as_json), clock()
    if document:
        with opened(db) as store, store.read() as session:
            body = answers.document(session, event)
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    with opened(db) as store, store.read() as session:
        explanation = answers.explain(session, event, now, partial(all_sources, db))
    if how == "json":
        output.document(json_forms.explanation_json(explanation))
    else:
        _print(explanation, now)


def _print(explanation: Explanation, now: datetime) -> None:
    event = explanation.event
    document = f"sha256:{event.document}" if event.document else ""
    if explanation.document:
        document += f" ({explanation.document.size} bytes, --document prints it)"
    is_conflict = event.kind.startswith("conflict.")
    print(output.clean(event.summary))
    output.details(
        [
            ("event", f"{event.id} (#{event.sequence}), {event.kind}, {event.severity}"),
            ("effective", date_words(When.from_json(event.effective))),
            ("quote", event.quote),
            ("and quote", (event.before or {}).get("quote", "") if is_conflict else ""),
            ("url", event.url),
            ("source", event.source_id),
            ("seen", f"{stamp(event.detected_at)} ({ago(event.detected_at, now)})"),
            ("baseline", "yes: it stood there at the first look" if event.baseline else ""),
            ("document", document),
            ("poll", _poll(explanation)),
            *(
                ("claim now", f"{mark.claim}: {mark.verdict}, {mark.why}")
                for mark in explanation.verdicts
            ),
            ("corrects", event.corrects or ""),
        ]
    )
    _print_sides(event.before, event.after)


def _poll(explanation: Explanation) -> str:
    poll = explanation.poll
    if poll is None:
        return ""
    return f"{poll.outcome}, HTTP {poll.status}, {poll.ms} ms, {counted(poll.rows, 'row')}"


def _print_sides(before: Json | None, after: Json | None) -> None:
    """Print the fields that differ between before and after; of one side alone, those that are not
    empty.
    """
    names = [name for name in (after or before or {}) if name not in ("fact", "quote", "provider")]
    rows = [
        (name, _cell((before or {}).get(name)), _cell((after or {}).get(name))) for name in names
    ]
    if before and after:
        rows = [(name, old, new) for name, old, new in rows if old != new]
    output.table(("FIELD", "BEFORE", "AFTER"), [row for row in rows if row[1] or row[2]])


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case dict():
            return date_words(When.from_json(value))
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
