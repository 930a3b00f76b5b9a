"""What a change means: true cases of every kind, and what must never be said."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.diff import Change, diff, snapshot
from monitor.core.facts import Fact, Listing, Notice, Price, Retirement, When
from monitor.core.interpret import (
    KINDS,
    Draft,
    completions,
    identify,
    interpret,
    next_completion,
    says,
    subject,
)
from monitor.core.origin import Kind
from monitor.core.severity import SEVERITIES
from monitor.reading.source import Source

#: Raised by the poll (tests/polling/test_poll.py), and by what other issues bring.
ELSEWHERE = {
    "source.suspect",
    "source.failing",
    "source.recovered",
    "source.stale",
    "endpoint.disabled",
    "endpoint.failing",
    "endpoint.recovered",
    "retirement.reminder",
    "conflict.opened",
    "conflict.closed",
}


def source(kind: Kind = "official", keeps_retired: bool = False) -> Source:
    return Source(
        "openai.deprecations",
        "https://acme.example/",
        lambda body: [],
        kind=kind,
        keeps_retired=keeps_retired,
    )


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def when(text: str | None) -> When | None:
    """``2026-08``, ``>=2026-09-29`` for a floor, ``<=2026-08`` for "by"."""
    if text is None:
        return None
    bound = {">=": "not_before", "<=": "by"}.get(text[:2], "on")
    return When(text.lstrip("<>="), bound, words=f"printed {text}")  # type: ignore[arg-type]


def ends(
    text: str | None, *replacements: str, stage="deprecated", model="m", provider="openai", **more
) -> Retirement:
    return Retirement(
        model=model,
        provider=provider,
        stage=stage,
        retires=when(text),
        replacements=replacements,
        **more,
    )


def active(text: str | None = None, **more) -> Retirement:
    return ends(text, stage="active", **more)


def price(amount: str, starts: str | None = None, ends: str | None = None, **more) -> Price:
    more = {
        "model": "claude-sonnet-5",
        "provider": "anthropic",
        "meter": "input",
        "per": "1M tokens",
    } | more
    return Price(amount=Decimal(amount), starts=when(starts), ends=when(ends), **more)


def listed(**more) -> Listing:
    return Listing(model="gpt-4o", provider="openai", **more)


def drafts(
    before: list[Fact], after: list[Fact], now: str, given: Source | None = None, **more
) -> list[Draft]:
    return interpret(given or source(), diff(snapshot(before), snapshot(after)), at(now), **more)


REALTIME = "gpt-4o-realtime-preview"

#: What stood, what stands, when it is noticed, and the events: kind, severity, words after the
#: subject.
RETIREMENTS = {
    "announced": (
        [],
        [ends("2026-02-27", "gpt-realtime", model=REALTIME)],
        "2025-11-18",
        [
            (
                "retirement.announced",
                "action",
                "retires 2026-02-27 (in 101 days); replacement gpt-realtime",
            )
        ],
    ),
    "announced for soon": (
        [],
        [ends("2026-02-16")],
        "2026-01-17",
        [
            (
                "retirement.announced",
                "critical",
                "retires 2026-02-16 (in 30 days); no replacement named",
            )
        ],
    ),
    "announced for today": (
        [],
        [ends("2026-02-16")],
        "2026-02-16",
        [("retirement.announced", "critical", "retires 2026-02-16 (today); no replacement named")],
    ),
    "announced without a date": (
        [],
        [ends(None, term="Deprecated")],
        "2026-01-05",
        [("retirement.announced", "action", "Deprecated, no date told; no replacement named")],
    ),
    "announced for a month": (
        [],
        [ends("2026-08", "a", "b")],
        "2026-07-20",
        [("retirement.announced", "critical", "retires 2026-08; replacement a or b")],
    ),
    "announced of a listed model": (
        [active(">=2026-02-19")],
        [ends("2026-04-20", "claude-haiku-4-5")],
        "2026-02-20",
        [
            (
                "retirement.announced",
                "action",
                "retires 2026-04-20 (in 59 days); replacement claude-haiku-4-5",
            )
        ],
    ),
    "announced of a legacy model, date first": (
        [ends(None, stage="legacy")],
        [ends("<=2026-12", stage="legacy")],
        "2026-02-20",
        [("retirement.announced", "action", "retires by 2026-12; no replacement named")],
    ),
    "postponed": (
        [ends("2026-02-27", model=REALTIME)],
        [ends("2026-03-24", model=REALTIME)],
        "2026-02-20",
        [
            (
                "retirement.postponed",
                "action",
                "postponed by 25 days, 2026-02-27 -> 2026-03-24 (in 32 days)",
            )
        ],
    ),
    "postponed again": (
        [ends("2026-03-24", model=REALTIME)],
        [ends("2026-05-07", model=REALTIME)],
        "2026-03-20",
        [
            (
                "retirement.postponed",
                "action",
                "postponed by 44 days, 2026-03-24 -> 2026-05-07 (in 48 days)",
            )
        ],
    ),
    "postponed by some hours": (
        [ends("2026-05-15T19:00Z")],
        [ends("2026-05-15T21:00Z")],
        "2026-05-01",
        [
            (
                "retirement.postponed",
                "critical",
                "postponed, 2026-05-15T19:00Z -> 2026-05-15T21:00Z (in 14 days)",
            )
        ],
    ),
    "postponed from one month to another": (
        [ends("2026-08")],
        [ends("2026-10")],
        "2026-05-01",
        [("retirement.postponed", "action", "postponed, 2026-08 -> 2026-10")],
    ),
    "advanced by a year": (
        [ends("2027-10-14", model="gpt-4.1", provider="azure", version="2025-04-14")],
        [ends("2026-10-14", model="gpt-4.1", provider="azure", version="2025-04-14")],
        "2026-06-02",
        [
            (
                "retirement.advanced",
                "action",
                "pulled in by 365 days, 2027-10-14 -> 2026-10-14 (in 134 days)",
            )
        ],
    ),
    "advanced to soon": (
        [ends("2026-08-31")],
        [ends("2026-07-31")],
        "2026-07-10",
        [
            (
                "retirement.advanced",
                "critical",
                "pulled in by 31 days, 2026-08-31 -> 2026-07-31 (in 21 days)",
            )
        ],
    ),
    "withdrawn, the date is gone": (
        [ends("2026-11-03", model="llama-3.1-70b")],
        [active(model="llama-3.1-70b")],
        "2026-09-01",
        [("retirement.withdrawn", "notice", "retirement withdrawn, was 2026-11-03")],
    ),
    "withdrawn, no longer deprecated": (
        [ends(None)],
        [active()],
        "2026-09-01",
        [("retirement.withdrawn", "notice", "no longer deprecated")],
    ),
    "not withdrawn while a firm date stands": (
        [ends("2027-01-01")],
        [active("2027-01-01")],
        "2026-09-01",
        [("retirement.changed", "notice", "active, was deprecated")],
    ),
    "completed by its stage": (
        [ends("2026-02-16", "gpt-5.1")],
        [ends("2026-02-16", "gpt-5.1", stage="retired")],
        "2026-02-17",
        [("retirement.completed", "critical", "retired on 2026-02-16; replacement gpt-5.1")],
    ),
    "completed before anything was said of it": (
        [],
        [ends("2026-02-16", stage="retired")],
        "2026-02-17",
        [("retirement.completed", "critical", "retired on 2026-02-16; no replacement named")],
    ),
    "completed, the row left after its date": (
        [ends("2026-02-16")],
        [],
        "2026-02-17",
        [("retirement.completed", "critical", "retired on 2026-02-16; no replacement named")],
    ),
    "completed, a month has passed": (
        [ends("2026-08")],
        [],
        "2026-09-01",
        [("retirement.completed", "critical", "retired on 2026-08; no replacement named")],
    ),
    "completed by its stage alone, on a floor": (
        [ends(">=2026-09-29")],
        [ends(">=2026-09-29", stage="retired")],
        "2026-10-05",
        [("retirement.completed", "critical", "retired; no replacement named")],
    ),
    "unlisted, the row left before its date": (
        [ends("2026-10-16")],
        [],
        "2026-10-16T12:00",
        [("model.unlisted", "action", "left the page before its retirement, was 2026-10-16")],
    ),
    "unlisted, the row left before its month was over": (
        [ends("2026-08")],
        [],
        "2026-08-31",
        [("model.unlisted", "action", "left the page before its retirement, was 2026-08")],
    ),
    "unlisted, deprecated without a date": (
        [ends(None)],
        [],
        "2026-08-31",
        [("model.unlisted", "action", "left the page before its retirement, no date was told")],
    ),
    "unlisted, a floor that is over": (
        [active(">=2026-09-29")],
        [],
        "2026-11-01",
        [("model.unlisted", "action", "left the page; no retirement was announced")],
    ),
    "listed with a floor": (
        [],
        [active(">=2026-09-29")],
        "2026-09-28",
        [("model.listed", "info", "on the page, retires not before 2026-09-29")],
    ),
    "a floor moves away": (
        [active(">=2026-09-29")],
        [active(">=2027-01-15")],
        "2026-09-01",
        [
            (
                "retirement.postponed",
                "info",
                "postponed by 108 days, not before 2026-09-29 -> not before 2027-01-15",
            )
        ],
    ),
    "a floor comes nearer": (
        [active(">=2027-01-15")],
        [active(">=2026-09-29")],
        "2026-09-01",
        [
            (
                "retirement.advanced",
                "notice",
                "pulled in by 108 days, not before 2027-01-15 -> not before 2026-09-29",
            )
        ],
    ),
    "a floor appears": (
        [active()],
        [active(">=2026-09-29")],
        "2026-09-01",
        [("retirement.changed", "info", "retires not before 2026-09-29")],
    ),
    "a floor is taken back": (
        [active(">=2026-09-29")],
        [active()],
        "2026-09-01",
        [("retirement.changed", "info", "no floor any more, was not before 2026-09-29")],
    ),
    "a floor becomes firm on a deprecated model": (
        [ends(">=2026-09-29")],
        [ends("2026-09-29")],
        "2026-09-01",
        [
            (
                "retirement.changed",
                "critical",
                "retires 2026-09-29 (in 28 days), was not before 2026-09-29",
            )
        ],
    ),
    "a firm day becomes a floor": (
        [ends("2026-09-29")],
        [ends(">=2026-09-29")],
        "2026-09-01",
        [("retirement.changed", "notice", "retires not before 2026-09-29, was 2026-09-29")],
    ),
    "a month becomes a day of it": (
        [ends("2026-08")],
        [ends("2026-08-16")],
        "2026-07-01",
        [("retirement.changed", "notice", "retires 2026-08-16 (in 46 days), was 2026-08")],
    ),
    "a day gets its hour": (
        [ends("2026-05-15")],
        [ends("2026-05-15T00:00Z")],
        "2026-05-01",
        [
            (
                "retirement.changed",
                "critical",
                "retires 2026-05-15T00:00Z (in 14 days), was 2026-05-15",
            )
        ],
    ),
    "a date is told at last": (
        [ends(None)],
        [ends("2026-12-01")],
        "2026-09-01",
        [("retirement.changed", "action", "retires 2026-12-01 (in 91 days)")],
    ),
    "another stage": (
        [ends(None, stage="active", term="Active")],
        [ends(None, stage="legacy", term="Legacy")],
        "2026-09-01",
        [("retirement.changed", "notice", "Legacy, was Active")],
    ),
    "back from retirement": (
        [ends(None, stage="retired", model="claude-fable-5")],
        [active(model="claude-fable-5")],
        "2026-07-01",
        [("retirement.changed", "notice", "active, was retired")],
    ),
    "announced on another day": (
        [ends("2026-10-16", announced=When("2026-04-22"))],
        [ends("2026-10-16", announced=When("2026-04-23"))],
        "2026-05-01",
        [("retirement.changed", "info", "announced 2026-04-23")],
    ),
    "another replacement": (
        [ends("2026-10-16", "gpt-5")],
        [ends("2026-10-16", "gpt-5.1", "gpt-5.2")],
        "2026-05-01",
        [("replacement.changed", "info", "replacement gpt-5.1 or gpt-5.2, was gpt-5")],
    ),
    "another date and another replacement": (
        [ends("2026-10-16", "gpt-5")],
        [ends("2026-10-23")],
        "2026-05-01",
        [
            (
                "retirement.postponed",
                "action",
                "postponed by 7 days, 2026-10-16 -> 2026-10-23 (in 175 days)",
            ),
            ("replacement.changed", "info", "replacement none, was gpt-5"),
        ],
    ),
    "other words": (
        [ends("2026-10-16", note="a", quote="b", term="c")],
        [ends("2026-10-16", note="d", quote="e", term="f")],
        "2026-05-01",
        [],
    ),
}

KEEPS_PAST = {
    "withdrawn, the row is gone": (
        [ends("2026-05-20", model="gpt-4o-mini-tts-2025-03-20")],
        [],
        "2026-05-01",
        [
            (
                "retirement.withdrawn",
                "notice",
                "retirement withdrawn, the row is gone, was 2026-05-20",
            )
        ],
    ),
    "withdrawn, a row without a date is gone": (
        [ends(None)],
        [],
        "2026-05-01",
        [
            (
                "retirement.withdrawn",
                "notice",
                "retirement withdrawn, the row is gone, no date was told",
            )
        ],
    ),
    "unlisted, the row left after its date": (
        [ends("2026-05-20")],
        [],
        "2026-05-21",
        [("model.unlisted", "info", "left the page after its retirement")],
    ),
    "unlisted, the row of a retired model left": (
        [ends(None, stage="retired")],
        [],
        "2026-05-21",
        [("model.unlisted", "info", "left the page after its retirement")],
    ),
}

LISTINGS = {
    "listed": ([], [listed()], "2026-05-01", [("model.listed", "info", "listed")]),
    "unlisted": (
        [listed()],
        [],
        "2026-05-01",
        [("model.unlisted", "action", "no longer listed, and no retirement is known")],
    ),
    "retargeted": (
        [listed(alias_of="gpt-4o-2024-05-13")],
        [listed(alias_of="gpt-4o-2024-08-06")],
        "2026-05-01",
        [("model.retargeted", "action", "points to gpt-4o-2024-08-06, was gpt-4o-2024-05-13")],
    ),
    "retargeted to nothing": (
        [listed(alias_of="gpt-4o-2024-05-13")],
        [listed()],
        "2026-05-01",
        [("model.retargeted", "action", "points to itself, was gpt-4o-2024-05-13")],
    ),
    "changed": (
        [listed(context_window=128000, modalities=("text",))],
        [listed(context_window=200000, modalities=("text", "image"))],
        "2026-05-01",
        [
            (
                "model.changed",
                "info",
                "context window 200000, was 128000, modalities text, image, was text",
            )
        ],
    ),
    "told for the first time": ([listed()], [listed(context_window=128000)], "2026-05-01", []),
}

LATER = price("3", starts="2026-09-01")
INTRO = price("2", ends="2026-08-31")
PRICES = {
    "added": (
        [],
        [price("2")],
        "2026-05-01",
        [("price.added", "info", "input 2 USD per 1M tokens")],
    ),
    "added for a time": (
        [],
        [INTRO],
        "2026-05-01",
        [("price.added", "info", "input 2 USD per 1M tokens until 2026-08-31")],
    ),
    "increased": (
        [price("0.20")],
        [price("1.25")],
        "2026-05-15",
        [("price.increased", "action", "input 0.20 -> 1.25 USD per 1M tokens (+525 %)")],
    ),
    "increased from nothing": (
        [price("0")],
        [price("1.25")],
        "2026-05-15",
        [("price.increased", "action", "input 0 -> 1.25 USD per 1M tokens")],
    ),
    "decreased": (
        [price("1.00", meter="cached_input", tier="batch", context=">200k")],
        [price("0.20", meter="cached_input", tier="batch", context=">200k")],
        "2026-07-30",
        [
            (
                "price.decreased",
                "notice",
                "cached input (>200k, batch) 1.00 -> 0.20 USD per 1M tokens (-80 %)",
            )
        ],
    ),
    "written otherwise": ([price("1.6")], [price("1.60")], "2026-07-30", []),
    "removed": (
        [price("6", context=">200k")],
        [],
        "2026-03-13",
        [("price.removed", "notice", "input (>200k) is off the page, was 6 USD per 1M tokens")],
    ),
    "scheduled": (
        [INTRO],
        [INTRO, LATER],
        "2026-07-01",
        [("price.scheduled", "action", "input will be 3 USD per 1M tokens from 2026-09-01")],
    ),
    "scheduled otherwise": (
        [LATER],
        [price("4", starts="2026-09-01")],
        "2026-07-01",
        [("price.increased", "action", "input 3 -> 4 USD per 1M tokens (+33 %) from 2026-09-01")],
    ),
    "a rise is cancelled and the promotion stays": (
        [INTRO, LATER],
        [price("2")],
        "2026-08-12",
        [
            (
                "price.unscheduled",
                "notice",
                "input of 3 USD per 1M tokens from 2026-09-01 is off the page",
            ),
            (
                "price.changed",
                "notice",
                "input 2 USD per 1M tokens now without an end, was until 2026-08-31",
            ),
        ],
    ),
    "a promotion begins": (
        [price("3")],
        [INTRO, LATER],
        "2026-06-30",
        [
            ("price.scheduled", "action", "input will be 3 USD per 1M tokens from 2026-09-01"),
            ("price.decreased", "notice", "input 3 -> 2 USD per 1M tokens (-33 %)"),
        ],
    ),
    "a promotion lasts longer": (
        [INTRO],
        [price("2", ends="2026-10-31")],
        "2026-08-12",
        [
            (
                "price.changed",
                "notice",
                "input 2 USD per 1M tokens now until 2026-10-31, was until 2026-08-31",
            )
        ],
    ),
    "a scheduled price takes effect": ([INTRO, LATER], [price("3")], "2026-09-02", []),
    "a scheduled price takes effect some hours early": (
        [INTRO, LATER],
        [price("3")],
        "2026-08-31T22:00",
        [("price.increased", "action", "input 2 -> 3 USD per 1M tokens (+50 %)")],
    ),
    "a promotion is over": ([INTRO, LATER], [LATER], "2026-09-02", []),
}

NOTICES = {
    "published": (
        [],
        [Notice(title="GPT-4o leaves\nthe API", provider="openai")],
        "2026-09-02",
        [("notice.published", "info", "GPT-4o leaves the API")],
    ),
    "slid out": ([Notice(title="Old", provider="openai")], [], "2026-09-02", []),
}

CASES = {**RETIREMENTS, **LISTINGS, **PRICES, **NOTICES}


def outcome(told: list[Draft]) -> list[tuple[str, str, str]]:
    for draft in told:
        assert draft.fact
        assert draft.summary.startswith(f"{subject(draft.fact)}: ")
    return [(draft.kind, draft.severity, draft.summary.partition(": ")[2]) for draft in told]


@pytest.mark.parametrize("case", CASES)
def test_meaning(case: str) -> None:
    before, after, now, expected = CASES[case]
    assert outcome(drafts(before, after, now)) == expected


@pytest.mark.parametrize("case", KEEPS_PAST)
def test_meaning_where_rows_stay_after_their_date(case: str) -> None:
    before, after, now, expected = KEEPS_PAST[case]
    assert outcome(drafts(before, after, now, source(keeps_retired=True))) == expected


def test_every_kind_has_a_case() -> None:
    told = {kind for case in (CASES | KEEPS_PAST).values() for kind, _, _ in case[3]}
    assert told | {"model.relisted"} == set(KINDS) - ELSEWHERE  # relisted: below


def test_relisted() -> None:
    for fact, severity, words in (
        (listed(), "notice", "listed again"),
        (active(model="claude-fable-5"), "info", "back on the page"),
    ):
        told = drafts([], [fact], "2026-07-01", returned=[fact.key])
        assert outcome(told) == [("model.relisted", severity, words)]


@pytest.mark.parametrize(
    ("end", "severity", "words"),
    [
        (ends("2026-06-30", model="gpt-4o"), "info", "no longer listed, retired 2026-06-30"),
        (
            ends("2026-09-30", model="gpt-4o"),
            "action",
            "no longer listed, before its retirement (2026-09-30)",
        ),
        (
            ends(None, model="gpt-4o"),
            "action",
            "no longer listed, before its retirement (no date told)",
        ),
    ],
)
def test_unlisted_beside_a_known_retirement(end: Retirement, severity: str, words: str) -> None:
    told = drafts([listed()], [], "2026-07-01", ends={"gpt-4o": end})
    assert outcome(told) == [("model.unlisted", severity, words)]


@pytest.mark.parametrize("kind", ["hint", "news"])
def test_what_is_not_official_announces_and_prices_nothing(kind: Kind) -> None:
    kinds = {
        draft.kind
        for before, after, now, _ in (CASES | KEEPS_PAST).values()
        for draft in drafts(before, after, now, source(kind))
    }
    assert kinds == ({"notice.published"} if kind == "news" else set())


# --- completion by the calendar
# ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "over", "instant"),
    [
        ("2026-02-16", "2026-02-17", "2026-02-16T23:59:59"),
        ("2026-08", "2026-09-01", "2026-08-31T23:59:59"),
        ("2026-Q3", "2026-10-01", "2026-09-30T23:59:59"),
        ("2026", "2027-01-01", "2026-12-31T23:59:59"),
        ("<=2026-08", "2026-09-01", "2026-08-31T23:59:59"),
        ("2026-05-15T19:00Z", "2026-05-15T19:00", "2026-05-15T18:59:59"),
    ],
)
def test_a_date_completes_when_it_is_certainly_over(end: str, over: str, instant: str) -> None:
    fact = ends(end)
    assert completions([fact], at(instant)) == []
    assert next_completion({fact.key: fact}, at(instant)) == at(over)
    assert [draft.kind for draft in completions([fact], at(over))] == ["retirement.completed"]
    assert next_completion({fact.key: fact}, at(over)) is None


def test_neither_floors_nor_what_is_retired_complete_by_the_calendar() -> None:
    facts = [
        active(">=2020-01-01"),
        ends(">=2020-01-01", model="n"),
        ends("2020-01-01", stage="retired", model="o"),
    ]
    assert completions(facts, at("2026-09-30")) == []
    assert next_completion(snapshot(facts), at("2026-09-30")) is None
    assert completions([ends(None), listed(), price("2")], at("2026-09-30")) == []


def test_the_next_completion_is_the_soonest() -> None:
    facts = snapshot(
        [
            ends("2027-01-01", model="a"),
            ends("2026-12-01", model="b"),
            ends(">=2026-11-01", model="c"),
        ]
    )
    assert next_completion(facts, at("2026-11-23")) == at("2026-12-02")


def test_completion_is_said_once_however_it_shows() -> None:
    """The date passes, then the stage says so, then the row leaves: one saying."""
    stands, retired = ends("2026-02-16"), ends("2026-02-16", stage="retired")
    told = [
        *completions([stands], at("2026-02-17")),
        *drafts([stands], [retired], "2026-02-18"),
        *drafts([retired], [], "2026-02-19"),
        *drafts([stands], [], "2026-02-19"),
    ]
    assert {draft.kind for draft in told} == {"retirement.completed"}
    assert all(draft.once for draft in told)
    assert len({says("openai.deprecations", draft) for draft in told}) == 1


# --- properties
# --------------------------------------------------------------------------------------------

DAYS = st.dates(datetime(2026, 1, 1).date(), datetime(2027, 12, 31).date()).map(str)  # noqa: DTZ001
TEXTS = DAYS | DAYS.map(lambda day: day[:7]) | DAYS.map(lambda day: day[:4])
NOWS = DAYS.map(at)
FLOORS = st.builds(
    Retirement,
    provider=st.just("anthropic"),
    model=st.just("claude-opus-4"),
    stage=st.sampled_from(["active", "legacy", "deprecated"]),
    announced=st.none() | TEXTS.map(When),
    retires=st.none() | TEXTS.map(lambda text: When(text, "not_before")),
    replacements=st.sampled_from([(), ("claude-opus-4-5",)]),
)
MAYBE = st.none() | FLOORS


@given(MAYBE, MAYBE, NOWS, st.booleans(), st.booleans())
def test_a_floor_is_never_counted_down_and_never_completes(
    before, after, now, keeps_retired, back
) -> None:
    facts = [fact for fact in (before, after) if fact]
    if not facts:
        return
    returned = [facts[0].key] if back else []
    told = interpret(source(keeps_retired=keeps_retired), [Change(before, after)], now, returned)
    told += completions(facts, now)
    assert next_completion(snapshot(facts), now) is None
    for draft in told:
        assert draft.kind != "retirement.completed"
        assert not re.search(r"\(in \d|today|retired on", draft.summary)
        assert draft.severity != "critical"
        assert not draft.effective or draft.effective.bound == "not_before"


FACTS = st.one_of(
    FLOORS,
    st.builds(
        Retirement,
        provider=st.just("openai"),
        model=st.text(min_size=1, max_size=8),
        stage=st.sampled_from(["active", "deprecated", "retired"]),
        retires=st.none() | TEXTS.map(When),
        term=st.text(max_size=8),
    ),
    st.builds(Notice, provider=st.just("openai"), title=st.text(max_size=30)),
    st.builds(price, st.sampled_from(["0", "1", "2"]), st.none() | DAYS, st.none() | DAYS),
    st.builds(listed, alias_of=st.sampled_from(["", "gpt-4o-2024-05-13"])),
)
SNAPSHOTS = st.lists(FACTS, max_size=8)


@given(SNAPSHOTS, SNAPSHOTS, NOWS)
def test_whatever_changes_is_told_in_one_line_of_a_known_kind(before, after, now) -> None:
    changes = diff(snapshot(before), snapshot(after))
    for draft in interpret(source(), changes, now):
        assert draft.kind in KINDS
        assert draft.severity in SEVERITIES
        assert len(draft.summary.splitlines()) == 1
        assert draft.before is None or draft.after is None or draft.before.fact == draft.after.fact


@given(SNAPSHOTS, SNAPSHOTS, NOWS)
def test_what_is_said_does_not_depend_on_order_or_wording(before, after, now) -> None:
    one, other = snapshot(before), snapshot(after)
    told = [
        says("openai.deprecations", draft) for draft in interpret(source(), diff(one, other), now)
    ]
    one, other = (
        {
            key: replace(fact, quote="other words", note="notes")
            for key, fact in reversed(facts.items())
        }
        for facts in (one, other)
    )
    assert [
        says("openai.deprecations", draft) for draft in interpret(source(), diff(one, other), now)
    ] == told


# --- identity
# ----------------------------------------------------------------------------------------------


def said(
    before: Fact | None,
    after: Fact | None,
    now: str = "2026-02-20",
    source_id: str = "openai.deprecations",
):
    told = interpret(source(), [Change(before, after)], at(now))
    return says(source_id, told[0])


def test_the_same_saying_has_the_same_name() -> None:
    one = said(ends("2026-02-27"), ends("2026-03-24"))
    assert one == said(
        ends("2026-02-27", note="n", quote="q", term="t"), ends("2026-03-24"), "2026-02-25"
    )
    assert said(price("1.6"), price("2")) == said(price("1.60"), price("2.00"))
    assert one == said(
        ends("2026-02-27"),
        replace(ends("2026-03-24"), retires=When("2026-03-24", words="March 24, 2026")),
    )


def test_another_saying_has_another_name() -> None:
    sayings = [
        said(ends("2026-02-27"), ends("2026-03-24")),
        said(ends("2026-02-27"), ends("2026-05-07")),
        said(ends("2026-03-24"), ends("2026-05-07")),
        said(ends("2026-02-27"), ends(">=2026-03-24")),
        said(ends("2026-02-27"), ends("2026-03-24"), source_id="openai.models"),
        *(
            said(ends("2026-02-27", **{name: "x"}), ends("2026-03-24", **{name: "x"}))
            for name in ("model", "version", "region", "surface", "provider")
        ),
        *(
            said(price("1", **{name: "x"}), price("2", **{name: "x"}))
            for name in ("model", "meter", "currency", "tier", "context", "window")
        ),
        said(price("1"), price("2")),
        said(price("1"), price("2.01")),
        said(price("2"), price("1")),
    ]
    assert len(set(sayings)) == len(sayings)


def test_each_occurrence_has_its_own_id() -> None:
    """A price may rise, fall and rise again: the second rise says the same and is another event."""
    saying = said(price("1"), price("2"))
    ids = [identify(saying, occurrence) for occurrence in range(50)]
    assert len(set(ids)) == 50
    assert ids == [identify(saying, occurrence) for occurrence in range(50)]
    assert all(re.fullmatch(r"evt_[a-z2-7]{24}", event_id) for event_id in ids)


def test_ids_stay_what_they_were() -> None:
    """Receivers hold on to ids. Whoever changes this has a migration to write."""
    saying = said(ends("2026-02-27", model=REALTIME), ends("2026-03-24", model=REALTIME))
    assert identify(saying, 0) == "evt_kyl3margqvacud3zbd2j3vx7"


def test_the_offering_in_words() -> None:
    fact = ends(
        None,
        model="gpt-4o",
        provider="azure",
        version="2024-05-13",
        region="eastus",
        surface="fine-tuning",
    )
    assert subject(fact) == "azure/gpt-4o 2024-05-13 in eastus (fine-tuning)"
    assert subject(Notice(title="x", provider="openai")) == "openai"


def test_evidence_is_the_quote_of_what_stands_or_stood() -> None:
    old, new = ends("2026-02-27", quote="old row"), ends("2026-03-24", quote="new row")
    assert [draft.quote for draft in drafts([old], [new], "2026-02-20")] == ["new row"]
    assert [draft.quote for draft in drafts([old], [], "2026-02-20")] == ["old row"]
    assert Draft("source.failing", "action", None, "x").quote == ""


def test_soon_is_thirty_days() -> None:
    severities = [
        drafts([], [ends(str((at("2026-05-01") + timedelta(days=count)).date()))], "2026-05-01")[
            0
        ].severity
        for count in (30, 31)
    ]
    assert severities == ["critical", "action"]
