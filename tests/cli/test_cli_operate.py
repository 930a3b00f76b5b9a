"""The commands that do something: sources, poll, slack, webhooks, deliveries, db, replay, run."""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from monitor.cli import options
from monitor.core.facts import When
from monitor.delivery import outbox, target_health
from monitor.reading.source import REGISTRY
from monitor.store import source_state
from monitor.store.db import Store
from tests.support.cli import FLOOR, MID, NOW, OLD, VAGUE, Run, database, look, run, template, world  # noqa: F401  fixtures
from tests.support.fixtures import FIXTURES
from tests.support.receivers import FakeSlack, Receiver, event, serving


@contextmanager
def served(handler) -> Iterator[str]:
    """A server in a thread of its own, for commands that bring their own event loop."""
    loop, ready, base = asyncio.new_event_loop(), threading.Event(), []
    stop = asyncio.Event()

    async def main() -> None:
        async with serving(handler) as url:
            base.append(url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    try:
        assert ready.wait(10)
        yield base[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTCALL_ALLOW_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("LASTCALL_ALLOW_HTTP", "true")


# --- sources
# ------------------------------------------------------------------------------------------------


def test_sources(run: Run) -> None:
    told = {row["id"]: row for row in run("sources", "--json").json}
    assert (
        {"openai.deprecations", "anthropic.pricing", "gemini.models"} <= set(told) <= set(REGISTRY)
    )
    assert (told["openai.deprecations"]["rows"], told["openai.deprecations"]["stale"]) == (4, True)
    assert told["openai.models"]["key_missing"] is True
    assert told["gemini.pricing"]["good_at"] is None
    said = run("sources", "list").out
    assert "OPENAI_API_KEY is not set" in said
    assert "236 d ago (stale)" in said
    assert run("sources", "show", "openai.pricing", "--json").json["facts"] == {"price": 1}
    assert "no source 'openai.none'" in run("sources", "show", "openai.none", code=5).err


def test_a_held_document_is_compared_and_accepted(
    run: Run, world: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (FIXTURES / "openai" / "deprecations.md").read_bytes()
    facts = REGISTRY["openai.deprecations"].read(body)
    assert look(world, "openai.deprecations", facts, "2026-11-20", body).outcome == "suspect"
    told = run("sources", "show", "openai.deprecations", "--json").json
    assert told["held"] is True
    assert len(told["held_changes"]) > len(facts)
    said = run("sources", "show", "openai.deprecations")
    assert (
        "A document is held: only a person releases it. Accepting it: 29 added, 0 changed, 4 "
        "removed\n" in said.out
    )
    assert "more (--json shows all)" in said.out
    accepted = run("sources", "accept", "openai.deprecations", "--json").json
    assert (accepted["outcome"], accepted["changes"]) == ("accepted", told["held_changes"])
    assert accepted["events"]
    assert run("show", "davinci", "--json").json["retirements"]
    assert "no document is held" in run("sources", "accept", "openai.deprecations", code=5).err


def test_what_waits_is_shown_with_its_looks(run: Run, world: Store) -> None:
    sooner, later = (replace(MID, retires=When(date)) for date in ("2026-11-30", "2027-01-20"))
    facts = [OLD, VAGUE, FLOOR]
    look(world, "openai.deprecations", [*facts, later], "2026-11-20", looks=1)
    (wait,) = run("sources", "show", "openai.deprecations", "--json").json["waiting"]
    assert {key: wait[key] for key in wait if key.startswith(("had", "needs"))} == {
        "had": 1,
        "had_apart": 1,
        "needs": 2,
        "needs_apart": 0,
    }
    said = run("sources", "show", "openai.deprecations").out
    assert "~ retirement openai/gpt-mid: retires 2026-12-20 -> 2027-01-20 (1 of 2 looks)" in said
    look(world, "openai.deprecations", [*facts, sooner], "2026-11-21", looks=1)
    said = run("sources", "show", "openai.deprecations").out
    assert "2026-12-20 -> 2026-11-30 (1 of 2 looks, each a whole interval after the other)" in said


def test_switching_a_source(run: Run, world: Store) -> None:
    run("sources", "disable", "gemini.pricing")
    with world.read() as session:
        assert "gemini.pricing" not in {row.id for row in source_state.due(session, NOW, 1000)}
    assert {row["id"] for row in run("sources", "--json").json if not row["enabled"]} == {
        "gemini.pricing"
    }
    run("sources", "enable", "gemini.pricing")
    with world.read() as session:
        assert "gemini.pricing" in {row.id for row in source_state.due(session, NOW, 1000)}
    run("sources", "enable", "acme.none", code=5)


# --- poll
# ------------------------------------------------------------------------------------------------


def test_poll_prints_what_changed_and_delivers(
    run: Run, loopback: None, world: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (FIXTURES / "anthropic" / "deprecations.md").read_text("utf-8")
    pages = [page, page.replace("June 9, 2027 ", "July 9, 2027 ")]
    posts: list[bytes] = []

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/hook":
            posts.append(await request.read())
            return web.Response()
        return web.Response(text=pages[0], content_type="text/markdown")

    with served(handle) as base:
        monkeypatch.setenv("LASTCALL_SOURCE_URLS", f'{{"anthropic.deprecations": "{base}/page"}}')
        run("webhooks", "add", f"{base}/hook")
        first = run("poll", "anthropic.deprecations", "--json")
        assert first.json == []
        assert "anthropic.deprecations: baseline" in first.err
        pages.pop(0)
        once = run("poll", "anthropic.deprecations", "--jsonl")
        assert (once.lines, posts) == ([], [])
        assert re.search(
            r"\n1 change to be looked at again before they are told, the first in 1\d min\n",
            once.err,
        )
        (change,) = run("poll", "anthropic.deprecations", "--jsonl").lines
        assert (change["kind"], change["model"]) == ("retirement.postponed", "claude-fable-5")
        assert len(posts) == 1
        assert "unchanged" in run("poll", "anthropic.deprecations").err
        pages[0] = page.replace("Current state", "Mood")
        refused = run("poll", "anthropic.deprecations", code=3).err
        assert "lastcall: anthropic.deprecations: " in refused
        assert "Mood" in refused
    assert run("deliveries", "--json").json[0]["state"] == "delivered"


def test_poll_of_what_is_not_there_or_has_no_key(run: Run) -> None:
    run("poll", "acme.none", code=5)
    assert "OPENAI_API_KEY is not set" in run("poll", "openai.models", code=4).err


# --- targets
# ------------------------------------------------------------------------------------------------


def test_webhooks_from_add_to_remove(run: Run, world: Store) -> None:
    url = "https://hooks.example/ai"
    added = run(
        "webhooks",
        "add",
        url,
        "openai/*",
        "--kinds",
        "price,retirement",
        "--min-change",
        "5%",
        "--json",
    ).json
    assert added["secret"].startswith("whsec_")
    assert (added["filters"], added["kinds"], added["min_change"]) == (
        ["openai/*"],
        ["price", "retirement"],
        "5",
    )
    for words in (["list"], ["list", "--json"], ["show", url, "--json"]):
        assert "whsec_" not in run("webhooks", *words).out, "the secret is told once"
    with world.write() as session:
        events = [event(1, NOW)]
        session.add_all(events)
        session.flush()
        assert outbox.enqueue(session, events, NOW) == 1
    assert run("webhooks", "show", added["id"], "--json").json["deliveries"] == {"pending": 1}
    assert "1 delivery is held" in run("webhooks", "disable", added["id"]).out
    assert run("webhooks", "list", "--json").json[0]["state"] == "disabled"
    assert "1 held delivery is due" in run("webhooks", "enable", added["id"]).out
    assert run("webhooks", "rotate", added["id"], "--json").json["secret"] != added["secret"]
    (owed,) = run("deliveries", "list", "--json", "--target", added["id"]).json
    assert (owed["state"], owed["attempts"], owed["address"]) == ("pending", 0, url)
    run("deliveries", "cancel", str(owed["id"]))
    assert run("deliveries", "--state", "cancelled", "--jsonl").lines[0]["id"] == owed["id"]
    run("deliveries", "cancel", str(owed["id"]), code=5)
    assert (
        "1 delivery is due again"
        in run("deliveries", "replay", "--target", url, "--since", "1d").out
    )
    run("webhooks", "remove", url)
    assert run("deliveries", "--json").json == []
    run("webhooks", "show", url, code=5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["webhooks", "add", "http://hooks.example/"], "https"),
        (["webhooks", "add", "https://hooks.example/", "openai/"], "names no model"),
        (["webhooks", "add", "https://hooks.example/", "--kinds", "prise"], "no kind of event"),
        (["webhooks", "add", "https://hooks.example/", "--severity", "loud"], "no severity"),
        (["webhooks", "add", "https://hooks.example/", "--min-change", "much"], "no percentage"),
        (["slack", "subscribe", "ml-platform"], "no channel"),
        (["slack", "subscribe", "#ml", "--within", "soon"], "no number of days"),
        (["deliveries", "--state", "lost"], "pending, held"),
        (["deliveries", "replay"], "name deliveries"),
        (["sources", "shwo"], "Did you mean"),
        (["evnts"], "Did you mean"),
    ],
)
def test_wrong_words(run: Run, words: list[str], said: str) -> None:
    assert said in " ".join(run(*words, code=2).err.split())


def test_the_same_webhook_twice_is_refused(run: Run) -> None:
    run("webhooks", "add", "https://hooks.example/")
    assert "is there already" in " ".join(
        run("webhooks", "add", "https://hooks.example/", code=2).err.split()
    )


def test_slack_from_subscribe_to_unsubscribe(run: Run, world: Store) -> None:
    words = [
        "slack",
        "subscribe",
        "#ml-platform",
        "openai/gpt-4*",
        "anthropic/*",
        "--within",
        "90d",
        "--json",
    ]
    first = run(*words).json
    assert (first["address"], first["within"], first["severity"]) == ("#ml-platform", 90, "info")
    with world.write() as session:
        target_health.hold(session, first["id"], "paused", "slack: channel_not_found")
    again = run(
        "slack", "subscribe", "#ml-platform", "openai/*", "--severity", "action", "--json"
    ).json
    assert (again["id"], again["filters"], again["within"]) == (first["id"], ["openai/*"], None)
    assert again["state"] == "enabled"
    secret = "https://hooks.slack.com/services/T0/B0/secret"
    run("slack", "subscribe", secret, "--operator")
    assert len(run("slack", "list", "--json").json) == 2
    assert "secret" not in run("slack", "list").out, "the URL of an incoming webhook is a secret"
    for channel in (secret, "#ml-platform"):
        assert "secret" not in run("slack", "unsubscribe", channel).out
    run("slack", "unsubscribe", "#ml-platform", code=5)


def test_test_messages_arrive(
    run: Run, loopback: None, world: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, slack = Receiver(), FakeSlack()
    with served(hook.handle) as base:
        added = run("webhooks", "add", f"{base}/hook", "--json").json
        hook.secret = added["secret"]
        monkeypatch.setattr("monitor.cli.targets.clock", options.clock)
        run("webhooks", "test", added["id"])
        assert len(hook.got) == 1
        hook.statuses = [500]
        assert "HTTP 500" in run("webhooks", "test", added["id"], code=1).err
    with served(slack.handle) as base:
        monkeypatch.setenv("LASTCALL_SLACK_BASE_URL", f"{base}/api/")
        monkeypatch.setenv("LASTCALL_SLACK_TOKEN", "xoxb-valid")
        run("slack", "subscribe", "#ml")
        run("slack", "test", "#ml")
        assert len(slack.posts) == 1
    assert run("deliveries", "--json").json == []


def test_slack_connect_needs_a_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LASTCALL_SLACK_TOKEN", raising=False)
    assert run("slack", "connect", code=4).err.startswith(
        "lastcall: LASTCALL_SLACK_TOKEN is not set"
    )


# --- db
# ------------------------------------------------------------------------------------------------


def test_db(run: Run, database: str, tmp_path) -> None:
    assert "schema" in run("db", "upgrade").out
    checked = run("db", "check", "--json").json
    assert checked["faults"] == []
    assert checked["rows"]["poll"] == 8
    copied = run("db", "copy", str(tmp_path / "copy.db"), "--json").json
    assert copied["rows"] == checked["rows"]
    assert "is not empty" in run("db", "copy", str(tmp_path / "copy.db"), code=4).err
    run("db", "copy", database, code=2)
    before = run("events", "--json", "--baseline").json
    deleted = run("db", "prune", "--keep", "200d", "--json").json["deleted"]
    assert deleted == {"attempt": 0, "delivery": 0, "poll": 8, "document": 0}
    assert run("events", "--json", "--baseline").json == before
    assert run("explain", str(before[0]["sequence"]), "--document").out, "evidence stays"


def test_a_damaged_or_foreign_database_is_told(run: Run, database: str, world: Store) -> None:
    with world.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE event SET document = 'gone' WHERE sequence = 1")
        connection.commit()
    assert "1 name a document that is not kept" in run("db", "check", code=4).err
    run("--db", __file__, "events", code=4)
    assert "no such kind of database" in run("--db", "mysql://x/y", "events", code=4).err


def test_a_wrong_setting_stops_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTCALL_CONCURRENCY", "many")
    said = run("events", code=4).err
    assert said.startswith("lastcall: LASTCALL_CONCURRENCY")
    assert "many" in said


def test_copy_to_postgresql(run: Run, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres")()
    rows = run("db", "check", "--json").json["rows"]
    assert run("db", "copy", url, "--json").json["rows"] == rows
    assert (
        run("--db", url, "show", "gpt-mid", "--json").json == run("show", "gpt-mid", "--json").json
    )
    assert run("--db", url, "db", "check", "--json").json["faults"] == []
    there = Store(url)
    try:
        look(
            there, "openai.deprecations", [OLD, MID], "2026-11-22"
        )  # numbers go on after those that were brought
    finally:
        there.close()


# --- replay, run
# --------------------------------------------------------------------------------------------


def test_replay_twice(run: Run, tmp_path) -> None:
    page = (FIXTURES / "anthropic" / "deprecations.md").read_text("utf-8")
    folder = tmp_path / "archive" / "anthropic.deprecations"
    folder.mkdir(parents=True)
    (folder / "2026-09-01.md").write_text(page)
    (folder / "2026-09-02.md").write_text(page.replace("June 9, 2027 ", "July 9, 2027 "))
    (change,) = run("replay", "archive", "--jsonl").lines
    assert (change["kind"], change["detected_at"]) == (
        "retirement.postponed",
        "2026-09-02T00:00:00Z",
    )
    again = run("replay", "archive", "--jsonl")
    assert again.out == ""
    assert "2 skipped" in again.err
    run("replay", "nowhere", code=5)


def test_run_checks_where_to_listen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTCALL_LISTEN", "")  # so that what the command sets is taken back
    assert run("run", "--listen", "nowhere", code=4).err.startswith("lastcall: LASTCALL_LISTEN")
