"""Anthropic's adapter: the truth rows, every whole page, silent steps, steps that are news, and
what is refused.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.core.facts import Fact, Listing, Notice, Price, Retirement
from monitor.reading.page import Unreadable, when
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

#: Folder of the corpus -> feed.
FEEDS = {
    "deprecations": "deprecations",
    "pricing": "pricing",
    "models-api": "models",
    "models-overview": "overview",
    "release-notes": "release_notes",
}


@cache
def facts(name: str) -> dict[str, Fact]:
    """The facts of a capture (path below ``anthropic/``) by key."""
    folder = name.split("/")[0]
    return {
        fact.key: fact
        for fact in REGISTRY[f"anthropic.{FEEDS[folder]}"].read(capture(f"anthropic/{name}"))
    }


def values(name: str) -> dict[str, tuple[object, ...]]:
    return {key: fact.value for key, fact in facts(name).items()}


def retirement(name: str, model: str) -> Retirement:
    (found,) = (fact for fact in facts(f"deprecations/{name}").values() if fact.model == model)
    assert isinstance(found, Retirement)
    return found


def price(name: str, model: str, meter: str, tier: str = "standard", context: str = "") -> Price:
    (found,) = (
        fact
        for fact in facts(f"pricing/{name}").values()
        if isinstance(fact, Price)
        and (fact.model, fact.meter, fact.tier, fact.context) == (model, meter, tier, context)
    )
    return found


# --- the truth
# ---------------------------------------------------------------------------------------------


#: Status rows of 2025-05-02 that print N/A as the day, where the history of the same page names it:
#: the fact has it.
FROM_HISTORY = {"claude-2.0": "July 21, 2025", "claude-3-sonnet-20240229": "July 21, 2025"}


@needs_corpus
def test_every_retirement_of_the_truth() -> None:
    for row in truth("first_party_deprecations.csv", {"Anthropic": 36}):
        fact = retirement(Path(row["file"]).name, row["model_cell"])
        said, place = row["shutdown_as_printed"], (row["model_cell"], row["file"])
        if row["note"].startswith("status table"):
            if said == "N/A" and row["capture"] == "2025-05-02":
                said = FROM_HISTORY.get(row["model_cell"], said)
            assert fact.term == row["note"].split("state = ")[1].split(";")[0], place
            assert fact.deprecated == when(row["announced"]), place
        else:
            assert fact.announced == when(row["announced"]), place
            assert fact.replacements == (row["replacement_as_printed"],), place
        assert fact.retires == when(said), place


@needs_corpus
def test_every_price_of_the_truth() -> None:
    sizes = {
        "(for prompts up to 100,000 tokens)": "<=100k",
        "(for prompts over 100,000 tokens)": ">100k",
    }
    for row in truth("first_party_prices.csv", {"Anthropic": 11}):
        model, _, label = row["model"].partition(" (")
        label = f"({label}" if label else ""
        five, hour = row["cache_write"].split("; ")
        printed = {
            ("input", "standard"): row["input"],
            ("cached_input", "standard"): row["cached_input"],
            ("cache_write", "standard"): five.removeprefix("5m "),
            ("cache_write_1h", "standard"): hour.removeprefix("1h "),
            ("output", "standard"): row["output"],
            ("input", "batch"): row["batch_input"],
            ("output", "batch"): row["batch_output"],
        }
        for (meter, tier), cell in printed.items():
            if cell != "(not in excerpt)":
                fact = price(Path(row["file"]).name, model, meter, tier, sizes.get(label, ""))
                assert fact.amount == Decimal(cell.split(" / MTok")[0].removeprefix("$")), (
                    row["model"],
                    meter,
                )
                assert (fact.currency, fact.per) == ("USD", "1M tokens")
                assert fact.note == ("" if label in sizes else label.strip("()"))


# --- every capture
# -----------------------------------------------------------------------------------------


def captures() -> list[str]:
    found = (path for folder in FEEDS for path in sorted((CORPUS / "anthropic" / folder).glob("*")))
    return [
        f"{path.parent.name}/{path.name}"
        for path in found
        if not path.name.endswith(".headers.json")
    ]


@needs_corpus
@pytest.mark.parametrize("name", captures())
def test_capture_is_read(name: str) -> None:
    assert facts(name)


#: Steps between captures that changed wording, order, links, titles of columns or widths, and no
#: fact.
SILENT = [
    ("deprecations", ["2026-02-06.md", "2026-02-12.md"]),
    ("deprecations", ["2026-02-18.md", "2026-02-19.md"]),
    ("deprecations", ["2026-02-20.md", "2026-03-20.md"]),
    ("deprecations", ["2026-08-06.md", "2026-08-20.md"]),
    ("pricing", ["2026-02-21.md", "2026-03-05.md"]),
    ("pricing", ["2026-03-13.md", "2026-03-14.md", "2026-03-27.md", "2026-03-28.md"]),
    (
        "pricing",
        ["2026-04-07.md", "2026-04-07.2.md", "2026-04-09.md", "2026-04-11.md", "2026-04-15.md"],
    ),
    ("pricing", ["2026-04-17.md", "2026-04-25.md", "2026-05-01.md"]),
    ("pricing", ["2026-08-06.md", "2026-08-07.md"]),
    ("pricing", ["2026-08-12.md", "2026-08-13.md"]),
    ("models-overview", ["2026-02-20.md", "2026-03-12.md"]),
    ("models-overview", ["2026-03-19.md", "2026-03-30.md", "2026-04-07.md", "2026-04-08.md"]),
    ("models-overview", ["2026-04-17.md", "2026-04-18.md"]),
    ("models-overview", ["2026-08-06.md", "2026-08-13.md", "2026-08-22.md"]),
    ("release-notes", ["2026-03-18.2.md", "2026-03-19.md"]),
    ("release-notes", ["2026-04-10.md", "2026-04-11.md"]),
    ("release-notes", ["2026-08-08.md", "2026-08-11.md"]),
    ("release-notes", ["2026-08-13.md", "2026-08-14.md"]),
]


@needs_corpus
@pytest.mark.parametrize(
    ("before", "after"),
    [(f"{folder}/{a}", f"{folder}/{b}") for folder, names in SILENT for a, b in pairwise(names)],
)
def test_silent_step(before: str, after: str) -> None:
    assert values(before) == values(after)


# --- steps that are news
# -----------------------------------------------------------------------------------


@needs_corpus
def test_haiku_3_got_its_day_and_a_correction() -> None:
    seen = [
        retirement(name, "claude-3-haiku-20240307")
        for name in ("2026-02-19.md", "2026-02-19.2.md", "2026-02-20.md")
    ]
    assert [str(fact.retires) for fact in seen] == [
        "not before 2025-03-07",
        "2026-04-19",
        "2026-04-20",
    ]
    assert [fact.stage for fact in seen] == ["active", "deprecated", "deprecated"]


@needs_corpus
def test_a_pruned_status_row_leaves_the_same_days() -> None:
    """Opus 3 left the status table between these captures; the history still tells all of it."""
    before, after = (
        retirement(name, "claude-3-opus-20240229") for name in ("2025-12-19.md", "2026-01-15.md")
    )
    assert (before.stage, after.stage) == ("deprecated", "retired")
    assert (after.announced, after.deprecated, after.retires) == (
        before.announced,
        before.deprecated,
        before.retires,
    )


@needs_corpus
def test_the_rise_of_sonnet_5_was_planned_and_cancelled() -> None:
    dated = {
        (str(fact.starts or ""), str(fact.ends or "")): str(fact.amount)
        for fact in facts("pricing/2026-08-07.md").values()
        if isinstance(fact, Price)
        and fact.model == "Claude Sonnet 5"
        and (fact.meter, fact.tier) == ("input", "standard")
    }
    assert dated == {("", "2026-08-31"): "2", ("2026-09-01", ""): "3"}
    kept = price("2026-08-12.md", "Claude Sonnet 5", "input")
    assert (kept.amount, kept.starts, kept.ends) == (Decimal(2), None, None)


@needs_corpus
def test_the_premium_of_opus_4_6_for_long_prompts_ended() -> None:
    before, after = values("pricing/2026-03-05.md"), values("pricing/2026-03-13.md")
    gone = [json.loads(key) for key in before.keys() - after.keys()]
    assert {(key[1], key[9]) for key in gone} == {
        ("Claude Opus 4.6", "<=200k"),
        ("Claude Opus 4.6", ">200k"),
        ("Claude Sonnet 4.6", "<=200k"),
        ("Claude Sonnet 4.6", ">200k"),
    }
    assert all(before[key] == value for key, value in after.items())


@needs_corpus
def test_ids_on_other_platforms_lose_their_footnotes() -> None:
    listed = facts("models-overview/2026-08-22.md").values()
    bedrock = {
        fact.alias_of: fact.model
        for fact in listed
        if isinstance(fact, Listing) and fact.surface == "bedrock"
    }
    assert bedrock["claude-fable-5"] == "anthropic.claude-fable-5"
    assert bedrock["claude-opus-4-7"] == "anthropic.claude-opus-4-7"
    assert bedrock["claude-haiku-4-5-20251001"] == "anthropic.claude-haiku-4-5-20251001-v1:0"


@needs_corpus
def test_retirements_in_the_release_notes_name_their_model() -> None:
    found = {
        (str(fact.published), fact.models)
        for fact in facts("release-notes/2026-08-21.md").values()
        if isinstance(fact, Notice) and "retired the" in fact.title
    }
    assert {
        ("2026-08-05", ("claude-opus-4-1-20250805",)),
        ("2026-04-20", ("claude-3-haiku-20240307",)),
        ("2026-01-05", ("claude-3-opus-20240229",)),
    } <= found


# --- what must be refused, and what wins
# -------------------------------------------------------------------


def read(feed: str, text: str) -> list[Fact]:
    return REGISTRY[f"anthropic.{feed}"].read(text.encode())


@pytest.mark.parametrize(
    ("fixture", "old", "new", "message"),
    [
        ("deprecations.md", "Tentative retirement date", "Planned end", "no known layout"),
        ("deprecations.md", "| Retired       |", "| Sunset        |", "unknown state: 'Sunset'"),
        (
            "deprecations.md",
            "Not sooner than June 9, 2027",
            "some time in 2027",
            "no date form known",
        ),
        ("deprecations.md", "### 2026-06-05: Claude", "### Claude", "no date in the heading"),
        (
            "deprecations.md",
            "claude-fable-5     ",
            "claude-mythos-preview",
            "a second row of the status table",
        ),
        ("pricing.md", "for prompts over 100,000", "for 9,000", "unknown condition"),
        ("pricing.md", "[limited availability]", "[with US inference]", "unknown condition"),
        ("pricing.md", "$4 / MTok |", "$4 / KTok |", "unknown unit"),
        ("pricing.md", "| Cache hits and refreshes |", "| Reads |", "no known layout"),
        (
            "pricing.2025-12.md",
            "Claude Sonnet 4 and Sonnet 4.5",
            "some models",
            "no model in the paragraph",
        ),
        ("overview.md", "**Google Cloud ID**", "**GC ID**", "no row 'gcp vertex ai id'"),
        (
            "overview.md",
            "anthropic.claude-fable-53",
            "anthropic.claude-opus-5",
            "not the bedrock id of claude-fable-5",
        ),
        ("overview.md", "64k tokens", "plenty", "no number of tokens"),
        (
            "release_notes.md",
            "### February 19th, 2026",
            "### Last winter",
            "a heading that is no date",
        ),
        ("release_notes.md", "### August 19, 2026", "### Last summer", "a heading that is no date"),
        ("models.json", '"has_more":false', '"has_more":true', "page 1 of a paged list"),
        ("models.json", '"type":"model"', '"type":"alias"', "an item that is no model"),
    ],
)
def test_refused(fixture: str, old: str, new: str, message: str) -> None:
    text = (FIXTURES / "anthropic" / fixture).read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(Unreadable, match=message):
        read(fixture.split(".")[0], text.replace(old, new))


def test_the_later_announcement_wins() -> None:
    table = "| Retirement date | Deprecated model | Recommended replacement |\n|---|---|---|\n"
    text = (
        "# Model status\n"
        f"### 2026-03-01: Once\n{table}| May 1, 2026 | `claude-x-1` | `claude-x-2` |\n\n"
        f"### 2026-04-01: Again\n{table}| July 1, 2026 | `claude-x-1` | Claude X 3 |\n"
    )
    (fact,) = read("deprecations", text)
    assert isinstance(fact, Retirement)
    assert (str(fact.announced), str(fact.retires), fact.replacements) == (
        "2026-04-01",
        "2026-07-01",
        ("Claude X 3",),
    )
    assert fact.note == "announced before on 2026-03-01 for May 1, 2026"


def test_pages_of_the_model_list_follow_each_other() -> None:
    access = REGISTRY["anthropic.models"].access
    assert access is not None
    assert access.next_page is not None
    first, last = json.loads((FIXTURES / "anthropic" / "models.pages.json").read_bytes())
    assert access.next_page(json.dumps(first).encode()) == {
        "after_id": "claude-3-5-sonnet-20241022"
    }
    assert access.next_page(json.dumps(last).encode()) is None
