"""Vertex's pages as captured: every row of the truth, every whole page, what changed when, and what
must stay silent.

All rows of the truth are read as printed but for one difference: a partner model goes by its id,
since the name in the heading was reworded in July 2026; the row's name stands in the quote. The
page of 2026-05-29 (a date that moved for one day) and that of 2026-07-08 (wording only) are not in
the corpus: fixtures stand in for them."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Notice, Price, Retirement
from monitor.core.interpret import interpret
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

FOLDERS = {
    "vertex.versions": "vertex-model-versions",
    "vertex.partners": "vertex-partner-deprecations",
    "vertex.open_models": "vertex-open-model-deprecations",
    "vertex.pricing": "vertex-pricing",
    "vertex.release_notes": "vertex-release-notes",
}
MONTHS = list(calendar.month_name)


def read(source: str, name: str) -> list[Fact]:
    return REGISTRY[source].read(capture(f"google/{FOLDERS[source]}/{name}"))


def fixture(source: str, name: str, *swaps: tuple[str, str]) -> list[Fact]:
    page = (FIXTURES / "vertex" / name).read_text(encoding="utf-8")
    for old, new in swaps:
        assert old in page
        page = page.replace(old, new)
    return REGISTRY[source].read(page.encode())


def values(facts: list[Fact]) -> dict[str, tuple[object, ...]]:
    return {fact.key: fact.value for fact in facts}


def kinds(before: list[Fact], after: list[Fact], day: str) -> dict[str, str]:
    """The events of a step of the page of versions: one for each model."""
    changes = diff(snapshot(before), snapshot(after))
    drafts = interpret(
        REGISTRY["vertex.versions"], changes, datetime.fromisoformat(day).replace(tzinfo=UTC)
    )
    kinds_by_model = {draft.fact.model: draft.kind for draft in drafts}
    assert len(kinds_by_model) == len(drafts)
    return kinds_by_model


# --- truth
# -------------------------------------------------------------------------------------------------


def date(printed: str) -> tuple[str, str] | None:
    """ "Not before May 19, 2027" as a date text and a bound: another way than the adapter's."""
    match = re.search(r"(\w+) (\d+), (\d{4})", printed)
    if not match:
        return None
    floor = re.search(r"before|later|sooner", printed)
    return (
        f"{match[3]}-{MONTHS.index(match[1]):02}-{int(match[2]):02}",
        "not_before" if floor else "on",
    )


def row_id(row: dict[str, str]) -> str:
    return f"{row.get('model_cell') or row['model']}-{row['capture']}"


@needs_corpus
@pytest.mark.parametrize(
    "row",
    truth("first_party_deprecations.csv", {"Google (Vertex / Agent Platform)": 53}),
    ids=row_id,
)
def test_every_row_of_the_versions(row: dict[str, str]) -> None:
    model = row["model_cell"].strip(" *")
    [fact] = [
        fact
        for fact in read("vertex.versions", row["file"].rpartition("/")[2])
        if fact.model == model
    ]
    assert isinstance(fact, Retirement)
    expected = date(row["shutdown_as_printed"])
    assert (fact.retires and (fact.retires.text, fact.retires.bound)) == expected
    assert fact.replacements == (
        (row["replacement_as_printed"],)
        if row["replacement_as_printed"].strip("()") not in ("", "no column")
        else ()
    )
    retired = "retired models" in row["note"]
    assert fact.stage == (
        "retired" if retired else "deprecated" if expected and expected[1] == "on" else "active"
    )


@needs_corpus
@pytest.mark.parametrize(
    "row", truth("first_party_deprecations.csv", {"Google (Vertex partner)": 8}), ids=row_id
)
def test_every_row_of_the_partners(row: dict[str, str]) -> None:
    [fact] = [
        fact
        for fact in read("vertex.partners", "2026-07-22.md")
        if fact.quote.startswith(f"{row['model_cell']} is deprecated")
    ]
    assert isinstance(fact, Retirement)
    assert fact.deprecated
    assert fact.retires
    assert (fact.deprecated.text, "on") == date(row["announced"])
    assert (fact.retires.text, fact.retires.bound) == date(row["shutdown_as_printed"])
    assert (fact.announced, fact.replacements, fact.stage) == (None, (), "deprecated")
    name = re.sub(r"Anthropic's | on Google Cloud", "", row["model_cell"]).lower().replace(" ", "-")
    assert fact.model == (name.replace(".", "-") if name.startswith("claude") else name)


@needs_corpus
@pytest.mark.parametrize("row", truth("first_party_prices.csv", {"Google (Vertex)": 3}), ids=row_id)
def test_every_row_of_the_prices(row: dict[str, str]) -> None:
    facts = [
        fact
        for fact in read("vertex.pricing", row["file"].rpartition("/")[2])
        if isinstance(fact, Price)
    ]

    def amounts(meter: str, context: str) -> list[tuple[str, str]]:
        prices = [
            fact
            for fact in facts
            if (fact.model, fact.tier, fact.meter, fact.context)
            == (row["model"], "standard", meter, context)
        ]
        assert {fact.per for fact in prices} == {"1M tokens"}
        assert all((fact.starts is not None) == (fact.region == "non-global") for fact in prices)
        return [(str(fact.amount), fact.region) for fact in prices]

    def printed(text: str) -> list[tuple[str, str]]:
        amounts_and_regions = re.findall(r"\$([\d.]+\d|\d)(?: \((Global|Non-global)\))?", text)
        return [(amount, region.lower()) for amount, region in amounts_and_regions]

    for column in ("input", "cached_input", "output"):
        assert amounts(column, "<=200k") == printed(row[column])
    long = re.fullmatch(r">200K: (.+) in / (.+) out", row["long_context_or_other_tier"])
    assert long
    assert (amounts("input", ">200k"), amounts("output", ">200k")) == (
        printed(long[1]),
        printed(long[2]),
    )


# --- whole pages
# -------------------------------------------------------------------------------------------


def captures() -> list[tuple[str, str]]:
    return [
        (source, path.name)
        for source, folder in FOLDERS.items()
        for path in sorted((CORPUS / "google" / folder).glob("*"))
    ]


@needs_corpus
@pytest.mark.parametrize(("source", "name"), captures())
def test_every_capture_is_read(source: str, name: str) -> None:
    assert read(source, name)


@needs_corpus
def test_all_open_models_end_on_one_day() -> None:
    facts = read("vertex.open_models", "2026-07-22.md")
    assert len(facts) == 16
    for fact in facts:
        assert isinstance(fact, Retirement)
        assert (str(fact.deprecated), str(fact.retires), fact.stage) == (
            "2026-07-21",
            "2026-10-21",
            "deprecated",
        )


@needs_corpus
def test_prices_of_may_2026() -> None:
    facts = read("vertex.pricing", "2026-05-08.html")
    prices = {
        (f.model, f.region, f.tier, f.meter, f.per, f.context): str(f.amount)
        for f in facts
        if isinstance(f, Price)
    }
    assert len(prices) == len(facts) == 783
    assert (
        prices["Gemini 3.1 Flash-Lite", "non-global", "flex", "cached_input", "1M tokens", "<=200k"]
        == "0.01375"
    )
    assert prices["Gemini 2.5 Pro", "", "priority", "output", "1M tokens", ">200k"] == "27"
    assert (
        prices["Gemini 2.5 Flash Live API", "", "standard", "audio_output", "1M tokens", "<=200k"]
        == "12"
    )
    assert (
        prices["Gemini 2.5 Flash Image", "", "batch", "image_output", "1M tokens", "<=200k"] == "15"
    )
    assert (
        prices["Gemini 2.5 Flash Lite", "", "batch", "output", "1M tokens", ">200k"] == "0.2"
    )  # after the stray cell
    assert prices["Veo 3.1 Fast", "", "standard", "video_audio_output", "second", "4k"] == "0.30"
    assert (
        prices["Gemini 3.1 Pro", "", "standard", "cache_storage", "1M tokens per hour", ">200k"]
        == "4.5"
    )
    assert prices["Llama 4 Scout 17B 16E", "", "standard", "training", "1M tokens", ""] == "5.77"
    assert prices["Claude Opus 4.7", "eu", "batch", "cache_write", "1M tokens", "<=200k"] == "3.438"
    assert (
        prices["Claude Sonnet 4.5", "global", "standard", "cache_write_1h", "1M tokens", ">200k"]
        == "12.00"
    )
    assert (
        prices["Claude Sonnet 4.6", "us-east5", "standard", "input", "1M tokens", "<=200k"]
        == "3.30"
    )  # and "$6.60"
    assert prices["Claude 3.7 Sonnet", "", "batch", "cached_input", "1M tokens", "<=200k"] == "0.15"
    assert prices["gpt-oss-20b", "", "batch", "output", "1M tokens", ""] == "0.125"
    assert prices["DeepSeek-OCR", "", "standard", "output", "page", ""] == "0.00012"


@needs_corpus
def test_release_notes_of_august_2026() -> None:
    notices = [f for f in read("vertex.release_notes", "2026-08-22.md") if isinstance(f, Notice)]
    assert len(notices) == 71
    first = notices[0]
    assert (first.title, str(first.published), first.note) == (
        "xAI's Grok 4.6",
        "2026-08-21",
        "Feature",
    )
    assert first.link.endswith("/release-notes#August_21_2026")
    [ends] = [notice for notice in notices if notice.title == "Open model endpoint deprecations"]
    assert len(ends.models) == 16
    assert {"gpt-oss-20b-maas", "deepseek-r1-0528-maas"} < set(ends.models)


# --- what changed
# ------------------------------------------------------------------------------------------


STEPS = [
    ("2026-05-23", "2026-05-28", {}),
    ("2026-05-28", "2026-05-30", {}),  # the table of aliases goes
    ("2026-06-02", "2026-06-10", {"gemini-embedding-001": "retirement.changed"}),
    (
        "2026-06-10",
        "2026-06-11",
        dict.fromkeys(("gemini-3.5-flash", "gemini-3.1-flash-lite"), "retirement.changed"),
    ),
    # The floors become firm
    (
        "2026-06-11",
        "2026-06-30",
        {
            **dict.fromkeys(
                ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"),
                "retirement.announced",
            ),
            **dict.fromkeys(("gemini-3.1-flash-image", "gemini-3-pro-image"), "model.listed"),
        },
    ),
    # "Not before X" becomes "X or later": no news. Of three dates that had passed nothing is left
    # for two weeks
    (
        "2026-07-01",
        "2026-07-09",
        {
            **dict.fromkeys(
                ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"),
                "replacement.changed",
            ),
            **dict.fromkeys(
                ("veo-3.0-generate-001", "veo-3.0-fast-generate-001", "veo-2.0-generate-001"),
                "retirement.withdrawn",
            ),
        },
    ),
    ("2026-07-09", "2026-07-17", {"veo-3.1-generate-001": "model.unlisted"}),
    (
        "2026-07-25",
        "2026-07-31",
        dict.fromkeys(
            ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"), "retirement.postponed"
        ),
    ),
    (
        "2026-07-31",
        "2026-08-20",
        {
            "gemini-2.5-flash-image": "replacement.changed",
            "gemini-3.7-flash": "model.listed",
            "gemini-embedding-2": "model.listed",
        },
    ),
]


@needs_corpus
@pytest.mark.parametrize(("before", "after", "expected"), STEPS)
def test_what_a_step_of_the_versions_means(
    before: str, after: str, expected: dict[str, str]
) -> None:
    pages = [read("vertex.versions", f"{day}.md") for day in (before, after)]
    assert kinds(*pages, after) == expected


@needs_corpus
def test_a_model_that_is_renamed_among_the_retired_was_not_withdrawn() -> None:
    events = kinds(
        *(read("vertex.versions", f"{day}.md") for day in ("2026-05-30", "2026-06-02")),
        "2026-06-02",
    )
    ended = [f"gemini-2.0-flash{rest}" for rest in ("", "-001", "-lite", "-lite-001")]
    assert (
        sorted(model for model, kind in events.items() if kind == "retirement.completed") == ended
    )
    assert {kind for model, kind in events.items() if model not in ended} == {"replacement.changed"}


def test_a_date_that_moves_for_a_day() -> None:
    usual = fixture("vertex.versions", "versions.aliases.md")
    row = "| `gemini-2.5-flash-lite`              | July 22, 2025     | Not before "
    flap = fixture("vertex.versions", "versions.aliases.md", (f"{row}October 16", f"{row}July 22"))
    assert kinds(usual, flap, "2026-05-29") == {"gemini-2.5-flash-lite": "retirement.advanced"}
    assert kinds(flap, usual, "2026-05-30") == {"gemini-2.5-flash-lite": "retirement.postponed"}


# --- what must be silent
# -----------------------------------------------------------------------------------


def test_two_ways_to_say_not_before() -> None:
    swaps = [
        (f"{day} or later", f"Not before {day}") for day in ("May 19, 2027", "November 17, 2026")
    ]
    swaps.append(("No sooner than May 20, 2028", "May 20, 2028 or later"))
    usual, worded = (
        fixture("vertex.versions", "versions.replaced.md", *way) for way in ((), swaps)
    )
    assert values(usual) == values(worded)


@needs_corpus
def test_versions_are_the_same_in_another_conversion() -> None:
    assert values(read("vertex.versions", "2026-08-20.md")) == values(
        read("vertex.versions", "2026-08-21.html2md.md")
    )


def test_versions_are_the_same_in_html() -> None:
    html, markdown = (
        values(fixture("vertex.versions", f"versions.{form}")) for form in ("html", "replaced.md")
    )
    assert len(html) == 4
    assert html.items() <= markdown.items()


@needs_corpus
def test_partners_are_the_same_under_other_names() -> None:
    days = [
        values(read("vertex.partners", f"{day}.md"))
        for day in ("2026-05-23", "2026-06-25", "2026-07-22")
    ]
    assert days[0] == days[1] == days[2]


def test_release_notes_are_the_same_in_the_feed_and_on_the_page() -> None:
    feed, page = (
        fixture("vertex.release_notes", f"release_notes.{form}") for form in ("xml", "page.md")
    )
    shared = values(feed).keys() & values(page).keys()
    assert len(shared) == len(feed)
    shared_notices = [
        [
            (f.key, f.link, f.models, f.note)
            for f in facts
            if isinstance(f, Notice) and f.key in shared
        ]
        for facts in (feed, page)
    ]
    assert shared_notices[0] == shared_notices[1]


@needs_corpus
def test_release_notes_keep_their_keys() -> None:
    days = [name for source, name in captures() if source == "vertex.release_notes"]
    pages = [values(read("vertex.release_notes", day)) for day in days]
    steps = zip(days[1:], pages, pages[1:], strict=False)
    lost = {
        day: len(gone) for day, before, after in steps if (gone := before.keys() - after.keys())
    }
    # Two titles were reworded, one of them twice, and one entry was dated a day later: three pages
    # of twenty-two
    assert lost == {"2026-06-08.md": 2, "2026-06-10.md": 1, "2026-08-07.md": 1}


def test_a_table_that_is_never_closed_takes_no_other_in() -> None:
    left_open = ("</table>\n<table>\n  <thead><tr><th>1:20", "<table>\n  <thead><tr><th>1:20")
    assert values(fixture("vertex.pricing", "pricing.html")) == values(
        fixture("vertex.pricing", "pricing.html", left_open)
    )


# --- refused
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name", "old", "new", "message"),
    [
        ("versions", "versions.replaced.md", "October 20, 2026", "some day", "no date form known"),
        ("versions", "versions.replaced.md", "Replacement model", "Substitute", "unknown column"),
        (
            "versions",
            "versions.aliases.md",
            "Stable version reference",
            "Stands for",
            "no known layout",
        ),
        ("versions", "versions.replaced.md", "Recommended upgrade", "Advice", "unknown column"),
        (
            "open_models",
            "open_models.md",
            "Deprecation date |",
            "Deprecation date, if any |",
            "no known layout",
        ),
        (
            "partners",
            "partners.md",
            "will be **shut down",
            "was **shut down",
            "0 sentences on dates",
        ),
        ("partners", "partners.md", "Model ID", "Name", "0 ids are under"),
        ("release_notes", "release_notes.page.md", "\nFeature\n", "\nOddity\n", "no known kind"),
        (
            "release_notes",
            "release_notes.xml",
            "<h3>Feature</h3>",
            "<h3>Oddity</h3>",
            "no known kind",
        ),
        (
            "release_notes",
            "release_notes.page.md",
            "## August 04, 2026",
            "## Earlier",
            "no date form known",
        ),
        ("pricing", "pricing.html", "$3.6<", "3.6 dollars<", "not a price"),
        ("pricing", "pricing.html", "Input (audio)", "Input (smell)", "unknown type of price"),
        ("pricing", "pricing.html", "with Flex/Batch", "with Luck", "no known tier"),
        ("pricing", "pricing.html", "(/M Tok/hr)", "(/M Tok/day)", "not a price of cache storage"),
        ("pricing", "pricing.html", "Batch Cache Hit", "Batch Cache Miss", "no labelled price"),
        ("pricing", "pricing.html", "$0.15 / million tokens", "$0.15", "a price without a unit"),
        ("pricing", "pricing.html", ">us-east5<", ">the east<", "no known region"),
        ("pricing", "pricing.html", "$0.40/second", "$0.40", "a price without a unit"),
        (
            "pricing",
            "pricing.html",
            "models on July 1, 2026.",
            "models soon.",
            "no date form known",
        ),
        ("pricing", "pricing.html", "1M training tokens", "1M training steps", "no known layout"),
    ],
)
def test_what_is_not_known_is_refused(
    source: str, name: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(Unreadable, match=message):
        fixture(f"vertex.{source}", name, (old, new))
