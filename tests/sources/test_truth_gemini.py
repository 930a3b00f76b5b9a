"""The Gemini API's pages as captured: every row of the truth, every whole page, and what must stay
silent.
"""

from __future__ import annotations

import calendar
import json
import re
from decimal import Decimal

import pytest

from monitor.core.facts import Fact, Notice, Price, Retirement
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

FOLDERS = {
    "gemini.deprecations": "gemini-deprecations",
    "gemini.pricing": "gemini-pricing",
    "gemini.models": "gemini-models-api",
    "gemini.changelog": "gemini-changelog",
}
#: Whole captures that are refused, and why. All model lists with a nextPageToken are refused too.
REFUSED = {
    "2026-05-28.approx.excerpt.md": "neither ids nor the name",  # cut in the middle of an id
    # one cell a line: rows cannot be told apart without guessing
    "2026-05-28.approx.excerpt.txt": "no facts",
    "2026-09-15.approx.excerpt.txt": "no facts",  # the same
    "2026-01-29.approx.excerpt.txt": "no facts",  # ids are glued together
}


def read(source: str, name: str) -> list[Fact]:
    return REGISTRY[source].read(capture(name))


def values(facts: list[Fact]) -> dict[str, tuple[object, ...]]:
    return {fact.key: fact.value for fact in facts}


def fixture(source: str, name: str) -> list[Fact]:
    return REGISTRY[source].read((FIXTURES / "gemini" / name).read_bytes())


# --- truth
# -------------------------------------------------------------------------------------------------

MONTHS = list(calendar.month_name)


def day(printed: str) -> str:
    """ "June 17, 2026" or "February 2026" as a date text: another way than the adapter's."""
    month, *rest = printed.replace(",", "").split()
    return "-".join(
        [rest[-1], f"{MONTHS.index(month):02}", *(f"{int(number):02}" for number in rest[:-1])]
    )


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['model_cell']}-{row['capture']}")
        for row in truth("first_party_deprecations.csv", {"Google (Gemini API)": 79})
    ],
)
def test_every_row_of_the_schedule(row: dict[str, str]) -> None:
    [fact] = [
        fact for fact in read("gemini.deprecations", row["file"]) if fact.model == row["model_cell"]
    ]
    assert isinstance(fact, Retirement)
    assert fact.announced is None
    printed = row["shutdown_as_printed"]
    if printed == "No shutdown date announced":
        assert fact.retires is None
    else:
        assert fact.retires
        assert fact.retires.text == day(printed.removeprefix("Earliest "))
        noted = (
            row["capture"] == "2026-08-13" and fact.stage != "retired"
        )  # the note: dates are the earliest possible
        assert fact.retires.bound == (
            "not_before" if noted or printed.startswith("Earliest") else "on"
        )
    # Answered otherwise: of "veo-3.1-... or the GA models on the Gemini Enterprise Agent Platform"
    # only the id
    assert fact.replacements == tuple(
        row["replacement_as_printed"].split(" or the GA models")[0].split()
    )


COLUMNS = {
    "input": ("standard", ("Input price", "Text input price")),
    "cached_input": ("standard", ("Context caching price",)),
    "output": ("standard", ("Output price",)),
    "batch_input": ("batch", ("Input price", "Text input price")),
    "batch_output": ("batch", ("Output price",)),
}


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['model']}-{row['capture']}")
        for row in truth("first_party_prices.csv", {"Google (Gemini API)": 17})
    ],
)
def test_every_row_of_the_prices(row: dict[str, str]) -> None:
    name, preview, _ = row["model"].partition(" (preview)")
    model = name.lower().replace(" ", "-")
    facts = [
        fact
        for fact in read("gemini.pricing", row["file"])
        if isinstance(fact, Price) and fact.model == model
    ]
    assert all(fact.note.endswith("preview") == bool(preview) for fact in facts)
    for column, (tier, kinds) in COLUMNS.items():
        priced = [fact for fact in facts if fact.tier == tier and fact.quote.startswith(kinds)]
        assert [str(fact.amount) for fact in priced] == re.findall(
            r"\$(\d[\d.]*\d)", row[column]
        ), column
        for fact in priced:
            assert fact.per == (
                "1M tokens per hour" if fact.meter == "cache_storage" else "1M tokens"
            )
        contexts = re.findall(r"(?:<=|>) \d+k|(?<!-)Thinking(?=:)", row[column])
        assert [fact.context for fact in priced if fact.context] == [
            context.replace(" ", "").lower() for context in contexts
        ]
        dates = [
            ("ends" if word == "through" else "starts", day(date))
            for word, date in re.findall(r"(through|starting) (\w+ \d+, \d{4})", row[column])
        ]
        assert [
            (name, when.text)
            for fact in priced
            for name in ("ends", "starts")
            if (when := getattr(fact, name))
        ] == dates
        for label, meter in (("audio", "audio_"), ("text", "")):
            of_label = [fact for fact in priced if fact.note.startswith(label)]
            assert len(of_label) == len(re.findall(rf"\({label}", row[column]))
            assert all(fact.meter == meter + column.removeprefix("batch_") for fact in of_label)


# --- whole pages
# -------------------------------------------------------------------------------------------


def captures() -> list[tuple[str, str]]:
    return [
        (source, f"google/{folder}/{path.name}")
        for source, folder in FOLDERS.items()
        for path in sorted((CORPUS / "google" / folder).glob("*"))
        if not path.name.endswith(".headers.json")
    ]


@needs_corpus
@pytest.mark.parametrize(("source", "name"), captures())
def test_every_capture_is_read_or_refused_for_its_reason(source: str, name: str) -> None:
    reason = REFUSED.get(name.rpartition("/")[2])
    if source == "gemini.models" and b"nextPageToken" in capture(name):
        reason = "page 1 of a paged list"
    if reason:
        with pytest.raises(Unreadable, match=reason):
            read(source, name)
    else:
        assert read(source, name)


@needs_corpus
def test_schedule_of_august_2026() -> None:
    facts = {
        fact.model: fact
        for fact in read("gemini.deprecations", "google/gemini-deprecations/2026-08-13.html")
    }
    stages = [fact.stage for fact in facts.values() if isinstance(fact, Retirement)]
    assert (len(stages), stages.count("retired"), stages.count("deprecated")) == (65, 31, 0)
    gray_without_date = facts["gemini-2.5-pro-preview-tts"]
    assert isinstance(gray_without_date, Retirement)
    assert (gray_without_date.stage, gray_without_date.retires) == ("retired", None)


@needs_corpus
def test_prices_of_june_2026() -> None:
    facts = read("gemini.pricing", "google/gemini-pricing/2026-06-05.jina.md")
    prices = {
        (f.model, f.tier, f.meter, f.per, f.context): str(f.amount)
        for f in facts
        if isinstance(f, Price)
    }
    assert len(prices) == len(facts) == 407
    assert prices["gemini-2.5-flash", "priority", "audio_input", "1M tokens", ""] == "1.80"
    assert prices["gemini-3.5-flash", "flex", "cached_input", "1M tokens", ""] == "0.08"
    assert (
        prices["gemini-3.1-pro-preview-customtools", "batch", "output", "1M tokens", ">200k"]
        == "9.00"
    )
    assert prices["gemini-3-pro-image", "standard", "image_output", "image", "4k"] == "0.24"
    assert prices["gemini-3-pro-image", "batch", "image_input", "image", ""] == "0.0006"
    assert prices["imagen-4.0-generate-001", "standard", "image_output", "image", ""] == "0.04"
    assert (
        prices["veo-3.0-fast-generate-001", "standard", "video_output", "second", "1080p"] == "0.12"
    )
    assert prices["lyria-3-pro-preview", "standard", "audio_output", "song", ""] == "0.08"
    assert prices["gemini-2.5-pro", "standard", "google_maps", "1K requests", ""] == "25"


@needs_corpus
def test_prices_of_october_2025_without_headings() -> None:
    facts = read("gemini.pricing", "google/gemini-pricing/2025-10-15.jina.md")
    prices = {
        (f.model, f.tier, f.meter, f.per, f.context): str(f.amount)
        for f in facts
        if isinstance(f, Price)
    }
    assert len(prices) == len(facts) == 144
    assert prices["gemini-2.5-flash-lite", "batch", "audio_input", "1M tokens", ""] == "0.15"
    assert (
        prices["gemini-2.0-flash-lite", "batch", "input", "1M tokens", ""] == "0.0375"
    )  # described as 2.5 Flash-Lite
    assert (
        prices["gemini-2.5-flash-preview-09-2025", "batch", "cached_input", "1M tokens", ""]
        == "0.075"
    )
    assert prices["gemini-2.5-flash", "standard", "audio_input", "1M tokens", "live"] == "3.00"
    assert (
        prices["imagen-4.0-ultra-generate-001", "standard", "image_output", "image", ""] == "0.06"
    )
    assert (
        prices["veo-2.0-generate-001", "standard", "video_output", "second", ""] == "0.35"
    )  # below Veo 3's heading
    assert prices["gemini-embedding-001", "batch", "input", "1M tokens", ""] == "0.075"
    assert prices["Gemini Robotics-ER", "standard", "audio_input", "1M tokens", ""] == "1.00"


# --- price changes
# -----------------------------------------------------------------------------------------


def amounts(name: str) -> dict[tuple[str, ...], str]:
    facts = read("gemini.pricing", f"google/gemini-pricing/{name}")
    return {
        (f.model, f.meter, f.context): str(f.amount)
        for f in facts
        if isinstance(f, Price) and f.tier == "standard"
    }


@needs_corpus
def test_the_changes_of_2025() -> None:
    """The truth's changes, and the others of these two models.

    Not among them: "free tier for input: Not available -> Free of charge" of Gemini 2.5 Pro. A free
    tier has limits and no price, so there is no fact on either day that could change."""
    flash, pro = "gemini-2.5-flash", "gemini-2.5-pro"
    may, october = amounts("2025-05-20.approx.html2md.md"), amounts("2025-10-15.jina.md")
    changed = {
        key: (amount, october.get(key))
        for key, amount in may.items()
        if key[0] in (flash, pro) and october.get(key) != amount
    }
    assert changed == {
        (flash, "input", ""): ("0.15", "0.30"),
        (flash, "output", ""): ("0.60", "2.50"),  # two prices, without thinking ...
        (flash, "output", "thinking"): ("3.50", None),  # ... and with it, became one
        (flash, "cached_input", ""): ("0.0375", "0.03"),
        (flash, "audio_cached_input", ""): ("0.25", "0.1"),
        (pro, "cached_input", "<=200k"): ("0.31", "0.125"),
        (pro, "cached_input", ">200k"): ("0.625", "0.25"),
    }
    added = {key for key in october.keys() - may.keys() if key[0] in (flash, pro)}
    assert {context for _, _, context in added} == {"live"}  # the Live API's row is new
    # no model but those that left the page or came to it has other keys
    assert {key[0] for key in may.keys() - october.keys()} == {
        flash,
        "gemini-1.5-flash",
        "gemini-1.5-flash-8b",
        "gemini-1.5-pro",
    }


@needs_corpus
def test_the_changes_until_june_2026() -> None:
    october, june = amounts("2025-10-15.jina.md"), amounts("2026-06-05.jina.md")
    shared = october.keys() & june.keys()
    lite = ("gemini-2.5-flash-lite", "gemini-2.5-flash-lite-preview-09-2025")
    assert {key: (october[key], june[key]) for key in shared if october[key] != june[key]} == {
        (model, meter, ""): prices
        for model in lite
        for meter, prices in (
            ("cached_input", ("0.025", "0.01")),
            ("audio_cached_input", ("0.125", "0.03")),
        )
    }
    still = {key[0] for key in october} & {key[0] for key in june}
    assert {key[0] for key in october} - still == {
        "Gemini 2.5 Flash Native Audio",
        "Gemini Robotics-ER",  # June prints their ids; October did not
        "gemini-2.5-flash-preview-09-2025",
        "imagen-3.0-generate-002",
    }
    assert {
        key for key in october.keys() - june.keys() if key[0] in still and key[2] != "live"
    } == {
        ("gemini-2.0-flash", "image_output", ""),  # shut down
        ("veo-3.0-fast-generate-001", "video_output", ""),  # by resolution now
    }


@needs_corpus
def test_changelog_of_november_2025() -> None:
    notices = [
        f
        for f in read("gemini.changelog", "google/gemini-changelog/2025-11-13.html")
        if isinstance(f, Notice)
    ]
    assert len(notices) == 132
    first = notices[0]
    assert first.published
    assert (first.published.text, first.link.rpartition("/")[2]) == (
        "2025-11-11",
        "changelog#11-11-2025",
    )
    assert first.models[-1] == "gemini-2.0-flash-preview-image-generation"
    [imagen] = [
        notice for notice in notices if notice.published and notice.published.text == "2025-11-10"
    ]
    assert "Imagen 4" in imagen.summary  # a further paragraph of the item, not a notice of its own


# --- what must be silent
# -----------------------------------------------------------------------------------


@needs_corpus
def test_a_schedule_is_the_same_in_markdown_and_in_text() -> None:
    folder = "google/gemini-deprecations"
    markdown = values(read("gemini.deprecations", f"{folder}/2025-12-02.html2md.md"))
    text = values(read("gemini.deprecations", f"{folder}/2025-12-12.approx.excerpt.txt"))
    shared = markdown.keys() & text.keys()
    assert len(shared) == 8
    assert {key: markdown[key] for key in shared} == {key: text[key] for key in shared}


@needs_corpus
def test_prices_keep_their_keys_when_tiers_get_headings() -> None:
    folder, unchanged = (
        "google/gemini-pricing",
        ("gemini-3.5-flash", "gemini-2.5-flash", "gemini-3.1-pro-preview"),
    )

    def standard(name: str) -> dict[str, tuple[object, ...]]:
        facts = read("gemini.pricing", f"{folder}/{name}")
        # the search of Gemini 3 went from 1,000 queries to 1,000 requests in between: a change, not
        # wording
        return values(
            [
                fact
                for fact in facts
                if isinstance(fact, Price)
                and fact.model in unchanged
                and fact.tier == "standard"
                and fact.meter != "google_search"
            ]
        )

    june, september = standard("2026-06-05.jina.md"), standard("2026-09-30.approx.excerpt.md")
    assert june == september
    assert len(june) == 20


def test_a_model_list_says_the_same_in_any_order() -> None:
    document = json.loads((FIXTURES / "gemini" / "models.pages.json").read_bytes())
    turned = json.dumps(
        [{"models": document[1]["models"]}, {"models": document[0]["models"][::-1]}]
    ).encode()
    assert values(REGISTRY["gemini.models"].read(turned)) == values(
        fixture("gemini.models", "models.pages.json")
    )


def test_a_changelog_says_the_same_in_html_and_markdown() -> None:
    html, markdown = (
        fixture("gemini.changelog", name) for name in ("changelog.html", "changelog.twin.md")
    )
    shared = values(html).keys() & values(markdown).keys()
    assert len(shared) == 3
    assert [f.to_json() for f in html if f.key in shared] == [
        f.to_json() for f in markdown if f.key in shared
    ]


# --- refused
# -----------------------------------------------------------------------------------------------


def test_the_pages_of_the_model_list() -> None:
    access = REGISTRY["gemini.models"].access
    assert access
    assert access.next_page
    assert access.next_page(b'{"models": [], "nextPageToken": "Ch9t"}') == {"pageToken": "Ch9t"}
    assert access.next_page(b'{"models": []}') is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Input price |", "Fancy price |", "unknown kind of price"),
        ("per 1M tokens in", "per 1M words in", "unknown unit in the header"),
        ("(audio)", "(smell)", "unknown label 'smell'"),
        ("per song", "per opera", "unknown unit"),
        ("$0.35", "0.35 dollars", "not a price"),
        ("then $14 /", "then maybe $14 /", "not a price of grounding"),
        ("prompts > 200k token ", "prompts near 200k token ", "no price form known"),
        ("Imagen 4 Fast", "Imagen 4 Lite", "not one of the ids"),
        (
            "[Batch](https://ai.google.dev/gemini-api/docs/pricing#batch)More",
            "More",
            "tabs and tables differ",
        ),
    ],
)
def test_what_is_not_known_is_refused(old: str, new: str, message: str) -> None:
    page = (FIXTURES / "gemini" / "pricing.tabs.md").read_text(encoding="utf-8")
    assert old in page
    with pytest.raises(Unreadable, match=message):
        REGISTRY["gemini.pricing"].read(page.replace(old, new).encode())


def test_an_unknown_tier_is_refused() -> None:
    page = (FIXTURES / "gemini" / "pricing.md").read_text(encoding="utf-8")
    with pytest.raises(Unreadable, match="no known tier"):
        REGISTRY["gemini.pricing"].read(page.replace("### Batch", "### Overnight").encode())


def test_tiers_follow_their_usual_order_where_nothing_names_them() -> None:
    page = (FIXTURES / "gemini" / "pricing.tabs.md").read_text(encoding="utf-8")
    without = re.sub(r"^\[Standard\].*$", "", page, flags=re.MULTILINE)
    assert without != page
    assert values(REGISTRY["gemini.pricing"].read(without.encode())) == values(
        fixture("gemini.pricing", "pricing.tabs.md")
    )


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "lists",
            "A multipurpose model",
            "A brilliant model",
            "no known model follow this description: 'Preview",
        ),
        (
            "bare",
            "For embodied reasoning",
            "For arms",
            "no known model follow this description: 'For arms",
        ),
        (
            "bare",
            "A multipurpose model",
            "The most cost effective, balanced",
            "no Gemini model stands above",
        ),
        (
            "bare",
            "A state-of-the-art video",
            "A state-of-the-art image or state-of-the-art video",
            "no known model",
        ),
        ("lists", "  * Free Tier: Not available\n", "", "not in a row"),
        (
            "lists",
            "Paid Tier, per 1M tokens in USD: $0.31",
            "Paid Tier, per 1K tokens in USD: $0.31",
            "another column",
        ),
        ("lists", "Non-thinking: $0.60Thinking:", "Non-thinking: $0.60Dreaming:", "not a price"),
        ("lists", "(Input)$10.00 (Output)", "(Input)$10.00 (Noise)", "unknown kind of price"),
        ("bare", "Output: $2.00", "Sound: $2.00", "unknown kind of price"),
    ],
)
def test_what_is_not_known_of_2025_is_refused(name: str, old: str, new: str, message: str) -> None:
    page = (FIXTURES / "gemini" / f"pricing.{name}.md").read_text(encoding="utf-8")
    assert old in page
    with pytest.raises(Unreadable, match=message):
        REGISTRY["gemini.pricing"].read(page.replace(old, new, 1).encode())


def test_a_model_that_lost_its_heading_below_one_that_has_it_is_told_by_its_description() -> None:
    page = (FIXTURES / "gemini" / "pricing.bare.md").read_text(encoding="utf-8")
    title = page[: page.index("\n")]
    headed = title + "\n\n" + page[page.index("Veo 3\n---") :]
    models = {fact.model for fact in REGISTRY["gemini.pricing"].read(headed.encode())}
    assert "veo-2.0-generate-001" in models


def test_a_line_of_text_that_is_no_row_is_refused() -> None:
    page = (FIXTURES / "gemini" / "deprecations.text.txt").read_text(encoding="utf-8")
    with pytest.raises(Unreadable, match="not a row"):
        REGISTRY["gemini.deprecations"].read(page.replace("March 9, 2026", "sometime").encode())


def test_a_price_without_an_id_goes_by_the_name_of_its_heading() -> None:
    page = (FIXTURES / "gemini" / "pricing.tabs.md").read_text(encoding="utf-8")
    facts = REGISTRY["gemini.pricing"].read(page.replace("_`gemini-3.1-flash-image`_", "").encode())
    assert Decimal("60.00") in [
        f.amount for f in facts if isinstance(f, Price) and f.model == "Gemini 3.1 Flash Image"
    ]


def test_a_reworded_note_on_dates_is_refused() -> None:
    page = (FIXTURES / "gemini" / "deprecations.html").read_text(encoding="utf-8")
    with pytest.raises(Unreadable, match="worded in a new way"):
        REGISTRY["gemini.deprecations"].read(page.replace("listed in the table", "shown").encode())
