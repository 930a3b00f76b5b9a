"""Which changes are confirmed (monitor.core.settle): properties, and the borders of each rule."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.diff import Change, Snapshot, diff, patch, snapshot
from monitor.core.facts import Fact, Notice, Price, When
from monitor.core.settle import (
    MOST_REMEMBERED,
    PastValue,
    Pending,
    Rules,
    same_page,
    settle,
)
from tests.core.builders import price, retirement
from tests.support.strategies import pages

NOW = datetime(2026, 11, 23, tzinfo=UTC)

PAGES = pages()


def values(facts: Snapshot) -> dict[str, tuple[object, ...]]:
    return {key: fact.value for key, fact in facts.items()}


def group(fact: Fact) -> tuple[object, ...]:
    """Return what is confirmed together."""
    if isinstance(fact, Price):
        return ("price", fact.model, fact.meter)
    return (fact.key,)


#: The rules of a page whose polls are a full interval apart.
USUAL = Rules()


@dataclass
class Page:
    """A page that is polled again and again, at full intervals unless the rules say otherwise."""

    known: Snapshot
    pending: list[Pending] = field(default_factory=list)
    recent: list[PastValue] = field(default_factory=list)
    now: datetime = NOW

    def poll(self, seen: Snapshot | None, rules: Rules = USUAL) -> list[Change]:
        """Return the changes that a poll confirms; None is the same page as before."""
        self.now += timedelta(hours=6) if rules.full_interval else timedelta(minutes=15)
        facts = same_page(self.known, self.pending) if seen is None else seen
        changes, self.pending, self.recent = settle(
            self.known, facts, self.pending, self.recent, self.now, rules
        )
        self.known = patch(self.known, changes)
        return changes

    def poll_all(self, pages: Iterable[Snapshot]) -> list[Change]:
        """Return the changes that poll after poll confirms."""
        return [change for page in pages for change in self.poll(page)]


@given(PAGES, PAGES, st.randoms(use_true_random=False))
def test_order_does_not_matter(before: dict[str, Fact], after: dict[str, Fact], chance) -> None:
    facts = list(after.values())
    shuffled = snapshot(chance.sample(facts, len(facts)))
    assert Page(before).poll(after) == Page(before).poll(shuffled)


@given(PAGES, PAGES)
def test_nothing_but_notices_is_believed_at_the_first_poll(
    known: dict[str, Fact], seen: dict[str, Fact]
) -> None:
    assert all(isinstance(change.fact, Notice) for change in Page(known).poll(seen))


@given(PAGES, PAGES)
def test_confirmed_and_pending_changes_are_the_difference(
    known: dict[str, Fact], seen: dict[str, Fact]
) -> None:
    page = Page(known)
    changes = page.poll(seen)
    waiting = [wait.change for wait in page.pending]
    assert sorted([*changes, *waiting], key=lambda change: change.key) == diff(known, seen)


@given(PAGES, PAGES)
def test_a_flap_within_the_polls_is_nothing(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    """A -> B -> A: what waited at B is forgotten at A."""
    page = Page(known)
    page.poll(seen)
    assert (page.poll(page.known), page.pending) == ([], [])


#: Polls of two layouts: in strict turns, by twos, and as a server with two versions may have it.
TURNS = ["AB" * 20, "BBAA" * 10, "ABBABAABBBAABABBAAAB" * 2, "BBBAAABBBBAAAAB" * 3]


@pytest.mark.parametrize("turns", TURNS)
@given(one=PAGES, other=PAGES)
@settings(max_examples=25, deadline=None)
def test_two_layouts_in_turn_are_reported_once_at_most(
    turns: str, one: dict[str, Fact], other: dict[str, Fact]
) -> None:
    """In strict turns nothing is reported, else each change at most once. Other projects reported
    116 and 124 rows in turn for months.
    """
    page = Page(one, now=datetime(2026, 10, 16, tzinfo=UTC))  # no date passes while they turn
    changes = page.poll_all({"A": one, "B": other}[turn] for turn in turns)
    keys = [change.key for change in changes if not isinstance(change.fact, Notice)]
    assert len(keys) == len(set(keys))
    assert not keys or turns != TURNS[0]


@given(PAGES, PAGES)
def test_a_page_is_confirmed_by_a_second_poll(
    known: dict[str, Fact], seen: dict[str, Fact]
) -> None:
    """A 304 is another poll: it cannot freeze a pending change."""
    page = Page(known)
    page.poll(seen)
    page.poll(None)
    assert page.pending == []
    slid_out = {
        key: fact for key, fact in known.items() if isinstance(fact, Notice) and key not in seen
    }
    assert values(page.known) == values(seen) | values(slid_out)


@given(PAGES, PAGES)
def test_an_unchanged_page_counts_as_the_same_page_fetched_again(
    known: dict[str, Fact], seen: dict[str, Fact]
) -> None:
    again, fetched = Page(known), Page(known)
    again.poll(seen)
    fetched.poll(seen)
    assert again.poll(None) == fetched.poll(seen)


@given(PAGES, st.lists(PAGES, max_size=5))
def test_changes_of_one_group_are_confirmed_together(
    known: dict[str, Fact], pages: list[dict[str, Fact]]
) -> None:
    page = Page(known)
    for seen in pages:
        confirmed = {group(change.fact) for change in page.poll(seen)}
        assert confirmed.isdisjoint(group(wait.change.fact) for wait in page.pending)


@given(PAGES, st.lists(PAGES, max_size=4))
def test_pending_changes_and_past_values_survive_the_store(
    known: dict[str, Fact], pages: list[dict[str, Fact]]
) -> None:
    page = Page(known)
    page.poll_all(pages)
    assert [
        Pending.from_json(json.loads(json.dumps(wait.to_json()))) for wait in page.pending
    ] == page.pending
    assert [
        PastValue.from_json(json.loads(json.dumps(value.to_json()))) for value in page.recent
    ] == page.recent


def test_a_pending_change_without_full_intervals_is_read() -> None:
    stored = {"before": None, "after": retirement(None).to_json(), "looks": 1}
    assert Pending.from_json(stored).full_intervals == 1


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
def test_polls_needed(before: Fact | None, after: Fact | None, kind: str) -> None:
    """Any change needs two polls; those that cost a reader most need them a full interval
    apart.
    """
    known, seen = (snapshot([fact] if fact else []) for fact in (before, after))
    quick, slow = Page(known), Page(known)
    counts = [len(quick.poll(seen, Rules(full_interval=number == 0))) for number in range(6)]
    assert counts == [0, int(kind == "soon"), 0, 0, 0, 0]
    assert len(quick.poll(seen)) == (kind == "apart")
    assert [len(slow.poll(seen)) for _ in range(3)] == [0, int(kind != "none"), 0]


def test_a_poll_soon_after_another_counts_no_full_interval() -> None:
    page = Page(snapshot([retirement("2026-10-14")]))
    rules = [Rules(full_interval=full) for full in (False, True, False, True)]
    assert [len(page.poll({}, each)) for each in rules] == [0, 0, 0, 1]


def test_a_different_change_starts_to_count_anew() -> None:
    page = Page(snapshot([retirement("2027-10-14")]))
    page.poll(snapshot([retirement("2026-10-14")]))
    changes = page.poll(snapshot([retirement("2026-10-01")]))
    assert (changes, [wait.polls for wait in page.pending]) == ([], [1])


def test_a_dropped_end_date_of_a_price_is_confirmed_as_a_whole() -> None:
    """Sonnet 5: $2 until 2026-08-31 and $3 from 2026-09-01 became $2. The addition waits for the
    two removals.
    """
    intro, later = price("2", ends=When("2026-08-31")), price("3", starts=When("2026-09-01"))
    page = Page(snapshot([intro, later]))
    page.now = datetime(2026, 8, 12, tzinfo=UTC)
    assert (page.poll(snapshot([price("2")])), len(page.pending)) == ([], 3)
    assert page.poll(None, Rules(full_interval=False)) == []
    assert (len(page.poll(None)), page.pending) == (3, [])


# --- past values

A, B = snapshot([retirement("2026-10-14")]), snapshot([retirement("2026-12-01")])


def test_going_back_to_a_past_value_takes_two_days_and_each_time_twice_that() -> None:
    page = Page(A)
    for seen, needed in ((B, 2), (A, 8), (B, 16), (A, 32), (B, 32)):
        counts = [len(page.poll(seen)) for _ in range(needed + 1)]
        assert counts == [0] * (needed - 1) + [1, 0]


@pytest.mark.parametrize(("hours", "needed"), [(1, 48), (3, 16), (6, 8), (12, 8), (24, 8)])
def test_a_source_that_is_polled_more_often_needs_more_polls_to_return(
    hours: int, needed: int
) -> None:
    page = Page(A)
    rules = Rules(every=timedelta(hours=hours))
    counts = [len(page.poll(seen, rules)) for seen in [B, B, *[A] * needed]]
    assert counts == [0, 1] + [0] * (needed - 1) + [1]


def test_a_value_that_vanished_before_it_was_confirmed_needs_full_intervals_the_next_time() -> None:
    """A page is gone from some of its servers for an hour and comes back; then it is gone for
    good.
    """
    page = Page(A)
    for needed in (2, 4, 8):
        page.poll(B)
        page.poll(A)
        assert (page.known, page.pending) == (A, [])
        assert [value.needed for value in page.recent] == [needed]
    assert [len(page.poll(B)) for _ in range(8)] == [0] * 7 + [1]


def test_a_true_withdrawal_a_week_after_its_announcement_comes_through() -> None:
    page = Page({})
    ahead = snapshot([retirement("2027-03-01")])
    page.poll_all([ahead, ahead])
    page.now += timedelta(days=7)
    assert [len(page.poll({})) for _ in range(8)] == [0] * 7 + [1]


def test_a_retired_model_leaves_as_announced() -> None:
    """xAI announces nine days ahead and takes the row off on the day: that is no return to a page
    without it.
    """
    page = Page({}, now=datetime(2026, 10, 5, tzinfo=UTC))
    page.poll_all([A, A])
    page.now = datetime(2026, 10, 15, tzinfo=UTC)
    assert [len(page.poll({})) for _ in range(2)] == [0, 1]


def test_a_whole_past_page_is_no_news_for_two_days() -> None:
    """More prices than are remembered one by one, all back at the old page."""
    old, new = (
        snapshot(replace(price(amount), model=f"m-{number}") for number in range(600))
        for amount in ("2", "3")
    )
    page = Page(old)
    assert len(page.poll_all([new, new])) == 600
    assert len(page.recent) == MOST_REMEMBERED
    assert [len(page.poll(old)) for _ in range(8)] == [0] * 7 + [600]


def test_a_past_value_is_forgotten_after_a_month() -> None:
    page = Page(A)
    page.poll_all([B, B])
    page.now += timedelta(days=30)
    assert len(page.poll_all([A, A])) == 1


@given(PAGES, PAGES)
def test_a_trusted_page_is_confirmed_at_once(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    assert Page(known).poll(seen, Rules(trusted=True)) == diff(known, seen)
