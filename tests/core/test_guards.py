"""Documents that are held (monitor.core.guards): the border of each guard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.diff import snapshot
from monitor.core.facts import Fact, Notice, Price, Retirement, When
from monitor.core.guards import Doubt, check
from tests.core.builders import price, retirement
from tests.support.strategies import pages

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@given(pages(), pages(), st.randoms(use_true_random=False))
def test_order_does_not_matter(before: dict[str, Fact], after: dict[str, Fact], chance) -> None:
    facts = list(after.values())
    shuffled = snapshot(chance.sample(facts, len(facts)))
    assert check(before, after, NOW) == check(before, shuffled, NOW)


def rows(count: int, end: str = "2026-10-14", start: int = 0, **more) -> list[Fact]:
    return [
        Retirement(model=f"m-{number}", stage="deprecated", retires=When(end), **more)
        for number in range(start, start + count)
    ]


def held(known: Iterable[Fact], seen: Iterable[Fact]) -> str:
    doubt = check(snapshot(known), snapshot(seen), NOW)
    return doubt.reason if doubt else ""


@pytest.mark.parametrize(
    ("known", "left", "doubted"),
    [
        (4, 1, False),
        (4, 0, True),
        (15, 12, False),
        (15, 11, True),
        (100, 80, False),
        (100, 79, True),
        (61, 1, True),
    ],
)
def test_mass_removal(known: int, left: int, doubted: bool) -> None:
    """More than three rows and more than a fifth. Another project lost 60 of 61 rows to a renamed column."""
    assert held(rows(known), rows(left)) == (
        f"{known - left} of {known} facts are missing" if doubted else ""
    )


@pytest.mark.parametrize(
    ("known", "new", "doubted"),
    [(5, 20, False), (5, 21, True), (100, 100, False), (100, 101, True), (28, 442, True)],
)
def test_mass_addition(known: int, new: int, doubted: bool) -> None:
    """xAI's page of 2025-11-11 brought 442 rows that were no models."""
    reason = f"{new} facts are new beside {known} known ones"
    assert held(rows(known), rows(known + new)) == (reason if doubted else "")


@pytest.mark.parametrize(
    ("known", "moved", "doubted"),
    [(12, 10, False), (12, 11, True), (100, 50, False), (100, 51, True)],
)
def test_mass_change(known: int, moved: int, doubted: bool) -> None:
    seen = rows(moved, "2026-12-01") + rows(known - moved, start=moved)
    assert held(rows(known), seen) == (
        f"{moved} of {known} facts say something else" if doubted else ""
    )


@pytest.mark.parametrize(
    ("known", "left", "polls"),
    [(4, 0, None), (5, 1, None), (10, 4, 12), (10, 3, None), (100, 40, 12), (100, 39, None)],
)
def test_a_hollow_page_waits_for_an_operator(known: int, left: int, polls: int | None) -> None:
    """More than 60 % of the facts are gone. Less may be a clearing, if it stays so for twelve polls."""
    doubt = check(snapshot(rows(known)), snapshot(rows(left)), NOW)
    assert doubt == Doubt(f"{known - left} of {known} facts are missing", polls)


@pytest.mark.parametrize(
    ("named", "lost", "doubted"),
    [
        (3, 3, False),
        (4, 3, False),
        (4, 4, True),
        (12, 4, False),
        (12, 5, True),
        (60, 20, False),
        (60, 21, True),
    ],
)
def test_replacements_that_vanish(named: int, lost: int, doubted: bool) -> None:
    """A page may lack the column, so its adapter cannot refuse; rows that never named one do not
    count.
    """
    known = rows(named, replacements=("gpt-5",)) + rows(40, start=named)
    seen = (
        rows(lost) + rows(named - lost, start=lost, replacements=("gpt-6",)) + rows(40, start=named)
    )
    doubt = check(snapshot(known), snapshot(seen), NOW)
    expected = Doubt(f"{lost} of {named} facts name no replacement any more", 4)
    assert doubt == (expected if doubted else None)
    assert not check(snapshot(seen), snapshot(known), NOW)


def test_rewritten_replacements_are_news_and_no_damage() -> None:
    """47 replacements in one poll: 47 events in one message, not a held page."""
    assert not held(rows(60), rows(47, replacements=("gpt-5",)) + rows(13, start=47))


@pytest.mark.parametrize(
    ("before", "after", "doubted"),
    [
        ("2", "20", False),
        ("2", "20.01", True),
        ("20", "2", False),
        ("20", "1.99", True),
        ("0.0000025", "2.50", True),  # USD for one token read as USD for a million
        ("1.00", "0.20", False),  # GPT-5.6 Luna on 2026-07-30: 80 % off, and true
        ("0", "5", True),
        ("5", "0", True),
        ("0", "0.00", False),
    ],
)
def test_a_price_that_slips_by_a_factor(before: str, after: str, doubted: bool) -> None:
    reason = held([price(before)], [price(after)])
    assert bool(reason) == doubted
    assert not doubted or reason.startswith(
        f"m: input goes from {before} to {after} USD per 1M tokens"
    )


@pytest.mark.parametrize("field", ["announced", "deprecated", "retires"])
@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        ("2022-12-01", False),
        ("2016-11-22", True),
        ("2036-11-23", True),
        ("2036-11-22", False),
        ("2525-07-30", True),
    ],
)
def test_a_date_of_another_decade(field: str, text: str, doubted: bool) -> None:
    """Mistral printed 2525 once. The first poll of a page is no exception."""
    fact = Retirement(model="m", stage="deprecated", quote="| m | 2525 |", **{field: When(text)})
    reason = f"m: {text} is no date of this decade: '| m | 2525 |'" if doubted else ""
    assert held([], [fact]) == held(rows(3), [*rows(3), fact]) == reason


def test_a_retirement_that_moves_earlier_by_more_than_half_a_year() -> None:
    """Azure pulled gpt-4.1 in by a year and meant it: agreeing polls release it."""
    for before, after, polls in (
        (retirement("2027-10-14"), retirement("2026-10-14"), 3),
        (retirement("2027-10-14", "not_before"), retirement("2026-10-14"), 3),
        (retirement("2027-10-14"), retirement("2026-10-14", "not_before"), 0),
        (retirement("2027-04-12"), retirement("2026-10-14"), 0),
        (retirement("2026-10-14"), retirement("2027-10-14"), 0),
    ):
        doubt = check(snapshot([before]), snapshot([after]), NOW)
        assert (doubt.polls if doubt else 0) == polls
    reason = held([retirement("2027-10-14")], [retirement("2026-10-14")])
    assert reason == "m: 2027-10-14 -> 2026-10-14, 365 days earlier, more than 180"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            ("2.50", "1K tokens"),
            ("2.50", "1M tokens"),
            "from 2.50 per 1K tokens to 2.50 USD per 1M tokens",
        ),
        (("0.0025", "1K tokens"), ("2.50", "1M tokens"), ""),
        (("0.10", "image"), ("10", "1K images"), ""),
        (("0.10", "minute"), ("0.10", "hour"), "from 0.10 per minute to 0.10 USD per hour"),
        (("0.01", "10 seconds"), ("0.06", "minute"), ""),
        (("0.03", "container"), ("0.03", "session"), ""),  # another thing that is counted
        (("2", "1M tokens"), ("2", "1M tokens per hour"), ""),
        (
            ("2", "1M tokens", {"ends": When("2026-12-31")}),
            ("2000", "1M tokens"),
            "from 2 to 2000 USD",
        ),
    ],
)
def test_another_unit(before: tuple, after: tuple, words: str) -> None:
    was, to = (
        Price(model="m", meter="input", amount=Decimal(amount), per=per, **dict(*more))
        for amount, per, *more in (before, after)
    )
    reason = held([was], [to])
    assert words in reason
    assert bool(words) == bool(reason)


def test_another_currency() -> None:
    dollars, yuan = price("2"), price("2", currency="CNY")
    assert held([dollars], [yuan]) == "m: input is in CNY, was in USD"
    assert not held([dollars], [dollars, yuan])
    assert not held([dollars, yuan], [yuan])


def test_ids_that_change_their_shape() -> None:
    def named(pattern: str, count: int = 6) -> list[Fact]:
        return [Retirement(model=pattern.format(number), stage="active") for number in range(count)]

    ids, names = named("gpt-{}"), named("GPT {} Turbo")
    assert held(ids, names) == "6 of 6 ids are names with spaces, 0 of 6 were before"
    assert not held(ids, [*ids, *names[:3]])
    assert not held(names, [*names, *named("Claude {}", 3)])
    assert not held(names, [*names[:4], *ids[:2]])
    for left in (
        "`gpt-{}`",
        r"gpt-{} \| gpt",
        "<b>gpt-{}",
        "**gpt-{}**",
        "[gpt-{}]",
        "gpt-{}&nbsp;",
    ):
        (marked,) = named(left, 1)
        assert (
            held(ids, [*ids, marked])
            == f"1 of 7 ids hold markup, none did before: {marked.model!r}"
        )
        assert not held([*ids, marked], [*ids, marked, *named(left, 2)])
    assert not held(ids, [*ids, *named("ft-*:{}/a@001_b.c")])


def test_a_retirement_before_its_announcement() -> None:
    """o1-mini swapped 2025-10-27 and 2025-04-28 three times: the one date read as the other."""
    fact = Retirement(
        model="m",
        stage="deprecated",
        announced=When("2025-10-27"),
        retires=When("2025-04-28"),
        quote="q",
    )
    assert (
        held(rows(3), [*rows(3), fact])
        == "m: retires 2025-04-28, before it was announced, 2025-10-27: 'q'"
    )
    assert not held([*rows(3), fact], [*rows(3), fact]), "an accepted row stays"
    assert not held(rows(3), [*rows(3), replace(fact, announced=When("2025-04"))])
    assert not held(rows(3), [*rows(3), replace(fact, retires=When("2025-04-28", "not_before"))])
    backwards = price("2", starts=When("2026-12-01"), ends=When("2026-11-30"))
    assert (
        held([price("2")], [price("2"), backwards])
        == "m: a price from 2026-12-01 until 2026-11-30: ''"
    )


def test_the_hardest_doubt_counts() -> None:
    """A slip by a thousand beside a date pulled in by a year: no number of polls releases it."""
    known, seen = [price("2"), retirement("2027-10-14")], [price("2000"), retirement("2026-10-14")]
    doubt = check(snapshot(known), snapshot(seen), NOW)
    assert doubt
    assert (doubt.polls, doubt.release) == (None, "only a person releases it")
    assert "from 2 to 2000" in doubt.reason


def test_another_source_releases_only_its_own_doubt() -> None:
    pulled_in = retirement("2026-10-14")
    known, seen = [price("2"), retirement("2027-10-14")], [price("30"), pulled_in]

    def doubt_beside(*confirmed: Fact) -> Doubt | None:
        return check(
            snapshot(known),
            snapshot(seen),
            NOW,
            lambda facts: {fact.key for fact in facts if fact in confirmed},
        )

    doubts = [doubt_beside(), doubt_beside(pulled_in), doubt_beside(price("30"))]
    assert [doubt.polls for doubt in doubts if doubt] == [None, None, 3]
    assert [doubt.fact for doubt in doubts if doubt] == [price("30"), price("30"), pulled_in]
    assert doubt_beside(price("30"), pulled_in) is None


@pytest.mark.parametrize(
    ("known", "new", "polls"), [(28, 442, None), (5, 100, 4), (5, 101, None), (200, 800, 4)]
)
def test_a_flood_waits_for_an_operator(known: int, new: int, polls: int | None) -> None:
    doubt = check(snapshot(rows(known)), snapshot(rows(known + new)), NOW)
    assert doubt
    assert doubt.polls == polls


def test_only_an_operator_releases_what_cannot_be_true() -> None:
    strange = check({}, snapshot([retirement("2525-07-30")]), NOW)
    slip = check(snapshot([price("1")]), snapshot([price("1000")]), NOW)
    removal = check(snapshot(rows(61)), snapshot(rows(1)), NOW)
    assert [doubt.polls for doubt in (strange, slip, removal) if doubt] == [None, None, None]


def test_notices_slide_without_doubt() -> None:
    old = [Notice(title=f"old {number}") for number in range(50)]
    new = [Notice(title=f"new {number}") for number in range(50)]
    assert not held(old, new)
    assert not held([*old, *rows(3)], [*new, *rows(3)])
