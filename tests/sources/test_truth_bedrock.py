"""Bedrock's pages as captured: every row of the truth, the Regions, and the page that lost its
dates.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Notice, Retirement, When
from monitor.core.interpret import Draft, interpret
from monitor.core.settle import settle
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY, documents, joined
from tests.support.corpus import capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

LIFECYCLE = REGISTRY["bedrock.lifecycle"]
HTML = "aws-bedrock/model-lifecycle-html/2025-11-13.html"
MAY = "aws-bedrock/model-lifecycle-md/2026-05-XX.md"
POLICY = "aws-bedrock/model-lifecycle-md/2026-09-XX.md"
OCTOBER = "aws-bedrock/model-lifecycle-legacy-md/2026-10-XX.md"
SONNET = "anthropic.claude-3-5-sonnet-20240620-v1:0"

#: Rows named by a display name whose id the table of active models of the same page gives.
IDS = {
    "Claude Opus 4": "anthropic.claude-opus-4-20250514-v1:0",
    "Claude 3.5 Sonnet v1": SONNET,
    "Claude 3.5 Sonnet v2": "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "Claude 3.7 Sonnet": "anthropic.claude-3-7-sonnet-20250219-v1:0",
}


def fixture(name: str) -> bytes:
    return (FIXTURES / "bedrock" / name).read_bytes()


def read(body: bytes) -> list[Retirement]:
    return [fact for fact in LIFECYCLE.read(body) if isinstance(fact, Retirement)]


def events(before: list[Fact], after: list[Fact], now: datetime) -> list[Draft]:
    return interpret(LIFECYCLE, diff(snapshot(before), snapshot(after)), now)


# --- truth
# -------------------------------------------------------------------------------------------------


def day(printed: str) -> str:
    month, number, year = re.match(
        r"(\w{3})\w* (\d+)(?:st|nd|rd|th)?, "
        r"(\d{4})",
        printed,
    ).groups()  # type: ignore[union-attr]
    return datetime.strptime(f"{month} {number} {year}", "%b %d %Y").strftime("%Y-%m-%d")  # noqa: DTZ007


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_retirements.csv", {"AWS Bedrock": 20})
    ],
)
def test_every_row_of_the_truth(row: dict[str, str]) -> None:
    legacy, retires = row["announced / earlier stage (as printed)"], row["retirement as printed"]
    regions = re.findall(
        r"[a-z]{2}(?:-[a-z]+)+-\d", legacy.partition(";")[0] + legacy.partition("regions")[2]
    )
    model = row["version / id"] or IDS.get(row["model"], row["model"])
    facts = [
        fact
        for fact in read(capture(row["capture file"]))
        if fact.model == model and fact.term != "Active"
    ]
    if regions:
        facts = [fact for fact in facts if fact.region == ", ".join(sorted(regions))]
    [fact] = facts
    assert fact.quote.startswith(row["model"]) or f"| {row['model']} |" in fact.quote
    assert fact.retires == When(day(retires))
    assert fact.deprecated == When(day(legacy.removeprefix("Legacy ")))
    extended = re.search(r"(?:public extended access|PEA) (\w.*?)(?:;|$)", legacy)
    date = day(extended[1]) if extended and extended[1] != "NA" else ""
    assert fact.note == (
        f"public extended access from {date}, prices may be higher" if date else ""
    )
    named = re.search(r"\[(.+)\]", row["replacement as printed"])
    assert fact.replacements == (tuple(re.split(r",? and |, ", named[1])) if named else ())


# --- layouts
# -----------------------------------------------------------------------------------------------


@needs_corpus
def test_the_column_without_a_header_is_the_end() -> None:
    active = [fact for fact in read(capture(HTML)) if fact.term == "Active"]
    assert (
        len(active) == 54
    )  # of 55 rows; Claude Opus 4.0 is Legacy in all Regions by the next table
    assert all(fact.retires.bound == "not_before" for fact in active if fact.retires)
    assert [fact.model for fact in active if not fact.retires] == [
        "amazon.rerank-v1:0",
        "cohere.rerank-v3-5:0",
    ]


@needs_corpus
def test_whole_pages() -> None:
    counts = {name: [fact.term for fact in read(capture(name))] for name in (HTML, MAY, OCTOBER)}
    assert {
        name: (len(terms), terms.count("Legacy"), terms.count("EOL"))
        for name, terms in counts.items()
    } == {
        HTML: (89, 6, 29),
        MAY: (27, 27, 0),
        OCTOBER: (14, 6, 8),
    }


@needs_corpus
def test_the_page_without_dates_never_says_that_nothing_is_deprecated() -> None:
    with pytest.raises(Unreadable, match="no facts"):
        read(capture(POLICY))
    both = read(joined([capture(POLICY), capture(OCTOBER)]))
    assert both == read(capture(OCTOBER))
    with pytest.raises(Unreadable, match="no facts"):
        read(joined([capture(POLICY), capture(POLICY)]))


def test_another_page_at_the_second_address() -> None:
    policy, legacy = documents(fixture("lifecycle.both.txt"))
    with pytest.raises(Unreadable, match="titled 'Quotas' instead"):
        read(joined([legacy, b"# Quotas\n\nModel lifecycle, EOL"]))
    with pytest.raises(Unreadable, match="no facts"):
        read(policy)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("**EOL date:** September 14", "**End date:** September 14", "unknown field 'End date'"),
        ("  - **Legacy date:** March 13, 2026\n", "", "without Legacy date"),
        (
            "  - **Regions:** ap-northeast-1, eu-north-1",
            "  - **Regions:** Tokyo, eu-north-1",
            "no Region 'Tokyo'",
        ),
        ("**Regions:** us-gov-east-1", "**Areas:** us-gov-east-1", "unknown field 'Areas'"),
        ("| Legacy date |", "| Announced |", "no known layout"),
        ("| EOL date |", "| Last day |", "no known layout"),
        ("| November 26, 2026 |", "| soon |", "no date form known"),
        ("| November 26, 2026 |", "| — |", "no EOL date"),
        ("**Models that have reached EOL**", "### Gone", "no known state"),
        ("ai21.jamba-1-5-large-v1:0", "Jamba", "no model id 'Jamba'"),
    ],
)
def test_what_is_not_understood_is_not_skipped(old: str, new: str, message: str) -> None:
    page = fixture("lifecycle.legacy.md").decode()
    assert old in page
    with pytest.raises(Unreadable, match=message):
        read(page.replace(old, new).encode())


# --- changes
# -----------------------------------------------------------------------------------------------


@needs_corpus
def test_one_region_of_seven_is_postponed() -> None:
    drafts = events(read(capture(HTML)), read(capture(MAY)), datetime(2026, 5, 15, tzinfo=UTC))
    sonnet = [
        (draft.kind, draft.fact.region)
        for draft in drafts
        if draft.fact and draft.fact.model == SONNET
    ]
    [moved] = [draft for draft in drafts if draft.kind == "retirement.postponed"]
    assert "in eu-central-2: postponed by 92 days, 2026-03-01 -> 2026-06-01" in moved.summary
    assert ("retirement.announced", "us-gov-east-1, us-gov-west-1") in sonnet
    assert not [kind for kind, _ in sonnet if kind == "retirement.withdrawn"]
    assert not [draft for draft in drafts if draft.kind == "retirement.withdrawn"]


@needs_corpus
def test_a_row_that_leaves_or_turns_eol_is_over() -> None:
    drafts = events(read(capture(MAY)), read(capture(OCTOBER)), datetime(2026, 10, 15, tzinfo=UTC))
    kinds = {draft.fact.model: draft.kind for draft in drafts if draft.fact}
    assert kinds["amazon.nova-premier-v1:0"] == "retirement.completed"  # left
    assert kinds["amazon.nova-sonic-v1:0"] == "retirement.completed"  # kept, as reached
    assert kinds["anthropic.claude-opus-4-1-20250805-v1:0"] == "retirement.announced"
    assert set(kinds.values()) == {"retirement.completed", "retirement.announced"}


NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROW = Retirement(
    model="a.b-v1:0", region="eu-west-1, us-east-1", stage="legacy", retires=When("2026-09-01")
)


def cut(*groups: tuple[str, str]) -> list[Fact]:
    return [replace(ROW, region=region, retires=When(date)) for region, date in groups]


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        (cut(("eu-west-1", "2026-09-01"), ("us-east-1", "2026-09-01")), []),
        (
            cut(("eu-west-1, us-east-1, us-west-2", "2026-09-01")),
            [("retirement.announced", "us-west-2")],
        ),
        (cut(("eu-west-1", "2026-09-01")), [("model.unlisted", "us-east-1")]),
        (
            cut(("eu-west-1", "2026-08-01"), ("us-east-1, us-west-2", "2026-10-01")),
            [
                ("retirement.advanced", "eu-west-1"),
                ("retirement.postponed", "us-east-1"),
                ("retirement.announced", "us-west-2"),
            ],
        ),
        (
            cut(("ap-south-1", "2026-09-01")),
            [("retirement.announced", "ap-south-1"), ("model.unlisted", "eu-west-1, us-east-1")],
        ),
    ],
)
def test_regions_cut_anew(after: list[Fact], kinds: list[tuple[str, str]]) -> None:
    assert [
        (draft.kind, draft.fact.region) for draft in events([ROW], after, NOW) if draft.fact
    ] == kinds


def test_regions_settle_together() -> None:
    after = cut(("eu-west-1", "2026-09-01"), ("us-east-1", "2026-10-01"))
    first = settle(snapshot([ROW]), snapshot(after), [], [], NOW)
    assert (first.changes, len(first.pending)) == ([], 3)
    second = settle(snapshot([ROW]), snapshot(after), first.pending, [], NOW)
    assert (len(second.changes), second.pending) == (3, [])


# --- history
# -----------------------------------------------------------------------------------------------


def test_history_names_models() -> None:
    notices = REGISTRY["bedrock.history"].read(fixture("history.xml"))
    assert [(fact.title, fact.models) for fact in notices if isinstance(fact, Notice)] == [
        ("Lifecycle policy for new models", ()),
        ("New model", ("anthropic.claude-sonnet-4-5-20250929-v1:0",)),
    ]
