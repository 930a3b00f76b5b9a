"""DeepSeek as captured: a price rise in three stages, narrowed peak hours, and ends told in
sentences.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Notice, Price, Retirement
from monitor.core.guards import check
from monitor.core.interpret import Draft, interpret
from monitor.core.settle import settle
from monitor.errors import Unreadable
from monitor.reading.dates import when
from monitor.reading.source import REGISTRY, Source
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

PRICING, UPDATES = REGISTRY["deepseek.pricing"], REGISTRY["deepseek.updates"]
#: The pages in Chinese (prices in CNY) and of the API's reference are of no source.
FOLDERS = {
    "pricing-md": PRICING,
    "updates-md": UPDATES,
    "updates-html2md": UPDATES,
    "news-news250821-md": UPDATES,
    "news-news250929-md": UPDATES,
    "news-news260424-md": UPDATES,
    "news-news260813-md": UPDATES,
}
RISE = "2026-08-16T16:00Z"


def read(name: str) -> dict[str, Fact]:
    return snapshot(FOLDERS[name.split("/")[0]].read(capture(f"deepseek/{name}")))


def fixture(case: str, old: str = "", new: str = "") -> dict[str, Fact]:
    page = (FIXTURES / "deepseek" / case).read_text(encoding="utf-8")
    assert old in page
    return snapshot(
        REGISTRY[f"deepseek.{case.split('.')[0]}"].read(page.replace(old, new).encode())
    )


def amounts(facts: dict[str, Fact], window: str = "") -> dict[tuple[str, str], str]:
    """Amounts by model and meter in one window of the day."""
    prices = [fact for fact in facts.values() if isinstance(fact, Price) and fact.window == window]
    return {(price.model, price.meter): f"{price.amount:f}" for price in prices}


def ends(facts: dict[str, Fact]) -> dict[str, Retirement]:
    return {fact.model: fact for fact in facts.values() if isinstance(fact, Retirement)}


def titles(facts: dict[str, Fact]) -> list[str]:
    return [fact.title for fact in facts.values() if isinstance(fact, Notice)]


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def events(before: dict[str, Fact], after: dict[str, Fact], day: str) -> list[Draft]:
    """The events of a change that two polls confirm; the page must not be doubted."""
    assert check(before, after, at(day)) is None
    first = settle(before, after, [], [], at(day))
    second = settle(before, after, first.pending, [], at(day))
    assert not second.pending
    return interpret(PRICING, second.changes, at(day))


# --- truth
# -------------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_prices.csv", {"DeepSeek": 8})
    ],
)
def test_every_price(row: dict[str, str]) -> None:
    meters = {
        "input tokens (cache hit)": "cached_input",
        "input tokens (cache miss)": "input",
        "output tokens": "output",
    }
    words, _, window = re.fullmatch(
        r"(.+?)( "
        r"(OFF-PEAK|PEAK))?",
        row["dimension"],
    ).groups()  # type: ignore[union-attr]
    prices = amounts(read(row["capture file"].removeprefix("deepseek/")), (window or "").lower())
    assert f"${prices[row['model'], meters[words]]}" == row["value as printed"]


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row["model"])
        for row in truth("platforms_retirements.csv", {"DeepSeek": 2})
    ],
)
def test_every_end(row: dict[str, str]) -> None:
    fact = ends(read(row["capture file"].removeprefix("deepseek/")))[row["model"]]
    assert fact.retires == when(row["retirement as printed"])
    assert str(fact.retires) == "2026-07-24T15:59Z"  # 23:59 of the same day in China
    assert str(fact.announced) == row["announced / earlier stage (as printed)"].split()[0]
    assert fact.replacements == (row["replacement as printed"].split()[0],)
    assert (fact.stage, fact.term) == ("deprecated", "retired")


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [
        f"{folder}/{path.name}"
        for folder in FOLDERS
        for path in sorted((CORPUS / "deepseek" / folder).glob("*"))
    ],
)
def test_every_capture_is_read(name: str) -> None:
    facts = read(name)
    if name.startswith("pricing"):
        assert Counter(fact.window for fact in facts.values() if isinstance(fact, Price)) in (
            {"": 6},
            {"": 6, "peak": 6, "off-peak": 6},
            {"peak": 9, "off-peak": 9},
        )
    if name.startswith("updates"):
        assert len(titles(facts)) == (19 if "08-02" in name else 20)
        assert {model: str(fact.retires) for model, fact in ends(facts).items()} == {
            "deepseek-chat": "2026-07-24",
            "deepseek-reasoner": "2026-07-24",
            "DeepSeek-V3.2-Speciale": "2025-12-15T15:59Z",
        }


# --- the price rise
# ----------------------------------------------------------------------------------------


@needs_corpus
def test_three_stages_of_a_price_rise() -> None:
    now, warned, unchanged, announced = (
        read(f"pricing-md/2026-08-{day}.md") for day in ("02", "08", "12", "13")
    )
    assert [draft.kind for draft in events(now, warned, "2026-08-08")] == ["notice.published"]
    assert not events(warned, unchanged, "2026-08-12")  # a footnote got another number
    kinds = Counter(draft.kind for draft in events(unchanged, announced, "2026-08-13"))
    assert kinds == {"price.scheduled": 12, "price.changed": 6, "notice.published": 1}
    assert amounts(announced) == amounts(now)
    assert amounts(announced, "peak")["deepseek-v4-pro", "output"] == "3.96"
    for fact in announced.values():
        if isinstance(fact, Price):
            assert (str(fact.starts), str(fact.ends)) == (
                (RISE, "None") if fact.window else ("None", RISE)
            )
    later = read("pricing-md/2026-09-10.md")
    assert amounts(later, "peak").items() >= amounts(announced, "peak").items()
    drafts = events(announced, later, "2026-09-10")
    assert Counter(draft.kind for draft in drafts) == {"price.added": 6, "notice.published": 1}
    assert {draft.fact.model for draft in drafts if isinstance(draft.fact, Price)} == {
        "deepseek-v4-flash-vision-exp"
    }


def test_the_rise_itself_is_no_news_after_it_was_announced() -> None:
    """The table as it was from August 17: two models, the same hours."""
    announced, switched = fixture("pricing.announced.md"), fixture("pricing.page.html")
    assert not events(announced, switched, "2026-08-17")


def test_a_rise_that_is_called_off() -> None:
    announced = fixture("pricing.announced.md")
    kinds = Counter(
        draft.kind for draft in events(fixture("pricing.flat.md"), announced, "2026-08-13")
    )
    assert kinds["price.scheduled"] == 12
    back = interpret(PRICING, diff(announced, fixture("pricing.flat.md")), at("2026-08-14"))
    kinds = Counter(draft.kind for draft in back)
    assert (kinds["price.unscheduled"], kinds["price.changed"]) == (12, 6)


def test_narrowed_peak_hours_are_news_though_no_number_changes() -> None:
    before = fixture("pricing.md", ", Monday through Friday", "")
    after = fixture("pricing.md")
    [draft] = events(before, after, "2026-09-10")
    assert draft.kind == "notice.published"
    assert (
        draft.summary
        == "deepseek: Peak hours: 01:00 - 04:00 and 06:00 - 10:00 UTC, Monday through Friday"
    )
    assert amounts(before, "peak") == amounts(after, "peak")


def test_html_with_spans_says_what_markdown_says() -> None:
    html, markdown = fixture("pricing.page.html"), fixture("pricing.md")
    for window in ("peak", "off-peak"):
        assert amounts(html, window).items() <= amounts(markdown, window).items()
        assert len(amounts(html, window)) == 6


@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        ("pricing.flat.md", "PRICING(2)", "PRICING"),
        ("pricing.flat.md", "DeepSeek-V4-Pro |", "DeepSeek-V4-Pro-0813 |"),
        ("pricing.flat.md", "| MAX OUTPUT | | MAXIMUM: 384K | |\n", ""),
        ("pricing.announced.md", "Prices will depend on", "The prices then depend on"),
        ("pricing.md", "(1) Half price off-peak.", "(1) Off-peak costs half."),
        ("pricing.page.html", "<tbody>", '<tbody class="x">'),
        ("updates.md", "A new version of it", "Another version"),
        ("updates.md", "after three months", "in three months"),
        ("updates.md", "(quick_start/pricing.md)", "(/quick%5Fstart/pricing)"),
    ],
)
def test_wording_is_no_change(case: str, old: str, new: str) -> None:
    assert not diff(fixture(case), fixture(case, old, new))


@pytest.mark.parametrize(
    ("case", "old", "new", "message"),
    [
        ("pricing.flat.md", "| 1M OUTPUT TOKENS | $0.28 | $0.87 |\n", "", "a price row is missing"),
        ("pricing.flat.md", "1M OUTPUT TOKENS", "1M REASONING TOKENS", "no price row known"),
        ("pricing.flat.md", "| $0.28 | $0.87 |", "| $0.28 |", "table 1"),
        ("pricing.flat.md", "| MODEL |", "| MODELS |", "table 1: does not begin with its models"),
        (
            "pricing.flat.md",
            "deepseek-v4-pro |",
            "DeepSeek V4 Pro |",
            "table 1: neither models nor meters",
        ),
        ("pricing.flat.md", "$0.87", "$0.87 / 1M characters?", "unknown unit"),
        ("pricing.md", "| PEAK | $0.44 | $1.32 | $0.44 |\n", "", "a price row is missing"),
        ("pricing.md", "| PEAK | $0.44", "| NIGHT | $0.44", "no price row known"),
        (
            "pricing.announced.md",
            "take effect at 16:00 UTC on August 16, 2026, as",
            "come as",
            "without the time",
        ),
        (
            "pricing.announced.md",
            "## Deduction Rules",
            "| Model |\n|---|\n| x |\n## Rules",
            "table 3: does not",
        ),
        ("pricing.announced.md", "August 16, 2026", "Smarch 16, 2026", "no date form known"),
        (
            "pricing.announced.md",
            "| deepseek-v4-pro | OFF-PEAK",
            "| OFF-PEAK",
            "a price row is missing or printed twice",
        ),
        ("updates.md", "(2026-07-24)", "(2026-07-24 or 2026-08-24)", "more than one date"),
        ("updates.md", " (2026-07-24)", "", "no readable date of a retirement"),
        (
            "updates.md",
            "A new version of it answers under `deepseek-v4-pro`.",
            "`deepseek-chat` has been discontinued on Smarch 45th, 20x6.",
            "no readable date of a retirement",
        ),
        (
            "updates.md",
            "15:59 (UTC Time)",
            "3 p.m. (UTC Time)",
            "no readable end of a temporary address",
        ),
        (
            "updates.news.md",
            "until Oct 15th, 2025, 15:59 (UTC Time)",
            "for now",
            "no readable end of a temporary address",
        ),
        ("updates.md", "## Date: 2026-04-24", "## 24 April", "neither a day nor an entry"),
        ("updates.md", "## Date: 2026-08-13", "## Version 4", "an entry before any day"),
    ],
)
def test_what_is_not_known_is_refused(case: str, old: str, new: str, message: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(message)):
        fixture(case, old, new)


@pytest.mark.parametrize("source", [PRICING, UPDATES], ids=["pricing", "updates"])
@pytest.mark.parametrize(
    "body",
    [
        b'<!doctype html><html><head><title>DeepSeek</title></head><body><div id="root"></div>'
        b"</body></html>",
        b"<!doctype html><html><body><h1>Your First API Call</h1><p>deepseek-v4-flash, "
        b"DeepSeek-V4 MODEL</p></body></html>",
    ],
)
def test_another_page_answered_with_200_is_refused(source: Source, body: bytes) -> None:
    with pytest.raises(Unreadable):
        source.read(body)


# --- ends
# --------------------------------------------------------------------------------------------------


def test_an_end_is_told_in_a_sentence() -> None:
    fact = ends(fixture("updates.page.html"))["deepseek-chat"]
    assert (str(fact.announced), str(fact.retires), fact.term) == (
        "2026-04-24",
        "2026-07-24",
        "discontinued",
    )
    assert fact.replacements == ("deepseek-v4-flash",)
    temporary = ends(fixture("updates.news.md"))["V3.1-Terminus"]
    assert (temporary.surface, str(temporary.retires)) == ("endpoint", "2025-10-15T15:59Z")


def test_text_right_under_a_day_is_an_entry() -> None:
    assert "A new version of it answers under deepseek-v4-pro." in titles(
        fixture("updates.md", "### DeepSeek-V4-Pro Update\n", "")
    )


def test_a_later_entry_about_the_same_end_counts() -> None:
    entry = "A new version of it answers under `deepseek-v4-pro`."
    gone = ends(fixture("updates.md", entry, "`deepseek-chat` has been discontinued."))[
        "deepseek-chat"
    ]
    assert (gone.stage, str(gone.retires), str(gone.announced)) == (
        "retired",
        "2026-07-24",
        "2026-04-24",
    )
    moved = ends(
        fixture("updates.md", entry, "`deepseek-chat` will be discontinued on 2026-09-24.")
    )["deepseek-chat"]
    assert (str(moved.retires), str(moved.announced)) == ("2026-09-24", "2026-08-13")
    assert moved.note == "Announced before: 2026-07-24."


def test_amounts_are_exact() -> None:
    amounts = [
        fact.amount for fact in fixture("pricing.flat.md").values() if isinstance(fact, Price)
    ]
    assert Decimal("0.003625") in amounts
