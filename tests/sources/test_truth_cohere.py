"""Cohere's deprecations as captured: every row of the truth, what changed between captures, and
what must not.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Price, Retirement
from monitor.core.interpret import interpret
from monitor.errors import Unreadable
from monitor.reading.dates import when
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

SOURCE = REGISTRY["cohere.deprecations"]
FOLDERS = ("deprecations-mdx", "deprecations-served-md")
PAGE = FIXTURES / "cohere" / "deprecations.md"


def read(name: str) -> dict[str, Fact]:
    return snapshot(SOURCE.read(capture(f"cohere/{name}")))


def ends(facts: dict[str, Fact]) -> dict[tuple[str, str], Retirement]:
    return {
        (fact.model, fact.surface): fact for fact in facts.values() if isinstance(fact, Retirement)
    }


def fixture(old: str = "", new: str = "") -> dict[str, Fact]:
    page = PAGE.read_text(encoding="utf-8")
    assert old in page
    return snapshot(SOURCE.read(page.replace(old, new).encode()))


# --- truth
# -------------------------------------------------------------------------------------------------

#: The truth prints the alternatives of both tasks for each model of the section. An embedding model
#: is not replaced by a chat model: each model has those of its own task.
TASKS = {"embed": 0, "c4ai": 1}


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_retirements.csv", {"Cohere": 8})
    ],
)
def test_every_end(row: dict[str, str]) -> None:
    fact = ends(read(row["capture file"].removeprefix("cohere/")))[row["model"], "api"]
    printed = re.sub(r"Effective | \(retired\)", "", row["retirement as printed"])
    assert fact.retires == when(printed)
    announced = row["announced / earlier stage (as printed)"]
    assert fact.announced == (
        when(announced.removeprefix("On ")) if announced.startswith("On ") else None
    )
    tasks = row["replacement as printed"].split("; chat: ")
    own = tasks[TASKS[row["model"].split("-")[0]]] if len(tasks) > 1 else tasks[0]
    assert fact.replacements == tuple(re.split(r"(?:,? or |, | / )", own))


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row["model"]) for row in truth("platforms_prices.csv", {"Cohere": 2})],
)
def test_every_price(row: dict[str, str]) -> None:
    facts = read(row["capture file"].removeprefix("cohere/")).values()
    [price] = [fact for fact in facts if isinstance(fact, Price) and fact.model == row["model"]]
    amount, per = row["value as printed"].split(" / ")
    assert (price.amount, price.per, price.meter) == (
        Decimal(amount.removeprefix("$")),
        per,
        "search",
    )


# --- whole pages
# -------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [
        f"{folder}/{path.name}"
        for folder in FOLDERS
        for path in sorted((CORPUS / "cohere" / folder).glob("*"))
    ],
)
def test_every_capture_is_read(name: str) -> None:
    assert len(read(name)) >= 4


@needs_corpus
def test_alternatives_never_retire_and_nothing_is_taken_for_a_model() -> None:
    facts = ends(read("deprecations-served-md/2026-08-20.md"))
    assert sorted(model for model, surface in facts if surface == "api") == [
        "c4ai-aya-expanse-8b",
        "c4ai-aya-vision-8b",
        "command",
        "command-light",
        "command-r",
        "command-r-03-2024",
        "command-r-plus",
        "command-r-plus-04-2024",
        "embed-english-light-v2.0",
        "embed-english-v2.0",
        "embed-multilingual-v2.0",
        "rerank-english-v2.0",
        "rerank-multilingual-v2.0",
        "summarize",
    ]
    assert sorted(model for model, surface in facts if surface == "endpoint") == [
        "/v1/classify",
        "/v1/connectors",
        "/v1/generate",
        "/v1/summarize",
        "Default Classify endpoint",
    ]
    assert {model for model, surface in facts if surface == "product"} == {
        "Slack App integration",
        "Coral Web UI",
    }
    assert {model for model, surface in facts if surface == "parameter"} == {
        "connectors",
        "search_queries_only",
    }
    assert {model for model, surface in facts if surface == "fine-tuning"} == {
        "command-light",
        "command",
        "command-r",
        "classify",
        "rerank",
        "Command-R-03-2024",
    }
    assert facts["command-r", "api"].note == "alias of command-r-03-2024"
    assert facts["summarize", "api"].replacements == ()


# --- changes
# -----------------------------------------------------------------------------------------------


@needs_corpus
def test_the_end_of_rerank_was_postponed_after_it_had_passed() -> None:
    changes = diff(read("deprecations-mdx/2025-02-01.mdx"), read("deprecations-mdx/2025-04-29.mdx"))
    events = {
        (draft.kind, draft.fact.model)
        for draft in interpret(SOURCE, changes, datetime(2025, 4, 29, tzinfo=UTC))
        if draft.fact
    }
    assert events == {
        ("retirement.postponed", "rerank-english-v2.0"),
        ("retirement.postponed", "rerank-multilingual-v2.0"),
        ("retirement.announced", "Command-R-03-2024"),
    }


@needs_corpus
def test_each_capture_adds_its_section_and_takes_nothing_away() -> None:
    names = [f"deprecations-mdx/{day}.mdx" for day in ("2025-04-29", "2025-09-16", "2026-08-06")]
    for before, after in pairwise(names):
        assert all(change.before is None for change in diff(read(before), read(after)))


@needs_corpus
def test_the_source_and_the_served_page_say_the_same() -> None:
    assert not diff(
        read("deprecations-mdx/2026-08-06.mdx"), read("deprecations-served-md/2026-08-20.md")
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* ", "- "),
        ("\\$1.00", "$1.00"),
        ("### 2026-04-04: Embed v2.0, Aya Expanse 8B", "### 2026-04-05: Older models"),
        ("all of fine-tuning\n", "all of fine-tuning.\n"),
        ("Please migrate to newer ones:", "We would have you migrate to these:"),
        ("April 4th, 2026", "April 4, 2026"),
        ("Write to", "Mail"),
    ],
)
def test_wording_is_no_change(old: str, new: str) -> None:
    assert not diff(fixture(), fixture(old, new))


# --- refused
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Please migrate to newer ones:", "And these:", "a list of ids that is not known"),
        ("Deprecated Models:", "Departed Models:", "a list of ids that is not known"),
        ("Effective April 4th, 2026, the", "Soon the", "no sentence says when"),
        ("April 4th, 2026", "April 44th, 2026", "not a date"),
        (
            "On December 2nd, 2024, we",
            "In December 2024 we",
            "no sentence says when this was announced",
        ),
        ("On March 08, 2025", "On March 8", "no date form known"),
        ("After January 31st, 2025", "After January 31st", "no date form known"),
        ("* Embedding tasks alternatives:", "* Embedding tasks:", "no alternative of a task"),
        ("* `c4ai-aya-vision-8b`", "* c4ai-aya-vision-8b", "no model in a list of models"),
        ("(and the alias `command-r`)", "(not `command-r`)", "no model with aliases"),
        ("`/v1/chat` parameters: ", "`/v1/chat` options: ", "no endpoint"),
        (
            "models is being retired.",
            "models may change.",
            "a sentence about ids that is not known",
        ),
        ("For command model replacements, we", "We", "a sentence about ids that is not known"),
        ("### 2024-12-02: Rerank v2.0", "### Rerank v2.0", "no date in the heading"),
        ("After January 31st, 2025, usage", "Usage", "a deprecation of nothing"),
        ("Shutdown Date |", "End |", "no known layout"),
    ],
)
def test_what_is_not_known_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(message)):
        fixture(old, new)
