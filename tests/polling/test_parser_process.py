"""Documents are read in child processes: what a hostile one does ends its child, and nothing else.

S12 to S16 of the reference over real adapters, a site on loopback, the poller and the store. How
the fetcher stops at the cap and at its deadline is in tests/polling/test_fetch.py; here is what becomes of
the source, and of the others."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import json
import os
import signal
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from monitor.core.facts import Json, Listing
from monitor.errors import Unreadable
from monitor.polling.fetch import Fetcher
from monitor.polling.outcomes import PollResult
from monitor.polling.parser_pool import (
    InProcessParser,
    ParsedPage,
    ParserPool,
    decode_answer,
    environment,
)
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.focus import tables_and_headings
from monitor.reading.source import REGISTRY, Source
from monitor.store import event_log, source_state
from monitor.store import fact_versions as versions
from monitor.store.db import Store
from tests.support.fixtures import FIXTURES, fixtures
from tests.support.hostile_adapters import ACME, FRAMED, NAMELESS
from tests.support.loopback_site import Page, Site

START = datetime(2026, 11, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
READ = [Listing(model="read", provider="acme")]


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


OPENAI, ANTHROPIC, AZURE = "openai.deprecations", "anthropic.deprecations", "azure.retirements"
GOOD = {
    OPENAI: fixture("openai/deprecations.md"),
    ANTHROPIC: fixture("anthropic/deprecations.md"),
    AZURE: fixture("azure/retirements.2026-01.html"),
    "news.hacker_news": fixture("news/hacker_news.xml"),
}
#: How each is served, and what its page begins with.
TYPES = dict.fromkeys((OPENAI, ANTHROPIC), ("text/markdown", b"")) | {
    AZURE: ("text/html", b"<!doctype html><html><body>"),
    "news.hacker_news": ("application/rss+xml", b""),
}


@pytest.fixture
async def box() -> AsyncIterator[ParserPool]:
    async with ParserPool(seconds=1) as box:
        yield box


@dataclass
class World:
    """Real adapters whose pages stand on a site, polled through a sandbox every six hours."""

    store: Store
    site: Site
    fetcher: Fetcher
    parser: ParserPool
    now: datetime = START
    order: list[str] = field(default_factory=list)
    declared: dict[str, Source] = field(default_factory=lambda: dict(REGISTRY))

    def serve(self, source_id: str, body: bytes, **more: str) -> None:
        content_type = more.pop("content_type", TYPES.get(source_id, ("text/markdown", b""))[0])
        self.site.pages[f"/{source_id}"] = Page(body, content_type, **more)  # type: ignore[arg-type]

    async def poll(self, *ids: str) -> dict[str, PollResult]:
        """How a poll of these sources ended; ``order`` is the order in which they did."""
        self.now += timedelta(hours=6)
        with self.store.write() as session:
            source_state.register(session, list(ids), START)
        with self.store.read() as session:
            rows = source_state.states(session, ids)
        poller = Poller(
            self.store,
            self.fetcher,
            self.declared,
            PollSettings(
                clock=lambda: self.now,
                chance=lambda: 0.5,
                urls={source_id: self.site.url(f"/{source_id}") for source_id in ids},
            ),
            parser=self.parser,
        )
        self.order.clear()
        ended = await poller.sweep(rows, lambda polled: self.order.append(polled.source_id))
        return {polled.source_id: polled for polled in ended}

    def events(self) -> list[Json]:
        """What subscribers are told, beside the first page's history."""
        with self.store.read() as session:
            lines = (
                session.connection()
                .execute(select(event_log.EVENTS.c.kind).where(~event_log.EVENTS.c.baseline))
                .scalars()
            )
            return [kind for kind in lines if not kind.startswith("source.")]

    def standing(self, source_id: str) -> list[object]:
        with self.store.read() as session:
            return list(versions.current(session, source_id).values())

    def validators(self, source_id: str) -> tuple[str, str, str]:
        with self.store.read() as session:
            (row,) = source_state.rows(session, [source_id])
            return row.etag, row.seen, row.document


@pytest.fixture
async def world(store: Store, box: ParserPool) -> AsyncIterator[World]:
    async with Site() as site, Fetcher(deadline=5) as fetcher:
        yield World(store, site, fetcher, box)


@pytest.fixture
async def lite(tmp_path: Path, box: ParserPool) -> AsyncIterator[World]:
    """The same on SQLite alone, where the database does not matter."""
    store = Store(str(tmp_path / "lite.db"))
    SQLModel.metadata.create_all(store.engine)
    async with Site() as site, Fetcher(deadline=5) as fetcher:
        yield World(store, site, fetcher, box)
    store.close()


async def refused(box: ParserPool, body: bytes, source=ACME) -> str:
    with pytest.raises(Unreadable) as caught:
        await box.parse(source, body)
    return str(caught.value)


def state(pid: int) -> str:
    """The letter that Linux has for what a process does; empty if it is gone, and Z if it ended and
    nobody was told.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110  processes set no event
        await asyncio.sleep(0.01)


# --- what it answers
# ---------------------------------------------------------------------------------------


async def test_a_child_reads_as_this_process_does(box: ParserPool) -> None:
    here = InProcessParser()
    for source, path in fixtures():
        body = path.read_bytes()
        page = await here.parse(source, body)
        assert page.facts
        assert await box.parse(source, body) == page
        assert await box.parse(source, body, page.digest) == ParsedPage(page.digest)
    assert len(box.pids) == 1


async def test_the_document_accepted_last_needs_no_child(box: ParserPool) -> None:
    cut = replace(ACME, focus=tables_and_headings)
    for source, seen, body in (
        (ACME, b"a", b"a"),
        (FRAMED, b"frame\na", b"frame\na"),
        (cut, b"<html><h1>a</h1>", b"<html>1<h1>a</h1>"),
    ):
        digest = source.digest(seen)
        assert await box.parse(source, body, digest, sha256(seen)) == ParsedPage(digest)
    assert box.pids == []


async def test_the_frame_of_a_page_is_cut_off_in_a_child(box: ParserPool) -> None:
    """A focus of an adapter's own is its code; that bytes were read before is known by their hash
    alone.
    """
    digest = FRAMED.digest(b"frame\na")
    assert await box.parse(FRAMED, b"other\na", digest, sha256(b"frame\na")) == ParsedPage(digest)
    assert len(box.pids) == 1


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def test_a_poll_in_which_nothing_changed_starts_no_child(world: World) -> None:
    for source_id, body in GOOD.items():
        world.serve(source_id, body, **({} if source_id == OPENAI else {"etag": ""}))
    first = await world.poll(*GOOD)
    assert {polled.outcome for polled in first.values()} == {"baseline"}
    async with ParserPool() as world.parser:
        again = await world.poll(*GOOD)
        assert {polled.outcome for polled in again.values()} == {"unchanged"}
        assert world.parser.pids == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"\x80\x04K\x01.", "none"),
        (b"[]", "none"),
        (b"{}", "none"),
        (b'{"digest": "a", "facts": {"fact": 1}}', "none"),
        (b'{"digest": "a", "facts": [{"fact": "listing"}]}', "none"),
        (b'{"digest": "a", "facts": [{"fact": "price", "amount": "$1"}]}', "none"),
        (b"[" * 100_000, "none"),
        (
            b'{"digest": "a", "facts": [{"fact": "listing", "model": "a", "provider": "openai"}]}',
            "another provider",
        ),
        (b'{"error": "table 1: no"}', "table 1: no"),
    ],
)
def test_an_answer_is_facts_or_nothing(answer: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        decode_answer(ACME, answer)


# --- what it may not do
# ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "deed",
    ["connect", "listen", "resolve", "run", "system", "fork", "kill", "write", "open", "remove"],
)
async def test_an_adapter_reaches_nothing(box: ParserPool, deed: str) -> None:
    assert "acme.models: PermissionError: an adapter may not do this" in await refused(
        box, deed.encode()
    )
    assert (await box.parse(ACME, b"")).facts == READ
    assert len(box.pids) == 1


async def test_a_child_is_told_no_secret(box: ParserPool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OPENAI_API_KEY",
        "LASTCALL_SECRET_KEYS",
        "LASTCALL_DATABASE_URL",
        "AWS_SESSION_TOKEN",
    ):
        monkeypatch.setenv(name, "canary")
    told = [fact.model for fact in (await box.parse(ACME, b"environment")).facts or []]
    assert any(variable.startswith("PYTHONPATH=") for variable in told)
    assert not any("canary" in variable for variable in told)
    assert "canary" not in str(environment())


async def test_what_an_adapter_prints_is_no_answer(box: ParserPool) -> None:
    assert (await box.parse(ACME, b"print")).facts == READ


async def test_an_adapter_that_no_name_leads_to_is_said_so(box: ParserPool) -> None:
    assert (
        "no adapter tests.support.hostile_adapters:<lambda>, at the top of its module"
        in await refused(box, b"", NAMELESS)
    )
    assert (await InProcessParser().parse(NAMELESS, b"")).facts == READ


# --- limits
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [ACME, FRAMED], ids=["adapter", "focus"])
@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("spin", "reading it took more than 1 seconds of CPU"),
        ("eat", "reading it took more than 180 MB of memory"),
        ("wait", r"reading it took more than 0\.5 seconds"),
        ("crash", "the process that read it was ended by SIGSEGV"),
        ("exit", r"the process that read it ended without an answer \(exit code 0\)"),
    ],
)
async def test_a_limit_is_named_and_the_next_document_is_read(source, deed: str, why: str) -> None:
    async with ParserPool(seconds=1, megabytes=180, deadline=0.5 if deed == "wait" else 15) as box:
        with pytest.raises(Unreadable, match=f"{source.id}: {why}"):
            await box.parse(source, f"{deed}\n".encode() if source is FRAMED else deed.encode())
        assert (await box.parse(source, b"x\n")).facts == READ
        pids = box.pids
    assert [state(pid) for pid in pids] == [""] * len(pids)


async def test_a_swollen_child_is_replaced(box: ParserPool) -> None:
    await box.parse(ACME, b"")
    before = box.pids
    assert (await box.parse(ACME, b"swell")).facts == READ
    assert box.pids == []
    await box.parse(ACME, b"")
    assert box.pids != before


async def test_a_child_that_is_killed_from_outside(box: ParserPool) -> None:
    reading = asyncio.create_task(refused(box, b"wait"))
    await until(lambda: box.pids)
    os.kill(box.pids[0], signal.SIGKILL)
    assert await reading == "acme.models: the process that read it was ended by SIGKILL"
    await box.parse(ACME, b"")
    (idle,) = box.pids
    os.kill(idle, signal.SIGKILL)  # between two documents nothing is lost
    await until(lambda: not box.pids)
    assert (await box.parse(ACME, b"")).facts == READ


async def test_the_end_of_a_poll_ends_its_child(box: ParserPool) -> None:
    reading = asyncio.create_task(box.parse(ACME, b"wait"))
    await until(lambda: box.pids)
    pids = box.pids
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert [state(pid) for pid in pids] == [""] * len(pids)


PARENT = """
import asyncio, sys
from monitor.reading.focus import tables_and_headings
from monitor.polling.parser_pool import ParserPool
from tests.support.hostile_adapters import ACME

async def main():
    async with ParserPool(seconds=1) as box:
        await box.parse(ACME, b"")
        print(*box.pids, flush=True)
        await box.parse(ACME, sys.argv[1].encode())
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("deed", ["nothing", "wait"])
async def test_a_child_does_not_outlive_its_parent(deed: str) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, deed, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert pids
    parent.kill()
    await parent.wait()
    await asyncio.wait_for(until(lambda: {state(pid) for pid in pids} <= {"", "Z"}), 20)


# --- S12: entities
# -----------------------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
ITEM = "<item><title>{}</title><link>https://hnrss.org/1</link><pubDate>Mon, 02 Nov 2026 10:00:00 GMT</pubDate></item>"


def rss(title: str, *, declared: str = "", entities: str = "") -> str:
    doctype = f"<!DOCTYPE rss [{entities}]>" if entities else ""
    return f'<?xml version="1.0"{declared}?>{doctype}<rss version="2.0"><channel>{ITEM.format(title)}</channel></rss>'


@pytest.mark.parametrize("name", ["laughs", "blow-up", "external"])
async def test_s12_entities_are_refused_and_no_file_is_read(
    lite: World, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    entities, title = {
        "laughs": (f'<!ENTITY a0 "ha">{LAUGHS}', "&a9;"),
        "blow-up": (f'<!ENTITY a "{"x" * 100_000}">', "&a;" * 10_000),
        "external": (f'<!ENTITY a SYSTEM "{secret.as_uri()}">', "Leaked: &a;"),
    }[name]
    lite.serve("news.hacker_news", GOOD["news.hacker_news"])
    await lite.poll("news.hacker_news")
    before = lite.validators("news.hacker_news"), lite.standing("news.hacker_news")
    lite.serve("news.hacker_news", rss(title, entities=entities).encode())
    polled = (await lite.poll("news.hacker_news"))["news.hacker_news"]
    assert (polled.outcome, "declares entities" in polled.error) == ("unreadable", True)
    assert (lite.validators("news.hacker_news"), lite.standing("news.hacker_news")) == before
    assert lite.events() == []
    assert "canary" not in str(lite.standing("news.hacker_news"))
    assert peak(*lite.parser.pids) < 100


def peak(*pids: int) -> int:
    """The most memory that one of these processes had, in MB."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return max(int(text.partition("VmHWM:")[2].split()[0]) for text in texts) // 1024


# --- S13: encodings
# ----------------------------------------------------------------------------------------

PAGE = (
    fixture("example/deprecations.md").decode()
    + "\n## Gel\u00f6schte Modelle \u2013 fr\u00fchere\n"
)


@pytest.mark.parametrize(
    ("body", "content_type", "outcome"),
    [
        pytest.param(PAGE.encode("utf-8-sig"), "text/markdown", "accepted", id="byte order mark"),
        pytest.param(PAGE.encode("utf-16"), "text/markdown", "unreadable", id="UTF-16"),
        pytest.param(
            PAGE.encode("cp1252", "replace"),
            "text/markdown; charset=utf-8",
            "unreadable",
            id="not so",
        ),
        pytest.param(
            PAGE.encode(),
            "text/markdown; charset=iso-8859-1",
            "unchanged",
            id="wrong charset in the header",
        ),
        pytest.param(
            PAGE.encode().replace(b"\xc3\xb6", b"\xff"), "text/markdown", "unreadable", id="invalid"
        ),
    ],
)
async def test_s13_a_page_is_decoded_or_refused(
    lite: World, body: bytes, content_type: str, outcome: str
) -> None:
    lite.serve("example.deprecations", PAGE.encode(), etag="")
    await lite.poll("example.deprecations")
    before = lite.standing("example.deprecations")
    lite.serve("example.deprecations", body, content_type=content_type, etag="")
    for _ in range(2):
        polled = (await lite.poll("example.deprecations"))["example.deprecations"]
        assert polled.outcome in (outcome, "unchanged" if outcome == "accepted" else outcome)
    assert lite.standing("example.deprecations") == before
    assert lite.events() == []


TITLE = "Zw\u00f6lf Modelle"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        pytest.param(rss(TITLE).encode("utf-8-sig"), "accepted", id="byte order mark"),
        pytest.param(
            rss(TITLE, declared=' encoding="windows-1252"').encode(),
            "accepted",
            id="wrong declaration",
        ),
        pytest.param(
            rss(TITLE, declared=' encoding="iso-8859-1"').encode("latin-1"),
            "accepted",
            id="Latin-1",
        ),
        pytest.param(rss(TITLE).encode("latin-1"), "unreadable", id="undeclared"),
        pytest.param(
            rss(TITLE, declared=' encoding="utf-8"').encode("cp1252"),
            "unreadable",
            id="not as declared",
        ),
        pytest.param(
            rss(TITLE, declared=' encoding="utf-16"').encode("utf-16"), "unreadable", id="UTF-16"
        ),
        pytest.param(rss(TITLE).encode().replace(b"\xc3\xb6", b"\xff"), "unreadable", id="invalid"),
    ],
)
async def test_s13_a_feed_is_decoded_or_refused(lite: World, body: bytes, outcome: str) -> None:
    lite.serve("news.hacker_news", rss(TITLE).encode())
    await lite.poll("news.hacker_news")
    lite.serve("news.hacker_news", body)
    polled = (await lite.poll("news.hacker_news"))["news.hacker_news"]
    assert polled.outcome == outcome
    assert lite.events() == []


# --- S14: pages that are too much
# --------------------------------------------------------------------------

MONSTERS = {
    "comments": b"x " + b"<!--" * 80_000,  # at the beginning of a line, they are refused at once
    "divs": b"<div>" * 50_000,
    "attributes": b"<p " + b" ".join(b"a%d=1" % number for number in range(200_000)) + b">",
    "brackets": b"<" * 500_000,
}


async def test_s14_pages_that_are_too_much_hold_up_no_other(lite: World) -> None:
    """Three at once never come to an end; the others, polled after them, are through before their
    time is over.
    """
    wild = [f"acme.hanging{number}" for number in range(3)]
    lite.declared |= {source_id: replace(ACME, id=source_id) for source_id in wild}
    for source_id in wild:
        lite.serve(source_id, b"wait")
    for source_id, body in GOOD.items():
        lite.serve(source_id, body)
    async with ParserPool(patience=0.1, deadline=4) as lite.parser:
        ended = await lite.poll(*wild, *GOOD)
    assert {ended[source_id].outcome for source_id in GOOD} == {"baseline"}
    assert set(lite.order[-3:]) == set(wild)
    assert {ended[source_id].error.partition(": ")[2] for source_id in wild} == {
        "reading it took more than 4 seconds"
    }


@pytest.mark.parametrize("source_id", GOOD)
async def test_s14_a_page_that_is_much_is_answered_or_ended(lite: World, source_id: str) -> None:
    lite.serve(source_id, GOOD[source_id])
    await lite.poll(source_id)
    before = lite.validators(source_id), lite.standing(source_id)
    for name in MONSTERS if source_id == OPENAI else MONSTERS.keys() - {"comments"}:
        start = TYPES[source_id][1] + b"\n".join(REGISTRY[source_id].markers)
        lite.serve(source_id, start + b"\n" + MONSTERS[name])
        polled = (await lite.poll(source_id))[source_id]
        assert polled.outcome == "unreadable"
        assert polled.error.endswith("more than 1 seconds of CPU") == (name == "comments")
    assert (lite.validators(source_id), lite.standing(source_id)) == before
    assert lite.events() == []


# --- S15, S16: answers without end
# -------------------------------------------------------------------------


def head(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: text/markdown", *lines, "", "")).encode()


def bomb(megabytes: int) -> bytes:
    """So many zeros, packed into a thousandth. Its sum is wrong, which nobody lives to see."""
    packer = zlib.compressobj(9, wbits=-15)
    once = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + once * megabytes + packer.flush() + bytes(8)


def floods() -> dict[str, Iterable[bytes | float]]:
    """What each of these sources is answered with."""
    return {
        "openai.deprecations": itertools.chain(
            [head("Connection: close")], itertools.repeat(b"x" * (1 << 16), 1600)
        ),
        "anthropic.deprecations": [head("Content-Encoding: gzip", "Connection: close"), bomb(1024)],
        "azure.partners": [
            head("Content-Encoding: " + ", ".join(["gzip"] * 10)),
            gzip.compress(b"x"),
        ],
        "bedrock.lifecycle": [head("Content-Length: 100000000"), b"x", 60.0],
    }


async def test_s15_a_flood_stops_at_the_cap_and_the_process_stays_small(tmp_path: Path) -> None:
    """The whole program over S14 and S15: its memory, its children's included, and what becomes of
    a good source.
    """
    async with Site() as site:
        site.faults |= {f"/{source_id}": steps for source_id, steps in floods().items()}
        monsters = {
            "groq.deprecations": "divs",
            "cohere.deprecations": "attributes",
            "gemini.deprecations": "divs",
        }
        for source_id, name in monsters.items():
            site.pages[f"/{source_id}"] = Page(
                b"\n".join(REGISTRY[source_id].markers) + b"\n" + MONSTERS[name]
            )
        site.pages["/cerebras.deprecations"] = Page(fixture("cerebras/deprecations.md"))
        ids = [*floods(), *monsters, "cerebras.deprecations"]
        environment = os.environ | {
            "LASTCALL_SOURCE_URLS": json.dumps(
                {source_id: site.url(f"/{source_id}") for source_id in ids}
            ),
            "LASTCALL_DATABASE_URL": str(tmp_path / "flood.db"),
        }
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            MEASURED,
            "poll",
            *ids,
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await program.communicate()
    lines = err.decode().splitlines()
    for source_id in floods():
        assert any(line.startswith(f"{source_id}: unreachable") for line in lines), lines
    for source_id in monsters:
        assert any(line.startswith(f"{source_id}: unreadable") for line in lines), lines
    assert any(line.startswith("cerebras.deprecations: baseline") for line in lines), lines
    own, children = map(int, out.split()[-2:])
    assert own < 300
    assert children < 300


MEASURED = """
import resource
from pathlib import Path
from monitor.cli import main
try:
    main()
finally:  # ru_maxrss of a process begins at that of the one that started it, VmHWM does not
    own = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    print(own // 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


async def test_s16_an_answer_that_drips_meets_the_deadline_and_holds_up_no_other(
    world: World,
) -> None:
    drip: Iterator[bytes | float] = itertools.cycle([b"x", 0.02])
    header: Iterator[bytes | float] = itertools.cycle([b"A: b\r\n", 0.02])
    for source_id in GOOD:
        world.serve(source_id, GOOD[source_id])
    await world.poll(*GOOD)
    before = world.validators(OPENAI), world.validators(ANTHROPIC)
    world.site.faults[f"/{OPENAI}"] = itertools.chain([head("Content-Length: 9999")], drip)
    world.site.faults[f"/{ANTHROPIC}"] = itertools.chain([b"HTTP/1.1 200 OK\r\n"], header)
    async with Fetcher(deadline=0.3, per_host=4) as world.fetcher:
        ended = await world.poll(*GOOD)
    for source_id in (OPENAI, ANTHROPIC):
        assert (ended[source_id].outcome, ended[source_id].error) == (
            "unreachable",
            f"{source_id}: not whole after 0.3 seconds",
        )
    assert set(world.order[:2]) == {AZURE, "news.hacker_news"}
    assert (world.validators(OPENAI), world.validators(ANTHROPIC)) == before
    assert world.events() == []
