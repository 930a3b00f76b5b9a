"""What may be believed of a page: diff, settle and check, as properties and at their borders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.diff import (
    MOST_SAID,
    Change,
    Doubt,
    Pending,
    Said,
    Snapshot,
    check,
    diff,
    patch,
    same_page,
    settle,
    snapshot,
)
from monitor.core.facts import Fact, Notice, Price, Retirement, When
from tests.support.strategies import pages

NOW = datetime(2026, 11, 23, tzinfo=UTC)

SNAPSHOTS = pages()


def told(facts: Snapshot) -> dict[str, tuple[object, ...]]:
    return {key: fact.value for key, fact in facts.items()}


def subject(fact: Fact) -> tuple[object, ...]:
    """What settles together."""
    if isinstance(fact, Price):
        return ("price", fact.model, fact.meter)
    return (fact.key,)


@dataclass
class Watched:
    """A page that is looked at again and again, a whole interval apart unless it is said
    otherwise.
    """

    known: Snapshot
    pending: list[Pending] = field(default_factory=list)
    recent: list[Said] = field(default_factory=list)
    now: datetime = NOW

    def look(self, seen: Snapshot | None, **more) -> list[Change]:
        """What a look settles; None is another look at the same page."""
        self.now += timedelta(minutes=15) if more.get("spaced") is False else timedelta(hours=6)
        found = same_page(self.known, self.pending) if seen is None else seen
        changes, self.pending, self.recent = settle(
            self.known, found, self.pending, self.recent, self.now, **more
        )
        self.known = patch(self.known, changes)
        return changes

    def looks(self, pages: Iterable[Snapshot]) -> list[Change]:
        """All that look after look settles."""
        return [change for page in pages for change in self.look(page)]


# --- diff and patch
# ----------------------------------------------------------------------------------------


@given(SNAPSHOTS)
def test_the_same_page_is_no_change(page: dict[str, Fact]) -> None:
    assert diff(page, page) == []


@given(SNAPSHOTS, SNAPSHOTS, st.randoms(use_true_random=False))
def test_order_does_not_matter(before: dict[str, Fact], after: dict[str, Fact], chance) -> None:
    facts = list(after.values())
    shuffled = chance.sample(facts, len(facts))
    assert diff(before, snapshot(facts)) == diff(before, snapshot(shuffled))
    assert Watched(before).look(snapshot(facts)) == Watched(before).look(snapshot(shuffled))
    assert check(before, snapshot(facts), NOW) == check(before, snapshot(shuffled), NOW)


def test_wording_and_trailing_zeros_are_no_change() -> None:
    old = Price(model="m", meter="input", per="1M tokens", amount=Decimal("1.6"), quote="$1.6")
    new = Price(
        model="m", meter="input", per="1M tokens", amount=Decimal("1.60"), quote="**$1.60**"
    )
    assert diff(snapshot([old]), snapshot([new])) == []
    words = [
        Retirement(model="m", stage="active", term=term, quote=term)
        for term in ("Active", "active")
    ]
    assert diff(snapshot(words[:1]), snapshot(words[1:])) == []


def test_a_change_is_about_something() -> None:
    with pytest.raises(ValueError, match="before or an after"):
        _ = Change(None, None).fact


# --- settle
# ------------------------------------------------------------------------------------------------


@given(SNAPSHOTS, SNAPSHOTS)
def test_nothing_but_notices_is_believed_at_the_first_look(
    known: dict[str, Fact], seen: dict[str, Fact]
) -> None:
    assert all(isinstance(change.fact, Notice) for change in Watched(known).look(seen))


@given(SNAPSHOTS, SNAPSHOTS)
def test_settled_and_waiting_are_the_difference(
    known: dict[str, Fact], seen: dict[str, Fact]
) -> None:
    page = Watched(known)
    changes = page.look(seen)
    waiting = [wait.change for wait in page.pending]
    assert sorted([*changes, *waiting], key=lambda change: change.key) == diff(known, seen)


@given(SNAPSHOTS, SNAPSHOTS)
def test_a_flap_within_the_looks_is_nothing(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    """A -> B -> A: what waited at B is forgotten at A."""
    page = Watched(known)
    page.look(seen)
    assert (page.look(page.known), page.pending) == ([], [])


#: Looks at two layouts: in strict turns, by twos, and as a server with two versions may have it.
TURNS = ["AB" * 20, "BBAA" * 10, "ABBABAABBBAABABBAAAB" * 2, "BBBAAABBBBAAAAB" * 3]


@pytest.mark.parametrize("turns", TURNS)
@given(one=SNAPSHOTS, other=SNAPSHOTS)
@settings(max_examples=25, deadline=None)
def test_two_layouts_in_turn(turns: str, one: dict[str, Fact], other: dict[str, Fact]) -> None:
    """In strict turns nothing is told (peers: 116 and 124 rows in turn for months); else each thing
    once at most.
    """
    page = Watched(one, now=datetime(2026, 10, 16, tzinfo=UTC))  # no end passes while they turn
    settled = page.looks({"A": one, "B": other}[turn] for turn in turns)
    told = [change.key for change in settled if not isinstance(change.fact, Notice)]
    assert len(told) == len(set(told))
    assert not told or turns != TURNS[0]


@given(SNAPSHOTS, SNAPSHOTS)
def test_the_same_page_settles_in_two_looks(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    """A 304 is another look: it cannot freeze what waits."""
    page = Watched(known)
    page.look(seen)
    page.look(None)
    assert page.pending == []
    slid_out = {
        key: fact for key, fact in known.items() if isinstance(fact, Notice) and key not in seen
    }
    assert told(page.known) == told(seen) | told(slid_out)


@given(SNAPSHOTS, SNAPSHOTS)
def test_looking_again_is_looking_at_the_same_page(
    known: dict[str, Fact], seen: dict[str, Fact]
) -> None:
    again, fetched = Watched(known), Watched(known)
    again.look(seen)
    fetched.look(seen)
    assert again.look(None) == fetched.look(seen)


@given(SNAPSHOTS, st.lists(SNAPSHOTS, max_size=5))
def test_changes_of_one_subject_settle_together(
    known: dict[str, Fact], pages: list[dict[str, Fact]]
) -> None:
    watched = Watched(known)
    for page in pages:
        settled = {subject(change.fact) for change in watched.look(page)}
        assert settled.isdisjoint(subject(wait.change.fact) for wait in watched.pending)


@given(SNAPSHOTS, st.lists(SNAPSHOTS, max_size=4))
def test_what_waits_and_what_is_remembered_survive_the_store(
    known: dict[str, Fact], pages: list[dict[str, Fact]]
) -> None:
    watched = Watched(known)
    watched.looks(pages)
    assert [
        Pending.from_json(json.loads(json.dumps(wait.to_json()))) for wait in watched.pending
    ] == watched.pending
    assert [
        Said.from_json(json.loads(json.dumps(said.to_json()))) for said in watched.recent
    ] == watched.recent


def test_a_change_that_waited_before_intervals_were_counted_is_read() -> None:
    assert (
        Pending.from_json({"before": None, "after": retirement(None).to_json(), "looks": 1}).spaced
        == 1
    )


def retirement(end: str | None, bound="on") -> Retirement:
    return Retirement(model="m", stage="deprecated", retires=When(end, bound) if end else None)


def price(amount: str, **more) -> Price:
    return Price(model="m", meter="input", per="1M tokens", amount=Decimal(amount), **more)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        pytest.param(None, retirement("2026-10-14"), "soon", id="a new row"),
        pytest.param(retirement("2026-10-14"), None, "apart", id="a row that leaves"),
        pytest.param(retirement(None), retirement("2026-10-14"), "apart", id="a date that appears"),
        pytest.param(
            retirement(None),
            retirement("2026-10-14", "not_before"),
            "soon",
            id="a floor that appears",
        ),
        pytest.param(
            retirement("2026-02-19", "not_before"),
            retirement("2026-04-19"),
            "apart",
            id="a floor made firm",
        ),
        pytest.param(
            retirement("2027-10-14"), retirement("2026-10-14"), "apart", id="an earlier date"
        ),
        pytest.param(retirement("2026-02-27"), retirement("2026-03-24"), "soon", id="a later date"),
        pytest.param(retirement("2026-10-14"), retirement(None), "soon", id="a date taken back"),
        pytest.param(price("2"), price("4"), "soon", id="a price doubled"),
        pytest.param(price("2"), price("4.01"), "apart", id="a price more than doubled"),
        pytest.param(price("1.00"), price("0.20"), "apart", id="GPT-5.6 Luna: 80 % off"),
        pytest.param(price("2"), price("0"), "apart", id="a price that is suddenly nothing"),
        pytest.param(price("0"), price("0.00"), "none", id="nothing stays nothing"),
    ],
)
def test_looks_needed(before: Fact | None, after: Fact | None, kind: str) -> None:
    """Any change needs two looks; those that cost a reader most need them a whole interval
    apart.
    """
    known, seen = (snapshot([fact] if fact else []) for fact in (before, after))
    quick, slow = Watched(known), Watched(known)
    looked = [len(quick.look(seen, spaced=number == 0)) for number in range(6)]
    assert looked == [0, int(kind == "soon"), 0, 0, 0, 0]
    assert len(quick.look(seen)) == (kind == "apart")
    assert [len(slow.look(seen)) for _ in range(3)] == [0, int(kind != "none"), 0]


def test_a_look_soon_after_another_is_no_first_one_of_a_whole_interval() -> None:
    page = Watched(snapshot([retirement("2026-10-14")]))
    assert [len(page.look({}, spaced=spaced)) for spaced in (False, True, False, True)] == [
        0,
        0,
        0,
        1,
    ]


def test_a_different_change_starts_its_looks_anew() -> None:
    page = Watched(snapshot([retirement("2027-10-14")]))
    page.look(snapshot([retirement("2026-10-14")]))
    changes = page.look(snapshot([retirement("2026-10-01")]))
    assert (changes, [wait.looks for wait in page.pending]) == ([], [1])


def test_a_dropped_end_date_of_a_price_is_one_settled_set() -> None:
    """Sonnet 5: $2 until 2026-08-31 and $3 from 2026-09-01 became $2. The addition waits for the
    two removals.
    """
    intro, later = price("2", ends=When("2026-08-31")), price("3", starts=When("2026-09-01"))
    page = Watched(snapshot([intro, later]))
    page.now = datetime(2026, 8, 12, tzinfo=UTC)
    assert (page.look(snapshot([price("2")])), len(page.pending)) == ([], 3)
    assert page.look(None, spaced=False) == []
    assert (len(page.look(None)), page.pending) == (3, [])


# --- what was said lately
# ----------------------------------------------------------------------------------

A, B = snapshot([retirement("2026-10-14")]), snapshot([retirement("2026-12-01")])


def test_back_to_what_was_said_lately_takes_two_days_and_each_time_twice_that() -> None:
    page = Watched(A)
    for seen, needed in ((B, 2), (A, 8), (B, 16), (A, 32), (B, 32)):
        looked = [len(page.look(seen)) for _ in range(needed + 1)]
        assert looked == [0] * (needed - 1) + [1, 0]


@pytest.mark.parametrize(("hours", "needed"), [(1, 48), (3, 16), (6, 8), (12, 8), (24, 8)])
def test_a_source_that_is_polled_more_often_needs_more_looks_to_return(
    hours: int, needed: int
) -> None:
    page = Watched(A)
    every = timedelta(hours=hours)
    looked = [len(page.look(seen, every=every)) for seen in [B, B, *[A] * needed]]
    assert looked == [0, 1] + [0] * (needed - 1) + [1]


def test_what_was_seen_and_went_needs_whole_intervals_the_next_time() -> None:
    """A page gone from some of its servers for an hour comes back; then it is gone, and says so for
    long enough.
    """
    page = Watched(A)
    for needed in (2, 4, 8):
        page.look(B)
        page.look(A)
        assert (page.known, page.pending) == (A, [])
        assert [said.looks for said in page.recent] == [needed]
    assert [len(page.look(B)) for _ in range(8)] == [0] * 7 + [1]


def test_a_true_withdrawal_a_week_after_its_announcement_comes_through() -> None:
    page = Watched({})
    ahead = snapshot([retirement("2027-03-01")])
    page.looks([ahead, ahead])
    page.now += timedelta(days=7)
    assert [len(page.look({})) for _ in range(8)] == [0] * 7 + [1]


def test_what_is_over_leaves_as_announced() -> None:
    """xAI announces nine days ahead and takes the row off on the day: that is no return to a page
    without it.
    """
    page = Watched({}, now=datetime(2026, 10, 5, tzinfo=UTC))
    page.looks([A, A])
    page.now = datetime(2026, 10, 15, tzinfo=UTC)
    assert [len(page.look({})) for _ in range(2)] == [0, 1]


def test_a_page_that_says_as_a_whole_what_it_said_lately_is_no_news_for_two_days() -> None:
    """More prices than are remembered one by one, all back at the old page."""
    old, new = (
        snapshot(replace(price(amount), model=f"m-{number}") for number in range(600))
        for amount in ("2", "3")
    )
    page = Watched(old)
    assert len(page.looks([new, new])) == 600
    assert len(page.recent) == MOST_SAID
    assert [len(page.look(old)) for _ in range(8)] == [0] * 7 + [600]


def test_after_a_month_it_is_forgotten() -> None:
    page = Watched(A)
    page.looks([B, B])
    page.now += timedelta(days=30)
    assert len(page.looks([A, A])) == 1


@given(SNAPSHOTS, SNAPSHOTS)
def test_what_is_trusted_settles_at_once(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    assert Watched(known).look(seen, trusted=True) == diff(known, seen)


# --- check
# -------------------------------------------------------------------------------------------------


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
    """More than three rows and more than a fifth. A peer lost 60 of 61 rows to a renamed column."""
    assert held(rows(known), rows(left)) == (
        f"{known - left} of {known} facts are missing" if doubted else ""
    )


@pytest.mark.parametrize(
    ("known", "new", "doubted"),
    [(5, 20, False), (5, 21, True), (100, 100, False), (100, 101, True), (28, 442, True)],
)
def test_mass_addition(known: int, new: int, doubted: bool) -> None:
    """xAI's page of 2025-11-11 brought 442 rows that were none."""
    words = f"{new} facts are new beside {known} known ones"
    assert held(rows(known), rows(known + new)) == (words if doubted else "")


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
    ("known", "left", "looks"),
    [(4, 0, None), (5, 1, None), (10, 4, 12), (10, 3, None), (100, 40, 12), (100, 39, None)],
)
def test_a_hollow_page_waits_for_a_person(known: int, left: int, looks: int | None) -> None:
    """More than 60 % of the subjects are gone; less may be a clearing, if it stays so for twelve
    looks.
    """
    doubt = check(snapshot(rows(known)), snapshot(rows(left)), NOW)
    assert doubt == Doubt(f"{known - left} of {known} facts are missing", looks)


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
    told = Doubt(f"{lost} of {named} facts name no replacement any more", 4)
    assert doubt == (told if doubted else None)
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
def test_unit_slip(before: str, after: str, doubted: bool) -> None:
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
def test_a_date_of_another_age(field: str, text: str, doubted: bool) -> None:
    """Mistral printed 2525 once. The first look at a page is no exception."""
    fact = Retirement(model="m", stage="deprecated", quote="| m | 2525 |", **{field: When(text)})
    reason = f"m: {text} is no date of this decade: '| m | 2525 |'" if doubted else ""
    assert held([], [fact]) == held(rows(3), [*rows(3), fact]) == reason


def test_an_end_that_is_pulled_in_by_more_than_half_a_year() -> None:
    """Azure pulled gpt-4.1 in by a year and meant it: agreeing looks release it."""
    for before, after, looks in (
        (retirement("2027-10-14"), retirement("2026-10-14"), 3),
        (retirement("2027-10-14", "not_before"), retirement("2026-10-14"), 3),
        (retirement("2027-10-14"), retirement("2026-10-14", "not_before"), 0),
        (retirement("2027-04-12"), retirement("2026-10-14"), 0),
        (retirement("2026-10-14"), retirement("2027-10-14"), 0),
    ):
        doubt = check(snapshot([before]), snapshot([after]), NOW)
        assert (doubt.looks if doubt else 0) == looks
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


def test_an_end_before_its_announcement() -> None:
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
    assert not held([*rows(3), fact], [*rows(3), fact]), "what was let in stays"
    assert not held(rows(3), [*rows(3), replace(fact, announced=When("2025-04"))])
    assert not held(rows(3), [*rows(3), replace(fact, retires=When("2025-04-28", "not_before"))])
    backwards = price("2", starts=When("2026-12-01"), ends=When("2026-11-30"))
    assert (
        held([price("2")], [price("2"), backwards])
        == "m: a price from 2026-12-01 until 2026-11-30: ''"
    )


def test_the_hardest_doubt_counts() -> None:
    """A slip by a thousand beside a date pulled in by a year: no number of looks releases it."""
    known, seen = [price("2"), retirement("2027-10-14")], [price("2000"), retirement("2026-10-14")]
    doubt = check(snapshot(known), snapshot(seen), NOW)
    assert doubt
    assert (doubt.looks, doubt.release) == (None, "only a person releases it")
    assert "from 2 to 2000" in doubt.reason


def test_another_source_takes_away_its_doubt_only() -> None:
    pulled_in = retirement("2026-10-14")
    known, seen = [price("2"), retirement("2027-10-14")], [price("30"), pulled_in]

    def vouched(*vouch: Fact) -> Doubt | None:
        return check(
            snapshot(known),
            snapshot(seen),
            NOW,
            lambda facts: {fact.key for fact in facts if fact in vouch},
        )

    doubts = [vouched(), vouched(pulled_in), vouched(price("30"))]
    assert [doubt.looks for doubt in doubts if doubt] == [None, None, 3]
    assert [doubt.fact for doubt in doubts if doubt] == [price("30"), price("30"), pulled_in]
    assert vouched(price("30"), pulled_in) is None


@pytest.mark.parametrize(
    ("known", "new", "looks"), [(28, 442, None), (5, 100, 4), (5, 101, None), (200, 800, 4)]
)
def test_a_flood_waits_for_a_person(known: int, new: int, looks: int | None) -> None:
    doubt = check(snapshot(rows(known)), snapshot(rows(known + new)), NOW)
    assert doubt
    assert doubt.looks == looks


def test_only_a_person_releases_what_cannot_be_true() -> None:
    strange = check({}, snapshot([retirement("2525-07-30")]), NOW)
    slip = check(snapshot([price("1")]), snapshot([price("1000")]), NOW)
    removal = check(snapshot(rows(61)), snapshot(rows(1)), NOW)
    assert [doubt.looks for doubt in (strange, slip, removal) if doubt] == [None, None, None]


def test_notices_slide_without_doubt() -> None:
    old = [Notice(title=f"old {number}") for number in range(50)]
    new = [Notice(title=f"new {number}") for number in range(50)]
    assert not held(old, new)
    assert not held([*old, *rows(3)], [*new, *rows(3)])
