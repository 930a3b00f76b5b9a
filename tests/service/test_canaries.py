"""X4: secrets planted in every setting and target, a service that fails in every way, at DEBUG:
none is seen.
"""

# ruff: noqa: F811  a fixture is imported, and named again where it is used

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import signal
import socket
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import func
from sqlmodel import col, select
from typer.testing import CliRunner

from monitor.cli import app
from monitor.delivery import admin, email, outbox
from monitor.delivery.publisher import Publisher
from monitor.delivery.settings import DeliverySettings
from monitor.reading.source import REGISTRY
from monitor.settings import load_settings
from monitor.store import maintenance, schema
from monitor.store import secrets as sealed
from monitor.store.db import Store
from monitor.store.tables import AttemptRow, DeliveryRow, PollRow, SourceRow, SubscriptionRow
from monitor.vault import new_key
from tests.delivery.test_email import certificate  # noqa: F401  a fixture
from tests.support import fixtures  # noqa: F401  its import declares the sources
from tests.support.fixtures import TESTS
from tests.support.receivers import event, serving

SOURCE = "openai.models"
#: The settings that hold one; the key of the vault is one itself.
SETTINGS = {
    "LASTCALL_SLACK_TOKEN": "xoxb-canary-of-the-bot",
    "LASTCALL_SLACK_SIGNING_SECRET": "canary-that-signs",
    "LASTCALL_SLACK_APP_TOKEN": "xapp-canary-of-the-app",
    "LASTCALL_SLACK_CLIENT_ID": "1.2",
    "LASTCALL_SLACK_CLIENT_SECRET": "canary-of-the-client",
    "OPENAI_API_KEY": "sk-canary-of-the-provider",
    "LASTCALL_SECRET_KEYS": new_key(),
}
IN_URLS = {
    "mail": "canary-of-the-relay",
    "hook": "canary-of-an-incoming-webhook",
    "apprise": "canary-of-apprise",
    "heartbeat": "canary-of-the-heartbeat",
}
#: Of a webhook the operator sees the URL, which names it; nobody else does.
PATH = "canary-of-a-path"
COMMANDS = (
    "webhooks list",
    "webhooks list --json",
    "slack list --json",
    "email list --json",
    "apprise list --json",
    "subscriptions list --json",
    "deliveries list --json",
    "sources list --json",
    f"sources show {SOURCE} --json",
    "events --json --baseline",
    "secrets status --json",
    "secrets rotate",
    "db check --json",
    "webhooks test sub_x",
    "apprise test sub_x",
    "deliveries replay --since 1d",
)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of PostgreSQL with a password in its URL, which a server on a socket does not ask for."""
    if request.param == "sqlite":
        return str(tmp_path / "lastcall.db")
    url: str = request.getfixturevalue("postgres")()
    return url.replace("postgres:@", "postgres:canary-of-the-database@").replace(
        "postgres@", "postgres:canary-of-the-database@"
    )


async def echo(request: web.Request) -> web.Response:
    """Refuses, and sends back all it was sent."""
    sent = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    text = f"{request.method} {request.url}\n{sent}\n\n{(await request.read()).decode()}"
    if request.path.endswith("chat.postMessage"):
        return web.json_response({"ok": False, "error": "invalid_auth", "echo": sent})
    return web.Response(status=500, text=text)


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A relay that refuses a login, and says what with."""
    writer.write(b"220 relay\r\n")
    while line := await reader.readline():
        said = (
            b"250-relay\r\n250 AUTH PLAIN"
            if line.startswith(b"EHLO")
            else b"535 not with " + line.strip()
        )
        writer.write(said + b"\r\n")
    writer.close()


def forms(secret: str) -> set[str]:
    """A secret as it is, and as protocols carry it."""
    found = {secret, quote(secret, safe="")}
    for user in ("", "me:", "\0me\0"):
        found.add(base64.b64encode(f"{user}{secret}".encode()).decode())
    return found


class Commands:
    """Runs commands, and keeps all that they say."""

    def __init__(self, database: str):
        self.database = database
        self.said = ""

    async def __call__(self, *words: str, quiet: bool = False) -> str:
        ran = await asyncio.to_thread(
            CliRunner().invoke, app, ["--db", self.database, *words], prog_name="lastcall"
        )
        if not quiet:
            self.said += f"{ran.stdout}{ran.stderr}{ran.exception!r}"
        return ran.stdout


async def service(environment: dict[str, str], database: str, done: Any) -> str:
    """Run it until something is so; all that it said, and what it answered to those who ask for its
    health.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "monitor",
        "--db",
        database,
        "run",
        "--listen",
        f"127.0.0.1:{port}",
        env=os.environ | environment | {"PYTHONPATH": str(TESTS.parent)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    reading = asyncio.create_task(process.communicate())
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(done):
            assert process.returncode is None, (await reading)[0].decode()
            await asyncio.sleep(0.1)
    said = ""
    async with aiohttp.ClientSession() as http:
        for page in ("healthz", "metrics"):
            async with http.get(f"http://127.0.0.1:{port}/{page}") as response:
                said += await response.text()
    process.send_signal(signal.SIGTERM)
    return said + (await reading)[0].decode()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
async def test_no_secret_is_seen(
    database: str,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(
        logging.getLogger("aiohttp.access"), "disabled", True
    )  # of the receivers here
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    store, run = schema.ready(Store(database)), Commands(database)
    relay = await asyncio.start_server(smtp, "127.0.0.1", 0, ssl=context)
    async with serving(echo) as base, relay:
        host = base.removeprefix("http://")
        environment = SETTINGS | {
            "LASTCALL_LOG_LEVEL": "DEBUG",
            "LASTCALL_ALLOW_NETWORKS": "127.0.0.0/8",
            "LASTCALL_ALLOW_HTTP": "1",
            "LASTCALL_ALLOW_HIGH_PORTS": "1",
            "LASTCALL_HEARTBEAT_URL": f"{base}/{IN_URLS['heartbeat']}",
            "LASTCALL_SLACK_BASE_URL": f"{base}/api/",
            "LASTCALL_SMTP_URL": f"smtps://me:{IN_URLS['mail']}@127.0.0.1:{relay.sockets[0].getsockname()[1]}",
            "LASTCALL_SOURCE_URLS": json.dumps(dict.fromkeys(REGISTRY, f"{base}/v1/models")),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        added = [
            json.loads(await run("webhooks", "add", f"{url}/{PATH}", "--json", quiet=True))
            for url in (base, base.replace("http", "https"), "http://127.0.0.1:9")
        ]
        await run("slack", "subscribe", "#canaries")
        await run("slack", "subscribe", f"{base}/services/T0/B0/{IN_URLS['hook']}")
        await run("email", "add", "team@example.com")
        await run("apprise", "add", f"json://me:{IN_URLS['apprise']}@{host}/{IN_URLS['apprise']}")
        turned = json.loads(await run("webhooks", "rotate", added[0]["id"], "--json", quiet=True))
        enqueue(store)
        said = await service(environment, database, lambda: tried(store) == 7 and polled(store))
        enqueue_again(store)
        proxied = "http://me:canary-of-the-proxy@127.0.0.1:9"
        async with Publisher(
            store,
            DeliverySettings(
                allow_networks=load_settings(database).allow_networks,
                allow_http=True,
                allow_high_ports=True,
                egress_proxy=proxied,
                slack_token=SETTINGS["LASTCALL_SLACK_TOKEN"],
                smtp_url=environment["LASTCALL_SMTP_URL"],
            ),
            now=lambda: datetime.now(UTC),
            vault=sealed.find_vault(store, load_settings(database)),
        ) as sender:
            await sender.drain_once()
            said += repr(sender)
        for words in COMMANDS:
            await run(*words.replace("sub_x", added[0]["id"]).split())
        await run("--db", "postgresql://me:canary-of-the-database@127.0.0.1:9/x", "events")
        settings = load_settings(database)
        said += (
            repr(settings) + str(settings) + repr(sealed.find_vault(store, settings)) + repr(store)
        )
        said += repr(email.Relay.parse(environment["LASTCALL_SMTP_URL"]))
    with store.read() as session:
        targets = list(session.scalars(select(SubscriptionRow)))
        attempts = list(session.scalars(select(AttemptRow)))
        said += "".join(map(repr, targets)) + "".join(map(repr, attempts))
        said += "".join(
            repr(sealed.unseal(sealed.find_vault(store, settings), row)) for row in targets
        )
    dump = "".join(run_dump(store))
    store.close()

    secrets = [value for value in SETTINGS.values() if len(value) > 8] + [
        *IN_URLS.values(),
        "canary-of-the-database",
        "canary-of-the-proxy",
    ]
    secrets += [one["secret"] for one in added] + [turned["secret"]]
    seen = {
        "logs, health and objects": said + caplog.text,
        "commands": run.said,
        "the database": dump,
    }
    hits = [
        (place, form)
        for place, text in seen.items()
        for secret in secrets
        for form in forms(secret)
        if form in text
    ]
    assert hits == []
    assert PATH not in seen["logs, health and objects"]
    assert len(attempts) >= 7
    assert any("[secret]" in one.answer for one in attempts), (
        "a receiver did send back what it was sent"
    )
    assert " watches " in said


def enqueue(store: Store) -> None:
    now = datetime.now(UTC)
    with store.write() as session:
        row = event(1, now)
        session.add(row)
        session.flush()
        outbox.enqueue(session, [row], now)


def enqueue_again(store: Store) -> None:
    with store.write() as session:
        admin.replay(session, datetime.now(UTC), list(session.scalars(select(DeliveryRow.id))))  # type: ignore[arg-type]


def tried(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count(func.distinct(col(AttemptRow.delivery_id))))) or 0


def polled(store: Store) -> bool:
    with store.read() as session:
        row = session.get(SourceRow, SOURCE)
        return bool(row and row.error and session.scalar(select(func.count()).select_from(PollRow)))


def run_dump(store: Store) -> list[str]:
    with store.read() as session:
        return [
            repr(tuple(row))
            for table in maintenance.tables()
            for row in session.connection().execute(select(table))
        ]
