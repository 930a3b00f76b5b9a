"""Groq's deprecations as captured: the rewritten replacement, the odd rows, and what must stay
silent.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Retirement
from monitor.core.interpret import interpret
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.corpus import capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

SOURCE = REGISTRY["groq.deprecations"]
PAGE = FIXTURES / "groq" / "deprecations.md"
WHOLE = "groq/deprecations-md/2026-08-20.md"


def read(name: str) -> dict[str, Fact]:
    return snapshot(SOURCE.read(capture(name)))


def ends(facts: dict[str, Fact]) -> dict[str, Retirement]:
    return {fact.model: fact for fact in facts.values() if isinstance(fact, Retirement)}


def fixture(old: str = "", new: str = "") -> dict[str, Fact]:
    page = PAGE.read_text(encoding="utf-8")
    assert old in page
    return snapshot(SOURCE.read(page.replace(old, new).encode()))


# --- truth
# -------------------------------------------------------------------------------------------------


@needs_corpus
def test_the_truth_has_prices_of_another_page_alone() -> None:
    """Rows 38 to 45 are of the models page, which is not watched; no row is an end on the page that
    is.
    """
    assert not truth("platforms_retirements.csv", {"Groq": 0})
    assert {row["capture file"] for row in truth("platforms_prices.csv", {"Groq": 8})} == {
        "groq/models-page-jina-md/2026-01-07.md"
    }


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row["model"])
        for row in truth("platforms_retirement_changes.csv", {"Groq": 1})
    ],
)
def test_every_change(row: dict[str, str]) -> None:
    before, after = read(row["before_file"]), read(row["after_file"])
    [change] = [change for change in diff(before, after) if change.before]
    assert isinstance(change.before, Retirement)
    assert isinstance(change.after, Retirement)
    assert change.fact.model == row["model"]
    assert change.before.replacements == (row["before"].removeprefix("replacement "),)
    assert change.after.replacements == (row["after"].removeprefix("replacement "),)
    assert change.before.retires == change.after.retires
    [draft] = interpret(SOURCE, [change], datetime(2026, 8, 20, tzinfo=UTC))
    assert draft.kind == "replacement.changed"


@needs_corpus
def test_every_row_of_august_2026() -> None:
    facts = ends(read(WHOLE))
    rows = re.findall(r"^\| (\S+) +\| (\d+)/(\d+)/(\d\d) ", capture(WHOLE).decode(), re.MULTILINE)
    assert len(rows) == 37
    assert len(facts) == 36
    for model, month, day, year in reversed(rows):  # newest last, so that it is the one that counts
        if (model, month) != ("deepseek-r1-distill-llama-70b-specdec", "03"):
            assert str(facts[model].retires) == f"20{year}-{int(month):02}-{int(day):02}"
    assert sum(fact.announced is None for fact in facts.values()) == 5
    assert all(fact.replacements for fact in facts.values())
    assert str(facts["llama-3.3-70b-versatile"].announced) == "2026-06-17"
    assert facts["llama-3.3-70b-versatile"].replacements == (
        "openai/gpt-oss-120b",
        "qwen/qwen3.6-27b",
    )
    assert "free and developer-tier" in facts["qwen/qwen3-32b"].note
    assert facts["qwen-2.5-coder-32b"].replacements == ("qwen-qwq-32b", "openai/gpt-oss-120b")


def test_a_row_of_the_page_as_text_is_read_or_refused() -> None:
    page = (FIXTURES / "groq" / "deprecations.text.txt").read_text(encoding="utf-8")
    with pytest.raises(Unreadable, match=re.escape("a row of a table is not known: '10/08/25")):
        SOURCE.read(page.replace("gemma2-9b-it\n\n", "gemma2-9b-it\n").encode())


# --- odd rows
# ----------------------------------------------------------------------------------------------


def test_a_model_announced_twice_has_the_later_end() -> None:
    specdec = "deepseek-r1-distill-llama-70b-specdec"
    fact = ends(fixture())[specdec]
    assert (str(fact.retires), str(fact.announced)) == ("2025-04-14", "2025-04-07")
    assert fact.note == "Also announced for 2025-03-24 on 2025-03-17."
    turned = ends(fixture("on April 7, 2025", "on March 7, 2025"))[specdec]
    assert (str(turned.retires), turned.note) == (
        "2025-03-24",
        "Also announced for 2025-04-14 on 2025-03-07.",
    )


def test_dashes_vague_days_and_headings() -> None:
    facts = ends(fixture())
    assert facts["groq/compound"].replacements == ()
    assert str(facts["llama3-groq-8b-8192-tool-use-preview"].retires) == "2025-01-06"
    assert facts["llama3-groq-8b-8192-tool-use-preview"].announced is None
    assert str(facts["llama-3.2-11b-text-preview"].retires) == "2024-10-28"
    assert str(facts["llama-3.2-11b-text-preview"].announced) == "2024-09"
    assert facts["llama-3.2-11b-text-preview"].replacements == (
        "llama-3.2-11b-vision-preview",
        "llama-3.1-8b-instant",
    )


def test_a_new_section_is_news_of_its_own_models_alone() -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = page[page.index("### [September 21") : page.index("### [August 16")]
    changes = diff(fixture(section), fixture())
    drafts = interpret(SOURCE, changes, datetime(2026, 9, 1, tzinfo=UTC))
    assert [(draft.kind, draft.severity) for draft in drafts] == [
        ("retirement.announced", "critical")
    ] * 2
    assert [draft.fact.model for draft in drafts if draft.fact] == [
        "groq/compound",
        "groq/compound-mini",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1/6/25  ", "01/06/25"),
        ("| Model ID  ", "| Deprecated Model "),
        ("October 18, 2024: LLaVA", "October 28, 2024: LLaVA"),
        ("2026\\.", "2026."),
        ("As so often, on", "On"),
        ("openai/gpt-oss-120b or qwen/qwen3.6-27b", "openai/gpt-oss-120b, qwen/qwen3.6-27b"),
    ],
)
def test_wording_is_no_change(old: str, new: str) -> None:
    assert not diff(fixture(), fixture(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "| 08/16/26      | openai/gpt-oss-20b ",
            "| 16/08/26      | openai/gpt-oss-20b ",
            "not a date",
        ),
        ("| 07/14/25      |", "| soon          |", "no date form known: 'soon'"),
        (
            "| Shutdown Date | Recommended Replacement Model ID        |",
            "| Day | Recommended Replacement Model ID |",
            "no known layout",
        ),
        ("| qwen/qwen3-32b ", "| <none> [yet] ", "no model id"),
        (
            "on September 10, 2025, we",
            "on September 10th we",
            "no readable date of the announcement",
        ),
        (
            "### [October 10, 2025: "
            "moonshotai/kimi-k2-instruct](#october-10-2025-moonshotaikimik2instruct)",
            "And:",
            "a table without an announcement of its own",
        ),
    ],
)
def test_what_is_not_known_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(message)):
        fixture(old, new)
