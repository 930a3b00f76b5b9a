"""The aggregators and news as captured: every row of the truth, every change between captures, what
must stay silent.

OpenRouter is a provider. The others only hint: their changes are found by the diff and raise no
event of a price or retirement by themselves."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest

from monitor.core.diff import Change, Snapshot, diff, snapshot
from monitor.core.facts import Fact, Listing, Notice, Price, Retirement, When
from monitor.core.interpret import interpret
from monitor.core.settle import Pending
from monitor.errors import Unreadable
from monitor.polling.decide import Memory, Page, decide
from monitor.reading.source import REGISTRY
from sources.news.feeds import feed
from tests.support.corpus import CORPUS, capture, needs_corpus, table, truth
from tests.support.fixtures import FIXTURES

SOURCES = {
    "OpenRouter": "openrouter.models",
    "LiteLLM": "litellm.prices",
    "models.dev": "models_dev.catalog",
    "llm-prices": "llm_prices.current",
}
FOLDERS = {
    "openrouter/api-v1-models": "openrouter.models",
    "openrouter/api-v1-models-all": "openrouter.models",
    "litellm/model_prices_and_context_window": "litellm.prices",
    "litellm/model_prices_and_context_window-verbatim": "litellm.prices",
    "models-dev/api-json": "models_dev.catalog",
    **{
        f"models-dev/{path.name}": "models_dev.catalog"
        for path in (CORPUS / "models-dev").glob("toml-*")
    },
    "genai-prices/data-json": "genai_prices.data",
    **{
        f"llm-prices/{path.name}": "llm_prices.current"
        for path in sorted((CORPUS / "llm-prices").glob("*"))
    },
}
#: Truth rows of the folder news: two posts of GitHub's changelog, which no source here reads.
LEFT_OUT = {"GitHub Models (Meta Llama)"}
OPENROUTER, LITELLM = REGISTRY["openrouter.models"], REGISTRY["litellm.prices"]
ALL = "openrouter/api-v1-models-all"


@lru_cache(maxsize=3)
def read(name: str) -> dict[str, Fact]:
    return snapshot(REGISTRY[FOLDERS[name.rpartition("/")[0]]].read(document(name)))


def document(name: str) -> bytes:
    """A capture; a TOML file of models.dev as the API tells it, which is built from those files.

    Tiers are left out: the files wrote them otherwise before the API had them.
    """
    body = capture(name)
    if not name.endswith(".toml"):
        return body
    model = {"modalities": {"input": [], "output": []}, "name": ""} | tomllib.loads(body.decode())
    model["limit"] = {"context": 0, "output": 0} | model["limit"]
    model["cost"].pop("tiers", None)
    return json.dumps({"host": {"models": {"model": model | {"release_date": ""}}}}).encode()


def price(facts: dict[str, Fact], model: str, meter: str, context: str = "") -> Decimal | None:
    matching = [
        fact.amount
        for fact in facts.values()
        if isinstance(fact, Price)
        if (fact.model, fact.meter, fact.tier, fact.context, fact.per)
        == (model, meter, "standard", context, "1M tokens")
    ]
    assert len(matching) < 2
    return matching[0] if matching else None


def end(facts: dict[str, Fact], model: str) -> str:
    matching = [
        fact for fact in facts.values() if isinstance(fact, Retirement) and fact.model == model
    ]
    return matching[0].retires.text if matching and matching[0].retires else "None"


def day(name: str) -> datetime:
    match = re.search(r"\d{4}-\d\d-\d\d", name)
    assert match
    return datetime.fromisoformat(match[0]).replace(tzinfo=UTC)


def kinds(name: str, changes: list[Change], on: str) -> list[str]:
    return [draft.kind for draft in interpret(REGISTRY[name], changes, day(on))]


def about(changes: list[Change], model: str, kind: type[Fact]) -> list[Change]:
    return [
        change for change in changes if change.fact.model == model and isinstance(change.fact, kind)
    ]


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def values(document: Any, source: str = "openrouter.models") -> dict[str, tuple[object, ...]]:
    return {fact.key: fact.value for fact in REGISTRY[source].read(json.dumps(document).encode())}


# --- truth
# -------------------------------------------------------------------------------------------------

METERS = ("input", "output", "cached_input")


def per_million(printed: str, unit: str) -> Decimal | None:
    """The amount in a cell of the truth for 1M tokens, without noise after the 12th figure; 0 is no
    price.
    """
    if printed == "None" or not Decimal(printed):
        return None
    amount = Decimal(printed) * (1_000_000 if "token" in unit and "1M" not in unit else 1)
    return Decimal(f"{amount:.11e}")


@needs_corpus
def test_no_row_is_forgotten() -> None:
    folders = {name.partition("/")[0] for name in FOLDERS} | {"news"}
    named = {
        row["provider"]
        for path in (CORPUS / "truth").glob("*.csv")
        for row in table(path.name)
        if row.get("capture file", row.get("after_file", "")).partition("/")[0] in folders
    }
    assert named == SOURCES.keys() | LEFT_OUT


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row["#"])
        for row in truth("platforms_prices.csv", {"LiteLLM": 7, "models.dev": 4, "llm-prices": 3})
    ],
)
def test_every_price(row: dict[str, str]) -> None:
    facts = read(row["capture file"])
    model, context = row["model"], ""
    if row["model"] == "grok-4.5-200k":  # an id made for a tier
        model, context = "grok-4.5", ">200k"
    elif row["model"] == "grok-4.5":
        context = "<=200k"
    elif row["model"] == "grok-4.3":
        context = next(
            fact.context
            for fact in facts.values()
            if fact.model == "grok-4.3" and isinstance(fact, Price)
        )
        assert context in ("", "<=200k")
    for printed, meter in zip(row["value as printed"].split(" / "), METERS, strict=False):
        assert price(facts, model, meter, context) == per_million(printed, row["unit"])


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['model']}-{row['after_file'][-18:]}")
        for row in truth(
            "platforms_price_changes.csv", {"OpenRouter": 7, "LiteLLM": 9, "models.dev": 11}
        )
    ],
)
def test_every_price_change(row: dict[str, str]) -> None:
    source = REGISTRY[SOURCES[row["provider"]]]
    before, after = read(row["before_file"]), read(row["after_file"])
    model = "host/model" if row["before_file"].endswith(".toml") else row["model"]
    amounts = {
        side: [per_million(printed, row["unit"]) for printed in row[side].split(" / ")]
        for side in ("before", "after")
    }
    changes = about(diff(before, after), model, Price)
    events = kinds(source.id, changes, row["after_file"])
    if row["model"].startswith("~"):  # an alias has no price of its own
        assert not changes
        return
    for facts, side in ((before, "before"), (after, "after")):
        read_prices = [price(facts, model, meter) for meter in METERS[: len(amounts[side])]]
        assert read_prices == amounts[side]
    if source.kind == "hint":
        assert not events
    elif row["remark"].startswith("NO EVENT"):
        assert not about(changes, model, Price)
    else:
        assert set(events) == {"price.decreased"}
        assert len(events) >= 2
    if amounts["before"] != amounts["after"]:
        assert changes


#: What the diff and, for a provider, the event is called.
EVENTS = {
    "date published": "announced",
    "date withdrawn": "withdrawn",
    "sentinel replaced by a real date": "announced",
}


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['model']}-{row['after_file'][-18:]}")
        for row in truth("platforms_retirement_changes.csv", {"OpenRouter": 14, "LiteLLM": 46})
    ],
)
def test_every_retirement_change(row: dict[str, str]) -> None:
    source = SOURCES[row["provider"]]
    before, after = read(row["before_file"]), read(row["after_file"])
    assert end(before, row["model"]) == row["before"].replace("9999-01-01", "None")
    assert end(after, row["model"]) == row["after"]
    changes = about(diff(before, after), row["model"], Retirement)
    assert len(changes) == 1
    events = kinds(source, changes, row["after_file"])
    if source == "openrouter.models":
        assert events == [f"retirement.{EVENTS[row['kind']]}"]
    else:
        assert not events


# --- whole pages
# -------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [
        f"{folder}/{path.name}"
        for folder in FOLDERS
        if "toml" not in folder
        for path in sorted((CORPUS / folder).glob("*"))
    ],
)
def test_every_capture_is_read(name: str) -> None:
    facts = read(name)
    if not name.startswith("litellm"):  # which prices wandb/* a million times too high
        assert not [
            fact
            for fact in facts.values()
            if isinstance(fact, Price) and not 0 < fact.amount < 1500
        ]
    assert not [
        fact
        for fact in facts.values()
        if isinstance(fact, Retirement) and "209" in str(fact.retires)
    ]
    if not name.startswith("llm-prices"):
        assert len(facts) > 1000


@needs_corpus
def test_openrouter_of_august_2026() -> None:
    facts = read("openrouter/api-v1-models/2026-08-17.json.gz")
    assert Counter(fact.fact for fact in facts.values()) == {
        "listing": 414,
        "price": 1548,
        "retirement": 2,
    }
    windows = {fact.window for fact in facts.values() if isinstance(fact, Price)}
    assert windows == {
        "",
        "10:00-01:00 UTC",
        "01:00-04:00 UTC",
        "04:00-06:00 UTC",
        "06:00-10:00 UTC",
    }
    routers = {fact.model for fact in facts.values() if fact.model.startswith("openrouter/")}
    assert {"openrouter/fusion", "openrouter/auto-beta"} <= routers
    assert not [
        fact
        for fact in facts.values()
        if fact.model.startswith(("openrouter/", "~")) and fact.fact == "price"
    ]


@needs_corpus
def test_the_three_models_that_novita_ends_too() -> None:
    facts = read(f"{ALL}/2026-08-20.json.gz")
    for model in (
        "inclusionai/ring-2.6-1t",
        "inclusionai/ling-2.6-1t",
        "inclusionai/ling-2.6-flash",
    ):
        assert end(facts, model) == "2026-08-24"


@needs_corpus
def test_a_date_on_the_wrong_model_for_a_day() -> None:
    days = [read(f"{ALL}/2026-06-{number}.json.gz") for number in (21, 22, 30)]
    assert [end(facts, "openai/gpt-5.2-chat") for facts in days] == [
        "2026-08-10",
        "None",
        "2026-08-10",
    ]


@needs_corpus
def test_an_alias_that_moves_is_a_retarget_and_no_price() -> None:
    before, after = read(f"{ALL}/2026-08-05.json.gz"), read(f"{ALL}/2026-08-18.json.gz")
    changes = [change for change in diff(before, after) if change.fact.model.startswith("~")]
    moved = {
        change.fact.model: (change.before.alias_of, change.after.alias_of)
        for change in changes
        if isinstance(change.before, Listing) and isinstance(change.after, Listing)
        if change.before.alias_of != change.after.alias_of
    }
    assert moved == {
        "~google/gemini-flash-latest": ("google/gemini-3.6-flash", "google/gemini-3.7-flash"),
        "~x-ai/grok-latest": ("x-ai/grok-4.5", "x-ai/grok-4.6"),
    }
    assert kinds("openrouter.models", changes, "2026-08-18").count("model.retargeted") == 2


@needs_corpus
def test_a_bad_merge_of_an_hour() -> None:
    """LiteLLM, 2026-01-06: 31 dates gone, and back in the capture a week later."""
    folder = "litellm/model_prices_and_context_window"
    good, bad, later = (
        read(f"{folder}/{name}.json.gz") for name in ("2026-01-06", "2026-01-06_2", "2026-01-13")
    )
    gone = {change.key for change in diff(good, bad) if isinstance(change.fact, Retirement)}
    assert len(gone) >= 30
    assert not gone & {change.key for change in diff(good, later)}


@needs_corpus
def test_a_swapped_day_and_another_spelling() -> None:
    """Both as LiteLLM has them; Azure's page then said "No earlier than April 11, 2026" for the
    first.
    """
    facts = read("litellm/model_prices_and_context_window/2026-07-24.json.gz")
    assert end(facts, "azure/gpt-4.1-2025-04-14") == "2026-11-04"
    assert not [fact for fact in facts.values() if fact.model in ("sample_spec", "last_updated")]
    facts = read("litellm/model_prices_and_context_window/2025-05-14.json.gz")
    assert (
        end(facts, "groq/llama3-groq-70b-8192-tool-use-preview") == "2025-01-06"
    )  # printed 2025-1-6


@needs_corpus
def test_one_day_two_figures() -> None:
    """deepseek-chat in summer 2026, at LiteLLM and at models.dev; the provider's own page had the
    latter.
    """
    litellm = read("litellm/model_prices_and_context_window/2026-07-24.json.gz")
    models_dev = read("models-dev/api-json/2026-08-12.json.gz")
    both = [price(facts, "deepseek/deepseek-chat", "input") for facts in (litellm, models_dev)]
    assert both == [Decimal("0.28"), Decimal("0.14")]


# --- what a list may do
# ------------------------------------------------------------------------------------


def test_the_price_of_the_moment_is_not_read_where_there_are_hours() -> None:
    peak, off = fixture("openrouter/models.json"), fixture("openrouter/models.json")
    row = next(row for row in off["data"] if row["id"] == "deepseek/deepseek-v4-pro-0813")
    row["pricing"] |= {
        "prompt": "0.00000066",
        "completion": "0.00000198",
        "input_cache_read": "0.000000022",
    }
    assert values(peak) == values(off)


def test_order_and_schema_growth_are_silent() -> None:
    page, other = fixture("openrouter/models.json"), fixture("openrouter/models.json")
    other["data"].reverse()
    for row in other["data"]:
        row |= {"benchmarks": {}, "reasoning": None, "description": "Otherwise worded."}
        row["architecture"]["input_modalities"].reverse()
        row["top_provider"] = {
            "context_length": 1,
            "max_completion_tokens": 1,
            "is_moderated": True,
        }
    assert values(page) == values(other)


def test_a_new_price_is_named_and_a_renamed_one_refused() -> None:
    page = fixture("openrouter/models.json")
    page["data"][0]["pricing"]["per_lidar_point"] = "0.1"
    page["data"][1]["pricing"]["overrides"] = [{"resolution": "4K", "completion": "0.09"}]
    with pytest.raises(
        Unreadable, match=r"\['internal_reasoning'\].*renamed"
    ):  # no row of the fixture has it
        values(page)
    page["data"][2]["pricing"]["internal_reasoning"] = "0.000001"
    notes = [
        fact.note
        for fact in OPENROUTER.read(json.dumps(page).encode())
        if isinstance(fact, Listing)
    ]
    assert notes[:2] == ["prices not read: per_lidar_point", "prices not read: resolution"]
    assert not [key for key in values(page) if "4K" in key]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total_count": 999}, "not the whole list"),
        ({"links": {"next": "/api/v1/models?offset=14"}}, "not the whole list"),
    ],
)
def test_a_part_of_a_list_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        values(fixture("openrouter/models.json") | change)


@pytest.mark.parametrize(
    ("pricing", "message"),
    [
        ({"prompt": "0.1"}, "no price for completion"),
        (
            {"prompt": "cheap", "completion": "0.1"},
            "not an amount: openai/gpt-5.6-luna: prompt cheap",
        ),
        (
            {"prompt": "1", "completion": "1", "overrides": [{"prompt": "2", "completion": "2"}]},
            "no known condition",
        ),
        (
            {
                "prompt": "1",
                "completion": "1",
                "overrides": [{"utc_start": 100, "prompt": "2", "completion": "2"}],
            },
            "no known condition",
        ),
        (
            {"prompt": "1", "completion": "1", "overrides": [{"utc_start": 100, "prompt": "2"}]},
            "without a price for",
        ),
        (
            {
                "prompt": "1",
                "completion": "1",
                "overrides": [{"min_prompt_tokens": "many", "prompt": "1", "completion": "1"}],
            },
            "no known condition",
        ),
    ],
)
def test_a_broken_price_is_refused(pricing: dict[str, Any], message: str) -> None:
    page = fixture("openrouter/models.json")
    page["data"][0]["pricing"] = pricing
    with pytest.raises(Unreadable, match=message):
        values(page)


@pytest.mark.parametrize(
    ("source", "name", "path", "value", "message"),
    [
        (
            "litellm.prices",
            "litellm/prices.json",
            ["gpt-5.6", "input_cost_per_token"],
            "?",
            "not an amount: gpt-5.6",
        ),
        (
            "litellm.prices",
            "litellm/prices.json",
            ["gpt-5.6", "deprecation_date"],
            "soon",
            "no date form known",
        ),
        (
            "models_dev.catalog",
            "models_dev/catalog.json",
            ["groq", "models", "openai/gpt-oss-120b", "cost", "tiers"],
            [{"tier": {"type": "hour", "size": 1}, "input": 1, "output": 1}],
            "a tier by",
        ),
        (
            "genai_prices.data",
            "genai_prices/data.json",
            [0, "models", 0, "prices", 1, "constraint"],
            {"weekday": "Sunday"},
            "unknown constraint",
        ),
        (
            "genai_prices.data",
            "genai_prices/data.json",
            [0, "models", 0, "prices", 1, "constraint"],
            {"start_time": "00:30:00+08:00", "end_time": "16:30:00Z"},
            "unknown constraint",
        ),
        (
            "llm_prices.current",
            "llm_prices/current.json",
            ["prices", 1, "name"],
            "Grok 4.5 ≤200k",
            "stated twice",
        ),
    ],
)
def test_a_broken_hint_is_refused(
    source: str, name: str, path: list[Any], value: Any, message: str
) -> None:
    page = fixture(name)
    *way, last = path
    place = page
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(Unreadable, match=message):
        values(page, source)


def test_unknown_tiers_and_keys_of_litellm_are_named() -> None:
    page = {
        "acme/new": {
            "litellm_provider": "acme",
            "input_cost_per_token": 1e-06,
            "input_cost_per_dream": 1,
            "tiered_pricing": [{"moon": [0, 1], "input_cost_per_token": 3e-06}],
        }
    }
    [fact] = LITELLM.read(json.dumps(page).encode())
    assert isinstance(fact, Price)
    assert (fact.amount, fact.note) == (
        Decimal(1),
        "prices not read: input_cost_per_dream, tiered_pricing",
    )


# --- news
# --------------------------------------------------------------------------------------------------


def notices(name: str) -> list[Notice]:
    return list(feed(capture(name)))


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [f"news/{path.parent.name}/{path.name}" for path in sorted((CORPUS / "news").glob("*/*.xml"))],
)
def test_every_feed_is_read(name: str) -> None:
    feed = notices(name)
    assert len(feed) > 5
    assert all(notice.title and notice.link and "\n" not in notice.title for notice in feed)


@needs_corpus
def test_hacker_news_of_2024() -> None:
    feed = notices("news/hn-rss-xml/2024-03-11.xml")
    assert len(feed) == 20
    assert feed[0].published == When("2024-03-11T19:15Z")
    assert feed[0].link.startswith("https://therecord.media/")
    assert feed[0].summary.endswith("https://news.ycombinator.com/item?id=39672201")


@needs_corpus
def test_vendors_do_not_tell_retirements_in_their_blogs() -> None:
    word = re.compile(r"deprecat|retire|sunset", re.IGNORECASE)
    for path in sorted((CORPUS / "news").glob("blog-feed-*/*.xml")):
        assert not [n for n in feed(path.read_bytes()) if word.search(f"{n.title} {n.summary}")]


@needs_corpus
def test_a_feed_that_only_moved_on_keeps_its_notices() -> None:
    before, after = (
        snapshot(notices(f"news/blog-feed-groq/{on}.xml")) for on in ("2026-04-22", "2026-05-25")
    )
    assert not diff(before, after)


@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("gpt-4o-2024-05-13, o3-mini and Claude 3.7 retire", ("gpt-4o-2024-05-13", "o3-mini")),
        ("GPT-4.5. Qwen3.8-27B! see https://hf.example/qwen3-8b", ("GPT-4.5", "Qwen3.8-27B")),
        ("the novation of 4 novas, and a command for 2", ()),
    ],
)
def test_ids_in_prose(text: str, models: tuple[str, ...]) -> None:
    body = f'<rss version="2.0"><channel><title>t</title><item><title>{text}</title></item></channel></rss>'
    [notice] = feed(body.encode())
    assert notice.models == models


# --- a market price
# ----------------------------------------------------------------------------------------


def input_price(text: str) -> dict[str, Fact]:
    """One model of OpenRouter at this price for its input."""
    fact = Price(
        provider="openrouter",
        model="z-ai/glm-5.2",
        meter="input",
        amount=Decimal(text),
        per="1M tokens",
    )
    return snapshot([fact])


def test_a_price_that_moves_every_day_is_no_event_and_one_that_stays_is() -> None:
    """z-ai/glm-5.2 cost 0.93, 0.4158, 0.2576 and 0.9786 USD within seven days of 2026: the first
    host of the moment.
    """
    openrouter = REGISTRY["openrouter.models"]
    current: Snapshot = input_price("0.93")
    pending: list[Pending] = []
    events = []
    prices = (
        ["0.4158"] * 4
        + ["0.2576"] * 4
        + ["0.9786"] * 4
        + ["0.93"] * 2
        + ["0.50"] * openrouter.confirmations
    )
    for price in prices:
        page, memory = Page(input_price(price)), Memory(current, pending)
        decision = decide(openrouter, page, memory, datetime(2026, 8, 1, tzinfo=UTC))
        current, pending = decision.current, decision.pending
        events += [draft.summary for draft in decision.drafts]
    assert events == ["openrouter/z-ai/glm-5.2: input 0.93 -> 0.50 USD per 1M tokens (-46 %)"]
