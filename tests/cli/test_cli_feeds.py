"""``sources check``, ``add-feed`` and ``remove-feed``, over sites on loopback."""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner

from monitor.cli import app
from monitor.cli.options import declared, feed
from monitor.polling.dry_run import check_sources
from monitor.polling.fetch import Fetcher
from monitor.polling.parser_pool import InProcessParser
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import REGISTRY
from monitor.service import Service
from monitor.settings import load_settings
from monitor.store import source_state
from monitor.store.db import Store
from tests.cli.test_cli_operate import served
from tests.support.cli import NOW, Run, database, run, template, world  # noqa: F401  fixtures
from tests.support.fixtures import FIXTURES
from tests.support.loopback_site import Page, Site

OPENAI = (FIXTURES / "openai" / "deprecations.md").read_bytes()
ITEM = "<item><title>{0}</title><link>https://blog.example/{0}</link><pubDate>20 Nov 2026 10:00 GMT</pubDate></item>"


def rss(*titles: str) -> bytes:
    return (
        f'<rss version="2.0"><channel>{"".join(map(ITEM.format, titles))}</channel></rss>'.encode()
    )


@pytest.fixture
def pages() -> dict[str, tuple[str, bytes]]:
    """What the site says, by path: content type and body. A test may change it."""
    return {
        "/deprecations.md": ("text/markdown", OPENAI),
        "/renamed.md": ("text/markdown", OPENAI.replace(b"Shutdown date", b"End of life")),
        "/atom.xml": ("application/rss+xml", rss("gpt-4.1-retired")),
        "/page.html": ("text/html", b"<html><title>Sign in</title></html>"),
        "/empty.xml": ("application/rss+xml", rss()),
    }


@pytest.fixture
def site(pages: dict[str, tuple[str, bytes]]) -> Iterator[str]:
    async def handle(request: web.Request) -> web.Response:
        content_type, body = pages.get(request.path, ("", b""))
        return (
            web.Response(body=body, content_type=content_type) if body else web.Response(status=503)
        )

    with served(handle) as base:
        yield base


@pytest.fixture
def moved(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One source that reads well, one that was renamed, one that is away; another has no key."""
    paths = {
        "openai.deprecations": "deprecations.md",
        "anthropic.deprecations": "renamed.md",
        "openai.pricing": "gone",
    }
    monkeypatch.setenv(
        "LASTCALL_SOURCE_URLS", json.dumps({name: f"{site}/{path}" for name, path in paths.items()})
    )


NAMED = ("openai.pricing", "openai.deprecations", "anthropic.deprecations", "openai.models")

# --- check
# --------------------------------------------------------------------------------------------------


def test_check_tells_what_came_back(run: Run, moved: None, world: Store) -> None:
    before = Path(world.path).read_bytes()
    ran = run("sources", "check", *NAMED, "--json", code=3)
    told = {row["id"]: row for row in ran.json}
    assert list(told) == sorted(NAMED)
    good = told["openai.deprecations"]
    facts = REGISTRY["openai.deprecations"].read(OPENAI)
    assert (good["verdict"], good["status"], good["content_type"]) == ("ok", 200, "text/markdown")
    assert (good["rows"], good["size"], good["why"]) == (len(facts), len(OPENAI), "")
    assert good["good_at"] == "2026-04-01T00:00:00Z"
    refused = told["anthropic.deprecations"]
    assert (refused["verdict"], refused["status"], refused["rows"], refused["good_at"]) == (
        "unreadable",
        200,
        0,
        None,
    )
    away = told["openai.pricing"]
    assert (away["verdict"], away["status"], away["why"]) == ("unreachable", 503, "answered 503")
    assert (told["openai.models"]["verdict"], told["openai.models"]["why"]) == (
        "off",
        "OPENAI_API_KEY is not set",
    )
    assert "lastcall: 2 of 4 sources could not be fetched or read" in ran.err
    assert "openai.pricing: unreachable: answered 503" in ran.err, "progress"
    assert Path(world.path).read_bytes() == before, "nothing is recorded"


def test_check_prints_tables(run: Run, moved: None) -> None:
    lines = run("sources", "check", "openai.deprecations", "openai.models").out.splitlines()
    assert lines[0].split() == [
        "SOURCE",
        "VERDICT",
        "STATUS",
        "TYPE",
        "SIZE",
        "ROWS",
        "LAST",
        "GOOD",
        "REMARK",
    ]
    assert lines[1].split()[:4] == ["openai.deprecations", "ok", "200", "text/markdown"]
    assert "236 d ago" in lines[1]
    assert lines[2].split() == [
        "openai.models",
        "off",
        "318",
        "d",
        "ago",
        "OPENAI_API_KEY",
        "is",
        "not",
        "set",
    ]
    (line,) = run("sources", "check", "openai.deprecations", "--jsonl").lines
    (row,) = csv.DictReader(
        io.StringIO(run("sources", "check", "openai.deprecations", "--csv").out)
    )
    assert row.keys() == line.keys()
    assert row["rows"] == str(line["rows"])
    said = run("sources", "check", "openai.pricing", code=3).err
    assert said.splitlines()[-1] == "lastcall: openai.pricing: answered 503"
    assert "did you mean openai.pricing" in run("sources", "check", "openai.prices", code=5).err


def test_check_needs_no_database_and_makes_none(
    moved: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    def check(where: str) -> tuple[list[dict], str]:
        ran = CliRunner().invoke(
            app, ["--db", where, "sources", "check", "openai.deprecations", "--json"]
        )
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout), ran.stderr

    for where in (tmp_path / "none" / "lastcall.db", tmp_path / "lastcall2.db"):
        ((row,), _) = check(str(where))
        assert (row["verdict"], row["good_at"]) == ("ok", None)
        assert not where.exists()
        assert not (tmp_path / "none").exists()
    (tmp_path / "empty.db").touch()
    assert check(str(tmp_path / "empty.db"))[0][0]["good_at"] is None, (
        "a database without our tables"
    )
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one" * 100)
    ((row,), said) = check(str(tmp_path / "text.db"))
    assert row["good_at"] is None
    assert "without ages and added feeds: database" in said


def test_check_of_all_leaves_out_what_is_disabled(
    run: Run, world: Store, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    ids = [source_id for source_id, source in REGISTRY.items() if not source.access]
    monkeypatch.setenv("LASTCALL_SOURCE_URLS", json.dumps(dict.fromkeys(ids, f"{site}/gone")))
    run("sources", "disable", "openai.news")
    ran = run("sources", "check", "--json", code=3)
    assert "disabled, so not checked: openai.news" in ran.err
    assert {row["id"] for row in ran.json} == set(REGISTRY) - {"openai.news"}
    assert {row["verdict"] for row in ran.json} == {"unreachable", "off"}


async def test_a_look_at_many_is_polite_and_keeps_their_order() -> None:
    async with Site() as site, Fetcher(per_host=2) as fetcher:
        site.pages["/feed.xml"] = Page(rss("one"), "application/rss+xml")
        feeds = [feed(f"news.f{number}", site.url(f"/feed.xml?{number}")) for number in range(20)]
        heard: list[str] = []
        looks = await check_sources(
            fetcher, InProcessParser(), feeds, report=lambda look: heard.append(look.source_id)
        )
        assert [look.source_id for look in looks] == [source.id for source in feeds]
        assert sorted(heard) == sorted(source.id for source in feeds)
        assert {(look.verdict, look.rows) for look in looks} == {("ok", 1)}
        assert site.busiest <= 2


# --- feeds
# --------------------------------------------------------------------------------------------------


def test_a_feed_from_add_to_remove(
    run: Run, world: Store, site: str, pages: dict[str, tuple[str, bytes]]
) -> None:
    url = f"{site}/atom.xml"
    assert run("sources", "add-feed", url, "--name", "acme-blog").out == "news.acme-blog: added\n"
    told = {row["id"]: row for row in run("sources", "--json").json}["news.acme-blog"]
    assert (told["kind"], told["url"], told["good_at"]) == ("news", url, None)
    assert run("poll", "news.acme-blog", "--json").json == [], "the first look is history"
    pages["/atom.xml"] = ("application/rss+xml", rss("gpt-4.1-retired", "claude-opus-5-is-out"))
    (event,) = run("poll", "news.acme-blog", "--json").json
    assert (event["kind"], event["source"]) == ("notice.published", "news.acme-blog")
    assert run("sources", "check", "news.acme-blog", "--json").json[0]["rows"] == 2
    assert run("sources", "show", "news.acme-blog", "--json").json["facts"] == {"notice": 2}

    assert run("sources", "remove-feed", url).out == "news.acme-blog: removed\n"
    assert "news.acme-blog" not in {row["id"] for row in run("sources", "--json").json}
    run("poll", "news.acme-blog", code=5)
    with world.read() as session:
        assert "news.acme-blog" not in {row.id for row in source_state.due(session, NOW, 1000)}
    assert event["id"] in {row["id"] for row in run("events", "--json").json}, "what is known stays"
    run("sources", "remove-feed", "news.acme-blog", code=5)

    pages["/other.xml"] = ("application/rss+xml", rss("something-else", "and-more"))
    run("sources", "add-feed", f"{site}/other.xml", "--name", "acme-blog")
    assert run("poll", "news.acme-blog", "--json").json == [], (
        "another feed under an old name begins anew"
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("page.html", "a web page instead of the document"),
        ("deprecations.md", "not a well-formed feed"),
        ("empty.xml", "the document holds no facts"),
        ("gone.xml", "answered 503"),
    ],
)
def test_what_is_no_feed_is_refused_unless_asked_for(
    run: Run, world: Store, site: str, path: str, said: str
) -> None:
    err = run("sources", "add-feed", f"{site}/{path}", "--name", "it", code=3).err
    last = err.splitlines()[-1]
    assert last.startswith(f"lastcall: {site}/{path}: ")
    assert said in last
    with world.read() as session:
        assert source_state.feeds(session) == {}
    run("sources", "add-feed", f"{site}/{path}", "--name", "it", "--no-check")
    with world.read() as session:
        assert source_state.feeds(session) == {"news.it": f"{site}/{path}"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ftp://blog.example/feed"], "write https://"),
        (["file:///etc/passwd"], "write https://"),
        (["blog.example/feed"], "write https://"),
        (["https:///feed"], "write https://"),
        (["https://blog.example/a b"], "write https://"),
        (["https://blog.example:port/feed"], "is no address"),
        (["https://[::1/feed"], "is no address"),
        (["https://me:secret@blog.example/feed"], "password"),
        (["https://блог/"], "give one with --name"),
        (["https://blog.example/feed", "--name", "Acme Blog"], "is no name"),
        (["https://blog.example/feed", "--name", "ainews"], "news.ainews exists already"),
        (["https://news.smol.ai/rss.xml"], "is watched already, as news.ainews"),
    ],
)
def test_what_cannot_be_added(run: Run, words: list[str], said: str) -> None:
    err = run("sources", "add-feed", *words, "--no-check", code=2).err
    assert said in " ".join(err.replace("│", " ").split())
    assert "secret" not in err


def test_names_are_made_of_addresses(run: Run, world: Store) -> None:
    for url in ("https://www.blog.example/feeds/All.atom.xml", "http://blog.example/"):
        run("sources", "add-feed", url, "--no-check")
    with world.read() as session:
        assert list(source_state.feeds(session)) == [
            "news.blog-example",
            "news.blog-example-feeds-all-atom",
        ]


def test_a_built_in_source_is_no_feed_to_remove(run: Run) -> None:
    assert "`lastcall sources disable`" in run("sources", "remove-feed", "news.ainews", code=5).err


async def test_a_running_service_picks_up_a_feed(store: Store) -> None:
    """Added by another process, it is polled at the next tick, without a restart."""
    settings = load_settings()
    async with Site() as site, Fetcher() as fetcher:
        site.pages["/feed.xml"] = Page(rss("one"), "application/rss+xml")
        poller = Poller(store, fetcher, {}, PollSettings(clock=lambda: NOW))
        service = Service(store, poller, None, lambda: declared(settings, store))  # type: ignore[arg-type]
        await service.tick()
        with store.write() as session:
            source_state.add_feed(session, "news.acme", site.url("/feed.xml"), NOW)
        await service.tick()
        while service.polling:  # noqa: ASYNC110  a poll ends when it ends
            await asyncio.sleep(0.01)
        with store.read() as session:
            (row,) = source_state.rows(session, ["news.acme"])
        assert (row.outcome, row.rows) == ("accepted", 1)
