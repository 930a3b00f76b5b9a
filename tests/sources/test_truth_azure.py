"""Azure's pages as captured: every row of the truth, every change between captures, and what must
stay silent.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Retirement
from monitor.core.guards import check
from monitor.core.interpret import interpret
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

FOLDERS = {
    "openai-model-retirements-md-excerpt": "azure.retirements",
    "openai-retirement-table-include-md": "azure.retirements",
    "foundry-retirement-schedule-include": "azure.retirements",
    "foundry-model-lifecycle-html": "azure.partners",
}
MARCH, JUNE = (
    "azure/openai-model-retirements-md-excerpt",
    "azure/openai-retirement-table-include-md",
)
SCHEDULE = REGISTRY["azure.retirements"]


def read(name: str) -> dict[str, Fact]:
    return snapshot(REGISTRY[FOLDERS[name.split("/")[1]]].read(capture(name)))


def fixture(case: str) -> str:
    return (FIXTURES / "azure" / case).read_text(encoding="utf-8")


def ends(page: str) -> dict[tuple[str, str, str], Retirement]:
    facts = SCHEDULE.read(page.encode())
    return {
        (fact.model, fact.version, fact.surface): fact
        for fact in facts
        if isinstance(fact, Retirement)
    }


def values(page: str) -> dict[str, tuple[object, ...]]:
    return {fact.key: fact.value for fact in SCHEDULE.read(page.encode())}


def of(facts: dict[str, Fact], model: str, version: str) -> Retirement:
    [fact] = [
        f for f in facts.values() if (f.model, f.version, f.surface) == (model, version, "api")
    ]
    assert isinstance(fact, Retirement)
    return fact


def printed(cell: str) -> tuple[str, str]:
    """The last date of a cell and its bound: another way than the adapter's."""
    *_, match = re.finditer(r"(No earlier than )?(\w+ \d+, \d{4}|\d{4}-\d\d-\d\d)", cell)
    day = (
        match[2]
        if match[2][:4].isdigit()
        else datetime.strptime(match[2], "%B %d, %Y").date().isoformat()  # noqa: DTZ007
    )
    return day, "not_before" if match[1] else "on"


def end(fact: Retirement) -> tuple[str, str]:
    assert fact.retires
    return fact.retires.text, fact.retires.bound


# --- truth
# -------------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_retirements.csv", {"Azure Foundry": 16, "Azure OpenAI": 10})
    ],
)
def test_every_row(row: dict[str, str]) -> None:
    fact = of(read(row["capture file"]), row["model"], row["version / id"].strip("—"))
    assert end(fact) == printed(row["retirement as printed"])
    earlier = row["announced / earlier stage (as printed)"]
    if lifecycle := re.search(r"lifecycle (\w+)", earlier):
        assert fact.term == lifecycle[1]
    if deprecation := re.search(r"Deprecation (.+)", earlier):
        assert fact.deprecated
        assert fact.deprecated.text == printed(deprecation[1])[0]
    else:
        assert fact.deprecated is None
    if (legacy := re.search(r"Legacy (.+?) /", earlier)) and legacy[1] != "N/A":
        assert fact.note == f"legacy from {printed(legacy[1])[0]}"
    replacement = re.sub(r" version: `[\d-]+`|`", "", row["replacement as printed"])
    assert fact.replacements == tuple(
        name for name in replacement.split(" or ") if name not in ("", "—", "N/A")
    )


#: The truth calls it postponed by 12 days. A floor became a date: that is announced, which says
#: more.
ANNOUNCED = {"gpt-4.5-preview"}


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['model']}-{row['version']}-{row['after_file'][-13:-3]}")
        for row in truth("platforms_retirement_changes.csv", {"Azure OpenAI": 15})
    ],
)
def test_every_change(row: dict[str, str]) -> None:
    before, after = read(row["before_file"]), read(row["after_file"])
    old, new = of(before, row["model"], row["version"]), of(after, row["model"], row["version"])
    assert (end(old), end(new)) == (printed(row["before"]), printed(row["after"]))
    changes = [change for change in diff(before, after) if change.key == old.key]
    now = datetime.fromisoformat(row["after_file"][-13:-3]).replace(tzinfo=UTC)
    kinds = [draft.kind for draft in interpret(SCHEDULE, changes, now)]
    if row["kind"].startswith("wording only"):
        assert not kinds
        return
    moved = re.fullmatch(r"postponed (\d+) d", row["kind"])
    assert moved
    assert old.retires
    assert new.retires
    assert new.retires.starts - old.retires.starts == timedelta(days=int(moved[1]))
    assert kinds[0] == (
        "retirement.announced" if row["model"] in ANNOUNCED else "retirement.postponed"
    )
    assert set(kinds[1:]) <= {"replacement.changed"}


# --- whole pages
# -------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    "name",
    [
        f"azure/{folder}/{path.name}"
        for folder in FOLDERS
        for path in sorted((CORPUS / "azure" / folder).glob("*"))
    ],
)
def test_every_capture_is_read(name: str) -> None:
    assert len(read(name)) > 30


@needs_corpus
def test_schedule_of_july_2026() -> None:
    facts = [
        f
        for f in read("azure/foundry-retirement-schedule-include/2026-07-07.md").values()
        if isinstance(f, Retirement)
    ]
    plain = [fact.stage for fact in facts if fact.surface == "api"]
    assert Counter(plain) == {"active": 117, "deprecated": 22, "legacy": 5, "retired": 12}
    assert sum(fact.retires is None for fact in facts) == 32
    tuned = {(f.model, f.surface): end(f) for f in facts if f.surface != "api"}
    assert len(tuned) == 12
    assert tuned["gpt-4o", "fine-tuning-training"] == ("2027-04-01", "not_before")
    assert tuned["gpt-4o", "fine-tuning"] == ("2027-10-01", "on")


@needs_corpus
def test_two_models_in_a_cell_and_two_dates_in_a_cell() -> None:
    facts = read(f"{MARCH}/2025-03-12.md")
    assert (
        end(of(facts, "gpt-4", "0314"))
        == end(of(facts, "gpt-4-32k", "0314"))
        == ("2025-06-06", "on")
    )
    realtime = of(facts, "gpt-4o-realtime-preview", "2024-10-01")
    assert str(realtime.deprecated) == "2025-02-25"
    assert end(realtime) == ("2025-03-26", "not_before")
    assert realtime.replacements == (
        "gpt-4o-realtime-preview (2024-12-17)",
        "gpt-4o-mini-realtime-preview",
    )
    assert of(facts, "gpt-35-turbo", "0301").term == "Deprecated"


# --- what must be silent, and what must not
# ----------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    ("one", "other"), [("2025-03-19", "2025-03-27"), ("2025-03-27", "2025-04-10")]
)
def test_upgrades_in_place_are_small_print(one: str, other: str) -> None:
    assert not diff(read(f"{MARCH}/{one}.md"), read(f"{MARCH}/{other}.md"))


@needs_corpus
def test_a_floor_that_becomes_firm_and_a_floor_again() -> None:
    """gpt-35-turbo 0125 in April and May 2025: the same day, told with another certainty."""
    name = '["retirement", "gpt-4o-mini", "2024-07-18", "", "api"]'
    firm, floor = (read(f"{MARCH}/{day}.md") for day in ("2025-05-08", "2025-05-23"))
    for before, after, kind in (
        (firm, floor, "retirement.changed"),
        (floor, firm, "retirement.announced"),
    ):
        [change] = [change for change in diff(before, after) if change.key == name]
        assert [
            draft.kind for draft in interpret(SCHEDULE, [change], datetime(2025, 5, 23, tzinfo=UTC))
        ] == [kind]


@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        ("retirements.2025-03.md", "April, 30, 2025", "April 30, 2025"),
        ("retirements.2025-03.md", "April, 30, 2025", "April  30, 2025"),
        ("retirements.2025-03.md", "April 02, 2025", "April 2, 2025"),
        ("retirements.2025-03.md", "May 31, 2025 |  |", "2025-05-31 | |"),
        ("retirements.2025-03.md", "Suggested replacements", "Replacement model"),
        (
            "retirements.2025-03.md",
            "| No earlier than April 11, 2026 |",
            "| No earlier than April 11, 2026 | |",
        ),
        ("retirements.2025-06.md", " version: `2025-04-14`", ""),
        ("retirements.2025-06.md", "No Auto-upgrades <br>", ""),
        ("retirements.2026-01.html", "Generally Available", "GA"),
        ("retirements.2026-01.html", "Lifecycle Status", "Lifecycle"),
        (
            "retirements.2026-01.html",
            "No retirement scheduled. Will not retire before",
            "No earlier than",
        ),
        ("retirements.md", "^1^", "<sup>1</sup>"),
        ("retirements.md", "—", ""),
        ("retirements.md", "| --- |", "|-----|"),
        ("retirements.md", "updated_at: 2026-09-02", "updated_at: 2026-09-03"),
    ],
)
def test_wording_is_no_change(case: str, old: str, new: str) -> None:
    page = fixture(case)
    assert old in page
    assert values(page.replace(old, new)) == values(page)


def test_contradicting_rows_give_the_earlier_end_in_any_order() -> None:
    page = fixture("retirements.md")
    later, earlier = (
        f"| gpt-realtime-mini | 2025-10-06 | GA | {day} | — |\n"
        for day in ("2027-04-06", "2026-09-21")
    )
    assert later + earlier in page
    turned = page.replace(later + earlier, earlier + later)
    for text in (page, turned):
        fact = ends(text)["gpt-realtime-mini", "2025-10-06", "api"]
        assert end(fact) == ("2026-09-21", "on")
        assert fact.note == "conflict: gpt-realtime-mini | 2025-10-06 | GA | 2027-04-06 | -"
    assert values(page) == values(turned)
    undated = page.replace("| GA | 2027-04-06 |", "| GA | — |")
    assert end(ends(undated)["gpt-realtime-mini", "2025-10-06", "api"]) == ("2026-09-21", "on")


def test_a_row_printed_twice_is_one_without_a_conflict() -> None:
    assert (
        ends(fixture("retirements.2025-06.md"))["gpt-4o-audio-preview", "2024-12-17", "api"].note
        == ""
    )


def test_two_ends_by_type_of_deployment() -> None:
    """``api`` goes on for all other types, so that it moves when the exception comes, and stays
    when that is over.
    """
    page = fixture("retirements.2026-01.html")
    facts = ends(page)
    assert end(facts["gpt-4o", "2024-05-13", "standard"]) == ("2026-03-31", "on")
    assert end(facts["gpt-4o", "2024-05-13", "api"]) == ("2026-10-01", "on")
    assert ("gpt-4o", "2024-11-20", "standard") not in facts
    plain = re.sub(r"Standard deployment.*?2026-10-01</strong> \.", "2026-10-01", page)
    [change] = diff(snapshot(SCHEDULE.read(plain.encode())), snapshot(SCHEDULE.read(page.encode())))
    assert change.fact.surface == "standard"


def test_a_model_comes_back_from_deprecated() -> None:
    page = fixture("retirements.md")
    before = page.replace("| Legacy | 2026-10-14", "| Deprecated | 2026-10-14")
    [change] = diff(
        snapshot(SCHEDULE.read(before.encode())), snapshot(SCHEDULE.read(page.encode()))
    )
    [draft] = interpret(SCHEDULE, [change], datetime(2026, 9, 2, tzinfo=UTC))
    assert (draft.kind, draft.summary.partition(": ")[2]) == (
        "retirement.changed",
        "Legacy, was Deprecated",
    )


def test_a_page_that_lost_its_models_is_doubted() -> None:
    """December 2025: versions were taken for models, 61 rows became 33, and every key was new."""
    page = fixture("retirements.md")
    current = snapshot(SCHEDULE.read(page.encode()))
    shifted = (
        page.replace("| gpt-", "| 2025-").replace("| Cohere", "| 1-").replace("| DeepSeek", "| 2-")
    )
    assert check(
        current, snapshot(SCHEDULE.read(shifted.encode())), datetime(2026, 9, 2, tzinfo=UTC)
    )


# --- refused
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "old", "new", "message"),
    [
        ("retirements.md", "| Lifecycle |", "| State |", "unknown column 'State'"),
        ("retirements.md", "| Replacement |", "| Instead |", "no known layout"),
        (
            "retirements.md",
            "| Legacy |",
            "| Deprecating |",
            "unknown lifecycle word: 'Deprecating'",
        ),
        ("retirements.md", "| 2026-10-14 |", "| autumn |", "no date form known: 'autumn'"),
        ("retirements.md", "| 001 |", "| 001, 002 |", "no version: '001, 002'"),
        ("retirements.md", "gpt-image-1 |", "gpt-image-1, dall-e-3 |", "no model's name"),
        ("retirements.md", "| gpt-5.1 |", "| gpt-5.1 [soon] |", "no replacement"),
        ("retirements.md", "| gpt-5.1 |", "|", "4 cells under 5 columns"),
        (
            "retirements.md",
            "Plan ahead.",
            "<table><tr><td>o1</td></tr></table>",
            "an HTML table within Markdown",
        ),
        (
            "retirements.2025-03.md",
            "Retirement date: April 02",
            "May 1, 2025 <br>Retirement date: April 02",
            "more than",
        ),
        (
            "retirements.2025-03.md",
            "## Deprecated models",
            "## Departed models",
            "unknown lifecycle word: 'Departed'",
        ),
        ("retirements.2025-06.md", "At training retirement", "When we like", "no date form known"),
        (
            "retirements.2026-01.html",
            "<strong>2026-10-01</strong> .",
            "open .",
            "no date form known",
        ),
    ],
)
def test_what_is_not_known_is_refused(case: str, old: str, new: str, message: str) -> None:
    page = fixture(case)
    assert old in page
    with pytest.raises(Unreadable, match=re.escape(message)):
        SCHEDULE.read(page.replace(old, new).encode())


def test_a_page_without_any_lifecycle_is_none_of_2025() -> None:
    page = fixture("retirements.md")
    without = re.sub(
        r"^(\|[^|]*\|[^|]*)\|[^|]*(?=\|[^|]*\|[^|]*\|$)", r"\1", page, flags=re.MULTILINE
    )
    assert "Lifecycle" not in without
    with pytest.raises(
        Unreadable, match="table 1 under 'Azure OpenAI': no column for the lifecycle"
    ):
        SCHEDULE.read(without.encode())


def test_a_partner_of_no_name_is_refused() -> None:
    with pytest.raises(Unreadable, match="no model's name"):
        REGISTRY["azure.partners"].read(
            fixture("partners.html").replace("Jamba Instruct", "Jamba, or Instruct").encode()
        )
