"""Claims of articles, the verdicts of the official sources on them, and how both are told and
corrected.
"""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.claims import Claim, Names, Official, claims, verdict
from monitor.core.facts import Fact, Json, Listing, Notice, Price, Retirement, When
from monitor.polling.parser_pool import ParsedPage
from monitor.polling.record import Document, PollRules, record
from monitor.polling.schedule import PollTimes
from monitor.reading.source import REGISTRY, Source, officials
from monitor.store import event_log, news_verdicts
from monitor.store.db import Store
from monitor.store.event_log import EventQuery
from monitor.store.schema import ready
from sources.news.feeds import feed
from tests.support import fixtures  # noqa: F401  its import declares the sources
from tests.support.cli import Ran, Run, database, day, look, run, template  # noqa: F401  fixtures
from tests.support.corpus import needs_corpus
from tests.support.replay_archive import lay_out
from tests.support.replay_archive import run as replayed

NAMES = Names(
    [
        ("openai", "gpt-4.1"),
        ("openai", "gpt-4.1-nano"),
        ("openai", "gpt-4o"),
        ("openai", "gpt-4o-mini"),
        ("azure", "gpt-4.1"),
        ("openrouter", "openai/gpt-4.1"),
        ("anthropic", "claude-3-haiku-20240307"),
        ("gemini", "gemini-1.5-flash"),
        ("cohere", "command"),
        ("xai", "grok-4"),
    ]
)
GPT, HAIKU = "openai/gpt-4.1", "anthropic/claude-haiku-3"


# --- claims
# -------------------------------------------------------------------------------------------------


def said(*texts: str) -> list[str]:
    return [str(claim) for claim in claims(NAMES, *texts)]


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("GPT-4.1 Retired", [f"{GPT} is retired"]),
        ("OpenAI has sunset GPT 4.1.", [f"{GPT} is retired"]),
        ("openai/gpt-4.1 is no longer available", [f"{GPT} is retired"]),
        ("GPT\u20114.1 was shut down last week", [f"{GPT} is retired"]),
        ("GPT-4.1 nano will be retired in October", ["openai/gpt-4.1-nano is retiring"]),
        ("OpenAI to shut down GPT-4o", ["openai/gpt-4o is retiring"]),
        ("OpenAI deprecates GPT-4o and GPT-4.1", ["openai/gpt-4o is retiring"]),
        ("Azure retires GPT-4.1", [f"{GPT} on azure is retiring"]),
        ("Claude 3 Haiku is still available", [f"{HAIKU} is available"]),
        ("claude-3-haiku@20240307 remains available", [f"{HAIKU} is available"]),
        (
            "GPT-4.1 costs $2.00 per million input tokens",
            [f"{GPT} costs 2.00 USD per 1M input tokens"],
        ),
        (
            "GPT-4o-mini: $0.15 per 1M input tokens and $0.60 / 1M output tokens",
            [
                "openai/gpt-4o-mini costs 0.15 USD per 1M input tokens",
                "openai/gpt-4o-mini costs 0.60 USD per 1M output tokens",
            ],
        ),
        (
            "The context of GPT-4.1 was large, with a context of 8,192 tokens",
            [f"{GPT} has a context of 8,192 tokens"],
        ),
        ("GPT-4.1 has a 1M-token context window", [f"{GPT} has a context of 1M tokens"]),
        ("It was retired in May, GPT-4.1 was discontinued in May", [f"{GPT} is retired"]),
    ],
)
def test_claims(text: str, claimed: list[str]) -> None:
    assert said(text) == claimed
    assert said("", text) == claimed


@pytest.mark.parametrize(
    "text",
    [
        "GPT-4.1 is out",
        "Is GPT-4.1 retired?",
        "GPT-4.1 is not retired",
        "GPT-4.1 isn\u2019t retired",
        "GPT-4.1 may be deprecated",
        "Rumour: GPT-4.1 was retired",
        "GPT-4.1 retired from ChatGPT",
        "In ChatGPT, GPT-4.1 was retired",
        "Fine-tuning of GPT-4.1 was discontinued",
        "GPT-4.1 replaces the retired GPT-9",
        "GPT-9 was retired, and GPT-4.1 is fine",
        "Retired in favour of GPT-4.1",
        "GPT-4.1 mini was retired".replace("mini", "nano-2"),
        "gpt-4.1-ultra was retired",
        "GPT-4.1 Flash was retired",
        "the retired commander gave a command",
        "https://news.example/gpt-4.1/retired",
        "GPT-4.1 costs $5",
        "GPT-4.1 was $5 per million tokens",
        "cached input of GPT-4.1 is $0.50 per million tokens",
        "8,192 tokens of context are few",
        "GPT-4.1 still available, GPT-4o or GPT-4.1 retired, still available",
    ],
)
def test_what_is_doubtful_is_no_claim(text: str) -> None:
    assert [claim for claim in said(text) if "available" not in claim] == []


def test_a_thing_is_claimed_once_in_its_first_words() -> None:
    (claim,) = claims(
        NAMES, "GPT-4.1 Retired", "The end: GPT-4.1 was retired. GPT-4.1 has been retired."
    )
    assert claim.quote == "GPT-4.1 Retired"


WORDS = st.sampled_from(
    [
        "retired",
        "was retired",
        "is still available",
        "shut down",
        "will be deprecated",
        "$0.15 per million tokens",
        "context of 8,192 tokens",
        "GPT-9",
        "gpt-4.1-ultra",
        "command",
        "Gemini 9 Flash",
        "openai",
        ".",
        ",",
        "and",
    ]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=12).map(" ".join))
def test_without_a_known_model_nothing_is_claimed(text: str) -> None:
    if not NAMES.find(text):
        assert claims(NAMES, "Retired", text) == ()
    assert claims(Names([]), text, text) == ()


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for claim in claims(NAMES, text, text):
        assert claim.model in NAMES.find(" ".join(text.split())) or not text.isascii()


# --- verdicts
# -----------------------------------------------------------------------------------------------

NOW = datetime(2026, 6, 20, tzinfo=UTC)
CLAIM = Claim(GPT, "retired")


def ends(stage: str = "deprecated", date: str = "2027-01-14", **more: str) -> Retirement:
    return Retirement(model="gpt-4.1", provider="openai", stage=stage, retires=When(date), **more)  # type: ignore[arg-type]


def costs(amount: str, **more: str) -> Price:
    return Price(
        model="gpt-4.1",
        provider="openai",
        meter="input",
        amount=Decimal(amount),
        per="1M tokens",
        **more,
    )  # type: ignore[arg-type]


LISTED = Listing(model="openai/gpt-4.1", provider="openrouter", context_window=1_047_576)
TELLS = {"openai": "openai.deprecations"}


@pytest.mark.parametrize(
    ("about", "facts", "tellers", "expected", "why"),
    [
        (
            "retired",
            [],
            TELLS,
            "contradicted",
            "openai.deprecations of 2026-05-29 lists no retirement of gpt-4.1",
        ),
        ("retired", [], {}, "unconfirmed", "no official source tells retirements of its provider"),
        (
            "retired",
            [ends()],
            TELLS,
            "contradicted",
            "s of 2026-05-29 says deprecated, retires 2027-01-14",
        ),
        ("retired", [ends(date="2026-06-01")], TELLS, "confirmed", "retires 2026-06-01"),
        ("retired", [ends("retired")], TELLS, "confirmed", "says retired"),
        ("retired", [ends("retired"), ends(region="eu")], TELLS, "unconfirmed", "1 of 2"),
        (
            "retired",
            [ends("retired", surface="fine-tuning")],
            TELLS,
            "contradicted",
            "lists no retirement",
        ),
        (
            "retired",
            [replace(ends("retired"), provider="azure")],
            TELLS,
            "contradicted",
            "lists no retirement",
        ),
        ("retiring", [], TELLS, "unconfirmed", "lists no retirement of gpt-4.1"),
        ("retiring", [ends()], TELLS, "confirmed", "deprecated, retires 2027-01-14"),
        (
            "retiring",
            [replace(ends("active"), retires=When("2027-01-14", "not_before"))],
            TELLS,
            "unconfirmed",
            "active, retires not before 2027-01-14",
        ),
        (
            "available",
            [ends("retired", "2026-04-20"), costs("2.00")],
            TELLS,
            "contradicted",
            "retired, retires 2026",
        ),
        ("available", [ends()], TELLS, "confirmed", "retires 2027-01-14"),
        ("available", [costs("2.00")], TELLS, "confirmed", "lists a price"),
        ("available", [], TELLS, "unconfirmed", "no official source tells this model"),
        ("price", [costs("0.15")], TELLS, "confirmed", "says 0.15 USD per 1M input tokens"),
        ("price", [costs("2.00")], TELLS, "contradicted", "says 2.00 USD per 1M input tokens"),
        ("price", [costs("0.15", tier="batch")], TELLS, "unconfirmed", "no official source"),
        (
            "price",
            [replace(costs("0.15"), starts=When("2026-07-01"))],
            TELLS,
            "unconfirmed",
            "no official source",
        ),
        ("context", [LISTED], TELLS, "contradicted", "says 1,047,576 tokens"),
        ("context", [], TELLS, "unconfirmed", "no official source tells the context"),
    ],
)
def test_verdicts(
    about: str, facts: Sequence[Fact], tellers: dict[str, str], expected: str, why: str
) -> None:
    amount = {"price": Decimal("0.15"), "context": Decimal(8192)}.get(about, Decimal(0))
    told = {GPT: [(TELLS.get(fact.provider, "other.models"), fact) for fact in facts]}
    official = Official(
        NOW, told, {"openai.deprecations": datetime(2026, 5, 29, tzinfo=UTC)}, tellers
    )
    mark = verdict(replace(CLAIM, about=about, amount=amount), official)  # type: ignore[arg-type]
    assert (mark.verdict, why in mark.why) == (expected, True), mark.why


@pytest.mark.parametrize(
    ("amount", "unit", "size", "fits"),
    [
        ("1", 1_000_000, 1_047_576, True),
        ("128", 1000, 131_072, True),
        ("128", 1000, 128_000, True),
        ("200", 1000, 131_072, False),
        ("8192", 1, 8192, True),
        ("8192", 1, 1_047_576, False),
    ],
)
def test_a_context_is_compared_as_far_as_it_is_said(
    amount: str, unit: int, size: int, fits: bool
) -> None:
    claim = Claim(GPT, "context", amount=Decimal(amount), unit=unit)
    official = Official(NOW, {GPT: [("x.y", replace(LISTED, context_window=size))]}, {}, {})
    assert (verdict(claim, official).verdict == "confirmed") == fits


# --- the article of June 2026
# ---------------------------------------------------------------------------------

PRESS = Source("press.feed", "https://press.example/rss.xml", feed, kind="news")
DECLARED = {**REGISTRY, PRESS.id: PRESS}
OLD_NEWS = "<item><title>An older piece</title><link>https://press.example/0</link></item>"
ARTICLE = """<item><title>GPT-4.1 Retired</title><link>https://press.example/1</link>
<pubDate>Fri, 19 Jun 2026 08:00:00 GMT</pubDate>
<description>OpenAI has sunset GPT-4.1; its context was 8,192 tokens and its price $0.15 a million.
Claude 3 Haiku is still available. GPT-4o-mini is at $0.15 per million input tokens.</description></item>"""


def publish(store: Store, items: str, at: str) -> list[Json]:
    """One look at the press: the events it wrote."""
    from monitor.polling.fetch import NO_VALIDATORS, Fetched
    from monitor.store import source_state

    body = f'<rss version="2.0"><channel><title>Press</title>{items}</channel></rss>'.encode()
    fetched = Fetched(200, body, "", NO_VALIDATORS, 1.0, False, None, None, PRESS.url)
    with store.write() as session:
        source_state.register(session, [PRESS.id], day(at))
    return record(
        store,
        PRESS,
        Document(fetched, ParsedPage(at, PRESS.read(body))),
        PollTimes(day(at), day(at)),
        PollRules(declared=DECLARED),
    ).events


def verdicts(store: Store, now: datetime, at: datetime | None = None) -> dict[str, str]:
    """How the claims of all articles are judged: the claim, and the verdict."""
    with store.read() as session:
        found = news_verdicts.articles(session, officials(DECLARED), at)
        notices = [one.fact for one in found if isinstance(one.fact, Notice)]
        told = news_verdicts.verdicts(session, officials(DECLARED), notices, now, at)
    return {str(mark.claim): mark.verdict for said in told.values() for mark in said}


JUNE = {
    f"{GPT} is retired": "contradicted",
    f"{GPT} costs 0.15 USD per 1M tokens": "contradicted",
    f"{HAIKU} is available": "contradicted",
    "openai/gpt-4o-mini costs 0.15 USD per 1M input tokens": "confirmed",
}
CONTEXT = f"{GPT} has a context of 8,192 tokens"
NANO = Retirement(
    model="gpt-4.1-nano", stage="deprecated", retires=When("2026-10-23"), quote="nano"
)
GONE_HAIKU = Retirement(
    model="claude-3-haiku-20240307", stage="retired", retires=When("2026-04-20"), quote="haiku"
)
MINI = Price(
    model="gpt-4o-mini", meter="input", amount=Decimal("0.15"), per="1M tokens", quote="mini"
)
FULL = Price(model="gpt-4.1", meter="input", amount=Decimal("2.00"), per="1M tokens", quote="full")
SIZED = Listing(model="openai/gpt-4.1", context_window=1_047_576, quote="sized")


def june(store: Store) -> list[Json]:
    """What official sources of June 2026 say, in small, and the article beside them."""
    look(store, "openai.deprecations", [NANO], "2026-05-29")
    look(store, "openai.pricing", [MINI, FULL], "2026-05-29")
    look(store, "openrouter.models", [SIZED], "2026-05-29")
    look(store, "anthropic.deprecations", [GONE_HAIKU], "2026-05-29")
    publish(store, OLD_NEWS, "2026-06-01")
    return publish(store, OLD_NEWS + ARTICLE, "2026-06-19")


def test_the_article_is_published_with_its_mark(store: Store) -> None:
    (event,) = june(store)
    assert event["kind"] == "notice.published"
    assert event["summary"].startswith("press: contradicted by openai.deprecations, ")
    assert event["summary"].endswith(": GPT-4.1 Retired")
    assert (
        "openai.deprecations of 2026-05-29 lists no retirement of gpt-4.1" in event["after"]["note"]
    )
    assert "openai.pricing says 2.00 USD per 1M input tokens" in event["after"]["note"]
    assert "openrouter.models says 1,047,576 tokens" in event["after"]["note"]
    assert (
        "anthropic.deprecations of 2026-05-29 says retired, retires 2026-04-20"
        in event["after"]["note"]
    )
    assert verdicts(store, NOW) == JUNE | {CONTEXT: "contradicted"}
    with store.read() as session:
        kinds = {
            event["kind"]
            for event in event_log.events(session, EventQuery(source=PRESS.id, baseline=None))
        }
    assert kinds == {"notice.published"}


def test_a_verdict_that_changes_is_told_once(store: Store) -> None:
    (first,) = june(store)
    ahead = Retirement(
        model="gpt-4.1", stage="deprecated", retires=When("2027-01-14"), quote="ahead"
    )
    polled = look(store, "openai.deprecations", [NANO, ahead], "2026-10-14")
    assert {event["kind"] for event in polled.events} == {
        "retirement.announced"
    }  # still no news: it is not retired
    polled = look(
        store, "openai.deprecations", [NANO, replace(ahead, stage="retired")], "2027-01-15"
    )
    (event,) = [event for event in polled.events if event["kind"] == "notice.published"]
    assert (event["corrects"], event["baseline"], event["provider"]) == (
        first["id"],
        False,
        "press",
    )
    assert event["summary"].startswith("press: now contradicted by ")
    assert f"confirmed: {GPT} is retired" in event["after"]["note"]
    again = look(
        store, "openai.deprecations", [NANO, replace(ahead, stage="retired")], "2027-01-16"
    )
    assert "notice.published" not in {event["kind"] for event in again.events}
    assert verdicts(store, day("2027-01-16"))[f"{GPT} is retired"] == "confirmed"
    assert verdicts(store, day("2027-01-16"), NOW)[f"{GPT} is retired"] == "contradicted"


def test_a_date_that_passes_corrects_too_and_a_correction_is_corrected(store: Store) -> None:
    june(store)
    ahead = Retirement(
        model="gpt-4.1", stage="deprecated", retires=When("2026-07-01"), quote="ahead"
    )
    look(store, "openai.deprecations", [NANO, ahead], "2026-06-25")
    over = look(store, "openai.deprecations", [NANO, ahead], "2026-07-02")
    (passed,) = [event for event in over.events if event["kind"] == "notice.published"]
    put_off = replace(ahead, retires=When("2026-12-01"))
    (back,) = [
        event
        for event in look(store, "openai.deprecations", [NANO, put_off], "2026-07-03").events
        if event["kind"] == "notice.published"
    ]
    assert back["corrects"] == passed["id"]


def test_what_a_first_look_found_is_not_corrected(store: Store) -> None:
    look(store, "openai.deprecations", [NANO], "2026-05-29")
    look(store, "openai.pricing", [FULL], "2026-05-29")
    publish(store, ARTICLE, "2026-06-19")
    gone = Retirement(model="gpt-4.1", stage="retired", quote="gone")
    polled = look(store, "openai.deprecations", [NANO, gone], "2026-06-25")
    assert "notice.published" not in {event["kind"] for event in polled.events}


def test_show_and_explain_let_a_reader_see(run: Run, tmp_path: Path) -> None:
    store = ready(Store(str(tmp_path / "june.db")))
    (event,) = june(store)
    store.close()

    def june_says(*words: str) -> Ran:
        return run(*words, "--db", str(tmp_path / "june.db"))

    (notice,) = june_says("show", "gpt-4.1", "--at", "2026-06-20", "--json").json["notices"]
    assert (notice["claim"], notice["verdict"]) == (f"{GPT} is retired", "contradicted")
    assert notice["why"] == "openai.deprecations of 2026-05-29 lists no retirement of gpt-4.1"
    assert len(notice["claims"]) == 3
    told = june_says("show", "gpt-4.1", "--at", "2026-06-20").out
    assert "contradicted, openai.deprecations of 2026-05-29 lists no retirement of gpt-4.1" in told
    (haiku,) = june_says("show", "claude-3-haiku-20240307", "--at", "2026-06-20", "--json").json[
        "notices"
    ]
    assert (haiku["claim"], haiku["verdict"]) == (f"{HAIKU} is available", "contradicted")
    assert "claim now" in june_says("explain", event["id"]).out
    assert len(june_says("explain", event["id"], "--json").json["claims"]) == 5
    assert june_says("show", "gpt-4.1", "--at", "2026-06-18", "--json").json["notices"] == []


@needs_corpus
async def test_the_article_against_the_pages_of_its_month(tmp_path, monkeypatch) -> None:
    from sqlmodel import SQLModel

    store = Store(str(tmp_path / "june.db"))
    SQLModel.metadata.create_all(store.engine)
    pages = tmp_path / "pages"
    lay_out(pages, "openai.deprecations", ["2026-04-03.md"])
    lay_out(pages, "openai.pricing", ["2026-04-03.md", "2026-05-29.md"])
    lay_out(pages, "anthropic.deprecations", ["2026-04-15.md", "2026-04-21.md"])
    await replayed(store, pages)
    publish(store, OLD_NEWS, "2026-06-01")
    (event,) = publish(store, OLD_NEWS + ARTICLE, "2026-06-19")
    assert event["summary"].startswith("press: contradicted by openai.deprecations")
    assert verdicts(store, NOW) == JUNE | {CONTEXT: "unconfirmed"}
    after = tmp_path / "after"
    lay_out(after, "openai.deprecations", ["2026-07-06.md"])
    lay_out(after, "openai.pricing", ["2026-07-15.md"])
    await replayed(store, after)
    later = day("2026-07-20")
    assert verdicts(store, later) == JUNE | {CONTEXT: "unconfirmed"}
    with store.read() as session:
        assert [
            one
            for one in event_log.events(session, EventQuery(source="openai.deprecations"))
            if one["corrects"]
        ] == []
    store.close()
    assert later - NOW > timedelta(days=1)
