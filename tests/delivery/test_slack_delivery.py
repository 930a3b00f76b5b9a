"""Slack messages through the real SDK to a Slack on loopback: threads, faults, pauses, and their
number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlmodel import col, select

from monitor.core.facts import Retirement, When
from monitor.delivery import outbox
from monitor.delivery.publisher import Publisher
from monitor.delivery.queue import LEASE
from monitor.delivery.slack import pausing
from monitor.store.db import Store
from monitor.store.tables import DeliveryRow, EventRow, SubscriptionRow, ThreadRow
from tests.support.receivers import Clock, event, publisher, target
from tests.support.slack_server import Fault, SlackServer, shown

NOW = datetime(2026, 4, 3, 12, tzinfo=UTC)
CHANNEL = "C0000001"
FACT = Retirement(
    provider="openai",
    model="gpt-old",
    stage="deprecated",
    retires=When("2026-09-01"),
    replacements=("gpt-new",),
    quote="gpt-old | 2026-09-01",
)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


def retirement_event(
    number: int, clock: Clock, fact: Retirement = FACT, was: Retirement | None = None, **values: Any
) -> EventRow:
    """An event about a retirement, as it stands after a change."""
    row = {
        "kind": "retirement.postponed" if was else "retirement.announced",
        "model": fact.model,
        "summary": f"openai/{fact.model}: retires {fact.retires}",
        "before": was.to_json() if was else None,
        "after": fact.to_json(),
        "effective": fact.retires.to_json() if fact.retires else None,
        "quote": fact.quote,
    }
    return event(number, clock(), **(row | values))


def enqueue(store: Store, clock: Clock, *events: EventRow) -> None:
    with store.write() as session:
        session.add_all(events)
        session.flush()
        outbox.enqueue(session, events, clock())


def subscribe(
    store: Store, clock: Clock, name: str = "s", address: str = CHANNEL, **values: Any
) -> None:
    with store.write() as session:
        session.add(target(name, clock(), type="slack", address=address, secret="", **values))


@asynccontextmanager
async def sending(
    store: Store, clock: Clock, slack: SlackServer | None = None, **values: Any
) -> AsyncIterator[tuple[SlackServer, Publisher]]:
    slack = slack or SlackServer()
    async with slack.serving():
        values = {
            "slack_token": "xoxb-good",
            "slack_base_url": slack.base_url,
            "slack_buttons": True,
        } | values
        async with publisher(store, clock, **values) as sender:
            yield slack, sender


async def drain(sender: Publisher, clock: Clock) -> int:
    """Everything that is due now, a second apart, as Slack wants it."""
    count = 0
    while tried := await sender.drain_once():
        count += tried
        clock.pass_(timedelta(seconds=1))
    return count


def deliveries(store: Store) -> list[DeliveryRow]:
    with store.read() as session:
        return list(session.exec(select(DeliveryRow).order_by(col(DeliveryRow.id))))


def subscription(store: Store, name: str = "s") -> SubscriptionRow:
    with store.read() as session:
        return session.get_one(SubscriptionRow, name)


def threads(store: Store) -> Sequence[ThreadRow]:
    with store.read() as session:
        return session.exec(select(ThreadRow)).all()


# Threads


async def test_a_retirement_is_one_message_that_later_changes_update_and_answer(store, clock):
    subscribe(store, clock)
    later = replace(FACT, retires=When("2026-11-01"))
    sooner = replace(FACT, retires=When("2026-08-01"))
    async with sending(store, clock) as (slack, sender):
        enqueue(store, clock, retirement_event(1, clock))
        await drain(sender, clock)
        (parent,) = slack.posted()
        assert "1 Sep 2026" in shown(parent)
        assert parent["metadata"]["event_payload"]["delivery_id"] == 1
        assert parent["metadata"]["event_payload"]["event_id"] == f"evt_{1:032x}"

        enqueue(store, clock, retirement_event(2, clock, later, FACT))
        await drain(sender, clock)
        assert slack.posted() == [parent], "a later date far away stays in the thread"
        (reply,) = slack.posted(thread=parent["ts"])
        assert "2026-11-01" in reply["text"]
        assert parent["edited"] == 1
        assert "1 Nov 2026" in shown(parent)
        assert "was 1 Sep 2026" in shown(parent)

        enqueue(store, clock, retirement_event(3, clock, sooner, later, kind="retirement.advanced"))
        await drain(sender, clock)
        assert len(slack.posted()) == 2, "an earlier date is shown in the channel"
        assert len(slack.posted(thread=parent["ts"])) == 2
    assert {row.state for row in deliveries(store)} == {"delivered"}
    assert all(call["unfurl_links"] is False for call in slack.said("chat.postMessage"))


async def test_near_the_end_a_change_is_shown_in_the_channel(sqlite, clock):
    subscribe(sqlite, clock)
    near = replace(FACT, retires=When("2026-05-01"))
    async with sending(sqlite, clock) as (slack, sender):
        enqueue(sqlite, clock, retirement_event(1, clock, near))
        await drain(sender, clock)
        enqueue(
            sqlite,
            clock,
            retirement_event(
                2, clock, replace(near, replacements=("gpt-5",)), near, kind="replacement.changed"
            ),
        )
        await drain(sender, clock)
    assert [message["broadcast"] for message in slack.messages] == [False, True]


@pytest.mark.parametrize(
    ("mode", "messages", "in_channel"), [("off", 2, 2), ("updates", 2, 1), ("all", 2, 2)]
)
async def test_a_channel_chooses_how_to_thread(sqlite, clock, mode, messages, in_channel):
    subscribe(sqlite, clock, threads=mode)
    async with sending(sqlite, clock) as (slack, sender):
        enqueue(sqlite, clock, retirement_event(1, clock))
        await drain(sender, clock)
        enqueue(
            sqlite,
            clock,
            retirement_event(2, clock, replace(FACT, retires=When("2026-11-01")), FACT),
        )
        await drain(sender, clock)
    assert (len(slack.messages), len(slack.posted())) == (messages, in_channel)
    assert any(message["thread_ts"] for message in slack.messages) is (mode != "off")


async def test_a_message_that_is_gone_is_posted_anew(store, clock):
    subscribe(store, clock)
    async with sending(store, clock) as (slack, sender):
        enqueue(store, clock, retirement_event(1, clock))
        await drain(sender, clock)
        slack.messages.clear()
        enqueue(
            store,
            clock,
            retirement_event(2, clock, replace(FACT, retires=When("2026-11-01")), FACT),
        )
        await drain(sender, clock)
        (parent,) = slack.messages
        assert "1 Nov 2026" in shown(parent)
        enqueue(store, clock, retirement_event(3, clock))
        await drain(sender, clock)
    assert [message["thread_ts"] for message in slack.messages] == ["", parent["ts"]]
    assert [row.ts for row in threads(store)] == [parent["ts"]]


async def test_many_changes_of_one_poll_are_one_message(store, clock):
    """A page that rewrites the replacement of 47 models says one thing."""
    subscribe(store, clock)
    rows = [replace(FACT, model=f"gpt-{number}") for number in range(47)]
    changed = [
        retirement_event(
            number,
            clock,
            replace(row, replacements=("gpt-5.1",)),
            row,
            kind="replacement.changed",
            severity="info",
            summary=f"openai/{row.model}: replacement gpt-5.1, was gpt-new",
        )
        for number, row in enumerate(rows, 1)
    ]
    async with sending(store, clock, concurrency=5) as (slack, sender):
        enqueue(store, clock, *changed)
        await drain(sender, clock)
    (only,) = slack.messages
    assert "47 replacements changed" in only["text"]
    assert "*47 models*: replacement gpt-5.1, was gpt-new" in shown(only)
    assert {row.state for row in deliveries(store)} == {"delivered"}


async def test_a_list_still_updates_the_messages_of_the_retirements_in_it(sqlite, clock):
    subscribe(sqlite, clock)
    second = replace(FACT, model="gpt-other")
    async with sending(sqlite, clock) as (slack, sender):
        enqueue(sqlite, clock, retirement_event(1, clock))
        await drain(sender, clock)
        moved = replace(FACT, retires=When("2026-12-01"))
        enqueue(
            sqlite,
            clock,
            retirement_event(2, clock, moved, FACT),
            retirement_event(3, clock, second),
        )
        await drain(sender, clock)
    parent, listed = slack.messages
    assert "1 Dec 2026" in shown(parent)
    assert "gpt-other" in shown(listed)
    assert len(slack.messages) == 2


@pytest.mark.parametrize(
    "fault", [Fault(hangs=True), Fault("ratelimited", 429, {"Retry-After": "9"}), Fault(reset=True)]
)
async def test_a_list_arrives_once_though_the_messages_it_touches_cannot_be_updated(
    sqlite, clock, monkeypatch, fault
):
    """There may be more of them than a try has time for: the list goes first."""
    monkeypatch.setattr("monitor.delivery.slack.send.UPDATE_DEADLINE", 0.5)
    subscribe(sqlite, clock)
    facts = [replace(FACT, model=f"gpt-{number}") for number in range(3)]
    async with sending(sqlite, clock) as (slack, sender):
        for number, fact in enumerate(facts):
            enqueue(sqlite, clock, retirement_event(number, clock, fact))
            await drain(sender, clock)
        slack.answers = [None, fault]
        moved = [(replace(fact, retires=When("2026-12-01")), fact) for fact in facts]
        enqueue(
            sqlite,
            clock,
            *(retirement_event(10 + number, clock, *change) for number, change in enumerate(moved)),
        )
        assert await drain(sender, clock) == 3
    assert len(slack.messages) == 4
    assert {row.state for row in deliveries(sqlite)} == {"delivered"}
    assert len(slack.said("chat.update")) == 1


async def test_an_incoming_webhook_has_no_threads_and_no_buttons(sqlite, clock):
    slack = SlackServer()
    async with sending(sqlite, clock, slack, slack_token="") as (_, sender):
        subscribe(sqlite, clock, address=f"{slack.url}/services/T0/B0/secret")
        enqueue(sqlite, clock, retirement_event(1, clock))
        await drain(sender, clock)
        enqueue(
            sqlite,
            clock,
            retirement_event(2, clock, replace(FACT, retires=When("2026-11-01")), FACT),
        )
        await drain(sender, clock)
    posts = slack.hooks["T0/B0/secret"]
    assert len(posts) == 2
    assert not any(block["type"] == "actions" for post in posts for block in post["blocks"])
    assert threads(sqlite) == []


# K11: after the post, before its place is stored


@pytest.mark.parametrize("history", [True, False])
async def test_k11_killed_after_the_post(store, clock, history, monkeypatch):
    subscribe(store, clock)
    slack = SlackServer(history=history)
    async with sending(store, clock, slack) as (_, sender):
        enqueue(store, clock, retirement_event(1, clock))
        claimed = await sender.claim(10)
        slack_sender = await sender.transports.open_slack()
        monkeypatch.setattr(
            slack_sender, "_remember", lambda *_: None
        )  # the process is gone by then
        await slack_sender.send(claimed, CHANNEL)
        monkeypatch.undo()
        assert threads(store) == []
        clock.pass_(LEASE)
        await drain(sender, clock)
        assert len(slack.messages) == (1 if history else 2)
        enqueue(
            store,
            clock,
            retirement_event(2, clock, replace(FACT, retires=When("2026-11-01")), FACT),
        )
        await drain(sender, clock)
    assert slack.messages[-1]["thread_ts"] == slack.messages[-2]["ts"], "later changes still thread"
    assert {row.state for row in deliveries(store)} == {"delivered"}


async def test_killed_after_a_reply_was_remembered(store, clock):
    """Its place is stored, the delivery is not: nothing is posted again, whatever may be read of
    the channel.
    """
    subscribe(store, clock)
    slack = SlackServer(history=False)
    async with sending(store, clock, slack) as (_, sender):
        enqueue(store, clock, retirement_event(1, clock))
        await (await sender.transports.open_slack()).send(await sender.claim(10), CHANNEL)
        clock.pass_(LEASE)
        assert await drain(sender, clock) == 1
    assert len(slack.messages) == 1
    assert deliveries(store)[0].state == "delivered"


# L1 to L4: what Slack may get over


@pytest.mark.parametrize(
    ("fault", "floor"),
    [
        (Fault("ratelimited", 429, {"Retry-After": "30"}), 30),
        (
            Fault(
                "rate_limited",
                429,
                {"Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True)},
            ),
            90,
        ),
        (Fault("message_limit_exceeded", 429, {"Retry-After": "5"}), 5),
        (Fault(status=503, body="<html>sorry</html>", content_type="text/html"), None),
        (Fault(body="<html>hello</html>", content_type="text/html"), None),
        (Fault(body="<html>hello</html>"), None),
        (Fault(body="hello", content_type="text/plain"), None),
        (Fault(status=302, headers={"Location": "/elsewhere"}), None),
        (Fault(reset=True), None),
        (Fault(hangs=True), None),
        (Fault("internal_error"), None),
        (Fault("fatal_error"), None),
        (Fault("service_unavailable"), None),
        (Fault("request_timeout"), None),
        (Fault("never_heard_of"), None),
    ],
    ids=lambda value: value.error or value.body if isinstance(value, Fault) else str(value),
)
async def test_l1_to_l3_one_request_an_attempt_then_again(sqlite, clock, fault, floor):
    store = sqlite
    subscribe(store, clock)
    async with sending(store, clock, deadline=0.5 if fault.hangs else 15) as (slack, sender):
        slack.answers = [fault]
        enqueue(store, clock, retirement_event(1, clock))
        await sender.drain_once()
        assert len(slack.calls) == 1
        (row,) = deliveries(store)
        assert row.state == "pending"
        wait = subscription(store).quiet_until
        assert (wait and wait - clock()) == (timedelta(seconds=floor) if floor else None)
        clock.pass_(timedelta(seconds=(floor or 0) - 0.1))
        if floor:
            assert await sender.drain_once() == 0
        clock.pass_(timedelta(seconds=6))
        await sender.drain_once()
    assert len(slack.messages) == 1
    assert deliveries(store)[0].state == "delivered"


@pytest.mark.parametrize("history", [True, False])
async def test_l4_a_reset_after_the_post(store, clock, history):
    subscribe(store, clock)
    slack = SlackServer(history=history)
    async with sending(store, clock, slack) as (_, sender):
        slack.answers = [Fault(reset=True, after=True)]
        enqueue(store, clock, retirement_event(1, clock))
        await sender.drain_once()
        assert len(slack.said("chat.postMessage")) == 1
        clock.pass_(timedelta(seconds=6))
        await drain(sender, clock)
    assert len(slack.messages) == (1 if history else 2)
    assert deliveries(store)[0].state == "delivered"


# L5: what needs a person

CHANNEL_CODES = (
    "channel_not_found",
    "is_archived",
    "channel_is_archived",
    "not_in_channel",
    "restricted_action",
    "restricted_action_read_only_channel",
    "no_permission",
    "missing_scope",
    "ekm_access_denied",
    "posting_to_general_channel_denied",
    "action_prohibited",
    "no_service",
    "no_service_id",
    "no_active_hooks",
    "invalid_token",
)
WORKSPACE_CODES = (
    "invalid_auth",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "no_team",
    "team_disabled",
    "org_login_required",
)


@pytest.mark.parametrize("code", [*CHANNEL_CODES, *WORKSPACE_CODES])
async def test_l5_the_target_is_paused_kept_and_comes_back_by_itself(sqlite, clock, code):
    store = sqlite
    subscribe(store, clock)
    subscribe(store, clock, "other", "C0000002")
    with store.write() as session:
        session.add(target("ops", clock(), operator=True, state="disabled"))
    slack = SlackServer(CHANNEL, "C0000002")
    wait = timedelta(hours=1 if code in WORKSPACE_CODES else 24)
    async with sending(store, clock, slack) as (_, sender):
        enqueue(store, clock, retirement_event(1, clock))
        with store.write() as session:
            session.execute(
                DeliveryRow.__table__.delete().where(DeliveryRow.subscription_id == "other")
            )
        for _ in range(2):
            slack.answers = [Fault(code)]
            assert await sender.drain_once() == 1
            assert (subscription(store).state, subscription(store).reason) == (
                "paused",
                f"slack: {code}",
            )
            assert deliveries(store)[0].state == "held"
            assert subscription(store, "other").state == (
                "paused" if code in WORKSPACE_CODES else "enabled"
            )
            clock.pass_(wait - timedelta(seconds=1))
            assert await sender.drain_once() == 0
            clock.pass_(timedelta(minutes=1))
        enqueue(
            store,
            clock,
            retirement_event(2, clock, replace(FACT, model="gpt-2")),
            retirement_event(3, clock, replace(FACT, model="gpt-3")),
        )
        with store.write() as session:
            session.execute(
                DeliveryRow.__table__.delete().where(DeliveryRow.subscription_id == "other")
            )
        assert await sender.drain_once() == 3
    assert len(slack.messages) == 1, "what was held is one message"
    assert subscription(store).state == "enabled"
    assert subscription(store).probe_at is None
    with store.read() as session:
        ops = session.exec(select(DeliveryRow).where(DeliveryRow.subscription_id == "ops")).all()
        kinds = [
            session.exec(select(EventRow).where(EventRow.id == row.event_id)).one().kind
            for row in ops
        ]
    assert kinds.count("endpoint.disabled") == 1, "the operator is told once"


@pytest.mark.parametrize(
    "code",
    [
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_blocks",
        "no_text",
        "too_many_attachments",
        "invalid_payload",
    ],
)
async def test_l5_our_own_fault_is_sent_as_text_and_else_is_dead(sqlite, clock, code):
    subscribe(sqlite, clock)
    async with sending(sqlite, clock) as (slack, sender):
        slack.answers = [Fault(code)]
        enqueue(sqlite, clock, retirement_event(1, clock))
        await drain(sender, clock)
        assert (len(slack.messages), slack.messages[0]["blocks"]) == (1, [])
        slack.answers = [Fault(code), Fault(code)]
        enqueue(sqlite, clock, retirement_event(2, clock, replace(FACT, model="gpt-2")))
        await drain(sender, clock)
        enqueue(sqlite, clock, retirement_event(3, clock, replace(FACT, model="gpt-3")))
        await drain(sender, clock)
    assert [row.state for row in deliveries(sqlite)] == ["delivered", "dead", "delivered"]
    assert subscription(sqlite).state == "enabled"


async def test_slack_says_that_a_channel_is_back(sqlite, clock):
    subscribe(sqlite, clock)
    async with sending(sqlite, clock) as (slack, sender):
        slack.answers = [Fault("not_in_channel")]
        enqueue(sqlite, clock, retirement_event(1, clock))
        await sender.drain_once()
        with sqlite.write() as session:
            assert pausing.try_paused(session, "", "C9999999", clock()) == 0
            assert pausing.try_paused(session, "", CHANNEL, clock()) == 1
        await drain(sender, clock)
    assert len(slack.messages) == 1


# L6: how often


async def test_l6_a_message_a_second_and_a_list_after_ten_in_a_minute(sqlite, clock):
    """120 changes of 120 models in a minute; another channel is told of one of them at once."""
    subscribe(sqlite, clock)
    subscribe(sqlite, clock, "other", "C0000002", filters=["openai/gpt-119"])
    slack, times = SlackServer(CHANNEL, "C0000002"), []
    async with sending(sqlite, clock, slack) as (_, sender):
        for number in range(120):
            enqueue(
                sqlite,
                clock,
                retirement_event(number + 1, clock, replace(FACT, model=f"gpt-{number}")),
            )
            before = len(slack.posted(CHANNEL))
            await sender.drain_once()
            times += [clock()] * (len(slack.posted(CHANNEL)) - before)
            if number < 119:
                clock.pass_(timedelta(seconds=0.5))
        assert len(slack.posted("C0000002")) == 1
        clock.pass_(timedelta(seconds=60))
        await sender.drain_once()
    assert all(later - sooner >= timedelta(seconds=1) for sooner, later in pairwise(times))
    assert len(times) == 10
    assert len(slack.posted(CHANNEL)) == 11
    assert slack.posted(CHANNEL)[-1]["text"].startswith("⚠️ 101 retirements announced")
    assert {row.state for row in deliveries(sqlite)} == {"delivered"}


async def test_another_workspace_has_a_token_of_its_own(store, clock):
    from monitor.store import slack_installs
    from monitor.vault import Vault

    vault = Vault([b"k" * 32])
    subscribe(store, clock, address="T0000002/C0000001")
    slack = SlackServer()
    slack.tokens["xoxb-two"] = "T0000002"
    async with sending(store, clock, slack, vault=vault) as (_, sender):
        enqueue(store, clock, retirement_event(1, clock))
        await drain(sender, clock)
        assert subscription(store).reason == "slack: the app is not installed in T0000002"
        with store.write() as session:
            slack_installs.save(
                session, vault, "T0000002", {"bot_token": "xoxb-two", "team_name": "Two"}, clock()
            )
            pausing.try_paused(session, "T0000002", None, clock())
        await drain(sender, clock)
    assert [message["team"] for message in slack.messages] == ["T0000002"]
