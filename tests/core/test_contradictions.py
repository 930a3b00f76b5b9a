"""Contradictions: what is one, that each is opened once and closed once, and how a person sees
it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlmodel import SQLModel

from monitor.core.contradictions import BUILT_IN, Deviation, Statement, deviations, find, loud
from monitor.core.diff import diff
from monitor.core.facts import Fact, Json, Listing, Price, Retirement, When
from monitor.core.names import canonical
from monitor.core.patterns import Pattern
from monitor.errors import SettingError
from monitor.polling.fetch import Fetched, Validators
from monitor.polling.outcomes import PollResult
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.settings import load_settings
from monitor.store import event_log, source_state
from monitor.store import fact_versions as versions
from monitor.store.db import Store
from monitor.store.event_log import EventQuery
from monitor.store.known_deviations import known_deviations
from monitor.store.open_contradictions import compare
from monitor.store.tables import ConflictRow
from tests.polling.test_poll import page, read
from tests.support.cli import Run, database, look, run, template, world  # noqa: F401  fixtures

NOW = datetime(2026, 6, 20, tzinfo=UTC)


def source(source_id: str, kind="official") -> Source:
    return Source(
        source_id, f"https://{source_id}.example/", read, kind=kind, every=timedelta(hours=6)
    )


DOCS, API, PRICES = source("openai.deprecations"), source("openai.models"), source("openai.pricing")
AZURE, GEMINI, ANTHROPIC = (
    source("azure.retirements"),
    source("gemini.deprecations"),
    source("anthropic.deprecations"),
)
LITELLM, CATALOG = source("litellm.prices", "hint"), source("models_dev.catalog", "hint")
ALL = {one.id: one for one in (DOCS, API, PRICES, AZURE, GEMINI, ANTHROPIC, LITELLM, CATALOG)}


def when(text: str | None) -> When | None:
    """``>2026-08`` is a floor, ``<2026-08`` a limit."""
    if text is None:
        return None
    return When(text.lstrip("<>"), {"<": "by", ">": "not_before"}.get(text[0], "on"))  # type: ignore[arg-type]


def ends(
    where: Source, text: str | None, model: str = "gpt-4.1", stage="deprecated", **more
) -> Statement:
    fact = Retirement(
        model=model,
        stage=stage,
        retires=when(text),
        quote=f"{where.id}: {model} {text}",
        provider=where.provider,
        **more,
    )
    return Statement.of(where, fact)


def costs(
    where: Source, amount: str, model: str = "gpt-4.1", meter: str = "input", **more
) -> Statement:
    price = {"amount": Decimal(amount), "per": "1M tokens", "quote": f"{where.id}: {amount}"} | more
    return Statement.of(where, Price(model=model, meter=meter, provider=where.provider, **price))


CASES: dict[str, tuple[list[Statement], list[str]]] = {
    "two official ends": (
        [ends(DOCS, "2026-12-10"), ends(API, "2026-12-11")],
        [
            "openai/gpt-4.1: openai.deprecations says deprecated, end 2026-12-10,"
            " openai.models says deprecated, end 2026-12-11"
        ],
    ),
    "the same end, once vaguely": ([ends(DOCS, "2026-12"), ends(API, "2026-12-11")], []),
    "the same end, once to the minute": (
        [ends(DOCS, "2026-05-15"), ends(API, "2026-05-15T19:00Z")],
        [],
    ),
    "a floor before a date": ([ends(DOCS, ">2026-09"), ends(API, "2026-12-11")], []),
    "a floor after a date": (
        [ends(DOCS, ">2026-12"), ends(API, "2026-10-01")],
        [
            "openai/gpt-4.1: openai.deprecations says deprecated, end not before 2026-12,"
            " openai.models says deprecated, end 2026-10-01"
        ],
    ),
    "a limit that holds": ([ends(DOCS, "<2026-12"), ends(API, "2026-10-01")], []),
    "a limit that does not": (
        [ends(DOCS, "<2026-09-30"), ends(API, "2026-10-01")],
        [
            "openai/gpt-4.1: openai.deprecations says deprecated, end by 2026-09-30,"
            " openai.models says deprecated, end 2026-10-01"
        ],
    ),
    "one is silent": ([ends(DOCS, "2026-12-10"), ends(API, None, stage="active")], []),
    "retired here, active there": (
        [ends(DOCS, None, stage="retired"), ends(API, None, stage="active")],
        [
            "openai/gpt-4.1: openai.deprecations says retired, openai.models says active, without "
            "an end"
        ],
    ),
    "retired here, an old floor there": (
        [ends(DOCS, "2026-06-01", stage="retired"), ends(API, ">2026-03-01", stage="active")],
        [
            "openai/gpt-4.1: openai.deprecations says retired, end 2026-06-01,"
            " openai.models says active, end not before 2026-03-01"
        ],
    ),
    "over by its date, retired there": (
        [ends(DOCS, "2026-06-01"), ends(API, None, stage="retired")],
        [],
    ),
    "retired here, an end ahead there": (
        [ends(DOCS, None, stage="retired"), ends(API, "2026-10-01")],
        [
            "openai/gpt-4.1: openai.deprecations says retired, openai.models says deprecated, end "
            "2026-10-01"
        ],
    ),
    "an id in another case": (
        [ends(DOCS, "2026-12-10", "GPT-4.1"), ends(API, "2026-12-12")],
        [
            "openai/GPT-4.1: openai.deprecations says deprecated, end 2026-12-10,"
            " openai.models says deprecated, end 2026-12-12"
        ],
    ),
    "another surface": (
        [ends(DOCS, "2026-12-10", surface="fine-tuning"), ends(API, "2026-12-12")],
        [],
    ),
    "another platform": ([ends(DOCS, "2026-12-10"), ends(AZURE, "2027-03-17")], []),
    "another version": (
        [ends(AZURE, "2026-12-10", version="1"), ends(AZURE, "2027-03-17", version="2")],
        [],
    ),
    "two official prices": (
        [costs(DOCS, "2.00"), costs(API, "2.01"), costs(DOCS, "8.00", meter="output")],
        [
            "openai/gpt-4.1: openai.deprecations says input 2.00 USD per 1M tokens,"
            " openai.models says input 2.01 USD per 1M tokens"
        ],
    ),
    "the same price, written otherwise": ([costs(DOCS, "2.00"), costs(API, "2")], []),
    "another tier": ([costs(DOCS, "2.00"), costs(API, "1.00", tier="batch")], []),
    "two prices are one conflict": (
        [
            costs(DOCS, "2.00"),
            costs(API, "3"),
            costs(DOCS, "8", meter="output"),
            costs(API, "9", meter="output"),
        ],
        [
            "openai/gpt-4.1: openai.deprecations says input 2.00 USD per 1M tokens,"
            " openai.models says input 3 USD per 1M tokens (and 1 more)"
        ],
    ),
    "two rows of one page": (
        [
            ends(
                AZURE,
                "2026-09-21",
                note="Preview; conflict: gpt-4.1 | 2027-04-06; conflict: gpt-4.1 | 2028",
            )
        ],
        [
            "azure/gpt-4.1: azure.retirements contradicts itself: 'azure.retirements: gpt-4.1 "
            "2026-09-21',"
            " and 'gpt-4.1 | 2027-04-06' (and 1 more)"
        ],
    ),
    "the article's price in a catalogue": (
        [costs(PRICES, "2.00"), costs(LITELLM, "0.15")],
        [
            "openai/gpt-4.1: openai.pricing says input 2.00 USD per 1M tokens,"
            " litellm.prices says input 0.15 USD per 1M tokens"
        ],
    ),
    "a hint that rounds": ([costs(PRICES, "2.00"), costs(LITELLM, "2.02")], []),
    "a hint that is off": (
        [costs(PRICES, "2.00"), costs(LITELLM, "2.03", "openai/gpt-4.1")],
        [
            "openai/gpt-4.1: openai.pricing says input 2.00 USD per 1M tokens,"
            " litellm.prices says input 2.03 USD per 1M tokens"
        ],
    ),
    "a hint about another place": (
        [costs(PRICES, "2.00"), costs(LITELLM, "2.20", "azure/gpt-4.1")],
        [],
    ),
    "a hint in another unit": (
        [costs(PRICES, "2.00"), costs(LITELLM, "0.002", per="1K tokens")],
        [],
    ),
    "a hint about a platform": (
        [
            ends(DOCS, "2026-10-01"),
            ends(AZURE, "2027-03-17"),
            ends(LITELLM, "2026-10-01", "azure/gpt-4.1"),
        ],
        [
            "azure/gpt-4.1: azure.retirements says deprecated, end 2027-03-17,"
            " litellm.prices says deprecated, end 2026-10-01"
        ],
    ),
    "Bedrock's ids without the platform": (
        [
            ends(ANTHROPIC, "2026-10-01", "claude-sonnet-4-5-20250929"),
            ends(LITELLM, "2027-01-01", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ],
        [],
    ),
    "a hint agrees with one of two that are one model": (
        [
            ends(ANTHROPIC, "2025-08-13", "claude-3-5-sonnet-20240620", stage="retired"),
            ends(ANTHROPIC, "2025-10-28", "claude-3-5-sonnet-20241022", stage="retired"),
            ends(LITELLM, "2025-10-28", "claude-3-5-sonnet-latest"),
        ],
        [],
    ),
    "a hint about the exact one": (
        [
            ends(ANTHROPIC, "2025-08-13", "claude-3-5-sonnet-20240620", stage="retired"),
            ends(ANTHROPIC, "2025-10-28", "claude-3-5-sonnet-20241022", stage="retired"),
            ends(LITELLM, "2025-10-28", "claude-3-5-sonnet-20240620"),
        ],
        [
            "anthropic/claude-3-5-sonnet-20240620: anthropic.deprecations says retired, end "
            "2025-08-13,"
            " litellm.prices says deprecated, end 2025-10-28"
        ],
    ),
    "a hint knows no price to come": (
        [
            costs(PRICES, "2.00"),
            costs(PRICES, "3.00", starts=When("2026-09-01")),
            costs(LITELLM, "2"),
        ],
        [],
    ),
    "only a price to come": (
        [costs(PRICES, "3.00", starts=When("2026-09-01")), costs(LITELLM, "2")],
        [],
    ),
    "peak and off-peak": (
        [
            costs(PRICES, "2.00", window="peak"),
            costs(PRICES, "1.00", window="off-peak"),
            costs(LITELLM, "1"),
        ],
        [],
    ),
    "hints among themselves": ([costs(LITELLM, "2"), costs(CATALOG, "3")], []),
    "a listing says nothing of an end": (
        [
            ends(DOCS, None, stage="retired"),
            Statement.of(API, Listing(model="gpt-4.1", provider="openai")),
        ],
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_contradicts(case: str) -> None:
    statements, told = CASES[case]
    assert [conflict.summary for conflict in find(statements, NOW)] == told


def test_severity_and_subject() -> None:
    (official,) = find([ends(DOCS, "2026-12-10"), ends(API, "2026-12-11")], NOW)
    (hinted,) = find([costs(PRICES, "2"), costs(LITELLM, "3")], NOW)
    assert (official.severity, hinted.severity) == ("notice", "info")
    assert (
        official.subject
        == '["end", "openai", "gpt-4.1", "", "", "api", "openai.deprecations", "openai.models"]'
    )


OFFICIAL = st.builds(
    ends,
    st.sampled_from([DOCS, API, AZURE, PRICES]),
    st.sampled_from(
        [None, "2026", "2026-05-01", "2026-12-10", "2026-12", ">2026-09-01", "<2026-11-01"]
    ),
    st.sampled_from(["gpt-4.1", "GPT-4.1", "gpt-5"]),
    st.sampled_from(["active", "deprecated", "retired"]),
) | st.builds(
    costs, st.sampled_from([DOCS, API, PRICES]), st.sampled_from(["0", "1", "2.00", "2.01"])
)
HINTS = st.builds(
    ends,
    st.sampled_from([LITELLM, CATALOG]),
    st.sampled_from(["2026-05-01", "2026-12-10"]),
    st.sampled_from(["gpt-4.1", "openai/gpt-5", "azure/gpt-4.1"]),
) | st.builds(costs, st.sampled_from([LITELLM, CATALOG]), st.sampled_from(["1", "2", "2.3"]))
WORLDS = st.lists(
    OFFICIAL | HINTS,
    max_size=8,
    unique_by=lambda said: (said.source.id, said.fact.key if said.fact else ""),
)


@given(WORLDS, st.randoms())
def test_the_order_of_statements_does_not_matter(statements: list[Statement], chance) -> None:
    mixed = list(statements)
    chance.shuffle(mixed)
    assert find(mixed, NOW) == find(statements, NOW)


@given(WORLDS)
def test_subjects_are_unique_and_one_side_is_official(statements: list[Statement]) -> None:
    found = find(statements, NOW)
    assert len({conflict.subject for conflict in found}) == len(found)
    for conflict in found:
        assert conflict.first.source.kind == "official"
        assert (
            find([said for said in statements if said.source.id == conflict.first.source.id], NOW)
            == []
        )


# --- known deviations
# --------------------------------------------------------------------------------------


def test_known_deviations_keep_quiet() -> None:
    (conflict,) = find([costs(PRICES, "2.00"), costs(LITELLM, "0.15")], NOW)
    for line, covered in {
        "openai/gpt-4* price": True,
        "OpenAI/GPT-4.1 * litellm.*": True,
        "openai/gpt-4.1 price models_dev.*": False,
        "openai/gpt-4.1 end": False,
        "azure/* price": False,
        "*/gpt-4.1 openai.pricing  # why": True,
    }.items():
        assert (loud([conflict], deviations(line)) == []) is covered, line


def test_a_list_of_deviations() -> None:
    assert deviations("# nothing\n\n openai/gpt-4* end # since\n") == (
        Deviation(Pattern.parse("openai/gpt-4*"), ("end",)),
    )
    assert BUILT_IN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("openai/gpt-4* end\ngpt-4 end", "line 2: write provider/model-glob"),
        ("openai/gpt-4*", "line 1: write provider/model-glob"),
        ("openai/@eu end", "line 1: filter 'openai/@eu' is not"),
        ("openai/gpt-4* date", "line 1: 'date' is neither"),
    ],
)
def test_a_wrong_line_names_file_and_line(text: str, told: str, tmp_path, monkeypatch) -> None:
    path = tmp_path / "known.txt"
    path.write_text(text)
    monkeypatch.setenv("LASTCALL_DEVIATIONS_FILE", str(path))
    with pytest.raises(
        SettingError, match=r"LASTCALL_DEVIATIONS_FILE.*known\.txt: " + re.escape(told)
    ):
        known_deviations(load_settings().deviations_file)


def test_a_missing_file_of_deviations(monkeypatch) -> None:
    monkeypatch.setenv("LASTCALL_DEVIATIONS_FILE", "/nowhere/known.txt")
    with pytest.raises(SettingError, match=r"cannot read '/nowhere/known\.txt'"):
        known_deviations(load_settings().deviations_file)


# --- through the pipeline
# ----------------------------------------------------------------------------------


@dataclass
class World:
    """Several sources of one store, each polled when its page is set."""

    store: Store
    now: datetime = NOW
    deviations: tuple[Deviation, ...] = ()

    async def say(self, where: Source, *statements: Statement, looks: int = 1) -> list[Json]:
        """Put these facts on the page of a source and look at it; returns the events of the last
        look.
        """
        self.body = page(*(said.fact for said in statements if said.fact), frame=where.id)
        polled = PollResult(where.id, "")
        for _ in range(looks):
            self.now += timedelta(hours=6)
            with self.store.write() as session:
                source_state.register(session, [where.id], self.now)
                row = source_state.rows(session, [where.id])[0]
            poller = Poller(
                self.store,
                self,
                ALL,
                PollSettings(clock=lambda: self.now, deviations=self.deviations),
            )
            (polled,) = await poller.sweep([row])
        return polled.events

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched:
        etag = hashlib.sha256(self.body).hexdigest()[:8]
        return Fetched(
            status=200,
            body=self.body,
            content_type="text/plain",
            validators=Validators(etag),
            ms=1.0,
            not_modified=False,
            retry_after=None,
            max_age=None,
            url=source.url,
        )

    def open(self) -> int:
        with self.store.read() as session:
            return session.execute(select(func.count()).select_from(ConflictRow)).scalar_one()

    def told(self, baseline: bool | None = False) -> list[str]:
        with self.store.read() as session:
            events = event_log.events(
                session, EventQuery(kind="conflict", baseline=baseline, limit=1000)
            )
        return [event["kind"] for event in reversed(events)]


@pytest.fixture
def watched(store: Store) -> World:
    return World(store)


async def test_opened_once_and_closed_once_each_time(watched: World) -> None:
    await watched.say(DOCS, ends(DOCS, "2026-12-10"))
    await watched.say(API, ends(API, "2026-12-10"))
    assert watched.told(None) == []
    events = await watched.say(API, ends(API, "2026-12-11"), looks=2)
    assert [event["kind"] for event in events] == ["retirement.postponed", "conflict.opened"]
    event = events[1]
    assert (event["before"]["quote"], event["after"]["quote"]) == (
        "openai.deprecations: gpt-4.1 2026-12-10",
        "openai.models: gpt-4.1 2026-12-11",
    )
    assert (event["severity"], event["model"], event["baseline"]) == ("notice", "gpt-4.1", False)
    await watched.say(API, ends(API, "2026-12-12"), looks=2)
    await watched.say(API, ends(API, "2026-12-12"), looks=3)
    assert (watched.told(), watched.open()) == (["conflict.opened"], 1)
    events = await watched.say(DOCS, ends(DOCS, "2026-12-12"), looks=2)
    assert [event["kind"] for event in events] == ["retirement.postponed", "conflict.closed"]
    assert (
        events[1]["summary"]
        == "openai/gpt-4.1: openai.deprecations no longer contradicts openai.models about its end"
    )
    assert events[1]["after"]["retires"]["text"] == "2026-12-12", "what the sides said last"
    await watched.say(API, ends(API, "2026-12-13"), looks=2)
    await watched.say(API, ends(API, "2026-12-12"), looks=8)  # back to what it said lately
    assert watched.told() == ["conflict.opened", "conflict.closed"] * 2
    with watched.store.read() as session:
        ids = [
            event["id"] for event in event_log.events(session, EventQuery(baseline=None, limit=100))
        ]
    assert len(set(ids)) == len(ids)
    assert watched.open() == 0


async def test_the_first_look_is_silent_and_the_conflict_open(watched: World) -> None:
    await watched.say(DOCS, ends(DOCS, "2026-12-10"))
    await watched.say(API, ends(API, "2026-12-11"))
    assert (watched.told(), watched.told(None), watched.open()) == ([], ["conflict.opened"], 1)
    await watched.say(API, ends(API, "2026-12-10"), looks=2)
    assert (watched.told(), watched.open()) == (["conflict.closed"], 0)


async def test_a_side_that_leaves_closes(watched: World) -> None:
    await watched.say(
        DOCS, ends(DOCS, "2026-12-10"), *(ends(DOCS, "2027-01-01", f"m{n}") for n in range(20))
    )
    await watched.say(
        API, ends(API, "2026-12-11"), *(ends(API, "2027-01-01", f"m{n}") for n in range(20))
    )
    await watched.say(API, *(ends(API, "2027-01-01", f"m{n}") for n in range(20)), looks=2)
    assert (watched.told(), watched.open()) == (["conflict.closed"], 0)


async def test_hints_alone_raise_nothing_and_are_kept(watched: World) -> None:
    await watched.say(LITELLM, costs(LITELLM, "2.00"), ends(LITELLM, "2026-12-10"))
    assert (
        await watched.say(LITELLM, costs(LITELLM, "3.00"), ends(LITELLM, "2027-01-10"), looks=3)
        == []
    )
    with watched.store.read() as session:
        standing = versions.current(session, LITELLM.id).values()
        assert event_log.events(session, EventQuery(baseline=None)) == []
    assert {fact.amount for fact in standing if isinstance(fact, Price)} == {Decimal("3.00")}
    assert {str(fact.retires) for fact in standing if isinstance(fact, Retirement)} == {
        "2027-01-10"
    }


async def test_a_hint_contradicts(watched: World) -> None:
    await watched.say(PRICES, costs(PRICES, "2.00"))
    await watched.say(LITELLM, costs(LITELLM, "2"))
    (event,) = await watched.say(LITELLM, costs(LITELLM, "3"), looks=2)
    assert (event["kind"], event["severity"], event["provider"]) == (
        "conflict.opened",
        "info",
        "openai",
    )
    assert (event["before"]["provider"], event["after"]["provider"]) == ("openai", "litellm")
    (event,) = await watched.say(LITELLM, costs(LITELLM, "2"), looks=8)
    assert event["kind"] == "conflict.closed"


async def test_rows_of_one_page_that_come_to_contradict_without_another_value(
    watched: World,
) -> None:
    twice = ends(AZURE, "2026-09-21", note="conflict: gpt-4.1 | 2027-04-06")
    await watched.say(AZURE, ends(AZURE, "2026-09-21"))
    (event,) = await watched.say(AZURE, twice)
    assert (event["kind"], event["severity"], event["after"]) == ("conflict.opened", "notice", None)
    assert "gpt-4.1 | 2027-04-06" in event["summary"]
    assert await watched.say(AZURE, twice, looks=2) == []
    (event,) = await watched.say(AZURE, ends(AZURE, "2026-09-21"))
    assert event["kind"] == "conflict.closed"
    assert watched.open() == 0


async def test_a_known_deviation_is_quiet(watched: World) -> None:
    watched.deviations = deviations("openai/* end")
    await watched.say(DOCS, ends(DOCS, "2026-12-10"))
    await watched.say(API, ends(API, "2026-12-10"))
    await watched.say(API, ends(API, "2026-12-11"), looks=2)
    assert (watched.told(None), watched.open()) == ([], 0)


async def test_every_opening_is_closed_when_the_official_page_is_alone(watched: World) -> None:
    said = [ends(DOCS, "2026-12-10", f"gpt-{n}") for n in range(5)]
    await watched.say(DOCS, *said)
    await watched.say(API, *(ends(API, "2026-12-10", f"gpt-{n}") for n in range(5)))
    await watched.say(API, *(ends(API, f"2026-12-{10 + n}", f"gpt-{n}") for n in range(5)), looks=2)
    assert (watched.told(), watched.open()) == (["conflict.opened"] * 4, 4)
    await watched.say(API, *(ends(API, "2026-12-10", f"gpt-{n}") for n in range(5)), looks=8)
    assert (watched.told(), watched.open()) == (
        ["conflict.opened"] * 4 + ["conflict.closed"] * 4,
        0,
    )


async def test_a_retirement_names_the_end_of_its_replacement(watched: World) -> None:
    await watched.say(
        DOCS, ends(DOCS, "2026-12-10", "gpt-5"), ends(DOCS, None, "gpt-4", stage="active")
    )
    events = await watched.say(
        DOCS,
        ends(DOCS, "2026-12-10", "gpt-5"),
        ends(DOCS, "2026-10-01", "gpt-4", replacements=("gpt-5", "gpt-6")),
        looks=2,
    )
    (event,) = events
    assert "replacement gpt-5 (itself retires 2026-12-10) or gpt-6" in event["summary"]


@settings(max_examples=40, deadline=None)
@given(st.lists(WORLDS, min_size=1, max_size=4))
def test_what_is_open_is_what_is_found_and_all_of_it_closes(worlds: list[list[Statement]]) -> None:
    store = Store("sqlite://")
    SQLModel.metadata.create_all(store.engine)
    balance: Counter[str] = Counter()
    with store.write() as session:
        source_state.register(session, ALL, NOW)
        for said in [*worlds, []]:
            touched = set()
            for where in ALL:
                before = versions.current(session, where)
                after = {
                    one.fact.key: one.fact for one in said if one.fact and one.source.id == where
                }
                changes = diff(before, after)
                versions.apply(session, where, changes, NOW, "")
                touched |= {
                    canonical(change.fact.provider, change.fact.model) for change in changes
                }
            balance.update(draft.kind for draft in compare(session, touched, ALL, (), NOW))
            opened = set(session.execute(select(ConflictRow.subject)).scalars())  # type: ignore[call-overload]
            assert opened == {conflict.subject for conflict in find(said, NOW)}
            assert balance["conflict.opened"] - balance["conflict.closed"] == len(opened)
    store.close()
    assert balance["conflict.opened"] == balance["conflict.closed"]


# --- what a person sees
# ------------------------------------------------------------------------------------


def stated(statements: Iterable[Statement]) -> Sequence[Fact]:
    return [said.fact for said in statements if said.fact]


def test_show_puts_both_sides_beside_each_other(
    run: Run,  # noqa: F811
    world: Store,  # noqa: F811
    tmp_path,
    monkeypatch,
) -> None:
    look(world, "openai.models", stated([ends(API, "2026-12-21", "gpt-mid")]), "2026-05-01")
    (conflict,) = run("show", "gpt-mid", "--json").json["conflicts"]
    assert (conflict["what"], conflict["model"], conflict["known"]) == ("end", "gpt-mid", False)
    assert [(side["source"], side["says"], side["quote"]) for side in conflict["statements"]] == [
        ("openai.deprecations", "deprecated, end 2026-12-20", "gpt-mid | soon"),
        ("openai.models", "deprecated, end 2026-12-21", "openai.models: gpt-mid 2026-12-21"),
    ]
    shown = run("show", "gpt-mid").out
    assert "Contradictions\nopenai/gpt-mid: end\n" in shown
    assert (
        "openai.models (official)        deprecated, end 2026-12-21  openai.models: gpt-mid "
        "2026-12-21" in shown
    )
    assert run("show", "gpt-mid", "--at", "2026-04-10", "--json").json["conflicts"] == []
    path = tmp_path / "known.txt"
    path.write_text("openai/gpt-mid end\n")
    monkeypatch.setenv("LASTCALL_DEVIATIONS_FILE", str(path))
    assert "openai/gpt-mid: end (known)" in run("show", "gpt-mid").out


def test_show_and_explain_a_hint(run: Run, world: Store) -> None:  # noqa: F811
    look(world, "litellm.prices", stated([costs(LITELLM, "1.50", "gpt-mid")]), "2026-05-01")
    (event,) = look(
        world, "litellm.prices", stated([costs(LITELLM, "9.00", "gpt-mid")]), "2026-05-03"
    ).events
    shown = run("explain", event["id"]).out
    assert "litellm.prices: 9.00" in shown
    assert "and quote  1.50" in shown
    (conflict,) = run("show", "gpt-mid", "--json").json["conflicts"]
    assert [side["kind"] for side in conflict["statements"]] == ["official", "hint"]


def test_dead_ends_are_said_plainly(run: Run, world: Store) -> None:  # noqa: F811
    chain = [
        ends(GEMINI, "2026-03-01", "a", replacements=("b",)),
        ends(GEMINI, "2026-04-01", "b", replacements=("a",)),
        ends(GEMINI, "2026-05-01", "c"),
        ends(GEMINI, "2026-06-01", "d", replacements=("e", "g")),
        ends(GEMINI, "2026-06-01", "f", replacements=("d", "h")),
        ends(GEMINI, "2027-06-01", "h"),
    ]
    look(world, "gemini.deprecations", stated(chain), "2026-01-01")
    assert "b (itself retired 2026-04-01); no live replacement" in run("show", "gemini/a").out
    assert "no replacement named" in run("show", "gemini/c").out
    assert "e or g\n" in run("show", "gemini/d").out, "of what is not known nothing is said"
    assert "h (itself retires 2027-06-01)\n" in run("show", "gemini/f").out, "it is still there"
    (row,) = run("show", "gemini/f", "--json").json["retirements"]
    assert row["live_replacements"] == ["e", "g"]


def test_a_redirected_name_is_shown_with_the_price_that_applies(run: Run, world: Store) -> None:  # noqa: F811
    grok = replace(costs(PRICES, "3.00", "grok-4"), source=PRICES).fact
    alias = Listing(model="grok-3", alias_of="grok-4", quote="grok-3 goes on as grok-4")
    assert grok
    look(world, "xai.models", [Listing(model="grok-4", quote="grok-4"), alias, grok], "2026-01-01")
    (redirect,) = run("show", "grok-3", "--json").json["redirects"]
    assert (redirect["to"], [price["amount"] for price in redirect["prices"]]) == (
        "grok-4",
        ["3.00"],
    )
    assert (
        "xai/grok-3 answers as grok-4 (xai.models)\nPrices of what answers\n"
        in run("show", "grok-3").out
    )
