"""The recorded year: what stood on the pages on which day. Ids, dates and prices are the providers'
own.

Each step names the day, what happened in one line, and the pages that were different from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.demo import pages

Pages = dict[str, bytes]


@dataclass(frozen=True)
class Step:
    """One day of the year. ``pages`` replaces what was served before, by source id."""

    at: datetime
    title: str
    pages: Pages


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_REALTIME = ("2025-09-15", "Realtime previews")
_LEGACY = ("2025-09-26", "Legacy GPT model snapshots")
_SPRING = ("2026-04-22", "Legacy GPT model snapshots, second part")


def _openai(
    realtime: str, *, audio_previews: bool = False, spring: bool = False
) -> list[pages.Row]:
    rows: list[pages.Row] = []
    if spring:
        rows += [(*_SPRING, "2026-10-23", "gpt-4.1-nano-2025-04-14", "gpt-5.4-nano")]
    if audio_previews:
        rows += [
            (*_SPRING, "2026-07-23", "gpt-4o-audio-preview-2024-12-17", "gpt-audio"),
            (*_SPRING, "2026-07-23", "gpt-4o-mini-audio-preview-2024-12-17", "gpt-audio"),
            (
                *_SPRING,
                "2026-07-23",
                "gpt-4o-mini-realtime-preview-2024-12-17",
                "gpt-realtime-mini",
            ),
        ]
    rows += [
        (*_LEGACY, "2026‑03‑26", "gpt-4-0314", "gpt-5"),
        (*_LEGACY, "2026-09-28", "gpt-3.5-turbo-instruct", "gpt-5-mini"),
        (*_REALTIME, realtime, "gpt-4o-realtime-preview", "gpt-realtime"),
    ]
    return rows


_GPT = {
    "gpt-4.1": ("2", "0.5", "8"),
    "gpt-4o": ("2.5", "1.25", "10"),
    "gpt-4o-mini": ("0.15", "0.075", "0.6"),
}
_GPT56 = {"gpt-5.6-terra": ("2.5", "0.25", "15"), "gpt-5.6-luna": ("1", "0.1", "6")}
_GPT56_CUT = {"gpt-5.6-terra": ("2", "0.2", "12"), "gpt-5.6-luna": ("0.20", "0.02", "1.20")}

_OPUS_45 = ("claude-opus-4-5-20251101", "Active", "N/A", "Not sooner than November 24, 2026")
_HAIKU_35 = ("claude-3-5-haiku-20241022", "Deprecated", "December 19, 2025", "February 19, 2026")
_HISTORY_35 = (
    "2025-12-19",
    "Claude Haiku 3.5",
    "February 19, 2026",
    "claude-3-5-haiku-20241022",
    "claude-haiku-4-5-20251001",
)


def _claude(haiku_35: pages.Row, *haiku_3: str, history: tuple[pages.Row, ...] = ()) -> bytes:
    haiku: pages.Row = ("claude-3-haiku-20240307", *haiku_3)
    return pages.claude_retirements([_OPUS_45, haiku_35, haiku], history)


_CLAUDE_PRICES: list[pages.Row] = [
    ("Claude Opus 4.5", "5", "6.25", "10", "0.50", "25"),
    ("Claude Haiku 4.5", "1", "1.25", "2", "0.10", "5"),
]
_SONNET_5 = ("2", "2.50", "4", "0.20", "10")
_SONNET_5_LATER = ("3", "3.75", "6", "0.30", "15")


def _gemini(flash: str, replacement: str = "", *, note: bool = False) -> bytes:
    return pages.gemini_retirements(
        [
            ("gemini-2.5-pro", "June 17, 2025", flash, replacement),
            ("gemini-2.5-flash", "June 17, 2025", flash, replacement),
        ],
        note=note,
    )


def _azure(gpt_41: str) -> bytes:
    return pages.azure_retirements(
        [
            ("gpt-4.1", "2025-04-14", "GA", gpt_41, "gpt-5"),
            ("gpt-4o", "2024-11-20", "GA", "2026-10-01", "gpt-5.1"),
            ("text-embedding-3-small", "1", "GA", "2027-04-15", "—"),
        ]
    )


def steps() -> Iterator[Step]:
    """The year, oldest day first. The first step is the silent baseline."""
    floor_35: pages.Row = (
        "claude-3-5-haiku-20241022",
        "Active",
        "N/A",
        "Not sooner than October 22, 2025",
    )
    floor_3 = ("Active", "N/A", "Not sooner than March 7, 2025")
    yield Step(
        _day("2025-11-13"),
        "The first look at six pages is the baseline: recorded, told to nobody",
        {
            pages.OPENAI_RETIREMENTS: pages.openai_retirements(_openai("2026-02-27")),
            pages.OPENAI_PRICES: pages.openai_prices(_GPT),
            pages.CLAUDE_RETIREMENTS: _claude(floor_35, *floor_3),
            pages.CLAUDE_PRICES: pages.claude_prices(_CLAUDE_PRICES),
            pages.GEMINI_RETIREMENTS: _gemini("Earliest June 2026"),
            pages.AZURE_RETIREMENTS: _azure("2027-10-14"),
        },
    )
    yield Step(
        _day("2025-12-17"),
        'Google turns "Earliest June 2026" into a day',
        {pages.GEMINI_RETIREMENTS: _gemini("June 17, 2026", "gemini-3-flash-preview")},
    )
    yield Step(
        _day("2025-12-19"),
        "Anthropic announces the end of Claude Haiku 3.5",
        {pages.CLAUDE_RETIREMENTS: _claude(_HAIKU_35, *floor_3, history=(_HISTORY_35,))},
    )
    gone_35: pages.Row = (
        "claude-3-5-haiku-20241022",
        "Retired",
        "December 19, 2025",
        "February 19, 2026",
    )
    yield Step(
        _day("2026-02-20"),
        "Claude Haiku 3.5 is retired, the day after its date",
        {pages.CLAUDE_RETIREMENTS: _claude(gone_35, *floor_3, history=(_HISTORY_35,))},
    )
    yield Step(
        _day("2026-02-26"),
        "OpenAI postpones its realtime preview, a day before its end",
        {pages.OPENAI_RETIREMENTS: pages.openai_retirements(_openai("2026-03-24"))},
    )
    yield Step(
        _day("2026-03-27"),
        "A column is renamed over night: the page is refused, and nobody is told a thing",
        {
            pages.OPENAI_RETIREMENTS: pages.openai_retirements(
                _openai("2026-03-24"),
                ("Shutdown date", "Affected thing", "Recommended replacement"),
            )
        },
    )
    yield Step(
        _day("2026-04-03"),
        "The page is back, and the realtime preview is postponed again",
        {pages.OPENAI_RETIREMENTS: pages.openai_retirements(_openai("2026-05-07"))},
    )
    yield Step(
        _day("2026-04-22"),
        "OpenAI announces four more",
        {
            pages.OPENAI_RETIREMENTS: pages.openai_retirements(
                _openai("2026-05-07", audio_previews=True, spring=True)
            )
        },
    )
    yield Step(
        _day("2026-05-08"),
        "OpenAI's price page answers 200 with a page that checks for robots: refused",
        {pages.OPENAI_PRICES: pages.WALL},
    )
    yield Step(
        _day("2026-05-20"),
        "Three of the four leave the page without a word, four weeks after they came: believed "
        "after two days",
        {
            pages.OPENAI_RETIREMENTS: pages.openai_retirements(_openai("2026-05-07", spring=True)),
            pages.OPENAI_PRICES: pages.openai_prices(_GPT),
        },
    )
    yield Step(
        _day("2026-05-28"),
        "Google notes that its dates are the earliest possible: floors, which are never counted "
        "down",
        {pages.GEMINI_RETIREMENTS: _gemini("June 17, 2026", "gemini-3-flash-preview", note=True)},
    )
    yield Step(
        _day("2026-06-18"),
        "The floor of gemini-2.5-flash passes, and nothing is said: it has not retired",
        {},
    )
    yield Step(
        _day("2026-07-01"),
        "Sonnet 5 comes at a price that is to rise in September; Azure pulls gpt-4.1 in by a year",
        {
            pages.CLAUDE_PRICES: pages.claude_prices(
                [
                    ("Claude Sonnet 5 through August 31, 2026", *_SONNET_5),
                    ("Claude Sonnet 5 starting September 1, 2026", *_SONNET_5_LATER),
                    *_CLAUDE_PRICES,
                ]
            ),
            pages.OPENAI_PRICES: pages.openai_prices(_GPT56 | _GPT),
            pages.AZURE_RETIREMENTS: _azure("2026-10-14"),
        },
    )
    yield Step(
        _day("2026-07-30"),
        "OpenAI cuts prices by up to 80 %: too much for one look, believed at the second",
        {pages.OPENAI_PRICES: pages.openai_prices(_GPT56_CUT | _GPT)},
    )
    yield Step(
        _day("2026-08-12"),
        "Anthropic takes the announced rise back, and Google takes back its day",
        {
            pages.CLAUDE_PRICES: pages.claude_prices(
                [("Claude Sonnet 5", *_SONNET_5), *_CLAUDE_PRICES]
            ),
            pages.GEMINI_RETIREMENTS: _gemini("No shutdown date announced", note=True),
        },
    )
    yield Step(
        _day("2026-09-29"), "A day passes: gpt-3.5-turbo-instruct is over, page or no page", {}
    )
