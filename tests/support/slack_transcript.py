"""A person and a channel over some weeks, against the Slack on loopback: docs/slack-transcript.md
is what happens here.

Everything is real but the clock and the far end: facts are compared and interpreted, events owed
and delivered by the publisher, commands and clicks signed, dispatched by bolt and answered.
``python -m tests.support.slack_transcript`` writes the page."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlmodel import SQLModel

from monitor.core.diff import diff
from monitor.core.facts import Fact, Listing, Price, Retirement, When
from monitor.core.interpret import interpret
from monitor.delivery import outbox
from monitor.delivery.publisher import Publisher
from monitor.delivery.reminders import remind
from monitor.reading.source import REGISTRY
from monitor.store import event_log, fact_versions, source_state
from monitor.store.db import Store
from monitor.store.tables import SourceRow
from tests.support.receivers import Clock
from tests.support.slack_person import Person, app, spoken
from tests.support.slack_server import SlackServer

PAGE = Path(__file__).parents[2] / "docs" / "slack-transcript.md"
BEGIN = datetime(2026, 6, 1, 9, tzinfo=UTC)

OLD = Retirement(
    model="gpt-4o-realtime-preview",
    stage="deprecated",
    announced=When("2026-06-01"),
    retires=When("2026-10-23"),
    replacements=("gpt-realtime",),
    quote="2026-10-23 | gpt-4o-realtime-preview | gpt-realtime",
)
EARLIER = replace(
    OLD, retires=When("2026-09-07"), quote="2026-09-07 | gpt-4o-realtime-preview | gpt-realtime"
)


def price(model: str, meter: str, amount: str) -> Price:
    return Price(
        model=model,
        meter=meter,
        amount=Decimal(amount),
        per="1M tokens",
        quote=f"{model} | ${amount}",
    )


PRICES = (
    price("gpt-4o-realtime-preview", "input", "5.00"),
    price("gpt-4o-realtime-preview", "output", "20.00"),
    price("gpt-realtime", "input", "4.00"),
    price("gpt-realtime", "output", "16.00"),
)


class Story:
    """Runs, and writes down what is said."""

    def __init__(
        self, store: Store, clock: Clock, slack: SlackServer, ann: Person, publisher: Publisher
    ):
        self.store = store
        self.clock = clock
        self.slack = slack
        self.ann = ann
        self.publisher = publisher
        self.page: list[str] = []

    def day(self, days: int, words: str) -> None:
        self.clock.pass_(timedelta(days=days))
        self.page += [f"### {self.clock():%Y-%m-%d}: {words}", ""]

    async def types(self, text: str) -> None:
        answer = await self.ann.types(text)
        self.page += [
            f"**ann**: `/lastcall {text}`".replace(" `", " `", 1).replace("l `", "l`"),
            "",
            *_quoted(_markdown(answer)),
        ]

    async def clicks(self, action: str, message: dict[str, Any]) -> None:
        edited = message["edited"]
        await self.ann.clicks(action, message)
        async with asyncio.timeout(30):
            while message["edited"] == edited:  # noqa: ASYNC110  a loopback has no event to wait for
                await asyncio.sleep(0.01)
        self.page += [
            f"**ann** clicks *{action.capitalize()}*. The message changes:",
            "",
            *_message(message),
        ]

    def says(self, source_id: str, before: Sequence[Fact], after: Sequence[Fact]) -> None:
        """A page that said one thing says another."""
        source, now = REGISTRY[source_id], self.clock()
        was, to = (
            {one.key: one.stamped(source.provider) for one in side} for side in (before, after)
        )
        changes = diff(was, to)
        with self.store.write() as session:
            source_state.register(session, [source_id], now)
            fact_versions.apply(session, source_id, changes, now, "")
            seen = update(SourceRow).where(SourceRow.id == source_id)  # type: ignore[arg-type]
            session.execute(seen.values(checked_at=now, good_at=now))
            ends = fact_versions.retirements(
                session, source.provider, [change.fact for change in changes]
            )
            drafts = interpret(source, changes, now, ends=ends)
            if before or source_id == "openai.deprecations":
                provenance = event_log.Provenance(source_id, now, source.url)
                events = event_log.append(session, drafts, provenance)
                outbox.enqueue(session, events, now)

    def reminds(self) -> None:
        with self.store.write() as session:
            session.execute(update(SourceRow).values(checked_at=self.clock()))
        remind(self.store, REGISTRY, self.clock())

    async def hears(self) -> None:
        """What is posted and changed in the channel by what is due."""
        posted, edited = len(self.slack.messages), [one["edited"] for one in self.slack.messages]
        while await self.publisher.drain_once():
            self.clock.pass_(timedelta(seconds=1))
        for number, message in enumerate(self.slack.messages):
            if number >= posted:
                where = (
                    "in its thread" + (" and to the channel" if message["broadcast"] else "")
                    if message["thread_ts"]
                    else ""
                )
                self.page += [
                    f"**Lastcall** posts{f' {where}' if where else ''}:",
                    "",
                    *_message(message),
                ]
            elif message["edited"] > edited[number]:
                self.page += [
                    "The message of the retirement is updated in place:",
                    "",
                    *_message(message),
                ]
        if len(self.slack.messages) == posted:
            self.page += ["*Nothing is posted.*", ""]


async def run(store: Store) -> tuple[str, SlackServer]:
    """The story as a page of Markdown, and the Slack as it is at the end."""
    clock, slack = Clock(BEGIN), SlackServer()
    async with app(store, clock, slack) as (ann, publisher):
        story = Story(store, clock, slack, ann, publisher)
        story.says("openai.models", [], [Listing(model="gpt-realtime", quote="gpt-realtime")])
        story.says("openai.pricing", [], PRICES)
        story.day(0, "a channel subscribes")
        await story.types("")
        await story.types("subscrbe openai/gpt-4o*")
        await story.types(
            "subscribe openai/gpt-4o* openai/gpt-realtime opnai/o3 kinds:retirement,price "
            "digest:off"
        )
        await story.types("subscribe openai/gpt-4o* openai/gpt-realtime kinds:retirement,price")
        story.day(1, "a retirement is announced")
        story.says("openai.deprecations", [], [OLD])
        await story.hears()
        (message,) = slack.messages
        story.day(1, "somebody takes it on")
        await story.clicks("acknowledge", message)
        story.day(50, "90 days before the end: acknowledged, so no reminder")
        story.reminds()
        await story.hears()
        story.day(6, "the date is pulled in")
        story.says("openai.deprecations", [OLD], [EARLIER])
        await story.hears()
        story.day(10, "30 days before the new end: nobody has acknowledged that one")
        story.reminds()
        await story.hears()
        await story.clicks("snooze", message)
        story.day(2, "a price page changes")
        cheaper = [
            replace(one, amount=one.amount / 2, quote=f"{one.model} | ${one.amount / 2}")
            for one in PRICES[2:]
        ]
        story.says("openai.pricing", PRICES, [*PRICES[:2], *cheaper])
        await story.hears()
        await story.types("upcoming")
        await story.types("show gpt-4o-realtime-preview")
        story.day(1, "a quiet week")
        await story.types("mute 7d")
        await story.types("list")
        story.day(27, "the last day has passed; what is critical comes at any time")
        await story.types("mute 2d")
        story.says("openai.deprecations", [EARLIER], [replace(EARLIER, stage="retired")])
        await story.hears()
        await story.types("unsubscribe")
    return "\n".join([*HEAD, *story.page]).rstrip() + "\n", slack


HEAD = (
    "# A channel and Lastcall: a transcript",
    "",
    "Recorded against the Slack on loopback of the tests (tests/support/slack_transcript.py, which writes this "
    "page and a test that",
    "holds it equal). Buttons stand in brackets. Times are UTC.",
    "",
)


def _message(message: dict[str, Any]) -> list[str]:
    lines = spoken(message).splitlines()
    buttons = [
        part["text"]["text"]
        for block in message["blocks"]
        if block["type"] == "actions"
        for part in block["elements"]
    ]
    shown = lines[: len(lines) - len(buttons)]
    shown[0] = f"**{shown[0]}**" if message["blocks"][0]["type"] == "header" else shown[0]
    said = "\n".join(
        [
            shown[0],
            *map(_markdown, shown[1:]),
            *([" ".join(f"[{one}]" for one in buttons)] if buttons else []),
        ]
    )
    return _quoted(said if message["blocks"][0]["type"] == "header" else _markdown(said))


def _markdown(text: str) -> str:
    """Slack's mrkdwn as Markdown."""
    text = re.sub(r"<(http[^|>]*)\|([^>]*)>", r"[\2](\1)", text)
    text = re.sub(r"(?<![\w*`/-])\*([^*\n`]+)\*(?![\w*])", r"**\1**", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _quoted(text: str) -> list[str]:
    return [
        *(f"> {line}  ".rstrip() if not line else f"> {line}\\" for line in text.splitlines()[:-1]),
        f"> {text.splitlines()[-1]}",
        "",
    ]


async def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"{folder}/story.db")
        SQLModel.metadata.create_all(store.engine)
        PAGE.write_text((await run(store))[0], "utf-8")
        store.close()


if __name__ == "__main__":
    from tests.support import fixtures  # noqa: F401  its import declares the sources

    asyncio.run(_write())
