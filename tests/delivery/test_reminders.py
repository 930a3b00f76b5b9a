"""Reminders: each mark once and on its day, late once after an outage, anew when the date moves,
never for nothing.
"""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import col, select

from monitor.core.facts import Fact, Retirement, When
from monitor.core.reminders import USUAL, End, Subscriber, due
from monitor.delivery import outbox
from monitor.delivery.reminders import EVERY, remind
from monitor.polling.fetch import NO_VALIDATORS, Fetched
from monitor.polling.parser_pool import ParsedPage
from monitor.polling.poll import Poller, PollSettings
from monitor.polling.record import Document, PollRules, record
from monitor.polling.schedule import PollTimes
from monitor.reading.source import REGISTRY
from monitor.service import Service
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.tables import (
    AcknowledgementRow,
    DeliveryRow,
    DutyRow,
    EventRow,
    SourceRow,
    SubscriptionRow,
)
from tests.support.cli import NOW, Run, database, day, run, template, world  # noqa: F401  fixtures
from tests.support.receivers import publisher, target

SOURCE = "openai.deprecations"
MADE = day("2026-01-01")
ENDS = Retirement(
    model="gpt-4",
    stage="deprecated",
    retires=When("2026-06-30"),
    replacements=("gpt-5",),
    provider="openai",
    quote="x",
)


def glance(store: Store, at: datetime, facts: Sequence[Fact], source_id: str = SOURCE) -> None:
    """One look at a page that says these facts."""
    source, body = REGISTRY[source_id], f"{source_id} on {at}".encode()
    fetched = Fetched(200, body, "text/plain", NO_VALIDATORS, 12.0, False, None, None, source.url)
    with store.write() as session:
        source_state.register(session, [source_id], at)
    record(
        store,
        source,
        Document(
            fetched, ParsedPage(body.decode(), [fact.stamped(source.provider) for fact in facts])
        ),
        PollTimes(at, at),
        PollRules(),
    )


def page(store: Store, at: str, *facts: Fact, source_id: str = SOURCE) -> None:
    """What a page says from a time on: looked at often enough to be believed."""
    for hours in (0, 7, 14):
        glance(store, day(at) + timedelta(hours=hours), facts, source_id)


def on(store: Store, at: str, looked: bool = True) -> list[str]:
    """The reminders of one run, after a look at every page that found nothing new."""
    now = day(at)
    if looked:
        with store.write() as session:
            for row in session.scalars(select(SourceRow)):
                row.checked_at = row.good_at = now
    return [event["summary"] for event in remind(store, REGISTRY, now)]


def days(store: Store, *texts: str) -> dict[str, list[str]]:
    """The reminders of these days, and of those before and after; each is asked twice, and the
    second adds nothing.
    """
    summaries = {}
    for at in sorted(
        {day(text) + timedelta(days=offset) for text in texts for offset in (-1, 0, 1)}
    ):
        if reminders := on(store, f"{at:%Y-%m-%dT06:00}"):
            summaries[f"{at:%m-%d}"] = reminders
            assert on(store, f"{at:%Y-%m-%dT18:00}") == []
    return summaries


def received(store: Store) -> dict[str, list[str]]:
    """Which subscription was owed which reminders, by their marks."""
    query = select(DeliveryRow.subscription_id, EventRow.summary).where(
        EventRow.id == DeliveryRow.event_id
    )
    query = query.where(EventRow.kind == "retirement.reminder")
    by_target: dict[str, list[str]] = {}
    with store.read() as session:
        for name, summary in session.execute(query.order_by(col(DeliveryRow.id))):
            by_target.setdefault(name, []).append(summary.partition(", ")[2].partition(";")[0])
    return by_target


def subscribe(store: Store, *rows: SubscriptionRow) -> None:
    with store.write() as session:
        session.add_all(rows)


@pytest.fixture
def subscribed(store: Store) -> Store:
    """One subscription of everything, and one end that was known before any mark."""
    subscribe(store, target("a", MADE))
    page(store, "2026-01-05", ENDS)
    return store


def test_each_usual_mark_is_told_once_on_its_day_and_nothing_else(subscribed):
    assert days(
        subscribed,
        "2026-04-01",
        "2026-05-01",
        "2026-05-31",
        "2026-06-16",
        "2026-06-23",
        "2026-06-30",
        "2026-07-02",
    ) == {
        "04-01": ["openai/gpt-4: retires 2026-06-30, in 90 days; replacement gpt-5"],
        "05-01": ["openai/gpt-4: retires 2026-06-30, in 60 days; replacement gpt-5"],
        "05-31": ["openai/gpt-4: retires 2026-06-30, in 30 days; replacement gpt-5"],
        "06-16": ["openai/gpt-4: retires 2026-06-30, in 14 days; replacement gpt-5"],
        "06-23": ["openai/gpt-4: retires 2026-06-30, in 7 days; replacement gpt-5"],
        "06-29": ["openai/gpt-4: retires 2026-06-30, in 1 day; replacement gpt-5"],
        "06-30": ["openai/gpt-4: retires 2026-06-30, today; replacement gpt-5"],
    }
    with subscribed.read() as session:
        rows = session.exec(select(EventRow).where(EventRow.kind == "retirement.reminder")).all()
    assert [row.severity for row in rows] == ["action"] * 5 + ["critical"] * 2
    assert {(row.source_id, row.effective["text"], row.after["model"]) for row in rows} == {
        (SOURCE, "2026-06-30", "gpt-4")
    }
    assert all(row.document and row.url for row in rows)


def test_after_an_outage_the_latest_mark_is_told_once_and_says_that_it_is_late(subscribed):
    """Down for three days over the mark of 14 days (peers.md, section 7, check 9), and later over
    two marks.
    """
    assert on(subscribed, "2026-06-15T06:00") != []  # 30 days, which nobody had told either
    assert (
        on(subscribed, "2026-06-18T06:00", looked=False) == []
    )  # the page may say another day by now
    assert on(subscribed, "2026-06-18T06:01") == [
        "openai/gpt-4: retires 2026-06-30, in 12 days (reminder of 14 days, late); replacement "
        "gpt-5"
    ]
    assert on(subscribed, "2026-06-18T06:02") == []
    assert days(subscribed, "2026-06-20") == {}
    assert on(subscribed, "2026-06-29T23:30") == [
        "openai/gpt-4: retires 2026-06-30, in 1 day; replacement gpt-5"
    ]
    assert received(subscribed) == {
        "a": [
            "in 15 days (reminder of 30 days, late)",
            "in 12 days (reminder of 14 days, late)",
            "in 1 day",
        ]
    }


def test_a_mark_before_the_subscription_asked_is_not_told(store):
    asks_again = target("b", MADE)
    asks_again.asked_at = day("2026-05-20")
    subscribe(store, target("a", day("2026-05-20")), asks_again, target("c", day("2026-06-01")))
    page(store, "2026-01-05", ENDS)
    assert days(store, "2026-05-21", "2026-05-31") == {
        "05-31": ["openai/gpt-4: retires 2026-06-30, in 30 days; replacement gpt-5"]
    }
    assert set(received(store)) == {"a", "b"}


def test_a_mark_of_the_day_is_told_to_who_asks_before_it_was(store):
    subscribe(store, target("a", day("2026-05-31T05:00")))
    page(store, "2026-01-05", ENDS)
    assert len(on(store, "2026-05-31T06:00")) == 1
    subscribe(store, target("b", day("2026-05-31T07:00")))
    assert on(store, "2026-05-31T08:00") == []


def test_a_mark_before_the_end_was_stated_is_not_told(store):
    subscribe(store, target("a", MADE))
    page(store, "2026-06-20", ENDS)
    assert list(days(store, "2026-06-23")) == ["06-23"]


def test_what_changes_beside_the_date_begins_no_marks_anew(subscribed):
    assert list(days(subscribed, "2026-04-01")) == ["04-01"]
    page(subscribed, "2026-05-20", replace(ENDS, replacements=("gpt-6",)))
    assert days(subscribed, "2026-05-22", "2026-05-31") == {
        "05-21": [
            "openai/gpt-4: retires 2026-06-30, in 40 days (reminder of 60 days, late); "
            "replacement gpt-6"
        ],
        "05-31": ["openai/gpt-4: retires 2026-06-30, in 30 days; replacement gpt-6"],
    }


def test_a_date_that_moves_begins_its_marks_anew(subscribed):
    assert list(days(subscribed, "2026-05-31", "2026-06-15")) == ["05-30", "05-31", "06-16"]
    page(subscribed, "2026-06-17", replace(ENDS, retires=When("2026-09-30")))
    assert list(days(subscribed, "2026-06-19", "2026-07-02", "2026-08-01")) == ["07-02", "08-01"]
    page(
        subscribed, "2026-08-10", replace(ENDS, retires=When("2026-08-20"))
    )  # earlier: the marks of 30 and 14 lie behind
    assert days(subscribed, "2026-08-13", "2026-08-19", "2026-08-21") == {
        "08-13": ["openai/gpt-4: retires 2026-08-20, in 7 days; replacement gpt-5"],
        "08-19": ["openai/gpt-4: retires 2026-08-20, in 1 day; replacement gpt-5"],
        "08-20": ["openai/gpt-4: retires 2026-08-20, today; replacement gpt-5"],
    }


def test_what_is_no_day_ahead_is_not_counted_down(store):
    subscribe(store, target("a", MADE))
    page(
        store,
        "2026-01-05",
        replace(ENDS, model="floor", retires=When("2026-06-30", "not_before"), stage="active"),
        replace(ENDS, model="month", retires=When("2026-06")),
        replace(ENDS, model="quarter", retires=When("2026-Q2")),
        replace(ENDS, model="year", retires=When("2026")),
        replace(ENDS, model="no date", retires=None),
        replace(ENDS, model="retired", stage="retired"),
    )
    for at in ("2026-04-01T06:00", "2026-06-01T06:00", "2026-06-30T06:00", "2026-07-01T06:00"):
        assert on(store, at) == []


def test_what_ends_by_a_day_or_at_a_time_of_it_is_counted_down(store):
    subscribe(store, target("a", MADE))
    timed = replace(ENDS, model="gpt-3", retires=When("2026-06-30T19:00Z"))
    page(store, "2026-01-05", replace(ENDS, retires=When("2026-06-30", "by")), timed)
    assert on(store, "2026-06-29T06:00") == [
        "openai/gpt-3: retires 2026-06-30T19:00Z, in 1 day; replacement gpt-5",
        "openai/gpt-4: retires by 2026-06-30, in 1 day; replacement gpt-5",
    ]
    assert len(on(store, "2026-06-30T18:59")) == 2
    assert on(store, "2026-06-30T19:00") == []


def test_what_is_withdrawn_or_leaves_the_page_is_told_no_more(subscribed):
    rest = [
        replace(ENDS, model=f"other-{number}", retires=When("2030-01-01")) for number in range(4)
    ]
    page(subscribed, "2026-01-06", ENDS, *rest)
    # Gone, but one look is not believed yet: neither is the reminder.
    glance(subscribed, day("2026-03-31T20:00"), rest)
    assert on(subscribed, "2026-04-01T06:00") == []
    glance(subscribed, day("2026-04-01T08:00"), [ENDS, *rest])
    assert len(on(subscribed, "2026-04-01T09:00")) == 1
    page(subscribed, "2026-04-10", replace(ENDS, stage="active", retires=None), *rest)
    assert days(subscribed, "2026-05-01") == {}
    page(subscribed, "2026-05-10", ENDS, *rest)  # and back: the mark of 60 lay before that
    assert days(subscribed, "2026-05-12") == {}
    page(subscribed, "2026-05-20", *rest)
    assert days(subscribed, "2026-05-31", "2026-06-29") == {}


def test_hints_and_news_remind_of_nothing(store):
    subscribe(store, target("a", MADE))
    hint = next(source for source in REGISTRY.values() if source.kind == "hint")
    page(store, "2026-01-05", ENDS, source_id=hint.id)
    with store.write() as session:
        session.get_one(SourceRow, hint.id).kind = "hint"
    assert on(store, "2026-04-01T06:00") == []


def test_an_acknowledgement_silences_until_the_date_changes_and_a_snooze_for_a_while(subscribed):
    subject = f"openai {ENDS.key}"
    subscribe(subscribed, target("b", MADE), target("c", MADE))
    with subscribed.write() as session:
        session.add(
            AcknowledgementRow(subscription_id="a", subject=subject, retires="2026-06-30", at=MADE)
        )
        session.add(
            AcknowledgementRow(
                subscription_id="b",
                subject=subject,
                retires="2026-06-30",
                at=MADE,
                until=day("2026-06-20"),
            )
        )
    days(subscribed, "2026-05-31", "2026-06-16", "2026-06-23", "2026-06-29")
    assert received(subscribed) == {
        "b": ["in 7 days", "in 1 day", "today"],
        "c": [
            "in 31 days (reminder of 60 days, late)",
            "in 30 days",
            "in 14 days",
            "in 7 days",
            "in 1 day",
            "today",
        ],
    }
    page(subscribed, "2026-06-30T01:00", replace(ENDS, retires=When("2026-07-31")))
    days(subscribed, "2026-07-01")
    assert received(subscribed)["a"] == ["in 30 days"]


def test_each_subscription_hears_of_the_marks_and_models_it_asked_for(store):
    subscribe(
        store,
        target("usual", MADE),
        target("off", MADE, reminders=[]),
        target("own", MADE, reminders=[45, 14]),
        target("others", MADE, filters=["anthropic/*"]),
        target("prices", MADE, kinds=["price"]),
        target("announced", MADE, kinds=["retirement.announced"]),
        target("near", MADE, within=20),
        target("urgent", MADE, severity="critical"),
        target("tuning", MADE, surfaces=["fine-tuning"]),
        target("operator", MADE, operator=True),
        target("paused", MADE, state="paused"),
    )
    page(store, "2026-01-05", ENDS)
    days(store, "2026-05-16", "2026-05-31", "2026-06-16", "2026-06-23", "2026-06-30")
    every = [
        "in 46 days (reminder of 60 days, late)",
        "in 30 days",
        "in 14 days",
        "in 7 days",
        "in 1 day",
        "today",
    ]
    assert received(store) == {
        "usual": every,
        "paused": every,
        "own": ["in 45 days", "in 14 days"],
        "near": every[2:],
        "urgent": every[4:],
    }
    with store.read() as session:
        states = session.exec(
            select(DeliveryRow.state).where(DeliveryRow.subscription_id == "paused")
        ).all()
    assert set(states) == {"held"}


def test_an_offering_that_two_pages_state_is_reminded_of_once_and_regions_apart(store):
    subscribe(store, target("a", MADE))
    page(store, "2026-01-05", ENDS, replace(ENDS, region="eu"))
    page(store, "2026-01-05", ENDS, source_id="openai.changelog")
    page(store, "2026-01-05", replace(ENDS, retires=When("2026-07-31")), source_id="openai.models")
    assert on(store, "2026-04-01T06:00") == [
        "openai/gpt-4: retires 2026-06-30, in 90 days; replacement gpt-5",
        "openai/gpt-4 in eu: retires 2026-06-30, in 90 days; replacement gpt-5",
    ]
    assert on(
        store, "2026-05-02T06:00"
    )  # the page with the other day reminds of nothing of its own
    assert len(on(store, "2026-05-31T06:00")) == 2


def test_the_end_itself_is_told_by_the_page_and_not_twice(subscribed):
    assert len(on(subscribed, "2026-06-30T06:00")) == 1
    page(subscribed, "2026-07-01T00:30", ENDS)
    assert on(subscribed, "2026-07-01T06:00") == []
    with subscribed.read() as session:
        kinds = session.exec(
            select(EventRow.kind).where(
                EventRow.model == "gpt-4", col(EventRow.baseline).is_(False)
            )
        )
        assert sorted(kinds) == ["retirement.completed", "retirement.reminder"]


def test_a_reminder_waits_for_a_digest_but_the_last_ones_do_not(store):
    subscribe(store, target("a", MADE, digest="daily 09:00", quiet_from="20:00", quiet_to="10:00"))
    page(store, "2026-01-05", ENDS)
    on(store, "2026-06-23T00:10")
    on(store, "2026-06-29T00:10")
    with store.read() as session:
        dues = session.exec(select(DeliveryRow.next_at).order_by(col(DeliveryRow.id))).all()
    assert dues == [day("2026-06-23T10:00"), day("2026-06-29T00:10")]


def test_a_crash_before_the_end_of_the_transaction_leaves_nothing(subscribed, monkeypatch):
    def dies(*_args, **_values):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "enqueue", dies)
        with pytest.raises(RuntimeError):
            on(subscribed, "2026-04-01T06:00")
    assert received(subscribed) == {}
    assert len(on(subscribed, "2026-04-01T06:00")) == 1
    assert received(subscribed) == {"a": ["in 90 days"]}


async def test_services_do_it_once_an_hour_between_them(subscribed):
    now = [day("2026-04-01T06:00")]

    def service() -> Service:
        poller = Poller(subscribed, None, REGISTRY, PollSettings(clock=lambda: now[0]))  # type: ignore[arg-type]
        return Service(subscribed, poller, publisher(subscribed, lambda: now[0]), lambda: REGISTRY)

    first, second = service(), service()
    with subscribed.write() as session:
        row = session.get_one(SourceRow, SOURCE)
        row.checked_at = row.good_at = now[0]
    await first.remind()
    assert received(subscribed) == {"a": ["in 90 days"]}
    with subscribed.write() as session:
        session.add(target("b", MADE, reminders=[88]))
        session.get_one(SourceRow, SOURCE).checked_at = day("2026-04-03")
    now[0] = day("2026-04-03T00:10")
    with subscribed.write() as session:
        session.get_one(DutyRow, "reminders").done_at = now[0] - EVERY + timedelta(minutes=1)
    await second.remind()
    assert "b" not in received(subscribed)
    now[0] += timedelta(minutes=1)
    await first.remind()
    await second.remind()
    assert received(subscribed)["b"] == ["in 88 days"]


def test_each_poll_from_the_command_line_tells_what_is_due(run: Run, world: Store):
    """Also one that fails for want of a key: what other pages said lately is known."""
    subscribe(world, target("a", MADE, state="paused"))
    with world.write() as session:
        row = session.get_one(SourceRow, SOURCE)
        row.checked_at = row.good_at = NOW
    words = "openai/gpt-mid: retires 2026-12-20, in 27 days (reminder of 30 days, late)"
    (event_json,) = run("poll", "openai.models", "--json", code=4).json
    assert (event_json["kind"], event_json["summary"].partition(";")[0]) == (
        "retirement.reminder",
        words,
    )
    assert run("poll", "openai.models", "--json", code=4).json == []


def test_many_ends_and_subscriptions_are_decided_quickly():
    """Every hour, in one transaction: 500 ends and 2,000 subscriptions, of which all were told
    already but for one.
    """
    now = datetime(2026, 6, 1, 1, tzinfo=UTC)
    ends = [
        End(
            replace(ENDS, model=f"m{number}"),
            When(str(date(2026, 6, 1) + timedelta(days=number % 100))),
            SOURCE,
            MADE,
        )
        for number in range(500)
    ]
    requests = [
        Subscriber(str(number), MADE, lambda reminder: True, USUAL) for number in range(2000)
    ]
    lookups = 0

    def is_in_the_log(reminder) -> bool:
        nonlocal lookups
        lookups += 1
        return reminder.end.fact.model != "m7"

    reminders = due(ends, requests, now, is_in_the_log)
    assert [
        (reminder.end.fact.model, reminder.mark, len(ids)) for reminder, ids in reminders.items()
    ] == [("m7", 7, 2000)]
    assert lookups < 500
