"""``lastcall sources``: the health of every source, and what an operator can do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import feeds, output, sources_check, sources_new
from monitor.cli.options import (
    PLAIN,
    AsCsv,
    AsJson,
    AsJsonl,
    Db,
    ListByDefault,
    clock,
    declared,
    deviations,
    opened,
)
from monitor.core.facts import Json
from monitor.core.wording import ago, counted
from monitor.errors import NotFound
from monitor.reading.source import find

if TYPE_CHECKING:
    from monitor.answers.sources import SourceDetails, SourceHealth
    from monitor.reading.source import Source
    from monitor.store.db import Store

app = typer.Typer(
    cls=ListByDefault,
    help="Manage sources: their health, their held documents, added feeds.",
    **PLAIN,
)

Id = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="The id of a source, for example openai.deprecations."),
]

FIELDS = (
    "id",
    "kind",
    "url",
    "enabled",
    "outcome",
    "error",
    "good_at",
    "stale",
    "checked_at",
    "due_at",
    "failures",
    "rows",
    "pending",
    "held",
    "key",
    "key_missing",
)

#: Changes that are shown of a held document.
SHOWN_LINES = 20

app.command("check")(sources_check.check)
app.command("new")(sources_new.new)
app.command("add-feed")(feeds.add)
app.command("remove-feed")(feeds.remove)


@app.command("list")
def list_sources(
    as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
) -> None:
    """List the sources: how the last poll went, how old the facts are, when the next poll is due.

    Example: lastcall sources --json
    """
    from monitor.answers import json_forms
    from monitor.answers.sources import states

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    with opened(db) as store:
        sources = _declared(store, db)
        with store.read() as session:
            answer = states(session, sources, now)
    if output.machine(how, [json_forms.source_json(state) for state in answer], FIELDS):
        return
    output.table(
        ("SOURCE", "OUTCOME", "LAST GOOD", "NEXT", "ROWS", "FAILURES", "REMARK"),
        [_cells(state, now) for state in answer],
    )


@app.command("show")
def show_source(source: Id, as_json: AsJson = False, db: Db = None) -> None:
    """Show one source in full: what waits for another poll, and what a held document would change.

    Example: lastcall sources show openai.deprecations
    """
    from monitor.answers import json_forms
    from monitor.answers.sources import details

    how, now = output.form(as_json), clock()
    with opened(db) as store:
        declaration = find(source, _declared(store, db))
        with store.read() as session:
            answer = details(session, declaration, now)
    form = json_forms.source_details_json(answer)
    if how == "json":
        output.document(form)
        return
    _print_state(answer, now)
    if form["waiting"]:
        print("\nWaiting for another look:")
        _print_lines([f"{change['words']} ({change['looks']})" for change in form["waiting"]])
    if answer.document:
        changes = form["held_changes"]
        print(f"\nA document is held: {answer.document.release}. Accepting it: {_counts(changes)}")
        _print_lines([change["words"] for change in changes])
        output.say(f"lastcall sources accept {source}   takes it over")


@app.command("accept")
def accept_document(source: Id, as_json: AsJson = False, db: Db = None) -> None:
    """Approve the document that is held for a source: its facts are believed, this once.

    Example: lastcall sources accept openai.deprecations
    """
    from monitor.answers import json_forms
    from monitor.answers.sources import held_document
    from monitor.polling.approval import approve
    from monitor.store import source_state

    how, now = output.form(as_json), clock()
    with opened(db) as store:
        sources = _declared(store, db)
        declaration = find(source, sources)
        with store.read() as session:
            state = next(iter(source_state.rows(session, [source])), None)
            if not state or not state.held:
                raise NotFound(f"no document is held for {source}")
            document = held_document(session, declaration, state, now)
        result = approve(store, declaration, state, now, sources, deviations(db))
    changes = [json_forms.change_json(change) for change in document.changes]
    if how == "json":
        form = {"source": source, "outcome": result.outcome, "rows": result.rows}
        output.document(form | {"changes": changes, "events": result.events})
        return
    counts = f"{counted(result.rows, 'row')}: {_counts(changes)}"
    print(f"{source}: {result.outcome}, {counts}, {counted(len(result.events), 'event')}")
    for event in result.events:
        print("  " + output.clean(event["summary"]))


@app.command("enable")
def enable_source(source: Id, db: Db = None) -> None:
    """Poll a source again. It is due at once.

    Example: lastcall sources enable openai.news
    """
    _switch(source, db, enabled=True)


@app.command("disable")
def disable_source(source: Id, db: Db = None) -> None:
    """Stop polling a source. Its facts and events are kept.

    Example: lastcall sources disable openai.news
    """
    _switch(source, db, enabled=False)


def _switch(source: str, db: str | None, *, enabled: bool) -> None:
    from monitor.store import source_state

    now = clock()
    with opened(db) as store:
        sources = _declared(store, db)
        find(source, sources)
        with store.write() as session:
            source_state.register(session, sources, now)
            row = source_state.lock(session, source)
            row.due_at = now if enabled and not row.enabled else row.due_at
            row.enabled = enabled
    print(f"{source}: {'enabled' if enabled else 'disabled'}")


def _declared(store: Store, db: str | None) -> Mapping[str, Source]:
    from monitor.settings import load_settings

    return declared(load_settings(db), store)


def _cells(state: SourceHealth, now: datetime) -> tuple[str, ...]:
    row = state.row
    return (
        state.source.id,
        state.outcome,
        _last_good(state, now),
        ago(row.due_at, now) if row and row.enabled else "",
        str(row.rows if row else 0),
        str((row and row.failures) or ""),
        _remark(state),
    )


def _last_good(state: SourceHealth, now: datetime) -> str:
    return ago(state.row.good_at if state.row else None, now) + (" (stale)" if state.stale else "")


def _remark(state: SourceHealth) -> str:
    if state.key_missing:
        return f"{state.key} is not set"
    document = "a document is held" if state.row and state.row.held else ""
    error = state.row.error if state.row else ""
    return "; ".join(part for part in (document, error) if part)


def _print_state(details: SourceDetails, now: datetime) -> None:
    state = details.state
    source, row = state.source, state.row
    output.details(
        [
            ("source", f"{source.id} ({source.kind})"),
            ("reads", " ".join(source.doc.split())),
            ("url", source.url),
            ("every", str(source.every)),
            ("outcome", state.outcome),
            ("error", row.error if row else ""),
            ("last good", _last_good(state, now)),
            ("next", ago(row.due_at, now) if row else ""),
            ("failures", str((row and row.failures) or "")),
            ("facts", ", ".join(f"{count} {kind}" for kind, count in details.facts.items())),
            ("key", f"{state.key} is not set: off" if state.key_missing else state.key),
        ]
    )


def _counts(changes: Sequence[Json]) -> str:
    """Return how many rows changes add, change and remove."""
    counts = Counter(change["words"][0] for change in changes)
    signs = (("+", "added"), ("~", "changed"), ("-", "removed"))
    return ", ".join(f"{counts[sign]} {name}" for sign, name in signs)


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines[:SHOWN_LINES]:
        print("  " + output.clean(line))
    if len(lines) > SHOWN_LINES:
        print(f"  ... and {len(lines) - SHOWN_LINES} more (--json shows all)")
