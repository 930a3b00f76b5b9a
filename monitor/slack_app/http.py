"""Take Slack's requests over HTTP, on the service's own listener: each is signed, and taken once.

A signature (``v0``, HMAC-SHA256 over time and body) is valid for five minutes. A request that comes
again is refused, so that a copied request can do nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_sdk.signature import Clock, SignatureVerifier

from monitor.delivery.http_client import BROKEN

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow

PATHS = ("/slack/commands", "/slack/interactions", "/slack/events")
#: How long a signature is remembered, in seconds: longer than it is valid.
REMEMBERED = 660.0


class RequestGate:
    """Lets each signed request through once."""

    def __init__(self, signing_secret: str, now: Callable[[], datetime]):
        self._now = now
        self._verifier = SignatureVerifier(signing_secret, _InjectedClock(now))
        self._taken: dict[str, float] = {}

    def admits(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether Slack signed a request, and it comes for the first time."""
        signature = headers.get("X-Slack-Signature", "")
        try:
            if not self._verifier.is_valid(
                body, headers.get("X-Slack-Request-Timestamp", ""), signature
            ):
                return False
        # A time that is no number, or a body or signature that is no text.
        except (ValueError, TypeError, OverflowError):
            return False
        now = self._now().timestamp()
        self._taken = {taken: at for taken, at in self._taken.items() if now - at < REMEMBERED}
        if signature in self._taken:
            return False
        self._taken[signature] = now
        return True


class _InjectedClock(Clock):
    def __init__(self, now: Callable[[], datetime]):
        self._now = now

    def now(self) -> float:
        return self._now().timestamp()


def add_routes(app: web.Application, bolt: AsyncApp, gate: RequestGate) -> None:
    """Add the routes for commands, clicks and events."""

    async def signed(request: web.Request) -> web.StreamResponse:
        if not gate.admits(request.headers, await request.read()):
            return web.json_response(
                {"error": "not signed by Slack, too old, or not for the first time"}, status=401
            )
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    for path in PATHS:
        app.router.add_post(path, signed)


def add_oauth_routes(app: web.Application, flow: AsyncOAuthFlow) -> None:
    """Add the routes by which a workspace installs the app."""

    async def install(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(
            await flow.handle_installation(await to_bolt_request(request))
        )

    async def callback(request: web.Request) -> web.StreamResponse:
        try:
            answer = await flow.handle_callback(await to_bolt_request(request))
        except BROKEN:
            return web.Response(
                status=502, text="Slack cannot be reached; start again at /slack/install\n"
            )
        return await to_aiohttp_response(answer)

    app.router.add_get(flow.install_path, install)
    app.router.add_get(flow.redirect_uri_path, callback)
