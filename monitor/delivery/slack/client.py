"""The clients of Slack's SDK, without its retries: the outbox owns every retry.

The SDK's default handlers post twice when a connection is reset after the post, and stumble over a
Retry-After that is a date."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from monitor.delivery.address_guard import Guard
from monitor.delivery.http_client import CONNECT
from monitor.delivery.slack.blocks import Message
from monitor.delivery.slack.errors import ILL_FORMED, SlackFailed
from monitor.errors import DeliveryFailed

#: Never verbose: at debug level the SDK logs the URL of an incoming webhook.
log = logging.getLogger("lastcall.slack")
log.setLevel(logging.WARNING)


def session(guard: Guard) -> aiohttp.ClientSession:
    """Return a session for the SDK: behind the guard of webhooks, and without redirects."""

    async def no_redirects(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await handler(request)
        if 300 <= response.status < 400:
            response.close()
            raise DeliveryFailed(
                f"HTTP {response.status} (redirects are not followed)", status=response.status
            )
        return response

    return aiohttp.ClientSession(
        connector=guard.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=guard.proxy or None,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT),
        middlewares=(no_redirects,),
    )


def web_client(
    http: aiohttp.ClientSession, token: str | None, base_url: str = ""
) -> AsyncWebClient:
    """Return a client of the API, without the SDK's own sessions and a proxy of the environment."""
    client = AsyncWebClient(
        token,
        base_url=base_url or AsyncWebClient.BASE_URL,
        session=http,
        retry_handlers=[],
        logger=log,
    )
    client.proxy = None
    return client


def hook_client(http: aiohttp.ClientSession, url: str) -> AsyncWebhookClient:
    """Return a client of an incoming webhook or a response_url."""
    client = AsyncWebhookClient(url, session=http, retry_handlers=[], logger=log)
    client.proxy = None  # the SDK takes one from the environment
    return client


async def post_with_fallback(message: Message, post: Callable[..., Awaitable[Any]]) -> Any:
    """Post a message with its blocks, or the text alone where Slack finds fault with the blocks.

    If Slack refuses the text too, the message is dead."""
    text, shown = message
    try:
        return await post(text=text, blocks=shown)
    except SlackFailed as error:
        if error.code not in ILL_FORMED:
            raise
        log.warning("Slack refused blocks (%s); the text is sent alone", error.code)
    try:
        return await post(text=text)
    except SlackFailed as error:
        if error.code in ILL_FORMED:
            error.effect = "bury"
        raise
