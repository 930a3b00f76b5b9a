"""Dates as pages print them. Every row of a table names the page that prints it so."""

from __future__ import annotations

import re
from calendar import month_abbr, month_name
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.facts import When
from monitor.errors import Unreadable
from monitor.reading.dates import when
from monitor.reading.inline import Inline
from tests.support.strategies import whens

EXACT = [
    ("2026-09-24", "2026-09-24", "OpenAI deprecations"),
    ("`2026-09-24`", "2026-09-24", "a date in a code span"),
    ("2026‑08‑26", "2026-08-26", "OpenAI deprecations: U+2011"),
    ("2026–08–26", "2026-08-26", "U+2013, as editors make it of a hyphen"),
    ("Jan 20, 2027", "2027-01-20", "OpenAI deprecations"),
    ("Sept. 30, 2026", "2026-09-30", "changelogs"),
    ("October 23, 2026", "2026-10-23", "OpenAI deprecations"),
    ("June 01, 2026", "2026-06-01", "Vertex release notes: padded"),
    ("August 26th, 2025", "2025-08-26", "OpenAI deprecations, prose"),
    ("June 22nd 2026", "2026-06-22", "prose without the comma"),
    ("April, 30, 2025", "2025-04-30", "Azure to 2025-05: a stray comma"),
    ("Monday, June 30th, 2025", "2025-06-30", "GitHub Models notice"),
    ("20 May 2026", "2026-05-20", "British prose"),
    ("2024/11/30", "2024-11-30", "Mistral 2024"),
    ("2025-1-6", "2025-01-06", "LiteLLM"),
    ("2026.6.30", "2026-06-30", "Xiaomi"),
    ("September 21, 2026\\.", "2026-09-21", "Groq: an escaped full stop"),
    ("On December 2nd, 2024", "2024-12-02", "Cohere, prose"),
    ("Effective September 15, 2025", "2025-09-15", "Cohere"),
    ("As of March 20, 2026", "2026-03-20", "Perplexity changelog"),
    ("starting January 1, 2027.", "2027-01-01", "Gemini pricing"),
    ("**October 23, 2026**", "2026-10-23", "bold cells"),
    ("October 23,\u00a02026", "2026-10-23", "a no-break space"),
    ("\u200bOctober 23, 2026", "2026-10-23", "a zero-width space"),
    ("2026-10-23*", "2026-10-23", "a footnote star"),
    ("2027-04-14<sup>1</sup>", "2027-04-14", "Azure include: a footnote"),
    ("2027-04-14^1^", "2027-04-14", "Azure Markdown rendition: the same footnote"),
    ("2027-04-14¹", "2027-04-14", "a superscript digit"),
    (
        "2525/06/06",
        "2525-06-06",
        "Mistral 2025: a typo is read as printed; the check of a poll stops it",
    ),
    ("9999-01-01", "9999-01-01", "OpenRouter's 'never'"),
    ("August 2026", "2026-08", "Gemini deprecations"),
    ("June, 2026", "2026-06", "OpenAI changelog"),
    ("Apr. 2026", "2026-04", "MiniMax"),
    ("2026-05", "2026-05", "feeds"),
    ("Q3 2026", "2026-Q3", "roadmaps"),
    ("2026 Q3", "2026-Q3", "roadmaps"),
    ("third quarter of 2026", "2026-Q3", "roadmaps"),
    ("2026", "2026", "roadmaps"),
]

FLOORS = [
    ("Not sooner than June 30, 2027", "2027-06-30", "Anthropic deprecations"),
    (
        "Not sooner than March 7, 2025",
        "2025-03-07",
        "Anthropic to 2026-02: a floor in the past is still one",
    ),
    ("No sooner than May 20, 2028", "2028-05-20", "Vertex versions"),
    ("EOL no sooner than July 1, 2026", "2026-07-01", "Bedrock model cards"),
    ("starting no sooner than March 10, 2025", "2025-03-10", "Azure to 2025-05"),
    ("No earlier than 2026-04-14", "2026-04-14", "Azure since 2025-12"),
    ("No earlier than 2027-04-14<sup>1</sup>", "2027-04-14", "Azure include"),
    ("Not before October 16, 2026", "2026-10-16", "Vertex versions to 2026-07"),
    ("May 19, 2027 or later", "2027-05-19", "Vertex versions since 2026-07"),
    ("Will not retire before April 15, 2027", "2027-04-15", "Azure"),
    (
        "No retirement scheduled. Will not retire before April 15, 2027",
        "2027-04-15",
        "Azure, both in one cell",
    ),
    ("at earliest 2024-06-13", "2024-06-13", "OpenAI deprecations"),
    ("Earliest February 2026", "2026-02", "Gemini deprecations 2025"),
    ("June 2026 at the earliest", "2026-06", "prose"),
]

TIMES = [
    ("May 15, 2026 at 12:00 PM PT", "2026-05-15T19:00Z", "xAI migration guide: summer time"),
    ("January 15, 2026 at 12:00 PM PT", "2026-01-15T20:00Z", "the same in winter"),
    ("May 15, 2026 12:00pm PT", "2026-05-15T19:00Z", "xAI, first state"),
    ("May 15, 2026 at 12:30 AM UTC", "2026-05-15T00:30Z", "midnight on a clock of twelve"),
    ("9AM PT on February 19, 2026", "2026-02-19T17:00Z", "Anthropic's mail"),
    ("16:00 UTC on August 16, 2026", "2026-08-16T16:00Z", "DeepSeek price notice"),
    ("Jul 24th, 2026, 15:59 (UTC Time)", "2026-07-24T15:59Z", "DeepSeek news"),
    ("2026-07-24 15:59 UTC", "2026-07-24T15:59Z", "DeepSeek updates"),
    ("Beijing Time 2026.6.30 00:00", "2026-06-29T16:00Z", "Xiaomi: the day before, in UTC"),
    ("August 20, 2025, 00:00:00 (UTC+08:00)", "2025-08-19T16:00Z", "Alibaba 2025"),
    (
        "October 10, 2026, 00:00:00",
        "2026-10-10",
        "Alibaba 2026 names no zone: the day is all that is certain",
    ),
    ("2026/07/24 23:59", "2026-07-24", "DeepSeek in China, no zone printed"),
    ("2026-05-15T19:00:00Z", "2026-05-15T19:00Z", "APIs"),
    ("2026-09-02T22:17:00.0000000Z", "2026-09-02T22:17Z", "Azure front matter"),
    ("2026-05-15T19:00:00+02:00", "2026-05-15T17:00Z", "APIs"),
    ("No sooner than May 15, 2026 at 12:00 PM PT", "2026-05-15T19:00Z", "a floor with a time"),
    ("July 16, 2026 at 12:00 PM PST", "2026-07-16T20:00Z", "standard time, as printed, in summer"),
    ("July 16, 2026 at 12:00 PM PDT", "2026-07-16T19:00Z", "summer time"),
    ("July 16, 2026 at 12:00 PM Pacific Time", "2026-07-16T19:00Z", "the time in force"),
    ("January 16, 2026 at 12:00 PM EDT", "2026-01-16T16:00Z", "summer time, as printed, in winter"),
    ("July 16, 2026 at 12:00 PM (EST)", "2026-07-16T17:00Z", "standard time in brackets"),
    ("July 16, 2026 at 12:00 PM Eastern", "2026-07-16T16:00Z", "the time in force"),
    ("January 16, 2026 at 12:00 PM Eastern Time", "2026-01-16T17:00Z", "the same in winter"),
    ("9AM ET on February 19, 2026", "2026-02-19T14:00Z", "the time before the day"),
    ("July 16, 2026, 12:00 Pacific Standard Time", "2026-07-16T20:00Z", "the name in full"),
]

NO_DATES = [
    "",
    "-",
    "—",
    "---",
    "N/A",
    "NA",
    "n/a",
    "None",
    "TBD",
    "To be announced",
    "No date announced.",
    "*Not announced*",
]

REFUSED = [
    ("Smarch 45th, 20x6", "nonsense"),
    ("February 30, 2026", "a day that does not exist"),
    ("2026-13-01", "a month that does not exist"),
    ("Q5 2026", "a quarter that does not exist"),
    ("0000-01-01", "a year that does not exist"),
    ("2026-08-16 25:00 UTC", "an hour that does not exist"),
    ("2026-08-16 13:00 PM UTC", "an hour that a clock of twelve does not have"),
    ("0914", "Azure: a version, not a year"),
    ("1", "Azure: a version"),
    ("deprecated", "a word of the next column"),
    ("gpt-4o", "an id of the next column"),
    ("5/22/2026", "Mistral prints month first, others day first: the adapter has to say which"),
    ("09/21/26", "Groq: as above"),
    ("August 31", "Moonshot: no year, unless the adapter knows it"),
    ("12:00pm PT", "a time without a day"),
    ("April 2, 2025 May 1, 2025", "two dates"),
    ("July 15th, 2025 (all Regions)", "Bedrock 2025: the region is the adapter's to read"),
    ("Retirement date: April 02, 2025", "Azure to 2025-05: a label"),
    ("No earlier than 2027-04-14 1", "a footnote that lost its mark"),
    ("2026-10-231", "the same, glued"),
    ("March 12026", "a day or a year glued to the other: March 1 or 12 of which year?"),
    ("June 152026", "the same with a day of two digits"),
    ("June 15th2026", "the same behind an ending"),
    ("Monday, June 152026", "the same behind a weekday"),
    ("July 16, 2026 at 12:00 PM Mars Time", "a zone that has no place in the table"),
    ("through August 31, 2026", "Anthropic pricing: what it bounds is the adapter's to say"),
    ("late July 2026", "vaguer than a month"),
    ("H2 2026", "no text of When means half a year"),
    ("P6", "OCI: six months after something"),
]


@pytest.mark.parametrize(("printed", "text", "page"), EXACT)
def test_a_date(printed: str, text: str, page: str) -> None:
    assert when(printed) == When(text), page


@pytest.mark.parametrize(("printed", "text", "page"), FLOORS)
def test_a_floor(printed: str, text: str, page: str) -> None:
    assert when(printed) == When(text, "not_before"), page


@pytest.mark.parametrize(("printed", "text", "page"), TIMES)
def test_a_time(printed: str, text: str, page: str) -> None:
    parsed = when(printed)
    assert parsed is not None
    assert parsed.text == text, page


@pytest.mark.parametrize(
    "printed", ["by July 2026", "no later than July 2026", "on or before July 2026"]
)
def test_a_deadline(printed: str) -> None:
    assert when(printed) == When("2026-07", "by")


@pytest.mark.parametrize("printed", NO_DATES)
def test_no_date(printed: str) -> None:
    assert when(printed) is None


@pytest.mark.parametrize(("printed", "why"), REFUSED)
def test_anything_else_is_refused(printed: str, why: str) -> None:
    with pytest.raises(Unreadable, match=f"table 3, row 2: .*{re.escape(printed)}"):
        when(Inline(printed, where="table 3, row 2"))


@pytest.mark.parametrize(
    ("printed", "how", "text"),
    [
        ("09/21/26", {"order": "mdy"}, "2026-09-21"),  # Groq
        ("1/6/25", {"order": "mdy"}, "2025-01-06"),  # Groq, once without zeros
        ("5/22/2026", {"order": "mdy"}, "2026-05-22"),  # Mistral 2026
        ("No sooner than 9/23/2025", {"order": "mdy"}, "2025-09-23"),  # Bedrock 2025
        ("5/11/26", {"order": "dmy"}, "2026-11-05"),
        ("August 31", {"year": 2026}, "2026-08-31"),  # Moonshot
        ("Jun 24", {"year": 2026}, "2026-06-24"),  # OpenAI changelog
        ("June 24, 2025", {"year": 2026}, "2025-06-24"),  # a printed year is not overruled
        ("2026/07/24 23:59", {"zone": "Asia/Shanghai"}, "2026-07-24T15:59Z"),  # DeepSeek in China
        (
            "2026-07-24 23:59 UTC",
            {"zone": "Asia/Shanghai"},
            "2026-07-24T23:59Z",
        ),  # nor is a printed zone
        ("2026-07-24", {"zone": "Asia/Shanghai"}, "2026-07-24"),  # and a day is a day
    ],
)
def test_what_an_adapter_may_add(printed: str, how: dict[str, Any], text: str) -> None:
    parsed = when(printed, **how)
    assert parsed is not None
    assert parsed.text == text


def test_an_adapter_brings_the_spellings_of_its_page() -> None:
    """A private adapter needs no release of Lastcall for the words of its page."""
    with pytest.raises(Unreadable):
        when("July 16, 2026 at 12:00 Moscow Time")
    for zone in ("Europe/Moscow", 3):
        parsed = when("July 16, 2026 at 12:00 Moscow Time", zones={"moscow time": zone})
        assert parsed == When("2026-07-16T09:00Z")
    assert when("12:00 UTC on July 16, 2026", zones={"moscow time": 3}) == When("2026-07-16T12:00Z")
    with pytest.raises(Unreadable):
        when("On demand")
    assert when("On demand", no_date={"on demand"}) is None
    assert when("TBD", no_date={"on demand"}) is None


@pytest.mark.parametrize(
    ("printed", "order"), [("13/13/2026", "mdy"), ("22/5/2026", "mdy"), ("5/22/2026", "dmy")]
)
def test_an_order_that_cannot_be(printed: str, order: Any) -> None:
    with pytest.raises(Unreadable, match="not a date"):
        when(printed, order=order)


def test_words_are_kept_and_do_not_count() -> None:
    before, after = when("Not before October 16, 2026"), when("October 16, 2026 or later")
    assert before is not None
    assert after is not None
    assert before == after
    assert hash(before) == hash(after)
    assert before.words == "Not before October 16, 2026"


# --- every printed form of every date
# ----------------------------------------------------------------------


def _nth(day: int) -> str:
    return f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


@st.composite
def printed_days(draw: st.DrawFn) -> tuple[str, str]:
    """A day in some form that a page has printed it in, and its text."""
    day = draw(st.dates(date(2020, 1, 1), date(2039, 12, 31)))
    full, short = month_name[day.month], month_abbr[day.month]
    form = draw(
        st.sampled_from(
            [
                f"{day}",
                f"{day}".replace("-", "\u2011"),
                f"{day:%Y/%m/%d}",
                f"{day.year}.{day.month}.{day.day}",
                f"{day.year}-{day.month}-{day.day}",
                f"{full} {day.day}, {day.year}",
                f"{full} {day.day:02}, {day.year}",
                f"{full} {_nth(day.day)}, {day.year}",
                f"{full} {_nth(day.day)} {day.year}",
                f"{short} {day.day}, {day.year}",
                f"{short}. {day.day}, {day.year}",
                f"{full}, {day.day}, {day.year}",
                f"{day.day} {full} {day.year}",
                f"{day:%A}, {full} {day.day}, {day.year}",
                f"{full.upper()} {day.day}, {day.year}",
            ]
        )
    )
    return form, f"{day}"


@given(printed_days())
def test_every_form_of_a_day_is_that_day(printed: tuple[str, str]) -> None:
    form, text = printed
    assert when(form) == When(text)
    for floor in (
        f"Not sooner than {form}",
        f"{form} or later",
        f"at earliest {form}",
        f"No earlier than {form}^1^",
    ):
        assert when(floor) == When(text, "not_before")
    assert when(f"by {form}") == When(text, "by")


@given(st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 31)), st.integers(-12, 14))  # noqa: DTZ001
def test_every_form_of_an_instant_is_that_instant(local: datetime, offset: int) -> None:
    utc = local.replace(second=0, microsecond=0, tzinfo=UTC) - timedelta(hours=offset)
    for form in (
        f"{local:%Y-%m-%dT%H:%M:%S}{offset:+03}:00",
        f"{local:%B} {_nth(local.day)}, {local.year}, {local:%H:%M} (UTC{offset:+03}:00)",
        f"{local:%b %d, %Y} at {local:%I:%M %p} UTC{offset:+}",
    ):
        parsed = when(form)
        assert parsed is not None
        assert parsed.starts == parsed.ends == utc


@given(printed_days())
def test_a_year_stands_behind_a_comma_or_a_space(printed: tuple[str, str]) -> None:
    """Glued to a day, its first digit may belong to either ("June 152026")."""
    form, text = printed
    year = text[:4]
    glued = re.sub(rf",? {year}$", year, form)
    if glued != form:
        with pytest.raises(Unreadable):
            when(glued)


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_none_or_refused(text: str) -> None:
    try:
        parsed = when(text, order="mdy", year=2026, zone="Asia/Shanghai")
    except Unreadable:
        return
    assert parsed is None or parsed.starts <= parsed.ends


# --- When
# --------------------------------------------------------------------------------------------------


@given(whens())
def test_a_date_starts_before_it_ends(date: When) -> None:
    assert date.starts < date.ends or ("T" in date.text and date.starts == date.ends)
    assert date.ends - date.starts <= timedelta(days=366)


@given(whens(), whens())
def test_texts_sort_as_their_dates_do(first: When, second: When) -> None:
    if (
        "Q" not in first.text + second.text
    ):  # a quarter has no place among months: Q sorts after every digit
        assert (first.text <= second.text) is (
            (first.starts, len(first.text)) <= (second.starts, len(second.text))
        )
