"""Receivers on loopback: a webhook endpoint that verifies what it gets, and a Slack; and rows to
deliver to them.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from monitor.core.facts import Retirement
from monitor.delivery import outbox
from monitor.delivery.publisher import Publisher
from monitor.delivery.settings import DeliverySettings
from monitor.delivery.webhook.signature import new_secret
from monitor.store.db import Store
from monitor.store.tables import EventRow, SubscriptionRow
from tests.support import node_verifier

LOOPBACK = (ip_network("127.0.0.0/8"),)
Answer = Callable[[web.Request, int], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """The base URL of a server on a free port of 127.0.0.1."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


#: Every message that a Receiver has verified, for the other verifier.
RECORDED: list[dict[str, object]] = []


@pytest.fixture(scope="module", autouse=True)
def node_agrees() -> Iterator[None]:
    """Whatever this module's receivers verified, the library for Node verifies too. For modules
    that import it.
    """
    RECORDED.clear()
    yield
    if RECORDED:
        assert set(node_verifier.verified(RECORDED)) == {"ok"}


class Receiver:
    """Verifies every delivery with the standardwebhooks library, then answers with ``statuses`` in
    turn, then 200.

    The library compares with the time of the machine, so the publisher's clock starts there.
    """

    def __init__(self, secret: str = "", answer: Answer | None = None):
        self.secret = secret or new_secret()
        self.answer = answer
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.got: list[tuple[str, bytes]] = []
        self.requests: list[dict[str, str]] = []
        self.paths: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.paths.append(request.path)
        self.requests.append(dict(request.headers))
        lowered = {name.lower(): value for name, value in request.headers.items()}
        Webhook(self.secret).verify(
            body, lowered
        )  # an error is a 500, and fails the test by its count
        RECORDED.append(
            {"secret": self.secret, "headers": lowered, "body": base64.b64encode(body).decode()}
        )
        self.got.append((lowered["webhook-id"], body))
        if self.answer:
            return await self.answer(request, len(self.got))
        return web.Response(
            status=self.statuses.pop(0) if self.statuses else 200,
            headers=self.headers,
            text="thanks",
        )


class FakeSlack:
    """Behaves by token or by path, as the mock servers of slack-sdk's own tests do.

    ``xoxb-ratelimited`` 429, ``xoxb-html_response`` 200 and ``xoxb-error_html_response`` 503 in
    HTML, ``xoxb-reset`` accepts and then resets, ``xoxb-timeout`` hangs, ``xoxb-redirect``,
    ``xoxb-too_long`` refuses blocks, ``xoxb-error-CODE`` that error. Paths of incoming webhooks:
    ``/services/CODE`` answers 404 and the code."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.hits = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.hits += 1
        body = await request.json()
        if request.path.startswith("/services/"):
            return self.hook(request.path.removeprefix("/services/"), body)
        assert request.path.endswith("/chat.postMessage")
        match request.headers["Authorization"].removeprefix("Bearer xoxb-"):
            case "ratelimited":
                return web.json_response(
                    {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"}
                )
            case "html_response":
                return web.Response(text="<html>hello</html>", content_type="text/html")
            case "json_html":
                return web.Response(text="<html>hello</html>", content_type="application/json")
            case "text":
                return web.Response(text="hello", content_type="text/plain")
            case "error_html_response":
                return web.Response(text="<html>sorry</html>", content_type="text/html", status=503)
            case "reset":
                self.posts.append(body)
                assert request.transport
                request.transport.abort()
            case "timeout":
                await asyncio.sleep(30)
            case "redirect":
                return web.Response(status=302, headers={"Location": "/elsewhere"})
            case "too_long" if body.get("blocks"):
                return web.json_response({"ok": False, "error": "msg_blocks_too_long"})
            case token if token.startswith("error-"):
                return web.json_response({"ok": False, "error": token.removeprefix("error-")})
        self.posts.append(body)
        return web.json_response({"ok": True, "ts": "1.2", "channel": body["channel"]})

    def hook(self, code: str, body: dict[str, Any]) -> web.Response:
        if code in ("ok", "secret-path-canary"):
            self.posts.append(body)
            return web.Response(text="ok")
        return web.Response(status=404, text=code)


class Proxy:
    """A CONNECT proxy on loopback: tunnels to one server, answers with a status, or hangs up
    (0).
    """

    def __init__(self, status: int = 200, port: int = 0):
        self.status = status
        self.port = port
        self.asked: list[str] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its URL."""
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(request.split(" HTTP/", 1)[0])
        if self.status == 0:
            writer.transport.abort()
        elif self.status != 200:
            writer.write(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            from_there, to_there = await asyncio.open_connection("127.0.0.1", self.port)
            to_there.write(request.encode())
            await asyncio.gather(pump(reader, to_there), pump(from_there, writer))
        writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    writer.close()


class Clock:
    """A clock that only moves when told to."""

    def __init__(self, at: datetime | None = None):
        self.at = at or datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, wait: timedelta) -> None:
        self.at += wait


def event(number: int, at: datetime, **values: Any) -> EventRow:
    model = values.pop("model", "gpt-4o-realtime-preview")
    row: dict[str, Any] = {
        "id": f"evt_{number:032x}",
        "says": f"{number:032x}",
        "kind": "retirement.postponed",
        "severity": "action",
        "provider": "openai",
        "model": model,
        "folded": model.casefold(),
        "canonical": f"openai/{model}",
        "summary": f"{model} now retires on 2026-05-07 instead of 2026-02-27",
        "after": Retirement(
            model=model, stage="deprecated", replacements=("gpt-realtime",), provider="openai"
        ).to_json(),
        "effective": {"text": "2026-05-07", "bound": "on", "words": "May 7, 2026"},
        "detected_at": at,
        "source_id": "openai.deprecations",
        "url": "https://provider.example/docs/deprecations?a=1&b=2",
        "quote": f"{model} | 2026-05-07",
    }
    return EventRow(**(row | values))


def target(name: str, at: datetime, **values: Any) -> SubscriptionRow:
    row: dict[str, Any] = {
        "id": name,
        "type": "webhook",
        "address": f"https://{name}.example/",
        "created_at": at,
    }
    return SubscriptionRow(**(row | {"secret": new_secret()} | values))


def enqueue(
    store: Store,
    clock: Callable[[], datetime],
    targets: Sequence[SubscriptionRow],
    count: int = 1,
    first: int = 1,
    **values: Any,
) -> None:
    """Put targets into a store, and ``count`` events that they are owed."""
    with store.write() as session:
        session.add_all(targets)
        session.flush()
        events = [event(number, clock(), **values) for number in range(first, first + count)]
        session.add_all(events)
        session.flush()
        outbox.enqueue(session, events, clock())


def publisher(store: Store, clock: Callable[[], datetime], **values: Any) -> Publisher:
    """A publisher that may use loopback, without jitter."""
    settings = {"allow_networks": LOOPBACK, "allow_http": True} | values
    random, vault = settings.pop("random", lambda: 0.5), settings.pop("vault", None)
    return Publisher(store, DeliverySettings(**settings), now=clock, random=random, vault=vault)
