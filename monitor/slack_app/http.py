"""Slack's requests over HTTP, on the service's own listener: nothing is read that Slack did not
sign, or read twice.

A request is Slack's if its signature is right (``v0``, HMAC-SHA256 over its time and body), for
five minutes. What was taken once is refused when it comes again, so that a copied request can do
nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_sdk.signature import Clock, SignatureVerifier

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow

PATHS = ("/slack/commands", "/slack/interactions", "/slack/events")
#: How long a signature is remembered, in seconds: longer than it is valid.
REMEMBERED = 660.0


class Gate:
    """Lets each signed request through once."""

    def __init__(self, signing_secret: str, now: Callable[[], datetime]):
        self._now = now
        self._verifier = SignatureVerifier(signing_secret, _At(now))
        self._seen: dict[str, float] = {}

    def admits(self, headers: Mapping[str, str], body: bytes) -> bool:
        signature = headers.get("X-Slack-Signature", "")
        try:
            if not self._verifier.is_valid(
                body, headers.get("X-Slack-Request-Timestamp", ""), signature
            ):
                return False
        except (
            ValueError,
            TypeError,
            OverflowError,
        ):  # a time that is no number, a body or signature that is no text
            return False
        now = self._now().timestamp()
        self._seen = {one: at for one, at in self._seen.items() if now - at < REMEMBERED}
        if signature in self._seen:
            return False
        self._seen[signature] = now
        return True


class _At(Clock):
    def __init__(self, now: Callable[[], datetime]):
        self._now = now

    def now(self) -> float:
        return self._now().timestamp()


def add_routes(app: web.Application, bolt: AsyncApp, gate: Gate) -> None:
    async def signed(request: web.Request) -> web.StreamResponse:
        if not gate.admits(request.headers, await request.read()):
            return web.json_response(
                {"error": "not signed by Slack, too old, or not for the first time"}, status=401
            )
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    for path in PATHS:
        app.router.add_post(path, signed)


def add_oauth_routes(app: web.Application, flow: AsyncOAuthFlow) -> None:
    async def install(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(
            await flow.handle_installation(await to_bolt_request(request))
        )

    async def callback(request: web.Request) -> web.StreamResponse:
        try:
            answer = await flow.handle_callback(await to_bolt_request(request))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return web.Response(
                status=502, text="Slack cannot be reached; start again at /slack/install\n"
            )
        return await to_aiohttp_response(answer)

    app.router.add_get(flow.install_path, install)
    app.router.add_get(flow.redirect_uri_path, callback)
