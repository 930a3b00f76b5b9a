"""The store on SQLite and PostgreSQL: versions of facts, the log, sources, and what goes wrong with
a database.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from monitor.core.diff import Change
from monitor.core.facts import Fact, Listing, Notice, Price, Retirement, When
from monitor.core.interpret import KINDS, Draft
from monitor.core.names import canonical
from monitor.core.patterns import Pattern, Subject
from monitor.core.severity import SEVERITIES
from monitor.errors import StoreError
from monitor.store import event_log, maintenance, schema, source_state
from monitor.store import fact_versions as versions
from monitor.store.db import Store
from monitor.store.event_log import EventQuery
from monitor.store.tables import DocumentRow, EventRow, SourceRow

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
DEPRECATIONS = "openai.deprecations"


@pytest.fixture
def known(store: Store) -> Store:
    """A store that knows two sources."""
    with store.write() as session:
        source_state.register(session, [DEPRECATIONS, "openai.pricing"], NOW)
    return store


def gpt(end: str | None = "2026-10-16", **more) -> Retirement:
    return Retirement(
        model="GPT-4o",
        provider="openai",
        stage="deprecated",
        retires=When(end, words="as printed") if end else None,
        **more,
    )


FACTS: list[Fact] = [
    gpt(
        version="2024-05-13",
        region="eastus",
        surface="fine-tuning",
        term="Deprecated",
        note="n",
        quote='| "q" |',
        announced=When("2026-04-22"),
        deprecated=When("2026", "by"),
        replacements=("gpt-5", "gpt-5.1"),
    ),
    Listing(
        model="gpt-4o",
        provider="openai",
        name="GPT-4o",
        context_window=128_000,
        max_output=16_384,
        modalities=("text", "image"),
        created=When("2024-05-13T00:00Z"),
        alias_of="gpt-4o-2024-08-06",
    ),
    Price(
        model="gpt-4o",
        provider="openai",
        meter="input",
        amount=Decimal("0.0000025"),
        per="1M tokens",
        tier="batch",
        context=">200k",
        window="off-peak",
        starts=When("2026-12-01"),
        ends=When("2027-03"),
    ),
    Notice(
        title="GPT‑4o — leaves",
        provider="openai",
        link="https://x.example/",
        published=When("2026-11-20"),
        summary="s",
        models=("gpt-4o",),
    ),
]


def apply(store: Store, changes: list[Change], now: datetime = NOW, document: str = "d") -> None:
    with store.write() as session:
        versions.apply(session, DEPRECATIONS, changes, now, document)


# --- versions of facts
# -------------------------------------------------------------------------------------


def test_what_is_written_stands_as_it_was(known: Store) -> None:
    apply(known, [Change(None, fact) for fact in FACTS])
    with known.read() as session:
        found = versions.current(session, DEPRECATIONS)
        assert versions.current(session, "openai.pricing") == {}
    assert found == {fact.key: fact for fact in FACTS}
    assert [found[fact.key].to_json() for fact in FACTS] == [
        fact.to_json() for fact in FACTS
    ]  # and the words in it


def test_an_end_that_moves_has_a_history(known: Store) -> None:
    ends = ["2026-02-27", "2026-03-24", "2026-05-07"]
    steps = [None, *(gpt(end) for end in ends), None]
    for number, (before, after) in enumerate(itertools.pairwise(steps)):
        apply(known, [Change(before, after)], NOW + number * DAY, f"doc{number}")

    def end(**asked: Any) -> list[str]:
        with known.read() as session:
            found = versions.matching(session, [Retirement], **asked)
        return [
            one.fact.retires.text
            for one in found
            if isinstance(one.fact, Retirement) and one.fact.retires
        ]

    assert end() == []
    assert end(history=True) == ends
    assert [end(at=NOW + number * DAY) for number in range(-1, 4)] == [
        [],
        *([end] for end in ends),
        [],
    ]
    assert end(at=NOW + DAY - timedelta(microseconds=1)) == ends[:1]
    with known.read() as session:
        history = versions.matching(session, [Retirement], history=True)
    assert [(one.document, one.first_seen, one.ended) for one in history] == [
        (f"doc{number}", NOW + number * DAY, NOW + (number + 1) * DAY) for number in range(3)
    ]
    assert {one.source_id for one in history} == {DEPRECATIONS}


def test_many_changes_at_once(known: Store) -> None:
    many = [replace(gpt(), model=f"m-{number}") for number in range(1201)]
    apply(known, [Change(None, fact) for fact in many])
    moved = [replace(fact, retires=When("2027-01-01")) for fact in many]
    apply(
        known, [Change(before, after) for before, after in zip(many, moved, strict=True)], NOW + DAY
    )
    with known.read() as session:
        assert set(versions.current(session, DEPRECATIONS).values()) == set(moved)
        assert versions.returned(session, DEPRECATIONS, many) == {fact.key for fact in many}


def test_a_fact_stands_once(known: Store) -> None:
    apply(known, [Change(None, gpt())])
    with pytest.raises(StoreError), known.write() as session:
        versions.apply(session, DEPRECATIONS, [Change(None, gpt("2027-01-01"))], NOW, "d")
    with known.read() as session:
        assert list(versions.current(session, DEPRECATIONS).values()) == [gpt()]


def test_what_stood_before_has_returned(known: Store) -> None:
    fact, other = gpt(), replace(gpt(), model="o1")
    apply(known, [Change(None, fact)])
    apply(known, [Change(fact, None)], NOW + DAY)
    with known.read() as session:
        assert versions.returned(session, DEPRECATIONS, [fact, other]) == {fact.key}
        assert versions.returned(session, "openai.pricing", [fact]) == set()


def test_facts_are_found_by_any_of_their_names(known: Store) -> None:
    claude = Listing(model="claude-3-haiku-20240307", provider="anthropic")
    odd = Listing(model="gpt_4%x", provider="openai")
    apply(known, [Change(None, fact) for fact in (*FACTS, claude, odd)])

    def models(**asked: Any) -> set[str]:
        with known.read() as session:
            return {
                one.fact.model for one in versions.matching(session, [Listing, Retirement], **asked)
            }

    assert models(names=["gpt-4o"]) == {"GPT-4o", "gpt-4o"}
    assert models(names=["anthropic/claude-haiku-3"]) == {claude.model}
    assert models(names=["nothing"]) == set()
    assert models(provider="anthropic") == {claude.model}
    assert models(like="gpt-4%") == {"GPT-4o", "gpt-4o"}
    assert models(like="gpt\\_4\\%%") == {"gpt_4%x"}
    assert models(like="%haiku-3") == {claude.model}


def test_the_end_of_a_listed_model_is_known_from_every_source_of_its_provider(known: Store) -> None:
    with known.write() as session:
        versions.apply(session, "openai.pricing", [Change(None, gpt())], NOW, "d")
    listed = Listing(model="gpt-4o", provider="openai")
    alias = Listing(model="chat-latest", alias_of="gpt-4o", provider="openai")
    with known.read() as session:
        assert versions.retirements(session, "openai", [listed]) == {"gpt-4o": gpt()}
        assert versions.retirements(session, "openai", [alias]) == {"gpt-4o": gpt()}
        assert versions.retirements(session, "azure", [listed]) == {}
        assert versions.retirements(session, "openai", [gpt()]) == {}


# --- sources, documents, polls
# -----------------------------------------------------------------------------


def test_sources_are_registered_once_and_due_at_once(store: Store) -> None:
    with store.write() as session:
        source_state.register(session, ["b.b", "a.a"], NOW)
        source_state.register(session, ["c.c", "a.a"], NOW + DAY)
    with store.read() as session:
        assert [(row.id, row.due_at) for row in source_state.rows(session)] == [
            ("a.a", NOW),
            ("b.b", NOW),
            ("c.c", NOW + DAY),
        ]
        assert [row.id for row in source_state.rows(session, ["c.c", "x.x"])] == ["c.c"]
        assert versions.freshness(session) == {"a.a": None, "b.b": None, "c.c": None}


def test_two_services_that_start_at_once_register_the_same_sources(
    postgres: Callable[..., str], postgres_template: str
) -> None:
    """The second waits for the first, whose rows it cannot see, and then finds nothing to do."""
    store = Store(postgres(postgres_template))
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    def register() -> None:
        with store.write() as session:
            source_state.register(session, ["a.a", "b.b", "c.c"], NOW)

    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            source_state.register(session, ["b.b", "a.a"], NOW)
            session.flush()
            second = pool.submit(register)
            with store.read() as reader:
                while not (second.done() or reader.execute(waiting).scalar_one()):
                    reader.rollback()
        second.result()
    with store.read() as session:
        assert [row.id for row in source_state.rows(session)] == ["a.a", "b.b", "c.c"]
    store.close()


def test_an_added_feed_is_news(store: Store) -> None:
    with store.write() as session:
        source_state.add_feed(session, "news.acme", "https://acme.example/rss", NOW)
    with store.read() as session:
        assert [row.kind for row in source_state.rows(session)] == ["news"]


def test_the_longest_overdue_comes_first(store: Store) -> None:
    with store.write() as session:
        source_state.register(session, [f"s.{number}" for number in range(6)], NOW)
        for number, row in enumerate(source_state.rows(session)):
            row.due_at = NOW - number * DAY if number < 5 else NOW + timedelta(microseconds=1)
            row.enabled = number != 4
    with store.read() as session:
        assert [row.id for row in source_state.due(session, NOW, 9)] == ["s.3", "s.2", "s.1", "s.0"]
        assert [row.id for row in source_state.due(session, NOW, 2)] == ["s.3", "s.2"]


def test_a_document_is_kept_once(store: Store) -> None:
    body = b"the page " * 1000
    for number in range(2):
        with store.write() as session:
            kept = source_state.keep_document(
                session,
                body,
                url="https://x.example/",
                content_type="text/html",
                now=NOW + number * DAY,
            )
    assert kept == hashlib.sha256(body).hexdigest()
    with store.read() as session:
        assert source_state.document(session, kept) == body
        assert source_state.document(session, "0" * 64) is None
        row = session.execute(select(DocumentRow)).scalar_one()
        assert (row.fetched_at, row.size, row.url, row.content_type) == (
            NOW,
            len(body),
            "https://x.example/",
            "text/html",
        )
        assert len(row.body) < len(body) / 10


def test_unchanged_polls_are_one_batch_and_spare_who_moved_on(known: Store) -> None:
    with known.write() as session:
        for row in source_state.rows(session):
            row.seen, row.failures, row.error, row.rows = "one", 2, "was down", 7
    states = [
        {
            "source": source_id,
            "digest": saw,
            "at": NOW,
            "good": NOW,
            "due": NOW + DAY,
            "tag": "e",
            "modified": "m",
        }
        for source_id, saw in ((DEPRECATIONS, "one"), ("openai.pricing", "older"))
    ]
    with known.write() as session:
        source_state.record_unchanged(session, states)
    with known.read() as session:
        same, moved_on = source_state.rows(session)
    assert (same.checked_at, same.good_at, same.due_at, same.outcome) == (
        NOW,
        NOW,
        NOW + DAY,
        "unchanged",
    )
    assert (same.etag, same.last_modified, same.error, same.failures, same.rows) == (
        "e",
        "m",
        "",
        0,
        7,
    )
    assert (moved_on.checked_at, moved_on.etag, moved_on.failures) == (None, "", 2)


def test_a_source_without_its_key_neither_fails_nor_succeeds(known: Store) -> None:
    with known.write() as session:
        source_state.record_off(session, DEPRECATIONS, NOW, NOW + DAY, "OPENAI_API_KEY is not set")
    with known.read() as session:
        (row,) = source_state.rows(session, [DEPRECATIONS])
    assert (row.outcome, row.error, row.failures, row.good_at, row.due_at) == (
        "off",
        "OPENAI_API_KEY is not set",
        0,
        None,
        NOW + DAY,
    )


# --- writing the log
# ---------------------------------------------------------------------------------------


FOUND = event_log.Provenance(DEPRECATIONS, NOW, "https://x.example/", "abc")


def append(
    store: Store, *drafts: Draft, baseline: bool = False, provenance: event_log.Provenance = FOUND
) -> list[EventRow]:
    with store.write() as session:
        return event_log.append(session, drafts, provenance, baseline=baseline)


def moved(before: str | None, after: str | None, **more: Any) -> Draft:
    sides = [gpt(end) if end else None for end in (before, after)]
    fact = sides[1] or sides[0]
    return Draft(
        "retirement.postponed",
        "action",
        fact,
        "postponed",
        *sides,
        effective=When("2026-03-24"),
        **more,
    )


def test_an_event_is_what_the_interface_says(store: Store) -> None:
    (event,) = append(store, moved("2026-02-27", "2026-03-24"))
    assert event.to_json() == {
        "id": event.id,
        "sequence": event.sequence,
        "kind": "retirement.postponed",
        "severity": "action",
        "provider": "openai",
        "model": "GPT-4o",
        "version": "",
        "region": "",
        "surface": "api",
        "canonical": "openai/gpt-4o",
        "summary": "postponed",
        "before": gpt("2026-02-27").to_json(),
        "after": gpt("2026-03-24").to_json(),
        "effective": {"text": "2026-03-24", "bound": "on", "words": ""},
        "detected_at": "2026-11-23T09:30:00Z",
        "source": DEPRECATIONS,
        "url": "https://x.example/",
        "document": "sha256:abc",
        "quote": "",
        "baseline": False,
        "corrects": None,
    }
    with store.read() as session:
        assert event_log.events(session, EventQuery()) == [event.to_json()]
        for name in (event.id, str(event.sequence)):
            found = event_log.event(session, name)
            assert found
            assert found.to_json() == event.to_json()
        assert event_log.event(session, "evt_none") is None
        assert event_log.event(session, "99") is None


def test_events_keep_the_order_they_are_given_in(store: Store) -> None:
    drafts = [moved("2026-02-27", f"2026-03-{day:02}") for day in range(1, 29)] * 30
    events = append(store, *drafts)
    assert [event.sequence for event in events] == sorted(event.sequence or 0 for event in events)
    assert [event.after and event.after["retires"]["text"] for event in events] == [
        draft.after.to_json()["retires"]["text"] for draft in drafts if draft.after
    ]


def test_the_same_again_is_another_occurrence(store: Store) -> None:
    there, back = moved("2026-02-27", "2026-03-24"), moved("2026-03-24", "2026-02-27")
    ids = [event.id for step in (there, back, there, back) for event in append(store, step)]
    ids += [event.id for event in append(store, there, there)]
    assert len(set(ids)) == 6


def test_ids_are_the_same_in_another_database_at_another_time(store: Store, tmp_path: Path) -> None:
    other = schema.ready(Store(str(tmp_path / "other.db")))
    steps = [moved("2026-02-27", "2026-03-24"), moved("2026-03-24", "2026-02-27")] * 2
    ids = [event.id for step in steps for event in append(store, step)]
    later = event_log.Provenance(DEPRECATIONS, NOW + DAY)
    assert ids == [event.id for event in append(other, *steps, provenance=later)]
    other.close()


def test_what_is_said_once_is_left_out_when_it_stands(store: Store) -> None:
    once = moved(None, "2026-03-24", once=True)
    assert [
        len(append(store, *steps)) for steps in ([once, once], [once], [moved(None, "2026-03-25")])
    ] == [1, 0, 1]


def test_events_about_a_source_have_its_provider_and_no_model(store: Store) -> None:
    (event,) = append(store, Draft("source.failing", "action", None, "x"), baseline=True)
    assert (event.provider, event.model, event.canonical, event.surface) == ("openai", "", "", "")
    assert event.baseline is False  # what happens to a source is news, also at its first look
    assert append(store, moved(None, "2026-03-24"), baseline=True)[0].baseline is True
    assert append(store) == []


def test_an_id_is_there_once(store: Store) -> None:
    (event,) = append(store, moved("2026-02-27", "2026-03-24"))
    line = event.model_dump(exclude={"sequence"})
    with pytest.raises(StoreError, match=r"(?i)unique"), store.write() as session:
        event_log.write(session, [line])


# --- reading the log
# ---------------------------------------------------------------------------------------

MODELS = {
    "openai": ["gpt-4o", "GPT-4o-mini", "gpt-4.1", "o1-mini", "gpt_4%x", "gptx4yx", "back\\slash"],
    "azure": ["gpt-4o", "Llama"],
    "anthropic": ["claude-3-haiku-20240307", "claude-opus-4-6", "Claude Haiku 3"],
    "openrouter": ["openai/gpt-4o", "meta-llama/llama-3.1-70b"],
    "bedrock": ["anthropic.claude-3-haiku-20240307-v1:0", "meta.llama3-1-8b-instruct-v1:0"],
    "fireworks": ["accounts/fireworks/models/llama-v3p1-8b-instruct"],
}
START = datetime(2026, 1, 1, tzinfo=UTC)


def lines(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Rows of a log as it might be after some years; several have the same time."""
    chance = random.Random(seed)
    for number in range(count):
        provider = chance.choice(list(MODELS))
        model = chance.choice(MODELS[provider])
        mentions = {"fact": "notice", "models": chance.sample(MODELS[provider], 1)}
        yield {
            "id": f"evt_{number}",
            "says": f"says {number}",
            "kind": chance.choice(KINDS),
            "severity": chance.choices(SEVERITIES, [60, 30, 9, 1])[0],
            "provider": provider,
            "model": model,
            "folded": model.casefold(),
            "version": "",
            "region": chance.choice(["", "eastus", "eu-west-1, us-east-1"]),
            "surface": "api",
            "canonical": canonical(provider, model),
            "summary": "s" * 80,
            "before": None,
            "after": mentions,
            "effective": None,
            "detected_at": START + timedelta(minutes=number // 3),
            "source_id": f"{provider}.{chance.choice(['deprecations', 'pricing'])}",
            "url": "https://x.example/",
            "document": "",
            "quote": "q" * 80,
            "baseline": chance.random() < 0.3,
            "corrects": None,
        }


def means(line: dict[str, Any], wanted: EventQuery) -> bool:
    """Return whether a question means a row, compared by itself."""
    kind = wanted.kind.casefold()
    model = not wanted.model or Pattern.parse(wanted.model).matches(
        Subject.of_event(SimpleNamespace(**line))
    )
    return bool(
        (not wanted.provider or line["provider"] == wanted.provider.casefold())
        and model
        and (not kind or fnmatchcase(line["kind"], kind if "*" in kind else f"{kind}*"))
        and (
            not wanted.severity
            or SEVERITIES.index(line["severity"]) >= SEVERITIES.index(wanted.severity)
        )
        and (not wanted.source or line["source_id"] == wanted.source)
        and (not wanted.since or line["detected_at"] >= wanted.since)
        and (not wanted.until or line["detected_at"] < wanted.until)
        and (wanted.baseline is None or line["baseline"] is wanted.baseline)
    )


ASKED: dict[str, list[Any]] = {
    "provider": ["", "", "openai", "Azure", "nobody"],
    "model": [
        "",
        "",
        "gpt-4o",
        "GPT-4O",
        "gpt-4*",
        "*/gpt-4o*",
        "*/gpt-4o",
        "openai/gpt-4*",
        "OpenAI/*",
        "meta-llama/*",
        "*llama*",
        "o?-mini",
        "gpt_4%*",
        "gpt_4%x",
        "back\\*",
        "[g]pt-4*",
        "gpt-4[!o]*",
        "openai",
        "open*",
        "openai/gpt-4o@eastus",
        "*/*@eu-*",
        "llama-v3.1*",
        "*/claude-3-haiku*",
        "anthropic/claude-haiku-3",
        "claude-3-haiku",
        "Claude-Opus-4.6",
        "*/claude-haiku*",
        "open*/gpt-4o",
        "nobody/*",
        "*",
    ],
    "kind": [
        "",
        "",
        "price",
        "retirement.*",
        "retirement.completed",
        "*ed",
        "Price",
        "model.listed",
        "nothing",
    ],
    "severity": ["", "", *SEVERITIES],
    "source": ["", "", "openai.pricing", "nobody.pricing"],
    "since": [None, None, START + timedelta(minutes=100)],
    "until": [None, None, START + timedelta(minutes=500)],
    "baseline": [False, True, None],
    "limit": [1, 20, 5000],
}


@pytest.fixture
def full(store: Store) -> tuple[Store, list[dict[str, Any]]]:
    written = list(lines(2000))
    with store.write() as session:
        event_log.write(session, written)
    return store, written[::-1]


def test_questions_find_what_they_mean(full: tuple[Store, list[dict[str, Any]]]) -> None:
    """Each filter alone, then many combinations; newest first, and no more than asked for."""
    store, newest = full
    questions = [EventQuery(**{name: value}) for name, values in ASKED.items() for value in values]
    chance = random.Random(11)
    questions += [
        EventQuery(**{name: chance.choice(values) for name, values in ASKED.items()})
        for _ in range(300)
    ]
    hits = 0
    with store.read() as session:
        for wanted in questions:
            expected = [line["id"] for line in newest if means(line, wanted)][: wanted.limit]
            assert [event["id"] for event in event_log.events(session, wanted)] == expected, wanted
            hits += bool(expected)
    assert hits > 100


def test_underscore_and_percent_are_themselves(full: tuple[Store, list[dict[str, Any]]]) -> None:
    store, _ = full
    with store.read() as session:
        for model in ("gpt_4%x", "gpt_4*"):
            found = event_log.events(session, EventQuery(model=model, kind="price"))
            assert {event["model"] for event in found} == {"gpt_4%x"}


def test_a_question_for_a_model_reads_on_beyond_the_first_page(
    full: tuple[Store, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few of the candidates are in the region, and several have the same time."""
    store, newest = full
    wanted = EventQuery(model="azure/gpt-*@eastus", limit=5000, baseline=None)
    expected = [line["id"] for line in newest if means(line, wanted)]
    assert len(expected) > 30
    monkeypatch.setattr(event_log, "PAGE", 7)
    with store.read() as session:
        assert [event["id"] for event in event_log.events(session, wanted)] == expected
        first = event_log.events(session, replace(wanted, limit=20))
        assert [event["id"] for event in first] == expected[:20]
        assert set(session.scalars(event_log.ids_of(session, wanted))) == set(expected)
        hidden = [line for line in newest if means(line, replace(wanted, baseline=True))]
        assert event_log.count_baseline(session, wanted) == len(hidden)


def test_the_events_of_a_model_by_any_of_its_names(
    full: tuple[Store, list[dict[str, Any]]],
) -> None:
    store, newest = full
    names = {"gpt-4o", "anthropic/claude-haiku-3"}
    expected = [line["id"] for line in newest if names & {line["folded"], line["canonical"]}]
    with store.read() as session:
        assert [event["id"] for event in event_log.about(session, names)] == expected[:50]
        assert [event["id"] for event in event_log.about(session, names, limit=3)] == expected[:3]


#: Each filter.
FILTERS: list[dict[str, Any]] = [
    {},
    {"baseline": None},
    {"provider": "azure"},
    {"provider": "nobody"},
    {"model": "gpt-4o"},
    {"model": "nothing"},
    {"model": "gpt-4*"},
    {"model": "*/gpt-4o*"},
    {"model": "openai/gpt-4*"},
    {"model": "openai/gpt-4o"},
    {"model": "openai"},
    {"model": "openai/*"},
    {"model": "*"},
    {"kind": "price"},
    {"kind": "retirement.completed"},
    {"severity": "critical"},
    {"severity": "action"},
    {"source": "openai.pricing"},
    {"since": START + DAY},
    {"until": START + DAY},
    {
        "provider": "azure",
        "kind": "price",
        "severity": "action",
        "model": "gpt*",
        "since": START + DAY,
    },
]


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """How a plan of PostgreSQL reads its tables."""
    if "Relation Name" in plan:
        yield plan["Node Type"]
    for below in plan.get("Plans", []):
        yield from scans(below)


def test_every_filter_stands_on_an_index(store: Store) -> None:
    with store.write() as session:
        event_log.write(session, list(lines(20_000)))
        session.execute(text("ANALYZE"))
    with store.read() as session:
        for asked in FILTERS:
            question = event_log.statement(session, EventQuery(limit=20, **asked))
            sql = str(
                question.compile(store.engine, compile_kwargs={"literal_binds": True})
            ).replace("%%", "%")
            connection = session.connection()
            if store.sqlite:
                steps = [
                    step for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
                ]
                reads = [step for step in steps if "event" in step.partition(" USING ")[0].split()]
                assert reads
                assert all(" USING " in step for step in reads), (asked, steps)
                # A range of ids is not in the order of time, so its rows are sorted, and those of
                # one time after it.
                sorts = [step for step in steps if "TEMP B-TREE" in step]
                assert not sorts or "model" in asked or len(reads) > 1, (asked, steps)
            else:
                plan = connection.exec_driver_sql(
                    f"EXPLAIN (FORMAT JSON) {sql.replace('%', '%%')}"
                ).scalar_one()
                kinds = set(scans(plan[0]["Plan"]))
                assert kinds
                assert "Seq Scan" not in kinds, (asked, plan)


def test_due_sources_stand_on_an_index(store: Store) -> None:
    if not store.sqlite:
        pytest.skip("PostgreSQL reads so small a table whole")
    with store.write() as session:
        source_state.register(session, [f"s.{number}" for number in range(1000)], NOW)
    sql = (
        "SELECT * FROM source WHERE enabled = 1 AND due_at <= '2026-11-23' ORDER BY due_at LIMIT 10"
    )
    with store.read() as session:
        steps = [
            step for *_, step in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
        ]
    assert steps == ["SEARCH source USING INDEX source_due (due_at<?)"]


# --- the polls of events


def poll_line(at: datetime, **values: Any) -> dict[str, Any]:
    return {"source_id": DEPRECATIONS, "at": at, "outcome": "accepted", "events": 0} | values


def test_an_event_names_its_poll_among_several_of_one_instant(known: Store) -> None:
    """As a replay has them, which polls a document several times by one clock."""
    with known.write() as session:
        polls = [source_state.record(session, poll_line(NOW)) for _ in range(3)]
        provenance = replace(FOUND, poll_id=polls[1])
        (event,) = event_log.append(session, [moved(None, "2026-03-24")], provenance)
        source_state.count_events(session, polls[1], 1)
    with known.read() as session:
        poll = source_state.poll_of(session, event)
        assert poll
        assert (poll.id, poll.events) == (polls[1], 1)
        event.poll_id = None  # as before 0003: the last poll of that time
        assert source_state.poll_of(session, event).id == polls[2]


def test_an_event_outlives_its_poll(known: Store) -> None:
    """SQLite may give the id of a pruned poll again."""
    with known.write() as session:
        old, new = (source_state.record(session, poll_line(at)) for at in (NOW - DAY, NOW))
        for poll_id, end in ((old, "2026-03-24"), (new, "2026-03-25")):
            provenance = replace(FOUND, poll_id=poll_id)
            event_log.append(session, [moved(None, end)], provenance)
    with known.write() as session:
        assert maintenance.prune(session, NOW)["poll"] == 1
    with known.read() as session:
        events = session.scalars(select(EventRow).order_by(EventRow.sequence)).all()
        assert [event.poll_id for event in events] == [None, new]


# --- transactions
# ------------------------------------------------------------------------------------------


def test_an_error_takes_everything_back(known: Store) -> None:
    def work() -> None:
        with known.write() as session:
            versions.apply(session, DEPRECATIONS, [Change(None, gpt())], NOW, "d")
            event_log.append(session, [moved(None, "2026-03-24")], FOUND)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    with known.read() as session:
        assert versions.current(session, DEPRECATIONS) == {}
        assert event_log.events(session, EventQuery()) == []


def test_a_fact_needs_its_source(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.write() as session:
        versions.apply(session, "nobody.knows", [Change(None, gpt())], NOW, "d")
    assert isinstance(caught.value.__cause__, IntegrityError)


def test_times_come_back_aware_and_in_utc(known: Store) -> None:
    with known.read() as session:
        row = session.execute(select(SourceRow).where(SourceRow.id == DEPRECATIONS)).scalar_one()
    assert row.due_at == NOW
    assert row.due_at.tzinfo is UTC or row.due_at.utcoffset() == timedelta(0)


# --- what goes wrong
# ---------------------------------------------------------------------------------------


def told(url: str) -> str:
    """The one line that opening a database ends with."""

    def work() -> None:
        with contextlib.closing(Store(url)) as store:
            schema.ready(store)

    with pytest.raises(StoreError) as caught:
        work()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def listing(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"# Notes\n" * 1000, "file is not a database"), (b"short", "file is not a database")],
)
def test_another_kind_of_file(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "notes.md"
    path.write_bytes(content)
    words = f"database sqlite:///{path}: {cause} (it is another kind of file; nothing was changed)"
    assert told(str(path)) == words
    assert listing(tmp_path) == {"notes.md": content}


def test_somebody_elses_database(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    before = listing(tmp_path)
    assert told(str(path)).endswith(
        "holds other tables (customers ...); give Lastcall its own database"
    )
    assert listing(tmp_path) == before


def test_a_directory(tmp_path: Path) -> None:
    assert told(str(tmp_path)).endswith(
        "unable to open database file (check the path and its permissions)"
    )
    assert listing(tmp_path) == {}


def test_a_file_where_a_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert told(str(tmp_path / "file" / "lastcall.db")).startswith(
        "cannot make the directory of the database: "
    )


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Permissions stop nobody who is root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_only_be_read() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories let nobody else in
        directory = Path(name)
        path = directory / "lastcall.db"
        schema.ready(Store(str(path))).close()
        path.chmod(0o444)
        directory.chmod(0o555)
        with without_privileges():
            assert told(str(path)).endswith(
                "attempt to write a readonly database (check the permissions of the file and its "
                "directory)"
            )
            assert told(str(directory / "new.db")).endswith("(check the path and its permissions)")
        assert list(listing(directory)) == ["lastcall.db"]
        directory.chmod(0o755)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "mysql://root@host/shop",
            "no such kind of database: 'mysql'; use sqlite:///PATH or postgresql://...",
        ),
        ("postgresql+asyncpg://host/x", "no such kind of database: 'postgresql+asyncpg'; use"),
        ("://", "not a database URL: write sqlite:///PATH or postgresql://user@host/name"),
        (
            "postgresql://u:hunter2@host:port/x",
            "not a database URL: write sqlite:///PATH or postgresql://",
        ),
    ],
)
def test_an_address_that_is_none(url: str, words: str) -> None:
    assert told(url).startswith(words)
    assert "hunter2" not in told(url)


def test_a_server_that_does_not_answer() -> None:
    words = told("postgresql://lastcall:hunter2@127.0.0.1:1/lastcall")
    assert words.startswith(
        "database postgresql+psycopg://lastcall:***@127.0.0.1:1/lastcall: connection failed"
    )


def test_an_error_without_a_message_is_named_by_its_kind(store: Store) -> None:
    words = r"database .*: OSError \(nothing was half written\)"
    with pytest.raises(StoreError, match=words), store.write():
        raise OperationalError(None, None, OSError())


def test_two_writers_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.db.BUSY_SECONDS", 0)
    store = schema.ready(Store(str(tmp_path / "lastcall.db")))
    with store.write() as session, store.read() as reader:
        source_state.register(session, [DEPRECATIONS], NOW)
        assert source_state.rows(reader) == []  # who reads waits for no writer
        with pytest.raises(
            StoreError, match=r"database is locked \(another process is writing; try again\)"
        ):
            append(store, moved(None, "2026-03-24"))
    store.close()
