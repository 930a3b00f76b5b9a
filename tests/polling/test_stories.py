"""What went wrong elsewhere, played through: real adapters, real HTTP, the real poller, on both
databases.

Each story is a page as it stood, as it stood the next morning, and what people were told of it:
nothing, or once. The numbers in brackets are those of the acceptance checks that peers' failures
gave."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from monitor.core.facts import Fact, Json, Retirement
from monitor.demo import pages
from monitor.polling.fetch import Fetcher
from monitor.polling.outcomes import PollResult
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import REGISTRY
from monitor.store import event_log, source_state
from monitor.store import fact_versions as versions
from monitor.store.db import Store
from monitor.store.event_log import EventQuery
from monitor.store.tables import DeliveryRow, SourceRow
from tests.support.fixtures import FIXTURES
from tests.support.loopback_site import Page, Site
from tests.support.receivers import FakeSlack, publisher, serving, target


@dataclass
class World:
    """A clock, a web site with the providers' pages, and somebody who asked for everything, beside
    an operator.
    """

    store: Store
    site: Site
    fetcher: Fetcher
    now: datetime
    polled: list[PollResult] = field(default_factory=list)

    async def look(
        self, source_id: str, body: bytes | None = None, *, after: timedelta = timedelta(hours=6)
    ) -> PollResult:
        """Poll a source, after some time, at the page that stands there or at another."""
        if body is not None:
            starts = {
                b"<?": "application/rss+xml",
                b"{": "application/json",
                b"<": "text/html",
                b"": "text/markdown",
            }
            kind = next(kind for start, kind in starts.items() if body.lstrip().startswith(start))
            self.site.pages[f"/{source_id}"] = Page(body, kind)
        self.now += after
        with self.store.write() as session:
            source_state.register(session, {source_id: REGISTRY[source_id]}, self.now)
        poller = Poller(
            self.store,
            self.fetcher,
            REGISTRY,
            PollSettings(
                clock=lambda: self.now,
                keys=lambda name: "key",
                urls={source_id: self.site.url(f"/{source_id}")},
                chance=lambda: 0.5,
            ),
        )
        (polled,) = await poller.sweep([self.row(source_id)])
        self.polled.append(polled)
        return polled

    async def looks(
        self, source_id: str, bodies: Iterable[bytes | None], **more: timedelta
    ) -> list[str]:
        """Look after look; returns the outcomes."""
        return [(await self.look(source_id, body, **more)).outcome for body in bodies]

    def row(self, source_id: str) -> SourceRow:
        with self.store.read() as session:
            return source_state.rows(session, [source_id])[0]

    def standing(self, source_id: str) -> list[Fact]:
        with self.store.read() as session:
            return list(versions.current(session, source_id).values())

    def events(self) -> list[Json]:
        """What happened since the first looks, oldest first."""
        with self.store.read() as session:
            return event_log.events(session, EventQuery(baseline=False, limit=1000))[::-1]

    def told(self, whom: str = "people") -> list[str]:
        """The kinds of events that are owed to somebody, in their order."""
        mine = (DeliveryRow.event_id == event_log.EVENTS.c.id, DeliveryRow.subscription_id == whom)
        with self.store.read() as session:
            query = select(event_log.EVENTS.c.kind).join(DeliveryRow, mine[0]).where(mine[1])  # type: ignore[arg-type]
            return list(session.execute(query.order_by(event_log.EVENTS.c.sequence)).scalars())


@asynccontextmanager
async def opened(store: Store, start: str) -> AsyncIterator[World]:
    now = datetime.fromisoformat(start).replace(tzinfo=UTC)
    with store.write() as session:
        session.add_all([target("people", now), target("operator", now, operator=True)])
    async with Site() as site, Fetcher() as fetcher:
        site.pages["/model-lifecycle-legacy.md"] = Page(
            (FIXTURES / "bedrock/lifecycle.legacy.md").read_bytes()
        )
        yield World(store, site, fetcher, now)


# --- six stories
# -------------------------------------------------------------------------------------------


async def test_a_renamed_column(store: Store) -> None:
    """[1] AWS renamed "Model version" to "Model name" on 2026-03-27; a peer counted 0 models for
    five months.
    """
    page = (FIXTURES / "bedrock/lifecycle.2026-05.md").read_bytes()
    renamed = page.replace(b"Model name", b"Model version")
    assert renamed != page
    async with opened(store, "2026-03-26") as world:
        assert await world.looks("bedrock.lifecycle", [page, renamed, None, None, None, None]) == [
            "baseline",
            *["unreadable"] * 5,
        ]
        before = world.standing("bedrock.lifecycle")
        assert (world.told(), world.told("operator")) == ([], ["source.failing", "source.stale"])
        assert await world.looks("bedrock.lifecycle", [page, None, None]) == ["unchanged"] * 3
        assert (world.told(), world.told("operator")) == (
            [],
            ["source.failing", "source.stale", "source.recovered"],
        )
        assert world.standing("bedrock.lifecycle") == before != []


async def test_442_rows_in_one_night(store: Store) -> None:
    """[2] On 2025-11-11 xAI's page brought 442 rows that were none, and a peer announced them
    all.
    """
    page = json.loads((FIXTURES / "xai/models.2025.json").read_bytes())
    model = page["data"][0]
    page["data"] += [model | {"id": f"grok-3-mini-{number:02}"} for number in range(23)]
    known = json.dumps(page).encode()
    page["data"] += [model | {"id": f"grok-row-{number:03}"} for number in range(442)]
    flood = json.dumps(page).encode()
    async with opened(store, "2025-11-10") as world:
        assert await world.looks("xai.models", [known, *[flood] * 8]) == [
            "baseline",
            *["suspect"] * 8,
        ]
        assert world.polled[-1].error == "442 facts are new beside 28 known ones"
        assert await world.looks("xai.models", [known, None]) == ["unchanged"] * 2
        assert world.told() == []
        assert world.told("operator") == ["source.suspect", "source.stale", "source.recovered"]
        assert len(world.standing("xai.models")) == 28


LEGACY = [
    ("2026-04-22", "Legacy snapshots", "2026-10-23", f"gpt-4.1-{number}", "gpt-5.4-nano")
    for number in range(12)
]
MOVED = ("2026-04-22", "Legacy snapshots", "2026-12-11", "gpt-4.1-0", "gpt-5.6-luna")


@pytest.mark.parametrize(
    ("turns", "at_most"),
    [("AB" * 10, 0), ("ABBAABBABAABBBAABABB", 1), ("BBBBAAAABBBBAAAABBBB" * 2, 1)],
    ids=["each look", "as it comes", "each day"],
)
async def test_two_layouts_in_turn(store: Store, turns: str, at_most: int) -> None:
    """[3] Half of a provider's servers have an older page: some rows less, and of one another date
    and replacement.
    """
    layouts = {
        "A": pages.openai_retirements(LEGACY),
        "B": pages.openai_retirements([MOVED, *LEGACY[1:9]]),
    }
    async with opened(store, "2026-05-01") as world:
        await world.looks("openai.deprecations", [layouts["A"], *(layouts[turn] for turn in turns)])
        told = [(event["model"], event["kind"]) for event in world.events() if event["model"]]
        assert len(set(told)) == len(told) <= at_most * 5, (
            "three rows, a date and a replacement, at most once each"
        )
        assert world.told("operator") == []


@pytest.mark.parametrize("turns", ["BA" * 10, "BBBBAAAA" * 5])
async def test_a_layout_that_is_held_and_comes_by_turns(store: Store, turns: str) -> None:
    """Half of the rows are missing by turns: nobody is told, and the operator once, not half a year
    long.
    """
    layouts = {"A": pages.openai_retirements(LEGACY), "B": pages.openai_retirements(LEGACY[:6])}
    async with opened(store, "2026-05-01") as world:
        await world.looks("openai.deprecations", [layouts["A"], *(layouts[turn] for turn in turns)])
        heard = [
            "source.suspect",
            *["source.stale"] * ("BBBB" in turns),
            "source.recovered",
        ]  # a day long, once
        assert (world.told(), world.told("operator")) == ([], heard)
        await world.looks("openai.deprecations", [layouts["B"]] * 7)
        assert world.told("operator") == heard
        await world.look("openai.deprecations")
        assert world.told("operator") == [*heard, "source.suspect", "source.stale"], "two days long"


async def test_a_region_that_leaves_while_another_stays(store: Store) -> None:
    """[4] Claude 3.7 Sonnet on Bedrock: the row of the commercial Regions went after its end,
    GovCloud's stayed.
    """
    page = (FIXTURES / "bedrock/lifecycle.2026-05.md").read_text()
    page = page.replace("Claude 3.5 Sonnet", "Claude 3.7 Sonnet").replace(
        "3-5-sonnet-20240620", "3-7-sonnet-20250219"
    )
    page = page.replace("eu-central-2", "us-east-1, us-west-2").replace(
        "June 1, 2026", "April 28, 2026"
    )
    gone = "".join(line for line in page.splitlines(keepends=True) if "us-west-2 / " not in line)
    assert len(gone.splitlines()) == len(page.splitlines()) - 1
    async with opened(store, "2026-04-20") as world:
        await world.look("bedrock.lifecycle", page.encode())
        await world.look("bedrock.lifecycle", after=timedelta(days=9))
        await world.looks("bedrock.lifecycle", [gone.encode(), None, None], after=timedelta(days=7))
        (event,) = world.events()
        assert (event["kind"], event["region"]) == ("retirement.completed", "us-east-1, us-west-2")
        left = [
            (fact.region, str(fact.retires))
            for fact in world.standing("bedrock.lifecycle")
            if isinstance(fact, Retirement) and "3-7-sonnet" in fact.model
        ]
        assert left == [
            ("ap-northeast-1, ap-southeast-2", "2026-07-30"),
            ("us-gov-east-1, us-gov-west-1", "2026-07-30"),
        ]


async def test_a_floor_that_passes(store: Store) -> None:
    """[6] "Not sooner than September 29, 2026" on September 30: still active, no countdown, nothing
    to tell.
    """
    floor = ("claude-sonnet-4-5-20250929", "Active", "N/A", "Not sooner than September 29, 2026")
    async with opened(store, "2026-09-28") as world:
        await world.looks(
            "anthropic.deprecations",
            [pages.claude_retirements([floor], []), *[None] * 12],
            after=timedelta(hours=12),
        )
        (fact,) = world.standing("anthropic.deprecations")
        assert isinstance(fact, Retirement)
        assert (fact.stage, str(fact.retires)) == ("active", "not before 2026-09-29")
        assert (world.events(), world.row("anthropic.deprecations").milestone_at) == ([], None)


async def test_47_replacements_rewritten_at_once(store: Store) -> None:
    """[8] 2026-07-23: 47 rows name another replacement. 47 events, and one message in the
    channel.
    """
    before = [
        *LEGACY,
        *(
            ("2026-04-22", "Legacy snapshots", "2026-10-23", f"gpt-4o-{number}", "gpt-5.4")
            for number in range(40)
        ),
    ]
    after = [
        (*row[:4], "gpt-5.6-terra") if number < 47 else row for number, row in enumerate(before)
    ]
    slack = FakeSlack()
    async with opened(store, "2026-07-22") as world, serving(slack.handle) as base:
        with store.write() as session:
            session.add(
                target("channel", world.now, type="slack", address=f"{base}/services/ok", secret="")
            )
        await world.looks("openai.deprecations", map(pages.openai_retirements, (before, after)))
        await world.look("openai.deprecations", after=timedelta(minutes=15))
        assert [event["kind"] for event in world.events()] == ["replacement.changed"] * 47
        async with publisher(store, lambda: world.now) as sender:
            while await sender.drain_once():
                pass
    assert len(slack.posts) == 1
    with store.read() as session:
        query = select(DeliveryRow.state).where(DeliveryRow.subscription_id == "channel")  # type: ignore[arg-type, call-overload]
        assert list(session.execute(query).scalars()) == ["delivered"] * 47


# --- more of the acceptance checks
# -------------------------------------------------------------------------

EMBEDDING = ("text-embedding-3-small", "1", "GA", "2027-04-15", "—")


async def test_an_end_pulled_in_by_a_year(store: Store) -> None:
    """[5] Azure moved gpt-4.1 from 2027-10-14 to 2026-10-14: asked about, and told once, as
    something to act on.
    """
    before, after = (
        pages.azure_retirements([("gpt-4.1", "2025-04-14", "GA", end, "gpt-5"), EMBEDDING])
        for end in ("2027-10-14", "2026-10-14")
    )
    async with opened(store, "2026-06-30") as world:
        outcomes = await world.looks("azure.retirements", [before, after, None, None, None])
        assert outcomes == ["baseline", "suspect", "suspect", "accepted", "unchanged"]
        assert (world.told(), world.told("operator")) == (
            ["retirement.advanced"],
            ["source.suspect", "source.recovered"],
        )
        assert [event["severity"] for event in world.events() if event["model"]] == ["action"]


async def test_a_cut_of_80_percent_and_a_slip_of_a_thousand(store: Store) -> None:
    """[11] GPT-5.6 Luna on 2026-07-30: believed without a person, a look and an interval later.
    x1000 never is.
    """
    prices = {"gpt-5.6-luna": ("1", "0.1", "6"), "gpt-4.1": ("2", "0.5", "8")}
    cut = prices | {"gpt-5.6-luna": ("0.20", "0.02", "1.20")}
    slip = cut | {"gpt-4.1": ("2000", "500", "8000")}
    async with opened(store, "2026-07-29") as world:
        bodies = map(pages.openai_prices, (prices, cut, cut, *[slip] * 15))
        outcomes = await world.looks("openai.pricing", bodies)
        assert outcomes == ["baseline", "accepted", "unchanged", *["suspect"] * 15]
        assert world.told() == ["price.decreased"] * 3
        assert world.told("operator") == ["source.suspect", "source.stale"]


async def test_a_rise_that_is_scheduled_and_called_off(store: Store) -> None:
    """[12] Sonnet 5: $2 until August 31, 2026, then $3; in August the $2 stayed for good."""
    now, later = ("2", "2.50", "4", "0.20", "10"), ("3", "3.75", "6", "0.30", "15")
    opus = ("Claude Opus 4.5", "5", "6.25", "10", "0.50", "25")
    scheduled = [
        ("Claude Sonnet 5 through August 31, 2026", *now),
        ("Claude Sonnet 5 starting September 1, 2026", *later),
        opus,
    ]
    async with opened(store, "2026-06-30") as world:
        await world.looks(
            "anthropic.pricing", [pages.claude_prices([opus]), pages.claude_prices(scheduled), None]
        )
        assert sorted(set(world.told())) == ["price.added", "price.scheduled"]
        world.now = datetime(2026, 8, 12, tzinfo=UTC)
        seen = len(world.told())
        await world.looks(
            "anthropic.pricing", [pages.claude_prices([("Claude Sonnet 5", *now), opus]), None]
        )
        assert sorted(world.told()[seen:]) == ["price.changed"] * 5 + ["price.unscheduled"] * 5


async def test_the_first_run_tells_nobody_and_the_same_pages_again_nothing(store: Store) -> None:
    """[13] An empty database: history is seeded, nobody is alerted; the same snapshots again add no
    event.
    """
    bodies = {
        "openai.deprecations": pages.openai_retirements(LEGACY),
        "azure.retirements": pages.azure_retirements([EMBEDDING]),
        "bedrock.lifecycle": (FIXTURES / "bedrock/lifecycle.2026-05.md").read_bytes(),
    }
    async with opened(store, "2026-05-01") as world:
        for source_id, body in bodies.items():
            assert await world.looks(source_id, [body, None]) == ["baseline", "unchanged"]
        with store.read() as session:
            seeded = event_log.events(session, EventQuery(baseline=True, limit=1000))
        assert len(seeded) > len(LEGACY)
        for source_id, body in bodies.items():
            await world.looks(source_id, [body.replace(b"\n\n", b"\n\n\n"), body, None])
        assert (world.events(), world.told(), world.told("operator")) == ([], [], [])


async def test_an_item_that_slides_out_of_its_feed(store: Store) -> None:
    """[14] No removal, and no news when it comes back: feeds slide, and are served in turns too."""
    items = [
        f"<item><title>Post {number}</title><link>https://openai.com/{number}</link><guid>"
        f"{number}</guid>"
        f"<pubDate>Thu, 0{number} Oct 2026 10:00:00 GMT</pubDate></item>"
        for number in range(1, 8)
    ]
    feeds = [
        '<?xml version="1.0"?><rss version="2.0"><channel><title>OpenAI News</title>'
        f"{''.join(some)}</channel></rss>"
        for some in (items[:5], items[2:6], items[:5], items[2:7])
    ]
    async with opened(store, "2026-10-05") as world:
        await world.looks(
            "openai.news", (feed.encode() for feed in feeds), after=timedelta(hours=1)
        )
        assert [event["summary"] for event in world.events()] == [
            "openai: Post 6",
            "openai: Post 7",
        ]
        assert len(world.standing("openai.news")) == 7
