"""``lastcall show``: everything known of one model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import typer

from monitor.cli import output
from monitor.cli.events import print_events
from monitor.cli.options import (
    PLAIN,
    AsJson,
    AsJsonl,
    At,
    Db,
    ModelName,
    all_sources,
    clock,
    deviations,
    moment,
    opened,
)
from monitor.cli.prices import print_prices
from monitor.core.ends import leaving
from monitor.core.interpret import subject
from monitor.core.wording import ago, counted, date_words, with_age

if TYPE_CHECKING:
    from monitor.answers.endings import Ending
    from monitor.answers.model import Contradiction, Model, Redirect
    from monitor.answers.news import News
    from monitor.answers.versions import Version
    from monitor.core.facts import Listing
    from monitor.store.model_lookup import Successor

app = typer.Typer(**PLAIN)


@app.command()
def show(
    model: ModelName,
    at: At = None,
    as_json: AsJson = False,
    as_jsonl: AsJsonl = False,
    db: Db = None,
) -> None:
    """Show everything known of a model on every platform: stage, dates, replacement, prices,
    notices, events.

    Example: lastcall show gpt-4o-realtime-preview --at 2026-04-01
    """
    from monitor.answers import json_forms
    from monitor.answers.model import model as everything_known

    how, now = output.form(as_json, as_jsonl), clock()
    then = moment(at, now, end=True) if at else None
    with opened(db) as store, store.read() as session:
        answer = everything_known(
            session, model, now, then, partial(all_sources, db), partial(deviations, db)
        )
    if how == "table":
        _print(answer, then or now)
        return
    form = json_forms.model_json(answer)
    if how == "json":
        output.document(form)
    else:
        parts = ("retirements", "listings", "prices", "notices", "events")
        output.machine(how, [row for part in parts for row in form[part]], ())


def _print(model: Model, now: datetime) -> None:
    for ending in model.retirements:
        _print_retirement(ending, now)
    for listing in model.listings:
        _print_listing(listing, now)
    if model.prices:
        print("\nPrices")
        print_prices(model.prices)
    for redirect in model.redirects:
        _print_redirect(redirect)
    if model.contradictions:
        print("\nContradictions")
    for contradiction in model.contradictions:
        _print_contradiction(contradiction, now)
    if model.news:
        print("\nNotices")
        _print_news(model.news)
    if model.events:
        print("\nEvents")
        print_events(model.events)


def _print_retirement(ending: Ending, now: datetime) -> None:
    fact, left = ending.fact, ending.days_left
    is_over = fact.stage == "retired" or (left is not None and left < 0)
    count = f" (in {counted(left, 'day')})" if left is not None and left > 0 else ""
    term = f" ({fact.term})" if fact.term.lower() not in ("", fact.stage) else ""
    print(output.clean(subject(fact)))
    output.details(
        [
            ("stage", fact.stage + term),
            ("announced", date_words(fact.announced)),
            ("deprecated", date_words(fact.deprecated)),
            ("retired" if is_over else "retires", date_words(fact.retires) + count),
            ("replacement", _replacement(ending)),
            ("note", fact.note),
            ("source", with_age(ending.version.source, ending.version.seen, now)),
        ],
        "  ",
    )


def _replacement(ending: Ending) -> str:
    """Return what to use instead, and whether any of it lives. A model that stays needs none."""
    from monitor.store.model_lookup import any_there

    fact = ending.fact
    if not fact.replacements:
        return "no replacement named" if leaving(fact) else ""
    chain = _chain(ending.successors) or " or ".join(fact.replacements)
    return chain if any_there(ending.successors) else f"{chain}; no live replacement"


def _chain(successors: Sequence[Successor]) -> str:
    """Return replacements as text: ``gpt-5 -> gpt-5.1 (itself retires 2026-12-01) or gpt-4.1``."""
    words = []
    for successor in successors:
        end = date_words(successor.retires)
        state = successor.stage  # deprecated, unlisted, retired
        if end:
            state = "retired" if successor.gone else "retires"
        itself = f" (itself {' '.join(filter(None, (state, end)))})"
        further = f" -> {_chain(successor.successors)}" if successor.successors else ""
        words.append(successor.model + ("" if successor.lives else itself) + further)
    return " or ".join(words)


def _print_listing(version: Version[Listing], now: datetime) -> None:
    fact = version.fact
    print(output.clean(subject(fact)), "is listed")
    output.details(
        [
            ("name", fact.name),
            ("context", f"{fact.context_window:,} tokens" if fact.context_window else ""),
            ("max output", f"{fact.max_output:,} tokens" if fact.max_output else ""),
            ("modalities", ", ".join(fact.modalities)),
            ("created", date_words(fact.created)),
            ("alias of", fact.alias_of),
            ("source", with_age(version.source, version.seen, now)),
        ],
        "  ",
    )


def _print_redirect(redirect: Redirect) -> None:
    fact = redirect.version.fact
    name = output.clean(f"{fact.provider}/{fact.model}")
    print(f"\n{name} answers as {output.clean(fact.alias_of)} ({redirect.version.source})")
    if redirect.prices:
        print("Prices of what answers")
        print_prices(redirect.prices)


def _print_contradiction(contradiction: Contradiction, now: datetime) -> None:
    conflict = contradiction.conflict
    remark = " (known)" if contradiction.expected else ""
    print(f"{subject(conflict.fact)}: {conflict.what}{remark}")
    sides = zip((conflict.first, conflict.second), contradiction.first_seen, strict=True)
    output.table(
        ("SOURCE", "SAYS", "QUOTE", "FIRST SEEN"),
        [
            (f"{side.source.id} ({side.source.kind})", side.says, side.quote, ago(first_seen, now))
            for side, first_seen in sides
        ],
    )


def _print_news(articles: Sequence[News]) -> None:
    rows = []
    for article in articles:
        notice, verdict = (
            article.version.fact,
            article.verdicts[0].verdict if article.verdicts else "",
        )
        rows.append((date_words(notice.published), verdict, notice.title, notice.link))
    output.table(("PUBLISHED", "MARK", "TITLE", "LINK"), rows)
    for article in articles:
        for mark in article.verdicts:
            title = article.version.fact.title
            words = f"{title!r}: {mark.claim}: {mark.verdict}, {mark.why}"
            print("  " + output.clean(words))
