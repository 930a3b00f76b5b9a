"""Mistral's pages as captured: every row of the truth, every change of it, the silent pairs, the
year 2525.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Listing, Price, Retirement, When
from monitor.core.guards import check
from monitor.core.interpret import Draft, interpret
from monitor.core.settle import settle
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

MODELS, API = REGISTRY["mistral.models"], REGISTRY["mistral.api"]
FOLDERS = ("models-overview-md", "models-page-html2md", "models-schema-ts-bundle")
BUNDLE = "mistral/models-schema-ts-bundle/{}.ts.txt"
#: Not read: the changelog (folders changelog-mdx, changelog-entries-bundle) has no source. The rows
#: of the price truth under LiteLLM and models.dev that name Mistral's models are theirs.


def fixture(name: str) -> str:
    return (FIXTURES / "mistral" / name).read_text(encoding="utf-8")


def ends(body: bytes) -> dict[str, Retirement]:
    return {fact.model: fact for fact in MODELS.read(body) if isinstance(fact, Retirement)}


def events(before: str, after: str) -> list[Draft]:
    """The events between two captures, on the day of the later one."""
    now = datetime.fromisoformat(after).replace(tzinfo=UTC)
    changes = diff(*(snapshot(MODELS.read(capture(BUNDLE.format(day)))) for day in (before, after)))
    return interpret(MODELS, changes, now)


# --- truth
# -------------------------------------------------------------------------------------------------


def day(printed: str) -> str:
    """Any of the printed forms as a date text: another way than the adapter's."""
    if "/" in printed:
        first, second, third = (int(part) for part in printed.split("/"))
        return (
            f"{first}-{second:02}-{third:02}" if first > 12 else f"{third}-{first:02}-{second:02}"
        )
    if re.match(r"\d", printed):
        return printed
    return datetime.strptime(printed, "%B %d, %Y").strftime("%Y-%m-%d")  # noqa: DTZ007


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_retirements.csv", {"Mistral": 17})
    ],
)
def test_every_row_of_the_retirements(row: dict[str, str]) -> None:
    fact = ends(capture(row["capture file"]))[row["version / id"]]
    assert fact.deprecated == When(day(row["announced / earlier stage (as printed)"]))
    assert fact.retires == When(day(row["retirement as printed"]))
    assert fact.replacements == (row["replacement as printed"].strip("`"),)
    assert re.search(rf"(?:^|/ ){re.escape(row['model'])} ", fact.quote)


PER = {
    "/M Tokens": "1M tokens",
    "/1000 Pages": "1K pages",
    "/1000 Annotated Pages": "1K pages",
    "/Min": "minute",
}


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_prices.csv", {"Mistral": 7})
    ],
)
def test_every_row_of_the_prices(row: dict[str, str]) -> None:
    facts = [fact for fact in MODELS.read(capture(row["capture file"])) if isinstance(fact, Price)]
    prices = [
        fact for fact in facts if fact.quote.startswith(f"{row['model']}:")
    ]  # the truth names files
    expected = []
    for item in row["value as printed"].split("; "):
        usd, eur, unit = re.fullmatch(
            r"([\d.]+) \(EUR ([\d.]+)\) "
            r"(/.+)",
            item,
        ).groups()  # type: ignore[union-attr]
        expected += [(usd, "USD", PER[unit]), (eur, "EUR", PER[unit])]
    assert [(str(fact.amount), fact.currency, fact.per) for fact in prices] == expected
    assert len({fact.key for fact in prices}) == len(prices)


def identifier(file: str, name: str) -> str:
    """The first id in a model's file, found without the adapter."""
    part = capture(file).decode().partition(f"/{name} =====")[2]
    return re.search(r"apiNames:\s*\[\s*'([^']+)'", part)[1]  # type: ignore[index]


KINDS = {"EARLIER": "retirement.advanced", "date": "retirement.announced"}


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['model']}-{row['kind']}")
        for row in truth("platforms_retirement_changes.csv", {"Mistral": 18})
    ],
)
def test_every_change_of_the_truth(row: dict[str, str]) -> None:
    model = identifier(row["after_file"], row["model"])
    before, after = (
        row[side].split("/")[-1].removesuffix(".ts.txt") for side in ("before_file", "after_file")
    )
    [draft] = [
        draft
        for draft in events(before, after)
        if draft.kind.startswith("retirement.") and draft.fact and draft.fact.model == model
    ]
    assert draft.kind == KINDS[row["kind"].split()[0]]
    assert draft.effective == When(day(row["after"]))
    assert isinstance(draft.before, Retirement) == (row["before"] != "None")
    if isinstance(draft.before, Retirement):
        assert draft.before.retires == When(day(row["before"]))


# --- pairs
# -------------------------------------------------------------------------------------------------


@needs_corpus
def test_a_rewrite_of_dates_is_no_event() -> None:
    """2025-12-02 to 2026-05-29: 25 past dates turn from words to ISO; only the new ones are
    told.
    """
    before, after = (ends(capture(BUNDLE.format(day))) for day in ("2025-12-02", "2026-05-29"))
    dated = {model: fact for model, fact in before.items() if fact.retires}
    assert len(dated) == 24  # two of the files share open-mistral-7b
    assert all(after[model].retires == fact.retires for model, fact in dated.items())
    drafts = events("2025-12-02", "2026-05-29")
    assert not {draft.kind for draft in drafts} & {"retirement.advanced", "retirement.postponed"}
    announced = {
        draft.fact.model for draft in drafts if draft.fact and draft.kind == "retirement.announced"
    }
    assert not announced & dated.keys()


@needs_corpus
@pytest.mark.parametrize(
    ("before", "after"), [("2026-05-29", "2026-06-12"), ("2026-08-13", "2026-08-21")]
)
def test_silent_pairs(before: str, after: str) -> None:
    assert [draft for draft in events(before, after) if draft.kind.startswith("retirement.")] == []
    if before == "2026-08-13":
        assert events(before, after) == []


@needs_corpus
def test_dates_withdrawn_for_a_week_wait_for_a_second_look() -> None:
    """Six models lost their dates on 2026-06-04 and had them back on 2026-06-12. No capture is from
    between; here the page of 2026-05-29 without the dates of six models stands for it."""
    page = capture(BUNDLE.format("2026-05-29")).decode()
    six = (
        "mistral-medium-2505",
        "mistral-medium-2508",
        "magistral-medium-2509",
        "devstral-2512",
        "labs-leanstral-2603",
        "open-mistral-nemo-2407",
    )
    parts = page.split("// ===== ")
    for number, part in enumerate(parts):
        if any(f"apiNames: ['{model}'" in part for model in six):
            part = re.sub(r"metadata: ?\{.*?\}", "metadata: {}", part, flags=re.DOTALL)
            parts[number] = part.replace("status: 'Deprecated'", "status: 'Active'")
    current, without = (
        snapshot(MODELS.read(page.encode())),
        snapshot(MODELS.read("// ===== ".join(parts).encode())),
    )
    gone, back = datetime(2026, 6, 4, tzinfo=UTC), datetime(2026, 6, 12, tzinfo=UTC)
    first = settle(current, without, [], [], gone)
    assert (first.changes, len(first.pending)) == ([], 6)
    assert (
        settle(current, current, first.pending, [], gone).changes == []
    )  # back at the next poll: nothing happened
    second = settle(current, without, first.pending, [], gone)  # still gone: withdrawn, once each
    drafts = interpret(MODELS, second.changes, gone)
    assert [draft.kind for draft in drafts] == ["retirement.withdrawn"] * 6
    poll = settle(without, current, [], second.recent, back)
    for _ in range(6):  # back again: that takes two days
        poll = settle(without, current, poll.pending, poll.recent, back)
        assert poll.changes == []
    poll = settle(without, current, poll.pending, poll.recent, back)
    assert [draft.kind for draft in interpret(MODELS, poll.changes, back)] == [
        "retirement.announced"
    ] * 6


# --- the year 2525, and other slips
# -------------------------------------------------------------------------


def test_the_year_2525_holds_the_document() -> None:
    facts = snapshot(MODELS.read(fixture("models.2025-10.md").encode()))
    doubt = check({}, facts, datetime(2025, 10, 3, tzinfo=UTC))
    assert doubt
    assert doubt.reason.startswith("open-codestral-mamba: 2525-06-06 is no date of this decade")
    assert doubt.polls is None  # only a person lets it in


@needs_corpus
@pytest.mark.parametrize("name", ["2025-10-01", "2025-10-03"])
def test_the_year_2525_in_the_captures(name: str) -> None:
    facts = MODELS.read(capture(f"mistral/models-overview-md/{name}.md"))
    assert check({}, snapshot(facts), datetime.fromisoformat(name).replace(tzinfo=UTC))
    mended = [
        replace(fact, deprecated=None, retires=None)
        if fact.model == "open-codestral-mamba"
        else fact
        for fact in facts
        if isinstance(fact, Retirement)
    ]
    assert check({}, snapshot(mended), datetime.fromisoformat(name).replace(tzinfo=UTC)) is None


def test_one_id_with_two_ends_is_safe_with_the_sooner() -> None:
    [small] = [
        fact
        for fact in MODELS.read(fixture("models.2025-06.md").encode())
        if fact.model == "mistral-small-2409"
    ]
    assert isinstance(small, Retirement)
    assert (small.retires, small.note) == (When("2025-09-30"), "also stated: retires 2026-01-31")
    turned = fixture("models.2025-06.md").splitlines()
    turned[-1], turned[-2] = turned[-2], turned[-1]
    assert [
        fact.value for fact in MODELS.read("\n".join(turned).encode()) if fact.model == small.model
    ] == [small.value]


# --- whole pages
# -------------------------------------------------------------------------------------------


def captures() -> list[str]:
    return [
        f"mistral/{folder}/{path.name}"
        for folder in FOLDERS
        for path in sorted((CORPUS / "mistral" / folder).glob("*"))
    ]


@needs_corpus
@pytest.mark.parametrize("name", captures())
def test_whole_pages(name: str) -> None:
    facts: list[Fact] = MODELS.read(capture(name))
    assert len(facts) > 10
    if "2024-09-24" not in name:  # it has no dates yet
        assert any(isinstance(fact, Retirement) for fact in facts)
    for fact in facts:
        assert isinstance(fact, Price | Listing | Retirement)
        if isinstance(fact, Price):
            assert fact.amount > 0


@needs_corpus
def test_the_same_ends_in_two_layouts() -> None:
    """The rendered page and the TypeScript of one day: the same models, dates and replacements."""
    page, code = (
        ends(capture(name))
        for name in (f"mistral/{FOLDERS[1]}/2026-08-21.md", BUNDLE.format("2026-08-21"))
    )
    said = {
        model: (fact.deprecated, fact.retires, fact.replacements) for model, fact in page.items()
    }
    ended = {model: fact for model, fact in code.items() if fact.term in ("Deprecated", "Retired")}
    assert said == {
        model: (fact.deprecated, fact.retires, fact.replacements) for model, fact in ended.items()
    }


@needs_corpus
def test_labs_models_and_zero_prices() -> None:
    facts = MODELS.read(capture(BUNDLE.format("2026-08-21")))
    [lean] = [
        fact
        for fact in facts
        if isinstance(fact, Retirement) and fact.model == "labs-leanstral-1-5"
    ]
    assert (lean.stage, lean.deprecated, lean.retires) == ("deprecated", None, When("2026-09-30"))
    assert not [
        fact
        for fact in facts
        if isinstance(fact, Price) and fact.model.startswith("labs-leanstral")
    ]
    assert {fact.model: fact.alias_of for fact in facts if isinstance(fact, Listing)}[
        "voxtral-mini-latest"
    ] == ("voxtral-mini-2602")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("models.md", "| Retirement |", "| Sunset |", "no known layout"),
        ("models.md", "| API  ", "| Name ", "no known layout"),
        ("models.md", "5/22/2026 ", "22/5/2026 ", "not a date"),
        ("models.md", "5/22/2026 ", "summer    ", "no date form known"),
        (
            "models.2025-10.md",
            "currently points to `devstral-small-2507`",
            "currently points to Devstral Small",
            "alias",
        ),
        ("models.2025-10.md", "| 128k |", "| plenty |", "not a number of tokens"),
        (
            "models.2026-08.ts",
            "status: 'GA'",
            "status: 'Beta'",
            "mistral-medium-3-5-26-04.ts: unknown status 'Beta'",
        ),
        ("models.2026-08.ts", "/1000 Pages", "/Page", "unknown unit or label"),
        ("models.2026-08.ts", "label: 'Cached input'", "label: 'Night'", "unknown unit or label"),
        (
            "models.2026-08.ts",
            "price: 1.5,",
            "price: 3 / 2,",
            "an expression where a value is read: '/'",
        ),
        (
            "models.2026-08.ts",
            "retirementDate: '2026-09-30'",
            "retirementDate: 'autumn'",
            "no date form known",
        ),
        ("models.2026-08.ts", "export default {", "export const model = {", "no 'export default'"),
        ("models.2026-08.ts", "identifiers: {", "names: {", "not a model: KeyError: 'identifiers'"),
    ],
)
def test_what_is_not_understood_is_not_skipped(name: str, old: str, new: str, message: str) -> None:
    page = fixture(name)
    assert old in page
    with pytest.raises(Unreadable, match=message):
        MODELS.read(page.replace(old, new).encode())


def test_a_table_without_any_id() -> None:
    page = re.sub(r"\| (?:labs|mistral|voxtral|open)-[\w-]+", "| ", fixture("models.md"))
    with pytest.raises(Unreadable, match="no model of any table has an id"):
        MODELS.read(page.encode() + b"mistral-")


def test_the_rendered_page_as_html() -> None:
    page = """<html><body><h3>Deprecated &amp; retired models</h3><table><thead><tr><th>Model</th><th>Version</th>
    <th>API</th><th>Deprecation</th><th>Retirement</th><th>Alternative</th></tr></thead><tbody><tr>
    <td><a href="/models/ocr-25-03">OCR <span>↗</span></a></td><td>25.03</td><td><code>mistral-ocr-2503</code></td>
    <td>12/2/2025</td><td>12/31/2025</td><td><a href="/models/ocr-4-1">OCR 4.1</a></td></tr></tbody></table></body>"""
    [fact] = MODELS.read(page.encode())
    assert isinstance(fact, Retirement)
    assert (fact.model, fact.retires, fact.replacements) == (
        "mistral-ocr-2503",
        When("2025-12-31"),
        ("OCR 4.1",),
    )


# --- the API
# -----------------------------------------------------------------------------------------------


def test_the_api_lists_aliases_as_aliases_and_leaves_a_customers_models_alone() -> None:
    facts = API.read(fixture("api.json").encode())
    listed = {fact.model: fact.alias_of for fact in facts if isinstance(fact, Listing)}
    assert listed == {
        "mistral-medium-3-5": "",
        "mistral-medium-latest": "mistral-medium-3-5",
        "mistral-medium-2508": "",
        "codestral-2508": "",
    }
    [end] = [fact for fact in facts if isinstance(fact, Retirement)]
    assert (end.model, end.retires) == ("mistral-medium-2508", When("2026-08-31T12:00Z"))
    assert end.replacements == ("mistral-medium-3-5",)
