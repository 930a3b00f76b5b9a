"""What may be believed of a page: diff, settle and check, as properties and at their borders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.diff import Change, Doubt, Pending, Snapshot, check, diff, look_again, patch, settle, snapshot
from monitor.facts import Fact, Listing, Notice, Price, Retirement, When

NOW = datetime(2026, 11, 23, tzinfo=UTC)

# Few keys and few values, so that two snapshots drawn apart share some, differ in some and lack some.
MODELS = st.sampled_from(["gpt-4o", "o1-mini", "claude-3-haiku"])
ENDS = st.none() | st.builds(
    When, st.sampled_from(["2026-08", "2026-10-14", "2027-10-14"]), st.sampled_from(["on", "not_before"])
)
RETIREMENTS = st.builds(
    Retirement, model=MODELS, stage=st.sampled_from(["active", "deprecated", "retired"]), retires=ENDS,
    replacements=st.sampled_from([(), ("gpt-5",)]), quote=st.sampled_from(["one wording", "another"]),
)  # fmt: skip
PRICES = st.builds(
    Price, model=MODELS, meter=st.sampled_from(["input", "output"]), per=st.just("1M tokens"),
    amount=st.sampled_from([Decimal(text) for text in ("0", "1", "1.6", "1.60", "5", "40")]),
    starts=st.sampled_from([None, When("2026-12-01")]), ends=st.sampled_from([None, When("2026-11-30")]),
)  # fmt: skip
LISTINGS = st.builds(Listing, model=MODELS, context_window=st.sampled_from([None, 128_000, 200_000]))
NOTICES = st.builds(Notice, title=st.sampled_from(["New", "Old"]))
SNAPSHOTS = st.lists(RETIREMENTS | PRICES | LISTINGS | NOTICES, max_size=12).map(snapshot)


def told(facts: Snapshot) -> dict[str, tuple[object, ...]]:
    return {key: fact.value for key, fact in facts.items()}


def subject(fact: Fact) -> tuple[object, ...]:
    """What settles together."""
    if isinstance(fact, Price):
        return ("price", fact.model, fact.meter)
    return (fact.key,)


def look(known: Snapshot, seen: Snapshot, pending: Sequence[Pending]) -> tuple[Snapshot, list[Change], list[Pending]]:
    """One look at a page: what is known afterwards, what settled, what waits."""
    changes, waiting = settle(known, seen, pending)
    return patch(known, changes), changes, waiting


def looks(known: Snapshot, pages: Iterable[Snapshot]) -> tuple[Snapshot, list[Change], list[Pending]]:
    """Look after look; all that settled on the way."""
    settled: list[Change] = []
    pending: list[Pending] = []
    for page in pages:
        known, changes, pending = look(known, page, pending)
        settled += changes
    return known, settled, pending


# --- diff and patch ----------------------------------------------------------------------------------------


@given(SNAPSHOTS, SNAPSHOTS)
def test_patch_undoes_diff(before: dict[str, Fact], after: dict[str, Fact]) -> None:
    slid_out = {key: fact for key, fact in before.items() if isinstance(fact, Notice) and key not in after}
    assert told(patch(before, diff(before, after))) == told(after) | told(slid_out)


@given(SNAPSHOTS)
def test_the_same_page_is_no_change(page: dict[str, Fact]) -> None:
    assert diff(page, page) == []


@given(SNAPSHOTS, st.lists(RETIREMENTS | PRICES | LISTINGS, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(before: dict[str, Fact], facts: list[Fact], chance) -> None:
    facts = list(snapshot(facts).values())
    shuffled = chance.sample(facts, len(facts))
    assert diff(before, snapshot(facts)) == diff(before, snapshot(shuffled))
    assert settle(before, snapshot(facts), []) == settle(before, snapshot(shuffled), [])
    assert check(before, snapshot(facts), NOW) == check(before, snapshot(shuffled), NOW)


def test_wording_and_trailing_zeros_are_no_change() -> None:
    old = Price(model="m", meter="input", per="1M tokens", amount=Decimal("1.6"), quote="$1.6")
    new = Price(model="m", meter="input", per="1M tokens", amount=Decimal("1.60"), quote="**$1.60**")
    assert diff(snapshot([old]), snapshot([new])) == []
    words = [Retirement(model="m", stage="active", term=term, quote=term) for term in ("Active", "active")]
    assert diff(snapshot(words[:1]), snapshot(words[1:])) == []


def test_a_change_is_about_something() -> None:
    with pytest.raises(ValueError, match="before or an after"):
        _ = Change(None, None).fact


# --- settle ------------------------------------------------------------------------------------------------


@given(SNAPSHOTS, SNAPSHOTS)
def test_nothing_is_removed_at_the_first_look(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    changes, _ = settle(known, seen, [])
    assert all(change.after for change in changes)


@given(SNAPSHOTS, SNAPSHOTS)
def test_settled_and_waiting_are_the_difference(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    changes, waiting = settle(known, seen, [])
    assert sorted(
        [*changes, *(wait.change for wait in waiting)], key=lambda change: change.key
    ) == diff(known, seen)  # fmt: skip


@given(SNAPSHOTS, SNAPSHOTS)
def test_a_flap_within_the_looks_is_nothing(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    """A -> B -> A: what waited at B is forgotten at A; what settled at B at once is undone later like any change."""
    _, waiting = settle(known, seen, [])
    changes, still = settle(known, known, waiting)
    assert (changes, still) == ([], [])


@given(SNAPSHOTS, SNAPSHOTS, st.integers(1, 6))
def test_two_layouts_in_turn_remove_nothing(one: dict[str, Fact], other: dict[str, Fact], times: int) -> None:
    """Half of a provider's servers lack some rows (peers: 116 and 124 rows in turn for months)."""
    _, settled, _ = looks(one, [other, one] * times)
    rows = {key for key in one if key.startswith(('["retirement"', '["listing"'))}
    assert not [change for change in settled if change.after is None and change.key in rows]
    fewer = {key: fact for key, fact in one.items() if key in other}
    assert looks(one, [fewer, one] * times)[1] == []


@given(SNAPSHOTS, SNAPSHOTS)
def test_the_same_page_settles_in_two_looks(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    """A 304 is another look: it cannot freeze what waits."""
    after, _, waiting = look(known, seen, [])
    changes, still = look_again(after, waiting)
    assert still == []
    slid_out = {key: fact for key, fact in known.items() if isinstance(fact, Notice) and key not in seen}
    assert told(patch(after, changes)) == told(seen) | told(slid_out)


@given(SNAPSHOTS, SNAPSHOTS)
def test_looking_again_is_looking_at_the_same_page(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    after, _, waiting = look(known, seen, [])
    again, _ = look_again(after, waiting)
    fetched, _ = settle(after, seen, waiting)
    assert again == fetched


@given(SNAPSHOTS, st.lists(SNAPSHOTS, max_size=5))
def test_changes_of_one_subject_settle_together(known: dict[str, Fact], pages: list[dict[str, Fact]]) -> None:
    pending: list[Pending] = []
    for page in pages:
        known, changes, pending = look(known, page, pending)
        settled = {subject(change.fact) for change in changes}
        assert settled.isdisjoint(subject(wait.change.fact) for wait in pending)


@given(SNAPSHOTS, SNAPSHOTS)
def test_pending_survives_the_store(known: dict[str, Fact], seen: dict[str, Fact]) -> None:
    _, waiting = settle(known, seen, [])
    stored = [Pending.from_json(json.loads(json.dumps(wait.to_json()))) for wait in waiting]
    assert stored == waiting


def retirement(end: str | None, bound="on") -> Retirement:
    return Retirement(model="m", stage="deprecated", retires=When(end, bound) if end else None)


def price(amount: str, **more) -> Price:
    return Price(model="m", meter="input", per="1M tokens", amount=Decimal(amount), **more)


@pytest.mark.parametrize(
    ("before", "after", "needed"),
    [
        pytest.param(None, retirement("2026-10-14"), 1, id="a new row"),
        pytest.param(retirement("2026-10-14"), None, 2, id="a row that leaves"),
        pytest.param(retirement(None), retirement("2026-10-14"), 2, id="a date that appears"),
        pytest.param(retirement(None), retirement("2026-10-14", "not_before"), 1, id="a floor that appears"),
        pytest.param(retirement("2026-02-19", "not_before"), retirement("2026-04-19"), 2, id="a floor made firm"),
        pytest.param(retirement("2027-10-14"), retirement("2026-10-14"), 2, id="an earlier date"),
        pytest.param(retirement("2026-02-27"), retirement("2026-03-24"), 1, id="a later date"),
        pytest.param(retirement("2026-10-14"), retirement(None), 1, id="a date taken back"),
        pytest.param(price("2"), price("4"), 1, id="a price doubled"),
        pytest.param(price("2"), price("4.01"), 2, id="a price more than doubled"),
        pytest.param(price("1.00"), price("0.20"), 2, id="GPT-5.6 Luna: 80 % off"),
        pytest.param(price("2"), price("0"), 2, id="a price that is suddenly nothing"),
        pytest.param(price("0"), price("0.00"), 0, id="nothing stays nothing"),
    ],
)
def test_looks_needed(before: Fact | None, after: Fact | None, needed: int) -> None:
    known, seen = (snapshot([fact] if fact else []) for fact in (before, after))
    pending: list[Pending] = []
    looked = []
    for _ in range(3):
        known, changes, pending = look(known, seen, pending)
        looked.append(len(changes))
    assert looked == [int(number == needed) for number in (1, 2, 3)]


def test_a_different_change_starts_its_looks_anew() -> None:
    known = snapshot([retirement("2027-10-14")])
    _, waiting = settle(known, snapshot([retirement("2026-10-14")]), [])
    changes, waiting = settle(known, snapshot([retirement("2026-10-01")]), waiting)
    assert (changes, [wait.looks for wait in waiting]) == ([], [1])


def test_a_dropped_end_date_of_a_price_is_one_settled_set() -> None:
    """Sonnet 5: $2 until 2026-08-31 and $3 from 2026-09-01 became $2. The addition waits for the two removals."""
    intro, later = price("2", ends=When("2026-08-31")), price("3", starts=When("2026-09-01"))
    known, seen = snapshot([intro, later]), snapshot([price("2")])
    changes, waiting = settle(known, seen, [])
    assert (changes, len(waiting)) == ([], 3)
    changes, waiting = look_again(known, waiting)
    assert (len(changes), waiting) == (3, [])


# --- check -------------------------------------------------------------------------------------------------


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
    [(4, 1, False), (4, 0, True), (15, 12, False), (15, 11, True), (100, 80, False), (100, 79, True), (61, 1, True)],
)
def test_mass_removal(known: int, left: int, doubted: bool) -> None:
    """More than three rows and more than a fifth. A peer lost 60 of 61 rows to a renamed column."""
    assert held(rows(known), rows(left)) == (f"{known - left} of {known} facts are missing" if doubted else "")


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
    assert held(rows(known), seen) == (f"{moved} of {known} facts say something else" if doubted else "")


@pytest.mark.parametrize(
    ("known", "left", "looks"),
    [(4, 0, None), (5, 1, None), (10, 4, 12), (10, 3, None), (100, 40, 12), (100, 39, None)],
)
def test_a_hollow_page_waits_for_a_person(known: int, left: int, looks: int | None) -> None:
    """More than 60 % of the subjects are gone; less may be a clearing, if it stays so for twelve looks."""
    doubt = check(snapshot(rows(known)), snapshot(rows(left)), NOW)
    assert doubt == Doubt(f"{known - left} of {known} facts are missing", looks)


@pytest.mark.parametrize(
    ("named", "lost", "doubted"),
    [(3, 3, False), (4, 3, False), (4, 4, True), (12, 4, False), (12, 5, True), (60, 20, False), (60, 21, True)],
)
def test_replacements_that_vanish(named: int, lost: int, doubted: bool) -> None:
    """A page may lack the column, so its adapter cannot refuse; rows that never named one do not count."""
    known = rows(named, replacements=("gpt-5",)) + rows(40, start=named)
    seen = rows(lost) + rows(named - lost, start=lost, replacements=("gpt-6",)) + rows(40, start=named)
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
        ("2", "20", False), ("2", "20.01", True), ("20", "2", False), ("20", "1.99", True),
        ("0.0000025", "2.50", True),  # USD for one token read as USD for a million
        ("1.00", "0.20", False),  # GPT-5.6 Luna on 2026-07-30: 80 % off, and true
        ("0", "5", True), ("5", "0", True), ("0", "0.00", False),
    ],
)  # fmt: skip
def test_unit_slip(before: str, after: str, doubted: bool) -> None:
    reason = held([price(before)], [price(after)])
    assert bool(reason) == doubted
    assert not doubted or reason.startswith(f"m: input goes from {before} to {after} USD per 1M tokens")


@pytest.mark.parametrize("field", ["announced", "deprecated", "retires"])
@pytest.mark.parametrize(
    ("text", "doubted"),
    [("2022-12-01", False), ("2016-11-22", True), ("2036-11-23", True), ("2036-11-22", False), ("2525-07-30", True)],
)
def test_a_date_of_another_age(field: str, text: str, doubted: bool) -> None:
    """Mistral printed 2525 once. The first look at a page is no exception."""
    fact = Retirement(model="m", stage="deprecated", quote="| m | 2525 |", **{field: When(text)})
    reason = f"m: {text} is no date of this decade: '| m | 2525 |'" if doubted else ""
    assert held([], [fact]) == held(rows(3), [*rows(3), fact]) == reason


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
