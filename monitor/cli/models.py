"""What is known of models: ``show``, ``upcoming`` and ``prices``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import lookup, output
from monitor.cli.options import (
    PLAIN,
    AsCsv,
    AsJson,
    AsJsonl,
    At,
    Db,
    Provider,
    clock,
    declared,
    horizon,
    moment,
    opened,
)
from monitor.core.ends import days_left, firm, over
from monitor.core.facts import (
    Fact,
    Json,
    Listing,
    Notice,
    Price,
    Retirement,
    When,
)

if TYPE_CHECKING:
    from sqlmodel import Session

    from monitor.store.fact_versions import Known

app = typer.Typer(**PLAIN)

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="An id, a display name, maker/model or provider/model, in any case."
    ),
]

PRICE = (
    "provider",
    "model",
    "version",
    "region",
    "surface",
    "meter",
    "amount",
    "currency",
    "per",
    "tier",
    "context",
    "window",
    "starts",
    "ends",
    "canonical",
    "source",
    "first_seen",
    "ended",
    "document",
)


# --- show
# ------------------------------------------------------------------------------------------------


@app.command()
def show(
    model: Model,
    at: At = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    db: Db = None,
) -> None:
    """Show everything known of a model on every platform: stage, dates, replacement, prices,
    notices, events.

    Example: lastcall show gpt-4o-realtime-preview --at 2026-04-01
    """
    from monitor.store import event_log, fact_versions
    from monitor.store import model_lookup as stored

    how, now = output.form(as_json, as_jsonl), clock()
    then = moment(at, now, end=True) if at else None
    with opened(db) as store, store.read() as session:
        fresh = fact_versions.freshness(session)
        found = stored.named(session, (Retirement, Listing, Price), model, at=then)
        notices, marks = lookup.notices(session, model, now, then)
        called = {one.fact.model.casefold() for one in found}
        events = [
            event
            for event in event_log.about(session, [*stored.names(model), *called])
            if not then or event["detected_at"] <= (output.stamp(then) or "")
        ]
        if not (found or notices or events):
            raise lookup.missing(session, model)
        told: dict[str, list[Json]] = {"retirement": [], "listing": [], "price": [], "notice": []}
        for one in [*found, *notices]:
            row = lookup.version_json(one, None if then else fresh.get(one.source_id))
            if isinstance(one.fact, Retirement):
                row["days_left"] = days_left(one.fact.retires, then or now)
                row["successors"] = stored.successors(
                    session, one.fact, then or now, then, {one.fact.model.casefold()}
                )
                row["live_replacements"] = stored.live(row["successors"])
            if isinstance(one.fact, Notice):
                row |= lookup.marks_json(marks.get((one.source_id, one.fact.key), ()))
            told[one.fact.fact].append(row)
        conflicts = _conflicts(session, found, then, then or now, db)
        redirects = _redirects(session, found, then)
    answer = {
        "model": model,
        "canonical": sorted(
            {row["canonical"] for row in told["retirement"] + told["listing"] + told["price"]}
        ),
        "at": output.stamp(then),
        "retirements": told["retirement"],
        "listings": told["listing"],
        "prices": told["price"],
        "redirects": redirects,
        "conflicts": conflicts,
        "notices": told["notice"],
        "events": events,
    }
    if how == "json":
        output.document(answer)
    elif not output.machine(
        how, [*told["retirement"], *told["listing"], *told["price"], *told["notice"], *events], ()
    ):
        _tell(answer, then or now)


def _chain(successors: list[Json]) -> str:
    """Replacements in words: ``gpt-5 -> gpt-5.1 (itself retires 2026-12-01) or gpt-4.1``."""
    said = []
    for one in successors:
        end = lookup.date_words(one["retires"])
        gone = one["stage"]  # deprecated, unlisted, retired
        if end:
            gone = "retired" if one["gone"] else "retires"
        flag = "" if one["lives"] else f" (itself {' '.join(filter(None, (gone, end)))})"
        then = f" -> {_chain(one['successors'])}" if one["successors"] else ""
        said.append(one["model"] + flag + then)
    return " or ".join(said)


def _replacement(row: Json) -> str:
    """What to use instead, and whether any of it lives; that there is nothing is said of what goes
    or is gone.
    """
    from monitor.store import model_lookup as stored

    if not row["replacements"]:
        going = row["stage"] in ("deprecated", "retired") or firm(When.from_json(row["retires"]))
        return "no replacement named" if going else ""
    chain = _chain(row["successors"]) or " or ".join(row["replacements"])
    return chain if stored.any_there(row["successors"]) else f"{chain}; no live replacement"


def _redirects(session: Session, found: list[Known], at: datetime | None) -> list[Json]:
    """Names that are answered by another model, with the prices of that one.

    A list says so of its aliases (xAI, Together); prices that the page states for the name itself
    stand with the rest."""
    from monitor.store import model_lookup as stored

    told = []
    for one in found:
        if not isinstance(one.fact, Listing) or not one.fact.alias_of:
            continue
        prices = [
            lookup.version_json(price, None)
            for price in stored.named(
                session, [Price], f"{one.fact.provider}/{one.fact.alias_of}", at=at
            )
            if price.fact.provider == one.fact.provider
        ]
        told.append(
            {
                "model": f"{one.fact.provider}/{one.fact.model}",
                "to": one.fact.alias_of,
                "source": one.source_id,
                "note": one.fact.note,
                "quote": one.fact.quote,
                "prices": prices,
            }
        )
    return told


def _conflicts(
    session: Session, found: list[Known], at: datetime | None, now: datetime, db: str | None
) -> list[Json]:
    """Statements about the found offerings that contradict each other, side by side, known
    deviations too.
    """
    from monitor.core.contradictions import contradicted_by, find, quiet
    from monitor.core.names import canonical
    from monitor.settings import load_settings
    from monitor.store import fact_versions
    from monitor.store.known_deviations import known_deviations
    from monitor.store.open_contradictions import statements

    models = {canonical(one.fact.provider, one.fact.model) for one in found}
    known = fact_versions.of_models(session, [Retirement, Price], sorted(models), at=at)
    stating = {(one.source_id, one.fact.fact) for one in known}
    several = len(stating) > len({kind for _, kind in stating})
    if not several and not any(contradicted_by(one.fact) for one in known):
        # nothing to compare, and the adapters, who know which source is a hint, need not be loaded
        return []
    settings = load_settings(db)
    deviations = known_deviations(settings.deviations_file)
    first_seen = {(one.source_id, one.fact.key): one.first_seen for one in known}
    shown = {(one.fact.provider, one.fact.key) for one in found}
    told = []
    for conflict in find(statements(known, declared(settings)), now):
        sides = [side for side in (conflict.one, conflict.other) if side.fact]
        if not any(side.fact and (side.fact.provider, side.fact.key) in shown for side in sides):
            continue
        fact = conflict.fact
        told.append(
            {
                "what": conflict.what,
                "provider": fact.provider,
                "model": fact.model,
                "version": fact.version,
                "region": fact.region,
                "surface": fact.surface,
                "severity": conflict.severity,
                "known": quiet(conflict, deviations),
                "summary": conflict.summary,
                "statements": [
                    {
                        "source": side.source.id,
                        "kind": side.source.kind,
                        "says": side.says,
                        "quote": side.quote,
                        "url": side.source.url,
                        "first_seen": output.stamp(
                            first_seen[side.source.id, (side.fact or fact).key]
                        ),
                        "fact": side.fact.to_json() if side.fact else None,
                    }
                    for side in (conflict.one, conflict.other)
                ],
            }
        )
    return told


def _side(side: Json, now: datetime) -> tuple[str, ...]:
    seen = output.ago(datetime.fromisoformat(side["first_seen"]), now)
    return (f"{side['source']} ({side['kind']})", side["says"], side["quote"], seen)


def _tell(answer: Json, now: datetime) -> None:
    for row in answer["retirements"]:
        end = lookup.date_words(row["retires"])
        left = row["days_left"]
        gone = row["stage"] == "retired" or (left is not None and left < 0)
        count = f" (in {output.counted(left, 'day')})" if left is not None and left > 0 else ""
        print(output.clean(lookup.offering(row)))
        output.details(
            [
                (
                    "stage",
                    row["stage"]
                    + (
                        f" ({row['term']})" if row["term"].lower() not in ("", row["stage"]) else ""
                    ),
                ),
                ("announced", lookup.date_words(row["announced"])),
                ("deprecated", lookup.date_words(row["deprecated"])),
                ("retired" if gone else "retires", end + count),
                ("replacement", _replacement(row)),
                ("note", row["note"]),
                ("source", _source(row, now)),
            ],
            "  ",
        )
    for row in answer["listings"]:
        print(output.clean(lookup.offering(row)), "is listed")
        output.details(
            [
                ("name", row["name"]),
                ("context", f"{row['context_window']:,} tokens" if row["context_window"] else ""),
                ("max output", f"{row['max_output']:,} tokens" if row["max_output"] else ""),
                ("modalities", ", ".join(row["modalities"])),
                ("created", lookup.date_words(row["created"])),
                ("alias of", row["alias_of"]),
                ("source", _source(row, now)),
            ],
            "  ",
        )
    if answer["prices"]:
        print("\nPrices")
        _price_table(answer["prices"], history=False)
    for row in answer["redirects"]:
        print(
            f"\n{output.clean(row['model'])} answers as {output.clean(row['to'])} ({row['source']})"
        )
        if row["prices"]:
            print("Prices of what answers")
            _price_table(row["prices"], history=False)
    if answer["conflicts"]:
        print("\nContradictions")
        for row in answer["conflicts"]:
            print(f"{lookup.offering(row)}: {row['what']}" + (" (known)" if row["known"] else ""))
            output.table(
                ("SOURCE", "SAYS", "QUOTE", "FIRST SEEN"),
                [_side(side, now) for side in row["statements"]],
            )
    if answer["notices"]:
        print("\nNotices")
        output.table(
            ("PUBLISHED", "MARK", "TITLE", "LINK"),
            [
                (lookup.date_words(row["published"]), row["verdict"], row["title"], row["link"])
                for row in answer["notices"]
            ],
        )
        for row in answer["notices"]:
            for mark in row["claims"]:
                print(
                    "  "
                    + output.clean(
                        f"{row['title']!r}: {mark['claim']}: {mark['verdict']}, {mark['why']}"
                    )
                )
    if answer["events"]:
        print("\nEvents")
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
                for row in answer["events"]
            ],
        )


def _source(row: Json, now: datetime) -> str:
    seen = f", seen {output.ago(datetime.fromisoformat(row['seen']), now)}" if row["seen"] else ""
    return f"{row['source']}{seen}"


# --- upcoming
# -----------------------------------------------------------------------------------------------


@app.command()
def upcoming(
    within: Annotated[
        str | None,
        typer.Option("--within", metavar="TIME", help="Not later than 90d, 12h or a date."),
    ] = None,
    provider: Provider = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="GLOB", help="A model: gpt-4o*, */gpt-4o*.")
    ] = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Show retirements ahead, soonest first. What is only promised not to happen earlier stands
    apart.

    Example: lastcall upcoming --within 90d --provider openai
    """
    from monitor.store import fact_versions

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    limit = horizon(within, now) if within else None
    with opened(db) as store, store.read() as session:
        fresh = fact_versions.freshness(session)
        ahead = [
            (fact.retires.starts, lookup.ending_json(one, fact, now, fresh.get(one.source_id)))
            for one in fact_versions.known(
                session,
                [Retirement],
                provider=provider.casefold() if provider else None,
                official=True,
            )
            if isinstance(fact := one.fact, Retirement) and fact.retires and not over(fact, now)
            if limit is None or fact.retires.starts <= limit
            if model is None or _matches(fact, model)
            # A floor that lies behind promises nothing any more.
            if firm(fact.retires) or fact.retires.ends > now
        ]
    rows = [
        row
        for _, row in sorted(
            ahead, key=lambda pair: (pair[1]["floor"], pair[0], lookup.offering(pair[1]))
        )
    ]
    if output.machine(how, rows, lookup.ENDING):
        return
    dated, floors = [row for row in rows if not row["floor"]], [row for row in rows if row["floor"]]
    output.table(
        ("RETIRES", "DAYS", "MODEL", "STAGE", "REPLACEMENT", "SOURCE"),
        [
            _ahead(row, "" if row["days_left"] is None else str(row["days_left"]), now)
            for row in dated
        ],
    )
    if floors:
        print(("\n" if dated else "") + "No date, only a promise of not before:")
        output.table(
            ("NOT BEFORE", "MODEL", "STAGE", "REPLACEMENT", "SOURCE"),
            [
                (words.removeprefix("not before "), *rest)
                for words, _, *rest in (_ahead(row, "", now) for row in floors)
            ],
        )
    if not rows:
        output.say(
            "no retirement is ahead" if fresh else "nothing was polled yet; `lastcall poll` does"
        )


def _ahead(row: Json, left: str, now: datetime) -> tuple[str, ...]:
    replacements = " or ".join(row["replacements"])
    return (
        lookup.date_words(row["retires"]),
        left,
        lookup.offering(row),
        row["stage"],
        replacements,
        _source(row, now),
    )


def _matches(fact: Fact, glob: str) -> bool:
    from fnmatch import fnmatchcase

    from monitor.core.names import canonical

    folded, name = glob.casefold(), fact.model.casefold()
    names = (name, f"{fact.provider}/{name}", canonical(fact.provider, fact.model))
    return any(fnmatchcase(one, folded) for one in names)


# --- prices
# -------------------------------------------------------------------------------------------------


@app.command()
def prices(
    model: Model,
    at: At = None,
    history: Annotated[
        bool, typer.Option("--history", help="Every price that ever stood, with its time.")
    ] = False,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    as_csv: AsCsv = False,
    db: Db = None,
) -> None:
    """Show what a model costs, now, on a day, or through time.

    Example: lastcall prices claude-sonnet-5 --history
    """
    from monitor.store import fact_versions
    from monitor.store import model_lookup as stored

    how, now = output.form(as_json, as_jsonl, as_csv), clock()
    if at and history:
        raise typer.BadParameter("give one of --at and --history")
    then = moment(at, now, end=True) if at else None
    with opened(db) as store, store.read() as session:
        fresh = fact_versions.freshness(session)
        found = stored.named(session, [Price], model, at=then, history=history)
        if not found and not stored.named(
            session, (Retirement, Listing, Price), model, history=True
        ):
            raise lookup.missing(session, model)
    rows = [lookup.version_json(one, None if then else fresh.get(one.source_id)) for one in found]
    if not output.machine(how, rows, PRICE):
        _price_table(rows, history=history)
    if not rows:
        output.say(f"no price of {model} is known" + (f" at {at}" if at else ""))


def _price_table(rows: list[Json], *, history: bool) -> None:
    """Prices with those columns that say something."""
    columns: list[tuple[str, Callable[[Json], str]]] = [
        ("MODEL", lookup.offering),
        ("METER", lambda row: row["meter"]),
        ("PRICE", lambda row: f"{row['amount']} {row['currency']}"),
        ("PER", lambda row: row["per"]),
        ("TIER", lambda row: row["tier"] if row["tier"] != "standard" else ""),
        ("CONTEXT", lambda row: row["context"]),
        ("WINDOW", lambda row: row["window"]),
        ("FROM", lambda row: lookup.date_words(row["starts"])),
        ("UNTIL", lambda row: lookup.date_words(row["ends"])),
        ("SOURCE", lambda row: row["source"]),
    ]
    if history:
        columns += [
            ("FIRST SEEN", lambda row: row["first_seen"][:10]),
            ("GONE", lambda row: (row["ended"] or "")[:10]),
        ]
    shown = [(title, cell) for title, cell in columns if any(cell(row) for row in rows)]
    output.table([title for title, _ in shown], [[cell(row) for _, cell in shown] for row in rows])
