"""What a site can do to one poll, end to end: the faults S1 to S11, S13, S17 and S18 of delivery.md
3.4.

`pytest -k s10` finds the tests of one. A real site on loopback, the real Fetcher, Poller, adapters
and store, on both databases. After each fault the site serves the good page again, and the request
for it names the version that was accepted last: nothing moved."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import select

from monitor.core.facts import Fact
from monitor.polling.fetch import NO_VALIDATORS, Fetcher
from monitor.polling.outcomes import PollResult
from monitor.polling.parser_pool import ParsedPage
from monitor.polling.poll import Poller, PollSettings
from monitor.polling.record import FAILING_AFTER, Document, PollRules, record
from monitor.polling.schedule import PollTimes
from monitor.reading.source import REGISTRY
from monitor.store import event_log, source_state
from monitor.store import fact_versions as versions
from monitor.store.db import Store
from monitor.store.event_log import EventQuery
from monitor.store.tables import DeliveryRow, SourceRow, SubscriptionRow
from tests.sources.test_contracts import STRANGERS
from tests.support.fixtures import FIXTURES
from tests.support.loopback_site import Page, Site

START = datetime(2026, 10, 1, tzinfo=UTC)
PATH = "/document"
KEY = "sk-canary-0815"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


@dataclass(frozen=True)
class Kind:
    """A source of one make, the page it is served and as what."""

    source_id: str
    body: bytes
    content_type: str


MARKDOWN = Kind(
    "example.deprecations", fixture("example/deprecations.md"), "text/markdown; charset=utf-8"
)
HTML = Kind("azure.partners", fixture("azure/partners.html"), "text/html; charset=utf-8")
FEED = Kind("openai.news", fixture("openai/news.xml"), "application/rss+xml")
JSON = Kind("openai.models", fixture("openai/models.json"), "application/json")
CHANGELOG = Kind("anthropic.release_notes", fixture("anthropic/release_notes.md"), "text/markdown")
PRICES = Kind("anthropic.pricing", fixture("anthropic/pricing.md"), "text/markdown")
ALL = [pytest.param(kind, id=kind.source_id) for kind in (MARKDOWN, HTML, FEED, JSON)]


@dataclass
class World:
    """One source of a store and the site that it is polled from, an interval at a time."""

    store: Store
    site: Site
    fetcher: Fetcher
    kind: Kind
    now: datetime = START
    before: SourceRow = field(init=False)

    def __post_init__(self) -> None:
        self.source = REGISTRY[self.kind.source_id]
        self.poller = Poller(
            self.store,
            self.fetcher,
            {self.source.id: self.source},
            PollSettings(
                clock=lambda: self.now,
                keys=lambda name: KEY,
                urls={self.source.id: self.site.url(PATH)},
                chance=lambda: 0.5,
            ),
        )
        with self.store.write() as session:
            source_state.register(session, [self.source.id], START)
            for name, operator in (("people", False), ("operator", True)):
                address = f"https://{name}.example/"
                session.add(
                    SubscriptionRow(
                        id=name,
                        type="webhook",
                        address=address,
                        operator=operator,
                        created_at=START,
                    )
                )

    def serve(self, body: bytes | str, content_type: str = "", status: int = 200) -> None:
        self.site.faults.clear()
        text = body.encode() if isinstance(body, str) else body
        self.site.pages[PATH] = Page(text, content_type or self.kind.content_type, status)

    async def poll(self) -> PollResult:
        self.now += self.source.every
        (polled,) = await self.poller.sweep([self.row])
        return polled

    async def accept(self) -> None:
        """The good page, accepted as the baseline; what follows is measured against it."""
        self.serve(self.kind.body)
        assert (await self.poll()).outcome == "baseline"
        self.before = self.row
        self.said = self.standing

    async def bad(self, *outcomes: str) -> PollResult:
        """One poll with one of these outcomes, that moved nothing."""
        polled = await self.poll()
        assert polled.outcome in outcomes, polled.error
        assert polled.error
        row, before = self.row, self.before
        assert (row.etag, row.last_modified, row.seen) == (
            before.etag,
            before.last_modified,
            before.seen,
        )
        assert (row.document, row.good_at, row.rows) == (
            before.document,
            before.good_at,
            before.rows,
        )
        assert self.standing == self.said
        assert self.told == []
        return polled

    async def good_again(self) -> None:
        """The page that was accepted, unchanged since: asked for by the name it had, and nothing to
        tell.
        """
        self.serve(self.kind.body)
        for _ in range(2):
            assert (await self.poll()).outcome == "unchanged"
        if self.source.access is None or self.source.access.next_page is None:
            assert self.site.requests[-1].headers["if-none-match"] == self.before.etag
        assert (self.standing, self.told, self.row.pending, self.row.held) == (
            self.said,
            [],
            [],
            "",
        )

    @property
    def row(self) -> SourceRow:
        with self.store.read() as session:
            return source_state.rows(session, [self.source.id])[0]

    @property
    def standing(self) -> list[Fact]:
        with self.store.read() as session:
            return list(versions.current(session, self.source.id).values())

    @property
    def told(self) -> list[str]:
        """What was said to subscribers, beside the baseline."""
        return self._deliveries("people")

    @property
    def operator_was_told(self) -> list[str]:
        """That the source is also stale by then is S19's."""
        return [kind for kind in self._deliveries("operator") if kind != "source.stale"]

    def _deliveries(self, target: str) -> list[str]:
        with self.store.read() as session:
            found = session.execute(
                select(event_log.EVENTS.c.kind)
                .join(DeliveryRow, DeliveryRow.event_id == event_log.EVENTS.c.id)  # type: ignore[arg-type]
                .where(DeliveryRow.subscription_id == target)  # type: ignore[arg-type]
                .order_by(event_log.EVENTS.c.sequence)
            ).scalars()
            told = list(found)
            events = event_log.events(session, EventQuery(baseline=False, limit=1000))
        everything = [event["kind"] for event in reversed(events)]
        assert [
            kind for kind in everything if kind.startswith("source.") == (target == "operator")
        ] == told
        return told


@pytest.fixture
async def world(store: Store) -> AsyncIterator[Callable[[Kind], World]]:
    async with Site() as site, Fetcher(deadline=5) as fetcher:
        yield lambda kind: World(store, site, fetcher, kind)


NewWorld = Callable[[Kind], World]


def raw(*headers: str, body: bytes = b"", status: str = "200 OK") -> list[bytes | float]:
    """A response with just these headers, and the end of the connection."""
    return ["\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode() + body]


# --- documents that did not come whole
# ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.source_id) for kind in (HTML, FEED, JSON)]
)
async def test_s1_a_body_that_was_cut_before_it_was_sent(world: NewWorld, kind: Kind) -> None:
    here = world(kind)
    await here.accept()
    for part in (2, 3):
        here.serve(kind.body[: len(kind.body) // part])
        await here.bad("unreadable")
    await here.good_again()


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.source_id) for kind in (MARKDOWN, CHANGELOG)]
)
async def test_s1_markdown_has_no_end_and_one_look_tells_nothing(
    world: NewWorld, kind: Kind
) -> None:
    here = world(kind)
    await here.accept()
    for part in range(1, 12):
        here.serve(kind.body[: len(kind.body) * part // 12])
        await here.poll()
        assert (here.told, here.standing) == ([], here.said)
        here.serve(kind.body)
        await here.poll()
        assert (here.told, here.standing, here.row.pending) == ([], here.said, [])


@pytest.mark.parametrize("kind", ALL)
async def test_s2_a_connection_that_ends_within_the_body(world: NewWorld, kind: Kind) -> None:
    here = world(kind)
    await here.accept()
    head, half = f"Content-Type: {kind.content_type}", kind.body[: len(kind.body) // 2]
    chunk = f"{len(half):x}\r\n".encode() + half + b"\r\n"
    for answer in (
        raw(head, "Transfer-Encoding: chunked", body=chunk),
        raw(head, f"Content-Length: {len(kind.body)}", body=half),
    ):
        here.site.faults[PATH] = answer
        assert "cut short" in (await here.bad("unreachable")).error
    await here.good_again()


@pytest.mark.parametrize("kind", ALL)
async def test_s3_an_error_page_that_answers_200(world: NewWorld, kind: Kind) -> None:
    here = world(kind)
    await here.accept()
    for name in ("bot wall", "page not found", "sign-in", "error of an API", "empty list"):
        for content_type in ("text/html", ""):
            here.serve(STRANGERS[name], content_type)
            await here.bad("unreadable", "unreachable")
    here.site.faults[PATH] = raw(
        "cf-mitigated: challenge", "Content-Type: text/html", body=b"<html>", status="403 No"
    )
    assert "bot wall" in (await here.bad("unreachable")).error
    assert here.operator_was_told == ["source.failing"]
    await here.good_again()
    assert here.operator_was_told == ["source.failing", "source.recovered"]


@pytest.mark.parametrize("kind", ALL)
async def test_s4_an_empty_body(world: NewWorld, kind: Kind) -> None:
    here = world(kind)
    await here.accept()
    for body in (b"", b" \r\n\t"):
        here.serve(body)
        assert "empty" in (await here.bad("unreachable")).error
    await here.good_again()


async def test_s5_a_table_that_is_gone_is_told_to_the_operator_after_three(world: NewWorld) -> None:
    here = world(MARKDOWN)
    await here.accept()
    here.serve(re.sub(rb"(?m)^\|.*\n", b"", MARKDOWN.body))
    for number in range(1, FAILING_AFTER + 3):
        assert "no facts" in (await here.bad("unreadable")).error
        assert here.operator_was_told == ["source.failing"] * (number >= FAILING_AFTER)
    await here.good_again()
    assert here.operator_was_told == ["source.failing", "source.recovered"]


# --- documents that say something else for a poll
# ----------------------------------------------------------

HEAD = "# Deprecations\n\n| Model | State | Announced | Shutdown date | Replacement |\n| --- | --- | --- | --- | --- |\n"


def table(rows: Sequence[str]) -> bytes:
    return (
        HEAD
        + "".join(
            f"| `{name}` | Deprecated | 2026-08-14 | 2027-02-01 | `anvil-9` |\n" for name in rows
        )
    ).encode()


TEN = Kind(
    "example.deprecations", table([f"anvil-{number}" for number in range(10)]), "text/markdown"
)


async def test_s6_most_models_missing_are_held_and_told_once_when_a_person_says_so(
    world: NewWorld,
) -> None:
    here = world(TEN)
    await here.accept()
    left = table(["anvil-0", "anvil-1", "anvil-2"])
    for number in range(5):
        here.serve(left + f"\nBuild {number}\n".encode())
        assert "7 of 10" in (await here.bad("suspect")).error
        assert here.operator_was_told == ["source.suspect"]
    with here.store.read() as session:
        held = source_state.document(session, here.row.held)
    assert held is not None
    assert here.source.read(held) == here.source.read(left)
    fetched = await here.fetcher.get(here.source, NO_VALIDATORS, None, here.site.url(PATH))
    due = here.now + here.source.every
    polled = record(
        here.store,
        here.source,
        Document(fetched, ParsedPage(here.row.held, here.source.read(held))),
        PollTimes(here.now, due),
        PollRules(approved=True),
    )
    assert polled.outcome == "accepted"
    gone = here.told
    assert len(gone) == 7
    for _ in range(3):
        await here.poll()
    assert (here.told, len(here.standing)) == (gone, 3)
    assert here.operator_was_told == ["source.suspect", "source.recovered"]


async def test_s7_a_model_that_is_missing_for_one_poll(world: NewWorld) -> None:
    here = world(TEN)
    await here.accept()
    for gone in range(0, 10, 3):
        here.serve(table([f"anvil-{number}" for number in range(10) if number != gone]))
        assert (await here.poll()).outcome == "accepted"
        assert (here.told, here.standing) == ([], here.said)
        here.serve(TEN.body)
        await here.poll()
        assert (here.told, here.standing, here.row.pending) == ([], here.said, [])
    assert here.operator_was_told == []


@pytest.mark.parametrize(
    ("asks", "least", "most"),
    [
        ("120", 6 * 3600, 6 * 3600),  # sooner than the cadence
        ("50000", 50_000, 50_000),
        ("later", 50_000, 50_000),  # an HTTP date, see below
        ("-5", 6 * 3600, 6 * 3600),
        ("1e9", 86_400, 86_400),
        ("soon", 6 * 3600, 6 * 3600),
    ],
)
async def test_s8_a_429_and_then_the_same_page(
    world: NewWorld, asks: str, least: int, most: int
) -> None:
    here = world(MARKDOWN)
    await here.accept()
    if asks == "later":  # the fetcher holds it against the true clock
        asks = format_datetime(datetime.now(UTC) + timedelta(seconds=50_000), usegmt=True)
    here.site.faults[PATH] = raw(
        f"Retry-After: {asks}", "Content-Length: 0", status="429 Too Many Requests"
    )
    await here.bad("unreachable")
    waits = (here.row.due_at - here.now).total_seconds()
    assert least - 60 <= waits <= most
    await here.good_again()


async def test_s9_other_guids_are_no_news(world: NewWorld) -> None:
    here = world(FEED)
    await here.accept()
    bare = re.sub(rb"<guid\b.*?</guid>", b"", FEED.body)
    for build in range(3):
        items = bare.split(b"</item>")
        guids = (
            f"<guid>build-{build}-{number}</guid></item>".encode()
            for number in range(1, len(items))
        )
        here.serve(items[0] + b"".join(map(bytes.__add__, guids, items[1:])))
        assert (await here.poll()).outcome == "accepted"
        assert (here.told, here.standing) == ([], here.said)
    here.serve(FEED.body)
    await here.poll()
    assert (here.told, here.standing, here.row.pending) == ([], here.said, [])


@pytest.mark.parametrize(
    ("printed", "outcome"),
    [
        ("2099-01-01", "suspect"),
        ("1970-01-01", "suspect"),
        ("February 31, 2027", "unreadable"),
        ("soonish", "unreadable"),
    ],
)
async def test_s10_dates_that_cannot_be(world: NewWorld, printed: str, outcome: str) -> None:
    here = world(MARKDOWN)
    await here.accept()
    here.serve(MARKDOWN.body.replace(b"December 1, 2026", printed.encode()))
    for _ in range(4):
        assert printed in (await here.bad(outcome)).error or "31" in printed
    assert here.operator_was_told == [
        {"suspect": "source.suspect", "unreadable": "source.failing"}[outcome]
    ]
    await here.good_again()


async def test_s10_a_date_that_is_open_for_a_poll(world: NewWorld) -> None:
    here = world(MARKDOWN)
    await here.accept()
    here.serve(MARKDOWN.body.replace(b"December 1, 2026", b"TBD"))
    await here.poll()
    assert (here.told, here.standing) == ([], here.said)
    here.serve(MARKDOWN.body)
    await here.poll()
    assert (here.told, here.standing, here.row.pending) == ([], here.said, [])


@pytest.mark.parametrize(
    ("printed", "outcomes"),
    [
        (b"$0.00 / MTok", ("suspect",)),
        (b"$4,00 / MTok", ("unreadable",)),
        (b"$4000 / MTok", ("suspect",)),
        (b"$4 / KTok", ("suspect", "unreadable")),
        (b"$0.004 / MTok", ("suspect",)),
        (b"$-4 / MTok", ("unreadable",)),
    ],
)
async def test_s11_prices_that_cannot_be(
    world: NewWorld, printed: bytes, outcomes: Sequence[str]
) -> None:
    here = world(PRICES)
    await here.accept()
    assert PRICES.body.count(b"| $4 / MTok |") >= 1
    here.serve(PRICES.body.replace(b"| $4 / MTok |", b"| " + printed + b" |", 1))
    for _ in range(3):
        await here.bad(*outcomes)
    await here.good_again()


# --- bytes that are read in another way
# --------------------------------------------------------------------


def other_bytes(text: str) -> dict[str, tuple[bytes, str]]:
    """A page as other servers would send it: body and charset. Not one of them may be read as
    another page.
    """
    return {
        "byte order mark": (b"\xef\xbb\xbf" + text.encode(), "utf-8"),
        "UTF-16": (text.encode("utf-16"), "utf-16"),
        "UTF-16 under UTF-8": (text.encode("utf-16-le"), "utf-8"),
        "cp1252": (text.encode("cp1252"), "windows-1252"),
        "cp1252 under UTF-8": (text.encode("cp1252"), "utf-8"),
        "UTF-8 under Latin-1": (text.encode(), "iso-8859-1"),
        "encoded twice": (text.encode().decode("cp1252").encode(), "utf-8"),
        "a byte of another page": (text.encode().replace("\u2014".encode(), b"\xff"), "utf-8"),
    }


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.source_id) for kind in (MARKDOWN, FEED)]
)
async def test_s13_another_charset_says_the_same_or_nothing(world: NewWorld, kind: Kind) -> None:
    text = (
        kind.body.decode()
        .replace("\u2011", "-")
        .replace("accounts", "accounts \u2014")
        .replace("grew", "\u2014 grew")
    )
    assert "\u2014" in text
    here = world(Kind(kind.source_id, text.encode(), kind.content_type))
    await here.accept()
    for name, (body, charset) in other_bytes(text).items():
        here.serve(body, f"{kind.content_type.partition(';')[0]}; charset={charset}")
        for _ in range(2):
            polled = await here.poll()
            assert polled.outcome in ("unreadable", "accepted", "unchanged"), name
            assert (here.told, here.standing) == ([], here.said), name
        here.serve(text)
        await here.poll()
    assert (here.told, here.row.pending) == ([], [])


# --- redirects and paging
# ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "another domain"),
        ("http://[::1]/", "another domain"),
        ("https://acme.example.evil.example/", "another domain"),
        ("http://localhost/", "another domain"),
        ("ftp://127.0.0.1/file", "not https"),
        ("file:///etc/passwd", "Location"),
        (PATH, "more than 5 redirects"),
    ],
)
async def test_s17_redirects_elsewhere(world: NewWorld, to: str, why: str) -> None:
    here = world(MARKDOWN)
    await here.accept()
    asked = len(here.site.requests)
    for status in ("301 Moved", "307 Temporary"):
        here.site.faults[PATH] = raw(f"Location: {to}", "Content-Length: 0", status=status)
        assert why in (await here.bad("unreachable")).error
    assert len(here.site.requests) - asked == (12 if to == PATH else 2)
    await here.good_again()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            JSON.body.replace(b'"created": 1686588896', b'"created": 1686588896, "created": 1', 1),
            id="twice",
        ),
        pytest.param(JSON.body.replace(b"1686588896", b"NaN", 1), id="NaN"),
        pytest.param(JSON.body.replace(b"1686588896", b"1e400", 1), id="1e400"),
        pytest.param(JSON.body.replace(b"1686588896", b"1" * 5000, 1), id="a long number"),
        pytest.param(b'{"data": "gpt-", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep"),
        pytest.param(
            b'{"data": "gpt-", "x": ' + b'{"x":' * 100_000 + b"1" + b"}" * 100_001,
            id="deep objects",
        ),
    ],
)
async def test_s18_json_that_a_parser_would_decide_on(world: NewWorld, body: bytes) -> None:
    here = world(JSON)
    await here.accept()
    here.serve(body)
    await here.bad("unreadable")
    await here.good_again()


PAGED = Kind(
    "anthropic.models",
    b'{"data": [{"type": "model", "id": "claude-2.1", "display_name": "Claude 2.1",'
    b' "created_at": "2023-11-21T00:00:00Z"}], "has_more": true, "first_id": "claude-2.1", '
    b'"last_id": "claude-2.1"}',
    "application/json",
)
SECOND = PAGED.body.replace(b"2.1", b"2.0").replace(b"true", b"false")


@pytest.mark.parametrize(
    ("page", "outcome"),
    [
        (Page(b"{}", "application/json", 500), "unreachable"),
        (Page(SECOND[:60], "application/json"), "unreachable"),
        (Page(b'{"error": {"message": "overloaded"}}', "application/json"), "unreachable"),
        (Page(b"<html>Just a moment...</html>", "text/html"), "unreachable"),
        (Page(b'{"data": [], "has_more": false, "last_id": null}', "application/json"), "accepted"),
    ],
)
async def test_s18_a_list_whose_second_page_fails(
    world: NewWorld, page: Page, outcome: str
) -> None:
    """A page that fails fails the list; one that is empty is a removal, which one look does not
    settle.
    """
    here = world(PAGED)
    second = f"{PATH}?after_id=claude-2.1"
    here.site.pages[second] = Page(SECOND, "application/json")
    await here.accept()
    assert len(here.standing) == 2
    here.site.pages[second] = page
    if outcome == "accepted":
        await here.poll()
    else:
        await here.bad(outcome)
    here.site.pages[second] = Page(SECOND, "application/json")
    await here.poll()
    await here.good_again()
