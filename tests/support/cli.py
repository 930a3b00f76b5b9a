"""What the tests of the command line share: a world of facts in a database, a fixed day, and a way
to run commands.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.core.facts import Fact, Listing, Notice, Price, Retirement, When
from monitor.polling.fetch import NO_VALIDATORS, Fetched
from monitor.polling.outcomes import PollResult
from monitor.polling.parser_pool import ParsedPage
from monitor.polling.record import Document, PollRules, record
from monitor.polling.schedule import PollTimes
from monitor.reading.source import REGISTRY
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.schema import ready
from tests.support import fixtures  # noqa: F401  its import declares the sources

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MODULES = (
    "check",
    "db",
    "deliveries",
    "events",
    "explain",
    "feeds",
    "poll",
    "prices",
    "show",
    "slack",
    "sources",
    "subscriptions",
    "sources_check",
    "targets",
    "upcoming",
    "webhooks",
)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OLD = Retirement(
    model="gpt-old",
    stage="deprecated",
    retires=When("2026-03-26"),
    replacements=("gpt-mid",),
    quote="gpt-old | gone",
)
MID = Retirement(
    model="gpt-mid",
    stage="deprecated",
    announced=When("2026-01-09"),
    retires=When("2026-11-01"),
    replacements=("gpt-new", "gpt-old"),
    quote="gpt-mid | soon",
)
VAGUE = Retirement(
    model="gpt-vague",
    stage="deprecated",
    retires=When("2027-08", words="August 2027"),
    quote="vague",
)
FLOOR = Retirement(
    model="gpt-floor", stage="active", retires=When("2026-12-01", "not_before"), quote="floor"
)
CHEAP = Price(model="gpt-mid", meter="input", amount=Decimal("2.00"), per="1M tokens", quote="2.00")
NEW = Listing(model="gpt-new", name="GPT New", context_window=400_000, quote="gpt-new")
NEWS = Notice(
    model="",
    title="gpt-mid goes",
    link="https://news.example/1",
    published=When("2026-01-09"),
    models=("gpt-mid",),
)


def look(
    store: Store,
    source_id: str,
    facts: Sequence[Fact],
    at: str,
    body: bytes | None = None,
    looks: int = 2,
) -> PollResult:
    """Looks at a page that says these facts, the second of which settles what changed; one, if it
    is held.
    """
    now, source = day(at), REGISTRY[source_id]
    body = body or f"{source_id} on {at}".encode()
    fetched = Fetched(200, body, "text/plain", NO_VALIDATORS, 12.0, False, None, None, source.url)
    stamped = [fact.stamped(source.provider) for fact in facts]
    with store.write() as session:
        source_state.register(session, [source_id], now)
    digest = f"digest of {at} {body!r}"
    first = record(
        store,
        source,
        Document(fetched, ParsedPage(digest, stamped)),
        PollTimes(now, now),
        PollRules(archived=True),
    )
    if looks == 1 or first.outcome != "accepted":
        return first
    second = record(
        store,
        source,
        Document(fetched, ParsedPage(digest, None)),
        PollTimes(now, now),
        PollRules(archived=True),
    )
    return replace(first, events=first.events + second.events)


def fill(store: Store) -> None:
    """A baseline on 2026-01-10; on 04-01 a postponement and a price cut."""
    look(store, "openai.deprecations", [OLD, MID, VAGUE, FLOOR], "2026-01-10")
    look(store, "openai.pricing", [CHEAP], "2026-01-10")
    look(store, "openai.models", [NEW], "2026-01-10")
    look(store, "openai.changelog", [NEWS], "2026-01-10")
    look(
        store,
        "openai.deprecations",
        [OLD, replace(MID, retires=When("2026-12-20")), VAGUE, FLOOR],
        "2026-04-01",
    )
    look(
        store,
        "openai.pricing",
        [replace(CHEAP, amount=Decimal("1.50"), quote="1.50")],
        "2026-04-01",
    )


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "world.db"
    store = ready(Store(str(path)))
    fill(store)
    store.close()
    return path


@pytest.fixture
def database(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy of the world, and a day to look at it from."""
    import importlib

    for module in MODULES:
        monkeypatch.setattr(importlib.import_module(f"monitor.cli.{module}"), "clock", lambda: NOW)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "LASTCALL_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lastcall.db"
    shutil.copy(template, path)
    return str(path)


@pytest.fixture
def run(database: str) -> Run:
    """Run a command on the world: ``run("events", "--json")``; asserts the exit code, and that
    nothing broke.
    """

    def command(*words: str, code: int = 0, stdin: str | bytes | None = None) -> Ran:
        ran = CliRunner().invoke(app, ["--db", database, *words], input=stdin, prog_name="lastcall")
        assert ran.exit_code == code, (ran.exit_code, ran.stdout, ran.stderr, ran.exception)
        assert "Traceback" not in ran.output
        if code and code != 1:
            findings = words[0] in ("check", "poll", "db") or words[:2] == ("sources", "check")
            assert not ran.stdout or findings, "a failure says nothing on stdout"
        return Ran(ran.exit_code, ran.stdout, ran.stderr)

    return command


@pytest.fixture
def world(database: str) -> Iterator[Store]:
    store = Store(database)
    yield store
    store.close()
