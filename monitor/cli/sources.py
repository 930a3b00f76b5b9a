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
    opened,
)
from monitor.core.facts import Json
from monitor.errors import NotFound, Unreadable
from monitor.reading.source import find

if TYPE_CHECKING:
    from monitor.core.diff import Change
    from monitor.reading.source import Source
    from monitor.store.db import Store
    from monitor.store.tables import SourceRow

app = typer.Typer(
    cls=ListByDefault, help="Show or steer the sources: their health, held documents.", **PLAIN
)

Id = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Its id, for example openai.deprecations.")
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

#: Lines of a difference that are shown of a held document.
FIRST = 20

app.command("check")(sources_check.check)
app.command("new")(sources_new.new)
app.command("add-feed")(feeds.add)
app.command("remove-feed")(feeds.remove)


@app.command("list")
def list_sources(
    as_json: AsJson = False, as_jsonl: AsJsonl = False, as_csv: AsCsv = False, db: Db = None
) -> None:
    """List the sources: how the last poll went, how old what we know is, when the next is due.

    Example: lastcall sources --json
    """
    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    with opened(db) as store:
        known, states = _known(store, db)
    told = [
        _told(source, states.get(source.id), now)
        for source in sorted(known.values(), key=lambda one: one.id)
    ]
    if output.machine(how, told, FIELDS):
        return
    output.table(
        ("SOURCE", "OUTCOME", "LAST GOOD", "NEXT", "ROWS", "FAILURES", "REMARK"),
        [
            (
                row["id"],
                _outcome(row),
                _age(row["good_at"], now) + (" (stale)" if row["stale"] else ""),
                _age(row["due_at"], now) if row["enabled"] and row["due_at"] else "",
                str(row["rows"]),
                str(row["failures"] or ""),
                _remark(row),
            )
            for row in told
        ],
    )


@app.command("show")
def show_source(source: Id, as_json: AsJson = False, db: Db = None) -> None:
    """Show one source in full: what waits for another look, and the difference that a held document
    would make.

    Example: lastcall sources show openai.deprecations
    """
    how, now = output.form(as_json), clock()
    with opened(db) as store:
        known, states = _known(store, db)
        found = find(source, known)
        state = states.get(source)
        told = _told(found, state, now)
        told["facts"] = _standing(store, source)
        told["waiting"] = _waiting(state) if state else []
        release, changes = _held(store, found, state, now) if state and state.held else ("", None)
        told |= {"held_release": release, "held_changes": changes}
    if how == "json":
        output.document(told)
        return
    output.details(
        [
            ("source", f"{told['id']} ({told['kind']})"),
            ("reads", " ".join(found.doc.split())),
            ("url", told["url"]),
            ("every", str(found.every)),
            ("outcome", _outcome(told)),
            ("error", told["error"]),
            ("last good", _age(told["good_at"], now) + (" (stale)" if told["stale"] else "")),
            ("next", _age(told["due_at"], now) if told["due_at"] else ""),
            ("failures", str(told["failures"] or "")),
            (
                "facts",
                ", ".join(f"{count} {name}" for name, count in told["facts"].items() if count),
            ),
            ("key", f"{told['key']} is not set: off" if told["key_missing"] else told["key"]),
        ]
    )
    if waiting := told["waiting"]:
        print("\nWaiting for another look:")
        _lines([f"{change['words']} ({change['looks']})" for change in waiting])
    if changes is not None:
        print(f"\nA document is held: {release}. Accepting it: {_counts(changes)}")
        _lines([change["words"] for change in changes])
        output.say(f"lastcall sources accept {source}   takes it over")


@app.command("accept")
def accept_document(source: Id, as_json: AsJson = False, db: Db = None) -> None:
    """Take over the document that is held for this source, this once.

    Example: lastcall sources accept openai.deprecations
    """
    from monitor.polling.fetch import NO_VALIDATORS, Fetched
    from monitor.polling.poll import record
    from monitor.settings import load_settings
    from monitor.store import source_state
    from monitor.store.known_deviations import known_deviations

    how, now = output.form(as_json), clock()
    with opened(db) as store:
        known, states = _known(store, db)
        found, state = find(source, known), states.get(source)
        if not state or not state.held:
            raise NotFound(f"no document is held for {source}")
        _, changes = _held(store, found, state, now)
        with store.read() as session:
            body = source_state.document(session, state.held) or b""
        fetched = Fetched(
            status=200,
            body=body,
            content_type="",
            validators=NO_VALIDATORS,
            ms=0,
            not_modified=False,
            retry_after=None,
            max_age=None,
            url=found.url,
        )
        polled = record(
            store,
            found,
            fetched,
            found.read(body),
            found.digest(body),
            now,
            state.due_at,
            accepted=True,
            declared=known,
            deviations=known_deviations(load_settings(db).deviations_file),
        )
    if how == "json":
        output.document(
            {
                "source": source,
                "outcome": polled.outcome,
                "rows": polled.rows,
                "changes": changes,
                "events": polled.events,
            }
        )
        return
    events = output.counted(len(polled.events), "event")
    print(
        f"{source}: {polled.outcome}, {output.counted(polled.rows, 'row')}: {_counts(changes)}, "
        f"{events}"
    )
    for event in polled.events:
        print("  " + output.clean(event["summary"]))


@app.command("enable")
def enable_source(source: Id, db: Db = None) -> None:
    """Poll a source again; it is due at once.

    Example: lastcall sources enable openai.news
    """
    _switch(source, db, enabled=True)


@app.command("disable")
def disable_source(source: Id, db: Db = None) -> None:
    """Poll a source no more. What is known of it stays.

    Example: lastcall sources disable openai.news
    """
    _switch(source, db, enabled=False)


def _switch(source: str, db: str | None, *, enabled: bool) -> None:
    from monitor.store import source_state

    now = clock()
    with opened(db) as store:
        known, _ = _known(store, db)
        find(source, known)
        with store.write() as session:
            source_state.register(session, known, now)
            row = source_state.locked(session, source)
            row.due_at = now if enabled and not row.enabled else row.due_at
            row.enabled = enabled
    print(f"{source}: {'enabled' if enabled else 'disabled'}")


def _known(store: Store, db: str | None) -> tuple[Mapping[str, Source], dict[str, SourceRow]]:
    """The declared sources and the state of those that have one."""
    from monitor.settings import load_settings
    from monitor.store import source_state

    known = declared(load_settings(db), store)
    with store.read() as session:
        return known, {row.id: row for row in source_state.rows(session)}


def _told(source: Source, row: SourceRow | None, now: datetime) -> Json:
    from monitor.settings import provider_key

    key = source.access.key if source.access else ""
    return {
        "id": source.id,
        "kind": source.kind,
        "url": source.url,
        "enabled": row.enabled if row else True,
        "outcome": row.outcome if row else "",
        "error": row.error if row else "",
        "good_at": output.stamp(row.good_at) if row else None,
        "stale": bool(row and row.good_at and now - row.good_at > source.stale_after),
        "checked_at": output.stamp(row.checked_at) if row else None,
        "due_at": output.stamp(row.due_at) if row else None,
        "failures": row.failures if row else 0,
        "rows": row.rows if row else 0,
        "pending": len(row.pending) if row else 0,
        "held": bool(row and row.held),
        "key": key,
        "key_missing": bool(key and not provider_key(key)),
    }


def _outcome(row: Json) -> str:
    if not row["enabled"]:
        return "disabled"
    if row["key_missing"]:
        return "off"
    return row["outcome"] or "never polled"


def _remark(row: Json) -> str:
    if row["key_missing"]:
        return f"{row['key']} is not set"
    return "; ".join(
        part for part in ("a document is held" if row["held"] else "", row["error"]) if part
    )


def _age(at: str | None, now: datetime) -> str:
    return output.ago(datetime.fromisoformat(at) if at else None, now)


def _standing(store: Store, source: str) -> dict[str, int]:
    from monitor.store import fact_versions

    with store.read() as session:
        return dict(Counter(fact.fact for fact in fact_versions.standing(session, source).values()))


def _waiting(row: SourceRow) -> list[Json]:
    """The changes that wait, with the looks that each had and needs."""
    from monitor.core.diff import LOOKS, Pending

    told: list[Json] = []
    for wait in map(Pending.from_json, row.pending):
        apart = f"{wait.spaced} of {wait.need} looks, each a whole interval after the other"
        looks = {"looks": f"{wait.looks} of {LOOKS} looks" if wait.soon else apart}
        counts = {
            "had": wait.looks,
            "had_apart": wait.spaced,
            "needs": LOOKS,
            "needs_apart": wait.need,
        }
        told.append(_change(wait.change) | looks | counts)
    return told


def _held(store: Store, source: Source, row: SourceRow, now: datetime) -> tuple[str, list[Json]]:
    """What releases the held document, and what accepting it would change."""
    from monitor.core.diff import diff, snapshot
    from monitor.polling.poll import doubted
    from monitor.store import fact_versions, source_state

    with store.read() as session:
        body, known = (
            source_state.document(session, row.held) or b"",
            fact_versions.standing(session, source.id),
        )
    try:
        seen = snapshot(source.read(body))
    except Unreadable as error:  # by the adapter of a later version
        return f"it can no longer be read: {error}", []
    doubt = doubted(source, known, seen, now)
    release = doubt.release if doubt else "the next look releases it"
    had = f" (it had {row.held_looks})" if doubt and doubt.looks else ""
    return f"{release}{had}", [_change(change) for change in diff(known, seen)]


def _change(change: Change) -> Json:
    """One change in words and in full: ``~ retirement azure/gpt-4.1: retires 2027-10-14 ->
    2026-10-14``.
    """
    from monitor.core.interpret import subject

    sign = "+" if change.before is None else "-" if change.after is None else "~"
    words = f"{sign} {change.fact.fact} {subject(change.fact)}"
    if change.before and change.after:
        pairs = zip(change.fact.telling, change.before.value, change.after.value, strict=True)
        words += ": " + ", ".join(
            f"{name} {_plain(old)} -> {_plain(new)}" for name, old, new in pairs if old != new
        )
    return {
        "words": words,
        "before": change.before.to_json() if change.before else None,
        "after": change.after.to_json() if change.after else None,
    }


def _counts(changes: Sequence[Json]) -> str:
    """How many rows changes add, change and remove."""
    counts = Counter(change["words"][0] for change in changes)
    return ", ".join(
        f"{counts[sign]} {name}"
        for sign, name in (("+", "added"), ("~", "changed"), ("-", "removed"))
    )


def _lines(words: Sequence[str]) -> None:
    for line in words[:FIRST]:
        print("  " + output.clean(line))
    if len(words) > FIRST:
        print(f"  ... and {len(words) - FIRST} more (--json shows all)")


def _plain(value: object) -> str:
    return " or ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
