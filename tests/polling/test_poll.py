"""One poll after another, on both databases, with scripted answers in the place of the network."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from monitor.core.facts import Fact, Json, Price, Retirement, When, from_json
from monitor.errors import FetchFailed, Unreadable
from monitor.polling.fetch import Fetched, Validators
from monitor.polling.outcomes import OUTCOMES, Outcome, PollResult
from monitor.polling.parser_pool import ParsedPage
from monitor.polling.poll import Poller, PollSettings
from monitor.polling.record import FAILING_AFTER, Document, PollRules, record
from monitor.polling.schedule import PollTimes
from monitor.reading.source import Access, Source
from monitor.store import event_log, source_state
from monitor.store import fact_versions as versions
from monitor.store.db import Store
from monitor.store.event_log import EventQuery
from monitor.store.tables import DeliveryRow, DocumentRow, PollRow, SourceRow, SubscriptionRow
from tests.support.cli import look

START = datetime(2026, 1, 1, tzinfo=UTC)
FRAME = b"\n<!-- frame "


def page(*facts: Fact, frame: str = "") -> bytes:
    """A page of the provider Acme: a fact a line, and a frame that changes with every build."""
    lines = (json.dumps(fact.to_json()) for fact in facts)
    return "\n".join(lines).encode() + FRAME + frame.encode()


def read(body: bytes) -> list[Fact]:
    try:
        return [from_json(json.loads(line)) for line in body.partition(FRAME)[0].splitlines()]
    except ValueError as error:
        raise Unreadable("table 1 has no column 'Shutdown date'") from error


BROKEN = b"<h1>We moved</h1>"
ACME = Source(
    "acme.deprecations", "https://acme.example/deprecations.md", read, every=timedelta(hours=6)
)
FOCUSED = replace(ACME, focus=lambda body: body.partition(FRAME)[0])


def ends(model: str, date: str | None = "2026-10-16", **more) -> Retirement:
    return Retirement(
        model=model,
        provider="acme",
        stage="deprecated",
        retires=When(date) if date else None,
        **more,
    )


def rows(count: int, start: int = 0) -> list[Retirement]:
    return [ends(f"m-{number}") for number in range(start, start + count)]


@dataclass
class Site:
    """A Getter: answers with the page that stands there, with an ETag, or raises what it was told
    to.
    """

    body: bytes = b""
    down: FetchFailed | None = None
    etags: bool = True
    asked: list[Validators] = field(default_factory=list)

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched:
        self.asked.append(validators)
        if self.down:
            raise self.down
        etag = hashlib.sha256(self.body).hexdigest()[:8] if self.etags else None
        same = etag is not None and validators.etag == etag
        return Fetched(
            status=304 if same else 200,
            body=b"" if same else self.body,
            content_type="text/markdown",
            validators=Validators(etag),
            ms=12.5,
            not_modified=same,
            retry_after=None,
            max_age=None,
            url=source.url,
        )


@dataclass
class Watch:
    """One source of a store, looked at again and again, six hours apart."""

    store: Store
    source: Source = ACME
    now: datetime = START
    site: Site = field(default_factory=Site)
    woken: int = 0
    parsed: int = 0

    def __post_init__(self) -> None:
        with self.store.write() as session:
            source_state.register(session, [self.source.id], START)
            for name, operator in (("people", False), ("operator", True)):
                session.add(
                    SubscriptionRow(
                        id=name,
                        type="webhook",
                        address=f"https://{name}.example/",
                        operator=operator,
                        created_at=START,
                    )
                )

    def wake(self) -> None:
        self.woken += 1

    def parse(self, body: bytes) -> list[Fact]:
        self.parsed += 1
        return list(read(body))

    def poller(self, key: str | None = None) -> Poller:
        return Poller(
            self.store,
            self.site,
            {self.source.id: replace(self.source, parse=self.parse)},
            PollSettings(clock=lambda: self.now, keys=lambda name: key, chance=lambda: 0.5),
            wake=self.wake,
        )

    async def look(
        self, body: bytes | FetchFailed | None = None, at: str | None = None
    ) -> PollResult:
        """Poll once, what stands there or something new."""
        self.now = (
            datetime.fromisoformat(at).replace(tzinfo=UTC) if at else self.now + timedelta(hours=6)
        )
        self.site.down = body if isinstance(body, FetchFailed) else None
        if isinstance(body, bytes):
            self.site.body = body
        (polled,) = await self.poller().sweep([self.row])
        return polled

    async def change(self, body: bytes) -> PollResult:
        """Another page, and the second look at it."""
        await self.look(body)
        return await self.look()

    @property
    def row(self) -> SourceRow:
        with self.store.read() as session:
            return source_state.rows(session, [self.source.id])[0]

    @property
    def standing(self) -> list[Fact]:
        with self.store.read() as session:
            return list(versions.current(session, self.source.id).values())

    def count(self, table: type) -> int:
        with self.store.read() as session:
            return session.execute(select(func.count()).select_from(table)).scalar_one()

    def events(self, baseline: bool | None = False) -> list[Json]:
        """Oldest first."""
        with self.store.read() as session:
            return event_log.events(session, EventQuery(baseline=baseline, limit=1000))[::-1]

    def told(self) -> list[str]:
        return [f"{event['kind']} {event['model']}".strip() for event in self.events()]

    def deliveries(self, target: str) -> list[str]:
        with self.store.read() as session:
            return list(
                session.execute(
                    select(event_log.EVENTS.c.kind)
                    .join(DeliveryRow, DeliveryRow.event_id == event_log.EVENTS.c.id)  # type: ignore[arg-type]
                    .where(DeliveryRow.subscription_id == target)  # type: ignore[arg-type]
                    .order_by(event_log.EVENTS.c.sequence)
                ).scalars()
            )


@pytest.fixture
def watch(store: Store) -> Watch:
    return Watch(store)


# --- what a first look and a quiet one do
# ------------------------------------------------------------------


async def test_the_first_look_is_a_silent_baseline(watch: Watch) -> None:
    polled = await watch.look(page(ends("a"), ends("b", "2025-06-30")))
    assert (polled.outcome, polled.rows) == ("baseline", 2)
    assert {event["kind"] for event in polled.events} == {
        "retirement.announced",
        "retirement.completed",
    }
    assert all(event["baseline"] for event in polled.events)
    assert watch.told() == []
    assert watch.count(DeliveryRow) == 0
    assert watch.row.baseline_at == watch.now
    assert watch.standing == [ends("a"), ends("b", "2025-06-30")]


async def test_a_change_is_an_event_with_its_evidence_and_a_delivery(watch: Watch) -> None:
    await watch.look(page(ends("a")))
    body = page(ends("a", "2026-12-01", quote="| a | December 1, 2026 |"))
    assert (await watch.look(body)).events == []
    polled = await watch.look()
    (event,) = watch.events()
    assert polled.events == [event]
    assert (polled.outcome, event["kind"], event["quote"]) == (
        "unchanged",
        "retirement.postponed",
        "| a | December 1, 2026 |",
    )
    assert (event["before"]["retires"]["text"], event["after"]["retires"]["text"]) == (
        "2026-10-16",
        "2026-12-01",
    )
    with watch.store.read() as session:
        assert source_state.document(session, event["document"].removeprefix("sha256:")) == body
    assert watch.deliveries("people") == ["retirement.postponed"]
    assert watch.deliveries("operator") == []
    assert watch.woken == 2


async def test_nothing_changes_nothing(watch: Watch) -> None:
    await watch.look(page(ends("a")))
    before, documents = watch.row, watch.count(DocumentRow)
    for _ in range(5):
        assert (await watch.look()).outcome == "unchanged"
    assert (watch.parsed, watch.count(DocumentRow), watch.told()) == (1, documents, [])
    assert watch.site.asked[-1] == Validators(before.etag)
    after = watch.row
    assert (after.checked_at, after.good_at, after.due_at) == (
        watch.now,
        watch.now,
        watch.now + ACME.every,
    )
    assert (after.etag, after.seen, after.rows) == (before.etag, before.seen, 1)
    assert watch.count(PollRow) == 1  # a quiet poll leaves no line of its own


async def test_unchanged_polls_wait_for_their_batch(watch: Watch) -> None:
    await watch.look(page(ends("a")))
    before = watch.row
    poller = watch.poller()
    watch.now += ACME.every
    assert (await poller.poll(watch.row)).outcome == "unchanged"
    assert watch.row == before
    await poller.flush()
    assert (watch.row.checked_at, watch.row.due_at) == (watch.now, watch.now + ACME.every)
    await poller.flush()
    assert watch.row.checked_at == watch.now


async def test_another_frame_around_the_same_rows_is_not_parsed(store: Store) -> None:
    watch = Watch(store, FOCUSED)
    await watch.look(page(ends("a"), frame="build 1"))
    etag = watch.row.etag
    assert (await watch.look(page(ends("a"), frame="build 2"))).outcome == "unchanged"
    assert (watch.parsed, watch.count(DocumentRow)) == (1, 1)
    assert watch.row.etag != etag  # the next look is answered with 304
    await watch.look()
    assert watch.site.asked[-1] == Validators(watch.row.etag)


async def test_without_focus_other_bytes_that_say_the_same_are_accepted_in_silence(
    watch: Watch,
) -> None:
    await watch.look(page(ends("a"), frame="build 1"))
    assert (await watch.look(page(ends("a"), frame="build 2"))).outcome == "accepted"
    assert (watch.parsed, watch.told(), watch.count(DocumentRow)) == (2, [], 1)


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
async def test_an_outcome_does_what_its_line_says(store: Store, outcome: Outcome) -> None:
    """monitor.polling.outcomes: what moves, what stays, when the source is due again."""
    key = Access("ACME_API_KEY") if outcome == "off" else None
    watch = Watch(store, replace(ACME, access=key))
    watch.site.body = page(*rows(60))
    await watch.poller("secret").sweep([watch.row])
    before = watch.row
    polled = await watch.look(
        {
            "accepted": page(*rows(60), frame="new"),
            "unchanged": None,
            "suspect": page(*rows(1)),
            "unreadable": BROKEN,
            "unreachable": FetchFailed("acme.deprecations: answered 503", status=503),
            "off": None,
        }[outcome]
    )
    after, effect = watch.row, OUTCOMES[outcome]
    assert (polled.outcome, after.outcome) == (outcome, outcome)
    assert (after.good_at == watch.now) == effect.believed
    assert (after.etag != before.etag) == (outcome == "accepted")
    assert (after.seen != before.seen) == (outcome == "accepted")
    assert after.failures == (outcome in ("unreadable", "unreachable"))
    assert (
        after.due_at - watch.now == ACME.every
    )  # twice that at the second failure, but never more than six hours
    assert bool(after.error) == (effect.failed or outcome == "off")
    assert bool(after.held) == (outcome == "suspect")


# --- settling
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("etags", [True, False])
async def test_a_removal_settles_while_the_page_stays_the_same(watch: Watch, etags: bool) -> None:
    watch.site.etags = etags
    await watch.look(page(ends("a"), ends("b")))
    await watch.look(page(ends("a")))
    assert (watch.told(), len(watch.standing), len(watch.row.pending)) == ([], 2, 1)
    polled = await watch.look()
    assert polled.outcome == "unchanged"
    assert (watch.told(), watch.standing, watch.row.pending) == (
        ["model.unlisted b"],
        [ends("a")],
        [],
    )
    for _ in range(3):
        await watch.look()
    assert watch.told() == ["model.unlisted b"]


async def test_the_second_look_comes_soon(watch: Watch) -> None:
    await watch.look(page(ends("a")))
    for body, looked, told in (
        (page(ends("a", "2026-12-01")), timedelta(minutes=15), []),
        (None, ACME.every, ["retirement.postponed a"]),
    ):
        watch.now = watch.row.due_at - timedelta(hours=6)  # look() adds them
        await watch.look(body)
        assert (watch.row.due_at - watch.now, watch.told()) == (looked, told)


async def test_a_source_that_is_polled_often_is_not_polled_less_for_it(store: Store) -> None:
    watch = Watch(store, replace(ACME, every=timedelta(minutes=5)))
    await watch.look(page(ends("a")))
    await watch.look(page(ends("a", "2026-12-01")))
    assert watch.row.due_at - watch.now == timedelta(minutes=5)


async def test_what_needs_a_whole_interval_is_not_looked_at_sooner(watch: Watch) -> None:
    await watch.look(page(ends("a"), ends("b")))
    await watch.look(page(ends("a")))
    assert watch.row.due_at - watch.now == ACME.every
    seen = watch.now
    for hours, told in (
        (1, []),
        (4, []),
        (4.8, ["model.unlisted b"]),
    ):  # by hand, and when it is due
        await watch.look(at=(seen + timedelta(hours=hours)).replace(tzinfo=None).isoformat())
        assert watch.told() == told


async def test_a_page_that_says_something_else_at_every_look_is_looked_at_twice_an_interval(
    watch: Watch,
) -> None:
    await watch.look(page(ends("a")))
    waits = []
    for day in range(1, 7):
        watch.now = watch.row.due_at - timedelta(hours=6)
        await watch.look(page(ends("a", f"2026-12-0{day}")))
        waits.append(watch.row.due_at - watch.now)
    assert waits == [timedelta(minutes=15), ACME.every] * 3


async def test_a_clock_that_was_set_back_counts_anew(watch: Watch) -> None:
    await watch.look(page(ends("a"), ends("b")), at="2027-01-01")
    for at in (
        "2026-01-01T00:00",
        "2026-01-01T00:01",
        "2026-01-01T06:00",
    ):  # the first may be a minute after the last
        await watch.look(page(ends("a")), at=at)
        assert watch.told() == []
    await watch.look(page(ends("a")), at="2026-01-01T12:00")
    assert watch.told() == ["model.unlisted b"]


async def test_two_layouts_in_turn_are_no_news(watch: Watch) -> None:
    one, other = page(*rows(124)), page(*rows(116))
    for _ in range(5):
        await watch.look(one)
        await watch.look(other)
    assert (watch.told(), len(watch.standing)) == ([], 124)


async def test_a_row_that_comes_back_is_announced_again(watch: Watch) -> None:
    both = page(ends("a"), ends("b"))
    for body in (both, page(ends("a")), None, both, *[None] * 7):
        assert watch.told() in ([], ["model.unlisted b"])
        await watch.look(body)
    assert watch.told() == ["model.unlisted b", "retirement.announced b"]
    assert len({event["id"] for event in watch.events(baseline=None)}) == 4


async def test_completion_comes_with_the_calendar_not_with_the_page(watch: Watch) -> None:
    """A floor and the other's date pass as well while the server answers 304."""
    floor = Retirement(
        model="floor", provider="acme", stage="active", retires=When("2026-02-01", "not_before")
    )
    await watch.look(page(ends("a", "2026-03-26"), ends("b", "2026-05"), floor))
    for day, told in (
        ("2026-03-26T23:00", []),
        ("2026-03-27T00:00", ["a"]),
        ("2026-03-27T06:00", ["a"]),
        ("2026-05-31T23:59", ["a"]),
        ("2026-06-01T00:00", ["a", "b"]),
        ("2027-01-01", ["a", "b"]),
    ):
        assert (await watch.look(at=day)).outcome == "unchanged"
        assert watch.told() == [f"retirement.completed {model}" for model in told]
    assert watch.parsed == 1
    assert watch.row.milestone_at is None
    await watch.look(page(ends("b", "2026-05"), floor), at="2027-01-02")
    await watch.look(at="2027-01-03")
    assert watch.told() == [
        "retirement.completed a",
        "retirement.completed b",
    ]  # the row left: said already


async def test_a_row_that_may_be_leaving_is_not_completed_before_that_is_settled(
    watch: Watch,
) -> None:
    """Gone for one look on its last day, and back with another date: nothing but a postponement."""
    await watch.look(page(ends("a", "2026-03-26"), ends("b")), at="2026-03-26T12:00")
    await watch.look(page(ends("b")), at="2026-03-27T06:00")
    assert watch.told() == []
    await watch.look(page(ends("a", "2026-05-07"), ends("b")), at="2026-03-27T12:00")
    assert watch.told() == []
    await watch.look()
    assert watch.told() == ["retirement.postponed a"]


@pytest.mark.parametrize("back", ["put off", "as it was"])
async def test_an_end_is_not_told_right_after_a_look_that_put_it_off(
    watch: Watch, back: str
) -> None:
    """A cache serves the old page once more just after its date: one of the two pages is stale, and
    one look is few.
    """
    old, new = page(ends("a", "2026-03-26")), page(ends("a", "2026-05-07"))
    await watch.look(old, at="2026-03-26T12:00")
    await watch.look(new, at="2026-03-26T23:50")
    await watch.look(old, at="2026-03-27T06:00")
    assert watch.told() == []
    for _ in range(4):
        await watch.look(new if back == "put off" else old)
    assert watch.told() == [
        "retirement.postponed a" if back == "put off" else "retirement.completed a"
    ]


async def test_what_may_be_postponed_is_not_completed_before_that_is_settled(watch: Watch) -> None:
    await watch.look(page(ends("a", "2026-03-26"), ends("b", "2026-03-26")), at="2026-03-26T12:00")
    await watch.look(page(ends("a", "2026-05-07"), ends("b", "2026-03-26")), at="2026-03-27T00:00")
    assert watch.told() == ["retirement.completed b"]
    await watch.look()
    assert watch.told() == ["retirement.completed b", "retirement.postponed a"]


# --- what cannot be read, or not be had
# --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unreadable", "unreachable"])
@pytest.mark.parametrize("back", ["the same page", "a new page"])
async def test_failing_is_told_once_and_so_is_recovery(watch: Watch, kind: str, back: str) -> None:
    trouble = (
        BROKEN
        if kind == "unreadable"
        else FetchFailed("acme.deprecations: answered 503", status=503)
    )
    good = page(ends("a"), ends("b"))
    await watch.look(good)
    before = watch.row
    for number in range(1, 6):
        polled = await watch.look(trouble)
        assert (polled.outcome, polled.rows) == (kind, 2)
        assert polled.error in (
            "acme.deprecations: table 1 has no column 'Shutdown date'",
            "acme.deprecations: answered 503",
        )
        row = watch.row
        assert (row.failures, row.error, row.outcome, row.good_at) == (
            number,
            polled.error,
            kind,
            before.good_at,
        )
        assert (row.etag, row.seen, row.document) == (before.etag, before.seen, before.document)
        stale = number * ACME.every > ACME.stale_after
        assert (
            watch.told()
            == ["source.failing"] * (number >= FAILING_AFTER) + ["source.stale"] * stale
        )
    assert watch.row.due_at == watch.now + timedelta(hours=6)
    assert watch.standing == [ends("a"), ends("b")]
    for _ in range(3):
        await watch.look(
            good if back == "the same page" else page(ends("a"), ends("b"), frame="new")
        )
    assert watch.told() == ["source.failing", "source.stale", "source.recovered"]
    assert watch.deliveries("operator") == ["source.failing", "source.stale", "source.recovered"]
    assert watch.deliveries("people") == []
    row = watch.row
    assert (row.failures, row.error, row.good_at) == (0, "", watch.now)


async def test_one_bad_poll_is_nobodys_business(watch: Watch) -> None:
    await watch.look(page(ends("a")))
    for body in (BROKEN, page(ends("a")), BROKEN, BROKEN, page(ends("a"))):
        await watch.look(body)
    assert watch.told() == []


async def test_failing_before_the_first_baseline_is_told(watch: Watch) -> None:
    for _ in range(3):
        await watch.look(BROKEN)
    await watch.look(page(ends("a")))
    assert watch.told() == ["source.failing", "source.recovered"]
    assert watch.deliveries("operator") == ["source.failing", "source.recovered"]


async def test_a_server_that_asks_to_wait_is_left_alone(watch: Watch) -> None:
    await watch.look(FetchFailed("acme.deprecations: answered 429", status=429, retry_after=86_000))
    assert watch.row.due_at == watch.now + timedelta(seconds=86_000)
    with watch.store.read() as session:
        assert session.execute(select(PollRow.status, PollRow.outcome)).all() == [
            (429, "unreachable")
        ]


# --- what cannot be believed
# -------------------------------------------------------------------------------


async def test_a_held_page_is_told_once_whatever_its_frame(watch: Watch) -> None:
    await watch.look(page(*rows(60)))
    before = watch.row
    for number in range(20):
        polled = await watch.look(page(*rows(1), frame=f"build {number}"))
        assert (polled.outcome, polled.error, polled.rows) == (
            "suspect",
            "59 of 60 facts are missing",
            60,
        )
    row = watch.row
    assert (row.held_looks, row.etag, row.seen, row.good_at) == (
        20,
        before.etag,
        before.seen,
        before.good_at,
    )
    assert len(watch.standing) == 60
    with watch.store.read() as session:
        assert source_state.document(session, row.held) == watch.site.body
    await watch.look(page(*rows(60)))
    await watch.look()
    assert watch.told() == ["source.suspect", "source.stale", "source.recovered"]
    assert watch.deliveries("operator") == ["source.suspect", "source.stale", "source.recovered"]
    assert watch.deliveries("people") == []
    assert (watch.row.held, watch.row.held_looks) == ("", 0)


@pytest.mark.parametrize("frame", ["", "build {}"])
@pytest.mark.parametrize(
    ("before", "after", "needed", "kind"),
    [(rows(5), rows(40), 4, "retirement.announced"), (rows(60), rows(24), 12, "model.unlisted")],
)
async def test_agreeing_looks_release_what_is_held(
    watch: Watch, before: list[Fact], after: list[Fact], needed: int, kind: str, frame: str
) -> None:
    await watch.look(page(*before))
    for number in range(1, needed):
        assert (await watch.look(page(*after, frame=frame.format(number)))).outcome == "suspect"
    stale = ["source.stale"] * (needed * ACME.every > ACME.stale_after + ACME.every)
    assert watch.told() == ["source.suspect", *stale]
    assert (await watch.look(page(*after, frame=frame.format(needed)))).outcome == "accepted"
    told = watch.told()
    assert len(told) == 2 + len(stale) + abs(len(before) - len(after))
    assert {line.partition(" ")[0] for line in told} == {
        "source.suspect",
        *stale,
        "source.recovered",
        kind,
    }
    assert set(watch.standing) == set(after)
    for number in range(3):
        await watch.look(page(*after, frame=frame.format(f"later {number}")))
    assert watch.told() == told


async def test_a_held_page_between_two_looks_does_not_put_off_the_second(watch: Watch) -> None:
    """Nor do its own looks count sooner than a whole interval after each other."""
    both, held = page(ends("a"), ends("b")), page(ends("a"), ends("b"), *rows(40))
    for at, body in (
        ("00:00", both),
        ("06:00", page(ends("a"))),
        ("11:00", held),
        ("11:01", held),
        ("12:00", None),
    ):
        await watch.look(page(ends("a")) if body is None else body, at=f"2026-01-01T{at}")
        if body is held:
            assert watch.row.held_looks == 1
    assert watch.told() == ["source.suspect", "model.unlisted b", "source.recovered"]


async def test_looks_that_disagree_release_nothing(watch: Watch) -> None:
    await watch.look(page(*rows(5)))
    for number in range(10):
        assert (await watch.look(page(*rows(40 + number % 2)))).outcome == "suspect"
    assert watch.told() == ["source.suspect", "source.stale"]


async def test_a_unit_slip_waits_for_a_person(watch: Watch) -> None:
    def priced(amount: str) -> bytes:
        price = Price(
            model="a", provider="acme", meter="input", per="1M tokens", amount=Decimal(amount)
        )
        return page(price, *rows(3))

    await watch.look(priced("2.50"))
    for number in range(20):
        assert (await watch.look(priced("2500") + str(number).encode())).outcome == "suspect"
    row = watch.row
    with watch.store.read() as session:
        body = source_state.document(session, row.held) or b""
    fetched = replace(await watch.site.get(ACME, Validators(), None), body=body)
    polled = record(
        watch.store,
        ACME,
        Document(fetched, ParsedPage(row.held, ACME.read(body))),
        PollTimes(watch.now, watch.now + ACME.every),
        PollRules(approved=True),
    )
    assert polled.outcome == "accepted"
    assert watch.told() == [
        "source.suspect",
        "source.stale",
        "price.increased a",
        "source.recovered",
    ]


@pytest.mark.parametrize(
    ("amount", "vouched", "outcome"),
    [
        ("30", "30.1", "accepted"),
        ("30", "2", "suspect"),
        ("30", None, "suspect"),
        ("2000", "2000", "suspect"),
    ],
)
def test_another_source_that_says_the_same_releases_a_value(
    store: Store, amount: str, vouched: str | None, outcome: str
) -> None:
    """But no factor of a thousand: who copies a page copies its unit."""
    official, hint = (
        Price(model="gpt-4.1", meter="input", per="1M tokens", amount=Decimal(2), quote=name)
        for name in "oh"
    )
    look(store, "openai.pricing", [official], "2026-01-01")
    if vouched:
        look(store, "litellm.prices", [replace(hint, amount=Decimal(vouched))], "2026-01-02")
    polled = look(
        store, "openai.pricing", [replace(official, amount=Decimal(amount))], "2026-01-03"
    )
    assert polled.outcome == outcome
    assert [event["kind"] for event in polled.events if event["provider"] == "openai"][:1] == [
        "price.increased" if outcome == "accepted" else "source.suspect"
    ]


def test_no_other_source_vouches_for_what_is_missing(store: Store) -> None:
    facts = [ends(f"gpt-{number}") for number in range(60)]
    look(store, "openai.deprecations", facts, "2026-01-01")
    look(store, "openai.models", facts[:10], "2026-01-01")
    assert look(store, "openai.deprecations", facts[:10], "2026-01-02").outcome == "suspect"


async def test_what_a_person_accepted_is_not_held_again(watch: Watch) -> None:
    await watch.look(page(*rows(60)))
    await watch.look(page(*rows(1), frame="build 1"))
    row, fetched = watch.row, await watch.site.get(ACME, Validators(), None)
    due = watch.now + ACME.every
    record(
        watch.store,
        ACME,
        Document(fetched, ParsedPage(row.held, ACME.read(fetched.body))),
        PollTimes(watch.now, due),
        PollRules(approved=True),
    )
    assert watch.standing == rows(1)
    assert (await watch.look(page(*rows(1), frame="build 2"))).outcome == "accepted"
    assert watch.told().count("source.suspect") == 1


async def test_a_first_page_that_cannot_be_is_no_baseline(watch: Watch) -> None:
    assert (await watch.look(page(ends("a", "2525-07-30")))).outcome == "suspect"
    assert (watch.standing, watch.row.baseline_at) == ([], None)
    assert watch.deliveries("operator") == ["source.suspect"]
    assert (await watch.look(page(ends("a", "2026-07-30")))).outcome == "baseline"
    assert watch.told() == ["source.suspect", "source.recovered"]


# --- one poll beside another, and one that breaks
# ----------------------------------------------------------


async def test_two_polls_of_one_source_at_once_add_nothing_twice(watch: Watch) -> None:
    await watch.look(page(ends("a")))
    watch.site.body = page(ends("a", "2026-12-01"), ends("b"))
    watch.now += ACME.every
    row = watch.row
    pollers = [watch.poller() for _ in range(4)]
    await asyncio.gather(*(poller.sweep([row]) for poller in pollers))
    assert watch.told() == ["retirement.postponed a", "retirement.announced b"]
    assert watch.deliveries("people") == ["retirement.postponed", "retirement.announced"]
    assert watch.standing == [ends("a", "2026-12-01"), ends("b")]


async def test_a_source_is_not_polled_twice_by_one_poller(watch: Watch) -> None:
    watch.site.body = page(ends("a"))
    poller = watch.poller()
    poller.busy.add(ACME.id)
    other = SourceRow(id="acme.undeclared", due_at=START)
    assert await poller.sweep([watch.row, other]) == []
    poller.busy.clear()
    heard: list[PollResult] = []
    assert await poller.sweep([watch.row], heard.append) == heard
    assert (len(heard), poller.busy) == (1, set())


async def test_an_adapter_that_cannot_be_imported_is_a_source_that_fails(store: Store) -> None:
    """Nothing is fetched; operators are alerted at the third failure, as for any other source."""
    watch = Watch(store, replace(ACME, url="", broken="cannot import acme: boom"))
    results = [await watch.look() for _ in range(3)]
    assert {result.outcome for result in results} == {"unreadable"}
    assert results[0].error == "acme.deprecations: cannot import acme: boom"
    assert watch.site.asked == []
    assert watch.deliveries("operator") == ["source.failing"]
    assert watch.deliveries("people") == []


@pytest.mark.parametrize("waits", [False, True])
async def test_another_look_at_a_page_that_was_replaced_meanwhile_changes_nothing(
    watch: Watch, waits: bool
) -> None:
    """A slow 304 to the old page comes in after another process took over the new one."""
    old, new = page(ends("a"), ends("b")), page(ends("a", "2026-12-01"), ends("b"))
    await watch.look(old)
    if waits:
        await watch.look(page(ends("a")))  # b may be leaving
        old = page(ends("a"))
    stale = watch.row
    await watch.look(new)
    after, standing, told = watch.row, watch.standing, watch.told()
    watch.site.body = old
    await watch.poller().sweep([stale])
    assert (watch.row.seen, watch.row.etag, watch.row.pending) == (
        after.seen,
        after.etag,
        after.pending,
    )
    assert (watch.standing, watch.told()) == (standing, told)


async def test_a_poll_that_breaks_while_it_is_written_leaves_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **_more: object) -> None:
        raise MemoryError

    await watch.look(page(ends("a"), ends("b")))
    await watch.look(page(ends("a", "2026-12-01"), ends("b")))
    before = watch.row.model_dump()
    polls, documents = watch.count(PollRow), watch.count(DocumentRow)
    for place in (
        "monitor.polling.record.outbox.enqueue",
        "monitor.polling.record.source_state.record",
        "monitor.polling.record.event_log.append",
    ):
        with monkeypatch.context() as patched:
            patched.setattr(place, broken)
            with pytest.raises(MemoryError):
                await watch.look()
        assert watch.row.model_dump() == before
        assert (watch.told(), watch.count(DeliveryRow), watch.count(PollRow)) == ([], 0, polls)
        assert watch.standing == [ends("a"), ends("b")]
        assert watch.count(DocumentRow) == documents
    await watch.look()
    assert watch.told() == ["retirement.postponed a"]
    assert watch.deliveries("people") == ["retirement.postponed"]


async def test_the_same_pages_give_the_same_ids_at_another_time(watch: Watch, tmp_path) -> None:
    from monitor.store import schema

    other = Watch(schema.ready(Store(str(tmp_path / "other.db"))), now=START + timedelta(days=3))
    october, december = page(ends("a")), page(ends("a", "2026-12-01"))
    for body, looks in ((october, 1), (december, 2), (october, 8), (december, 16)):
        for _ in range(looks):
            await watch.look(body)
            await other.look(body)
        await other.look()
    ids = [[event["id"] for event in one.events(baseline=None)] for one in (watch, other)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 4
    other.store.close()


# --- keys and addresses
# ------------------------------------------------------------------------------------


async def test_without_its_key_a_source_is_off_and_not_failing(store: Store) -> None:
    watch = Watch(store, replace(ACME, access=Access("ACME_API_KEY")))
    for _ in range(4):
        polled = await watch.look(page(ends("a")))
        assert (polled.outcome, polled.error) == ("off", "ACME_API_KEY is not set")
    row = watch.row
    assert (row.outcome, row.failures, row.good_at, row.due_at) == (
        "off",
        0,
        None,
        watch.now + ACME.every,
    )
    assert (watch.site.asked, watch.told()) == ([], [])
    (polled,) = await watch.poller(key="secret").sweep([watch.row])
    assert polled.outcome == "baseline"


async def test_a_source_can_be_read_from_a_mirror(watch: Watch) -> None:
    asked: list[str | None] = []
    get: Callable[..., object] = watch.site.get

    async def listening(
        source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched:
        asked.append(url)
        return await get(source, validators, key, url)  # type: ignore[misc]

    watch.site.get = listening  # type: ignore[method-assign]
    watch.site.body = page(ends("a"))
    poller = watch.poller()
    poller.settings = replace(poller.settings, urls={ACME.id: "https://mirror.example/"})
    await poller.sweep([watch.row])
    assert asked == ["https://mirror.example/"]
